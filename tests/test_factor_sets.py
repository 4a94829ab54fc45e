"""3D Shapes, Cars3D, SmallNORB and MPI3D: which image has which factors; damaged files, and those of another set."""

import gzip
import math
import struct

import numpy as np
import pytest
from dataset_files import (
    MPI3D_TINY,
    car_files,
    norb_files,
    norb_matrix,
    random_images,
    write_files,
    write_mpi3d,
    write_shapes3d,
    write_tar,
)

from infogan.data import archives, factor_sets
from infogan.data.factor_sets import load_cars3d, load_mpi3d, load_shapes3d, load_smallnorb
from infogan.data.lazy_images import LazyImages
from infogan.system.messages import InputError


@pytest.fixture(autouse=True)
def tiny_mpi3d(monkeypatch):
    monkeypatch.setattr(factor_sets, "MPI3D_SIZES", {math.prod(MPI3D_TINY): MPI3D_TINY})


def write_cars(folder, files=None):
    return write_tar(folder / factor_sets.CARS3D_FILE, files or car_files(), "w:gz").parent


def join(dataset):
    """(all images, dict of all values) of both splits."""
    splits = (dataset.train, dataset.test)
    values = {name: np.concatenate([split.factors[name].values for split in splits]) for name in dataset.train.factors}
    return np.concatenate([np.asarray(split.images) for split in splits]), values


def describe(dataset):
    return {name: factor.describe() for name, factor in dataset.train.factors.items()}


def test_shapes3d_has_the_factors_of_its_table(tmp_path):
    images = random_images(40, 64, 64)
    dataset = load_shapes3d(write_shapes3d(tmp_path, images=images))
    found, values = join(dataset)
    numbers = [[*map(bytes, images)].index(bytes(image)) for image in found]
    rng = np.random.default_rng(0)
    for name, factor in factor_sets.SHAPES3D_LEVELS.items():
        np.testing.assert_allclose(values[name], rng.choice(factor.values, 40)[numbers], rtol=1e-6)
    hue = "circular with period 1"
    assert describe(dataset) == {
        **dict.fromkeys(("floor_hue", "wall_hue", "object_hue"), hue),
        "scale": "ordered",
        "shape": "nominal",
        "orientation": "ordered",
    }
    assert isinstance(dataset.train.images, LazyImages)


def test_cars_come_in_the_order_of_the_list(tmp_path):
    files = car_files()
    files["data/cars/list.txt"] = b"car_002_mesh\ncar_000_mesh\r\ncar_001_mesh\n"
    dataset = load_cars3d(write_cars(tmp_path, files), image_size=16)
    assert describe(dataset) == {"elevation": "ordered", "azimuth": "circular with period 360", "car": "nominal"}
    images, values = join(dataset)
    assert len(images) == 3 * 96
    place = np.array([2, 0, 1])[values["car"]]
    expected = 20 * place + values["azimuth"] / 15 + 30 * values["elevation"]
    np.testing.assert_array_equal(images[:, 7, 7, 1], expected)
    np.testing.assert_array_equal(dataset.test.groups, dataset.test.factors["car"].values)
    assert len(set(dataset.test.groups)) == 1
    assert dataset.grid().sizes == (4, 24, 3)


def test_smallnorb_has_its_owners_splits_and_the_left_pictures(tmp_path):
    files = norb_files()
    dataset = load_smallnorb(write_files(tmp_path, files), image_size=96)
    for split, stem in zip((dataset.train, dataset.test), factor_sets.NORB_STEMS):
        pictures = np.frombuffer(files[f"{stem}-dat.mat"][24:], np.uint8).reshape(20, 2, 96, 96)
        np.testing.assert_array_equal(np.asarray(split.images)[..., 0], pictures[:, 0])
        instance, elevation, azimuth, lighting = np.frombuffer(files[f"{stem}-info.mat"][20:], "<i4").reshape(20, 4).T
        np.testing.assert_array_equal(split.factors["category"].values, np.arange(20) % 5)
        np.testing.assert_array_equal(split.factors["elevation"].values, 30 + 5 * elevation)
        np.testing.assert_array_equal(split.factors["azimuth"].values, 10 * azimuth)
        np.testing.assert_array_equal(split.factors["lighting"].values, lighting)
        np.testing.assert_array_equal(split.groups, 10 * (np.arange(20) % 5) + instance)
    assert describe(dataset) == {
        "category": "nominal",
        "elevation": "ordered",
        "azimuth": "circular with period 360",
        "lighting": "nominal",
    }


