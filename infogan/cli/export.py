"""A trained run for other programs, as SavedModel or ONNX."""

import importlib.util
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from infogan.cli import Parser, argument, run_command
from infogan.run import TrainedRun
from infogan.system.checks import PATH, StrPath, choice, instance
from infogan.system.files import write_atomically, write_json
from infogan.system.messages import InputError, say
from infogan.system.tf1 import Tensor, tf, tf_path, without_deprecations
from infogan.training.run_folder import open_run

FORMATS = ("savedmodel", "onnx")
ONNX_OPSET = 17
NEEDED_FOR_ONNX = ("tf2onnx", "onnx", "onnxruntime")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = Parser("Exports a trained run with the signatures generate, encode and discriminate.")
    parser.add_argument("run", type=argument(PATH), metavar="RUN", help="folder of the run, such as ckt/mnist/NAME")
    parser.add_argument(
        "--format", dest="kind", choices=FORMATS, required=True, help="file format; onnx needs the extra onnx"
    )
    parser.add_argument(
        "--output",
        dest="path",
        type=argument(PATH),
        required=True,
        metavar="DIR",
        help="new or empty folder to write into",
    )
    return run_command(parser, _export, arguments)


class Signature(NamedTuple):
    """One computation of an export: tensors by name, batch first."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


def export_run(run: TrainedRun, kind: str, path: StrPath) -> None:
    """Writes a folder that needs nothing of infogan.

        generate      an input per latent, [N, dim], discrete codes one-hot  ->  images [N, H, W, C] in [0, 1]
        encode        images [N, H, W, C] in [0, 1]  ->  <code>_<key>, as digit_prob [N, 10], rotation_mean [N, 1]
        discriminate  images [N, H, W, C] in [0, 1]  ->  probability [N]

    All float32; `signatures.json` beside them has the names and shapes, `spec.json` the whole experiment.

    Args:
      run: the run.
      kind: one of FORMATS; a SavedModel has the three as signatures, ONNX as three files.
      path: a folder to make, or an empty one; it is whole or not there.

    Raises:
      InputError: if the folder holds something or cannot be made, or a package is missing.
    """
    instance(TrainedRun, "a trained run, as infogan.load gives it,").check("run", run)
    kind, folder = choice(FORMATS).check("kind", kind), PATH.check("path", path)
    check_output(kind, folder)
    folder = Path(os.path.realpath(folder))  # a link stays, and what it names is made
    write = {"savedmodel": _write_saved_model, "onnx": _write_onnx}[kind]
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        whole = Path(temporary) / folder.name
        with tf.Graph().as_default() as graph:
            signatures = _build_signatures(run)
            write(graph, signatures, whole)
        write_json(whole / "signatures.json", {name: _describe(signature) for name, signature in signatures.items()})
        write_atomically(whole / "spec.json", run.spec.to_json())
        os.replace(whole, folder)


def check_output(kind: str, path: Path) -> None:
    """Refuses, before anything costs time, a folder that cannot be made and packages that are missing."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError("path", f"{path} was given, but it is not an empty folder. Choose another.")
    if not path.parent.is_dir():
        raise InputError("path", f"{path} was given, but {path.parent} is not a folder. Create it first.")
    missing = [name for name in NEEDED_FOR_ONNX if kind == "onnx" and importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            "kind", f"onnx was given, but it needs {', '.join(missing)}. Run pip install {' '.join(missing)}."
        )


def _export(options):
    folder = open_run(options.run)
    check_output(options.kind, options.path)
    with TrainedRun(folder) as run, without_deprecations():  # of what a graph is frozen and saved with
        export_run(run, options.kind, options.path)
    say(f"{options.path}: generate, encode, discriminate after {run.age} as {options.kind}")


def _build_signatures(run):
    """The frozen run in the current graph, with an input for each latent: dict of name -> Signature."""
    definition, names = run.freeze()
    spec = run.spec
    images = tf.placeholder(tf.float32, [None, *run.image_shape], "images_in")
    latents = {
        latent.name: tf.placeholder(tf.float32, [None, latent.distribution.dim], f"{latent.name}_in")
        for latent in spec.latent_spec
    }
    fed = {names["latents"]: tf.concat(list(latents.values()), axis=1), names["images"]: 255.0 * images}
    posteriors = {
        f"{code.name}_{key}": names["posteriors"][code.name][key]
        for code in spec.codes
        for key in code.distribution.dist_info_keys
    }
    wanted = {"generate": {"images": names["generated"]}, "encode": posteriors}
    wanted["discriminate"] = {"probability": names["probability"]}
    outputs = tf.import_graph_def(definition, fed, tf.nest.flatten(wanted), name="run")
    outputs = tf.nest.pack_sequence_as(wanted, outputs)
    return {
        name: Signature(
            latents if name == "generate" else {"images": images},
            {key: tf.identity(tensor, f"{name}_{key}_out") for key, tensor in of_signature.items()},
        )
        for name, of_signature in outputs.items()
    }


def _write_saved_model(graph, signatures, path):
    path.mkdir()
    builder = tf.saved_model.Builder(tf_path(path))
    with tf.Session(graph=graph) as session:
        definitions = {
            name: tf.saved_model.predict_signature_def(signature.inputs, signature.outputs)
            for name, signature in signatures.items()
        }
        builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], definitions)
    builder.save()


def _write_onnx(graph, signatures, path):
    """A file for each signature."""
    import tf2onnx

    path.mkdir()
    definition = graph.as_graph_def()
    for name, signature in signatures.items():
        renamed = {tensor.name: key for part in signature for key, tensor in part.items()}
        model, _ = tf2onnx.convert.from_graph_def(
            definition,
            name,
            input_names=[tensor.name for tensor in signature.inputs.values()],
            output_names=[tensor.name for tensor in signature.outputs.values()],
            opset=ONNX_OPSET,
            tensors_to_rename=renamed,
        )
        write_atomically(path / f"{name}.onnx", model.SerializeToString())


def _describe(signature):
    """Names and shapes; N is any number of images."""
    return {
        part: {name: ["N", *tensor.shape.as_list()[1:]] for name, tensor in getattr(signature, part).items()}
        for part in Signature._fields
    }
