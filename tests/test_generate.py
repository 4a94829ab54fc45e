"""launchers/generate.py: what it draws, writes and refuses."""

import os
import subprocess
import sys

import imageio.v3 as imageio
import numpy as np
import pytest
from conftest import ROOT, read_refusal

import infogan
from infogan.cli.generate import draw_grid, main, parse_codes
from infogan.codes import film_order
from infogan.distributions import Categorical, Circular, Uniform
from infogan.latents import Latent

WITHOUT_TENSORFLOW = """
import sys
from infogan.cli.generate import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:  # argparse
    status = end.code
assert not {"tensorflow", "tf_keras", "matplotlib"} & set(sys.modules)
sys.exit(status)
"""


def generate(smoke_run, tmp_path, *arguments):
    """Runs the command line on the smoke run; --output is below tmp_path."""
    arguments = [tmp_path / a if str(a).startswith("out.") else a for a in arguments]
    return main([str(argument) for argument in (smoke_run[1], *arguments)])


@pytest.fixture(scope="module")
def run(smoke_run):
    with infogan.load(smoke_run[1]) as loaded:
        yield loaded


def test_samples_differ_everywhere(run):
    latents, images = draw_grid(run, {"digit": np.array(3)}, {}, 2, 3, seed=1)
    assert latents.shape == (2, 3, 74)
    assert images.shape == (2, 3, 28, 28, 1)
    assert len(np.unique(latents[..., 0])) == 6
    assert (latents[..., 62:72].argmax(axis=-1) == 3).all()


def test_one_sweep_runs_along_the_rows(run):
    latents, images = draw_grid(run, {}, {"width": np.array([-1.0, 0.0, 2.0])}, 4, 3, seed=1)
    np.testing.assert_array_equal(latents[..., -1], np.tile([-1, 0, 2], (4, 1)))
    np.testing.assert_array_equal(latents[..., :-1], latents[:, :1, :-1].repeat(3, axis=1))
    assert len(np.unique(latents[:, 0, 0])) == 4
    np.testing.assert_array_equal(images, run.generate_from(latents))


def test_two_sweeps_make_a_grid_of_one_draw(run):
    latents, _ = draw_grid(run, {}, {"digit": np.arange(10), "rotation": np.linspace(-2, 2, 4)}, 10, 4, seed=1)
    np.testing.assert_array_equal(latents[..., 62:72].argmax(axis=-1), np.arange(10)[:, None].repeat(4, axis=1))
    np.testing.assert_allclose(latents[..., 72], np.tile(np.linspace(-2, 2, 4), (10, 1)), rtol=1e-6)
    others = latents[..., [*range(62), 73]].reshape(40, -1)
    np.testing.assert_array_equal(others, np.tile(others[0], (40, 1)))


def test_values_are_read(spec):
    fixed, swept = parse_codes(spec, ["digit=3", "rotation=-2:2:11"])
    assert fixed == {"digit": 3}
    np.testing.assert_array_equal(swept["rotation"], np.linspace(-2, 2, 11))
    _, swept = parse_codes(spec, ["digit=1,4", "width"])
    assert list(swept) == ["digit", "width"]
    np.testing.assert_array_equal(swept["digit"], [1, 4])
    np.testing.assert_allclose(swept["width"], np.linspace(-2, 2, 10), rtol=1e-6)


@pytest.mark.parametrize(
    "distribution, values, shown",
    [
        (Categorical(3), [0, 1, 2], [0, 1, 2]),
        (Uniform(1), [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0, 0.0]),
        (Uniform(2), [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]),
        (Circular(), [-1.0, -0.5, 0.0, 0.5, 1.0], [-1.0, -0.5, 0.0, 0.5]),
        (Circular(), [-0.5, 0.0, 0.5], [-0.5, 0.0, 0.5, 0.0]),
        (Circular(), [1.0, 0.0, -1.0], [1.0, 0.0]),
        (Circular(), [-2.0, -1.0, 0.0, 1.0, 2.0], [-2.0, -1.0, 0.0, 1.0]),
    ],
    ids=["category", "number", "vector", "whole turn", "half a turn", "turn backwards", "two turns"],
)
def test_a_film_goes_on_without_a_jump(distribution, values, shown):
    values = np.array(values)
    np.testing.assert_array_equal(values[film_order(Latent("code", distribution), values)], shown)


def test_formats(smoke_run, tmp_path, capsys, unchanged_process):
    assert generate(smoke_run, tmp_path, "--rows", 3, "--columns", 7, "--output", "out.png") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out.png'}: 3 x 7 images\n"
    assert imageio.imread(tmp_path / "out.png").shape[:2] == (3 * 56, 7 * 56)

    assert generate(smoke_run, tmp_path, "--code", "width=-2:2:4", "--rows", 1, "--output", "out.gif") == 0
    film = imageio.imread(tmp_path / "out.gif")
    assert film.shape[:3] == (6, 56, 560)  # there and back

    assert generate(smoke_run, tmp_path, "--code", "digit=0,5", "--code", "width", "--output", "out.npz") == 0
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays["images"].shape == (2, 10, 28, 28, 1)
        assert arrays["latents"].shape == (2, 10, 74)
        np.testing.assert_array_equal(arrays["values_digit"], [0, 5])
    with infogan.load(smoke_run[1]) as run:
        expected = run.generate(codes={"digit": 5, "width": np.linspace(-2, 2, 10)})
    with np.load(tmp_path / "out.npz") as arrays:
        np.testing.assert_allclose(arrays["images"][1], expected, atol=1e-6)


