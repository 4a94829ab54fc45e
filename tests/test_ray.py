"""Studies on a Ray cluster: two nodes of this machine, one of which dies; what is refused; what ends a study."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from infogan.cli import cluster as cluster_module
from infogan.cli.cluster import DIED, JOINS, Limits, _Driver, connect, share_cores
from infogan.cli.cluster_node import Task, make_run, pack, take_cores, unpack
from infogan.cli.study import Job, Study, run_study
from infogan.system import tf1
from infogan.system.files import locked
from infogan.system.messages import InputError, TrainingFailed
from infogan.training.signals import Interrupted, StopSignals

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}

# Leaves what a run leaves; its error rate follows from the seed. `wait` beside it has a run wait once it has begun.
LAUNCHER = textwrap.dedent(
    """
    import argparse, json, os, pathlib, signal, sys, time
    place = pathlib.Path({place!r})
    parser = argparse.ArgumentParser()
    for flag in ("--log-dir", "--checkpoint-dir", "--run-name", "--resume"):
        parser.add_argument(flag)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    name = options.run_name or options.resume
    log, checkpoints = pathlib.Path(options.log_dir) / name, pathlib.Path(options.checkpoint_dir) / name
    for folder in (log, checkpoints):
        folder.mkdir(parents=True, exist_ok=bool(options.resume))
    print("seed", options.seed, "resumed" if options.resume else "new", flush=True)
    def stop(*_):
        (checkpoints / "model-7.index").write_text("saved")
        sys.exit(143)
    signal.signal(signal.SIGTERM, stop)
    spec = {{"seed": options.seed, "updates_per_epoch": 60, "batch_size": 100}}
    (checkpoints / "spec.json").write_text(json.dumps(spec))
    (place / f"begun{{options.seed}}").open("a").write(f"{{os.getpid()}} ")
    while (place / "wait").exists():
        time.sleep(0.05)
    if (place / f"fail{{options.seed}}").exists():
        sys.exit(1)
    if (place / f"refuse{{options.seed}}").exists():
        print("run_exp.py: --colour: blue was given, but red is needed.")
        sys.exit(2)
    row = {{"name": "error rate", "code": "digit", "ours": 0.01 * (options.seed + 1), "unit": "share",
           "better": "lower", "note": "", "paper": 0.05, "bound": None, "source": "Sec. 7.2", "rule": "at most",
           "holds": True}}
    (log / "report.json").write_text(json.dumps({{"seed": options.seed, "metrics": [row], "spec": spec}}))
    line = {{"epoch": 1, "update": 60, "speed/images_per_second": 50.0}}
    (log / "metrics.jsonl").write_text(json.dumps(line) + "\\n")
    (checkpoints / "model-3.index").write_text("old")
    (checkpoints / "model-60.index").write_text("new")
    """
)


@pytest.fixture(scope="module")
def cluster():
    """A head and another node, with a core each."""
    yield from make_cluster(2)


def make_cluster(nodes):
    Cluster = pytest.importorskip("ray.cluster_utils", reason="the extra cluster is not installed").Cluster
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_health_check_failure_threshold", "2")
        patch.setenv("RAY_health_check_period_ms", "1000")
        patch.setenv("GRPC_ENABLE_FORK_SUPPORT", "0")  # see DIED
        with socket.socket() as unused:
            unused.bind(("", 0))
            port = unused.getsockname()[1]
        head = {**NODE, "include_dashboard": False, "ray_client_server_port": port}
        made = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(1, nodes):
            made.add_node(**NODE)
        made.wait_for_nodes()
        made.client_address = f"ray://127.0.0.1:{port}"
        wait_until(lambda: answers(port))
        yield made
        made.shutdown()


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(tf1, "find_gpus", list)
    launcher = tmp_path / "run_exp.py"
    launcher.write_text(LAUNCHER.format(place=str(tmp_path)))
    return Study("s", (sys.executable, str(launcher)), (), (0, 1, 2), tmp_path / "logs", tmp_path / "ckt")


def wait_until(is_true):
    """Whether that becomes true within a minute."""
    until = time.monotonic() + 60
    while not is_true() and time.monotonic() < until:
        time.sleep(0.05)
    return is_true()


def list_begun(place):
    """Processes of the runs that have begun."""
    return [process for path in place.glob("begun*") for process in path.read_text().split()]


def answers(port):
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def count_begun(place):
    return len(list_begun(place))


def is_running(process):
    return subprocess.run(["ps", "-o", "stat=", "-p", process], capture_output=True).stdout[:1] not in (b"", b"Z")


def test_a_node_dies_and_the_study_is_the_one_of_a_single_machine(cluster, study, tmp_path, capfd):
    local = run_study(study._replace(log_root=tmp_path / "local" / "logs", checkpoint_root=tmp_path / "local" / "ckt"))
    for path in tmp_path.glob("begun*"):
        path.unlink()
    wait = tmp_path / "wait"
    wait.touch()

    def kill_a_node():
        wait_until(lambda: count_begun(tmp_path) == 2)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        wait_until(lambda: not all(map(is_running, list_begun(tmp_path))))  # its run ends with it
        wait.unlink()

    killer = threading.Thread(target=kill_a_node)
    killer.start()
    document = run_study(study, connect(cluster.address))
    killer.join()
    cluster.add_node(**NODE)
    assert document == local == json.loads(study.path.read_text())
    assert count_begun(tmp_path) == 4  # of three seeds
    for seed in study.seeds:
        checkpoints = study.checkpoint_root / f"s_seed{seed}"
        assert {path.name for path in checkpoints.glob("model-*")} == {"model-60.index"}
        assert (study.log_root / f"s_seed{seed}.txt").read_text().endswith(f"seed {seed} new\n")
    said = capfd.readouterr().out
    assert "its node or its task there is gone; it starts again" in said
    assert re.search(r"seed 2: runs on [\d.]+; its output is in .*s_seed2\.txt", said)


def test_what_a_failed_run_has_comes_back_and_goes_out_again(cluster, study, tmp_path):
    (tmp_path / "fail1").touch()
    with pytest.raises(TrainingFailed, match=r"seeds 1 of s failed\. The same command tries them again"):
        run_study(study, connect(cluster.client_address))
    assert [run["seed"] for run in json.loads(study.path.read_text())["runs"]] == [0, 2]
    assert (study.checkpoint_root / "s_seed1" / "spec.json").exists()
    (tmp_path / "fail1").unlink()
    document = run_study(study, connect(cluster.address))
    assert [run["seed"] for run in document["runs"]] == [0, 1, 2]
    assert (study.log_root / "s_seed1.txt").read_text() == "seed 1 new\nseed 1 resumed\n"


def test_what_a_run_refuses_is_said_and_ends_the_study(cluster, study, tmp_path):
    (tmp_path / "refuse0").touch()
    with pytest.raises(InputError) as caught:
        run_study(study._replace(seeds=(0,)), connect(cluster.address))
    assert str(caught.value) == "seed 0: --colour: blue was given, but red is needed."


def test_a_signal_brings_back_what_has_begun(cluster, study, tmp_path):
    (tmp_path / "wait").touch()

    def interrupt():
        if wait_until(lambda: count_begun(tmp_path) == 2):
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(Interrupted), StopSignals():
        run_study(study, connect(cluster.address))
    begun = [seed for seed in study.seeds if (tmp_path / f"begun{seed}").exists()]
    assert len(begun) == 2
    for seed in begun:
        assert (study.checkpoint_root / f"s_seed{seed}" / "model-7.index").read_text() == "saved"
    assert not study.path.exists()


IMPORT = """
import sys, time
class Fault:
    def find_spec(self, name, path, target=None):
        if name == "infogan":
            {}
