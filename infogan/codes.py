"""Codes for people: values as they give them, `{"digit": 3}`, sweeps, and what a code was found to do."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from infogan.distributions import DistInfo
from infogan.latents import Latent, latent_slices
from infogan.spec import ExperimentSpec
from infogan.system.checks import quote
from infogan.system.messages import InputError

FILM_VALUES = 16
"""Values of a continuous code in a film that is not asked for others."""
MOST_SHOWN = 20
"""Values of a discrete code in a picture, and codes with a picture: more would make pictures of gigabytes."""


def choose_shown(count: int, most: int = MOST_SHOWN) -> np.ndarray:
    """Which of `count` things a picture shows: all, or `most` of them spread evenly; int array, rising."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def describe_values(latent: Latent, low: float, high: float) -> str:
    """What may be given for a code: "whole numbers 0 to 9", "numbers, shown from -2 to 2"."""
    count = latent.distribution.number_of_values
    return f"numbers, shown from {low:g} to {high:g}" if count is None else f"whole numbers 0 to {count - 1}"


def usual_values(latent: Latent, columns: int, limit: float) -> np.ndarray:
    """What a sweep gives a code, as people give it: the values of a discrete one, else `columns` values within limit.

    Returns:
      array [values]; MOST_SHOWN values of a discrete code that has more.
    """
    count = latent.distribution.number_of_values
    return latent.distribution.sweep(columns, limit)[:, 0] if count is None else choose_shown(count)


def read_values(codes: Sequence[Latent], posteriors: Mapping[str, DistInfo]) -> dict[str, np.ndarray]:
    """What Q's answers mean, as people give values: dict of code name -> array [N].

    Args:
      posteriors: dict of code name -> `dist_info` of arrays [N, dim].
    """
    return {code.name: code.distribution.read(posteriors[code.name]) for code in codes}


def film_order(latent: Latent, values: np.ndarray) -> np.ndarray:
    """The order in which a film that repeats shows a sweep: a turn goes around, all else comes back.

    Args:
      values: array [N] of its values, in order.

    Returns:
      int array [M] of places in `values`: all but the last for angles that make whole turns, where it is the first
      again; there and back for other continuous values; each once for a discrete code.
    """
    places = np.arange(len(values))
    if latent.distribution.is_discrete:
        return places
    if latent.distribution.goes_around(values):
        return places[:-1]
    return np.concatenate([places, places[-2:0:-1]])


def frame_milliseconds(latent: Latent) -> int:
    """How long a film shows each value of a code: kinds are looked at one by one, a sweep moves."""
    return 500 if latent.distribution.is_discrete else 80


def find_code(spec: ExperimentSpec, name: str) -> Latent:
    """The code of that name.

    Raises:
      InputError: naming the known ones, if there is none.
    """
    for code in spec.codes:
        if code.name == name:
            return code
    known = ", ".join(code.name for code in spec.codes)
    raise InputError("codes", f"{name!r} was given, but the codes of this run are {known}. Choose one of these.")


def code_vectors(latent: Latent, values: ArrayLike) -> np.ndarray:
    """What G takes for values of a code.

    Args:
      values: one or an array [N]; for a discrete code whole numbers that count its values from 0, else finite numbers.

    Returns:
      float32 array [dim] for one value, [N, dim] for several.

    Raises:
      InputError: if the code has no such value.
    """
    array = as_numbers(latent.name, values)
    if array.ndim > 1:
        needed = "a number or an array [N] is needed"
        raise InputError(latent.name, f"an array of shape {[*array.shape]} was given, but {needed}.")
    count = latent.distribution.number_of_values
    return latent.distribution.value_vectors(array if count is None else _as_indices(latent.name, array, count))