def test_a_link_is_followed_and_a_device_is_left_alone(smoke_run, tmp_path, capsys):
    (tmp_path / "link.png").symlink_to(tmp_path / "target.png")
    assert generate(smoke_run, tmp_path, "--output", tmp_path / "link.png") == 0
    assert (tmp_path / "link.png").is_symlink() and (tmp_path / "target.png").stat().st_size > 0
    os.mkfifo(tmp_path / "pipe.png")
    assert generate(smoke_run, tmp_path, "--output", tmp_path / "pipe.png") == 2
    assert "pipe.png was given, but it is not a regular file" in capsys.readouterr().err
    assert (tmp_path / "pipe.png").is_fifo()


def test_mp4(smoke_run, tmp_path):
    pytest.importorskip("imageio_ffmpeg", reason="the extra `video` is not installed")
    assert generate(smoke_run, tmp_path, "--code", "digit", "--rows", 1, "--columns", 3, "--output", "out.mp4") == 0
    film = imageio.imread(tmp_path / "out.mp4", plugin="FFMPEG")
    assert film.shape == (10, 56, 168, 3)


def test_mp4_without_its_package_gets_one_line(smoke_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert generate(smoke_run, tmp_path, "--code", "digit", "--output", "out.mp4") == 2
    assert "--format: mp4 was given, but it needs imageio-ffmpeg. Run pip install" in capsys.readouterr().err


def test_values_outside_the_range_get_a_note(smoke_run, tmp_path, capsys):
    assert generate(smoke_run, tmp_path, "--code", "width=-5", "--rows", 1, "--output", "out.png") == 0
    assert "note: width goes to -5, but the run was evaluated from -2 to 2 only" in capsys.readouterr().err


def test_a_category_is_told_with_its_class(smoke_run, tmp_path, capsys):
    with infogan.load(smoke_run[1]) as run:
        label = run.codes["digit"].labels[3]
    assert generate(smoke_run, tmp_path, "--code", "digit=3", "--rows", 1, "--output", "out.png") == 0
    assert capsys.readouterr().err.endswith(f"note: digit=3 is the category that was matched to {label}.\n")


WRONG = {
    "unknown code": (
        ["--code", "colour=1"],
        "'colour' was given, but the codes of this run are digit, rot",
    ),
    "no such category": (["--code", "digit=10"], "digit: 10 was given, but it has the values 0 to 9"),
    "between categories": (["--code", "digit=0:9:5"], "digit: 2.25 was given, but it has the values 0 to 9"),
    "no number": (["--code", "digit=x"], "--code: digit=x was given, but NAME=VALUE, NAME=V,V,V or"),
    "no steps": (["--code", "width=1:2"], "--code: width=1:2 was given, but NAME=VALUE"),
    "one step": (["--code", "width=1:2:1"], "but a sweep has from 2 to 10,000 steps"),
    "not finite": (["--code", "width=inf"], "width: inf was given, but finite numbers are needed"),
    "an end not finite": (["--code", "width=-inf:1:3"], "width: -inf was given, but finite numbers are needed"),
    "an end too large": (["--code", "width=-1e308:1e308:3"], "width: -1e+308 was given, but finite numbers are needed"),
    "twice": (["--code", "width=1", "--code", "width=2"], "--code: width was given twice"),
    "three sweeps": (["--code", "digit", "--code", "width", "--code", "rotation"], "but a picture shows two sweeps"),
    "no rows": (["--rows", "0"], "--rows: '0' was given, but a whole number of at least 1"),
    "rows of a sweep": (["--rows", "3", "--code", "digit", "--code", "width"], "but digit decides their number"),
    "columns of a sweep": (["--columns", "3", "--code", "digit"], "--columns: 3 was given, but digit decides"),
    "too many": (["--rows", "100000", "--columns", "100000"], "but 200,000,000 numbers are the limit. Ask for fewer"),
    "film of nothing": (["--format", "gif"], "--format: gif was given, but a film needs a code that is swept"),
    "unknown format": (["--format", "bmp"], "argument --format: invalid choice: 'bmp'"),
    "unknown ending": (
        ["--output", "x.bmp"],
        "--output: x.bmp was given, but its ending is none of png, gif, npz, mp4",
    ),
    "no folder": (["--output", "nowhere/x.png"], "but nowhere is not a folder"),
    "a folder": (
        ["--output", ".", "--format", "png"],
        "--output: . was given, but it is not a regular file",
    ),
    "format beside an ending": (
        ["--output", "x.png", "--format", "gif", "--code", "digit"],
        "--format: gif was given, but x.png ends in .png. Leave one of them out.",
    ),
    "negative seed": (["--seed", "-1"], "--seed: '-1' was given, but a whole number of at least 0 and"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_gets_one_line_and_status_2(smoke_run, tmp_path, monkeypatch, capsys, case):
    monkeypatch.chdir(tmp_path)
    arguments, message = WRONG[case]
    assert message in read_refusal(capsys, generate, smoke_run, tmp_path, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["--help"], 0, "--code rotation=-2:2:11"),
        (["RUN", "--list"], 0, "digit: uniform over 10 categories; whole numbers 0 to 9"),
        (["RUN", "--code", "colour"], 2, "codes: 'colour' was given"),
        (["nowhere"], 2, "nowhere: there is no such folder, but a run's is needed"),
        ([], 2, "the following arguments are required: RUN. See --help."),
    ],
)
def test_what_needs_no_model_imports_no_tensorflow(smoke_run, arguments, status, text):
    arguments = [str(smoke_run[0]) if argument == "RUN" else argument for argument in arguments]
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == status, result.stderr
    assert text in result.stdout + result.stderr


def test_the_launcher_starts_from_any_folder(smoke_run, tmp_path):
    command = [sys.executable, ROOT / "launchers" / "generate.py", smoke_run[0], "--list"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "matched to classes: 0 is " in result.stdout
