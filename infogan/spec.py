"""ExperimentSpec: everything that decides what an experiment computes, as one value.

A spec holds no tensor and imports no TensorFlow. Each field says what it is, what it takes and whether the commands
have a flag for it; checks, JSON and flags follow from that.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any

from infogan import distributions
from infogan.distributions import Distribution
from infogan.latents import DISTRIBUTION, LARGEST_DIM, Latent
from infogan.model.architectures import (
    ARCHITECTURES,
    Architecture,
    ImageShape,
    ImageSize,
    check_image_shape,
    find_architecture,
    find_image_shape,
)
from infogan.model.augmentation import FILLS
from infogan.model.contrastive import LARGEST_GAP, NO_GAP, Contrastive
from infogan.model.losses import (
    GAN_LOSSES,
    Adversarial,
    GradientPenalty,
    Information,
    ModeSeeking,
    Term,
)
from infogan.model.optimizers import ADAM, OPTIMIZERS_IN_WORDS, Optimizer, optimizer_from_text
from infogan.model.self_supervision import ON_REAL_IMAGES, ContinuousViewInformation
from infogan.schedule import FULL, Schedule, schedules_from_text
from infogan.spec_document import UPGRADES, VERSION, any_of, decode, encode, fill, list_of
from infogan.system.checks import (
    COUNT,
    FILE_NAME,
    LARGEST_NUMBER,
    SEED,
    SWITCH,
    TEXT,
    Checked,
    Kind,
    choice,
    documented,
    instance,
    number,
    optional,
    setting,
    several,
    whole,
)
from infogan.system.messages import InputError

VARIANTS = ("infogan", "gan")
PRECISIONS = ("auto", "float32", "bfloat16")
AUGMENTED = ("all", "views")
OUTPUT = dataclasses.replace(
    DISTRIBUTION, needed="MeanBernoulli or MeanGaussian", accepts=lambda value: hasattr(value, "pixel_range")
)
NETWORK = instance((str, Architecture), "an Architecture, or the name of one,")
OPTIMIZER = any_of(
    Optimizer,
    "an optimiser, such as Adam(0.5) or adam,beta1=0.5,",
    from_text=optimizer_from_text,
    metavar="NAME[,SETTING=NUMBER...]",
)
TERMS = several(any_of(Term, "a Term"), "a list of Terms")
POSITIVE, WEIGHT, SHARE = number(above=True), number(), number(high=1.0)
SIDE = whole(1)


def _sides(size: Any) -> tuple:
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)


SIZE = Kind(
    "a side or (height, width)",
    lambda size: len(_sides(size)) == 2 and all(map(SIDE.accepts, _sides(size))),
    lambda size: _sides(size)[0] if len(set(_sides(size))) == 1 else _sides(size),  # told once: equal specs are equal
)


def _is_range(ends: Any) -> bool:
    low, high = ends
    return isinstance(ends, (list, tuple)) and -LARGEST_NUMBER <= low < high <= LARGEST_NUMBER


RANGE = Kind(
    "a pair of numbers, the lower one first,",
    _is_range,
    lambda ends: tuple(map(float, ends)),
    lambda text: tuple(map(float, text.split(","))),
    tuple,
    metavar="LOW,HIGH",
)
SCHEDULE = instance(
    Schedule,
    "a Schedule",
    from_text=Schedule.from_text,
    from_json=lambda document: Schedule(**document),
    metavar="SCHEDULE",
)
SCHEDULES = several(SCHEDULE, "a list of Schedules", from_text=schedules_from_text, metavar="SCHEDULES")


@documented
@dataclasses.dataclass(frozen=True)
class PaperValue(Checked):
    """A number of the paper that the report sets beside ours."""

    metric: str = setting(TEXT, "name of the metric, as in the report")
    value: float = setting(number(-LARGEST_NUMBER), "the paper's number")
    source: str = setting(TEXT, "section, figure or table")
    code: str | None = setting(optional(TEXT), "the code it belongs to, None for the whole model", None)
    rule: str = setting(choice(("at most", "at least")), "when ours holds against it", "at most")


@documented
@dataclasses.dataclass(frozen=True)
class ExperimentSpec(Checked):
    """What an experiment computes; every field has an influence on the result.

    A field that comes in later has a default that stands for what was done before, and older specs go on as they were.
    """

    name: str = setting(FILE_NAME, "the experiment, also the folder below logs/ and ckt/")
    recipe: str = setting(FILE_NAME, "the set of values this spec was taken from")
    dataset: str = setting(FILE_NAME, "a dataset of infogan.data, or what you call your own arrays")
    network: str | Architecture = setting(
        NETWORK, "an Architecture, or the name of one: of infogan.model.architectures or of a module that was imported"
    )
    output_dist: Distribution = setting(
        OUTPUT, "distribution of an image's pixels given the generator's output; images are scaled to its pixel_range"
    )
    latent_spec: Sequence[Latent] = setting(list_of(Latent), "the parts of the generator's input, in order")
    leaky_rate: float = setting(SHARE, "negative slope of the rectifiers of D and Q")
    info_reg_coeff: float = setting(WEIGHT, "lambda of categorical codes and bits: the weight of their L_I", flag=True)
    continuous_weight: float = setting(
        WEIGHT, "lambda of continuous and circular codes: the weight of their L_I", flag=True
    )
    discriminator_learning_rate: float = setting(POSITIVE, "initial learning rate of D and Q", flag=True)
    generator_learning_rate: float = setting(POSITIVE, "initial learning rate of G", flag=True)
    variant: str = setting(
        choice(VARIANTS), "gan: Q learns, but nothing of L_I reaches G or the trunk it shares with D", "infogan"
    )
    constant_rate_share: float = setting(
        SHARE, "share of the run before both learning rates fall linearly to 0; 1: they never fall", 1.0, flag=True
    )
    code_schedules: Sequence[Schedule] = setting(
        SCHEDULES,
        "share of lambda over the updates, with / between codes; 400:0,600:1 rises from 0 at 400 to 1 at 600",
        (),
        True,
    )
    optimizer: Optimizer = setting(
        OPTIMIZER,
        f"optimiser of both steps: {OPTIMIZERS_IN_WORDS}, with settings such as adam,beta1=0,beta2=0.9",
        ADAM,
        flag=True,
    )
    weight_averaging: float = setting(
        number(high=1.0, below=True),
        "decay of a running average of all weights, which the trained model uses; 0: no average",
        0.0,
        flag=True,
    )
    augmentation: float = setting(
        WEIGHT,
        "strength of the random rotation, shear, scale and shift of all images that D and Q see; 0: none",
        0.0,
        flag=True,
    )
    turning_schedule: Schedule = setting(
        SCHEDULE,
        "share of the augmentation's rotation and shear over the updates, such as 400:0,600:1",
        FULL,
        flag=True,
    )
    scaling_schedule: Schedule = setting(
        SCHEDULE, "share of the augmentation's scale over the updates, such as 400:0,600:1", FULL, flag=True
    )
    augmentation_fill: str = setting(
        choice(FILLS),
        "what that augmentation puts outside an image: zero (black in grey images, grey in colour ones) or its edge",
        "zero",
        flag=True,
    )
    augmentation_colour: float = setting(
        WEIGHT,
        "strength of random brightness, saturation and contrast of all images that D and Q see; 0: none",
        0.0,
        flag=True,
    )
    augmentation_cutout: float = setting(
        SHARE,
        "cuts a rectangle of this share of height and width out of each image that D and Q see; 0: none",
        0.0,
        flag=True,
    )
    augmentation_of: str = setting(
        choice(AUGMENTED),
        "what is augmented: all images that D and Q see, or only the views of real images that Q's terms compare, in a "
        "pass of Q's own",
        "all",
        flag=True,
    )
    mirrored_views: bool = setting(
        SWITCH,
        "mirrors the second of the two views of a real image that Q's terms compare; for sets to which mirror images "
        "could belong",
        False,
        flag=True,
    )
    view_information: float = setting(
        WEIGHT,
        "weight of the mutual information between Q's categories in two augmented views of a real image; 0: no views",
        0.0,
        flag=True,
    )
    continuous_view_information: float = setting(
        WEIGHT,
        "weight of the mutual information between Q's means of continuous codes and angles in two augmented views of a "
        "real image; 0: none",
        0.0,
        flag=True,
    )
    continuous_view_codes: int = setting(
        whole(1),
        "how many continuous codes and angles, the first ones, --continuous-view-information is for",
        1,
        flag=True,
    )
    category_balance: float = setting(
        WEIGHT,
        "weight of the entropy of Q's categories over a batch of real images, which asks for equal shares; 0: none",
        0.0,
        flag=True,
    )
    batch_size: int = setting(whole(2, why="batch norm needs at least two images"), "images per step", 128, flag=True)
    updates_per_epoch: int = setting(
        whole(1), "updates in an epoch; an update is a D step, then the G steps", 100, flag=True
    )
    max_epoch: int = setting(whole(1), "epochs to train", 50, flag=True)
    snapshot_interval: int = setting(whole(1), "updates between two checkpoints", 1000, flag=True)
    seed: int = setting(SEED, "whole number that determines all random numbers", 0, flag=True)
    precision: str = setting(
        choice(PRECISIONS),
        "precision of matrix products and convolutions during training; auto: bfloat16 on a CPU with instructions for "
        "it, else float32",
        "auto",
        flag=True,
    )
    held_out_images: int = setting(COUNT, "images at the front of the training set that training does not use", 0)
    max_images: int | None = setting(optional(whole(1)), "how many images of each split are used; None: all", None)
    sweep_limit: float = setting(
        POSITIVE, "continuous codes are drawn from minus to plus this number; angles at most by a whole turn", 2.0
    )
    paper_values: Sequence[PaperValue] = setting(list_of(PaperValue), "the paper's numbers", ())
    factor: str | None = setting(
        optional(FILE_NAME), "the factor of variation whose row of Table 5 or 7 this is, None for any other", None
    )
    image_size: ImageSize | None = setting(
        optional(SIZE),
        "(H, W) of the images, or the side of square ones, to which pictures of any size are brought; None: the square "
        "of as many numbers as output_dist has, nothing is resized",
        None,
    )
    input_range: tuple[float, float] | None = setting(
        optional(RANGE),
        "the values in the picture files that become black and white; None: 0 and 255 for 8 bits, for more bits the "
        "lowest and the highest value of the whole set",
        None,
    )
    gan_loss: str = setting(
        choice(GAN_LOSSES), "what D and G minimise beside L_I: cross entropy or hinge loss", "standard", flag=True
    )
    spectral_norm: bool = setting(
        SWITCH, "spectral normalisation of every layer of D and Q, instead of their batch norm", False, flag=True
    )
    gradient_penalty: float = setting(
        WEIGHT, "gamma, weight of the gradient penalty R1 in D's loss; 0: none", 0.0, flag=True
    )
    mode_seeking: float = setting(
        WEIGHT,
        "weight of the mode-seeking term in G's loss, which asks for images that differ as their noise does; 0: none",
        0.0,
        flag=True,
    )
    contrastive_weight: float = setting(
        WEIGHT,
        "alpha, weight of InfoGAN-CR's contrastive term in G's loss: telling which code two images share; 0: none",
        0.0,
        flag=True,
    )
    contrastive_schedule: Schedule = setting(
        SCHEDULE, "share of alpha over the updates, such as 400:0,600:1", FULL, flag=True
    )
    contrastive_gap: Schedule = setting(
        SCHEDULE,
        "least difference between codes that the two images do not share, over the updates, such as 0:1.9,600:0",
        NO_GAP,
        flag=True,
    )
    generator_steps: int = setting(whole(1), "G steps in an update, each with new latents", 1, flag=True)
    channels: int | None = setting(
        optional(choice((1, 3))), "1 makes pictures grey, 3 RGB; None: whatever most of them are", None
    )
    terms: Sequence[Term] = setting(TERMS, "what the steps minimise beside what the fields above give", ())
    smoke: bool = setting(
        SWITCH, "whether this only shows that all works: nothing is learned, and what takes long is not measured", False
    )

    @classmethod
    def name_field(cls, name: str) -> str:
        return name

    def __post_init__(self) -> None:
        super().__post_init__()
        architecture = find_architecture(self.network)
        is_ours = architecture.name in ARCHITECTURES
        object.__setattr__(self, "network", architecture.name if is_ours else architecture)
        check_image_shape(self.network, self.image_shape, "output_dist" if self.image_size is None else "image_size")
        self._check_latents()
        self._check_schedules()
        self._check_real_images()
        self._check_noise()
        self._check_contrast()

    def _check_latents(self) -> None:
        for latent in self.latent_spec:
            whole(1, LARGEST_DIM).check(f"dim of {latent.name}", latent.distribution.dim)
        names = [latent.name for latent in self.latent_spec]
        if len(set(names)) != len(names):
            raise InputError("latent_spec", f"the names {names} were given, but each must be unique.")
        if not self.codes:
            raise InputError("latent_spec", "no regularised latent was given, but InfoGAN needs a code. Add one.")
        for latent in self.codes:
            distribution = latent.distribution
            if distribution.kind not in distributions.KINDS:
                raise InputError(
                    "latent_spec",
                    f"{latent.name} is a {type(distribution).__name__}, but a code is one of the kinds "
                    f"{', '.join(distributions.KINDS)}. Name each factor of a product on its own.",
                )
            dim = distribution.effective_dim if distribution.is_discrete else distribution.dim
            if dim != 1:
                raise InputError(
                    "latent_spec",
                    f"{latent.name} has {dim} dimensions, but a code has one, so that it has one name and one sweep. "
                    "Make it that many codes.",
                )

    def _check_schedules(self) -> None:
        schedules = self.code_schedules
        if schedules and len(schedules) != len(self.codes):
            raise InputError(
                "code_schedules",
                f"{'/'.join(map(str, schedules))} was given, but a Schedule for each of "
                f"{', '.join(latent.name for latent in self.codes)} is needed, or none at all.",
            )

    def _check_real_images(self) -> None:
        """Terms on what Q says of real images need a code of their kind; views also need augmentation and pairs."""
        kinds = [latent.distribution.kind for latent in self.codes]
        asked_for = {name: term for name, term in ON_REAL_IMAGES.items() if getattr(self, name)}
        for name, term in asked_for.items():
            if not set(term.kinds) & set(kinds):
                raise InputError(name, f"{getattr(self, name):g} was given, but it needs a {term.kinds[0]} code.")
        continuous = sum(kind in ContinuousViewInformation.kinds for kind in kinds)
        if self.continuous_view_information and self.continuous_view_codes > continuous:
            raise InputError(
                "continuous_view_codes",
                f"{self.continuous_view_codes} was given, but the model has {continuous} continuous codes and angles.",
            )
        of_views = next((name for name, term in asked_for.items() if term.views > 1), None)
        if of_views and not (self.augmentation or self.augmentation_colour or self.augmentation_cutout):
            raise InputError(
                of_views,
                f"{getattr(self, of_views):g} was given, but without augmentation all views of an image are equal. "
                "Raise --augmentation.",
            )
        compared = [term.views for term in asked_for.values()] + [term.views for term in self.terms]
        views = max(compared, default=1)
        if self.augmentation_of == "views" and views == 1:
            raise InputError(
                "augmentation_of",
                "views was given, but no term compares views. Leave it out, or add --view-information.",
            )
        if self.mirrored_views and views != 2:
            raise InputError(
                "mirrored_views",
                f"it was given, but it needs terms that compare two views of an image; these compare {views}. Leave it "
                "out, or add --continuous-view-information.",
            )
        if self.batch_size % self.copies:
            raise InputError(
                "batch_size",
                f"{self.batch_size} was given, but {self.copies} views of each image need a multiple of {self.copies}.",
            )

    def _check_noise(self) -> None:
        if self.mode_seeking and not self.noise:
            raise InputError(
                "mode_seeking",
                f"{self.mode_seeking:g} was given, but no latent is noise. Leave it out, or add a Latent that is not "
                "regularised.",
            )

    def _check_contrast(self) -> None:
        if self.contrastive_weight and len(self.codes) < 2:
            raise InputError(
                "contrastive_weight",
                f"{self.contrastive_weight:g} was given, but it needs two codes or more: the images share one of them.",
            )
        if max((share for _, share in self.contrastive_gap.points), default=0.0) > LARGEST_GAP:
            raise InputError(
                "contrastive_gap",
                f"{self.contrastive_gap} was given, but codes from -1 to 1 are at most {LARGEST_GAP:g} apart.",
            )

    @property
    def image_shape(self) -> ImageShape:
        """(H, W, C) of an image."""
        return find_image_shape(self.output_dist.dim, self.image_size)

    @property
    def views(self) -> int:
        """How many views of each real image Q's terms compare."""
        return max(term.views for term in self.objective)

    @property
    def copies(self) -> int:
        """How often the batch that D sees holds each real image: once, unless Q's views are in it."""
        return self.views if self.augmentation_of == "all" else 1

    @property
    def objective(self) -> tuple[Term, ...]:
        """What the steps minimise (Eq. 6): a tuple of Terms, those that fields give first."""
        is_gan = self.variant == "gan"
        codes = list(zip(self.codes, self.code_schedules or [FULL] * len(self.codes)))
        information = (
            Information(self.code_weight(code), schedule, code.name, reaches_generator=not is_gan)
            for code, schedule in codes
        )
        # A code that is not asked for yet must not settle on what an earlier one tells of real images.
        most = {"continuous_view_information": self.continuous_view_codes}
        of_real = (
            term(getattr(self, name), schedule, code.name)
            for name, term in ON_REAL_IMAGES.items()
            for code, schedule in [pair for pair in codes if pair[0].distribution.kind in term.kinds][: most.get(name)]
            if not is_gan  # whose trunk would learn from them
        )
        optional = (
            *of_real,
            GradientPenalty(self.gradient_penalty),
            ModeSeeking(self.mode_seeking),
            Contrastive(self.contrastive_weight, self.contrastive_schedule, self.contrastive_gap),
        )
        asked_for = (term for term in optional if term.weight)
        return (Adversarial(kind=self.gan_loss), *information, *asked_for, *self.terms)

    @property
    def codes(self) -> tuple[Latent, ...]:
        """The regularised latents, in order."""
        return tuple(latent for latent in self.latent_spec if latent.regularised)

    @property
    def noise(self) -> tuple[Latent, ...]:
        """The latents that are not regularised, in order."""
        return tuple(latent for latent in self.latent_spec if not latent.regularised)

    @property
    def updates(self) -> int:
        """Updates in the whole run."""
        return self.max_epoch * self.updates_per_epoch

    @property
    def late_codes(self) -> list[str]:
        """Names of the codes whose share of lambda is still 0 at the last update, which follows on `updates` - 1."""
        last = max(1, self.updates - 1)
        return [latent.name for latent, schedule in zip(self.codes, self.code_schedules) if schedule.start >= last]

    def rate_share(self, done: Any, minimum: Callable[[float, Any], Any] = min) -> Any:
        """What both learning rates are multiplied by after `done` updates, a number; of a Tensor with `tf.minimum`."""
        if self.constant_rate_share == 1:
            return 1.0
        return minimum(1.0, (1.0 - done / self.updates) / (1.0 - self.constant_rate_share))

    def code_weight(self, latent: Latent) -> float:
        """lambda of one code."""
        return self.info_reg_coeff if latent.distribution.is_discrete else self.continuous_weight

    def sweep_ends(self, latent: Latent) -> tuple[float, float]:
        """The lowest and the highest value in a sweep of one code, as people give it: two floats."""
        if (count := latent.distribution.number_of_values) is not None:
            return 0.0, count - 1.0
        values = latent.distribution.sweep(2, self.sweep_limit)
        return float(values.min()), float(values.max())

    def to_document(self) -> dict[str, Any]:
        """This spec as a dict that goes to JSON as it is."""
        return {"version": VERSION, **encode(self)}

    def to_json(self) -> str:
        """This spec as text, one field a line."""
        return json.dumps(self.to_document(), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ExperimentSpec":
        """The spec that `to_json` wrote, in this version or an earlier one.

        Raises:
          InputError: if the text is no such spec.
        """
        try:
            document = upgrade(json.loads(text))
            del document["version"]
            return decode(cls, document)
        except InputError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise InputError("spec.json", f"it is no ExperimentSpec ({error!r}). Start a new run.") from error


def upgrade(document: dict[str, Any]) -> dict[str, Any]:
    """A spec's document of any version, whole or in part, as this version writes it.

    Fields that came later have their defaults, so that documents which mean the same are the same afterwards.

    Raises:
      InputError: if a newer version wrote it.
    """
    version = COUNT.check("version", document.get("version", 0))
    if version > VERSION:
        problem = f"it is of version {version}, but this program reads versions up to {VERSION}. Update infogan."
        raise InputError("spec.json", problem)
    for change in UPGRADES[version:]:
        document = change(document)
    document = fill(ExperimentSpec, document)
    for name, family in (("latent_spec", Latent), ("paper_values", PaperValue)):
        document[name] = [fill(family, entry) for entry in document.get(name, ())]
    if unknown := document.keys() - {field.name for field in dataclasses.fields(ExperimentSpec)} - {"version"}:
        problem = f"it has {', '.join(sorted(unknown))}, which this version does not know. Update infogan."
        raise InputError("spec.json", problem)
    return {**document, "version": VERSION}
