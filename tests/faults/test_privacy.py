"""A run reaches for no network, and tells nobody what is no business of a log."""

import json
import socket
import subprocess
import sys

import pytest
from conftest import ROOT, SECRET, blocked_network, launch

import infogan


def test_the_block_of_the_network_works():
    with blocked_network():
        for address in (("127.0.0.1", 9), ("localhost", 9)):
            with pytest.raises(PermissionError, match="while the network is blocked"):
                socket.create_connection(address, timeout=1)
        with pytest.raises(PermissionError), socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))


def test_training_evaluation_and_use_need_no_network(smoke_run):
    """The shared smoke run was trained and evaluated while the network was blocked."""
    assert json.loads((smoke_run[0] / "status.json").read_text())["state"] == "finished"
    with blocked_network(), infogan.load(smoke_run[1]) as run:
        assert run.generate(count=2).shape == (2, 28, 28, 1)


@pytest.mark.slow
def test_a_run_in_a_namespace_without_any_network(tmp_path):
    """Also what is no Python: TensorFlow's own libraries find no interface, not even the loopback."""
    unshare = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("namespaces are not permitted here")
    folders = ["--log-dir", str(tmp_path / "logs"), "--checkpoint-dir", str(tmp_path / "ckt"), "--run-name", "run"]
    launcher = [sys.executable, str(ROOT / "launchers" / "run_mnist_exp.py"), "--smoke", *folders]
    result = subprocess.run([*unshare, *launcher], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "logs" / "run" / "status.json").read_text())["state"] == "finished"


def test_no_file_of_a_run_holds_what_the_environment_says(smoke_run):
    files = [path for folder in smoke_run for path in folder.rglob("*") if path.is_file()]
    assert smoke_run[0] / "environment.json" in files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_a_password_given_to_a_launcher_that_takes_none_is_written_nowhere(tmp_path):
    folders = ["--log-dir", tmp_path / "logs", "--checkpoint-dir", tmp_path / "ckt"]
    with pytest.raises(SystemExit) as refusal:
        launch("--smoke", *folders, "--auth", "user:password")
    assert refusal.value.code == 2
    assert not list(tmp_path.iterdir())
