"""Sources of rendered chairs: shipped, several at once, and what keeps them from going together."""

import csv

import numpy as np
import pytest
from conftest import read_refusal
from dataset_files import chair_arrays, chair_files, picture, random_images, real, write_files

from infogan.cli.train import main
from infogan.data import chairs, load_dataset
from infogan.recipes.rendered import CHAIRS
from infogan.system.messages import InputError


def write_chairs(path, **changes):
    names = ("chairs", "first", "side", "elevations", "ground")
    arrays = chair_arrays(**{name: changes.pop(name) for name in names if name in changes}) | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def hold_of(dataset):
    """The training and the test images, by which chairs are known again: their numbers differ in other company."""
    return [{image.tobytes() for image in split.images} for split in (dataset.train, dataset.test)]


def test_shipped_chairs():
    dataset = chairs.load()
    assert dataset.grid().sizes == (31, 2, 71)
    train, test = (set(split.groups.tolist()) for split in (dataset.train, dataset.test))
    assert (len(train), len(test), train & test) == (64, 7, set())
    assert (dataset.train.images[:, 0] == 255).mean() > 0.99, "the ground is white"
    assert chairs.load(image_size=32).test.images.shape == (7 * 62, 32, 32, 1)


def test_every_shipped_chair_is_credited_and_free():
    with chairs.SHIPPED.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    with np.load(chairs.SHIPPED) as arrays:
        assert sorted(row["id"] for row in rows) == arrays["ids"].tolist()
    assert {row["licence"].split()[0] for row in rows} == {"CC0", "CC-BY", "MIT", "MIT-0"}
    assert all(row["author"] and row["source"] and row["kind"] != "stool" for row in rows)


def test_shipped_chairs_are_the_rendered_ones():
    """The meshes' tar has 20 more, whose licences do not allow to ship them, or that have no front."""
    shipped, rendered = chairs.load(), chairs.load(real("chairs_meshes"))
    (of_train, of_test), (first, second) = hold_of(shipped), hold_of(rendered)
    assert of_train | of_test <= first | second


@pytest.mark.parametrize(
    "folder, sizes", [("chairs_voxels", (31, 2, 310)), ("chairs_boxes", (31, 2, 500)), ("chairs_meshes", (31, 2, 91))]
)
def test_real_folders(folder, sizes):
    assert chairs.load(real(folder), 64).grid().sizes == sizes


def test_real_folders_go_together():
    folders = [real(name) for name in ("chairs", "chairs_voxels", "chairs_boxes")]
    assert chairs.load(["shipped", *folders]).grid().sizes == (31, 2, 71 + 15 + 310 + 500)


def test_several_sources_keep_their_splits(tmp_path):
    first = write_chairs(tmp_path / "a.npz", chairs=20)
    second = write_chairs(tmp_path / "b.npz", first=20, chairs=30)
    joined = chairs.load([first, second])
    alone = [hold_of(chairs.load(path)) for path in (first, second)]
    assert hold_of(joined) == [of_first | of_second for of_first, of_second in zip(*alone)]
    groups = [set(split.groups.tolist()) for split in (joined.train, joined.test)]
    assert (len(groups[0]), len(groups[1]), groups[0] | groups[1]) == (45, 5, set(range(50)))
    np.testing.assert_array_equal(joined.train.factors["chair"].values, joined.train.groups)
    assert np.unique(joined.train.factors["azimuth"].values).tolist() == [0, 90, 180, 270], "rounded down, as in names"
    assert joined.source == f"{first} and {second}"


def test_factors_are_those_of_their_pictures(tmp_path):
    arrays = chair_arrays(12)
    dataset = chairs.load(write_chairs(tmp_path / "a.npz", chairs=12))
    place = {
        image.tobytes(): (number, view) for number, row in enumerate(arrays["images"]) for view, image in enumerate(row)
    }
    for split in (dataset.train, dataset.test):
        _, views = np.array([place[image.tobytes()] for image in split.images]).T
        np.testing.assert_array_equal(split.factors["azimuth"].values, np.floor(arrays["azimuth"][views]))
        np.testing.assert_array_equal(split.factors["elevation"].values, arrays["elevation"][views])


