"""InfoGAN (arXiv:1606.03657) as a TensorFlow-1-style graph: codes that each control one thing in an image.

    launchers/run_mnist_exp.py     one ExperimentSpec: dataset, codes, network, rates, the paper's numbers
            |
    infogan/cli/train.py           the command line of all launchers
            |
    infogan/experiment.py          run(spec, ...): where the stages meet
            |-- data/              files -> uint8 images; labels for the evaluation only
            |-- model/             codes + networks -> RegularizedGAN; losses and augmentation as functions
            |-- training/          a D step, then a G step per graph call; logs/, ckt/, resume
            `-- evaluation/        reloads ckt/ in a graph of its own -> numbers and pictures beside the paper's

Specs, codes and datasets are values without tensors; only model/ and training/update.py build the training graph;
only training/ and evaluation/ own sessions. TensorFlow is imported when the first graph is built (system/tf1.py).

A trained run is used from a program with `infogan.load` (infogan/run.py), own arrays are learned with `infogan.train`
and measured again with `infogan.evaluate`.
"""

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from infogan.system import tf1 as _tf1  # noqa: F401  selects Keras 2 before anybody touches Keras
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
    from infogan.model.architectures import Architecture
    from infogan.spec import ExperimentSpec, Latent, PaperValue

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
