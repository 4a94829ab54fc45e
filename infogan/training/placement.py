"""Where a training runs: on one device, on several of this machine, or on several machines (TF_CONFIG).

Each replica computes every update on its share of the batch; their gradients, batch norm's moments and the logged
quantities are joined by all-reduces, so that an update does not depend on how many replicas compute it, but for
rounding.
"""

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, TypeVar

from infogan.model.replicas import gather_from_replicas, own_number
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError, TrainingFailed, say
from infogan.system.tf1 import Session, find_gpus, tf
from infogan.training.signals import StopSignals

Made = TypeVar("Made")

LONGEST_WAIT = 600.0
"""Seconds after which a worker that does not answer counts as lost."""


def choose_distribution(gpus: int | None, cluster: "Cluster | None", spec: ExperimentSpec) -> "OneDevice":
    """Where to train.

    Args:
      gpus: on how many GPUs of this machine, as the user gave it; None is one if there is one, else the CPU.
      cluster: Cluster, or None for this machine alone.
      spec: ExperimentSpec, whose batches the replicas share.

    Raises:
      InputError: if there are not so many GPUs, or they do not divide the batch, all views of an image together,
        or cannot compute a gradient penalty.
    """
    if gpus is None and cluster is None:
        return OneDevice()
    found = len(find_gpus())
    if gpus is not None and not 1 <= gpus <= found:
        needed = f"a number from 1 to {found} is needed" if found else "TensorFlow finds no GPU here"
        raise InputError("gpus", f"{gpus} was given, but {needed}. Leave it out to train on one GPU or the CPU.")
    distribution = _distribute(min(found, 1) if gpus is None else gpus, cluster)
    if spec.batch_size % (distribution.replicas * spec.copies):
        whole = " without parting an image's views" if spec.copies > 1 else ""
        raise InputError(
            "batch_size",
            f"{spec.batch_size} was given, but {distribution.replicas} replicas must share a batch equally{whole}. "
            "Change --batch-size or the number of devices.",
        )
    if spec.gradient_penalty and not spec.spectral_norm and distribution.replicas > 1:
        # Second derivatives of the statistics that the replicas share would lack those of the other replicas.
        raise InputError(
            "gradient_penalty",
            f"{spec.gradient_penalty:g} was given, but with batch norm in D it cannot be computed by "
            f"{distribution.replicas} replicas together. Add --spectral-norm, or train on one GPU.",
        )
    return distribution


def _distribute(gpus: int, cluster: "Cluster | None") -> "OneDevice":
    if cluster:
        return Workers(cluster, gpus)
    return LocalDevices([f"/gpu:{number}" for number in range(gpus)]) if gpus > 1 else OneDevice()


class OneDevice:
    """The device that TensorFlow prefers: a GPU if there is one, else the CPU.

    Attributes:
      replicas: how many devices share a batch.
      local_replicas: how many of them are this process's.
      number: this process's place among the processes that train together; number 0 is the chief.
      processes: how many they are.
    """

    replicas, local_replicas, number, processes = 1, 1, 0, 1

    @property
    def is_chief(self) -> bool:
        """True in the one process that writes."""
        return self.number == 0

    def scope(self) -> AbstractContextManager[None]:
        """A context in which the variables of the model are made."""
        return contextlib.nullcontext()

    def place(self, build: Callable[[], Made]) -> list[Made]:
        """What build() makes, for each device of this process: a list."""
        return [build()]

    def run(self, build: Callable[[Any], Made], placed: Sequence[Any]) -> list[Made]:
        """What build(item) makes for each replica of this process, `placed` holding an item for each: a list."""
        return [build(placed[0])]

    def open_session(self, config: Any) -> AbstractContextManager[Session]:
        """A context manager: a Session of the current graph."""
        return tf.Session(config=config)


