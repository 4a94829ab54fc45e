"""What the image is made of and how it starts; docker/check.sh builds and runs it."""

import os
import re
import subprocess

import pytest
from conftest import ROOT

REQUIREMENTS = (ROOT / "docker" / "requirements.txt").read_text()


@pytest.mark.parametrize(
    ("command", "started"),
    [
        ([], "python launchers/run_mnist_exp.py"),
        (["--smoke", "--run-name", "a b"], "python launchers/run_mnist_exp.py|--smoke|--run-name|a b"),
        (["launchers/generate.py", "RUN"], "python launchers/generate.py|RUN"),
        (["python", "launchers/generate.py"], "python launchers/generate.py"),
    ],
)
def test_what_a_container_starts(tmp_path, command, started):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nIFS='|'\necho \"python $*\"\necho $$\n")
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        [str(ROOT / "docker" / "start.sh"), *command], env=environment, stdout=subprocess.PIPE, text=True
    )
    line, pid = process.communicate()[0].splitlines()
    assert line == started
    assert int(pid) == process.pid  # no shell stands between `docker stop` and the training


def test_requirements_are_pinned_and_locked():
    assert not re.search(r"https?://|--index|--find-links", REQUIREMENTS)
    entries = re.split(r"\n(?=\S)", REQUIREMENTS.strip())
    assert len(entries) > 50
    assert not [entry.split()[0] for entry in entries if "==" not in entry.split()[0] or "--hash=sha256:" not in entry]


def test_requirements_are_those_of_the_tests_and_the_extras():
    def pins(text):
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))

    image, tests = pins(REQUIREMENTS), pins((ROOT / "requirements.txt").read_text())
    assert {"gradio", "onnx", "onnxruntime", "tf2onnx", "imageio-ffmpeg"} <= set(image)
    assert not {"mypy", "pytest", "ruff"} & set(image)
    assert {name: image[name] for name in ("tensorflow", "tf-keras", "numpy", "scipy")} == {
        name: tests[name] for name in ("tensorflow", "tf-keras", "numpy", "scipy")
    }


def test_the_image_gets_only_what_it_runs():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    wanted = {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in wanted)
    assert not wanted & {".git", "logs", "ckt", "tests", "docs"}
