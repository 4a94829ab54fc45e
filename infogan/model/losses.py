"""The objective (arXiv:1606.03657, Eq. 6): its formulas as functions, and its terms as objects that a step adds up.

min_{G,Q} max_D  V(D, G) - lambda * L_I(G, Q)

A `Term` says which step minimises it, which networks it trains, how strongly, and what it logs. A program's own term is
one more subclass, given to `ExperimentSpec.terms`; examples/new_term.py shows one.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from infogan.model.layers import GENERATED, Normalisation
from infogan.model.replicas import mean_over_replicas
from infogan.schedule import FULL, Schedule
from infogan.system.checks import Checked, choice, instance, number, setting
from infogan.system.tf1 import Tensor, Variable, tf

if TYPE_CHECKING:  # which imports this
    from infogan.training.update import Step

GAN_LOSSES = ("standard", "hinge")
SMALLEST_DISTANCE = 1e-5
"""Added to the distance of two images that is divided by, as Mao et al. do."""
MODE_SEEKING_BLOCK = 4
"""Rows and columns of pixels whose mean `ModeSeeking` compares."""


def discriminator_loss(real_logits: Tensor, generated_logits: Tensor, kind: str = "standard") -> Tensor:
    """What D minimises: the cross entropy, the negative of V(D, G), or the hinge loss.

        standard:  mean{ -log D(x) } + mean{ -log(1 - D(G(z, c))) },  D = sigmoid(logits)
        hinge:     mean{ max(0, 1 - logits of x) } + mean{ max(0, 1 + logits of G(z, c)) }

    Args:
      real_logits: Tensor [B], D's logits on real images.
      generated_logits: Tensor [B], D's logits on generated images.
      kind: "standard" or "hinge" (Lim and Ye 2017, arXiv:1705.02894; in no experiment of the paper).

    Returns:
      Scalar Tensor. Where D cannot tell them apart and gives 0: 2 ln 2 = 1.386 nats, or 2.
    """
    if kind == "hinge":
        return tf.reduce_mean(tf.nn.relu(1.0 - real_logits)) + tf.reduce_mean(tf.nn.relu(1.0 + generated_logits))
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(generated_logits))


def generator_loss(generated_logits: Tensor, kind: str = "standard") -> Tensor:
    """What G minimises: mean{ -log D(G(z, c)) }, or with the hinge loss the mean of the negative logits.

    DEVIATION: the non-saturating form (Goodfellow et al. 2014, Sec. 3), as in the authors' code: Eq. 1's log(1 - D)
    has no gradient where D is sure.

    Args:
      generated_logits: Tensor [B], D's logits on generated images.
      kind: "standard" or "hinge".

    Returns:
      Scalar Tensor. Where D cannot tell them from real ones and gives 0: ln 2 = 0.693 nats, or 0.
    """
    if kind == "hinge":
        return -tf.reduce_mean(generated_logits)
    return tf.reduce_mean(tf.nn.softplus(-generated_logits))


def mutual_information_bound(entropies: dict[str, float], log_probs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Variational lower bound L_I on I(c; G(z, c)), one number per code.

        L_I = H(c) + mean{ log Q(c | x) },   x = G(z, c)

    arXiv:1606.03657, Eq. 5. Summed, not averaged, over the dimensions of a code.

    Args:
      entropies: dict of code name -> float, H(c) in nats.
      log_probs: dict of code name -> Tensor [B], log Q(c | x) in nats.

    Returns:
      dict of code name -> scalar Tensor in nats, at most I(c; x) in expectation.

    Raises:
      ValueError: if the two dicts do not name the same codes.
    """
    if set(entropies) != set(log_probs):
        raise ValueError(
            f"mutual_information_bound: entropies of {sorted(entropies)}, log_probs of {sorted(log_probs)}"
        )
    return {name: entropies[name] + tf.reduce_mean(log_probs[name]) for name in entropies}


DISCRIMINATOR, GENERATOR = "discriminator", "generator"
"""The two steps of an update."""


class Logged(NamedTuple):
    """A logged number that is no mean over images.

    Attributes:
      value: scalar Tensor.
      join: function of a Tensor [replicas]: the number of the whole batch from those of the replicas' shares.
    """

    value: Tensor
    join: Callable[[Tensor], Tensor]


class TermValue(NamedTuple):
    """What a term makes of one step.

    Attributes:
      loss: scalar Tensor, which the step minimises; None where the term only logs.
      logged: dict of "group/name" -> scalar Tensor, a mean over images, or Logged.
      variables: sequence of variables of the term's own that the step trains as well, with the loss and by its
        optimiser.
      train: function without arguments that builds what trains a network of the term's own apart from the step: a loss
        and an optimiser of its own (`Step.descend`). It returns the Operation, or a Tensor that depends on it. It runs
        once the step's gradients are there, and before its networks move.
    """

    loss: Tensor | None
    logged: dict[str, Tensor | Logged]
    variables: Sequence[Variable] = ()
    train: Callable[[], Any] | None = None


