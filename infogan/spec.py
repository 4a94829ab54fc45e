"""ExperimentSpec: everything that decides what an experiment computes, as one value.

A spec holds no tensor and imports no TensorFlow. It is checked when it is built and goes to JSON and back unchanged.
"""

import dataclasses
import itertools
import json
import math
import numbers
import re

from infogan import distributions
from infogan.distributions import Distribution
from infogan.model.architectures import check_image_shape, find_image_shape
from infogan.schedule import FULL, Schedule
from infogan.system.errors import InputError

VARIANTS = ("infogan", "gan")
PRECISIONS = ("float32", "bfloat16")
GAN_LOSSES = ("standard", "hinge")
LARGEST_SEED = 2**31 - 1
LARGEST_DIM = 100_000
"""Numbers in a latent: beyond it the generator's first layer alone outgrows any memory."""
LARGEST_NUMBER = 1e30
"""Rates and weights stay well within float32."""
SMALL_SET = {"constant_rate_share": 0.5, "augmentation": 1.0, "batch_size": 64}
"""Fields of an ExperimentSpec that recipes for data sets of some hundred to some ten thousand images share; what each
value is for: docs/experiments.md."""
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,99}")


@dataclasses.dataclass(frozen=True)
class Latent:
    """One named part of the generator's input.

    Attributes:
      name: what logs, figures and reports call it.
      distribution: its prior, and the family of Q's posterior.
      regularised: True for a code c that Q must be able to read from the image; False for noise z.
    """

    name: str
    distribution: Distribution
    regularised: bool = True


def latent_slices(latent_spec):
    """Where each latent lies in z: dict of name -> slice of its last axis."""
    ends = itertools.accumulate(latent.distribution.dim for latent in latent_spec)
    return {latent.name: slice(end - latent.distribution.dim, end) for latent, end in zip(latent_spec, ends)}


def category_codes(*categories):
    """Categorical codes that carry numbers for names, because nobody knows beforehand what they come to mean.

    Args:
      categories: how many categories each code has.

    Returns:
      tuple of Latent: category_1, category_2, ...
    """
    return tuple(
        Latent(f"category_{i}", distributions.Categorical(number)) for i, number in enumerate(categories, start=1)
    )


def continuous_codes(count, fix_std=False):
    """Continuous codes, uniform on [-1, 1], that carry numbers for names: continuous_1, continuous_2, ...

    Args:
      count: how many there are.
      fix_std: True fixes the deviation of their posterior to 1, False takes it from Q.

    Returns:
      tuple of Latent.
    """
    return tuple(Latent(f"continuous_{i}", distributions.Uniform(1, fix_std=fix_std)) for i in range(1, count + 1))


def circular_codes(count):
    """Codes that are angles and carry numbers for names: circular_1, circular_2, ...

    Args:
      count: how many there are.

    Returns:
      tuple of Latent.
    """
    return tuple(Latent(f"circular_{i}", distributions.Circular()) for i in range(1, count + 1))


@dataclasses.dataclass(frozen=True)
class PaperValue:
    """A number of the paper that the report sets beside ours.

    Attributes:
      metric: name of the metric, as in the report.
      value: the paper's number.
      source: section, figure or table.
      code: the code it belongs to, None for the whole model.
      rule: "at most" or "at least": when ours holds against it.
    """

    metric: str
    value: float
    source: str
    code: str | None = None
    rule: str = "at most"


