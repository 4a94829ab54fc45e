"""dSprites: rendered pictures against 320 of the owners', the cache, colour and noise, damaged files."""

import numpy as np
import pytest
from conftest import ROOT
from dataset_files import dsprites_arrays, write_dsprites_npz, write_h5

from infogan.data import Split, dsprites, pixel_cache
from infogan.data.arrays import load_npz
from infogan.data.lazy_images import LazyImages, content, cut
from infogan.system.messages import InputError

FRAMES = load_npz(ROOT / "tests" / "dsprites_frames" / "frames.npz", ("imgs", "latents_classes"))
OUTLINES = load_npz(dsprites.OUTLINES, ("heart", "ellipse"))


def values_of(numbers):
    return [factor.values[number] for factor, number in zip(dsprites.LEVELS.values(), numbers)]


def test_rendered_pictures_are_the_owners():
    for number, (image, classes) in enumerate(zip(FRAMES["imgs"], FRAMES["latents_classes"])):
        found = dsprites.render_picture(values_of(classes[1:]), OUTLINES)
        assert np.array_equal(found, image), f"frame {number}, {classes}"


@pytest.mark.parametrize("shape", dsprites.LEVELS["shape"].values)
def test_all_positions_at_once_are_the_same_pictures(shape):
    rng, turn = np.random.default_rng(int(shape)), dsprites.LEVELS["orientation"].values[7]
    found = np.unpackbits(dsprites.render_positions(shape, turn, OUTLINES), axis=-1).reshape(6, 32, 32, 64, 64)
    for scale, x, y in [(0, 0, 31), (5, 31, 0), *rng.integers(0, (6, 32, 32), (20, 3))]:
        values = [shape, dsprites.LEVELS["scale"].values[scale], turn, x / 31, y / 31]
        np.testing.assert_array_equal(found[scale, x, y], dsprites.render_picture(values, OUTLINES))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def coarse(monkeypatch, cache):
    """A set of two scales and two orientations; gives the folder in which it is kept."""
    monkeypatch.setenv("INFOGAN_CACHE", str(cache))
    few = {"scale": [0, 5], "orientation": [0, 13]}
    few = {name: dsprites.LEVELS[name].select(np.array(numbers)) for name, numbers in few.items()}
    monkeypatch.setattr(dsprites, "LEVELS", dsprites.LEVELS | few)
    return cache


def test_the_rendered_set_is_in_the_owners_order(coarse):
    packed, factors = dsprites._keep_rendered()
    values = np.stack([factor.values for factor in factors.values()], axis=1)
    assert packed.shape == (3 * 2 * 2 * 32 * 32, 512)
    assert isinstance(packed, np.memmap)
    for number in (0, 1, 32, 1024, 6 * 1024 + 5, 12287):
        expected = dsprites.render_picture(values[number], OUTLINES)
        np.testing.assert_array_equal(np.unpackbits(packed[number]).reshape(64, 64), expected)


def test_images_are_found_by_their_factors(coarse):
    dataset = dsprites.load(image_size=64)
    grid = dataset.grid()
    assert grid.sizes == (3, 2, 2, 32, 32)
    assert {name: factor.describe() for name, factor in dataset.train.factors.items()} == {
        "shape": "nominal",
        "scale": "ordered",
        "orientation": "circular with period 6.28319",
        "x": "ordered",
        "y": "ordered",
    }
    combinations = grid.draw(20, np.random.default_rng(0), {"shape": 3})
    for row, image in zip(combinations, grid.images(combinations)):
        values = values_of(row)
        assert values[0] == dsprites.HEART
        np.testing.assert_array_equal(image[..., 0], 255 * dsprites.render_picture(values, OUTLINES))
    assert len(dataset.test) == 1229


def test_it_is_rendered_once(coarse, monkeypatch):
    first = dsprites.load()
    monkeypatch.setattr(dsprites, "render_positions", None)
    assert content(dsprites.load().train.images) == content(first.train.images)


def test_a_damaged_cache_is_made_anew(coarse):
    first = content(dsprites.load().train.images)
    (file,) = coarse.glob("dsprites-*.npy")
    file.write_bytes(file.read_bytes()[:-1000])
    assert content(dsprites.load().train.images) == first


def test_32_pixels_are_the_mean_of_two_by_two(tmp_path):
    data_dir = write_dsprites_npz(tmp_path)
    large, small = (np.asarray(dsprites.load(data_dir, side).train.images) for side in (64, 32))
    mean = large.reshape(-1, 32, 2, 32, 2).mean(axis=(2, 4))
    assert np.abs(small[..., 0] - mean).max() <= 0.5
    assert set(np.unique(small)) == {0, 64, 128, 191, 255}


@pytest.mark.parametrize("size", [48, (64, 32), 128])
def test_other_sizes_are_refused(size):
    with pytest.raises(InputError, match=r"image_size: .* 32 or 64"):
        dsprites.load(image_size=size)


def variants(data_dir, size):
    return [np.asarray(dsprites.load(data_dir, size, variant).train.images) for variant in dsprites.VARIANTS]


