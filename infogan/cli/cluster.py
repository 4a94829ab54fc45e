"""Studies on a Ray cluster: each run is a task on some node, whether or not the nodes share a disk.

    the study <- pipe -> the driver, a process of its own <- Ray -> a ledger, and a task for each run

Ray ends its driver's process when it loses the cluster, so the study is another one. A run's folders travel with it: to
the node if it was begun before, and back when it ends, however it ends. What a task tells on its way it tells the
ledger, an actor that the driver asks each second.
"""

import contextlib
import multiprocessing
import os
import pickle
import re
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from infogan.cli.cluster_node import Task, describe_package, pack, unpack
from infogan.cli.study import Check, Job, RunJobs
from infogan.system.messages import InputError, TrainingFailed, say

FLAG = "--on"
CLIENT_PORT = 10001
"""Where `ray start --head` listens for machines outside the cluster."""
LEAVE = 10
"""Seconds that the driver has at the end to leave the cluster."""
RETRIES = 3
"""Times that a run is started anew after its node died."""
DIED = "Starting Ray client server failed", "Proxy failed to Connect to backend"
"""What Ray says if the process died that it starts on the head for each machine outside the cluster. That happens now
and then (gRPC and fork), and was not seen on heads that have GRPC_ENABLE_FORK_SUPPORT=0."""
JOINS = 3
"""Times that a cluster is asked to take the study, if that is what happened: each may last 40 s."""
LOG = "ray.txt"
"""What Ray says, beside the runs' logs."""


class Limits(NamedTuple):
    """Seconds.

    Attributes:
      answer: until an address answers.
      join: until a cluster has taken the driver and all nodes have said what they have.
      silent: until a run begins, on a node that lives; until any node takes a run.
      lost: between two signs of life of the cluster.
      stop: until runs that are stopped have come back.
    """

    answer: float = 10.0
    join: float = 120.0
    silent: float = 600.0
    lost: float = 90.0
    stop: float = 120.0


def connect(address: str, limits: Limits | None = None) -> RunJobs:
    """What runs a study's jobs on a cluster.

    Args:
      address: "ray" for the cluster that this machine is in, HOST:PORT of its head as `ray start` says it, or
        ray://HOST:PORT for a cluster that this machine is not in.
      limits: None for the usual ones.

    Raises:
      InputError: if it is no address, Ray is not installed, or nothing answers there.
    """
    limits = limits or Limits()
    match = re.fullmatch(r"ray|(ray://)?([^\s/:]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?", address)
    if not match or not (address == "ray" or match[1] or match[3]):
        raise InputError(FLAG, f"{address!r} was given, but ray, HOST:PORT or ray://HOST:PORT is needed.")
    if find_spec("ray") is None:
        advice = f"Install it: {sys.executable} -m pip install 'ray[client]'"
        raise InputError(FLAG, f"{address} was given, but Ray is not installed. {advice}")
    if address != "ray":
        host, port = match[2], int(match[3] or CLIENT_PORT)
        address = f"{match[1] or ''}{host}:{port}"
        try:
            socket.create_connection((host.strip("[]"), port), limits.answer).close()
        except (OSError, OverflowError) as error:
            raise refuse_address(address, f"it does not answer ({error})") from None
    return lambda jobs, check: _run_jobs(address, limits, jobs, check)


def refuse_address(address: str, problem: str) -> InputError:
    """The error of an address where there is no cluster that can be used."""
    return InputError(
        FLAG, f"{address} was given, but {problem}. Start a cluster with `ray start --head`, or give its address."
    )