@dataclasses.dataclass(frozen=True)
class Term(Checked):
    """One term of what the steps minimise: loss * weight * (share of the schedule). A family is a frozen subclass.

    Attributes:
      steps: which steps minimise it: DISCRIMINATOR (of the trunk, D and Q), GENERATOR or both.
      views: how many views of each real image, one after the other, `Step.on_views` needs to hold.
    """

    weight: float = setting(number(), "what its loss is multiplied by", 1.0)
    schedule: Schedule = setting(instance(Schedule, "a Schedule"), "the share of that over the updates", FULL)
    steps: ClassVar[tuple[str, ...]] = (DISCRIMINATOR, GENERATOR)
    views: ClassVar[int] = 1

    @property
    def trains(self) -> tuple[str, ...] | None:
        """None for all networks of the step, or some of "discriminator" (and trunk), "recognition", "generator".

        D's step moves the first two, G's the third. A term gives no loss in a step that does not move what it names.
        """
        return None

    def build(self, step: "Step") -> TermValue:
        """The term of one step.

        Args:
          step: `infogan.training.update.Step`: the model, its images, and what D and Q make of them.

        Returns:
          TermValue.
        """
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Adversarial(Term):
    """V(D, G): `discriminator_loss` in D's step, `generator_loss` in G's."""

    kind: str = setting(choice(GAN_LOSSES), "which of their losses", "standard")

    def build(self, step: "Step") -> TermValue:
        generated = step.on_generated.logits
        if step.on_real is None:  # in G's step
            loss = generator_loss(generated, self.kind)
            return TermValue(loss, {"loss/generator": loss})
        real = step.on_real.logits
        loss = discriminator_loss(real, generated, self.kind)
        real_d, generated_d = tf.sigmoid(real), tf.sigmoid(generated)
        logged = {
            "loss/discriminator": loss,
            "accuracy/real": _share(real > 0),
            "accuracy/generated": _share(generated < 0),
            "discriminator/real_max": _largest(real_d),
            "discriminator/real_min": _smallest(real_d),
            "discriminator/generated_max": _largest(generated_d),
            "discriminator/generated_min": _smallest(generated_d),
        }
        return TermValue(loss, logged)


@dataclasses.dataclass(frozen=True)
class Information(Term):
    """-L_I of one code (`mutual_information_bound`); its weight is the code's lambda.

    Attributes:
      code: name of the code.
      reaches_generator: False for the plain GAN of Figures 1 and 2(b): only Q's own layers learn from it.
    """

    code: str = ""
    reaches_generator: bool = True

    @property
    def trains(self) -> tuple[str, ...] | None:
        return None if self.reaches_generator else ("recognition",)

    def build(self, step: "Step") -> TermValue:
        information = step.information[self.code]
        if step.name == DISCRIMINATOR:
            return TermValue(-information, {})
        distribution, posterior = step.read(step.on_generated, self.code)
        logged = {
            f"mi/{self.code}": information,
            f"cross_entropy/{self.code}": distribution.prior_entropy - information,
        }
        for name, tensor in distribution.watched(posterior).items():
            logged[f"{name}/{self.code}_max"], logged[f"{name}/{self.code}_min"] = _largest(tensor), _smallest(tensor)
        return TermValue(-information if self.reaches_generator else None, logged)


@dataclasses.dataclass(frozen=True)
class GradientPenalty(Term):
    """R1 of Mescheder et al. 2018 (arXiv:1801.04406), Eq. 9, which keeps D from changing steeply around real images.

        1/2 mean{ |d logit(x) / dx|^2 },   x real, as D sees it

    Its weight is their gamma. With batch norm in D an image's logit depends on its batch as well; what is penalised
    then is the gradient of all logits of the batch by each image.
    """

    steps: ClassVar[tuple[str, ...]] = (DISCRIMINATOR,)

    def build(self, step: "Step") -> TermValue:
        assert step.on_real is not None  # as in every step of D
        (gradient,) = tf.gradients(step.on_real.logits, step.seen)  # [2 B, H, W, C]; 0 for the generated half
        of_real, _ = tf.split(gradient, 2)
        length = tf.reduce_mean(tf.reduce_sum(tf.square(of_real), axis=[1, 2, 3]))
        return TermValue(0.5 * length, {"penalty/squared_gradient": length})


@dataclasses.dataclass(frozen=True)
class ModeSeeking(Term):
    """Asks G for images that differ where their noise does: Mao et al. 2019 (arXiv:1903.05628), Eq. 2.

        mean |z - z'| / mean |x - x'|,   z and z' two draws of the noise, x and x' block means of G(z, c) and G(z', c)

    This form, which G minimises, is that of their code, but theirs compares single pixels, where a checkerboard is the
    cheapest way to differ, and this one blocks of MODE_SEEKING_BLOCK. Pixels count from 0 to 1, whatever the output's
    range is.
    """

    steps: ClassVar[tuple[str, ...]] = (GENERATOR,)

    def build(self, step: "Step") -> TermValue:
        is_noise = step.model.is_noise
        pairs = max(1, step.z.shape[0] // 4)  # so that this pass of G has half as many images as the step's own
        first, second = step.z[: 4 * pairs : 4], step.z[1 : 4 * pairs : 4]  # [pairs, latent_dist.dim] each
        second = tf.where_v2(is_noise, second, first)
        both = step.model.generate(tf.concat([first, second], axis=0), Normalisation([GENERATED], True))
        of_first, of_second = tf.split(step.model.show_images(both), 2)  # [pairs, H, W, C] each
        blocks = tf.nn.avg_pool2d(of_first - of_second, MODE_SEEKING_BLOCK, MODE_SEEKING_BLOCK, "SAME")
        distance = tf.reduce_mean(mean_over_replicas(tf.abs(blocks)))
        of_noise = tf.reduce_mean(mean_over_replicas(tf.boolean_mask(tf.abs(first - second), is_noise, axis=1)))
        return TermValue(of_noise / (distance + SMALLEST_DISTANCE), {"noise/distance": distance})


def _share(condition: Tensor) -> Tensor:
    return tf.reduce_mean(tf.cast(condition, tf.float32))


def _largest(tensor: Tensor) -> Logged:
    return Logged(tf.reduce_max(tensor), tf.reduce_max)


def _smallest(tensor: Tensor) -> Logged:
    return Logged(tf.reduce_min(tensor), tf.reduce_min)
