"""ExperimentSpec: JSON both ways, and what it refuses."""

import dataclasses
import inspect
import json
import math

import numpy as np
import pytest
from conftest import ROOT

from infogan import spec as spec_module
from infogan.distributions import (
    Bernoulli,
    Categorical,
    Circular,
    Distribution,
    Gaussian,
    MeanBernoulli,
    MeanGaussian,
    Product,
    Uniform,
)
from infogan.latents import LARGEST_DIM, Latent, category_codes, circular_codes, continuous_codes, noise_vector
from infogan.model.architectures import Architecture
from infogan.model.losses import Information, ModeSeeking
from infogan.model.optimizers import Adam, Momentum, RMSProp, optimizer_from_text
from infogan.model.self_supervision import CategoryBalance, ContinuousViewInformation, ViewInformation
from infogan.recipes import load_experiment, mnist
from infogan.schedule import FULL, Schedule, schedules_from_text
from infogan.spec import ExperimentSpec, PaperValue, upgrade
from infogan.system.checks import number, setting
from infogan.system.messages import InputError


@pytest.mark.parametrize(
    "recipe",
    [mnist.DEFAULT, mnist.PAPER, mnist.ROBUST, mnist.REFERENCE],
    ids=lambda spec: spec.recipe,
)
def test_json_round_trip(recipe):
    assert ExperimentSpec.from_json(recipe.to_json()) == recipe


