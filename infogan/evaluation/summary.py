"""Several runs of one experiment: mean, deviation and worst of each number."""

import json
import statistics

from infogan.evaluation.report import align, format_experiment, format_paper, format_value, name_row

HEADER = ("quantity", "mean", "deviation", "worst", "paper", "holds", "runs")


def group_reports(reports):
    """Reports that differ in the seed alone, together: a list of lists."""
    groups = {}
    for report in reports:
        groups.setdefault(json.dumps(without_seed(report["spec"]), sort_keys=True), []).append(report)
    return list(groups.values())


def format_group(group, groups):
    """What a group of `group_reports` is: "mnist, recipe paper, infogan, max_epoch 20, seeds 0, 1".

    Fields are named in which it differs from another group of the same experiment, recipe and variant.
    """
    title, spec = format_experiment(group[0]), without_seed(group[0]["spec"])
    alike = [other[0]["spec"] for other in groups if format_experiment(other[0]) == title]
    differing = [field for field in spec if any(other.get(field) != spec[field] for other in alike)]
    told = [f"{field} {_tell(spec[field])}" for field in differing]
    seeds = ", ".join(str(report["seed"]) for report in group)
    return ", ".join([title, *told, f"seeds {seeds}"])


def without_seed(spec):
    """What the runs of a study share: a spec, as a report holds it, but for its seed."""
    return {field: value for field, value in spec.items() if field != "seed"}


def _tell(value):
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def summarise(reports):
    """Aggregates the metrics of several runs.

    Args:
      reports: sequence of dicts of `infogan.evaluation.report.build_report`, of one experiment.

    Returns:
      list of dicts with `name`, `code`, `unit`, `paper`, `bound`, `source`, `rule`, and
        values: list of float, one a run that measured it
        mean, deviation: float; the deviation is the sample's (n - 1), None for a single run
        worst: float, None where no direction is the better one
        holds: in how many runs it holds, None where the paper says nothing
    """
    rows = {}
    for report in reports:
        for row in report["metrics"]:
            rows.setdefault((row["name"], row["code"]), []).append(row)
    return [_summarise_rows(found) for found in rows.values() if any(row["ours"] is not None for row in found)]


def _summarise_rows(rows):
    values = [row["ours"] for row in rows if row["ours"] is not None]
    worst = {"lower": max, "higher": min}.get(rows[0]["better"])
    kept = {key: rows[0][key] for key in ("name", "code", "unit", "paper", "bound", "source", "rule")}
    return {
        **kept,
        "values": values,
        "mean": statistics.fmean(values),
        "deviation": statistics.stdev(values) if len(values) > 1 else None,
        "worst": worst(values) if worst else None,
        "holds": None if rows[0]["holds"] is None else sum(bool(row["holds"]) for row in rows),
    }


def format_summary(rows):
    """The rows of `summarise` as an aligned table."""
    return align([HEADER, *map(_format_row, rows)])


def _format_row(row):
    numbers = [format_value(row[key], row["unit"]) for key in ("mean", "deviation", "worst")]
    count = len(row["values"])
    holds = "-" if row["holds"] is None else f"{row['holds']} of {count}"
    return name_row(row), *numbers, format_paper(row), holds, str(count)
