"""Our numbers beside the paper's."""

import dataclasses

from infogan.atomic_file import write_json


@dataclasses.dataclass(frozen=True)
class Metric:
    """One measured number.

    Attributes:
      name: the metric.
      ours: the measured value.
      unit: what it is measured in; "share" for a number from 0 to 1, which the table shows in per cent.
      code: the code it belongs to, None for the whole model.
      note: what a reader must know to compare it.
    """

    name: str
    ours: float
    unit: str
    code: str | None = None
    note: str = ""


def compare(metrics, paper_values):
    """Sets each metric beside the paper's value, if it has one.

    Args:
      metrics: sequence of Metric.
      paper_values: sequence of PaperValue.

    Returns:
      list of dicts with `name`, `code`, `ours`, `unit`, `note`, `paper`, `source`, `rule` and `holds`; the last four
      are None where the paper gives no number. `holds` follows the rule: "at most" or "at least" the paper's number.
    """
    known = {(value.metric, value.code): value for value in paper_values}
    rows = []
    for metric in metrics:
        paper = known.get((metric.name, metric.code))
        row = {**dataclasses.asdict(metric), "paper": None, "source": None, "rule": None, "holds": None}
        if paper:
            holds = metric.ours <= paper.value if paper.rule == "at most" else metric.ours >= paper.value
            row.update(paper=paper.value, source=paper.source, rule=paper.rule, holds=holds)
        rows.append(row)
    return rows


def write_report(path, spec, update, rows, categories):
    """Writes report.json; `categories` has for each categorical code the class of each category, -1 for none."""
    experiment = {"name": spec.name, "recipe": spec.recipe, "variant": spec.variant, "seed": spec.seed}
    write_json(path, {**experiment, "update": update, "categories": categories, "metrics": rows})


def format_table(rows):
    """The rows as an aligned table for the console."""
    header = ("quantity", "ours", "paper", "where", "holds")
    table = [header, *(_format_row(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _format_row(row):
    name = f"{row['name']} {row['code'] or ''}".strip() + (f" ({row['note']})" if row["note"] else "")
    holds = {True: "yes", False: "no", None: "-"}[row["holds"]]
    return name, _format(row["ours"], row["unit"]), _format(row["paper"], row["unit"]), row["source"] or "-", holds


def _format(value, unit):
    if value is None:
        return "-"
    if unit == "share":
        return f"{100 * value:.2f} %"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3f} {unit}"
