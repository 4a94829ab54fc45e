"""What Q learns from real images without labels; none of these terms is in the paper.

For categories the terms are those of Ji et al. 2019 (arXiv:1807.06653); for continuous codes the same idea with means.
"""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from infogan.distributions import DistInfo, Distribution
from infogan.model.losses import DISCRIMINATOR, Term, TermValue
from infogan.model.replicas import mean_over_replicas
from infogan.system.tf1 import Tensor, tf

if TYPE_CHECKING:  # which imports this
    from infogan.training.update import Step

PROBABILITY_FLOOR = 1e-8
"""Below it a joint probability counts as this, so that its logarithm is finite."""
MEAN_NOISE = 0.1
"""Variance of the noise that `gaussian_information` adds to Q's means, in shares of theirs. So one code tells at most
0.88 nats, as with a correlation of 0.91. Without noise, two equal views would tell infinitely much, and a code that
nearly repeats another would count as much as one that does not."""
SMALLEST_VARIANCE = 1e-6
"""Added to the variance of Q's means, which is 0 where Q says the same of all images."""


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


def gaussian_information(first: Tensor, second: Tensor) -> Tensor:
    """Mutual information between what Q says of two views of an image, if all were normally distributed.

        I(u; v) = ln |R| - 1/2 ln |R - C| - 1/2 ln |R + C|

    with R the correlations of the dimensions within a view, MEAN_NOISE added to their diagonal, and C those across the
    views, both over pairs that may be swapped. With one dimension of correlation r it is -1/2 ln(1 - r^2), but for the
    noise. By the chain rule it is the sum of what each dimension tells beyond those before it.

    Args:
      first: Tensor [P, dim], of the first views of P images.
      second: Tensor [P, dim], of their second views.

    Returns:
      Tensor [dim] in nats, what each dimension tells beyond those before it.
    """
    first, second = _standardise(first, second)

    def correlate(one: Tensor, other: Tensor) -> Tensor:
        return mean_over_replicas(one[:, :, None] * other[:, None, :])  # [dim, dim]

    noise = MEAN_NOISE * tf.eye(first.shape.as_list()[1])
    within = (correlate(first, first) + correlate(second, second)) / 2.0 + noise
    across = (correlate(first, second) + correlate(second, first)) / 2.0
    # Squares of a root's first i diagonal elements multiply to the determinant of the first i rows and columns.
    roots = tf.linalg.cholesky(tf.stack([within, within - across, within + across]))  # [3, dim, dim]
    return tf.tensordot([2.0, -1.0, -1.0], tf.log(tf.linalg.diag_part(roots)), 1)


def mirrored_share(first: Tensor, second: Tensor) -> Tensor:
    """How much of what Q says of two views of an image changes its sign between them.

        (1 - r) / 2,   with r the correlation over the views

    Args:
      first: Tensor [P, dim], of the first views of P images.
      second: Tensor [P, dim], of their second views.

    Returns:
      Tensor [dim], from 0 where both views are told the same to 1 where they are told the opposite.
    """
    first, second = _standardise(first, second)
    return (1.0 - mean_over_replicas(first * second)) / 2.0


def _standardise(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both views [P, dim], less their common mean and over their common deviation."""
    mean = mean_over_replicas((first + second) / 2.0)  # [dim]
    first, second = first - mean, second - mean
    variance = mean_over_replicas((tf.square(first) + tf.square(second)) / 2.0)  # [dim]
    scale = tf.rsqrt(variance + SMALLEST_VARIANCE)
    return scale * first, scale * second


@dataclasses.dataclass(frozen=True)
class OnRealImages(Term):
    """A term of D's step on what Q says of the real images.

    Attributes:
      code: name of the code.
      kinds: each `Distribution.kind` of the codes that it is for.
    """

    code: str = ""
    steps: ClassVar[tuple[str, ...]] = (DISCRIMINATOR,)
    kinds: ClassVar[tuple[str, ...]] = ("categorical",)

    def read(self, step: "Step", code: str) -> tuple[Distribution, DistInfo]:
        """The family of a code, and Q's posterior of it for each real image."""
        assert step.on_views is not None  # as in every step of D
        return step.read(step.on_views, code)


class ViewInformation(OnRealImages):
    """-`view_information` of a categorical code."""

    views: ClassVar[int] = 2

    def build(self, step: "Step") -> TermValue:
        distribution, posterior = self.read(step, self.code)
        probabilities = distribution.probabilities(posterior)  # [B, K]
        first, second = probabilities[0::2], probabilities[1::2]  # [B / 2, K] each
        joint = mean_over_replicas(first[:, :, None] * second[:, None, :])
        information = view_information(joint)
        return TermValue(-information, {f"view_information/{self.code}": information})


class ContinuousViewInformation(OnRealImages):
    """-`gaussian_information` of Q's means of a continuous code or an angle, beyond those of the codes before it.

    It ties the codes to what tells images apart most and is the same in both views. As Q reads generated images alike,
    that is what G lets the codes change. If the second view is mirrored, an angle is to turn around and all else to
    stay: `mirrored_share` is added, since a code that changes its sign informs as well as one that keeps it.
    """

    views: ClassVar[int] = 2
    kinds: ClassVar[tuple[str, ...]] = ("continuous", "circular")

    def build(self, step: "Step") -> TermValue:
        names = [latent.name for latent in step.model.reg_latents if latent.distribution.kind in self.kinds]
        means = [self._read_means(step, name) for name in names[: names.index(self.code) + 1]]
        first, second = (tf.concat(parts, axis=1) for parts in zip(*means))  # [B / 2, dimensions of all]
        own = means[-1][0].shape.as_list()[1]
        information = tf.reduce_sum(gaussian_information(first, second)[-own:])
        logged = {f"view_information/{self.code}": information}
        if not step.spec.mirrored_views:
            return TermValue(-information, logged)
        share = tf.reduce_sum(mirrored_share(*means[-1]))
        return TermValue(share - information, logged | {f"mirrored_share/{self.code}": share})

    def _read_means(self, step, code):
        """Q's means of a code in both views, as G is given them: [B / 2, 1] each, or [B / 2, 2] of an angle."""
        distribution, posterior = self.read(step, code)
        first, second = posterior["mean"][0::2], posterior["mean"][1::2]
        if step.spec.mirrored_views and distribution.kind == "circular":
            second = -second
        return distribution.embed(first), distribution.embed(second)


class CategoryBalance(OnRealImages):
    """-H of Q's mean over the real images of a batch, for a categorical code.

    The prior of a code gives its categories equal shares; this asks Q to do so on real images. Beside `ViewInformation`
    of weight w, a weight of 2 w (l - 1) makes the loss of both that of the authors' code with their `lamb` l.
    """

    def build(self, step: "Step") -> TermValue:
        distribution, posterior = self.read(step, self.code)
        probabilities = distribution.probabilities(posterior)  # [B, K]
        entropy = distribution.entropy({"prob": mean_over_replicas(probabilities)[None]})[0]
        return TermValue(-entropy, {f"category_entropy/{self.code}": entropy})


ON_REAL_IMAGES: dict[str, type[OnRealImages]] = {
    "view_information": ViewInformation,
    "continuous_view_information": ContinuousViewInformation,
    "category_balance": CategoryBalance,
}
"""The terms of this module, by the field of `ExperimentSpec` that is their weight."""