sys.meta_path.insert(0, Fault())
"""
VERSION = """
from importlib import metadata
version = metadata.version
metadata.version = lambda name: "2.20.0" if name == "tensorflow" else version(name)
"""
FAULTS = {
    "no package": (
        IMPORT.format("raise ModuleNotFoundError('it is not there')"),
        r"cannot import infogan \(.*it is not there",
    ),
    "a package that hangs": (
        IMPORT.format("time.sleep(1000)"),
        "does not say which infogan it has: importing it takes",
    ),
    "another TensorFlow": (VERSION, r"has tensorflow 2\.20\.0, and not 2\.\d+\.\d+ as this machine\. Install"),
}
"""What Python does at its start on a node, and what is said of that node."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_node_that_would_compute_something_else_is_refused(cluster, study, tmp_path, fault):
    code, message = FAULTS[fault]
    (tmp_path / "sitecustomize.py").write_text(code)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    node = cluster.add_node(**NODE, env_vars={"PYTHONPATH": path})
    try:
        with pytest.raises(InputError, match=rf"--on: {cluster.address} was given, but node [\d.]+ {message}"):
            run_study(study, connect(cluster.address, Limits(join=20.0) if "hangs" in fault else None))
    finally:
        cluster.remove_node(node)
    assert not count_begun(tmp_path)