def test_json_round_trip_of_every_latent(spec):
    latents = (
        Latent("a", Product([Uniform(2), Bernoulli(3)]), regularised=False),
        Latent("b", Gaussian(1, fix_std=True)),
        Latent("c", Categorical(4)),
    )
    schedules = (FULL, Schedule(((3, 0.5), (4, 1.0))))
    changed = dataclasses.replace(spec, latent_spec=latents, max_images=100, code_schedules=schedules)
    assert ExperimentSpec.from_json(changed.to_json()) == changed


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x"}', '{"latent_spec": 3}', "{", "[" * 100_000])
def test_from_json_refuses_other_documents(text):
    with pytest.raises(InputError, match=r"spec\.json: it is no ExperimentSpec"):
        ExperimentSpec.from_json(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unheard_of": 1}, "it has unheard_of, which this version does not know. Update infogan."),
        ({"version": 99}, "it is of version 99, but this program reads versions up to 3. Update infogan."),
    ],
)
def test_from_json_refuses_what_a_newer_version_wrote(spec, change, message):
    with pytest.raises(InputError) as caught:
        ExperimentSpec.from_json(json.dumps(spec.to_document() | change))
    assert str(caught.value) == f"spec.json: {message}"


def test_a_field_that_came_later_has_its_default(spec):
    document = spec.to_document()
    for name in ("gan_loss", "code_schedules", "paper_values", "version", "max_images"):
        del document[name]
    del document["latent_spec"][1]["regularised"]
    assert ExperimentSpec.from_json(json.dumps(document)) == dataclasses.replace(spec, paper_values=())
    assert upgrade(document) == upgrade(upgrade(document))


@dataclasses.dataclass(frozen=True)
class LaterSpec(ExperimentSpec):
    """A version with a field more."""

    momentum: float = setting(number(), "of an optimiser", 0.25, flag=True)


def test_a_new_field_with_a_default_needs_no_upgrade(spec, monkeypatch):
    document = spec.to_document()
    monkeypatch.setattr(spec_module, "ExperimentSpec", LaterSpec)
    assert LaterSpec.from_json(json.dumps(document)).momentum == 0.25
    assert upgrade(document)["momentum"] == 0.25


STAGGERED = {"continuous_stagger": 40, "turning_warmup": 90}


def test_warmups_of_before_there_were_schedules(spec):
    latents = (*spec.latent_spec, Latent("kind", Categorical(2)), Latent("width_2", Gaussian(1)))
    spec = dataclasses.replace(spec, latent_spec=latents)
    document = spec.to_document() | STAGGERED
    for name in ("version", "code_schedules", "turning_schedule", "scaling_schedule"):
        del document[name]
    upgraded = ExperimentSpec.from_json(json.dumps(document))
    schedules = schedules_from_text("none/none/40:0,80:1/none/80:0,120:1")
    turning = Schedule.from_text("22:0.3,90:1")
    assert upgraded == dataclasses.replace(spec, code_schedules=schedules, turning_schedule=turning)
    with pytest.raises(InputError, match="it has continuous_stagger, turning_warmup, which this version does not know"):
        ExperimentSpec.from_json(json.dumps(spec.to_document() | STAGGERED))  # they are of version 0


STUDIES = sorted(path for path in (ROOT / "docs" / "studies").glob("*.json") if "spec" in json.loads(path.read_text()))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_spec_of_every_study_is_read(path):
    """And is today's recipe but for the precision, which the machine chose: seeds can be added."""
    spec = ExperimentSpec.from_json(json.dumps(json.loads(path.read_text())["spec"]))
    recipe = load_experiment(spec.name).recipes[spec.recipe]
    assert spec == dataclasses.replace(recipe, precision=spec.precision)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("batch_size", 1),
        ("batch_size", 2.5),
        ("batch_size", True),
        ("max_epoch", 0),
        ("updates_per_epoch", -1),
        ("snapshot_interval", 0),
        ("seed", -1),
        ("seed", 2**31),
        ("held_out_images", -1),
        ("max_images", 0),
        ("info_reg_coeff", -0.1),
        ("continuous_weight", math.nan),
        ("discriminator_learning_rate", 0),
        ("generator_learning_rate", math.inf),
        ("weight_averaging", 1.0),
        ("constant_rate_share", 1.1),
        ("code_schedules", (FULL, FULL)),  # of three codes
        ("code_schedules", (FULL, FULL, 1.0)),
        ("turning_schedule", ((0, 1.0),)),
        ("scaling_schedule", None),
        ("augmentation", -1),
        ("augmentation_fill", "black"),
        ("augmentation_colour", -0.1),
        ("augmentation_cutout", 1.5),
        ("gradient_penalty", math.inf),
        ("mode_seeking", -0.1),
        ("view_information", math.nan),
        ("view_information", 0.5),  # without augmentation
        ("continuous_view_information", -0.5),
        ("category_balance", -1.0),
        ("leaky_rate", 7.0),
        ("leaky_rate", "0.1"),
        ("batch_size", "64"),
        ("seed", None),
        ("max_epoch", np.zeros(3)),
        ("name", "../../x"),
        ("name", ""),
        ("name", None),
        ("name", "a/b"),
        ("recipe", "my recipe"),
        ("dataset", "/etc"),
        ("network", ["mnist"]),
        ("factor", "../x"),
        ("latent_spec", Latent("digit", Categorical(3))),
        ("latent_spec", "digit"),
        ("latent_spec", (Categorical(3),)),
        ("paper_values", [0.05]),
        ("output_dist", "MeanBernoulli"),
        ("generator_learning_rate", 1e300),
        ("variant", "vae"),
        ("gan_loss", "wasserstein"),
        ("spectral_norm", 2),
        ("image_size", 0),
        ("image_size", (28, 0)),
        ("image_size", (28,)),
        ("image_size", "28"),
        ("image_size", (14, 28)),  # an output of 28 * 28 numbers
        ("image_size", 32),
        ("output_dist", MeanBernoulli(785)),
        ("output_dist", MeanGaussian(28 * 28 * 2)),
        ("output_dist", MeanBernoulli(28 * 32)),  # no square, and no size is given
    ],
)
def test_refuses_a_wrong_value_by_name(spec, field, value):
    with pytest.raises(InputError, match=f"^{field}: .* was given, but ") as caught:
        dataclasses.replace(spec, **{field: value})
    assert caught.value.where == field