def place_values(
    spec: ExperimentSpec, latents: np.ndarray, codes: Mapping[str, ArrayLike], noise: ArrayLike | None = None
) -> np.ndarray:
    """Puts values of codes, and noise, into latents that were drawn.

    Args:
      latents: float array [N, dim], or [1, dim] to be repeated as often as the values ask for.
      codes: dict of code name -> values, as for `code_vectors`.
      noise: None, or an array [dim] or [N, dim] for all latents that are no codes, one after another.

    Returns:
      float32 array [N, dim].

    Raises:
      InputError: if there is no such code or value, or the numbers of values do not go together.
    """
    if not isinstance(codes, dict):
        raise InputError("codes", f"{quote(codes)} was given, but a dict of code name -> value is needed.")
    given = {name: code_vectors(find_code(spec, name), values) for name, values in codes.items()}
    if noise is not None:
        given.update(_split_noise(spec, noise))
    count = _common_count(given, len(latents))
    latents = np.array(np.broadcast_to(latents, (count, latents.shape[-1])), np.float32)
    places = latent_slices(spec.latent_spec)
    for name, values in given.items():
        latents[:, places[name]] = values
    return latents


def as_numbers(name: str, values: ArrayLike) -> np.ndarray:
    """An array of finite numbers, as which values were given.

    Raises:
      InputError: naming them, if they are no such numbers.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "iuf":
        raise InputError(name, f"{quote(values)} was given, but numbers are needed.")
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        is_finite = np.isfinite(array.astype(np.float32))
    if not is_finite.all():
        raise InputError(name, f"{array[~is_finite].flat[0]} was given, but finite numbers are needed.")
    return array


def _as_indices(name: str, array: np.ndarray, count: int) -> np.ndarray:
    wrong = array[(array != np.floor(array)) | (array < 0) | (array >= count)]
    if wrong.size:
        raise InputError(
            name,
            f"{wrong.flat[0]:g} was given, but it has the values 0 to {count - 1}. Choose one of these.",
        )
    return array.astype(np.int64)


def _split_noise(spec: ExperimentSpec, noise: ArrayLike) -> dict[str, np.ndarray]:
    """The part of a noise array that each latent gets: dict of name -> float32 array [..., dim of the latent]."""
    places = latent_slices(spec.noise)
    dim = max((place.stop for place in places.values()), default=0)
    array = as_numbers("noise", noise).astype(np.float32)
    if array.ndim not in (1, 2) or array.shape[-1] != dim:
        raise InputError("noise", f"an array of shape {[*array.shape]} was given, but [{dim}] or [N, {dim}] is needed.")
    return {name: array[..., place] for name, place in places.items()}


def _common_count(given: dict[str, np.ndarray], drawn: int) -> int:
    """The one number of images that all arrays ask for; those of one row go with any."""
    counts = {name: len(values) for name, values in given.items() if values.ndim == 2}
    if drawn != 1:
        counts["count"] = drawn
    lengths = {count for count in counts.values() if count != 1}
    if len(lengths) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
        raise InputError("codes", f"different numbers of values were given ({listed}), but they go together in order.")
    return lengths.pop() if lengths else 1


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
    labels: tuple[str, ...]
    is_matched: bool
    found: tuple[str, ...]
    most: str


def describe_codes(spec: ExperimentSpec, report: dict[str, Any]) -> dict[str, CodeDescription]:
    """A CodeDescription of each code, by name.

    Args:
      report: dict, the content of report.json, empty before an evaluation. Of `metrics` the rows that name a code are
        told; `categories` gives, for each matched code, the class of each of its categories, -1 for none.

    Raises:
      InputError: if that is no report, or one of other codes.
    """
    try:
        return {code.name: _describe_code(code, spec, report) for code in spec.codes}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError("report.json", f"it is no report of this run ({error}). Evaluate the run again.") from error


def format_codes(spec: ExperimentSpec, report: dict[str, Any]) -> str:
    """The codes, and the noise, as lines for the console."""
    lines = []
    for code in describe_codes(spec, report).values():
        lines += [f"{code.name}: {code.prior}; {code.values}", *(f"    {found}" for found in code.found)]
        if code.is_matched:
            matched = (f"{value} is {label}" for value, label in enumerate(code.labels))
            lines.append(f"    matched to classes: {', '.join(matched)}")
    for latent in spec.noise:
        lines.append(f"{latent.name}: {latent.distribution.prior_in_words}; drawn from the seed")
    if not report:
        lines.append("The run was not evaluated yet: what its codes do is unknown.")
    return "\n".join(lines)


def _describe_code(code: Latent, spec: ExperimentSpec, report: dict[str, Any]) -> CodeDescription:
    classes = report.get("categories", {}).get(code.name)
    count = code.distribution.number_of_values or 0
    if classes is not None and len(classes) != count:
        raise ValueError(f"{len(classes)} classes for the {count} values of {code.name}")
    labels = range(count) if classes is None else classes
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


def _describe_most(code: Latent, rows: list[dict[str, Any]]) -> str | None:
    """The quality of an image, or factor, that follows the code most; None where none was measured."""
    strengths = [row for row in rows if row.get("strength") and isinstance(row.get("ours"), int | float)]
    if not strengths:
        return None
    most = max(strengths, key=lambda row: row["ours"])
    change = f", {tell_change(most['change'])}" if most.get("change") else ""
    return f"mostly {most['factor']} ({most['strength']} {most['ours']:.2f}){change}"


def _describe_row(row: dict[str, Any]) -> str:
    value, unit, more = row.get("ours"), row.get("unit", ""), tell_more(row)
    if isinstance(value, int | float):
        value = f"{100 * value:.2f} %" if unit == "share" else f"{value:.3f} {unit}".rstrip()
    else:
        value = "no number"
    return f"{row.get('name')} {value}" + (f" ({more})" if more else "")


def tell_more(row: dict[str, Any]) -> str:
    """What a reader must know of a row of the report beside its value: range, change and note; "" for nothing."""
    told = []
    if row.get("range"):
        low, high = row["range"]
        told.append(f"{low:.3f} uninformative, {high:.3f} perfect")
    if row.get("change"):
        told.append(tell_change(row["change"]))
    return "; ".join([*told, *filter(None, [row.get("note")])])


def tell_change(change: Sequence) -> str:
    """A `Change` in words: "from 37.6 to -33.8 degrees"."""
    low, high, unit = change
    return f"from {low:.1f} to {high:.1f} {unit}"


ROWS = 5
COLUMNS = 10


def sweep_latents(
    latent_spec: Sequence[Latent],
    code: str,
    base: np.ndarray,
    limit: float,
    columns: int = COLUMNS,
    values: ArrayLike | None = None,
) -> np.ndarray:
    """Latents of a sweep of one code.

    Args:
      code: name of the code to sweep.
      base: float array [rows, dim], a draw of the whole prior for each row.
      limit: continuous codes run from -limit to limit.
      columns: how many values a continuous code takes.
      values: the values, as `code_vectors` takes them; None for those of `usual_values`.

    Returns:
      float32 array [rows, columns, dim]; a discrete code has a column per value.
    """
    (latent,) = (latent for latent in latent_spec if latent.name == code)
    vectors = code_vectors(latent, usual_values(latent, columns, limit) if values is None else values)
    values = vectors.reshape(-1, latent.distribution.dim)
    latents = np.repeat(np.asarray(base, np.float32)[:, None], len(values), axis=1)
    latents[:, :, latent_slices(latent_spec)[code]] = values
    return latents


def code_by_category_latents(
    latent_spec: Sequence[Latent],
    category_code: str,
    code: str,
    base: np.ndarray,
    limit: float,
    categories: np.ndarray | None = None,
) -> np.ndarray:
    """Latents of a sweep of one code for every category: a row per category, noise and other codes the same throughout.

    Args:
      category_code: name of the categorical code that differs between rows.
      code: name of the code that differs between columns.
      base: float array [dim], one draw of the whole prior.
      limit: continuous codes run from -limit to limit.
      categories: int array of the categories with a row; None for those of `usual_values`.

    Returns:
      float32 array [categories, columns, dim].
    """
    rows = sweep_latents(latent_spec, category_code, base[None], limit, values=categories)[0]
    return sweep_latents(latent_spec, code, rows, limit)


def vary_discrete_codes(latent_spec: Sequence[Latent], base: np.ndarray) -> np.ndarray:
    """Gives row i of `base` the i-th value of every discrete code, so that the rows of a figure differ in it."""
    base, places = np.array(base, np.float32), latent_slices(latent_spec)
    for latent in latent_spec:
        if latent.regularised and (count := latent.distribution.number_of_values) is not None:
            # Spread over all values, so that five rows of ten digits are not always the first five.
            rows = np.arange(len(base)) * max(1, count // max(1, len(base)))
            base[:, places[latent.name]] = latent.distribution.value_vectors(rows % count)
    return base