def test_a_head_that_is_gone_ends_the_study_in_one_line(study, tmp_path):
    for cluster in make_cluster(1):

        def kill_the_head(head=cluster.head_node):
            wait_until(study.path.exists)
            head.kill_all_processes(check_alive=False, allow_graceful=False)

        killer = threading.Thread(target=kill_the_head)
        killer.start()
        launcher = Path(study.command[1])
        launcher.write_text(
            launcher.read_text().replace('if (place / f"fail', 'time.sleep(60 * options.seed)\nif (place / f"fail')
        )
        with pytest.raises(
            TrainingFailed, match=rf"{cluster.address} is gone \(see .*ray\.txt\)\. What is finished is"
        ):
            run_study(study, connect(cluster.address, Limits(lost=30.0)))
        killer.join()
        assert [run["seed"] for run in json.loads(study.path.read_text())["runs"]] == [0]


@pytest.mark.parametrize("times", [JOINS - 1, JOINS])
@pytest.mark.parametrize("said", DIED)
def test_the_head_is_asked_again_if_its_process_for_a_client_died(times, said):
    errors = [RuntimeError(f"{said}. See some file.")] * times
    asked = []

    def init(address, **_):
        asked.append(address)
        if errors:
            raise errors.pop()

    driver = _Driver(None, "ray://host:1", Limits(), ())
    driver._ray = SimpleNamespace(init=init, shutdown=lambda: None)
    with pytest.raises(InputError, match=rf"no cluster takes this study \({said}") if times == JOINS else nullcontext():
        driver._join()
    assert asked == ["ray://host:1"] * JOINS


@pytest.mark.parametrize(
    "address", ["", "ray:/x", "host", "ray:host:1", "host:", "host:x", "http://host:1", "host:123456"]
)
def test_an_address_is_needed(address):
    with pytest.raises(InputError, match=r"--on: .* was given, but ray, HOST:PORT or ray://HOST:PORT is needed"):
        connect(address)


def test_without_ray_the_command_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(cluster_module, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"--on: ray was given, but Ray is not installed\. Install it: .*pip install"):
        connect("ray")


def test_an_address_that_does_not_answer_is_refused(monkeypatch):
    monkeypatch.setattr(cluster_module, "find_spec", lambda name: True)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for prefix in ("", "ray://"):
            with pytest.raises(
                InputError, match=rf"--on: {prefix}127\.0\.0\.1:{port} was given, but it does not answer"
            ):
                connect(f"{prefix}127.0.0.1:{port}")


def test_what_answers_but_is_no_cluster_is_refused(study):
    pytest.importorskip("ray")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(InputError, match=rf"--on: {address} was given, but no cluster"):
            run_study(study, connect(address, Limits(join=10.0)))


@pytest.mark.parametrize(
    ("cores", "jobs", "each"),
    [
        ([8], 1, 8),
        ([8], 2, 4),
        ([8], 3, 2),
        ([8], 20, 1),
        ([8, 8], 2, 8),
        ([8, 4], 3, 4),
        ([1, 1], 1, 1),
        ([4, 1], 2, 2),
    ],
)
def test_cores_are_shared(cores, jobs, each):
    assert share_cores(cores, jobs) == each


def make_job(study):
    return Job(study, 0, "seed 0")


def test_a_run_on_a_node_tells_what_it_does_and_leaves_nothing_there(study, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "node"))
    monkeypatch.setattr("tempfile.tempdir", None)
    for name in ("killed", "running"):
        (tmp_path / "node" / f"infogan-run-{name}").mkdir(parents=True)
        lock = tmp_path / "node" / f"infogan-run-{name}" / "lock"
        lock.touch()
        os.utime(lock, (1, 1))
    told = []
    task = Task(make_job(study), {}, Path(study.command[1]).read_bytes(), 1, str(tmp_path))
    with locked(tmp_path / "node" / "infogan-run-running" / "lock"):
        status, files = make_run(task, lambda *message: told.append(message))
    assert status == 0
    assert b"".join(content for kind, content in told if kind == "printed") == b"seed 0 new\n"
    assert json.loads(next(content for kind, content in told if kind == "begun"))["seed"] == 0
    assert {"log/report.json", "checkpoints/model-60.index"} <= set(files)
    assert "checkpoints/model-3.index" not in files
    assert [path.name for path in (tmp_path / "node").glob("infogan-run-*")] == ["infogan-run-running"]
    unpack(files, make_job(study))
    assert pack(make_job(study)).keys() - files.keys() == {"log/counterpart.json", "checkpoints/counterpart.json"}


def test_a_task_of_a_stopped_study_starts_nothing(study, tmp_path):
    task = Task(make_job(study), {}, b"raise SystemExit(9)", 1, str(tmp_path))
    assert make_run(task, lambda *message: True) == (143, {})


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinity")
def test_runs_of_one_node_have_cores_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2, 3, 5})
    with take_cores(2) as first, take_cores(1) as second, take_cores(1) as third:
        assert (first, second, third) == ([2, 3], [5], None)
    with take_cores(3) as all_of_them:
        assert all_of_them == [2, 3, 5]
    with take_cores(0) as any_core:
        assert any_core is None
