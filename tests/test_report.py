"""The report's rows and table."""

import pytest

from infogan.evaluation.metric import Metric, compare
from infogan.evaluation.report import format_table
from infogan.spec import PaperValue

PAPER = [PaperValue("error rate", 0.05, "Sec. 7.2", "digit"), PaperValue("L_I", 2.2, "Fig. 1", "digit", "at least")]


@pytest.mark.parametrize(
    ("metric", "holds"),
    [
        (Metric("error rate", 0.05, "share", "digit"), True),
        (Metric("error rate", 0.0501, "share", "digit"), False),
        (Metric("L_I", 2.3, "nats", "digit"), True),
        (Metric("L_I", 2.1, "nats", "digit"), False),
        (Metric("L_I", 2.3, "nats", "width"), None),
        (Metric("training speed", 800.0, "images/s"), None),
    ],
)
def test_holds_follows_the_rule(metric, holds):
    (row,) = compare([metric], PAPER)
    assert row["holds"] is holds
    assert (row["paper"] is None) == (holds is None) == (row["source"] is None)


def test_table_shows_ours_beside_the_paper():
    table = format_table(
        compare([Metric("error rate", 0.0312, "share", "digit"), Metric("speed", 1234.5, "images/s")], PAPER)
    )
    lines = [line.split("  ") for line in table.splitlines()]
    assert [cell.strip() for cell in lines[2] if cell] == ["digit: error rate", "3.12 %", "5.00 %", "Sec. 7.2", "yes"]
    assert "1,234 images/s" in table