@dataclasses.dataclass(frozen=True)
class ExperimentSpec:
    """What an experiment computes; every field has an influence on the result.

    Attributes:
      name: the experiment, also the folder below logs/ and ckt/.
      recipe: name of the set of values this spec was taken from.
      dataset: name of a dataset in `infogan.data`.
      network: name of an architecture in `infogan.model.architectures`.
      output_dist: distribution of an image's pixels given the generator's output; its `pixel_range` is what images are
        scaled to.
      latent_spec: the parts of the generator's input, in order.
      leaky_rate: negative slope of the rectifiers of D and Q.
      variant: "infogan", or "gan": Q learns, but nothing of L_I reaches G or the trunk it shares with D.
      info_reg_coeff: lambda of the categorical codes.
      continuous_weight: lambda of the continuous codes.
      discriminator_learning_rate: Adam's rate for the trunk, D and Q, at the start.
      generator_learning_rate: Adam's rate for G, at the start.
      constant_rate_share: share of the run after which both rates start to fall linearly, to reach 0 at its end;
        1 keeps them constant.
      code_schedules: a Schedule of lambda for each code, in order; () has all of them from the start at full strength.
      adam_beta1: decay of Adam's first moment.
      augmentation: strength of the random affine maps of everything D and Q see; 0 is none.
      turning_schedule: Schedule of the rotation and shear of these maps.
      scaling_schedule: Schedule of the log of their scale.
      view_information: weight of what Q's categories in one view of a real image tell about those in another
        (`losses.view_information`); each batch of real images is then two views each, augmented differently, of half as
        many. 0, as in the paper: one view, no such term.
      batch_size: images per step, at least 2.
      updates_per_epoch: updates between two lines of the log.
      max_epoch: epochs in the run.
      snapshot_interval: updates between two checkpoints.
      seed: int from which all randomness follows.
      precision: "float32" or "bfloat16", of products and convolutions during training.
      held_out_images: images at the front of the training set that are kept from training.
      max_images: None, or how many images of each split are used.
      sweep_limit: continuous codes are drawn from -sweep_limit to sweep_limit; angles at most by a whole turn.
      paper_values: the paper's numbers.
      factor: None, or the factor of variation after which a configuration of Table 5 or 7 is named.
      image_size: (H, W) of the images, or the side of square ones, to which pictures of any size are brought. None: the
        square of as many numbers as output_dist has; nothing is resized.
      gan_loss: what D and G minimise beside L_I: "standard" (cross entropy) or "hinge".
      spectral_norm: True divides every kernel of the trunk, D and Q by its largest singular value, in place of their
        batch norm.

    Raises:
      InputError: naming the field, if a value cannot be used.
    """

    name: str
    recipe: str
    dataset: str
    network: str
    output_dist: Distribution
    latent_spec: tuple
    leaky_rate: float
    info_reg_coeff: float
    continuous_weight: float
    discriminator_learning_rate: float
    generator_learning_rate: float
    variant: str = "infogan"
    constant_rate_share: float = 1.0
    code_schedules: tuple = ()
    adam_beta1: float = 0.5
    augmentation: float = 0.0
    turning_schedule: Schedule = FULL
    scaling_schedule: Schedule = FULL
    view_information: float = 0.0
    batch_size: int = 128
    updates_per_epoch: int = 100
    max_epoch: int = 50
    snapshot_interval: int = 1000
    seed: int = 0
    precision: str = "float32"
    held_out_images: int = 0
    max_images: int | None = None
    sweep_limit: float = 2.0
    paper_values: tuple = ()
    factor: str | None = None
    image_size: int | tuple | None = None
    gan_loss: str = "standard"
    spectral_norm: bool = False

    def __post_init__(self):
        object.__setattr__(self, "latent_spec", tuple(self.latent_spec))
        object.__setattr__(self, "paper_values", tuple(self.paper_values))
        object.__setattr__(self, "code_schedules", tuple(self.code_schedules))
        _check_whole("batch_size", self.batch_size, 2, "batch norm needs at least two images")
        for field in ("updates_per_epoch", "max_epoch", "snapshot_interval"):
            _check_whole(field, getattr(self, field), 1)
        _check_whole("seed", self.seed, 0, highest=LARGEST_SEED)
        _check_whole("held_out_images", self.held_out_images, 0)
        if self.max_images is not None:
            _check_whole("max_images", self.max_images, 1)
        if self.image_size is not None:
            object.__setattr__(self, "image_size", _read_size(self.image_size))
        for field in ("info_reg_coeff", "continuous_weight", "augmentation", "view_information"):
            _check_number(field, getattr(self, field))
        for field in ("discriminator_learning_rate", "generator_learning_rate", "sweep_limit"):
            _check_number(field, getattr(self, field), above=True)
        for field in ("leaky_rate", "adam_beta1", "constant_rate_share"):
            _check_number(field, getattr(self, field), highest=1.0)
        if self.adam_beta1 == 1.0:
            raise InputError("adam_beta1", "1 was given, but Adam needs a decay below 1.")
        for field, known in (
            ("variant", VARIANTS),
            ("precision", PRECISIONS),
            ("gan_loss", GAN_LOSSES),
            ("spectral_norm", (True, False)),
        ):
            if getattr(self, field) not in known:
                choices = ", ".join(map(str, known))
                raise InputError(field, f"{getattr(self, field)!r} was given, but it is one of {choices}.")
        if not hasattr(self.output_dist, "pixel_range"):
            raise InputError(
                "output_dist", f"{self.output_dist!r} was given, but MeanBernoulli or MeanGaussian is needed."
            )
        _check_whole("output_dist", self.output_dist.dim, 1)
        check_image_shape(self.network, self.image_shape, "output_dist" if self.image_size is None else "image_size")
        self._check_latents()
        self._check_schedules()
        self._check_views()

    def _check_latents(self):
        for latent in self.latent_spec:
            if not NAME_PATTERN.fullmatch(latent.name):
                raise InputError(
                    "latent_spec", f"{latent.name!r} was given, but a name is made of letters, digits and '_'."
                )
            _check_whole(f"dim of {latent.name}", latent.distribution.dim, 1, highest=LARGEST_DIM)
        names = [latent.name for latent in self.latent_spec]
        if len(set(names)) != len(names):
            raise InputError("latent_spec", f"the names {names} were given, but each must be unique.")
        if not self.codes:
            raise InputError("latent_spec", "no regularised latent was given, but InfoGAN needs a code. Add one.")
        for latent in self.codes:
            if isinstance(latent.distribution, distributions.Product):
                raise InputError(
                    "latent_spec", f"{latent.name} is a Product, but a code is a single one. Name each factor."
                )
            if latent.distribution.effective_dim != 1:
                raise InputError(
                    "latent_spec",
                    f"{latent.name} has {latent.distribution.effective_dim} dimensions, but a code has one, "
                    "so that it has one name and one sweep. Make it that many codes.",
                )

    def _check_schedules(self):
        for field in ("turning_schedule", "scaling_schedule"):
            if not isinstance(getattr(self, field), Schedule):
                raise InputError(field, f"{getattr(self, field)!r} was given, but a Schedule is needed.")
        schedules = self.code_schedules
        if schedules and (len(schedules) != len(self.codes) or not all(isinstance(s, Schedule) for s in schedules)):
            raise InputError(
                "code_schedules",
                f"{'/'.join(map(str, schedules))} was given, but a Schedule for each of "
                f"{', '.join(latent.name for latent in self.codes)} is needed, or none at all.",
            )

    def _check_views(self):
        if not self.view_information:
            return
        if not self.augmentation:
            raise InputError(
                "view_information",
                f"{self.view_information:g} was given, but the views of an image differ by augmentation alone, which "
                "is 0. Raise it.",
            )
        if self.batch_size % 2:
            raise InputError("batch_size", f"{self.batch_size} was given, but two views an image need an even number.")
        if not any(isinstance(latent.distribution, distributions.Categorical) for latent in self.codes):
            raise InputError(
                "view_information", f"{self.view_information:g} was given, but it needs a categorical code."
            )

    @property
    def image_shape(self):
        """(H, W, C) of an image."""
        return find_image_shape(self.output_dist.dim, self.image_size)

    @property
    def views(self):
        """How many views of each real image a batch holds."""
        return 2 if self.view_information else 1

    @property
    def codes(self):
        """The regularised latents, in order."""
        return tuple(latent for latent in self.latent_spec if latent.regularised)

    @property
    def updates(self):
        """Updates in the whole run."""
        return self.max_epoch * self.updates_per_epoch

    @property
    def late_codes(self):
        """Names of the codes whose schedule has them come in after the last update."""
        return [
            latent.name for latent, schedule in zip(self.codes, self.code_schedules) if schedule.start >= self.updates
        ]

    def code_weight(self, latent):
        """lambda of one code."""
        return self.info_reg_coeff if latent.distribution.is_discrete else self.continuous_weight

    def sweep_ends(self, latent):
        """The lowest and the highest number in a sweep of one code: two floats."""
        values = latent.distribution.sweep(2, self.sweep_limit)
        return float(values.min()), float(values.max())

    def to_json(self):
        """This spec as text, one field a line."""
        return json.dumps(_encode(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text):
        """The spec that `to_json` wrote.

        Raises:
          InputError: if the text is not such a spec.
        """
        try:
            values = json.loads(text)
            values["output_dist"] = _decode_distribution(values["output_dist"])
            values["latent_spec"] = tuple(
                Latent(entry["name"], _decode_distribution(entry["distribution"]), entry["regularised"])
                for entry in values["latent_spec"]
            )
            values["code_schedules"] = tuple(Schedule(**entry) for entry in values["code_schedules"])
            for field in ("turning_schedule", "scaling_schedule"):
                values[field] = Schedule(**values[field])
            values["paper_values"] = tuple(PaperValue(**entry) for entry in values["paper_values"])
            return cls(**values)
        except InputError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise InputError("spec.json", f"it is no ExperimentSpec of this version ({error!r}).") from error


def _encode(value):
    if isinstance(value, Distribution):
        return {"type": type(value).__name__, **_encode_fields(value)}
    if dataclasses.is_dataclass(value):
        return _encode_fields(value)
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value


def _encode_fields(value):
    return {field.name: _encode(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _decode_distribution(entry):
    fields = dict(entry)
    family = _find_family(fields.pop("type"))
    if "dists" in fields:
        fields["dists"] = tuple(_decode_distribution(part) for part in fields["dists"])
    return family(**fields)


def _find_family(name):
    """The class of that name: one of ours, or else the user's newest, whose module must have been imported."""
    families = [Distribution]
    for family in families:  # which grows
        families += family.__subclasses__()
    named = [family for family in families[1:] if family.__name__ == name]
    ours = [family for family in named if family.__module__ == distributions.__name__]
    if not named:
        raise InputError(
            "spec.json",
            f"the distribution {name!r} was given, but no class has that name. Import the module that has it.",
        )
    return (ours or named)[-1]


def check_seed(seed, where="seed"):
    """Refuses what is no seed of a draw; `where` is how the user calls it.

    Raises:
      InputError: if it is no whole number from 0 to LARGEST_SEED.
    """
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or not 0 <= seed <= LARGEST_SEED:
        raise InputError(where, f"{seed!r} was given, but a whole number from 0 to {LARGEST_SEED:,} is needed.")


def _read_size(size):
    """A side, or (H, W), which JSON has as a list; of a square the side alone."""
    sides = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2:
        raise InputError("image_size", f"{size!r} was given, but a side or (height, width) is needed.")
    for side in sides:
        _check_whole("image_size", side, 1)
    return sides[0] if sides[0] == sides[1] else sides


def _check_whole(field, value, lowest, why="", highest=math.inf):
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        needed = f"a whole number of at least {lowest}" + (f" and at most {highest:,}" if highest < math.inf else "")
        raise InputError(field, f"{value!r} was given, but {needed} is needed{f': {why}' if why else ''}.")


def _check_number(field, value, above=False, highest=LARGEST_NUMBER):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not 0 <= value <= highest or (above and value == 0):
        needed = f"a number {'above' if above else 'of at least'} 0 and at most {highest:g}"
        raise InputError(field, f"{value!r} was given, but {needed} is needed.")
