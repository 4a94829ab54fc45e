"""Our numbers beside the paper's: as a value, as a table for the console, as Markdown."""

import base64
import json
import mimetypes
import platform
import statistics
from collections.abc import Sequence
from html import escape
from importlib import metadata
from typing import Any

from infogan.codes import tell_more
from infogan.evaluation.metric import Metric, Picture, compare
from infogan.spec import ExperimentSpec, upgrade

PACKAGES = ("infogan", "tensorflow", "tf-keras", "numpy", "scipy", "scikit-learn", "scikit-image")
HEADER = ("quantity", "ours", "paper", "where", "holds")


def build_report(spec: ExperimentSpec, update: int, metrics: Sequence[Metric], notes: Sequence[str]) -> dict[str, Any]:
    """The report of one run.

    Args:
      update: updates that the evaluated checkpoint had.
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
        "spec": spec.to_document(),
        "versions": {"python": platform.python_version(), **{name: find_version(name) for name in PACKAGES}},
    }


def find_version(package: str) -> str | None:
    """The version of an installed package, None if pip does not know it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # a bare clone; TensorFlow also comes under other names
        return None


def format_experiment(report: dict[str, Any]) -> str:
    """What runs of several seeds share: "mnist, recipe paper, infogan"."""
    return f"{report['name']}, recipe {report['recipe']}, {report['variant']}"


def format_title(report: dict[str, Any]) -> str:
    """One line that says which run it is."""
    return f"{format_experiment(report)}, seed {report['seed']}, update {report['update']:,}"


def format_report(report: dict[str, Any]) -> str:
    """Table and notes for the console."""
    return "\n".join([format_table(report["metrics"]), *(f"- {note}" for note in report["notes"])])


def format_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of `compare` as an aligned table."""
    return align([HEADER, *map(format_row, rows)])


def align(table: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the first a header, as text in columns."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def format_markdown(report: dict[str, Any], pictures: Sequence[Picture]) -> str:
    """report.md.

    Args:
      report: dict of `build_report`.
      pictures: list of Picture, those with a caption.
    """
    lines = [f"# {format_title(report)}", "", *_markdown_table([HEADER, *map(format_row, report["metrics"])]), ""]
    lines += [*(f"- {note}" for note in report["notes"]), ""]
    for path, _, caption in pictures:
        lines += [f"![{caption}]({path})", "", caption, ""]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    return "\n".join([*lines, f"Made with {versions}.", ""])


def _markdown_table(table: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in table]
    return [lines[0], "|" + "---|" * len(table[0]), *lines[1:]]


def format_row(row: dict[str, Any]) -> tuple[str, ...]:
    """A row of `compare` as five cells: quantity, ours, paper, where, holds."""
    holds = {True: "yes", False: "no", None: "-"}[row["holds"]]
    return (
        name_row(row) + (f" ({more})" if (more := tell_more(row)) else ""),
        format_value(row["ours"], row["unit"]),
        format_paper(row),
        row["source"] or "-",
        holds,
    )


def format_paper(row: dict[str, Any]) -> str:
    """The paper's number; where it only draws something, what is asked here."""
    if row["bound"] is not None:
        return f"shown ({row['rule']} {format_value(row['bound'], row['unit'])} asked here)"
    return format_value(row["paper"], row["unit"])


def name_row(row: dict[str, Any]) -> str:
    """What a row measures, as "digit: error rate"."""
    return f"{row['code']}: {row['name']}" if row["code"] else row["name"]


def format_value(value: float | None, unit: str) -> str:
    """A number with its unit; shares in per cent."""
    if value is None:
        return "-"
    if unit == "share":
        return f"{100 * value:.2f} %"
    return (f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3f} {unit}").rstrip()


STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #157f3b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --good: #6ccf8e; --bad: #ff8a80; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; line-height: 1.3; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td:nth-child(2), td:nth-child(3) { font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) {
  thead { display: none; }
  tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  td { display: block; padding: 0 .2rem; border: 0; }
  td[data-label]::before { content: attr(data-label) ": "; opacity: .7; font-weight: 400; }
  td.none { display: none; }
}
.note { opacity: .7; font-size: .85em; display: block; }
.yes { color: var(--good); font-weight: 600; } .no { color: var(--bad); font-weight: 600; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.2rem; }
figure { margin: 0; } figcaption { font-size: .88rem; margin-top: .3rem; }
img { max-width: 100%; height: auto; border: 1px solid var(--line); image-rendering: auto; }
pre { overflow-x: auto; font-size: .8rem; }
"""


LARGEST_PAGE = 10_000_000
"""Bytes of report.html, up to which it holds its pictures: larger pages can be neither mailed nor opened everywhere."""


def render_html(report: dict[str, Any], pictures: Sequence[Picture]) -> str:
    """report.html.

    Args:
      report: dict of `infogan.evaluation.report.build_report`.
      pictures: list of Picture, those with a caption.

    Returns:
      str, a whole document, but for pictures with which it would be larger than LARGEST_PAGE: these it shows from the
      files beside it.
    """
    page, figures, linked = _render_page(report), [], 0
    room = LARGEST_PAGE - len(page)
    for picture in pictures:
        figure = embed_picture(picture)
        if len(figure) > room:
            figure, linked = _render_picture(picture.path, picture.caption), linked + 1
        figures.append(figure)
        room -= len(figure)
    if linked:
        figures.append(
            f"<p>{linked} of the pictures are too large for this page. They are shown from the files beside it.</p>"
        )
    return page.replace(FIGURES, "".join(figures), 1)


FIGURES = "<!-- figures -->"


def _render_page(report: dict[str, Any]) -> str:
    """The document, with FIGURES where the pictures go."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in report["notes"])
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    body = f"""<div class="table"><table>
<thead><tr>{"".join(f'<th scope="col">{escape(cell)}</th>' for cell in HEADER)}</tr></thead>
<tbody>
{_render_rows(report["metrics"])}
</tbody>
</table></div>
<ul>{notes}</ul>
<h2>Pictures</h2>
<div class="figures">
{FIGURES}
</div>
<h2>What was run</h2>
<details><summary>Specification</summary><pre>{escape(json.dumps(report["spec"], indent=1))}</pre></details>
<p>Made with {escape(versions)}.</p>"""
    return render_document(format_title(report), body)


