"""What the paper states, as values, and whether what studies measured bears it out.

A `Statement` names what decides it: a `Number` of the studies' reports, or a `Setting` of a recipe. `judge` does the
rest, so no verdict is written by hand.
"""

import dataclasses
import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from infogan.model.architectures import find_architecture
from infogan.model.layers import Row
from infogan.spec import ExperimentSpec

HOLDS, IN_SOME_SEEDS, FAILS = "holds", "holds in some seeds", "does not hold"
NOT_COUNTED, NOT_MEASURED, NOT_MEASURABLE = "not counted", "not measured", "not measurable here"
VERDICTS = (HOLDS, IN_SOME_SEEDS, FAILS, NOT_COUNTED, NOT_MEASURED, NOT_MEASURABLE)


@dataclasses.dataclass(frozen=True)
class Number:
    """A number of a run's report, and what it has to be.

    Attributes:
      name: of the metric.
      rule: "at most" or "at least".
      bound: what the rule compares it with.
      unit: of `Metric`.
      code: the code that it belongs to, None for the whole model.
      among: "best" or "worst" takes that of all codes that have the metric, for names of codes may be exchanged.
      asked: whether the bound is this project's: the paper shows something and gives no number.
      slack: by how much the bound may be missed, as where it was read off a plot.
    """

    name: str
    rule: str
    bound: float
    unit: str = ""
    code: str | None = None
    among: str | None = None
    asked: bool = False
    slack: float = 0.0

    def find(self, metrics: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """The row of a run's report that decides, None where it has none; its `ours` may be None, for no number."""
        named = [row for row in metrics if row["name"] == self.name]
        if self.among is None:
            return next((row for row in named if row["code"] == self.code), None)
        rows = [row for row in named if row["code"] is not None]
        if not rows or any(row["ours"] is None for row in rows):
            return rows[0] | {"ours": None} if rows else None
        return self.order(rows, self.among == "best")

    def order(self, rows: Sequence[Any], best: bool, key: Callable = lambda row: row["ours"]) -> Any:
        """The best or the worst of rows."""
        return (max if best == (self.rule == "at least") else min)(rows, key=key)

    def holds(self, value: float) -> bool:
        """Whether a value obeys the rule; NaN does not."""
        return value >= self.bound - self.slack if self.rule == "at least" else value <= self.bound + self.slack


@dataclasses.dataclass(frozen=True)
class Setting:
    """Something that the paper prints of an experiment's set-up.

    Attributes:
      describe: function of a spec that says in words what it has there.
      spec: the recipe that is to obey the paper.
      printed: what the paper has there, in the same words.
    """

    describe: Callable[[ExperimentSpec], str]
    spec: ExperimentSpec
    printed: str


@dataclasses.dataclass(frozen=True)
class Statement:
    """One thing that the paper states.

    Attributes:
      experiment: the part of the page that it belongs to.
      place: section, table or figure.
      text: what is stated, in a sentence.
      check: what decides whether it holds; None where nothing here can.
      note: why nothing can, or what else a reader must know, such as a contradiction in the paper.
    """

    experiment: str
    place: str
    text: str
    check: Number | Setting | None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Evidence:
    """A finished study, as far as it says something of the paper.

    Attributes:
      name: of the study.
      experiment: the part of the page that it belongs to.
      recipe: what it trained, in words.
      seeds: one a run.
      metrics: the rows of each run's report.
      minutes: of training a run; empty where they were not kept.
      cores: that each run had; empty where they were not kept.
      updates, batch_size: of each run; None where they were not kept.
      objection: why the study decides nothing, such as that it was made with an older recipe; "" if it counts.
      departures: (setting, of recipe paper, of this study), in words; None where the spec was not kept.
    """

    name: str
    experiment: str
    recipe: str
    seeds: tuple[int, ...]
    metrics: tuple[Sequence[dict[str, Any]], ...]
    minutes: tuple[float, ...] = ()
    cores: tuple[float, ...] = ()
    updates: int | None = None
    batch_size: int | None = None
    objection: str = ""
    departures: tuple[tuple[str, str, str], ...] | None = None


class Finding(NamedTuple):
    """What one study says of a statement.

    Attributes:
      study: the study.
      values: one a seed, NaN for no number.
      mean: of the values.
      worst, best: of the values, as the rule has it.
      held: in how many seeds it holds.
    """

    study: Evidence
    values: tuple[float, ...]
    mean: float
    worst: float
    best: float
    held: int

    @property
    def verdict(self) -> str:
        """One of VERDICTS."""
        if self.study.objection:
            return NOT_COUNTED
        if self.held == len(self.values):
            return HOLDS
        return IN_SOME_SEEDS if self.held else FAILS


class Judged(NamedTuple):
    """A statement and what was found.

    Attributes:
      statement: what was judged.
      verdict: one of VERDICTS: that of the first study which counts.
      findings: of each study that measured it.
      found: what the recipe has, for a Setting; else "".
    """

    statement: Statement
    verdict: str
    findings: tuple[Finding, ...] = ()
    found: str = ""

    @property
    def deciding(self) -> Finding | None:
        """The finding from which the verdict is."""
        return next((finding for finding in self.findings if not finding.study.objection), None)


def judge(statement: Statement, studies: Sequence[Evidence]) -> Judged:
    """Whether a statement holds.

    Args:
      statement: what the paper states.
      studies: those of any experiments, of each experiment the one that decides first.
    """
    check = statement.check
    if check is None:
        return Judged(statement, NOT_MEASURABLE)
    if isinstance(check, Setting):
        has = check.describe(check.spec)
        return Judged(statement, HOLDS if has == check.printed else FAILS, found=has)
    ours = [study for study in studies if study.experiment == statement.experiment]
    findings = tuple(found for study in ours if (found := _find(check, study)))
    judged = Judged(statement, NOT_COUNTED if findings else NOT_MEASURED, findings)
    deciding = judged.deciding
    return judged._replace(verdict=deciding.verdict) if deciding else judged


def _find(check: Number, study: Evidence) -> Finding | None:
    rows = [check.find(metrics) for metrics in study.metrics]
    if not rows or any(row is None for row in rows):
        return None
    found = [row for row in rows if row]
    values = tuple(math.nan if row["ours"] is None else float(row["ours"]) for row in found)
    finite = [value for value in values if not math.isnan(value)] or [math.nan]
    worst, best = (check.order(finite, is_best, key=lambda value: value) for is_best in (False, True))
    whole = len(finite) == len(values)
    return Finding(
        study,
        values,
        statistics.fmean(values),
        worst if whole else math.nan,
        best,
        sum(map(check.holds, values)),
    )


def describe_codes(spec: ExperimentSpec) -> str:
    """ "noise 62, 1 x Cat(10), 2 x U(-1, 1)": the input of G, as the paper's appendix lists it."""
    noise = sum(latent.distribution.dim for latent in spec.noise)
    kinds = [_name_prior(code.distribution) for code in spec.codes]
    return ", ".join([f"noise {noise}", *(f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds))])


