"""launchers/export.py: what other programs load computes what the run computes."""

import json

import numpy as np
import pytest
from conftest import read_refusal

import infogan
from infogan.cli.export import NEEDED_FOR_ONNX, export_run, main


@pytest.fixture(scope="module")
def run(smoke_run):
    with infogan.load(smoke_run[1]) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def expected(run):
    """Inputs of each signature and what the run makes of them, with names as in the export."""
    latents = run.sample_latents(7, 1)
    images = run.generate_from(latents)
    posterior = run.encode(images)
    split = {"noise": latents[:, :62], "digit": latents[:, 62:72], "rotation": latents[:, 72:73]}
    return {
        "generate": ({**split, "width": latents[:, 73:]}, {"images": images}),
        "encode": (
            {"images": images},
            {f"{name}_{key}": value for name, info in posterior.items() for key, value in info.items()},
        ),
        "discriminate": ({"images": images}, {"probability": run.discriminate(images)}),
    }


def assert_equal_up_to(outputs, wanted, largest):
    assert outputs.keys() == wanted.keys()
    for name, array in wanted.items():
        assert outputs[name].shape == array.shape
        assert np.abs(outputs[name] - array).max() <= largest, name


@pytest.fixture(scope="module")
def saved_model(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model"
    export_run(run, "savedmodel", path)
    return path


def test_saved_model_computes_the_same(saved_model, expected):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(saved_model))
    assert set(loaded.signatures) == {"generate", "encode", "discriminate"}
    for name, (inputs, wanted) in expected.items():
        outputs = loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        assert_equal_up_to({key: value.numpy() for key, value in outputs.items()}, wanted, 1e-5)


def test_saved_model_takes_a_single_image(saved_model, expected):
    import tensorflow as tf

    images = expected["encode"][0]["images"]
    outputs = tf.saved_model.load(str(saved_model)).signatures["encode"](images=tf.constant(images[:1]))
    np.testing.assert_allclose(outputs["digit_prob"], expected["encode"][1]["digit_prob"][:1], atol=1e-5)


def test_an_export_says_what_it_takes_and_gives(saved_model, run):
    signatures = json.loads((saved_model / "signatures.json").read_text())
    assert signatures["generate"] == {
        "inputs": {"noise": ["N", 62], "digit": ["N", 10], "rotation": ["N", 1], "width": ["N", 1]},
        "outputs": {"images": ["N", 28, 28, 1]},
    }
    assert signatures["encode"]["outputs"]["rotation_mean"] == ["N", 1]
    assert signatures["discriminate"]["outputs"] == {"probability": ["N"]}
    assert infogan.ExperimentSpec.from_json((saved_model / "spec.json").read_text()) == run.spec


def test_onnx_computes_the_same(smoke_run, expected, tmp_path, capsys):
    for name in NEEDED_FOR_ONNX:
        pytest.importorskip(name, reason="the extra `onnx` is not installed")
    import onnxruntime

    assert main([str(smoke_run[0]), "--format", "onnx", "--output", str(tmp_path / "model")]) == 0
    assert "generate, encode, discriminate after 6 updates as onnx" in capsys.readouterr().out
    for name, (inputs, wanted) in expected.items():
        session = onnxruntime.InferenceSession(tmp_path / "model" / f"{name}.onnx", providers=["CPUExecutionProvider"])
        assert {value.name for value in session.get_inputs()} == set(inputs)
        outputs = dict(zip([value.name for value in session.get_outputs()], session.run(None, inputs)))
        assert_equal_up_to(outputs, wanted, 1e-4)


def test_onnx_without_its_packages_gets_one_line(smoke_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main([str(smoke_run[1]), "--format", "onnx", "--output", str(tmp_path / "model")]) == 2
    assert "--format: onnx was given, but it needs tf2onnx, onnx, onnxruntime. Run pip" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_folder_stays_and_what_it_names_is_written(run, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    export_run(run, "savedmodel", tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target" / "saved_model.pb").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"link", "target"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "h5", "--output", "x"], "argument --format: invalid choice: 'h5'"),
        (["--format", "savedmodel"], "the following arguments are required: --output"),
        (["--format", "savedmodel", "--output", "full"], "--output: full was given, but it is not an empty folder"),
        (["--format", "savedmodel", "--output", "full/kept"], "--output: full/kept was given, but it is not an empty"),
        (
            ["--format", "savedmodel", "--output", "no/x"],
            "--output: no/x was given, but no is not a folder",
        ),
    ],
)
def test_wrong_input_gets_one_line_and_status_2(smoke_run, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("kept")
    assert message in read_refusal(capsys, main, [str(smoke_run[1]), *arguments])
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "kept"]
