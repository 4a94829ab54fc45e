"""The report as one HTML file that needs nothing else: pictures inside, no script, no address."""

import base64
import json
from html import escape

from infogan.evaluation.report import HEADER, format_row, format_title

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


def render_html(report, pictures):
    """report.html.

    Args:
      report: dict of `infogan.evaluation.report.build_report`.
      pictures: list of (PNG bytes, caption).

    Returns:
      str, a whole document.
    """
    title = escape(format_title(report))
    notes = "".join(f"<li>{escape(note)}</li>" for note in report["notes"])
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<div class="table"><table>
<thead><tr>{"".join(f'<th scope="col">{escape(cell)}</th>' for cell in HEADER)}</tr></thead>
<tbody>
{_render_rows(report["metrics"])}
</tbody>
</table></div>
<ul>{notes}</ul>
<h2>Pictures</h2>
<div class="figures">
{"".join(_render_picture(*picture) for picture in pictures)}
</div>
<h2>What was run</h2>
<details><summary>Specification</summary><pre>{escape(json.dumps(report["spec"], indent=1))}</pre></details>
<p>Made with {escape(versions)}.</p>
</body>
</html>
"""


def _render_rows(rows):
    return "\n".join(_render_row(row) for row in rows)


def _render_row(row):
    quantity, *others = format_row({**row, "note": ""})
    note = f'<span class="note">{escape(row["note"])}</span>' if row["note"] else ""
    cells = "".join(map(_render_cell, HEADER[1:], others))
    return f"<tr><td>{escape(quantity)}{note}</td>{cells}</tr>"


def _render_cell(label, cell):
    kind = {"yes": "yes", "no": "no", "-": "none"}.get(cell, "")
    return f'<td data-label="{label}" class="{kind}">{escape(cell)}</td>'


def _render_picture(png, caption):
    data = base64.b64encode(png).decode()
    caption = escape(caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>\n'
    )
