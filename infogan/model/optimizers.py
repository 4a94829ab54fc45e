"""TensorFlow's optimisers as values: what a spec holds, and what its JSON and the command line give."""

import dataclasses
from typing import Any

from infogan.system.checks import Checked, number, setting
from infogan.system.tf1 import Tensor, tf

DECAY = number(high=1.0, below=True)


@dataclasses.dataclass(frozen=True)
class Optimizer(Checked):
    """How a step turns gradients into new weights. A family is a frozen subclass."""

    def build(self, learning_rate: float | Tensor, name: str) -> Any:
        """The `tf.train.Optimizer`.

        Args:
          learning_rate: float or scalar Tensor.
          name: str, of the step; the optimiser's name ends with it.
        """
        raise NotImplementedError

    def __str__(self) -> str:
        settings = (f"{field.name}={getattr(self, field.name):g}" for field in dataclasses.fields(self))
        return ",".join([type(self).__name__.lower(), *settings])


@dataclasses.dataclass(frozen=True)
class Adam(Optimizer):
    """Kingma and Ba 2015 (arXiv:1412.6980). The paper gives no decays; 0.5 is that of the authors' code."""

    beta1: float = setting(DECAY, "decay of the first moment", 0.5)
    beta2: float = setting(DECAY, "decay of the second moment", 0.999)

    def build(self, learning_rate: float | Tensor, name: str) -> Any:
        return tf.train.AdamOptimizer(learning_rate, self.beta1, self.beta2, name=f"adam_{name}")


@dataclasses.dataclass(frozen=True)
class RMSProp(Optimizer):
    """Gradients divided by the root of their running mean square."""

    decay: float = setting(DECAY, "of the running mean", 0.9)
    momentum: float = setting(DECAY, "share of the last step that is taken again", 0.0)

    def build(self, learning_rate: float | Tensor, name: str) -> Any:
        return tf.train.RMSPropOptimizer(learning_rate, self.decay, self.momentum, name=f"rmsprop_{name}")


@dataclasses.dataclass(frozen=True)
class Momentum(Optimizer):
    """Gradient descent with momentum; plain gradient descent where that is 0."""

    momentum: float = setting(DECAY, "share of the last step that is taken again", 0.9)

    def build(self, learning_rate: float | Tensor, name: str) -> Any:
        return tf.train.MomentumOptimizer(learning_rate, self.momentum, name=f"momentum_{name}")


ADAM = Adam()
"""With the decays of the authors' code."""
OPTIMIZERS = {family.__name__.lower(): family for family in (Adam, RMSProp, Momentum)}
OPTIMIZERS_IN_WORDS = ", ".join(OPTIMIZERS)


def optimizer_from_text(text: str) -> Optimizer:
    """ "adam,beta1=0,beta2=0.9" -> Adam(0.0, 0.9).

    Raises:
      ValueError: if there is no such optimiser or setting.
    """
    name, *settings = text.split(",")
    try:
        return OPTIMIZERS[name](**{key: float(value) for key, value in (part.split("=") for part in settings)})
    except (KeyError, TypeError) as error:
        raise ValueError(f"no optimiser with these settings: {text}") from error
