"""reproduction.html: what the paper states beside what studies measured, as one page that needs nothing else.

The same sections give the same bytes.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from infogan.evaluation.metric import Picture
from infogan.evaluation.report import embed_picture, format_value, render_document
from infogan.evaluation.verdicts import (
    FAILS,
    HOLDS,
    IN_SOME_SEEDS,
    NOT_COUNTED,
    VERDICTS,
    Evidence,
    Finding,
    Judged,
    Number,
    Setting,
)


class Section(NamedTuple):
    """What the page says of one experiment of the paper.

    Attributes:
      experiment: its name, which is the anchor.
      title: its heading.
      judged: its statements.
      studies: of it, the one that decides first.
      pictures: each with a caption; PNG or JPEG.
      remark: why there is no study, or ""; what can be done about it.
    """

    experiment: str
    title: str
    judged: tuple[Judged, ...]
    studies: tuple[Evidence, ...]
    pictures: tuple[Picture, ...]
    remark: str = ""


MORE_STYLE = """
:root { --some: #8a5a00; } @media (prefers-color-scheme: dark) { :root { --some: #f0c060; } }
.some { color: var(--some); font-weight: 600; } .open { opacity: .7; }
body { max-width: 76rem; } h2 { border-top: 1px solid var(--line); padding-top: 1rem; font-size: 1.25rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
summary { cursor: pointer; } details { font-size: .85rem; margin: .2rem 0; } small { opacity: .75; font-size: .85em; }
code { overflow-wrap: anywhere; } td { overflow-wrap: break-word; }
.claims td:nth-child(1) { width: 11%; } .claims td:nth-child(2) { width: 33%; }
.claims td:nth-child(4) { width: 14%; }
.figures { margin-top: 1rem; } figure { max-width: 48rem; }
figure { align-self: start; } figure img { background: #fff; }
.counts td:not(:first-child), .counts th:not(:first-child) { text-align: right; }
@media (max-width: 40rem) {
  .claims td:nth-child(n) { width: auto; } .claims td:nth-child(1) { font-weight: 600; }
  .counts td:not(:first-child) { text-align: left; }
}
"""
CLASSES = {HOLDS: "yes", FAILS: "no", IN_SOME_SEEDS: "some", NOT_COUNTED: "some"}
HEADER = ("where", "the paper", "here", "holds")
LONG = 80
"""Characters from which on a setting that is as printed is not told twice."""
INTRODUCTION = (
    "Each statement of the paper (Chen et al. 2016, <a href='https://arxiv.org/abs/1606.03657'>arXiv:1606.03657</a>) "
    "that can be compared, beside what this project measured. A statement <b>holds</b> if it holds in every seed of "
    "the first study of its section; the other studies stand beside it. One that was made with an older recipe is not "
    "counted. Where the paper shows something without a number, the bound is this project's: <b>asked here</b>. Every "
    "number below is computed from the documents of the studies."
)


def render_page(sections: Sequence[Section], departures: Sequence[str]) -> str:
    """The page.

    Args:
      sections: in their order.
      departures: those of every study, which no setting shows.
    """
    everywhere = "".join(f"<li>{escape(departure)}</li>" for departure in departures)
    body = f"""<p>{INTRODUCTION}</p>
{_render_counts(sections)}
{"".join(map(_render_section, sections))}<h2 id="departures">Departures of every study</h2>
<p>Those of single studies are in the sections above. These are of all of them:</p>
<ul>{everywhere}</ul>
<p class="note">Made by <code>infogan paper</code>.</p>"""
    return render_document("InfoGAN: the paper beside what was measured", body, MORE_STYLE)


def _render_counts(sections):
    header = ("experiment", *VERDICTS, "set-up as printed", "studies", "hours")
    rows = []
    for section in sections:
        results, settings = _split(section.judged)
        verdicts = [judged.verdict for judged in results]
        obeyed = sum(judged.verdict == HOLDS for judged in settings)
        hours = sum(sum(study.minutes) for study in section.studies) / 60
        link = f'<a href="#{section.experiment}">{escape(section.title)}</a>'
        counts = [str(verdicts.count(verdict)) if verdict in verdicts else "-" for verdict in VERDICTS]
        printed = f"{obeyed} of {len(settings)}" if settings else "-"
        rows.append((link, *counts, printed, str(len(section.studies) or "-"), f"{hours:.1f}" if hours else "-"))
    return _render_table(header, rows, "counts")


def _split(judged: Iterable[Judged]) -> tuple[list[Judged], list[Judged]]:
    """(statements of results, those of the set-up)."""
    results: list[Judged] = []
    settings: list[Judged] = []
    for each in judged:
        (settings if isinstance(each.statement.check, Setting) else results).append(each)
    return results, settings


def _render_section(section):
    results, settings = _split(section.judged)
    parts = [f'<h2 id="{section.experiment}">{escape(section.title)}</h2>\n']
    if section.remark:
        parts.append(f"<p>{escape(section.remark)}</p>\n")
    parts.append(_render_claims(results))
    if section.pictures:
        parts.append(f'<div class="figures">\n{"".join(map(embed_picture, section.pictures))}</div>\n')
    if section.studies:
        parts += ["<h3>Studies</h3>\n", _render_studies(section.studies), *_render_departures(section.studies)]
    if settings:
        parts += ["<h3>Set-up, of recipe <code>paper</code></h3>\n", _render_claims(settings)]
    return "".join(parts)


def _render_claims(judged):
    rows = []
    for each in judged:
        statement = each.statement
        note = f'<span class="note">{escape(statement.note)}</span>' if statement.note else ""
        rows.append(
            (escape(statement.place), escape(statement.text) + note, _render_found(each), _render_verdict(each))
        )
    return _render_table(HEADER, rows, "claims")


def _render_verdict(judged):
    text, finding = judged.verdict, judged.deciding
    if text == IN_SOME_SEEDS and finding:
        text = f"holds in {finding.held} of {len(finding.values)} seeds"
    return f'<span class="{CLASSES.get(judged.verdict, "open")}">{escape(text)}</span>'


def _render_found(judged):
    check = judged.statement.check
    if isinstance(check, Setting):
        is_long = judged.verdict == HOLDS and len(judged.found) > LONG
        return "the same" if is_long else escape(judged.found)
    if not isinstance(check, Number) or not judged.findings:
        return "-"
    whose = "asked here" if check.asked else "the paper's"
    slack = f", to within {check.slack:g}" if check.slack else ""
    asked = f"{check.rule} {format_value(check.bound, check.unit)} ({whose}{slack})"
    bound = f'<span class="note">{escape(asked)}; means over the seeds:</span>'
    lines = "".join(_render_finding(check, finding) for finding in judged.findings)
    seeds = "<br>".join(_list_seeds(check, finding) for finding in judged.findings)
    return f"{bound}{lines}<details><summary>every seed</summary>{seeds}</details>"


def _render_finding(check: Number, finding: Finding) -> str:
    mean, worst, best = (_show(check, value) for value in (finding.mean, finding.worst, finding.best))
    held = f"{finding.held} of {len(finding.values)} seeds"
    if finding.study.objection:
        held = f"not counted: {finding.study.objection}"
    about = f"{escape(finding.study.name)}: worst {worst}, best {best}; {escape(held)}"
    return f'<div class="finding">{mean} <small>{about}</small></div>'


def _show(check: Number, value: float) -> str:
    return escape("no number" if math.isnan(value) else format_value(value, check.unit))


def _list_seeds(check: Number, finding: Finding) -> str:
    each = (f"{seed}: {_show(check, value)}" for seed, value in zip(finding.study.seeds, finding.values))
    return f"{escape(finding.study.name)} &ndash; {', '.join(each)}"


def _render_studies(studies):
    header = ("study", "recipe", "seeds", "updates", "minutes a run", "cores a run", "hours in all")
    return _render_table(header, [tuple(map(escape, _describe_study(study))) for study in studies], "studies")


def _describe_study(study: Evidence) -> tuple[str, ...]:
    recipe = f"{study.recipe}; {study.objection}: not counted" if study.objection else study.recipe
    minutes, unknown = study.minutes, "not kept"
    return (
        study.name,
        recipe,
        ", ".join(map(str, study.seeds)),
        f"{study.updates:,} of {study.batch_size} images" if study.updates else unknown,
        f"{sum(minutes) / len(minutes):.0f} ({min(minutes):.0f} to {max(minutes):.0f})" if minutes else unknown,
        ", ".join(f"{cores:g}" for cores in sorted(set(study.cores))) or unknown,
        f"{sum(minutes) / 60:.1f}" if minutes else unknown,
    )


def _render_departures(studies: Sequence[Evidence]) -> list[str]:
    """What studies do otherwise than recipe paper; those with the same departures together."""
    names: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    for study in studies:
        if study.departures is not None:
            names.setdefault(study.departures, []).append(study.name)
    parts = []
    for departures, same in names.items():
        title = f"Departures of {', '.join(same)} from recipe paper"
        if not departures:
            parts.append(f"<p>{escape(title)}: none.</p>\n")
            continue
        rows = [tuple(map(escape, departure)) for departure in departures]
        table = _render_table(("setting", "recipe paper", "this study"), rows, "departures")
        parts.append(f"<details><summary>{escape(title)}: {len(rows)}</summary>\n{table}</details>\n")
    return parts


def _render_table(header, rows, name):
    """Cells are HTML."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    lines = []
    for row in rows:
        first, *others = row
        cells = f"<td>{first}</td>" + "".join(
            f'<td data-label="{escape(label)}"{" class=none" if cell == "-" else ""}>{cell}</td>'
            for label, cell in zip(header[1:], others)
        )
        lines.append(f"<tr>{cells}</tr>\n")
    return (
        f'<div class="table"><table class="{name}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(lines)}</tbody>\n</table></div>\n"
    )
