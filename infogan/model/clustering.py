"""What Q learns from real images without labels: terms of Ji et al. 2019 (arXiv:1807.06653), not of the paper."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from infogan.distributions import Distribution
from infogan.model.losses import DISCRIMINATOR, Term, TermValue
from infogan.model.replicas import mean_over_replicas
from infogan.system.tf1 import Tensor, tf

if TYPE_CHECKING:  # which imports this
    from infogan.training.update import Step

PROBABILITY_FLOOR = 1e-8
"""Below it a joint probability counts as this, so that its logarithm is finite."""


def view_information(joint: Tensor) -> Tensor:
    """Mutual information between a categorical code of one view of an image and that of another view of it.

        I(c; c') = sum_ij P_ij ln( P_ij / (P_i P_j) ),   P = (joint + joint^T) / 2

    Ji et al. 2019, Eq. 3. It is large where Q is sure, gives both views the same category, and uses all categories
    equally.

    Args:
      joint: Tensor [K, K]; mean over images of the product of Q's probabilities in the first and in the second view.

    Returns:
      Scalar Tensor in nats, from 0 to ln K.
    """
    joint = tf.maximum((joint + tf.transpose(joint)) / 2.0, PROBABILITY_FLOOR)
    marginal = tf.log(tf.reduce_sum(joint, axis=0))
    return tf.reduce_sum(joint * (tf.log(joint) - marginal[:, None] - marginal[None, :]))


@dataclasses.dataclass(frozen=True)
class ViewInformation(Term):
    """-`view_information` of a categorical code; the real images come in pairs of views (`ExperimentSpec.views`).

    Attributes:
      code: name of the code.
    """

    code: str = ""
    steps: ClassVar[tuple[str, ...]] = (DISCRIMINATOR,)

    def build(self, step: "Step") -> TermValue:
        _, probabilities = _categories_of_real_images(step, self.code)
        first, second = probabilities[0::2], probabilities[1::2]  # [B / 2, K] each
        joint = mean_over_replicas(first[:, :, None] * second[:, None, :])
        information = view_information(joint)
        return TermValue(-information, {f"view_information/{self.code}": information})


@dataclasses.dataclass(frozen=True)
class CategoryBalance(Term):
    """-H of Q's mean over the real images of a batch, for a categorical code.

    The prior of a code gives its categories equal shares; this asks Q to do so on real images. Beside `ViewInformation`
    of weight w, a weight of 2 w (l - 1) makes the loss of both that of the authors' code with their `lamb` l.

    Attributes:
      code: name of the code.
    """

    code: str = ""
    steps: ClassVar[tuple[str, ...]] = (DISCRIMINATOR,)

    def build(self, step: "Step") -> TermValue:
        distribution, probabilities = _categories_of_real_images(step, self.code)
        entropy = distribution.entropy({"prob": mean_over_replicas(probabilities)[None]})[0]
        return TermValue(-entropy, {f"category_entropy/{self.code}": entropy})


def _categories_of_real_images(step: "Step", code: str) -> tuple[Distribution, Tensor]:
    """Q's probabilities for the real images of a step of D: (family of the code, [B, K])."""
    assert step.on_real is not None  # as in every step of D
    distribution, posterior = step.read(step.on_real, code)
    return distribution, distribution.probabilities(posterior)
