"""The contrastive regulariser of InfoGAN-CR (Lin et al. 2020, arXiv:1906.06034): its pairs, network and term."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from infogan.model.architectures import find_architecture
from infogan.model.layers import GENERATED, REAL, Network, Normalisation, dense
from infogan.model.losses import GENERATOR, Term, TermValue
from infogan.model.replicas import count_replicas, own_share
from infogan.schedule import Schedule
from infogan.system.checks import instance, setting
from infogan.system.tf1 import Tensor, Variable, fold_in, tf

if TYPE_CHECKING:  # which imports this
    from infogan.training.update import Step

NO_GAP = Schedule()
LARGEST_GAP = 2.0
"""From one end of [-1, 1] to the other."""


@dataclasses.dataclass(frozen=True)
class Contrastive(Term):
    """Cross entropy of "which code do these two images share", which G minimises; a network C of its own answers.

        mean{ -log C(i | G(z, c), G(z, c')) },   i uniform, c_i = c'_i, the other codes apart

    D's step trains C, at D's rate. The authors train it from the first update, but make it and its Adam's moments anew
    when the term comes in. Nothing that it learned before is used, so here its training begins at that moment, and
    until then the term costs nothing. Of several replicas, which have to meet in each pass through batch norm, none can
    leave out a part: there C is trained from the start.
    """

    gap: Schedule = setting(
        instance(Schedule, "a Schedule"), "least distance of the other codes over the updates; without points 0", NO_GAP
    )

    def build(self, step: "Step") -> TermValue:
        share = step.share(self.schedule)
        if step.name == GENERATOR:
            loss, accuracy = _while_positive(share, lambda: list(self._judge(step, Normalisation([REAL], False))[:2]))
            return TermValue(loss, {"contrastive/loss": loss, "contrastive/accuracy": accuracy})
        return TermValue(None, {}, train=lambda: _while_positive(share, lambda: self._train(step)))

    def _train(self, step: "Step") -> list[Tensor]:
        # As real images do in D: spectral normalisation moves on. There is no batch norm whose averages would move.
        normalisation = Normalisation([REAL], batch_statistics=True)
        loss, accuracy, variables = self._judge(step, normalisation)
        with tf.control_dependencies(normalisation.updates):
            trained = step.descend(loss, variables, step.spec.discriminator_learning_rate, "contrastive")
        with tf.control_dependencies([trained]):
            return [tf.identity(loss), tf.identity(accuracy)]

    def _judge(self, step: "Step", normalisation: Normalisation) -> tuple[Tensor, Tensor, list[Variable]]:
        """C on pairs of images: its loss, how often it is right, and its weights."""
        model, spec, codes = step.model, step.spec, len(step.spec.codes)
        gap = 0.0 if self.gap == NO_GAP else step.share(self.gap)
        drawn = model.sample_pairs(spec.batch_size, gap, fold_in(step.seed, "contrastive"))
        first, second, shared = map(own_share, drawn)  # [B, latent_dist.dim] twice, [B]
        images = model.generate(tf.concat([first, second], axis=0), Normalisation([GENERATED], batch_statistics=True))
        pairs = tf.concat(tf.split(images, 2), axis=3)  # [B, H, W, 2 C]
        rows = find_architecture(spec.network).trunk(tuple(pairs.shape[1:].as_list()), spec.leaky_rate)
        trunk = Network("contrastive_trunk", spec.seed, rows, spectral_norm=True)
        head = Network("contrastive", spec.seed, [dense(codes)])
        logits = head(trunk(pairs, normalisation), normalisation)  # [B, codes]
        loss = -tf.reduce_mean(tf.reduce_sum(tf.one_hot(shared, codes) * tf.nn.log_softmax(logits), axis=1))
        accuracy = tf.reduce_mean(
            tf.cast(tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), shared), tf.float32)
        )
        return loss, accuracy, trunk.trainable_variables + head.trainable_variables


def _while_positive(share: float | Tensor, build: Callable[[], list[Tensor]]) -> list[Tensor]:
    """What `build` gives, two scalars, where the share is above 0; else zeros, and nothing of it is computed."""
    if isinstance(share, float) or count_replicas() > 1:
        return build()
    return tf.cond(share > 0.0, build, lambda: [tf.zeros([]), tf.zeros([])])
