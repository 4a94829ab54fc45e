"""Our numbers beside the paper's: as a value, as a table for the console, as Markdown."""

import json
import platform
from importlib import metadata

from infogan.evaluation.metric import compare

PACKAGES = ("infogan", "tensorflow", "tf-keras", "numpy", "scipy", "scikit-learn", "scikit-image")
HEADER = ("quantity", "ours", "paper", "where", "holds")


def build_report(spec, update, metrics, notes):
    """The report of one run.

    Args:
      spec: ExperimentSpec.
      update: updates that the evaluated checkpoint had.
      metrics: sequence of Metric.
      notes: sequence of str, what the numbers do not say.

    Returns:
      dict with `name`, `recipe`, `variant`, `seed`, `update`, `metrics` (rows of `compare`), `notes`, `spec` and
      `versions`; it goes to JSON as it is.
    """
    return {
        "name": spec.name,
        "recipe": spec.recipe,
        "variant": spec.variant,
        "seed": spec.seed,
        "update": update,
        "metrics": compare(metrics, spec.paper_values),
        "notes": list(notes),
        "spec": json.loads(spec.to_json()),
        "versions": {"python": platform.python_version(), **{name: find_version(name) for name in PACKAGES}},
    }


def find_version(package):
    """The version of an installed package, None if pip does not know it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # a bare clone; TensorFlow also comes under other names
        return None


def format_experiment(report):
    """What runs of several seeds share: "mnist, recipe paper, infogan"."""
    return f"{report['name']}, recipe {report['recipe']}, {report['variant']}"


def format_title(report):
    """One line that says which run it is."""
    return f"{format_experiment(report)}, seed {report['seed']}, update {report['update']:,}"


def format_report(report):
    """Table and notes for the console."""
    return "\n".join([format_table(report["metrics"]), *(f"- {note}" for note in report["notes"])])


def format_table(rows):
    """The rows of `compare` as an aligned table."""
    return align([HEADER, *map(format_row, rows)])


def align(table):
    """Lines of cells, the first a header, as text in columns."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def format_markdown(report, pictures):
    """report.md.

    Args:
      report: dict of `build_report`.
      pictures: dict of path below the log folder -> caption.
    """
    lines = [f"# {format_title(report)}", "", *_markdown_table([HEADER, *map(format_row, report["metrics"])]), ""]
    lines += [*(f"- {note}" for note in report["notes"]), ""]
    for path, caption in pictures.items():
        lines += [f"![{caption}]({path})", "", caption, ""]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    return "\n".join([*lines, f"Made with {versions}.", ""])


def _markdown_table(table):
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in table]
    return [lines[0], "|" + "---|" * len(table[0]), *lines[1:]]


def format_row(row):
    """A row of `compare` as five cells: quantity, ours, paper, where, holds."""
    holds = {True: "yes", False: "no", None: "-"}[row["holds"]]
    return (
        name_row(row, with_note=True),
        format_value(row["ours"], row["unit"]),
        format_paper(row),
        row["source"] or "-",
        holds,
    )


def format_paper(row):
    """The paper's number; where it only draws something, what is asked here."""
    if row["bound"] is not None:
        return f"shown ({row['rule']} {format_value(row['bound'], row['unit'])} asked here)"
    return format_value(row["paper"], row["unit"])


def name_row(row, with_note=False):
    """What a row measures, as "digit: error rate"."""
    name = f"{row['code']}: {row['name']}" if row["code"] else row["name"]
    return f"{name} ({row['note']})" if with_note and row["note"] else name


def format_value(value, unit):
    """A number with its unit; shares in per cent."""
    if value is None:
        return "-"
    if unit == "share":
        return f"{100 * value:.2f} %"
    return (f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3f} {unit}").rstrip()
