"""Latents: the named parts of the generator's input, noise and codes."""

import dataclasses
import itertools
from collections.abc import Sequence

from infogan import distributions
from infogan.distributions import Distribution
from infogan.spec_document import any_of
from infogan.system.checks import COUNT, IDENTIFIER, SWITCH, Checked, documented, setting

LARGEST_DIM = 100_000
"""Numbers in a latent: beyond it the generator's first layer alone outgrows any memory."""
DISTRIBUTION = any_of(Distribution, "a distribution, such as Categorical(10),")


@documented
@dataclasses.dataclass(frozen=True)
class Latent(Checked):
    """One named part of the generator's input."""

    name: str = setting(IDENTIFIER, "what logs, figures and reports call it")
    distribution: Distribution = setting(DISTRIBUTION, "its prior, and the family of Q's posterior")
    regularised: bool = setting(
        SWITCH, "True for a code c that Q must be able to read from the image; False for noise z", True
    )


def latent_slices(latent_spec: Sequence[Latent]) -> dict[str, slice]:
    """Where each latent lies in z: dict of name -> slice of its last axis."""
    ends = itertools.accumulate(latent.distribution.dim for latent in latent_spec)
    return {latent.name: slice(end - latent.distribution.dim, end) for latent, end in zip(latent_spec, ends)}


def noise_vector(dim: int) -> Latent:
    """The incompressible noise z (Sec. 5), uniform on [-1, 1] in each of its dimensions."""
    return Latent("noise", distributions.Uniform(dim), regularised=False)


def category_codes(*categories: int) -> tuple[Latent, ...]:
    """Categorical codes that carry numbers for names, because nobody knows beforehand what they come to mean.

    Args:
      categories: how many categories each code has.

    Returns:
      tuple of Latent: category_1, category_2, ...
    """
    return tuple(
        Latent(f"category_{i}", distributions.Categorical(number)) for i, number in enumerate(categories, start=1)
    )


def continuous_codes(count: int, fix_std: bool = False) -> tuple[Latent, ...]:
    """Continuous codes, uniform on [-1, 1], that carry numbers for names: continuous_1, continuous_2, ...

    Args:
      count: how many there are.
      fix_std: True fixes the deviation of their posterior to 1, False takes it from Q.

    Returns:
      tuple of Latent.
    """
    return tuple(
        Latent(f"continuous_{i}", distributions.Uniform(1, fix_std=fix_std))
        for i in range(1, COUNT.check("count", count) + 1)
    )


def circular_codes(count: int) -> tuple[Latent, ...]:
    """Codes that are angles and carry numbers for names: circular_1, circular_2, ...

    Args:
      count: how many there are.

    Returns:
      tuple of Latent.
    """
    return tuple(Latent(f"circular_{i}", distributions.Circular()) for i in range(1, COUNT.check("count", count) + 1))
