"""What an evaluation finds: measured numbers and whether they hold against the paper, notes and pictures.

A metric is a function of (run, dataset, settings) that returns what it found, a list of `Metric`s, of notes, which are
plain strings, and of `Picture`s:

    def brightness(run, dataset, settings):
        images = run.generate_from(run.sample_latents(settings.images, seed=0))
        return [Metric("mean brightness of samples", float(images.mean()), range=(0.0, 1.0))]

`infogan.evaluation.evaluate.METRICS` are those of every report.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from infogan.data import Dataset
from infogan.run import TrainedRun, compute_once
from infogan.spec import PaperValue
from infogan.system.files import json_number
from infogan.system.messages import InputError


@dataclasses.dataclass(frozen=True)
class Claim:
    """Something the paper shows without a number, and the number at which this project counts it as reached.

    Attributes:
      source: section or figure.
      bound: this project's number, which has to be reached at least.
    """

    source: str
    bound: float


class Change(NamedTuple):
    """What a quality of the images is, in the mean, at the lowest and at the highest value of a code."""

    low: float
    high: float
    unit: str


@dataclasses.dataclass(frozen=True)
class Metric:
    """One measured number.

    Attributes:
      name: the metric.
      value: the measured number.
      unit: what it is measured in; "share" for a number from 0 to 1, which the table shows in per cent.
      code: the code it belongs to, None for the whole model.
      note: what else a reader must know to compare it.
      better: "lower" or "higher", which decides what the worst of several runs is; None where neither is.
      claim: a Claim that the metric belongs to, None where the paper's number, if any, decides.
      factor: the true factor or the quality of an image that a code was compared with, None where there is none.
      range: what the value is if nothing was learned, and if all was: two floats; None where that is not known.
      strength: what the value is called as the strength, from 0 to 1, with which a factor follows a code, such as
        "|Spearman|"; None for any other number.
      change: the Change of a quality with a code; None where there is none.
    """

    name: str
    value: float
    unit: str = ""
    code: str | None = None
    note: str = ""
    better: str | None = None
    claim: Claim | None = None
    factor: str | None = None
    range: tuple[float, float] | None = None
    strength: str | None = None
    change: Change | None = None


class Picture(NamedTuple):
    """A file of the run's log folder.

    Attributes:
      path: below the log folder.
      content: bytes.
      caption: what the report says of it; "" for a file that the report does not show.
    """

    path: str
    content: bytes
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How much a metric draws: more is more exact, and slower.

    Attributes:
      samples: latents over which L_I is a mean.
      images: at most this many on either side of a comparison of samples with real images.
      rows: latents in the sweep of a code whose effect is measured.
    """

    samples: int = 10_000
    images: int = 10_000
    rows: int = 100


FULL, QUICK = Settings(), Settings(samples=200, images=200, rows=10)


Found = Sequence[Metric | str | Picture]
MetricFunction = Callable[[TrainedRun, Dataset, Settings], Found]
Result = TypeVar("Result")


class Findings:
    """What metrics found, by kind: `metrics`, `notes` and `pictures`, lists."""

    def __init__(self) -> None:
        self.metrics: list[Metric] = []
        self.notes: list[str] = []
        self.pictures: list[Picture] = []

    def add(self, metric: MetricFunction, found: Found) -> None:
        """Takes what a metric returned.

        Raises:
          InputError: naming the metric, if it is no list of `Metric`s, notes and `Picture`s.
        """
        places: dict[type, list] = {Metric: self.metrics, str: self.notes, Picture: self.pictures}
        for item in found if isinstance(found, list | tuple) else [found]:
            if type(item) not in places:
                raise InputError(
                    getattr(metric, "__name__", "metrics"),
                    f"it returned {item!r}, but a list of Metrics, of notes (str) and of Pictures is needed.",
                )
            places[type(item)].append(item)


def once_a_run(compute: Callable[[TrainedRun, Dataset], Result]) -> Callable[[TrainedRun, Dataset], Result]:
    """A function of (run, dataset) whose result metrics share: it is computed once a dataset, and kept in the run."""

    @functools.wraps(compute)
    def kept(run: TrainedRun, dataset: Dataset) -> Result:
        return compute_once(run.computed, compute, dataset, lambda: compute(run, dataset))

    return kept


def compare(metrics: Sequence[Metric], paper_values: Sequence[PaperValue]) -> list[dict[str, Any]]:
    """Sets each metric beside the paper's value, if it has one.

    Returns:
      list of dicts with `name`, `code`, `ours` (the value), `unit`, `note`, `better`, `factor`, `range`, `strength`,
      `change`, `paper`, `bound`, `source`, `rule` and `holds`. `ours` is None where it is no finite number. `paper` is
      the paper's number, `bound` this project's for a claim of the paper without one. `holds` follows the rule, "at
      most" or "at least" that number; it is None where there is neither, as are `source` and `rule`.
    """
    known = {(value.metric, value.code): value for value in paper_values}
    return [_compare(metric, known.get((metric.name, metric.code))) for metric in metrics]


def _compare(metric: Metric, paper: PaperValue | None) -> dict[str, Any]:
    fields = {field.name: getattr(metric, field.name) for field in dataclasses.fields(metric)}
    value, claim = fields.pop("value"), fields.pop("claim")
    row = {"name": fields.pop("name"), "ours": json_number(value)}
    row |= {name: [*entry] if isinstance(entry, tuple) else entry for name, entry in fields.items()}
    row.update(paper=None, bound=None, source=None, rule=None, holds=None)
    stated = paper or claim
    if stated:
        number = paper.value if paper else claim.bound
        rule = paper.rule if paper else "at least"
        is_within = value <= number if rule == "at most" else value >= number
        holds = math.isfinite(value) and is_within
        row.update({"paper" if paper else "bound": number}, source=stated.source, rule=rule, holds=holds)
    return row
