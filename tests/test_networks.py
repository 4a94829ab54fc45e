"""The layers of the paper's tables, and what batch norm does with the two populations."""

import dataclasses
import functools
import itertools
import json
import math
import re

import numpy as np
import pytest

import infogan
from infogan.distributions import Categorical, Circular, MeanBernoulli, MeanGaussian, Uniform
from infogan.latents import Latent
from infogan.model.architectures import (
    Architecture,
    check_image_shape,
    find_architecture,
    find_image_shape,
    show_size,
)
from infogan.model.gan import RegularizedGAN
from infogan.model.layers import (
    GENERATED,
    REAL,
    Network,
    Normalisation,
    batch_norm,
    conv,
    dense,
    down_sample,
    leaky_relu,
    mean_pool,
    relu,
    reshape,
    residual,
    up_conv,
    up_sample,
)
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError
from infogan.system.tf1 import derive_seed, tf
from infogan.training.loop import InfoGANTrainer
from infogan.training.run_folder import RunFolder
from infogan.training.signals import StopSignals

BATCH = 6


def evaluate(fetches, feed=None, before=()):
    """Initialises the current graph and runs `before`, then `fetches`."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for operations in before:
            session.run(operations, feed)
        return session.run(fetches, feed)


@pytest.fixture(autouse=True)
def graph(wide, quick_graphs):
    with tf.Graph().as_default() as graph:
        yield graph


# The tables as printed (c4s2-64: 4x4 convolution of stride 2 with 64 channels; u: up-convolution; FC: dense layer; a
# map behind an FC: what it is reshaped to), with the strides that are not printed but follow from the image.


@dataclasses.dataclass(frozen=True)
class Table:
    """One table: the image, the latents (categories of each categorical code, continuous codes, noise), its columns."""

    image: tuple
    latents: tuple
    trunk: str
    recognition: str
    generator: str
    inputs_of_g: int


TABLES = {
    "mnist": Table(
        (28, 28, 1),
        ([10], 2, 62),
        "c4s2-64 lReLU, c4s2-128 BN lReLU, FC1024 BN lReLU",
        "FC128 BN lReLU, FCcodes",
        "FC1024 BN ReLU, FC7x7x128 BN ReLU, u4s2-64 BN ReLU, u4s2-1",
        74,
    ),
    "svhn": Table(
        (32, 32, 3),
        ([10] * 4, 4, 124),
        "c4s2-64 lReLU, c4s2-128 BN lReLU, c4s2-256 BN lReLU",
        "FC128 BN lReLU, FCcodes",
        "FC2x2x448 BN ReLU, u4s2-256 BN ReLU, u4s2-128 ReLU, u4s2-64 ReLU, u4s2-3",
        168,
    ),
    "svhn for CelebA": Table(
        (32, 32, 3),
        ([10] * 10, 0, 128),
        "c4s2-64 lReLU, c4s2-128 BN lReLU, c4s2-256 BN lReLU",
        "FC128 BN lReLU, FCcodes",
        "FC2x2x448 BN ReLU, u4s2-256 BN ReLU, u4s2-128 ReLU, u4s2-64 ReLU, u4s2-3",
        228,
    ),
    "faces": Table(
        (32, 32, 1),
        ([], 5, 128),
        "c4s2-64 lReLU, c4s2-128 BN lReLU, FC1024 BN lReLU",
        "FCcodes",
        "FC1024 BN ReLU, FC8x8x128 BN ReLU, u4s2-64 BN ReLU, u4s2-1",
        133,
    ),
    "chairs": Table(
        (64, 64, 1),
        ([20] * 3, 1, 128),
        "c4s2-64 lReLU, c4s2-128 BN lReLU, c4s2-256 BN lReLU, c4s1-256 BN lReLU, c4s1-256 BN lReLU, FC1024 BN lReLU",
        "FCcodes",
        "FC1024 BN ReLU, FC8x8x256 BN ReLU, u4s1-256 BN ReLU, u4s1-256 BN ReLU, u4s2-128 BN ReLU, u4s2-64 BN ReLU, "
        "u4s2-1",
        189,
    ),
    # In no table: worked out by hand from the description of `_dcgan_trunk`.
    "dcgan 28": Table(
        (28, 28, 1),
        ([10], 2, 64),
        "c4s2-64 lReLU, c4s2-128 BN lReLU",
        "FC128 BN lReLU, FCcodes",
        "FC7x7x128 BN ReLU, u4s2-64 BN ReLU, u4s2-1",
        76,
    ),
    "dcgan 64": Table(
        (64, 64, 3),
        ([10, 10], 0, 100),
        "c4s2-64 lReLU, c4s2-128 BN lReLU, c4s2-256 BN lReLU, c4s2-512 BN lReLU",
        "FC128 BN lReLU, FCcodes",
        "FC4x4x512 BN ReLU, u4s2-256 BN ReLU, u4s2-128 BN ReLU, u4s2-64 BN ReLU, u4s2-3",
        120,
    ),
    "dcgan 16": Table(
        (16, 16, 1),
        ([10], 2, 64),
        "c4s2-64 lReLU, c4s2-128 BN lReLU",
        "FC128 BN lReLU, FCcodes",
        "FC4x4x128 BN ReLU, u4s2-64 BN ReLU, u4s2-1",
        76,
    ),
    "dcgan 48x80": Table(  # the shorter side is 6 after three stages
        (48, 80, 3),
        ([10], 2, 64),
        "c4s2-64 lReLU, c4s2-128 BN lReLU, c4s2-256 BN lReLU",
        "FC128 BN lReLU, FCcodes",
        "FC6x10x256 BN ReLU, u4s2-128 BN ReLU, u4s2-64 BN ReLU, u4s2-3",
        76,
    ),
    "dcgan 144x128": Table(  # 9 cannot be halved
        (144, 128, 1),
        ([4], 0, 6),
        "c4s2-64 lReLU, c4s2-128 BN lReLU, c4s2-256 BN lReLU, c4s2-512 BN lReLU",
        "FC128 BN lReLU, FCcodes",
        "FC9x8x512 BN ReLU, u4s2-256 BN ReLU, u4s2-128 BN ReLU, u4s2-64 BN ReLU, u4s2-1",
        10,
    ),
    "dcgan 128": Table(
        (128, 128, 3),
        ([10], 0, 100),
        "c4s2-64 lReLU, c4s2-128 BN lReLU, c4s2-256 BN lReLU, c4s2-512 BN lReLU, c4s2-512 BN lReLU",
        "FC128 BN lReLU, FCcodes",
        "FC4x4x512 BN ReLU, u4s2-512 BN ReLU, u4s2-256 BN ReLU, u4s2-128 BN ReLU, u4s2-64 BN ReLU, u4s2-3",
        110,
    ),
    # In the code of InfoGAN-CR's authors; at 32x32 with a stage less.
    "infogan_cr 64": Table(
        (64, 64, 1),
        ([], 5, 5),
        "c4s2-32 lReLU, c4s2-32 lReLU, c4s2-64 lReLU, c4s2-64 lReLU, FC128 lReLU",
        "FC128 lReLU, FCcodes",
        "FC128 ReLU BN, FC4x4x64 ReLU BN, u4s2-64 lReLU BN, u4s2-32 lReLU BN, u4s2-32 lReLU BN, u4s2-1",
        10,
    ),
    "infogan_cr 32": Table(
        (32, 32, 3),
        ([3], 2, 5),
        "c4s2-32 lReLU, c4s2-64 lReLU, c4s2-64 lReLU, FC128 lReLU",
        "FC128 lReLU, FCcodes",
        "FC128 ReLU BN, FC4x4x64 ReLU BN, u4s2-64 lReLU BN, u4s2-32 lReLU BN, u4s2-3",
        10,
    ),
}


def read_column(text, shape, codes):
    """A column of a table: (shapes of its kernels, channels of its batch norms, shape of its result)."""
    kernels, norms = [], []
    for row in text.replace("codes", str(codes)).split(", "):
        layer, *rest = row.split()
        if layer.startswith("FC"):
            out = tuple(map(int, layer[2:].split("x")))
            kernels.append((math.prod(shape), math.prod(out)))
            norms += [math.prod(out)] * ("BN" in rest)
            shape = out
        else:
            kind, size, stride, channels = re.fullmatch(r"([cu])(\d)s(\d)-(\d+)", layer).groups()
            ends = (shape[-1], int(channels)) if kind == "c" else (int(channels), shape[-1])
            kernels.append((int(size), int(size), *ends))
            scale = int(stride) if kind == "u" else 1 / int(stride)
            shape = (int(shape[0] * scale), int(shape[1] * scale), int(channels))
            norms += [int(channels)] * ("BN" in rest)
    return kernels, norms, shape


def count_without_bias(text):
    """Rows of a column whose layer batch norm follows at once: it would subtract a bias."""
    return sum(row.split()[1:2] == ["BN"] for row in text.split(", "))


KINDS = {"FC": "dense", "c": "conv", "u": "up_conv", "BN": "batch_norm", "ReLU": "relu", "lReLU": "leaky_relu"}


def kinds_of_column(text):
    """What a column is made of, in order, as `Network` calls its rows."""
    words = text.replace(",", "").split()
    return [KINDS[word] if word in KINDS else KINDS[re.match("FC|c|u", word).group()] for word in words]


def build_model(table, name, **options):
    categorical, continuous, noise = table.latents
    latents = [Latent("noise", Uniform(noise), regularised=False)]
    latents += [Latent(f"category_{i}", Categorical(categories)) for i, categories in enumerate(categorical)]
    latents += [Latent(f"continuous_{i}", Uniform(1)) for i in range(continuous)]
    output_dist = (MeanGaussian if table.image[-1] == 3 else MeanBernoulli)(math.prod(table.image))
    return RegularizedGAN(output_dist, latents, name.split()[0], 0.1, 0, image_size=table.image[:2], **options)


def weights(variables, name):
    return [tuple(v.shape) for v in variables if name in v.op.name]


@pytest.mark.parametrize("name", ["mnist", "svhn", "faces", "chairs"])
def test_rows_say_what_the_table_prints(name):
    table, architecture = TABLES[name], find_architecture(name)

    def show(rows):
        return " ".join(row.printed for row in rows if row.printed)

    def multiply(column):
        """ "FC7x7x128" as "FC 6272"."""
        return re.sub(
            r"FC([\dx]+)", lambda found: f"FC {math.prod(map(int, found[1].split('x')))}", column.replace(",", "")
        )

    assert show(architecture.trunk(table.image, 0.1)) == multiply(table.trunk)
    assert show(architecture.generator(table.image)) == multiply(table.generator)
    assert show(architecture.recognition_head(0.1, 12)) == multiply(table.recognition.replace("codes", "12"))
    assert show(architecture.discriminator_head()) == "FC 1"


@functools.cache
def build_table(name):
    """(graph, model, images, judgement of them) of a table."""
    with tf.Graph().as_default() as graph:
        model = build_model(TABLES[name], name)
        images = model.generate(tf.zeros([BATCH, model.latent_dist.dim]), Normalisation([GENERATED], True))
        return graph, model, images, model.discriminate(images, Normalisation([GENERATED], True))


@pytest.mark.parametrize("name", TABLES)
def test_networks_are_those_of_the_table(name):
    table = TABLES[name]
    _, model, images, judgement = build_table(name)
    assert model.latent_dist.dim == table.inputs_of_g
    codes = sum(table.latents[0]) + 2 * table.latents[1]  # a mean and a deviation for each continuous code
    assert images.shape == (BATCH, *table.image)
    assert judgement.logits.shape == (BATCH,)

    trunk_kernels, trunk_norms, features = read_column(table.trunk, table.image, codes)
    d_kernels, d_norms, _ = read_column("FC1", features, codes)
    q_kernels, q_norms, outputs = read_column(table.recognition, features, codes)
    g_kernels, g_norms, made = read_column(table.generator, (table.inputs_of_g,), codes)
    assert (outputs, made) == ((codes,), table.image)
    for variables, kernels, norms, column in (
        (model.discriminator_variables, trunk_kernels + d_kernels, trunk_norms + d_norms, table.trunk),
        (model.recognition_variables, q_kernels, q_norms, table.recognition),
        (model.generator_variables, g_kernels, g_norms, table.generator),
    ):
        assert weights(variables, "kernel") == kernels
        assert weights(variables, "scale") == weights(variables, "offset") == [(channels,) for channels in norms]
        assert len(weights(variables, "bias")) == len(kernels) - count_without_bias(column)


@pytest.mark.parametrize("name", TABLES)
def test_layers_come_in_the_order_of_the_table(name):
    table, architecture = TABLES[name], find_architecture(name.split()[0])
    for rows, column in (
        (architecture.trunk(table.image, 0.1), table.trunk),
        (architecture.recognition_head(0.1, 14), table.recognition),
        (architecture.discriminator_head(), "FC1"),
        (architecture.generator(table.image), table.generator),
    ):
        assert [row.kind for row in rows if row.kind != "reshape"] == kinds_of_column(column)


@pytest.mark.parametrize("name", TABLES)
def test_every_leaky_rectifier_has_the_rate_of_the_model(name):
    table, operations = TABLES[name], build_table(name)[0].get_operations()
    of_d_and_q = [operation for operation in operations if not operation.name.startswith("generator")]
    rates = [operation.get_attr("alpha") for operation in of_d_and_q if operation.type == "LeakyRelu"]
    assert len(rates) == kinds_of_column(f"{table.trunk} {table.recognition}").count("leaky_relu")
    assert rates == pytest.approx([0.1] * len(rates))


# Multiplied out by hand: weights of the kernels of the trunk with D's output unit, of Q's own layers, and of G.
NUMBERS_OF_WEIGHTS = {
    "mnist": (1024 + 131_072 + 6_422_528 + 1024, 131_072 + 14 * 128, 75_776 + 6_422_528 + 131_072 + 1024),
    "svhn": (
        3072 + 131_072 + 524_288 + 4096,
        524_288 + 48 * 128,
        301_056 + 1_835_008 + 524_288 + 131_072 + 3072,
    ),
    "svhn for CelebA": (
        3072 + 131_072 + 524_288 + 4096,
        524_288 + 100 * 128,
        408_576 + 1_835_008 + 524_288 + 131_072 + 3072,
    ),
    "faces": (1024 + 131_072 + 8_388_608 + 1024, 10 * 1024, 136_192 + 8_388_608 + 131_072 + 1024),
    "chairs": (
        1024 + 131_072 + 524_288 + 2 * 1_048_576 + 16_777_216 + 1024,
        62 * 1024,
        193_536 + 16_777_216 + 2 * 1_048_576 + 524_288 + 131_072 + 1024,
    ),
}


@pytest.mark.parametrize("name", NUMBERS_OF_WEIGHTS)
def test_numbers_of_weights(name):
    _, model, _, _ = build_table(name)
    parts = (model.discriminator_variables, model.recognition_variables, model.generator_variables)
    found = tuple(sum(math.prod(shape) for shape in weights(variables, "kernel")) for variables in parts)
    assert found == NUMBERS_OF_WEIGHTS[name]


MNIST_WEIGHTS = {  # shape, and the first number of seed 0: a checkpoint finds weights by name, a seed repeats a run
    "generator/0_dense/kernel": ((74, 1024), -0.009536),
    "generator/1_batch_norm/scale": ((1024,), 0.993783),
    "generator/1_batch_norm/offset": ((1024,), 0.0),
    "generator/3_dense/kernel": ((1024, 6272), 0.035674),
    "generator/4_batch_norm/scale": ((6272,), 0.983024),
    "generator/4_batch_norm/offset": ((6272,), 0.0),
    "generator/7_up_conv/kernel": ((4, 4, 64, 128), -0.007602),
    "generator/8_batch_norm/scale": ((64,), 0.998790),
    "generator/8_batch_norm/offset": ((64,), 0.0),
    "generator/10_up_conv/kernel": ((4, 4, 1, 64), 0.021170),
    "generator/10_up_conv/bias": ((1,), 0.0),
    "trunk/0_conv/kernel": ((4, 4, 1, 64), 0.030412),
    "trunk/0_conv/bias": ((64,), 0.0),
    "trunk/2_conv/kernel": ((4, 4, 64, 128), 0.005842),
    "trunk/3_batch_norm/scale": ((128,), 1.005559),
    "trunk/3_batch_norm/offset": ((128,), 0.0),
    "trunk/6_dense/kernel": ((6272, 1024), -0.020722),
    "trunk/7_batch_norm/scale": ((1024,), 0.997089),
    "trunk/7_batch_norm/offset": ((1024,), 0.0),
    "discriminator/0_dense/kernel": ((1024, 1), 0.002061),
    "discriminator/0_dense/bias": ((1,), 0.0),
    "recognition/0_dense/kernel": ((1024, 128), -0.008648),
    "recognition/1_batch_norm/scale": ((128,), 0.993625),
    "recognition/1_batch_norm/offset": ((128,), 0.0),
    "recognition/3_dense/kernel": ((128, 14), 0.007441),
    "recognition/3_dense/bias": ((14,), 0.0),
}
MNIST_AVERAGES = {  # of the populations that each network is given in training
    "generator": ["1_batch_norm/generated", "4_batch_norm/generated", "8_batch_norm/generated"],
    "trunk": [f"{layer}_batch_norm/{population}" for layer in (3, 7) for population in (REAL, GENERATED)],
    "recognition": ["1_batch_norm/real", "1_batch_norm/generated"],
}


def test_names_shapes_and_initial_values_that_old_checkpoints_and_runs_rely_on():
    model = build_model(TABLES["mnist"], "mnist")
    images = model.generate(tf.zeros([2, 74]), Normalisation([GENERATED], True))
    model.discriminate(tf.concat([images, images], 0), Normalisation([REAL, GENERATED], True))
    weights = model.generator_variables + model.discriminator_variables + model.recognition_variables
    assert {variable.op.name: tuple(variable.shape) for variable in weights} == {
        name: shape for name, (shape, _) in MNIST_WEIGHTS.items()
    }
    firsts = evaluate({variable.op.name: tf.reshape(variable, [-1])[0] for variable in weights})
    assert firsts == pytest.approx({name: first for name, (_, first) in MNIST_WEIGHTS.items()}, abs=1e-6)
    others = {variable.op.name for variable in tf.global_variables()} - firsts.keys()
    assert others == {
        f"{network}/{layer}/{moment}"
        for network, layers in MNIST_AVERAGES.items()
        for layer in layers
        for moment in ("mean", "variance")
    }


@pytest.mark.parametrize("name", ["mnist", "svhn"])
def test_pixels_stay_in_the_range_of_the_output_distribution(name):
    model = build_model(TABLES[name], name)
    low, high = model.output_dist.pixel_range
    assert (low, high) == {"mnist": (0.0, 1.0), "svhn": (-1.0, 1.0)}[name]
    raw = tf.constant([0, 255, 51, 204], tf.uint8)
    read = model.read_images(raw)
    images = model.generate(tf.random.stateless_normal([8, model.latent_dist.dim], [1, 2]))
    found, shown, made, (output,) = evaluate([read, model.show_images(read), images, find_last_bias_add(images)])
    np.testing.assert_allclose(
        found, np.array([low, high, low + 0.2 * (high - low), low + 0.8 * (high - low)]), atol=1e-6
    )
    np.testing.assert_allclose(shown, [0.0, 1.0, 0.2, 0.8], atol=1e-6)
    expected = np.tanh(output) if name == "svhn" else 1.0 / (1.0 + np.exp(-output))  # one squashing, never two
    np.testing.assert_allclose(made, expected, atol=1e-6)


def find_last_bias_add(images):
    """The output of G's last layer: the first BiasAdd upstream of the images."""
    todo = [images.op]
    while todo:
        operation = todo.pop(0)
        if operation.type == "BiasAdd":
            return [operation.outputs[0]]
        todo += [tensor.op for tensor in operation.inputs]
    raise AssertionError("no BiasAdd")