def render_document(title: str, body: str, style: str = "") -> str:
    """A whole HTML document, in STYLE and more of that kind; the title is its heading too."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}
</body>
</html>
"""


def _render_rows(rows: Sequence[dict[str, Any]]) -> str:
    return "\n".join(_render_row(row) for row in rows)


def _render_row(row: dict[str, Any]) -> str:
    _, *others = format_row(row)
    more = f'<span class="note">{escape(tell_more(row))}</span>' if tell_more(row) else ""
    cells = "".join(map(_render_cell, HEADER[1:], others))
    return f"<tr><td>{escape(name_row(row))}{more}</td>{cells}</tr>"


def _render_cell(label: str, cell: str) -> str:
    kind = {"yes": "yes", "no": "no", "-": "none"}.get(cell, "")
    return f'<td data-label="{label}" class="{kind}">{escape(cell)}</td>'


def embed_picture(picture: Picture) -> str:
    """A picture, which the HTML holds, with its caption."""
    kind = mimetypes.guess_type(picture.path)[0] or "image/png"
    data = base64.b64encode(picture.content).decode()
    return _render_picture(f"data:{kind};base64,{data}", picture.caption)


def _render_picture(source: str, caption: str) -> str:
    """A picture of that address, with its caption, as HTML."""
    caption = escape(caption)
    return f'<figure><img alt="{caption}" src="{escape(source)}"><figcaption>{caption}</figcaption></figure>\n'


SUMMARY_HEADER = ("quantity", "mean", "deviation", "worst", "paper", "holds", "runs")


def group_reports(reports: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Reports that differ in the seed alone, together: a list of lists."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for report in reports:
        groups.setdefault(json.dumps(without_seed(report["spec"]), sort_keys=True), []).append(report)
    return list(groups.values())


def format_group(group: Sequence[dict[str, Any]], groups: Sequence[Sequence[dict[str, Any]]]) -> str:
    """What a group of `group_reports` is: "mnist, recipe paper, infogan, max_epoch 20, seeds 0, 1".

    Fields are named in which it differs from another group of the same experiment, recipe and variant.
    """
    title, spec = format_experiment(group[0]), without_seed(group[0]["spec"])
    alike = [without_seed(other[0]["spec"]) for other in groups if format_experiment(other[0]) == title]
    differing = [field for field in spec if any(other[field] != spec[field] for other in alike)]
    told = [f"{field} {_tell(spec[field])}" for field in differing]
    seeds = ", ".join(str(report["seed"]) for report in group)
    return ", ".join([title, *told, f"seeds {seeds}"])


def without_seed(spec: dict[str, Any]) -> dict[str, Any]:
    """What the runs of a study share: a spec, as a report of any version holds it, but for its seed."""
    return {field: value for field, value in upgrade(spec).items() if field != "seed"}


def _tell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def summarise(reports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Aggregates the metrics of several runs.

    Args:
      reports: sequence of dicts of `infogan.evaluation.report.build_report`, of one experiment.

    Returns:
      list of dicts with `name`, `code`, `unit`, `paper`, `bound`, `source`, `rule`, and
        values: list of float, one a run that measured it
        mean, deviation: float; the deviation is the sample's (n - 1), None for a single run
        worst: float, None where no direction is the better one
        holds: in how many runs it holds, None where the paper says nothing
        judged: of how many, those included in which it was no finite number
    """
    rows: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for report in reports:
        for row in report["metrics"]:
            rows.setdefault((row["name"], row["code"]), []).append(row)
    return [_summarise_rows(found) for found in rows.values() if any(row["ours"] is not None for row in found)]


def _summarise_rows(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
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
        "judged": len(rows),
    }


def format_summary(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of `summarise` as an aligned table."""
    return align([SUMMARY_HEADER, *map(_format_row, rows)])


def _format_row(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = [format_value(row[key], row["unit"]) for key in ("mean", "deviation", "worst")]
    holds = "-" if row["holds"] is None else f"{row['holds']} of {row['judged']}"
    return name_row(row), *numbers, format_paper(row), holds, str(len(row["values"]))
