"""ExperimentSpec: JSON both ways, and what it refuses."""

import dataclasses
import json
import math

import pytest
import run_mnist_exp

from infogan.distributions import Bernoulli, Categorical, Gaussian, Product, Uniform
from infogan.errors import InputError
from infogan.spec import ExperimentSpec, Latent


@pytest.mark.parametrize("recipe", [run_mnist_exp.PAPER, run_mnist_exp.REFERENCE], ids=lambda spec: spec.recipe)
def test_json_round_trip(recipe):
    assert ExperimentSpec.from_json(recipe.to_json()) == recipe


def test_json_round_trip_of_every_latent(spec):
    latents = (
        Latent("a", Product([Uniform(2), Bernoulli(3)]), regularised=False),
        Latent("b", Gaussian(1, fix_std=True)),
        Latent("c", Categorical(4)),
    )
    changed = dataclasses.replace(spec, latent_spec=latents, max_images=100)
    assert ExperimentSpec.from_json(changed.to_json()) == changed


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}', "{"])
def test_from_json_refuses_other_documents(text):
    with pytest.raises(InputError, match=r"spec\.json: it holds no experiment of this version"):
        ExperimentSpec.from_json(text)


def test_from_json_refuses_an_unknown_field(spec):
    document = json.loads(spec.to_json()) | {"unheard_of": 1}
    with pytest.raises(InputError, match="unheard_of"):
        ExperimentSpec.from_json(json.dumps(document))


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
        ("adam_beta1", 1.0),
        ("constant_rate_share", 1.1),
        ("augmentation", -1),
        ("variant", "vae"),
    ],
)
def test_refuses_a_wrong_value_by_name(spec, field, value):
    with pytest.raises(InputError, match=f"^{field}: .* was given, but ") as caught:
        dataclasses.replace(spec, **{field: value})
    assert caught.value.where == field


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        ((Latent("a", Categorical(3)), Latent("a", Uniform(1))), "must be unique"),
        ((Latent("noise", Uniform(3), regularised=False),), "InfoGAN needs a code"),
        ((Latent("pose", Uniform(3)),), "pose has 3 dimensions, but a code has one"),
        ((Latent("both", Product([Categorical(3)])),), "both is a Product, but a code is a single one"),
    ],
)
def test_refuses_wrong_latents(spec, latents, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(spec, latent_spec=latents)


def test_code_weights_are_separate(spec):
    weights = {code.name: spec.code_weight(code) for code in spec.codes}
    assert weights == {
        "digit": spec.info_reg_coeff,
        "rotation": spec.continuous_weight,
        "width": spec.continuous_weight,
    }