def test_numbers_of_chairs_count_within_their_file(tmp_path):
    ids = np.arange(5)
    paths = [write_chairs(tmp_path / f"{first}.npz", first=first, ids=ids) for first in (0, 5)]
    assert chairs.load(paths).grid().sizes == (4, 2, 10)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"first": 4}, r"b\.npz: the chair 'chair4' is here and in .*a\.npz, but each may occur once"),
        (
            {"ids": np.array(list("vwxyz"))},
            r"b\.npz: the chair '[vwxyz]' is here and in .*a\.npz",
        ),  # the same pictures
        ({"first": 5, "side": 32}, r"b\.npz: its pictures have 32 pixels a side, but 64 or more are needed"),
        (
            {"first": 5, "elevations": (20, 40)},
            r"b\.npz: its pictures are from 8 directions \(4 azimuths from 0 to 270\)",
        ),
        ({"first": 5, "azimuth": np.tile(np.arange(4), 2)}, r"b\.npz: its pictures are from .* the same directions"),
        ({"first": 5, "ground": 0}, r"b\.npz: its ground is dark, that of .*a\.npz light, but"),
    ],
)
def test_sources_that_do_not_go_together_are_refused(tmp_path, change, message):
    write_chairs(tmp_path / "a.npz")
    with pytest.raises(InputError, match=message):
        chairs.load([tmp_path / "a.npz", write_chairs(tmp_path / "b.npz", **change)])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"ids": None}, "it holds no ids, but images, ids, azimuth, elevation are needed"),
        ({"ids": np.array(["a", "b"])}, "its ids name 2 chairs, but it has 5"),
        ({"ids": np.array(list("aabcd"))}, "its ids name 4 chairs, but it has 5"),
        ({"chairs": 1}, "it holds 1 chairs, but 2 or more"),
        ({"images": np.zeros((5, 8, 64), np.uint8)}, r"its images are uint8 \[5, 8, 64\], but uint8 \[chairs, views"),
        ({"images": np.zeros((5, 8, 64, 64))}, "its images are float64"),
        ({"azimuth": np.arange(7)}, r"its azimuth is int64 \[7\], but 8 numbers"),
        ({"elevation": np.array([20.0] * 7 + [np.nan])}, "its elevation is no finite number for 1 of 8 views"),
    ],
)
def test_arrays_that_lack_something_are_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=rf"a\.npz: {message}"):
        chairs.load(write_chairs(tmp_path / "a.npz", **change))


def test_credits_have_to_be_complete(tmp_path):
    path = write_chairs(tmp_path / "a.npz")
    (tmp_path / "a.csv").write_text("id,author\n" + "".join(f"chair{n},X\n" for n in range(5)))
    assert len(chairs.load(path).train) == 32
    (tmp_path / "a.csv").write_text("id,author\nchair0,X\nchair3,Y\n")
    with pytest.raises(
        InputError, match=r"a\.csv: it has no line for the chair 'chair1' and 2 more, but each chair of a"
    ):
        chairs.load(path)
    (tmp_path / "a.csv").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(InputError, match=r"a\.csv: it (has no line for the chair 'chair0' and 4 more|is no table)"):
        chairs.load(path)


def test_a_tar_of_small_pictures_is_refused_beside_others(tmp_path):
    """By the header of a picture: what the pixels were is not seen once they are resized."""
    views = [(elevation, azimuth) for elevation in (20, 30) for azimuth in (0, 90, 180, 270)]
    names = [f"rendered_chairs/c{c}/renders/image_000_p{e:03d}_t{a:03d}_r096.png" for c in range(3) for e, a in views]
    light = 255 - random_images(len(names), 32, 32, 1) // 4
    folder = write_files(tmp_path / "small", {name: picture(image) for name, image in zip(names, light)})
    with pytest.raises(InputError, match="its pictures have 32 pixels a side, but 64 or more"):
        chairs.load([folder, write_chairs(tmp_path / "a.npz")])


def test_a_command_takes_several_folders(tmp_path, capsys):
    paths = [write_chairs(tmp_path / name, first=first) for name, first in (("a.npz", 0), ("b.npz", 4))]
    flags = [argument for path in paths for argument in ("--data-dir", str(path))]
    refusal = read_refusal(capsys, main, CHAIRS, ["--log-dir", str(tmp_path / "logs"), *flags])
    assert "b.npz: the chair 'chair4' is here and in" in refusal
    assert not (tmp_path / "logs").exists()


def test_other_sets_take_one_folder(spec):
    with pytest.raises(InputError, match="data_dir: 2 were given, but mnist takes one"):
        load_dataset(spec, ["a", "b"])


def test_directions_of_a_folder_and_an_array_are_compared(tmp_path):
    folder = write_files(tmp_path, chair_files(4))
    with pytest.raises(InputError, match=r"pictures are from 8 directions .* from 0 to 270\), those of .* 0 to 278"):
        chairs.load([folder, write_chairs(tmp_path / "a.npz")])