def test_mpi3d_counts_its_factors_through(tmp_path):
    dataset = load_mpi3d(write_mpi3d(tmp_path))
    grid = dataset.grid()
    assert grid.sizes == MPI3D_TINY
    images = random_images(48, 64, 64)
    combination = np.array([[1, 0, 1, 1, 0, 0, 2]])
    np.testing.assert_array_equal(grid.images(combination)[0], images[((1 * 2 + 0) * 2 + 1) * 2 * 3 + 1 * 3 + 2])
    assert describe(dataset) == factor_sets.MPI3D_KINDS


def test_pictures_are_resized_once(tmp_path, monkeypatch):
    monkeypatch.setenv("INFOGAN_CACHE", str(tmp_path / "cache"))
    data_dir = write_shapes3d(tmp_path)
    first = np.asarray(load_shapes3d(data_dir, 32).train.images)
    assert first.shape == (36, 32, 32, 3)
    monkeypatch.setattr(factor_sets, "prepare_pixels", None)
    np.testing.assert_array_equal(np.asarray(load_shapes3d(data_dir, 32).train.images), first)


def table(column, value):
    def change(folder):
        labels = np.stack([np.full(40, factor.values[0]) for factor in factor_sets.SHAPES3D_LEVELS.values()], axis=1)
        labels[5, column] = value
        write_shapes3d(folder, labels=labels)

    return change


def shorten(name, length):
    def change(folder):
        path = next(folder.rglob(name))
        path.write_bytes(path.read_bytes()[:length])

    return change


def replace_matrix(part, array):
    return lambda folder: next(folder.glob(f"*training-{part}.mat")).write_bytes(norb_matrix(array))


def without(name):
    return lambda folder: write_cars(folder, {key: content for key, content in car_files().items() if name not in key})


def pack_badly(folder):
    path = next(folder.glob("*training-dat.mat"))
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes())[:-99])
    path.unlink()


def damage_chunk(folder):
    path = folder / "3dshapes.h5"
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 100] = bytes(100)
    path.write_bytes(content)


def flip_bit(folder):
    path = next(folder.glob("*training-dat.mat"))
    content = bytearray(gzip.compress(path.read_bytes(), 0))
    content[5000] ^= 1
    path.with_name(path.name + ".gz").write_bytes(content)
    path.unlink()


def lengthen(folder):
    path = next(folder.glob("*testing-cat.mat"))
    path.write_bytes(path.read_bytes() + b"x")


def huge_header(folder):
    content = struct.pack("<ii4i", 0x1E3D4C55, 4, 2**30, 2, 96, 96)
    next(folder.glob("*training-dat.mat")).write_bytes(content)


def huge_table(folder):
    next(folder.glob("*training-info.mat")).write_bytes(struct.pack("<ii3i", 0x1E3D4C54, 2, 20, 2**30, 1))