def test_a_turn_of_a_circular_code_ends_where_it_began():
    latents = [Latent("noise", Uniform(2), regularised=False), Latent("azimuth", Circular())]
    model = RegularizedGAN(MeanBernoulli(28 * 28), latents, "mnist", 0.1, 0)
    z = tf.constant([[0.3, -0.7, angle] for angle in (-1.0, 1.0, 0.0)])
    images = model.generate(z)
    posterior = model.discriminate(images, Normalisation([GENERATED], batch_statistics=False)).reg_dist_info
    first, last, half = evaluate(images)
    np.testing.assert_allclose(first, last, atol=1e-6)
    assert np.abs(first - half).max() > 1e-4
    assert {key: value.shape.as_list() for key, value in posterior.items()} == {
        "id_0_mean": [3, 1],
        "id_0_concentration": [3, 1],
        "id_0_direction": [3, 2],
    }


def test_unknown_batch_size():
    images = tf.placeholder(tf.float32, [None, 28, 28, 1])
    trunk = Network("trunk", 0, find_architecture("mnist").trunk((28, 28, 1), 0.1))
    assert evaluate(trunk(images, Normalisation([REAL], False)), {images: np.zeros([3, 28, 28, 1])}).shape == (3, 1024)


def test_every_size_of_dcgan_halves_to_a_small_map():
    architecture = find_architecture("dcgan")
    sides = {28, *range(16, 257, 16)}
    assert {shape[:2] for shape in architecture.image_shapes} == {(28, 28)} | set(
        itertools.product(sides - {28}, repeat=2)
    )
    for *size, _ in architecture.image_shapes:
        stages = [row.kind for row in architecture.trunk((*size, 3), 0.1)].count("conv")
        assert all(side % 2**stages == 0 for side in size)
        shorter, longer = sorted(side // 2**stages for side in size)
        assert 4 <= shorter <= 15 and (shorter <= 7 or shorter % 2 or longer % 2)


@pytest.mark.parametrize(
    ("numbers", "image_size", "shape"),
    [
        (784, None, (28, 28, 1)),
        (3072, None, (32, 32, 3)),
        (3072, (48, 64), (48, 64, 1)),  # as many numbers
        (3072, (64, 48), (64, 48, 1)),
        (18432, [64, 96], (64, 96, 3)),
        (768, 16, (16, 16, 3)),
    ],
)
def test_size_and_numbers_tell_the_shape(numbers, image_size, shape):
    assert find_image_shape(numbers, image_size) == shape


@pytest.mark.parametrize(("numbers", "image_size"), [(785, None), (1024, 31), (3072, (48, 32)), (2048, 32)])
def test_numbers_of_no_grey_or_rgb_image_are_refused(numbers, image_size):
    with pytest.raises(InputError, match=f" {numbers:,} "):
        find_image_shape(numbers, image_size)


def test_a_network_refuses_images_that_it_does_not_make():
    for name, shape in {
        "mnist": (28, 28, 3), "svhn": (32, 32, 1), "chairs": (32, 32, 1), "dcgan": (64, 72, 3), "dcgan ": (28, 32, 1),
    }.items():  # fmt: skip
        with pytest.raises(InputError, match=f"image_size: {show_size(shape)} was given, but {name.strip()} makes"):
            check_image_shape(name.strip(), shape, "image_size")
    check_image_shape("dcgan", (256, 16, 3), "image_size")


TINY = Architecture(
    "tiny",
    [(28, 28, 1), (16, 48, 3)],
    trunk=lambda image_shape, leaky_rate: [conv(4, kernel=5), leaky_relu(leaky_rate), reshape(-1)],
    generator=lambda image_shape: [
        dense(math.prod(image_shape) // 4),
        reshape(image_shape[0] // 2, image_shape[1] // 2, image_shape[2]),
        up_conv(image_shape[2], kernel=6),
    ],
)


def test_a_spec_takes_an_architecture_as_it_is_and_its_json_names_it(spec):
    of_value, by_name = (dataclasses.replace(spec, network=network) for network in (TINY, "tiny"))
    assert of_value == by_name == ExperimentSpec.from_json(of_value.to_json())
    assert by_name.network is TINY
    assert json.loads(of_value.to_json())["network"] == "tiny"
    ours = dataclasses.replace(spec, network=find_architecture("dcgan"))
    assert (ours.network, ours) == ("dcgan", spec)
    with pytest.raises(InputError, match="output_dist: 32x32x1 was given, but tiny makes 28x28x1, 16x48x3"):
        dataclasses.replace(spec, network=TINY, output_dist=MeanBernoulli(1024))


def test_a_network_of_ones_own_trains_and_is_loaded(spec, dataset, tmp_path):
    spec = dataclasses.replace(spec, network=TINY, max_epoch=1)
    folder = RunFolder(tmp_path / "logs", tmp_path / "ckt", "run")
    folder.create(spec, dataset)
    with StopSignals() as stop:
        InfoGANTrainer(spec, dataset.train.images, folder, stop).train()
    with infogan.load(folder.checkpoints) as run:
        assert (run.spec, run.update) == (spec, 2)
        assert run.discriminate(run.generate(count=3)).shape == (3,)


@pytest.mark.parametrize("name", ["lenet", "", "TINY"])
def test_an_unknown_network_is_refused_when_the_spec_is_built(spec, name):
    with pytest.raises(
        InputError, match=rf"^network: '{name}' was given, but the known ones are .*mnist, .*import the"
    ):
        dataclasses.replace(spec, network=name)
    for wrong in (None, 3, ["mnist"], Architecture):
        with pytest.raises(InputError, match=r"^network: .* was given, but an Architecture, or the name of one, is"):
            dataclasses.replace(spec, network=wrong)


def test_a_name_that_is_taken_is_refused(spec):
    with pytest.raises(InputError, match=r"network: .*'dcgan', but infogan has one of that name"):
        dataclasses.replace(spec, network=dataclasses.replace(TINY, name="dcgan"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a/b"),
        ("name", 3),
        ("image_shapes", []),
        ("image_shapes", (28, 28, 1)),
        ("image_shapes", [(28, 28)]),
        ("image_shapes", [(28, 28, 2)]),
        ("image_shapes", [(28, 0, 1)]),
        ("image_shapes", None),
        ("trunk", [conv(64)]),
        ("generator", None),
        ("recognition_head", "dense"),
    ],
)
def test_an_architecture_refuses_what_is_of_no_use(field, value):
    with pytest.raises(InputError, match=rf"^Architecture.{field}: .* was given, but"):
        dataclasses.replace(TINY, **{field: value})


@pytest.mark.parametrize(
    ("part", "rows", "message"),
    [
        (
            "generator",
            [dense(49), reshape(7, 7, 1), up_conv(1)],
            "the generator of odd makes ['B', 14, 14, 1], but ['B', 28",
        ),
        ("generator", [dense(784)], "the generator of odd makes ['B', 784], but ['B', 28, 28, 1]"),
        ("generator", [dense(5), reshape(2, 2)], "its rows were given, but they do not fit together"),
        ("trunk", [conv(4)], "the trunk of odd makes ['B', 14, 14, 4], but ['B', None] is needed"),
        ("trunk", [conv(4), "flatten"], "its rows were given, but they do not fit together"),
        ("discriminator_head", [dense(2)], "the discriminator_head of odd makes ['B', 2], but ['B', 1] is needed"),
        ("recognition_head", [dense(13)], "the recognition_head of odd makes ['B', 13], but ['B', 14] is needed"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_a_run_begins(spec, dataset, tmp_path, part, rows, message):
    odd = dataclasses.replace(TINY, name="odd", **{part: lambda *arguments: rows})
    with pytest.raises(InputError, match=re.escape(message)):
        infogan.train(dataclasses.replace(spec, network=odd), dataset, tmp_path / "logs", tmp_path / "ckt")
    assert not list(tmp_path.iterdir())


def test_leaky_relu_uses_the_rate():
    assert evaluate(Network("n", 0, [leaky_relu(0.1)])(tf.constant([-2.0, 3.0]), None)).tolist() == pytest.approx(
        [-0.2, 3]
    )


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_the_two_leaky_rectifiers_differ_at_0_alone(rate):
    """The authors' max(x, a x) passes the whole gradient at 0, tf.nn.leaky_relu a of it (docs/notes/differences.md)."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.constant([-2.0, -1e-30, 0.0, 1e-30, 3.0])
        ours, theirs = Network("n", 0, [leaky_relu(rate)])(x, None), tf.maximum(x, rate * x)
        gradients = [tf.gradients(y, x)[0] for y in (ours, theirs)]
        ours, theirs, gradient, their_gradient = session.run([ours, theirs, *gradients])
    assert ours == pytest.approx(theirs)
    assert gradient == pytest.approx([rate, rate, rate, 1.0, 1.0])
    assert their_gradient == pytest.approx([rate, rate, 1.0, 1.0, 1.0])


def test_batch_norm_of_vectors_copies_no_gradient():
    with tf.Graph().as_default() as graph:
        x = tf.zeros([2, 3])
        y = Network("n", 0, [batch_norm()])(x, Normalisation([GENERATED], True))
        tf.gradients(y, x)
        types = {operation.type for operation in graph.get_operations()}
    assert "FusedBatchNormGradV3" in types
    assert not types & {"StridedSlice", "StridedSliceGrad"}


def test_initial_values_follow_from_seed_and_position():
    def kernels(seed, name):
        with tf.Graph().as_default():
            network = Network(name, seed, [conv(3), conv(3), up_conv(3), batch_norm(), dense(5)])
            network(tf.zeros([2, 8, 8, 3]), Normalisation([REAL], True))
            return evaluate(network.trainable_variables)

    same, again, other_seed, other_name = kernels(1, "a"), kernels(1, "a"), kernels(2, "a"), kernels(1, "b")
    for values, repeated in zip(same, again):
        np.testing.assert_array_equal(values, repeated)
    assert not np.array_equal(same[0], other_seed[0])
    assert not np.array_equal(same[0], other_name[0])
    assert not np.array_equal(same[0], same[2])  # two equal layers of one network differ


def test_initial_values_are_those_of_the_authors_code():
    network = Network("n", 0, [conv(64), up_conv(64), batch_norm(), leaky_relu(0.1), conv(128), dense(1024)])
    network(tf.zeros([2, 8, 8, 64]), Normalisation([REAL], True))
    variables = {variable.op.name.removeprefix("n/"): variable for variable in network.trainable_variables}
    found = evaluate(variables)
    for layer in ("0_conv", "4_conv"):  # a normal cut at two deviations has 0.88 of its deviation
        kernel = found[f"{layer}/kernel"]
        assert np.abs(kernel).max() <= 0.04
        assert kernel.std() == pytest.approx(0.0176, rel=0.02)  # of 65,536 numbers: six deviations of it
    for layer in ("1_up_conv", "5_dense"):
        kernel = found[f"{layer}/kernel"]
        assert np.abs(kernel).max() > 0.06
        assert kernel.std() == pytest.approx(0.02, rel=0.02)
    assert found["2_batch_norm/scale"].mean() == pytest.approx(1.0, abs=0.015)  # of 64 numbers: six deviations of it
    assert found["2_batch_norm/scale"].std() == pytest.approx(0.02, rel=0.5)
    assert not found["2_batch_norm/offset"].any() and not found["0_conv/bias"].any()


@pytest.mark.parametrize("size", [1, 3, 5])
def test_size_of_a_kernel(size):
    network = Network("n", 0, [conv(3, kernel=size), up_conv(2, kernel=size), conv(4, stride=1, kernel=size)])
    assert network(tf.zeros([2, 8, 12, 5]), None).shape == (2, 8, 12, 4)
    assert weights(network.trainable_variables, "kernel") == [
        *((size, size, 5, 3), (size, size, 2, 3), (size, size, 2, 4))
    ]


def test_sampling_up_and_down():
    x = np.random.default_rng(0).normal(size=(3, 4, 6, 5)).astype(np.float32)
    up, down, mean = (Network("n", 0, [row])(tf.constant(x), None) for row in (up_sample(), down_sample(), mean_pool()))
    assert (up.shape, down.shape, mean.shape) == ((3, 8, 12, 5), (3, 2, 3, 5), (3, 5))
    up, down, mean = evaluate([up, down, mean])
    np.testing.assert_array_equal(up, x.repeat(2, axis=1).repeat(2, axis=2))
    np.testing.assert_allclose(down, x.reshape(3, 2, 2, 3, 2, 5).mean(axis=(2, 4)), atol=1e-6)
    np.testing.assert_allclose(mean, x.mean(axis=(1, 2)), atol=1e-6)


BLOCK = residual(
    relu(), dense(7), batch_norm(), residual(dense(7)), dense(5),
    shortcut=[dense(5), batch_norm(), dense(5)],
)  # fmt: skip


def test_a_block_is_the_sum_of_its_rows_and_its_shortcut():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    y = Network("n", 0, [residual(relu(), dense(5), shortcut=[dense(5)]), residual(leaky_relu(0.5))])(
        tf.constant(x), None
    )
    kernels = {v.op.name: v for v in tf.trainable_variables()}
    y, found = evaluate([y, kernels])
    hidden = np.maximum(x, 0) @ found["n/0_residual/1_dense/kernel"] + x @ found["n/0_residual/shortcut/0_dense/kernel"]
    np.testing.assert_allclose(y, hidden + np.where(hidden > 0, hidden, hidden / 2), atol=1e-6)


def test_in_a_block_too_names_are_unique_and_no_bias_stands_before_batch_norm():
    network = Network("n", 0, [dense(3), BLOCK, batch_norm()])
    training = Normalisation([REAL], True)
    for _ in range(2):
        network(tf.zeros([2, 4]), training)
    block = "n/1_residual"
    assert [variable.op.name for variable in network.trainable_variables] == [
        *("n/0_dense/kernel", "n/0_dense/bias", f"{block}/1_dense/kernel"),
        *(f"{block}/2_batch_norm/scale", f"{block}/2_batch_norm/offset"),
        *(f"{block}/3_residual/0_dense/kernel", f"{block}/3_residual/0_dense/bias"),
        *(f"{block}/4_dense/kernel", f"{block}/4_dense/bias", f"{block}/shortcut/0_dense/kernel"),
        *(f"{block}/shortcut/1_batch_norm/scale", f"{block}/shortcut/1_batch_norm/offset"),
        *(f"{block}/shortcut/2_dense/kernel", f"{block}/shortcut/2_dense/bias"),
        *("n/2_batch_norm/scale", "n/2_batch_norm/offset"),
    ]
    assert len(training.updates) == 2 * 3 * 2  # passes, batch norms, moments
    found = evaluate(network.trainable_variables)
    square = [kernel.ravel()[:9] for kernel in found if kernel.ndim == 2]
    assert len({tuple(kernel) for kernel in square}) == len(square) == 6  # a seed of its own for each


def test_spectral_norm_reaches_into_blocks():
    network, training = Network("n", 0, [BLOCK], spectral_norm=True), Normalisation([REAL], True)
    network(tf.zeros([2, 4]), training)
    assert not [v for v in tf.global_variables() if "batch_norm" in v.op.name]
    assert len(training.updates) == len([v for v in tf.global_variables() if v.op.name.endswith("/u")]) == 5
    assert len(weights(network.trainable_variables, "bias")) == 5


# From the authors' code, gan_cifar_resnet.py and gan_64x64.py: (input, output) channels of each block's 3x3 kernels in
# turn, and its 1x1 shortcut if it has one.
RESNETS = {
    32: (
        [(3, 128), (128, 128), "s", (128, 128), (128, 128), "s", *[(128, 128)] * 4],
        [*[(128, 128), (128, 128), "s"] * 3, (128, 3)],
        (138, 4 * 4 * 128),
    ),
    64: (
        [
            (3, 64),
            *(
                (64, 64),
                (64, 128),
                "s",
                (128, 128),
                (128, 256),
                "s",
                (256, 256),
                (256, 512),
                "s",
                (512, 512),
                (512, 512),
                "s",
            ),
        ],
        [
            *((512, 512), (512, 512), "s", (512, 256), (256, 256), "s", (256, 128), (128, 128), "s"),
            *((128, 64), (64, 64), "s", (64, 3)),
        ],
        (138, 4 * 4 * 512),
    ),
}


@pytest.mark.parametrize("side", RESNETS)
def test_residual_networks_are_those_of_the_authors(side):
    latents = [Latent("noise", Uniform(128), regularised=False), Latent("category", Categorical(10))]
    model = RegularizedGAN(MeanGaussian(side * side * 3), latents, "resnet", 0.1, 0)
    images = model.generate(tf.zeros([2, 138]))
    model.discriminate(images, Normalisation([GENERATED], False))
    assert {v.op.name for v in model.variables} == {v.op.name for v in tf.global_variables()}
    trunk, generator, first = RESNETS[side]
    found = weights(model.generator_variables, "kernel")
    assert found[0] == first
    for kernels, expected in ((found[1:], generator), (weights(model.discriminator_variables, "kernel")[:-1], trunk)):
        assert len(kernels) == len(expected)
        for place, (kernel, channels) in enumerate(zip(kernels, expected)):
            if channels == "s":  # from what the block gets to what it gives
                channels, size = (expected[place - 2][0], expected[place - 1][1]), 1
            else:
                size = 3
            assert kernel == (size, size, *channels)


def test_derived_seeds_do_not_collide():
    paths = [(seed, "trunk", position) for seed in range(50) for position in range(50)]
    assert (
        len({derive_seed(*path) for path in paths}) > len(paths) - 3
    )  # 2,500 draws of 2^31: 0.0015 collisions expected


@pytest.mark.parametrize("shape", [(64, 5), (16, 4, 4, 5)])
def test_batch_norm_in_training_uses_the_batch(shape):
    x = np.random.default_rng(0).normal(3.0, 2.0, shape).astype(np.float32)
    network = Network("n", 0, [batch_norm()])
    y, (scale, offset) = evaluate([network(tf.constant(x), Normalisation([REAL], True)), network.trainable_variables])
    axes = tuple(range(len(shape) - 1))
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(axes)) / np.sqrt(wide.var(axes) + 1e-5) * scale + offset
    np.testing.assert_allclose(y, expected, atol=1e-4)


def test_moving_averages_are_kept_apart():
    rng = np.random.default_rng(0)
    batches = {REAL: rng.normal(5, 1, (512, 3)), GENERATED: rng.normal(-5, 2, (512, 3))}
    network = Network("n", 0, [batch_norm()])
    updates, results = [], {}
    for population, batch in batches.items():
        training = Normalisation([population], batch_statistics=True)
        network(tf.constant(batch, tf.float32), training)
        updates += training.updates
        results[population] = network(tf.constant(batch, tf.float32), Normalisation([population], False))
    fetched = evaluate([results, network.trainable_variables], before=[updates] * 150)
    outputs, (scale, _) = fetched
    for population in batches:
        np.testing.assert_allclose(outputs[population].mean(0), 0, atol=0.02)
        np.testing.assert_allclose(outputs[population].std(0) / scale, 1, atol=0.02)


def test_moving_averages_move_by_a_tenth():
    batch = np.random.default_rng(0).normal(5, 2, (64, 3)).astype(np.float32)
    training = Normalisation([REAL], batch_statistics=True)
    Network("n", 0, [batch_norm()])(tf.constant(batch), training)
    averages = {
        variable.op.name.split("/")[-1]: variable for variable in tf.global_variables() if not variable.trainable
    }
    found = evaluate(averages, before=[training.updates])
    np.testing.assert_allclose(found["mean"], 0.1 * batch.mean(0), rtol=1e-4)
    np.testing.assert_allclose(found["variance"], 0.9 + 0.1 * batch.var(0, ddof=1), rtol=1e-4)


def test_without_batch_statistics_an_image_stands_alone():
    images = np.random.default_rng(0).normal(size=(8, 28, 28, 1)).astype(np.float32)
    trunk = Network("trunk", 0, find_architecture("mnist").trunk((28, 28, 1), 0.1))
    together = trunk(tf.constant(images), Normalisation([REAL], False))
    alone = trunk(tf.constant(images[:1]), Normalisation([REAL], False))
    first, single = evaluate([together, alone])
    np.testing.assert_allclose(first[:1], single, atol=1e-6)
