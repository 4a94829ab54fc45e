"""Flags that change a recipe's spec: those of every experiment, and those that some have of their own."""

import argparse
import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from infogan.distributions import KINDS
from infogan.latents import LARGEST_DIM, category_codes, circular_codes, continuous_codes, noise_vector
from infogan.model.architectures import show_size
from infogan.schedule import Schedule
from infogan.spec import ExperimentSpec
from infogan.system.checks import TEXT, Kind, choice, several, whole
from infogan.system.messages import InputError

SWEEP_LIMITS = {"uniform": 2.0, "gaussian": 4.0}
"""Where a sweep ends if --continuous-prior changes the prior: twice U(-1, 1)'s range, or 4 deviations of N(0, 1)."""


MOST_CODES = 100
"""Codes of a kind that can be asked for on the command line."""


@dataclasses.dataclass(frozen=True)
class Flag:
    """A flag, and what it means for a spec.

    Attributes:
      kind: Kind of its values; one of SWITCH is given as --flag or --no-flag.
      help: what it is, for --help.
      read: function of a spec: the value in it.
      change: function of a spec and a value: the spec with this value; of a field, the field's name.
    """

    kind: Kind
    help: str
    read: Callable[[ExperimentSpec], Any]
    change: Callable[[ExperimentSpec, Any], ExperimentSpec] | str


Flags = Mapping[str, Flag]


def _is_noise(latent):
    return not latent.regularised


def _read_noise_dim(spec):
    return sum(latent.distribution.dim for latent in filter(_is_noise, spec.latent_spec))


def _change_noise_dim(spec, dim):
    noise = sum(map(_is_noise, spec.latent_spec))
    if noise > 1:
        raise InputError("noise_dim", f"{dim} was given, but this experiment has several noise vectors.")
    if dim == 0:
        return dataclasses.replace(spec, latent_spec=spec.codes)
    if noise == 0:
        return dataclasses.replace(spec, latent_spec=(noise_vector(dim), *spec.latent_spec))
    try:
        return _map_latents(spec, _is_noise, lambda distribution: dataclasses.replace(distribution, dim=dim))
    except TypeError:  # a distribution without that field
        raise InputError("noise_dim", f"{dim} was given, but the noise of this experiment has a fixed size.") from None


def _codes_of(spec, kind):
    return tuple(code for code in spec.codes if code.distribution.kind == kind)


def _map_latents(spec, is_meant, change):
    """The spec with `change` of the distribution of every latent that is meant."""
    return dataclasses.replace(
        spec,
        latent_spec=tuple(
            dataclasses.replace(latent, distribution=change(latent.distribution)) if is_meant(latent) else latent
            for latent in spec.latent_spec
        ),
    )


def _read_continuous_prior(spec):
    """ "uniform", "gaussian", or None where no code has one of these priors."""
    priors = {code.distribution.prior_name for code in spec.codes} - {None}
    return min(priors, default=None)  # gaussian where there are both


def _change_continuous_prior(spec, prior):
    now = _read_continuous_prior(spec)
    if now is None:
        raise InputError("continuous_prior", f"{prior} was given, but this experiment has no uniform or normal code.")
    if now == prior:
        return spec
    changed = _map_latents(
        spec,
        lambda latent: latent.regularised and latent.distribution.prior_name,
        lambda distribution: distribution.with_prior(prior),
    )
    return dataclasses.replace(changed, sweep_limit=SWEEP_LIMITS[prior])


def _change_codes(spec, kind, codes):
    """The spec with its noise, then its codes in the order of KINDS, those of `kind` being `codes`."""
    kept = [codes if each == kind else _codes_of(spec, each) for each in KINDS]
    if not any(kept):
        raise InputError(
            "--categorical, --continuous, --circular",
            "no code was asked for, but InfoGAN needs one. Give --categorical 10, --continuous 2 or --circular 1.",
        )
    noise = filter(_is_noise, spec.latent_spec)
    return dataclasses.replace(spec, latent_spec=tuple(itertools.chain(noise, *kept)))


def _categories_from_text(text):
    """ "10,10" -> (10, 10), "none" -> ()."""
    return () if text == "none" else tuple(map(int, text.split(",")))


CATEGORIES = several(
    whole(2, LARGEST_DIM),
    f"a list of at most {MOST_CODES} numbers of categories from 2, such as 10,10, or none,",
    MOST_CODES,
    from_text=_categories_from_text,
    metavar="CATEGORIES",
)
NUMBER_OF_CODES = dataclasses.replace(whole(0, MOST_CODES), metavar="COUNT")