def share_cores(cores: Sequence[int], jobs: int) -> int:
    """The most cores that each job can have so that no core which could have one waits.

    Args:
      cores: of each node, at least 1.
    """
    wanted = min(jobs, sum(cores))
    return next(each for each in range(max(cores), 0, -1) if sum(count // each for count in cores) >= wanted)


def _run_jobs(address: str, limits: Limits, jobs: Sequence[Job], check: Check) -> Iterator[tuple[Job, int]]:
    """The study's side: starts the driver and does what it tells."""
    if not jobs:
        return
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    driver = context.Process(target=_drive, args=(there, address, limits, jobs), daemon=True)
    driver.start()
    there.close()
    is_there = False
    try:
        for kind, number, content in _listen(here, limits):
            is_there = True
            if kind == "finished":
                return
            if kind == "refused":
                raise InputError(FLAG, content)
            if kind == "said":
                say(f"{jobs[number].label}: {content}")
            elif kind == "begun":
                check(jobs[number], content)
            elif kind == "ended":
                yield jobs[number], content
        if not is_there:
            raise refuse_address(address, f"no cluster is there, or it does not answer (see {_find_log(jobs)})")
        is_there = False
        raise TrainingFailed(
            f"{address} is gone (see {_find_log(jobs)}). What is finished is kept; the same command goes on from there."
        )
    except BaseException:
        if is_there:
            _stop(here, limits.stop)
        raise
    finally:
        driver.join(LEAVE if is_there else 0)
        driver.kill()
        driver.join()
        here.close()


def _find_log(jobs):
    return jobs[0].study.log_root / LOG


def _listen(here, limits):
    """Yields what the driver tells, until it is gone or silent for too long."""
    seconds = limits.join
    with contextlib.suppress(EOFError, OSError):
        while here.poll(seconds):
            yield (message := here.recv())
            seconds = limits.join if message[0] == "joined" else limits.lost


def _stop(here, seconds):
    """Asks the driver to bring back what has begun, and waits for that."""
    until = time.monotonic() + seconds
    with contextlib.suppress(EOFError, OSError):
        here.send("stop")
        while here.poll(max(0.0, until - time.monotonic())) and here.recv()[0] != "finished":
            pass


def _drive(there: Connection, address: str, limits: Limits, jobs: Sequence[Job]) -> None:
    """The driver's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the study's, which then asks the driver to stop
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with _find_log(jobs).open("w") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    try:
        _Driver(there, address, limits, jobs).run()
        there.send(("finished", None, None))
        import ray

        ray.shutdown()  # a cluster that sees nothing but a lost client waits for its return
    except InputError as error:
        there.send(("refused", None, error.problem))
    except Exception:
        traceback.print_exc()
    finally:
        there.close()
        sys.stderr.flush()
        os._exit(0)  # whatever Ray's threads wait for


class _Driver:
    """Makes a task of each job, and tells the study what comes of it."""

    def __init__(self, there: Connection, address: str, limits: Limits, jobs: Sequence[Job]) -> None:
        self._there, self._address, self._limits, self._jobs = there, address, limits, jobs
        self._nodes: dict[int, str] = {}  # where each job runs
        self._heard: dict[int, float] = {}  # when each of them that has not begun was last heard of

    def run(self) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        import ray

        self._ray = ray
        self._join()
        self._there.send(("joined", None, None))
        nodes = [node for node in ray.nodes() if node["Alive"]]
        workers = [node for node in nodes if node["Resources"].get("CPU", 0) >= 1]
        if not workers:
            raise refuse_address(self._address, "it has no node with a core for a run")
        self._check_nodes(workers)
        head = next((node for node in nodes if "node:__internal_head__" in node["Resources"]), nodes[0])
        self._ledger = ray.remote(_make_ledger()).options(num_cpus=0, **self._on(head)).remote()
        self._wait(self._submit(workers))

    def _on(self, node):
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)}

    def _join(self):
        for left in reversed(range(JOINS)):
            try:
                self._ray.init(address="auto" if self._address == "ray" else self._address, log_to_driver=False)
                return
            except Exception as error:
                if left and any(text in str(error) for text in DIED):
                    self._ray.shutdown()
                    continue
                raise refuse_address(self._address, f"no cluster takes this study ({_last_line(error)})") from None

    def _check_nodes(self, nodes):
        """Refuses a cluster with a node that has no infogan or another one."""
        ours = describe_package()
        probe = self._ray.remote(_make_probe())
        asked = {probe.options(num_cpus=0, max_retries=0, **self._on(node)).remote(): node for node in nodes}
        until = time.monotonic() + self._limits.join - 10
        for ref, node in asked.items():
            name, problem = f"node {node['NodeManagerAddress']}", ""
            try:
                theirs = self._ray.get(ref, timeout=max(1.0, until - time.monotonic()))
                differing = [f"{key} {theirs[key]}, and not {ours[key]}" for key in ours if theirs[key] != ours[key]]
                if differing:
                    problem = f"has {'; '.join(differing)} as this machine"
            except self._ray.exceptions.GetTimeoutError:
                problem = "does not say which infogan it has: importing it takes too long there"
            except Exception as error:
                problem = f"cannot import infogan ({_last_line(error)})"
            if problem:
                text = f"{self._address} was given, but {name} {problem}. Install there what is installed here."
                raise InputError(FLAG, text)

    def _submit(self, nodes):
        """A task for each job: dict of its reference -> the job's number."""
        gpus = sum(node["Resources"].get("GPU", 0) for node in nodes)
        cores = share_cores([int(node["Resources"]["CPU"]) for node in nodes], len(self._jobs))
        needs = {"num_cpus": 1, "num_gpus": 1} if gpus else {"num_cpus": cores}
        remote = self._ray.remote(_make_task()).options(max_retries=RETRIES, **needs)
        tasks = {}
        for number, job in enumerate(self._jobs):
            launcher = Path(job.study.command[1])
            text = launcher.read_bytes() if launcher.suffix == ".py" else None
            task = Task(job, pack(job), text, 0 if gpus else cores, os.getcwd())
            # As bytes: reading it imports infogan, which is to happen after the task has told that it was taken.
            tasks[remote.remote(self._ledger, number, pickle.dumps(task))] = number
        return tasks

    def _wait(self, tasks):
        busy, is_stopping = time.monotonic(), False
        while tasks:
            ended, _ = self._ray.wait(list(tasks), timeout=1.0)
            self._read_ledger()
            for ref in ended:
                self._end(ref, tasks.pop(ref))
            self._there.send(("alive", None, None))
            if self._there.poll() and not is_stopping:  # a word, or the end of the study's process
                is_stopping = True
                self._ask(self._ledger.stop)
            now = time.monotonic()
            for ref, number in list(tasks.items()):
                if now - self._heard.get(number, now) > self._limits.silent:
                    self._ray.cancel(ref, force=True)
                    del tasks[ref]
                    self._give_up(number, f"it did not begin in {self._limits.silent:g} s")
            busy = now if self._nodes else busy
            if tasks and now - busy > self._limits.silent:
                problem = f"none of its nodes took a run in {self._limits.silent:g} s; `ray status` says what they lack"
                raise InputError(FLAG, f"{self._address} was given, but {problem}.")

    def _ask(self, method):
        return self._ray.get(method.remote(), timeout=self._limits.lost)

    def _read_ledger(self):
        for number, kind, content in self._ask(self._ledger.take):
            if kind == "taken":
                if number in self._nodes:  # a task anew, taken before Ray called the node of its first try dead
                    self._lose(number)
                self._nodes[number], address = content
                self._heard[number] = time.monotonic()
                self._there.send(("said", number, f"runs on {address}; its output is in {self._jobs[number].console}"))
            elif kind == "begun":
                self._heard.pop(number, None)
                self._there.send((kind, number, content))
            elif kind == "printed":
                if number in self._heard:
                    self._heard[number] = time.monotonic()
                with self._jobs[number].console.open("ab") as console:
                    console.write(content)
        living = {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}
        for number, node in list(self._nodes.items()):
            if node not in living:
                self._lose(number)

    def _lose(self, number):
        """A task whose node or process has died, which Ray starts anew."""
        self._forget(number)
        self._there.send(("said", number, "its node or its task there is gone; it starts again"))

    def _forget(self, number):
        self._nodes.pop(number, None)
        self._heard.pop(number, None)

    def _end(self, ref, number):
        try:
            status, files = self._ray.get(ref)
            unpack(files, self._jobs[number])
        except Exception as error:  # the task's, or the disk's here
            self._give_up(number, _last_line(error))
            return
        self._forget(number)
        self._there.send(("ended", number, status))

    def _give_up(self, number, why):
        self._forget(number)
        self._there.send(("said", number, why))
        self._there.send(("ended", number, 1))


def _last_line(error: BaseException) -> str:
    """The error's last line, which of a task's is what was raised there."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()


# What follows is defined in functions: Ray then sends it as it is, and not the name of a module that a node may lack.


def _make_probe() -> Any:
    def probe():
        from infogan.cli.cluster_node import describe_package

        return describe_package()

    return probe


def _make_task() -> Any:
    def run(ledger, number, task):
        import pickle

        import ray

        def tell(kind, content):
            # Not ray.get, for which Ray would give this task's cores to another one.
            return ledger.tell.remote(number, kind, content).future().result()

        context = ray.get_runtime_context()
        tell("taken", (context.get_node_id(), ray.util.get_node_ip_address()))
        from infogan.cli.cluster_node import make_run

        return make_run(pickle.loads(task), tell)

    return run


def _make_ledger() -> Any:
    class Ledger:
        def __init__(self):
            self._told, self._is_stopping = [], False

        def tell(self, number, kind, content):
            if kind != "alive":
                self._told.append((number, kind, content))
            return self._is_stopping

        def take(self):
            told, self._told = self._told, []
            return told

        def stop(self):
            self._is_stopping = True

    return Ledger