@pytest.mark.parametrize("size", [32, 64])
def test_colour_and_noise_belong_to_each_image(tmp_path, size):
    data_dir = write_dsprites_npz(tmp_path)
    plain, colour, noise = (images / 255 for images in variants(data_dir, size))
    lit = plain[..., 0] == 1
    colours = np.stack([image[inside].mean(axis=0) for image, inside in zip(colour, lit)])
    assert 0.5 <= colours.min() < 0.6 < 0.9 < colours.max() <= 1
    assert len(np.unique(colours, axis=0)) == len(plain), "each has its own"
    np.testing.assert_allclose(colour, plain * colours[:, None, None], atol=0.005)
    assert (noise[lit] == 1).all()
    dark = noise[plain[..., 0] == 0]
    # Uniform: the mean of so many has a standard deviation of 0.001, so 0.01 is ten of them.
    assert dark.mean() == pytest.approx(0.5, abs=0.01)
    assert dark.min() == 0
    assert dark.max() == 1
    again = dsprites.load(data_dir, size, "noise").train.images[[7, 3]]
    np.testing.assert_array_equal(again / 255, noise[[7, 3]])


def damage(change):
    def write(path):
        arrays = dsprites_arrays()
        change(arrays)
        np.savez_compressed(path, **arrays)

    return write


def change_value(column, value):
    def change(arrays):
        arrays["latents_values"][3, column] = value

    return damage(change)


def cut_short(path):
    write_dsprites_npz(path.parent)
    path.write_bytes(path.read_bytes()[:-3000])


def turn_table(arrays):
    arrays["latents_values"] = arrays["latents_values"][::-1]


DAMAGES = {
    "cut short": (cut_short, "it is not a zip"),
    "no pictures": (damage(lambda arrays: arrays.pop("imgs")), "it holds latents_classes, latents_values, but"),
    "no table": (damage(lambda arrays: arrays.pop("latents_values")), "it holds imgs, latents_classes, but"),
    "other pictures": (damage(lambda a: a.update(imgs=a["imgs"][:, :32])), r"its 'imgs' are uint8 \[40, 32, 64\]"),
    "in colour": (damage(lambda a: a.update(imgs=a["imgs"][..., None])), r"its 'imgs' are uint8 \[40, 64, 64, 1\]"),
    "fractions": (damage(lambda a: a.update(imgs=a["imgs"] / 2)), "its 'imgs' are float64"),
    "greys": (damage(lambda a: a.update(imgs=a["imgs"] * 255)), "its 'imgs' hold 255"),
    "a shorter table": (
        damage(lambda a: a.update(latents_values=a["latents_values"][:9])),
        r"its factors are float64 \[9, 6\], but numbers \[40, 6\]",
    ),
    "another shape": (change_value(1, 4), "its shape has the value 4, but"),
    "another scale": (change_value(2, 0.55), "its scale has the value 0.55, but"),
    "no number": (change_value(5, np.nan), "its y has the value nan, but"),
    "a table of other pictures": (damage(turn_table), "pixels of its picture 0 do not match its latent values"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_files_are_refused(tmp_path, kind):
    write, expected = DAMAGES[kind]
    path = tmp_path / dsprites.FILES[0]
    write(path)
    with pytest.raises(InputError, match=expected) as error:
        dsprites.load(path)
    assert str(path) in str(error.value)


def test_nothing_of_a_refused_file_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("INFOGAN_CACHE", str(tmp_path / "cache"))
    path = tmp_path / dsprites.FILES[0]
    damage(lambda arrays: arrays.update(imgs=arrays["imgs"] * 255))(path)
    with pytest.raises(InputError):
        dsprites.load(path)
    assert not [file for file in (tmp_path / "cache").iterdir() if file.suffix != ".lock"]


def test_a_truncated_h5_is_refused(tmp_path):
    path = write_h5(tmp_path / dsprites.FILES[1], dsprites_arrays())
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"hdf5: it cannot be read"):
        dsprites.load(path)


@pytest.fixture
def lazy():
    """(images, the same as an array): each stored number is an image of that grey."""
    stored = np.arange(10, dtype=np.uint8)[:, None]

    def unpack(rows, numbers):
        assert (rows[:, 0] == numbers).all()
        return np.broadcast_to(rows[..., None, None], (len(rows), 8, 8, 1)).copy()

    images = LazyImages(stored, (8, 8, 1), unpack)
    return images, unpack(stored, np.arange(10))


@pytest.mark.parametrize("index", [3, -1, slice(2, 7), slice(None, None, 3), [4, 1, 1], np.arange(10) % 2 == 0])
def test_lazy_images_read_like_an_array(lazy, index):
    images, array = lazy
    index = np.array(index) if isinstance(index, list) else index
    np.testing.assert_array_equal(np.asarray(images[index]), array[index])
    assert (images.shape, images.ndim, images.nbytes, len(images)) == (array.shape, 4, array.nbytes, 10)


def test_a_split_of_lazy_images_stays_packed(lazy):
    images, array = lazy
    part = Split(images).part(2, None).select(np.array([5, 0, 3]))
    assert isinstance(part.images, LazyImages)
    np.testing.assert_array_equal(np.asarray(part.images), array[[7, 2, 5]])


def test_fingerprints_tell_images_and_their_order_apart(lazy):
    images, _ = lazy
    several = [images, images[1:], images.select(np.array([1, 0, *range(2, 10)])), images.select(np.arange(9))]
    assert len({content(each) for each in several}) == 4
    assert content(images[2:][:3]) == content(images.select(np.arange(2, 5)))


@pytest.mark.parametrize("parts", [1, 3, 10])
def test_parts_are_those_of_numpy(lazy, parts):
    images, array = lazy
    for given in (images, array):
        for found, expected in zip(cut(given, parts), np.array_split(array, parts), strict=True):
            np.testing.assert_array_equal(np.asarray(found), expected)


def test_what_is_kept_is_said_to_be_in_the_cache(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("INFOGAN_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"file: the cache cannot be kept there .* INFOGAN_CACHE"):
        pixel_cache.keep_array("key", (8,), lambda: [np.zeros((1, 8), np.uint8)])
