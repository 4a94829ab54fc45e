"""Mean, deviation and worst of several runs."""

import pytest

from infogan.evaluation.metric import Metric, compare
from infogan.evaluation.summary import format_summary, group_reports, summarise
from infogan.spec import PaperValue

PAPER = [PaperValue("error rate", 0.05, "Sec. 7.2", "digit")]


def report(error, information, recipe="paper", extra=()):
    metrics = [
        Metric("error rate", error, "share", "digit", better="lower"),
        Metric("L_I", information, "nats", "digit", better="higher"),
        Metric("|Spearman| with slant", 0.5, "", "width"),
        *extra,
    ]
    return {"name": "mnist", "recipe": recipe, "variant": "infogan", "metrics": compare(metrics, PAPER)}


def test_mean_deviation_and_worst():
    reports = [report(0.03, 2.3), report(0.07, 2.1), report(0.05, 2.2, extra=[Metric("speed", 100.0, "images/s")])]
    rows = {row["name"]: row for row in summarise(reports)}
    error = rows["error rate"]
    assert error["mean"] == pytest.approx(0.05)
    assert error["deviation"] == pytest.approx(0.02)  # (0.0004 + 0.0004) / 2, the root
    assert (error["worst"], error["holds"], error["values"]) == (0.07, 2, [0.03, 0.07, 0.05])
    assert rows["L_I"]["worst"] == 2.1
    assert rows["|Spearman| with slant"]["worst"] is None
    assert (rows["speed"]["values"], rows["speed"]["deviation"]) == ([100.0], None)
    table = format_summary(list(rows.values())).splitlines()
    assert table[2].split() == [
        "digit:",
        "error",
        "rate",
        "5.00",
        "%",
        "2.00",
        "%",
        "7.00",
        "%",
        "5.00",
        "%",
        "2",
        "of",
        "3",
        "3",
    ]


def test_runs_of_other_recipes_are_kept_apart():
    groups = group_reports([report(0.1, 2.0), report(0.2, 2.0, "reference"), report(0.3, 2.0)])
    assert [len(group) for group in groups.values()] == [2, 1]


def test_a_number_that_could_not_be_measured():
    broken, whole = report(float("nan"), 2.0), report(0.04, 2.0)
    assert (broken["metrics"][0]["ours"], broken["metrics"][0]["holds"]) == (None, False)
    error = summarise([broken, whole])[0]
    assert (error["mean"], error["holds"]) == (0.04, 1)
    assert "L_I" in [row["name"] for row in summarise([broken])]
