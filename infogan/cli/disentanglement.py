"""Scores of disentanglement, of a representation in two files or of a trained run.

--codes FILE is an .npy file with an array [N, codes]. --factors FILE is an .npz file with an array [N] for each factor,
by name: whole numbers or values, of which each occurs several times. --run RUN needs a run of a data set with true
factors.
"""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from infogan.cli import Parser, add_data_dir, argument, check_folder, find_data_dir, run_command
from infogan.cli.evaluate import load_spec
from infogan.data import load_dataset
from infogan.data.arrays import open_arrays
from infogan.data.factors import Factor
from infogan.system.checks import PATH
from infogan.system.files import json_number, write_atomically
from infogan.system.messages import InputError, say
from infogan.system.tf1 import ERRORS, find_gpus
from infogan.training.run_folder import open_run

NAMES = ("infogan_cr", "dlib", "infomec")
RESULTS = "disentanglement.json"
"""The file in the output folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = Parser(__doc__)
    parser.add_argument(
        "--codes", type=argument(PATH), metavar="FILE", help="the codes that an encoder gives N images, .npy"
    )
    parser.add_argument(
        "--factors", type=argument(PATH), metavar="FILE", help="the true factors of the same images, .npz"
    )
    parser.add_argument(
        "--nominal",
        action="append",
        default=[],
        metavar="NAME",
        help="a factor whose values have no order; repeat it for several",
    )
    parser.add_argument("--run", type=argument(PATH), metavar="RUN", help="a run's folder, instead of the two files")
    add_data_dir(parser, "with --run: folder with the images, if the run was trained with one")
    parser.add_argument("--protocol", choices=NAMES, help="settings of the scores (default: all, one after another)")
    parser.add_argument("--fast", action="store_true", help="use fewer images and votes: takes seconds, less exact")
    parser.add_argument(
        "--output",
        type=argument(PATH),
        metavar="FOLDER",
        help=f"where {RESULTS} and a heat map go (default: the run's log folder; none for files)",
    )
    return run_command(parser, _score, arguments)


def _score(options):
    _check_flags(options)
    if options.run:
        _score_run(options)
        return
    codes = _load_codes(options.codes)
    factors = _load_factors(options.factors, options.nominal)
    from infogan.evaluation.disentanglement.sample import Sample  # scikit-learn costs seconds

    sample = Sample(codes, factors)
    names = [f"code {number}" for number in range(sample.codes.count)]
    _tell(sample, _choose_protocols(options), names, str(options.codes), "", options.output)


def _check_flags(options):
    files = {"--codes": options.codes, "--factors": options.factors}
    if options.run and any(files.values()):
        raise InputError("--run", "it was given with files, but either a run or files are scored. Leave one out.")
    if options.run and options.nominal:
        raise InputError(
            "--nominal",
            "it was given with --run, but the data set says the kinds of its factors. Leave it out.",
        )
    if not options.run:
        for flag, path in files.items():
            if path is None:
                raise InputError(flag, "nothing was given, but --codes and --factors are needed, or --run.")
            if not path.is_file():
                raise InputError(flag, f"{path} was given, but there is no such file.")
    if options.output:
        check_folder("--output", options.output)


def _load_codes(path: Path) -> np.ndarray:
    if path.suffix.lower() != ".npy":
        raise InputError("--codes", f"{path} was given, but an .npy file is needed.")
    with open_arrays(path) as arrays:
        (array,) = arrays.values()
        if not array.is_numeric or len(array.shape) != 2:
            shape = [*array.shape]
            raise InputError(path, f"it holds {array.dtype} of shape {shape}, but numbers [N, codes] are needed.")
        return array.read().astype(np.float64)


def _load_factors(path: Path, nominal: Sequence[str]) -> dict[str, Factor]:
    if path.suffix.lower() != ".npz":
        raise InputError("--factors", f"{path} was given, but an .npz file is needed, with an array for each factor.")
    with open_arrays(path) as arrays:
        for name, array in arrays.items():
            if not array.is_numeric or len(array.shape) != 1:
                shape = [*array.shape]
                raise InputError(path, f"its {name} is {array.dtype} of shape {shape}, but numbers [N] are needed.")
        values = {name: array.read() for name, array in arrays.items()}
    if unknown := [name for name in nominal if name not in values]:
        raise InputError("--nominal", f"{unknown[0]!r} was given, but the factors are {', '.join(values)}.")
    return {name: Factor(_as_numbers(v), "nominal" if name in nominal else "ordered") for name, v in values.items()}


def _as_numbers(values: np.ndarray) -> np.ndarray:
    return values.astype(np.uint8) if values.dtype.kind == "b" else values


def _choose_protocols(options):
    from infogan.evaluation.disentanglement.protocols import PROTOCOLS, make_fast

    chosen = [PROTOCOLS[name] for name in NAMES if options.protocol in (None, name)]
    return [make_fast(protocol) for protocol in chosen] if options.fast else chosen


def _score_run(options):
    folder = open_run(options.run)
    spec = load_spec(folder)
    dataset = load_dataset(spec, find_data_dir(options))
    folder.check_dataset(dataset)
    from infogan.evaluation.disentanglement.sample import draw_sample
    from infogan.evaluation.disentanglement.trained import encoder_of
    from infogan.run import TrainedRun

    protocols = _choose_protocols(options)
    find_gpus(ERRORS)
    with TrainedRun(folder) as run:
        sample = draw_sample(encoder_of(run), dataset, max(protocol.images for protocol in protocols))
    names = [code.name for code in spec.codes]
    _tell(sample, protocols, names, f"{folder.name}, {dataset.source}", spec.dataset, options.output or folder.log)


def _tell(sample, protocols, codes, title, dataset, output):
    """Computes, prints and writes."""
    from infogan.evaluation.disentanglement.ceiling import find_ceilings
    from infogan.evaluation.disentanglement.protocols import score

    document = {"of": title, "codes": codes, "factors": list(sample.factors), "images": len(sample), "protocols": {}}
    say(f"{title}: {len(sample):,} images, {len(codes)} codes; factors {', '.join(sample.factors)}")
    for protocol in protocols:
        scores, ceilings = score(sample, protocol), find_ceilings(sample, protocol)
        say(f"\n{protocol.name}\n\n{_format(scores, ceilings, dataset, protocol.name)}")
        found = {name: {"value": json_number(scores[name]), "ceiling": json_number(ceilings[name])} for name in scores}
        document["protocols"][protocol.name] = {"settings": dataclasses.asdict(protocol), "scores": found}
    if output:
        _write(output, document, sample, codes)


def _format(scores, ceilings, dataset, protocol):
    from infogan.evaluation.disentanglement.published import find_published
    from infogan.evaluation.report import align

    others = find_published(dataset, protocol)
    header = ("score", "value", "ceiling", *(row.system for row in others))
    rows = [
        (name, *(_number(row.get(name)) for row in (scores, ceilings, *(other.scores for other in others))))
        for name in scores
    ]
    return align([header, *rows])


def _number(value):
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def _write(output, document, sample, codes):
    from infogan.evaluation.disentanglement.trained import HEAT_MAP, share_of_information
    from infogan.evaluation.figures import draw_heat_map

    output.mkdir(parents=True, exist_ok=True)
    shares = share_of_information(sample)
    document["information"] = shares.tolist()
    write_atomically(output / HEAT_MAP, draw_heat_map(shares, codes, list(sample.factors)))
    write_atomically(output / RESULTS, json.dumps(document, indent=1, allow_nan=False) + "\n")
    say(f"\n{output / RESULTS} and {HEAT_MAP} beside it")