class LocalDevices(OneDevice):
    """Several devices of this machine, through `tf.distribute.MirroredStrategy`.

    Args:
      devices: their names, as `["/gpu:0", "/gpu:1"]`.
    """

    def __init__(self, devices: Sequence[str]) -> None:
        self.replicas = self.local_replicas = len(devices)
        self._devices = devices
        self._strategy: Any = None

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        if self._strategy is None:  # it belongs to the graph that is current now
            self._strategy = self._build_strategy()
        with self._strategy.scope():
            yield

    def _build_strategy(self) -> Any:
        return tf.distribute.MirroredStrategy(self._devices)

    def place(self, build: Callable[[], Made]) -> list[Made]:
        placed: list[Made] = []
        for device in self._devices:
            with tf.device(device):
                placed.append(build())
        return placed

    def run(self, build: Callable[[Any], Made], placed: Sequence[Any]) -> list[Made]:
        made: list[Made] = []

        def build_replica() -> None:
            made.append(build(placed[own_number() % self.local_replicas]))

        self._strategy.run(build_replica)
        return made

    def open_session(self, config: Any) -> AbstractContextManager[Session]:
        return tf.Session(config=self._session_config(config))

    def _session_config(self, config: Any) -> Any:
        config = self._strategy.update_config_proto(config)
        config.allow_soft_placement = True  # what a GPU has no kernel for, such as the order of images
        # TensorFlow's fusing of layers fails on the graph of several replicas, and says so with each session.
        config.graph_options.rewrite_options.remapping = 2  # off
        return config


class Workers(LocalDevices):
    """Several machines, through `tf.distribute.MultiWorkerMirroredStrategy`.

    Args:
      gpus: GPUs of each machine; 0 for its CPU.
    """

    def __init__(self, cluster: "Cluster", gpus: int) -> None:
        kind, count = ("GPU", gpus) if gpus else ("CPU", 1)
        super().__init__([f"/job:{cluster.job}/task:{cluster.task}/device:{kind}:{i}" for i in range(count)])
        self._cluster, self._gpus = cluster, gpus
        self._resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(cluster.jobs),
            task_type=cluster.job,
            task_id=cluster.task,
            num_accelerators={"GPU": gpus},
            rpc_layer="grpc",
        )
        self.number, self.processes = cluster.number, len(cluster.addresses)
        self.replicas = self.processes * count

    def _build_strategy(self) -> Any:
        return tf.distribute.experimental.MultiWorkerMirroredStrategy(cluster_resolver=self._resolver)

    @contextlib.contextmanager
    def open_session(self, config: Any) -> Iterator[Session]:
        config = self._session_config(config)
        config.operation_timeout_in_ms = int(1000 * LONGEST_WAIT)
        cluster = self._cluster
        try:
            server = tf.distribute.Server(
                tf.train.ClusterSpec(cluster.jobs), cluster.job, cluster.task, protocol="grpc", config=config
            )
        except tf.errors.OpError as error:
            address = cluster.addresses[cluster.number]
            raise InputError(
                "TF_CONFIG",
                f"{address} was given for this worker, but it cannot listen there. Use a free port of this machine.",
            ) from error
        self._wait_for_everybody()
        try:
            with tf.Session(server.target, config=config) as session:
                yield session
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError) as error:
            raise TrainingFailed(
                f"worker {self.number}: another worker ended or cannot be reached ({type(error).__name__}). "
                "Start every worker again with --resume, to continue from the last checkpoint."
            ) from error

    def _wait_for_everybody(self) -> None:
        """Connects to every worker's port, which, other than a session, a signal can interrupt."""
        said, until = False, time.monotonic() + LONGEST_WAIT
        for number, address in enumerate(self._cluster.addresses):
            while not _answers(address):
                if time.monotonic() > until:
                    raise TrainingFailed(
                        f"worker {number}, at {address}, did not answer for {LONGEST_WAIT / 60:.0f} minutes. "
                        "Start every worker with the same flags and its own TF_CONFIG."
                    )
                if not said:
                    say(f"waiting for worker {number} at {address}")
                said = True
                time.sleep(0.2)


def _answers(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5.0).close()
    except OSError:
        return False
    return True


