"""Mean, deviation and worst of several runs."""

import pytest

from infogan.evaluation.metric import Metric, compare
from infogan.evaluation.report import format_group, format_summary, group_reports, summarise
from infogan.spec import PaperValue

PAPER = [PaperValue("error rate", 0.05, "Sec. 7.2", "digit")]


def report(error, information, recipe="paper", extra=(), seed=0, **spec):
    metrics = [
        Metric("error rate", error, "share", "digit", better="lower"),
        Metric("L_I", information, "nats", "digit", better="higher"),
        Metric("|Spearman| with slant", 0.5, "", "width"),
        *extra,
    ]
    head = {"name": "mnist", "recipe": recipe, "variant": "infogan", "seed": seed}
    return {**head, "metrics": compare(metrics, PAPER), "spec": {**head, **spec}}


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
    groups = group_reports([report(0.1, 2.0), report(0.2, 2.0, "reference"), report(0.3, 2.0, seed=1)])
    assert [format_group(group, groups) for group in groups] == [
        "mnist, recipe paper, infogan, seeds 0, 1",
        "mnist, recipe reference, infogan, seeds 0",
    ]


def test_runs_of_one_recipe_with_other_values_are_kept_apart():
    short = {"max_epoch": 2, "code_schedules": [{"points": []}]}
    reports = [report(0.1, 2.0, **short), report(0.2, 2.0, seed=1, max_epoch=80, code_schedules=[])]
    groups = group_reports([*reports, report(0.3, 2.0, seed=2, **short)])
    assert [format_group(group, groups) for group in groups] == [
        'mnist, recipe paper, infogan, code_schedules [{"points": []}], max_epoch 2, seeds 0, 2',
        "mnist, recipe paper, infogan, code_schedules [], max_epoch 80, seeds 1",
    ]


def test_runs_from_before_a_field_came_belong_to_those_after():
    reports = [report(0.1, 2.0), report(0.2, 2.0, seed=1, gan_loss="standard", version=1)]
    groups = group_reports([*reports, report(0.3, 2.0, seed=2, gan_loss="hinge")])
    assert [format_group(group, groups) for group in groups] == [
        "mnist, recipe paper, infogan, gan_loss standard, seeds 0, 1",
        "mnist, recipe paper, infogan, gan_loss hinge, seeds 2",
    ]


def test_a_number_that_could_not_be_measured():
    broken, whole = report(float("nan"), 2.0), report(0.04, 2.0)
    assert (broken["metrics"][0]["ours"], broken["metrics"][0]["holds"]) == (None, False)
    error = summarise([broken, whole])[0]
    assert (error["mean"], error["holds"], error["values"]) == (0.04, 1, [0.04])
    assert format_summary([error]).endswith("1 of 2  1")  # it does not hold in the run that has no number
    assert "L_I" in [row["name"] for row in summarise([broken])]