@pytest.mark.parametrize(
    ("size", "dim", "kept", "shape"),
    [
        (None, 28 * 28, None, (28, 28, 1)),
        (48, 48 * 48, 48, (48, 48, 1)),
        ((48, 48), 3 * 48 * 48, 48, (48, 48, 3)),  # told once, so that equal specs are equal
        ([48, 64], 48 * 64, (48, 64), (48, 64, 1)),  # as many numbers as 32x32x3
        ((96, 32), 96 * 32, (96, 32), (96, 32, 1)),
    ],
)
def test_size_of_the_images_goes_to_json_and_back(spec, size, dim, kept, shape):
    spec = dataclasses.replace(spec, image_size=size, output_dist=MeanBernoulli(dim))
    assert (spec.image_size, spec.image_shape) == (kept, shape)
    assert ExperimentSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        ((Latent("a", Categorical(3)), Latent("a", Uniform(1))), "must be unique"),
        ((Latent("noise", Uniform(3), regularised=False),), "InfoGAN needs a code"),
        ((Latent("huge", Uniform(10**9)),), "1000000000 was given"),
        ((Latent("pose", Uniform(3)),), "pose has 3 dimensions, but a code has one"),
        ((Latent("both", Product([Categorical(3)])),), "both is a Product, but a code is one of the kinds"),
        ((Latent("grey", MeanBernoulli(1)),), "grey is a MeanBernoulli, but a code is one of the kinds"),
        ((Latent("bits", Bernoulli(2)),), "bits has 2 dimensions, but a code has one"),
    ],
)
def test_refuses_wrong_latents(spec, latents, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(spec, latent_spec=latents)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Latent("a/b", Categorical(3)), "Latent.name: 'a/b' was given, but a name of letters"),
        (lambda: Latent(3, Categorical(3)), "Latent.name: 3 was given, but a name"),
        (lambda: Latent("digit", 10), "Latent.distribution: 10 was given, but a distribution"),
        (lambda: Latent("digit", Categorical), "Latent.distribution: <class .* was given, but a distribution"),
        (lambda: Latent("digit", Categorical(3), "no"), "Latent.regularised: 'no' was given, but True or False"),
        (lambda: PaperValue("error rate", "5 %", "Sec. 7.2"), "PaperValue.value: '5 %' was given, but a number"),
        (
            lambda: PaperValue("error rate", 5.0, "Sec. 7.2", rule="below"),
            "PaperValue.rule: 'below' was given, but one",
        ),
    ],
)
def test_refuses_a_wrong_part_by_name(build, message):
    with pytest.raises(InputError, match=f"^{message}.* needed"):
        build()


def test_numbers_are_kept_as_pythons_own(spec):
    given = {"batch_size": np.int64(8), "info_reg_coeff": np.float32(0.5), "continuous_weight": 1}
    kept = dataclasses.replace(spec, **given, latent_spec=list(spec.latent_spec))
    assert [type(getattr(kept, name)) for name in given] == [int, float, float]
    assert ExperimentSpec.from_json(kept.to_json()) == kept


def test_every_field_says_what_it_is():
    for family in (ExperimentSpec, Latent, PaperValue, Architecture):
        told = inspect.getdoc(family)
        assert all(f"\n  {field.name}: {field.metadata['about']}; " in told for field in dataclasses.fields(family))


def test_views_need_pairs_and_a_categorical_code(spec):
    spec = dataclasses.replace(spec, augmentation=1.0, view_information=0.5)
    assert (spec.views, dataclasses.replace(spec, view_information=0.0).views) == (2, 1)
    with pytest.raises(InputError, match=r"^batch_size: 9 was given, but 2 views of each image need a multiple of 2"):
        dataclasses.replace(spec, batch_size=9)
    with pytest.raises(InputError, match=r"^view_information: 0.5 was given, but it needs a categorical code"):
        dataclasses.replace(spec, latent_spec=(spec.latent_spec[0], Latent("pose", Uniform(1))))


class Triples(ModeSeeking):
    views = 3


def test_a_term_of_ones_own_sets_how_many_views_there_are(spec):
    spec = dataclasses.replace(spec, batch_size=9, terms=(Triples(1.0),))
    assert spec.views == 3
    with pytest.raises(InputError, match=r"^batch_size: 8 was given, but 3 views of each image need a multiple of 3"):
        dataclasses.replace(spec, batch_size=8)


def test_views_alone_are_augmented_where_a_term_compares_them(spec):
    with pytest.raises(InputError, match=r"^augmentation_of: views was given, but no term compares views"):
        dataclasses.replace(spec, augmentation=1.0, augmentation_of="views", category_balance=4.0)
    spec = dataclasses.replace(spec, augmentation=1.0, augmentation_of="views", view_information=0.5, batch_size=9)
    assert (spec.views, spec.copies) == (2, 1)
    assert dataclasses.replace(spec, variant="gan").copies == 1  # which has the fields of its counterpart
    own = dataclasses.replace(spec, view_information=0.0, terms=(Triples(1.0),))
    assert (own.views, own.copies) == (3, 1)


def test_views_of_continuous_codes_need_one(spec):
    spec = dataclasses.replace(spec, augmentation=1.0, continuous_view_information=0.5)
    assert spec.views == 2
    with pytest.raises(InputError, match=r"^batch_size: 9 was given, but 2 views of each image need a multiple of 2"):
        dataclasses.replace(spec, batch_size=9)
    with pytest.raises(InputError, match=r"^continuous_view_information: 0.5 was given, but without augmentation"):
        dataclasses.replace(spec, augmentation=0.0)
    with pytest.raises(InputError, match=r"^continuous_view_codes: 3 was given, but the model has 2 continuous codes"):
        dataclasses.replace(spec, continuous_view_codes=3)
    with pytest.raises(InputError, match=r"^continuous_view_information: 0.5 was given, but it needs a continuous"):
        dataclasses.replace(spec, latent_spec=(*spec.noise, *category_codes(3)), paper_values=())