SHAPES, CARS, NORB, MPI = (
    (load_shapes3d, write_shapes3d),
    (load_cars3d, write_cars),
    (load_smallnorb, lambda folder: write_files(folder, norb_files())),
    (load_mpi3d, write_mpi3d),
)
DAMAGES = {
    "h5 cut short": (SHAPES, shorten("*.h5", 2000), r"3dshapes\.h5: it cannot be read"),
    "h5 with a damaged chunk": (SHAPES, damage_chunk, r"3dshapes\.h5: its array 'images' cannot be read"),
    "h5 is text": (SHAPES, lambda folder: (folder / "3dshapes.h5").write_text("no"), r"3dshapes\.h5: it cannot be"),
    "no labels": (SHAPES, lambda f: write_shapes3d(f, labels=None), r"3dshapes\.h5: it holds no 'labels'"),
    "no images": (SHAPES, lambda f: write_shapes3d(f, images=None), r"3dshapes\.h5: it holds labels, but 'images'"),
    "grey": (SHAPES, lambda f: write_shapes3d(f, images=random_images(40, 64, 64, 1)), r"uint8 \[40, 64, 64, 1\]"),
    "floats": (SHAPES, lambda f: write_shapes3d(f, images=random_images(40, 64, 64) / 255), "are float64"),
    "a shorter table": (SHAPES, lambda f: write_shapes3d(f, labels=np.zeros((39, 6))), r"\[39, 6\], but numbers \[40"),
    "a narrower table": (SHAPES, lambda f: write_shapes3d(f, labels=np.zeros((40, 5))), r"\[40, 5\], but numbers"),
    "another hue": (SHAPES, table(1, 0.55), "its wall_hue has the value 0.55, but"),
    "another turn": (SHAPES, table(5, 31), "its orientation has the value 31, but"),
    "no number": (SHAPES, table(3, np.nan), "its scale has the value nan, but"),
    "tar.gz cut short": (CARS, shorten("*.tar.gz", -50), r"analogy-data\.tar\.gz: it cannot be read"),
    "no list": (CARS, without("list.txt"), r"it holds no cars/list\.txt"),
    "a car less": (CARS, without("car_001"), r"cars/car_001_mesh\.mat: it is not there"),
    "no car": (
        CARS,
        lambda f: write_cars(f, car_files() | {"cars/car_000_mesh.mat": b"no"}),
        r"cars/car_000_mesh\.mat: it is not a MATLAB",
    ),
    "dat cut short": (NORB, shorten("*training-dat.mat", 9999), r"dat\.mat: .* it is cut short"),
    "info cut short": (NORB, shorten("*testing-info.mat", 99), r"info\.mat: .* it is cut short"),
    "cat is empty": (NORB, shorten("*testing-cat.mat", 0), r"cat\.mat: it cannot be read"),
    "gz cut short": (NORB, pack_badly, r"dat\.mat\.gz: it cannot be read"),
    "a bit of gz": (NORB, flip_bit, r"dat\.mat\.gz: it cannot be read"),
    "longer": (NORB, lengthen, "it is longer than its header says"),
    "info is missing": (NORB, lambda f: next(f.glob("*testing-info.mat")).unlink(), r"holds no smallnorb.*-info\.mat"),
    "dat of numbers": (
        NORB,
        replace_matrix("dat", np.zeros((20, 2), np.int32)),
        r"it is no matrix of uint8 \['N', 2, 96, 96\]",
    ),
    "a huge header": (NORB, huge_header, r"its header says \[1073741824, 2, 96, 96\]"),
    "a wide table": (NORB, huge_table, r"its header says \[20, 1073741824\]"),
    "fewer pictures": (NORB, replace_matrix("dat", random_images(9, 2, 96, 96)), r"dat\.mat: it has 9 pictures for 20"),
    "small pictures": (
        NORB,
        replace_matrix("dat", random_images(20, 2, 48, 48)),
        r"its header says \[20, 2, 48, 48\]",
    ),
    "fewer in info": (
        NORB,
        replace_matrix("info", np.zeros((9, 4), np.int32)),
        r"info\.mat: it has 9 rows for 20 categories",
    ),
    "another category": (NORB, replace_matrix("cat", np.full(20, 5, np.int32)), "its category has the value 5, but"),
    "another count": (
        MPI,
        lambda f: np.savez(f / "mpi3d_toy.npz", images=random_images(47, 64, 64)),
        r"uint8 \[47, 64",
    ),
    "npz cut short": (MPI, shorten("*.npz", 5000), r"mpi3d_toy\.npz: it is not a zip"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_files_are_refused(tmp_path, kind):
    (load, write), change, expected = DAMAGES[kind]
    write(tmp_path)
    change(tmp_path)
    with pytest.raises(InputError, match=expected) as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_car_that_unpacks_to_far_more_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 2**20)
    with pytest.raises(InputError, match=r"car_000_mesh\.mat: .* decompression bomb"):
        load_cars3d(write_cars(tmp_path))


@pytest.mark.parametrize("load", [load_shapes3d, load_cars3d, load_smallnorb, load_mpi3d])
def test_what_is_missing_says_where_it_is(load, tmp_path):
    with pytest.raises(InputError, match=r"needed\. Get .* from https?://"):
        load(tmp_path)
