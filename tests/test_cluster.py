"""TF_CONFIG: what it says, and what is refused."""

import json

import pytest

from infogan.system.messages import InputError
from infogan.training.placement import read_cluster

WORKERS = {"worker": ["host0:2222", "host1:2222"]}


def read(cluster, task):
    return read_cluster({"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})})


def test_workers_are_numbered_in_order():
    cluster = read(WORKERS, {"type": "worker", "index": 1})
    assert (cluster.addresses, cluster.number) == (["host0:2222", "host1:2222"], 1)


def test_a_chief_comes_first():
    jobs = {"worker": ["10.0.0.2:1", "[::1]:65535"], "chief": ["boss.example.org:9"]}
    cluster = read(jobs, {"type": "worker", "index": 1})
    assert (cluster.addresses, cluster.number) == (["boss.example.org:9", "10.0.0.2:1", "[::1]:65535"], 2)
    assert read(jobs, {"type": "chief", "index": 0}).number == 0


@pytest.mark.parametrize("environment", [{}, {"TF_CONFIG": ""}])
def test_without_tf_config_there_is_no_cluster(environment):
    assert read_cluster(environment) is None


def test_a_cluster_of_one_is_none():
    assert read({"worker": ["host0:2222"]}, {"type": "worker", "index": 0}) is None


FIRST = {"type": "worker", "index": 0}
WRONG = {
    "no JSON": ("{cluster", "{cluster was given, but that is no JSON"),
    "a number": ("5", '5 was given, but an object with a "cluster" is needed'),
    "no cluster": ('{"task": {"type": "worker", "index": 0}}', 'an object with a "cluster" is needed'),
    "no task": ({"cluster": WORKERS}, 'an object with a "task" is needed'),
    "no type": ({"cluster": WORKERS, "task": {"index": 0}}, "a task of type None was given, but"),
    "no index": ({"cluster": WORKERS, "task": {"type": "worker"}}, "worker None was given, but"),
    "index too large": ({"cluster": WORKERS, "task": {"type": "worker", "index": 2}}, "has worker 0 to 1"),
    "index a text": ({"cluster": WORKERS, "task": {"type": "worker", "index": "0"}}, "worker '0' was given, but"),
    "other job": ({"cluster": {"ps": ["a:1"]}, "task": FIRST}, "a job 'ps' was given"),
    "no port": ({"cluster": {"worker": ["a", "b:1"]}, "task": FIRST}, "a list of host:port is needed"),
    "port too large": ({"cluster": {"worker": ["a:65536", "b:1"]}, "task": FIRST}, "a list of host:port is needed"),
    "no list": ({"cluster": {"worker": "a:1"}, "task": FIRST}, '"a:1" was given for \'worker\''),
    "doubled": ({"cluster": {"worker": ["a:1", "a:1"]}, "task": FIRST}, "two workers with one address"),
    "two chiefs": ({"cluster": {"chief": ["a:1", "b:1"]}, "task": FIRST}, "2 chiefs were given"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_descriptions_are_refused(case):
    value, message = WRONG[case]
    with pytest.raises(InputError) as caught:
        read_cluster({"TF_CONFIG": value if isinstance(value, str) else json.dumps(value)})
    text = str(caught.value)
    assert text.startswith("TF_CONFIG: ")
    assert message in text
    assert "See docs/scaling.md" in text
    assert "\n" not in text
