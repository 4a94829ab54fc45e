"""`infogan`: what it lists, what it refuses, how a line is completed, and the wheel that brings it."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import types
import zipfile

import pytest
from conftest import ROOT

from infogan import __main__ as command
from infogan import __version__
from infogan.cli import study
from infogan.recipes import MODULES


def run(monkeypatch, *words, program="/usr/bin/infogan"):
    """Calls the command in this process; returns its exit status."""
    monkeypatch.setattr(sys, "argv", [program, *words])
    try:
        return command.main()
    except SystemExit as end:
        return end.code


def start(folder, *words, **environment):
    """A process in that folder, which knows nothing of this clone but what is given."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=folder, env={**inherited, **environment}, capture_output=True, text=True
    )


def test_help_lists_every_command_in_a_line(monkeypatch, capsys):
    assert run(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    assert run(monkeypatch) == 0
    assert capsys.readouterr().out == said
    assert {name.replace("_", "-") for name in MODULES} < set(command.COMMANDS)
    for name, about in command.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(about)}$", said, re.MULTILINE)
    assert max(map(len, said.splitlines())) <= 80


def test_every_launcher_is_a_command_and_no_other():
    names = {path.stem.removeprefix("run_").removesuffix("_exp") for path in (ROOT / "launchers").glob("*.py")}
    assert {name.replace("_", "-") for name in names} == set(command.COMMANDS)
    for name in set(command.COMMANDS) - {module.replace("_", "-") for module in MODULES}:
        assert importlib.util.find_spec(f"infogan.cli.{name}")


def test_version(monkeypatch, capsys):
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"infogan {__version__}\n"


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("mnits", "mnist"), ("genrate", "generate"), ("fashion", "fashion-mnist"), ("Study", "study"), ("zzz", "mnist")],
)
def test_an_unknown_command_names_the_nearest_first(monkeypatch, capsys, word, nearest):
    assert run(monkeypatch, word, "--smoke") == 2
    err = capsys.readouterr().err
    assert err.startswith(f"infogan: '{word}' was given, but the known ones are {nearest}, ")
    assert err.count("\n") == 1
    assert all(name in err for name in command.COMMANDS)


@pytest.mark.parametrize("words", [("--seed", "3", "mnist"), ("--sideways",), ("-x",)])
def test_a_flag_before_the_command_is_refused(monkeypatch, capsys, words):
    assert run(monkeypatch, *words) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("/opt/bin/infogan", "infogan"),
        ("/opt/lib/infogan", "infogan"),
        ("/opt/lib/infogan/__main__.py", "python -m infogan"),
    ],
)
@pytest.mark.parametrize("word", ["fashion_mnist", "fashion-mnist", "study", "export"])
def test_a_command_is_called_as_it_was_started(monkeypatch, capsys, program, name, word):
    called = f"{name} {word.replace('_', '-')}"
    assert run(monkeypatch, word, "--help", program=program) == 0
    assert capsys.readouterr().out.startswith(f"usage: {called} [-h]")
    assert run(monkeypatch, word, "--batch-size", "--seed", program=program) == 2
    assert capsys.readouterr().err.startswith(f"{called}: ")


def test_an_unknown_experiment_of_a_study_names_the_nearest_first(monkeypatch, capsys):
    assert run(monkeypatch, "study", "smalnorb", "--seeds", "0") == 2
    assert "argument EXPERIMENT: 'smalnorb' was given, but the known ones are smallnorb, " in capsys.readouterr().err


def test_a_study_takes_the_name_of_the_command_too(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(study, "run_study", lambda given, _: asked.append(given) or {"runs": [], "summary": []})
    assert run(monkeypatch, "study", "fashion-mnist", "--seeds", "0", "--smoke") == 0
    assert (asked[0].name, asked[0].command[-1], asked[0].log_root.name) == ("fashion_mnist",) * 3
    assert asked[0].arguments == ("--smoke",)


def test_a_study_runs_a_launcher_of_ones_own(monkeypatch, capsys, tmp_path):
    asked, launcher = [], tmp_path / "run_mine_exp.py"
    launcher.touch()
    monkeypatch.setattr(study, "run_study", lambda given, _: asked.append(given) or {"runs": [], "summary": []})
    assert run(monkeypatch, "study", str(launcher), "--seeds", "0", "--recipe", "fast") == 0
    assert (asked[0].name, asked[0].command[-1], asked[0].log_root.name) == ("mine_fast", str(launcher), "mine")
    assert run(monkeypatch, "study", "nowhere.py", "--seeds", "0") == 2
    assert "'nowhere.py' was given, but there is no such file." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "prog", "start"),
    [
        ("infogan ", "infogan", "1"),
        ("infogan gen", "infogan", "1"),
        ("infogan mnist", "infogan", "1"),
        ("infogan chairs --re", "infogan chairs", "2"),
        ("infogan study celeba ", "infogan study", "2"),
        ("infogan nothing --re", "infogan", "1"),
    ],
)
def test_a_completion_is_that_of_the_command(monkeypatch, line, prog, start):
    """Of a stand-in for argcomplete, which ends the process as it does."""

    def autocomplete(parser):
        raise SystemExit(f"{parser.prog} {os.environ['_ARGCOMPLETE']}")

    monkeypatch.setitem(sys.modules, "argcomplete", types.SimpleNamespace(autocomplete=autocomplete))
    for name, value in {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}.items():
        monkeypatch.setenv(name, value)
    assert run(monkeypatch) == f"{prog} {start}"


@pytest.mark.parametrize("line", ["infogan m", "infogan mnist --s"])
def test_a_completion_without_argcomplete_runs_nothing(monkeypatch, capsys, line):
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    for name, value in {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}.items():
        monkeypatch.setenv(name, value)
    assert run(monkeypatch) == 1
    assert capsys.readouterr() == ("", "")


def test_a_shell_completes_a_flags_value(tmp_path):
    pytest.importorskip("argcomplete")
    line, answer = "infogan mnist --recipe r", tmp_path / "answer"
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": " "}
    start(tmp_path, ROOT / "infogan", **asked, _ARGCOMPLETE_STDOUT_FILENAME=str(answer))
    assert answer.read_text().split() == ["robust", "reference"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built as `make wheel` does, from a copy: setuptools leaves files beside what it builds."""
    clone = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "infogan", clone / "infogan", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=clone, check=True, capture_output=True)
    (path,) = (clone / "dist").glob("*.whl")
    return path


def test_the_wheel_holds_the_package_its_data_and_the_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        (points,) = (archive.read(name).decode() for name in held if name.endswith("entry_points.txt"))
    folder = ROOT / "infogan"
    files = {f"infogan/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file()}
    assert {name for name in held if ".dist-info/" not in name} == {name for name in files if "__pycache__" not in name}
    assert "infogan = infogan.__main__:main" in points.splitlines()
    assert wheel.name == f"infogan-{__version__}-py3-none-any.whl"


def test_the_command_of_the_wheel_runs_in_an_empty_folder(wheel, tmp_path):
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    process = start(empty, "-m", "infogan", "--help", PYTHONPATH=str(installed), PYTHONPROFILEIMPORTTIME="1")
    assert (process.returncode, process.stdout[:22]) == (0, "usage: python -m infog")
    assert not re.search(r"\| +(tensorflow|matplotlib|scipy|sklearn|skimage|gradio)$", process.stderr, re.MULTILINE)
    process = start(empty, installed / "infogan", "mnist", "--data-dir", "nowhere")  # as a study starts it
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("infogan mnist: --data-dir: nowhere cannot be opened")
    assert list(empty.iterdir()) == []