def _name_prior(distribution: Any) -> str:
    names = {"Categorical": f"Cat({distribution.dim})", "Uniform": "U(-1, 1)", "Circular": "an angle"}
    return names.get(type(distribution).__name__, distribution.prior_in_words)


def describe_network(spec: ExperimentSpec) -> str:
    """Its layers, as a table of the paper prints them: "D and Q: c4s2-64 lReLU, ...; D: FC 1; Q: ...; G: ..."."""
    network = find_architecture(spec.network)
    *hidden, _ = network.recognition_head(spec.leaky_rate, 1)
    parts = {
        "D and Q": network.trunk(spec.image_shape, spec.leaky_rate),
        "D": network.discriminator_head(),
        "Q": hidden,
        "G": network.generator(spec.image_shape),
    }
    printed = {name: _print_rows(rows) for name, rows in parts.items()}
    printed["Q"] += f"{', ' if hidden else ''}FC codes"
    return "; ".join(f"{name}: {rows}" for name, rows in printed.items())


def _print_rows(rows: Sequence[Row]) -> str:
    text = ""
    for row in rows:
        if row.printed:
            starts = row.kind in ("conv", "up_conv", "dense")
            text += f"{'' if not text else ', ' if starts else ' '}{row.printed}"
    return text


def describe_rates(spec: ExperimentSpec) -> str:
    """ "D and Q 0.0002, G 0.001": Adam's learning rates."""
    rates = f"D and Q {spec.discriminator_learning_rate:g}, G {spec.generator_learning_rate:g}"
    return f"{type(spec.optimizer).__name__}, {rates}"


def describe_lambda(spec: ExperimentSpec) -> str:
    """ "categorical 1, continuous 0.1": lambda of the codes that there are."""
    weights = {"categorical": spec.info_reg_coeff, "continuous": spec.continuous_weight}
    kinds = {code.distribution.is_discrete for code in spec.codes}
    return ", ".join(f"{name} {weight:g}" for name, weight in weights.items() if (name == "categorical") in kinds)


def describe_row(spec: ExperimentSpec) -> str:
    """Rates and lambda together, as a row of Tables 5 and 7 has them."""
    return f"{describe_rates(spec)}; lambda {describe_lambda(spec)}"


def describe_leak(spec: ExperimentSpec) -> str:
    """ "0.1": of the rectifiers of D and Q."""
    return f"{spec.leaky_rate:g}"


def describe_deviation(spec: ExperimentSpec) -> str:
    """Where the deviation of Q's continuous codes comes from: "from the network" or "fixed to 1"."""
    fixed = {code.distribution.fix_std for code in spec.codes if hasattr(code.distribution, "fix_std")}
    return " and ".join("fixed to 1" if is_fixed else "from the network" for is_fixed in sorted(fixed)) or "none"


def describe_sweep(spec: ExperimentSpec) -> str:
    """ "-2 to 2": over which values pictures show a continuous code."""
    return f"{-spec.sweep_limit:g} to {spec.sweep_limit:g}"
