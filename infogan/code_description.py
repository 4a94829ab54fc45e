"""What the codes of a run are and, once it was evaluated, what they were found to do."""

import dataclasses
import re

from infogan.code_values import count_values, describe_values

CORRELATION = "|Spearman| with "
"""How the report's names of rank correlations begin."""
EXPLAINED = "variance of {} explained"
"""The report's names of how well codes explain a factor that goes around."""


@dataclasses.dataclass(frozen=True)
class CodeDescription:
    """A code for people.

    Attributes:
      name: the code.
      prior: its prior, as "uniform over 10 categories".
      values: what may be given for it, as "whole numbers 0 to 9".
      labels: for a discrete code the label of each value: the class it was matched to, or else its number.
      is_matched: whether the labels are classes.
      found: what was measured of it, as "L_I 2.302 nats (at most H = 2.303)"; a tuple of strings.
      most: what of an image follows it most, as "mostly slant (|Spearman| 0.94), from 37.6 to -33.8 degrees"; the
        first of `found` where that was not measured, "" where nothing was.
    """

    name: str
    prior: str
    values: str
    labels: tuple
    is_matched: bool
    found: tuple
    most: str


def describe_codes(spec, report):
    """A CodeDescription of each code, by name.

    Args:
      spec: ExperimentSpec.
      report: dict, the content of report.json, empty before an evaluation. Of `metrics` the rows that name a code are
        told; `categories` gives, for each matched code, the class of each of its categories, -1 for none.
    """
    return {code.name: _describe_code(code, spec, report) for code in spec.codes}


def format_codes(spec, report):
    """The codes, and the noise, as lines for the console."""
    lines = []
    for code in describe_codes(spec, report).values():
        lines += [f"{code.name}: {code.prior}; {code.values}", *(f"    {found}" for found in code.found)]
        if code.is_matched:
            matched = (f"{value} is {label}" for value, label in enumerate(code.labels))
            lines.append(f"    matched to classes: {', '.join(matched)}")
    for latent in spec.latent_spec:
        if not latent.regularised:
            lines.append(f"{latent.name}: {latent.distribution.prior_in_words}; drawn from the seed")
    if not report:
        lines.append("The run was not evaluated yet: what its codes do is unknown.")
    return "\n".join(lines)


def _describe_code(code, spec, report):
    classes = report.get("categories", {}).get(code.name)
    labels = range(count_values(code) or 0) if classes is None else classes
    rows = [row for row in report.get("metrics", []) if row.get("code") == code.name]
    found = tuple(map(_describe_row, rows))
    return CodeDescription(
        code.name,
        code.distribution.prior_in_words,
        describe_values(code, *spec.sweep_ends(code)),
        tuple("no class" if label == -1 else str(label) for label in labels),
        classes is not None,
        found,
        _describe_most(code, rows) or (found[0] if found else ""),
    )


def _describe_most(code, rows):
    """The quality of an image, or factor, that follows the code most; None where none was measured."""
    explained = re.compile(EXPLAINED.format("(.+)"))
    found = []
    for row in rows:
        name, value = str(row.get("name")), row.get("ours")
        if not isinstance(value, int | float):
            continue
        if factor := explained.fullmatch(name):
            found.append((value, factor[1], f"{value:.2f} of its variance explained", ""))
        elif name.startswith(CORRELATION):
            change, *_ = row.get("note", "").split(";")
            found.append((value, name.removeprefix(CORRELATION), f"|Spearman| {value:.2f}", change and f", {change}"))
    if not found:
        return None
    _, quality, how_much, change = max(found)
    return f"mostly {quality} ({how_much}){change}"


def _describe_row(row):
    value, unit, note = row.get("ours"), row.get("unit", ""), row.get("note", "")
    if isinstance(value, int | float):
        value = f"{100 * value:.2f} %" if unit == "share" else f"{value:.3f} {unit}".rstrip()
    return f"{row.get('name')} {value}" + (f" ({note})" if note else "")
