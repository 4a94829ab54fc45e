"""The machines that train together, as TF_CONFIG describes them; read without TensorFlow.

TF_CONFIG='{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
"""

import json
import os
import re
from typing import NamedTuple

from infogan.errors import InputError

JOBS = ("chief", "worker")
VARIABLE = "TF_CONFIG"
ADDRESS = re.compile(r"[^\s:/]+:(\d{1,5})|\[[0-9a-fA-F:.]+\]:(\d{1,5})")


class Cluster(NamedTuple):
    """Several workers, of which this process is one.

    Attributes:
      jobs: dict of "chief" and "worker" -> list of "host:port".
      job: this process's own, "chief" or "worker".
      index: its place in the list of its job.
    """

    jobs: dict
    job: str
    index: int

    @property
    def addresses(self):
        """Every worker's "host:port", the chief's first."""
        return [address for job in JOBS for address in self.jobs.get(job, [])]

    @property
    def number(self):
        """This process's place in `addresses`; 0 is the chief, which alone writes."""
        return self.index + (len(self.jobs.get("chief", [])) if self.job == "worker" else 0)


def read_cluster(environment=os.environ):
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


def _part(config, name):
    part = config.get(name) if isinstance(config, dict) else None
    if not isinstance(part, dict) or not part:
        raise _wrong(f'{_shorten(json.dumps(config))} was given, but an object with a "{name}" is needed')
    return part


def _read_jobs(jobs):
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


def _is_address(text):
    match = ADDRESS.fullmatch(text) if isinstance(text, str) else None
    return bool(match) and 1 <= int(match[1] or match[2]) <= 65535


def _read_task(jobs, task):
    job, index = task.get("type"), task.get("index")
    if not isinstance(job, str) or job not in jobs:
        raise _wrong(f"a task of type {job!r} was given, but the cluster has {', '.join(jobs)}")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(jobs[job]):
        raise _wrong(f"{job} {index!r} was given, but the cluster has {job} 0 to {len(jobs[job]) - 1}")
    return job, index


def _shorten(text):
    return text if len(text) <= 60 else text[:57] + "..."


def _wrong(problem):
    return InputError(VARIABLE, f"{problem}. See docs/scaling.md, or unset it to train on this machine alone.")
