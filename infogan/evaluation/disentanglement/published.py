"""Published scores of dSprites, to stand beside ours. Each belongs to one protocol, and is compared with no other."""

from collections.abc import Mapping
from typing import NamedTuple

from infogan.spec import PaperValue


class Published(NamedTuple):
    """Scores that somebody published.

    Attributes:
      system: what was measured.
      source: where the numbers stand.
      scores: dict of score -> mean over the runs.
    """

    system: str
    source: str
    scores: Mapping[str, float]


TABLE = "InfoGAN-CR's repository, results/Table1.png and Table3.png"
NAMES = ("FactorVAE", "SAP", "explicitness", "modularity", "MIG", "BetaVAE")
"""Without DCI: which of five regressors the tables have is not known."""


def _row(system: str, *values: float | None) -> Published:
    return Published(system, TABLE, {name: value for name, value in zip(NAMES, values) if value is not None})


DSPRITES: Mapping[str, tuple[Published, ...]] = {
    "infogan_cr": (
        _row("InfoGAN", 0.59, None, None, None, 0.05, None),
        _row("FactorVAE", 0.83, 0.57, 0.79, 0.79, 0.40, 0.85),
        _row("InfoGAN modified", 0.82, 0.41, 0.82, 0.94, 0.22, 0.87),
        _row("InfoGAN-CR", 0.88, 0.58, 0.85, 0.96, 0.37, 0.95),
    ),
}
"""By protocol; means over 50 runs."""


def find_published(dataset: str, protocol: str) -> tuple[Published, ...]:
    """What was published of a data set under a protocol; empty where this project knows nothing."""
    return DSPRITES.get(protocol, ()) if dataset == "dsprites" else ()


def name_score(score: str, protocol: str) -> str:
    """What a report calls a score: "MIG (infogan_cr)"; InfoMEC has one protocol, and needs no such word."""
    return score if protocol == "infomec" else f"{score} ({protocol})"


def paper_values(system: str) -> tuple[PaperValue, ...]:
    """The scores of a system of DSPRITES as `ExperimentSpec.paper_values`, for a recipe that is to reach them."""
    return tuple(
        PaperValue(name_score(score, protocol), value, row.source, rule="at least")
        for protocol, rows in DSPRITES.items()
        for row in rows
        if row.system == system
        for score, value in row.scores.items()
    )
