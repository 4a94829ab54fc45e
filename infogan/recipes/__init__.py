"""What each experiment trains: its recipes, and the flags that change them.

A recipe is an `ExperimentSpec`; a program takes it from here too, as in `infogan.recipes.mnist.PAPER`.
"""

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

from infogan.recipes.flags import Flags
from infogan.spec import ExperimentSpec

MODULES = {
    "mnist": "mnist",
    "fashion_mnist": "mnist",
    "svhn": "colour",
    "celeba": "colour",
    "cifar10": "colour",
    "faces": "rendered",
    "chairs": "rendered",
    "dsprites": "factor_sets",
    "shapes3d": "factor_sets",
    "cars3d": "factor_sets",
    "smallnorb": "factor_sets",
    "mpi3d": "factor_sets",
    "images": "images",
}
"""The module of each experiment, by the name that its specs have: there it has this name in capitals."""

SMALL_SET: dict[str, Any] = {"constant_rate_share": 0.5, "augmentation": 1.0, "batch_size": 64}
"""Fields of an ExperimentSpec that recipes for data sets of some hundred to some ten thousand images share; what each
value is for: docs/notes/experiments.md."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What one command trains.

    Attributes:
      description: what it is, for --help.
      specs: its recipes, the default first; all have the name of the experiment.
      flags: those of its own, by name; they are applied before those of every experiment.
      evaluate_every: updates between two first measurements of a run while it trains, unless --evaluate-every says
        otherwise; 0 for none.
    """

    description: str
    specs: tuple[ExperimentSpec, ...]
    flags: Flags = dataclasses.field(default_factory=dict)
    evaluate_every: int = 0

    @property
    def recipes(self) -> Mapping[str, ExperimentSpec]:
        """The specs by the name of their recipe."""
        return {spec.recipe: spec for spec in self.specs}


def load_experiment(name: str) -> Experiment:
    """The experiment of that name in MODULES."""
    return getattr(importlib.import_module(f"infogan.recipes.{MODULES[name]}"), name.upper())
