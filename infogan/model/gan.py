"""RegularizedGAN: generator, discriminator and recognition network over a described latent vector."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from infogan.distributions import DistInfo, Distribution, Product
from infogan.model.architectures import Architecture, ImageShape, ImageSize, find_architecture, find_image_shape
from infogan.model.layers import GENERATED, Network, Normalisation
from infogan.model.losses import mutual_information_bound
from infogan.system.messages import InputError
from infogan.system.tf1 import Tensor, Variable, fold_in, tf

if TYPE_CHECKING:  # which import this
    from infogan.latents import Latent
    from infogan.spec import ExperimentSpec


class Judgement(NamedTuple):
    """What D and Q make of a batch of images, after one pass through the trunk they share.

    Attributes:
      logits: Tensor [B]; D(x) = sigmoid(logits) is the probability that x is real.
      reg_dist_info: `dist_info` of Q(c | x), the posterior of the regularised latents.
      q_features: Tensor [B, features], what Q's last layer sees.
    """

    logits: Tensor
    reg_dist_info: DistInfo
    q_features: Tensor


def split_judgement(judgement: Judgement) -> list[Judgement]:
    """The Judgements of the two halves of a batch."""
    logits, features = tf.split(judgement.logits, 2), tf.split(judgement.q_features, 2)
    infos = {key: tf.split(value, 2) for key, value in judgement.reg_dist_info.items()}
    return [Judgement(logits[i], {key: halves[i] for key, halves in infos.items()}, features[i]) for i in (0, 1)]


class RegularizedGAN:
    """A GAN whose generator is regularised to keep some latents readable from the image (arXiv:1606.03657, Sec. 5).

    Variables are made at the first call of each part; every later call reuses them.

    Args:
      output_dist: distribution of an image's pixels given the generator's output.
      latent_spec: sequence of `Latent` (name, distribution, regularised), in the order in which z is laid out.
      network: an Architecture, or its name.
      leaky_rate: negative slope of the rectifiers of D and Q.
      seed: int, from which all initial values follow.
      spectral_norm: True normalises every layer of the trunk, D and Q by its spectrum and leaves out their batch norm.
      image_size: (H, W) of the images, or the side of square ones; None for squares of as many numbers as output_dist
        has.
    """

    def __init__(
        self,
        output_dist: Distribution,
        latent_spec: Sequence["Latent"],
        network: str | Architecture,
        leaky_rate: float,
        seed: int,
        spectral_norm: bool = False,
        image_size: ImageSize | None = None,
    ) -> None:
        table = find_architecture(network)
        self._network = table.name
        self.output_dist = output_dist
        self.latent_spec = tuple(latent_spec)
        self.image_shape: ImageShape = find_image_shape(output_dist.dim, image_size)
        self.latent_dist = Product([latent.distribution for latent in self.latent_spec])
        self.reg_latents = tuple(latent for latent in self.latent_spec if latent.regularised)
        self.reg_latent_dist = Product([latent.distribution for latent in self.reg_latents])
        q_rows = table.recognition_head(leaky_rate, self.reg_latent_dist.dist_flat_dim)
        self._trunk = Network("trunk", seed, table.trunk(self.image_shape, leaky_rate), spectral_norm)
        self._discriminator_head = Network("discriminator", seed, table.discriminator_head(), spectral_norm)
        self._recognition_head = Network("recognition", seed, q_rows, spectral_norm)
        self._generator = Network("generator", seed, table.generator(self.image_shape))

    @classmethod
    def of_spec(cls, spec: "ExperimentSpec") -> "RegularizedGAN":
        """The model of an ExperimentSpec."""
        return cls(
            spec.output_dist,
            spec.latent_spec,
            spec.network,
            spec.leaky_rate,
            spec.seed,
            spec.spectral_norm,
            spec.image_size,
        )

    def generate(self, z: Tensor, normalisation: Normalisation | None = None) -> Tensor:
        """Images G(z).

        Args:
          z: Tensor [B, latent_dist.dim].
          normalisation: how batch norm behaves; by default the moving averages, each image by itself.

        Returns:
          Tensor [B, H, W, C] in the pixel range of the output distribution: [0, 1] for MeanBernoulli, [-1, 1] for
          MeanGaussian.
        """
        output = self._generator(
            self.latent_dist.embed(z), normalisation or Normalisation([GENERATED], batch_statistics=False)
        )
        self._check_shape("generator", output, self.image_shape)
        dist_info = self.output_dist.activate_dist(tf.reshape(output, [-1, self.output_dist.dim]))  # [B, H * W * C]
        return tf.reshape(self.output_dist.sample(dist_info), [-1, *self.image_shape])

    def discriminate(self, x: Tensor, normalisation: Normalisation) -> Judgement:
        """D and Q on images x [B, H, W, C]: a Judgement. What is not fetched from it costs nothing."""
        features = self._trunk(x, normalisation)  # [B, N]
        self._check_shape("trunk", features, (None,))
        logits = self._discriminator_head(features, normalisation)  # [B, 1]
        self._check_shape("discriminator_head", logits, (1,))
        flat, q_features = self._recognition_head.apply(features, normalisation)  # [B, dist_flat_dim], [B, features]
        self._check_shape("recognition_head", flat, (self.reg_latent_dist.dist_flat_dim,))
        return Judgement(logits[:, 0], self.reg_latent_dist.activate_dist(flat), q_features)

    def _check_shape(self, part: str, tensor: Tensor, needed: tuple[int | None, ...]) -> None:
        """Refuses a part of an architecture that makes something else than [B, *needed]."""
        if not tensor.shape[1:].is_compatible_with(needed):
            raise InputError(
                "network",
                f"the {part} of {self._network} makes {['B', *tensor.shape[1:].as_list()]}, "
                f"but {['B', *needed]} is needed.",
            )

    def sample_latents(self, count: int | Tensor, seed: Tensor) -> Tensor:
        """Draws [count, latent_dist.dim] from the prior; each latent's numbers follow from `seed` and its name.

        Args:
          count: int, or scalar int Tensor.
          seed: integer Tensor [2].
        """
        return self.latent_dist.join_vars(
            [latent.distribution.sample_prior(count, fold_in(seed, latent.name)) for latent in self.latent_spec]
        )

    def sample_pairs(self, count: int, gap: float | Tensor, seed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draws latents for pairs of images that have the noise and one code in common.

        Args:
          count: how many pairs.
          gap: scalar, how far apart all other codes are at least (`Distribution.sample_apart`).
          seed: integer Tensor [2].

        Returns:
          The latents of the first and of the second image of each pair, [count, latent_dist.dim] each, and the number
          of the code they share, int32 [count].
        """
        drawn = self.latent_dist.split_var(self.sample_latents(count, fold_in(seed, "latents")))
        codes = [latent.name for latent in self.reg_latents]
        shared = tf.random.stateless_uniform([count], fold_in(seed, "shared"), 0, len(codes), tf.int32)
        pairs = []
        for latent, own in zip(self.latent_spec, drawn):
            pair = (own, own)
            if latent.regularised:
                apart = latent.distribution.sample_apart(count, gap, fold_in(fold_in(seed, "apart"), latent.name))
                is_shared = tf.equal(shared, codes.index(latent.name))[:, None]
                pair = tuple(tf.where_v2(is_shared, own, other) for other in apart)
            pairs.append(pair)
        first, second = map(self.latent_dist.join_vars, zip(*pairs))
        return first, second, shared

    @property
    def is_noise(self) -> np.ndarray:
        """Which numbers of z are noise: bool array [latent_dist.dim]."""
        return np.repeat(
            [not latent.regularised for latent in self.latent_spec],
            [latent.distribution.dim for latent in self.latent_spec],
        )

    def reg_z(self, z: Tensor) -> Tensor:
        """The regularised latents c of z [B, latent_dist.dim]: [B, reg_latent_dist.dim]."""
        parts = zip(self.latent_spec, self.latent_dist.split_var(z))
        return self.reg_latent_dist.join_vars([part for latent, part in parts if latent.regularised])

    def reg_logli(self, z: Tensor, reg_dist_info: DistInfo) -> dict[str, Tensor]:
        """log Q(c | x) of the latents z that x was generated from: dict of name -> Tensor [B]."""
        codes = self.reg_latent_dist.split_var(self.reg_z(z))
        infos = self.reg_latent_dist.split_dist_info(reg_dist_info)
        return {
            latent.name: latent.distribution.logli(code, info)
            for latent, code, info in zip(self.reg_latents, codes, infos)
        }

    def posteriors(self, judgement: Judgement) -> dict[str, DistInfo]:
        """Q's posterior of every code in a Judgement: dict of code name -> dict of its `dist_info_keys`."""
        infos = self.reg_latent_dist.split_dist_info(judgement.reg_dist_info)
        return {
            latent.name: {key: info[key] for key in latent.distribution.dist_info_keys}
            for latent, info in zip(self.reg_latents, infos)
        }

    def information(self, z: Tensor, reg_dist_info: DistInfo) -> dict[str, Tensor]:
        """L_I of each code from latents z and Q's posterior of the images made of them (Eq. 5).

        Returns:
          dict of code name -> scalar Tensor, in nats.
        """
        entropies = {latent.name: latent.distribution.prior_entropy for latent in self.reg_latents}
        return mutual_information_bound(entropies, self.reg_logli(z, reg_dist_info))

    def read_images(self, images: Tensor) -> Tensor:
        """uint8 Tensor [B, H, W, C] -> float Tensor in the pixel range of generated images."""
        low, high = self.output_dist.pixel_range
        return low + (high - low) * tf.cast(images, tf.float32) / 255.0

    def show_images(self, images: Tensor) -> Tensor:
        """Float Tensor [B, H, W, C] in the pixel range of generated images -> float Tensor in [0, 1], as is shown."""
        low, high = self.output_dist.pixel_range
        return (images - low) / (high - low)

    @property
    def variables(self) -> list[Variable]:
        """All that the networks compute with: weights, batch norm's averages, the vectors of spectral normalisation."""
        networks = (self._trunk, self._discriminator_head, self._recognition_head, self._generator)
        return [variable for network in networks for variable in network.variables]

    @property
    def generator_variables(self) -> list[Variable]:
        """Weights of G."""
        return self._generator.trainable_variables

    @property
    def discriminator_variables(self) -> list[Variable]:
        """Weights of the trunk and of D's output layer."""
        return self._trunk.trainable_variables + self._discriminator_head.trainable_variables

    @property
    def recognition_variables(self) -> list[Variable]:
        """Weights of Q above the trunk."""
        return self._recognition_head.trainable_variables


def check_networks(spec: "ExperimentSpec") -> None:
    """Builds the networks of a spec, in a graph of their own, to refuse those whose layers do not fit together.

    Raises:
      InputError: naming the network.
    """
    with tf.Graph().as_default():
        try:
            model = RegularizedGAN.of_spec(spec)
            images = model.generate(tf.zeros([2, model.latent_dist.dim]))
            model.discriminate(images, Normalisation([GENERATED], batch_statistics=False))
        except InputError:
            raise
        except (ValueError, TypeError, AttributeError) as error:  # of TensorFlow, or of what is no row
            reason = str(error).splitlines()[0]
            raise InputError("network", f"its rows were given, but they do not fit together ({reason}).") from error
