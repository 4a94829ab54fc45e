"""A measured number, and whether it holds against the paper."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Claim:
    """Something the paper shows without a number, and the number at which this project counts it as reached.

    Attributes:
      source: section or figure.
      bound: this project's number, which has to be reached at least.
    """

    source: str
    bound: float


@dataclasses.dataclass(frozen=True)
class Metric:
    """One measured number.

    Attributes:
      name: the metric.
      ours: the measured value.
      unit: what it is measured in; "share" for a number from 0 to 1, which the table shows in per cent.
      code: the code it belongs to, None for the whole model.
      note: what a reader must know to compare it.
      better: "lower" or "higher", which decides what the worst of several runs is; None where neither is.
      claim: a Claim that the metric belongs to, None where the paper's number, if any, decides.
      factor: the true factor or the quality of an image that a code was compared with, None where there is none.
    """

    name: str
    ours: float
    unit: str
    code: str | None = None
    note: str = ""
    better: str | None = None
    claim: Claim | None = None
    factor: str | None = None


def compare(metrics, paper_values):
    """Sets each metric beside the paper's value, if it has one.

    Args:
      metrics: sequence of Metric.
      paper_values: sequence of PaperValue.

    Returns:
      list of dicts with `name`, `code`, `ours`, `unit`, `note`, `better`, `factor`, `paper`, `bound`, `source`, `rule`
      and `holds`. `ours` is None where it is no finite number. `paper` is the paper's number, `bound` this project's
      for a claim of the paper without one. `holds` follows the rule, "at most" or "at least" that number; it is None
      where there is neither, as are `source` and `rule`.
    """
    known = {(value.metric, value.code): value for value in paper_values}
    return [_compare(metric, known.get((metric.name, metric.code))) for metric in metrics]


def _compare(metric, paper):
    row = {key: value for key, value in dataclasses.asdict(metric).items() if key != "claim"}
    if not math.isfinite(metric.ours):  # JSON has no such numbers
        row["ours"] = None
    row.update(paper=None, bound=None, source=None, rule=None, holds=None)
    stated = paper or metric.claim
    if stated:
        number = paper.value if paper else metric.claim.bound
        rule = paper.rule if paper else "at least"
        is_within = metric.ours <= number if rule == "at most" else metric.ours >= number
        holds = math.isfinite(metric.ours) and is_within
        row.update({"paper" if paper else "bound": number}, source=stated.source, rule=rule, holds=holds)
    return row