def _size_from_text(text):
    """ "48" or "64x96", height before width -> as `show_size` writes it."""
    sides = list(map(int, text.split("x")))
    if len(sides) > 2 or min(sides) < 1:
        raise ValueError
    return show_size(sides * (3 - len(sides)))


def _change_size(spec, text):
    """The spec for images of another size and as many channels."""
    height, width = map(int, text.split("x"))
    dim = height * width * spec.image_shape[2]
    output_dist = dataclasses.replace(spec.output_dist, dim=dim)
    return dataclasses.replace(spec, image_size=(height, width), output_dist=output_dist)


SIZE_FLAG = Flag(
    dataclasses.replace(
        TEXT, needed="a side such as 48, or height x width such as 64x96,", from_text=_size_from_text, metavar="SIZE"
    ),
    "resizes pictures to this size: 48, or height x width, such as 64x96",
    lambda spec: show_size(spec.image_shape[:2]),
    _change_size,
)
"""For experiments whose network makes images of several sizes."""


def factor_flag(table: Mapping[str, Mapping[str, Any]]) -> Flag:
    """Chooses a row of Table 5 or 7: `table` gives the fields of a spec by the name of a factor."""
    return Flag(
        choice(table),
        "takes learning rates and lambda from this factor's row of the paper's table",
        lambda spec: spec.factor,
        lambda spec, factor: dataclasses.replace(spec, factor=factor, **table[factor]),
    )


CODE_FLAGS = {
    # The first of the three: a spec needs a code, and while this one is put in, those of the recipe are still there.
    "circular": Flag(
        NUMBER_OF_CODES,
        "number of circular codes: angles, for what turns all the way around",
        lambda spec: len(_codes_of(spec, "circular")),
        lambda spec, count: _change_codes(spec, "circular", circular_codes(count)),
    ),
    "categorical": Flag(
        CATEGORIES,
        "number of categories of each categorical code, such as 10,10; or none",
        lambda spec: tuple(code.distribution.dim for code in _codes_of(spec, "categorical")),
        lambda spec, categories: _change_codes(spec, "categorical", category_codes(*categories)),
    ),
    "continuous": Flag(
        NUMBER_OF_CODES,
        "number of continuous codes, with unit deviation",
        lambda spec: len(_codes_of(spec, "continuous")),
        lambda spec, count: _change_codes(spec, "continuous", continuous_codes(count, fix_std=True)),
    ),
}
"""For experiments whose codes are the user's choice."""


def _field_flag(field):
    return Flag(field.metadata["kind"], field.metadata["about"], lambda spec: getattr(spec, field.name), field.name)


_FIELDS = {field.name: field for field in dataclasses.fields(ExperimentSpec)}

CHANNELS_FLAG = _field_flag(_FIELDS["channels"])
PICTURE_FLAGS = {"pixel_range": _field_flag(_FIELDS["input_range"])}
"""For experiments that read pictures of any kind."""

FLAGS = {
    "noise_dim": Flag(whole(0, LARGEST_DIM), "dimensions of the noise z; 0: none", _read_noise_dim, _change_noise_dim),
    "continuous_prior": Flag(
        choice(SWEEP_LIMITS),
        "prior of the continuous codes: U(-1, 1), or N(0, 1) swept from -4 to 4",
        _read_continuous_prior,
        _change_continuous_prior,
    ),
    **{field.name: _field_flag(field) for field in _FIELDS.values() if field.metadata.get("flag")},
}
"""The flags of every experiment, by name."""


def show(value: object) -> str:
    """The text that gives a value on the command line."""
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ("/" if isinstance(value[0], Schedule) else ",").join(map(show, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def apply_flags(spec: ExperimentSpec, flags: Flags, options: argparse.Namespace) -> ExperimentSpec:
    """The spec with the values of the flags that were given.

    Those that change several things go first, in the order of `flags`; then the fields, all at once: what comes of it
    has to be a spec, not what lies between.

    Raises:
      InputError: if a value cannot be used.
    """
    fields: dict[str, Any] = {}
    for name, flag in flags.items():
        value = getattr(options, name)
        if value is None:
            continue
        if isinstance(flag.change, str):
            fields[flag.change] = value
        else:
            spec = flag.change(spec, value)
    return dataclasses.replace(spec, **fields)