class Agreement:
    """Lets the processes that train together know that they train the same, are equally far, and whether to stop.

    Built in the distribution's scope, before anything else that needs the other processes.

    Args:
      distribution: of this process.
      content: int, different for trainings of different things.
    """

    def __init__(self, distribution: OneDevice, content: int) -> None:
        self._content, self._is_needed = content, distribution.processes > 1
        if self._is_needed:
            self._own = tf.placeholder(tf.int64, [3])
            self._of_all = distribution.run(gather_from_replicas, [self._own] * distribution.local_replicas)[0]

    def reach(self, session: Session, update: int, stop: StopSignals) -> bool:
        """Whether all processes are to stop now; passes on a signal that any of them received before this was called.

        Args:
          update: updates finished.

        Raises:
          InputError: if the processes train different things, or are not equally far.
        """
        if not self._is_needed:
            return stop.received is not None
        of_all = session.run(self._of_all, {self._own: [self._content, update, stop.received or 0]})
        contents, updates, signals = (set(column.tolist()) for column in of_all.T)
        if len(contents) > 1:
            raise InputError(
                "TF_CONFIG",
                "this worker was started with other flags, files or precision than another one, but all train one "
                "model. Give every worker the same flags.",
            )
        if len(updates) > 1:
            raise InputError(
                "resume",
                f"this worker resumes at update {update}, but others at {sorted(updates - {update})}. Give every "
                "worker the same --resume NAME, and a --checkpoint-dir that all can read.",
            )
        if signals == {0}:  # one that has come to this process meanwhile is everybody's next time
            return False
        stop.receive(max(signals))
        return True


JOBS = ("chief", "worker")
VARIABLE = "TF_CONFIG"
ADDRESS = re.compile(r"[^\s:/]+:(\d{1,5})|\[[0-9a-fA-F:.]+\]:(\d{1,5})")


class Cluster(NamedTuple):
    """Several workers, of which this process is one.

    Attributes:
      jobs: dict of "chief" and "worker" -> list of "host:port".
      job: this process's own, "chief" or "worker".
      task: its place in the list of its job.
    """

    jobs: dict[str, list[str]]
    job: str
    task: int

    @property
    def addresses(self) -> list[str]:
        """Every worker's "host:port", the chief's first."""
        return [address for job in JOBS for address in self.jobs.get(job, [])]

    @property
    def number(self) -> int:
        """This process's place in `addresses`; 0 is the chief, which alone writes."""
        return self.task + (len(self.jobs.get("chief", [])) if self.job == "worker" else 0)


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """The cluster that TF_CONFIG describes; None without it, and for a cluster of one.

    Raises:
      InputError: if it is no description of a cluster.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"{_shorten(text)} was given, but that is no JSON ({error})") from error
    parts = [_part(config, "cluster"), _part(config, "task")]
    cluster = Cluster(_read_jobs(parts[0]), *_read_task(*parts))
    return cluster if len(cluster.addresses) > 1 else None


def _part(config: Any, name: str) -> dict[str, Any]:
    part = config.get(name) if isinstance(config, dict) else None
    if not isinstance(part, dict) or not part:
        raise _wrong(f'{_shorten(json.dumps(config))} was given, but an object with a "{name}" is needed')
    return part


def _read_jobs(jobs: dict[str, Any]) -> dict[str, list[str]]:
    for job, addresses in jobs.items():
        if job not in JOBS:
            raise _wrong(f"a job {job!r} was given, but the jobs here are chief and worker")
        if not isinstance(addresses, list) or not all(map(_is_address, addresses)):
            raise _wrong(f"{_shorten(json.dumps(addresses))} was given for {job!r}, but a list of host:port is needed")
    everybody = [address for addresses in jobs.values() for address in addresses]
    if len(set(everybody)) < len(everybody):
        raise _wrong("two workers with one address were given, but each needs its own")
    if len(jobs.get("chief", [])) > 1:
        raise _wrong(f"{len(jobs['chief'])} chiefs were given, but a cluster has one")
    return jobs


def _is_address(text: object) -> bool:
    match = ADDRESS.fullmatch(text) if isinstance(text, str) else None
    return match is not None and 1 <= int(match[1] or match[2]) <= 65535


def _read_task(jobs: dict[str, Any], task: dict[str, Any]) -> tuple[str, int]:
    job, index = task.get("type"), task.get("index")
    if not isinstance(job, str) or job not in jobs:
        raise _wrong(f"a task of type {job!r} was given, but the cluster has {', '.join(jobs)}")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(jobs[job]):
        raise _wrong(f"{job} {index!r} was given, but the cluster has {job} 0 to {len(jobs[job]) - 1}")
    return job, index


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _wrong(problem: str) -> InputError:
    return InputError(VARIABLE, f"{problem}. See docs/scaling.md, or unset it to train on this machine alone.")
