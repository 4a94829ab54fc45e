"""InfoGAN (arXiv:1606.03657) as a TensorFlow-1-style graph: codes that each control one thing in an image.

    infogan/recipes/mnist.py       recipes: values that say data set, codes, network, rates, the paper's numbers
            |
    infogan/cli/train.py           the command line of all experiments: flags, errors, exit status
            |
    infogan/experiment.py          run(spec, ...): trains, then evaluates
            |-- data/              files -> uint8 images; labels and factors for the evaluation only
            |-- model/             layers, architectures, RegularizedGAN, loss terms, optimisers, augmentation
            |-- training/          a D step, then a G step per graph call; logs/, ckt/, resume
            `-- evaluation/        loads the last checkpoint (run.py) -> metrics and pictures beside the paper's

A program trains on its own arrays with `infogan.train`, measures a run again with `infogan.evaluate` and uses it with
`infogan.load`. It may give latents, networks, loss terms, optimisers and metrics of its own: docs/architecture.md lists
how.

Specs and what they hold are values without tensors. TensorFlow is imported when the first graph is built
(system/tf1.py).
"""

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from infogan.system.messages import InputError, TrainingFailed

if find_spec("numpy") is not None:  # without it, infogan.cli says in one line which packages are missing
    from infogan.distributions import (
        Bernoulli,
        Categorical,
        Circular,
        Distribution,
        Gaussian,
        MeanBernoulli,
        MeanGaussian,
        Product,
        Uniform,
    )
    from infogan.latents import Latent
    from infogan.model.architectures import Architecture
    from infogan.spec import ExperimentSpec, PaperValue
    from infogan.system import tf1 as _tf1  # noqa: F401  selects Keras 2 before anybody touches Keras

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "Bernoulli",
    "Categorical",
    "Circular",
    "Distribution",
    "ExperimentSpec",
    "Gaussian",
    "InputError",
    "Latent",
    "MeanBernoulli",
    "MeanGaussian",
    "PaperValue",
    "Product",
    "TrainingFailed",
    "Uniform",
    "evaluate",
    "load",
    "train",
]

_ON_DEMAND = {"load": "infogan.run", "train": "infogan.experiment", "evaluate": "infogan.experiment"}
"""What costs more to import than most programs need."""

if TYPE_CHECKING:  # what `__getattr__` gives has types all the same
    from infogan.experiment import evaluate, train
    from infogan.run import load


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ON_DEMAND[name]), name)