def test_an_angle_counts_among_the_codes_that_views_teach(spec):
    spec = dataclasses.replace(spec, latent_spec=(*circular_codes(1), *continuous_codes(1)), paper_values=())
    spec = dataclasses.replace(spec, augmentation=1.0, continuous_view_information=0.5, continuous_view_codes=2)
    taught = [term.code for term in spec.objective if isinstance(term, ContinuousViewInformation)]
    assert taught == ["circular_1", "continuous_1"]


def test_mirrored_views_need_terms_that_compare_two(spec):
    with pytest.raises(InputError, match=r"^mirrored_views: it was given, but .* two views .* these compare 1\."):
        dataclasses.replace(spec, mirrored_views=True)
    with pytest.raises(InputError, match=r"^mirrored_views: it was given, but .* two views .* these compare 3\."):
        dataclasses.replace(spec, mirrored_views=True, batch_size=9, terms=(Triples(1.0),))
    spec = dataclasses.replace(spec, augmentation=1.0, view_information=1.0, mirrored_views=True)
    assert dataclasses.replace(spec, variant="gan").views == 1  # which has the fields of its counterpart


def test_equal_shares_need_a_categorical_code(spec):
    spec = dataclasses.replace(spec, category_balance=4.0)  # without views, and so without augmentation
    with pytest.raises(InputError, match=r"^category_balance: 4 was given, but it needs a categorical code"):
        dataclasses.replace(spec, latent_spec=(spec.latent_spec[0], Latent("pose", Uniform(1))))


def test_each_code_learns_from_real_images_as_much_as_from_generated_ones(spec):
    latents = (noise_vector(2), *category_codes(3, 5), *continuous_codes(2))
    schedules = schedules_from_text("0:1,4:2/3:0,6:1/none/none")
    changes = {"view_information": 0.5, "continuous_view_information": 0.2, "category_balance": 4.0}
    spec = dataclasses.replace(spec, latent_spec=latents, paper_values=(), code_schedules=schedules)
    spec = dataclasses.replace(spec, augmentation=1.0, **changes)
    of_codes = [term for term in spec.objective if hasattr(term, "code")]
    weights = {(type(term), term.code): (term.weight, term.schedule) for term in of_codes}
    for family, weight in ((ViewInformation, 0.5), (CategoryBalance, 4.0)):
        assert weights.pop((family, "category_1")) == (weight, schedules[0])
        assert weights.pop((family, "category_2")) == (weight, schedules[1])
    assert weights.pop((ContinuousViewInformation, "continuous_1")) == (0.2, schedules[2])
    assert {family for family, _ in weights} == {Information}
    both = [term.code for term in dataclasses.replace(spec, continuous_view_codes=2).objective if term.weight == 0.2]
    assert both == ["continuous_1", "continuous_2"]


def test_mode_seeking_needs_noise(spec):
    spec = dataclasses.replace(spec, mode_seeking=0.05)
    with pytest.raises(InputError, match=r"^mode_seeking: 0.05 was given, but no latent is noise"):
        dataclasses.replace(spec, latent_spec=spec.codes)


def test_codes_that_come_in_after_the_end_are_known():
    spec = dataclasses.replace(mnist.DEFAULT, updates_per_epoch=100, max_epoch=18)
    assert spec.late_codes == ["width"]
    assert dataclasses.replace(spec, max_epoch=1).late_codes == ["digit", "rotation", "width"]
    assert dataclasses.replace(spec, code_schedules=()).late_codes == []
    # The last update follows on one less: at 1,800 the share of the width is still 0.
    updates = {count: dataclasses.replace(spec, updates_per_epoch=count, max_epoch=1) for count in (1, 1801, 1802)}
    assert {count: each.late_codes for count, each in updates.items()} == {
        1: ["digit", "rotation", "width"],
        1801: ["width"],
        1802: [],
    }
    assert dataclasses.replace(updates[1], code_schedules=[FULL] * 3).late_codes == []


def test_code_weights_are_separate(spec):
    weights = {code.name: spec.code_weight(code) for code in spec.codes}
    assert weights == {
        "digit": spec.info_reg_coeff,
        "rotation": spec.continuous_weight,
        "width": spec.continuous_weight,
    }


def test_reference_recipe_has_the_values_of_the_authors_code():
    spec = mnist.REFERENCE
    assert (spec.leaky_rate, spec.info_reg_coeff, spec.continuous_weight) == (0.01, 1.0, 1.0)
    assert (spec.discriminator_learning_rate, spec.generator_learning_rate, spec.optimizer) == (2e-4, 1e-3, Adam(0.5))
    assert (spec.batch_size, spec.max_epoch, spec.updates_per_epoch) == (128, 50, 100)
    assert (spec.augmentation, spec.constant_rate_share, spec.held_out_images, spec.sweep_limit) == (
        0.0,
        1.0,
        5000,
        1.0,
    )
    assert [latent.distribution for latent in spec.latent_spec] == [
        Uniform(62),
        Categorical(10),
        Uniform(1, fix_std=True),
        Uniform(1, fix_std=True),
    ]


def test_paper_recipe_obeys_what_the_paper_states():
    spec = mnist.PAPER
    assert (spec.leaky_rate, spec.info_reg_coeff, spec.sweep_limit) == (0.1, 1.0, 2.0)
    assert spec.continuous_weight < spec.info_reg_coeff
    assert (spec.discriminator_learning_rate, spec.generator_learning_rate) == (2e-4, 1e-3)
    assert [(latent.distribution.dim, latent.regularised) for latent in spec.latent_spec] == [
        (62, False),
        (10, True),
        (1, True),
        (1, True),
    ]
    assert not any(code.distribution.fix_std for code in spec.codes[1:])  # Q gives the deviation (Appendix C.1)
    assert (spec.augmentation, spec.view_information, spec.code_schedules, spec.constant_rate_share) == (0, 0, (), 1)


def test_recipe_of_figure_1():
    spec = mnist.FIGURE_1
    assert [code.name for code in spec.codes] == ["digit"]
    assert (spec.updates, spec.batch_size, spec.augmentation, spec.code_schedules) == (936, 128, 0.0, ())
    assert [(value.metric, value.value) for value in spec.paper_values] == [("L_I", 2.2)]


def test_ends_of_a_sweep():
    spec = mnist.PAPER
    ends = {
        distribution: spec.sweep_ends(Latent("code", distribution))
        for distribution in (Uniform(1), Uniform(2), Circular(), Bernoulli(1), Categorical(10))
    }
    assert list(ends.values()) == [(-2.0, 2.0), (-2.0, 2.0), (-1.0, 1.0), (0.0, 1.0), (0.0, 9.0)]


def test_the_ends_of_very_many_categories_need_no_memory():
    """Their sweep would have 40 GB."""
    assert mnist.PAPER.sweep_ends(Latent("code", Categorical(LARGEST_DIM))) == (0.0, LARGEST_DIM - 1.0)


def test_a_spec_of_version_1_had_the_decay_of_adam(spec):
    document = {key: value for key, value in spec.to_document().items() if key != "optimizer"}
    text = json.dumps(document | {"version": 1, "adam_beta1": 0.25})
    assert ExperimentSpec.from_json(text) == dataclasses.replace(spec, optimizer=Adam(0.25))


@pytest.mark.parametrize(
    ("text", "optimizer"),
    [
        ("adam", Adam()),
        ("adam,beta1=0,beta2=0.9", Adam(0.0, 0.9)),
        ("rmsprop,decay=0.8", RMSProp(0.8)),
        ("momentum,momentum=0", Momentum(0.0)),
    ],
)
def test_an_optimiser_is_given_as_text_and_shown_as_such(text, optimizer):
    assert optimizer_from_text(text) == optimizer
    assert optimizer_from_text(str(optimizer)) == optimizer


@pytest.mark.parametrize("text", ["adamw", "adam,beta3=1", "adam,beta1", "adam,beta1=x", "", "adam,beta1=0.5=1"])
def test_what_is_no_optimiser_is_refused(text):
    with pytest.raises(ValueError):
        optimizer_from_text(text)


@dataclasses.dataclass(frozen=True)
class Nested(Categorical):
    """A family of one's own with fields that JSON has no types for."""

    shares: tuple = ()
    inner: Distribution | None = None


def test_json_keeps_the_fields_of_a_family_of_ones_own(spec):
    latents = (Latent("kind", Nested(2, ((0.25, 0.75), (0.5, 0.5)), inner=Product([Gaussian(1), Uniform(2)]))),)
    changed = dataclasses.replace(spec, latent_spec=latents)
    assert ExperimentSpec.from_json(changed.to_json()) == changed
