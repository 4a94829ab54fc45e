"""Own images: arrays in files, their values and labels, and folders that are classes."""

import dataclasses

import h5py
import numpy as np
import pytest
from dataset_files import picture, plain_picture, random_images, write_files, write_h5, write_zip

from infogan.data import images, load_dataset
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError


def write_npy(folder, arrays):
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder / "images.npy"


def write_npz(folder, arrays):
    np.savez_compressed(folder / "set.npz", **arrays)
    return folder / "set.npz"


WRITERS = {"npy": write_npy, "npz": write_npz, "h5": lambda folder, arrays: write_h5(folder / "set.h5", arrays)}


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    """Function of a dict of arrays: the file that holds them."""
    return lambda arrays: WRITERS[request.param](tmp_path, arrays)


@pytest.fixture
def npz(tmp_path):
    return lambda **arrays: write_npz(tmp_path, arrays)


def in_order(dataset):
    """(images, labels) of both splits, in the order of the images' mean."""
    whole = [np.concatenate([getattr(split, name) for split in (dataset.train, dataset.test)]) for name in NAMES]
    order = np.argsort(whole[0].mean(axis=(1, 2, 3)))
    return [array[order] for array in whole]


NAMES = ("images", "labels")


def ramp(count=20, shape=(28, 28)):
    """Images of one grey level each, from 0 to 1."""
    return np.broadcast_to(np.linspace(0, 1, count).reshape(-1, *(1 for _ in shape)), (count, *shape))


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (28, 28, 3), (50, 40), (30, 30, 3)])
def test_images_and_labels_stay_together(write, shape):
    levels = np.round(255 * ramp(shape=shape)).astype(np.uint8)
    dataset = images.load(write({"images": levels, "labels": np.arange(20)[::-1]}), 28)
    assert (len(dataset.train), len(dataset.test)) == (18, 2)
    found, labels = in_order(dataset)
    assert found.shape == (20, 28, 28, 3 if shape[2:] == (3,) else 1)
    np.testing.assert_array_equal(found.mean(axis=(1, 2, 3)), levels.mean(axis=tuple(range(1, levels.ndim))))
    np.testing.assert_array_equal(labels, np.arange(20)[::-1])
    assert labels.dtype == np.uint8


def test_the_test_split_is_drawn_from_all_of_a_sorted_set(npz):
    labels = np.repeat(np.arange(4), 50)
    dataset = images.load(npz(images=random_images(200, 28, 28, 1), labels=labels))
    assert set(dataset.test.labels) == set(range(4))


def test_pixels_are_those_of_the_file(npz):
    expected = random_images(20, 32, 32, 3)
    found, _ = in_order(images.load(npz(images=expected, labels=np.arange(20))))
    np.testing.assert_array_equal(found, expected[np.argsort(expected.mean(axis=(1, 2, 3)))])


def test_an_array_is_cut_and_resized_as_a_picture_is(tmp_path, npz):
    pixels = random_images(2, 60, 40, 3)
    of_array = images.load(npz(images=pixels), 28)
    of_files = images.load(write_files(tmp_path / "a", {f"{n}.png": picture(pixels[n]) for n in range(2)}), 28)
    both = [{image.tobytes() for split in (d.train, d.test) for image in split.images} for d in (of_array, of_files)]
    assert both[0] == both[1]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_spec_decides_the_channels(tmp_path, spec, channels):
    """Where most pictures are of the other kind."""
    write_files(tmp_path, {f"{n}.png": plain_picture((n, 0, 90) if channels == 1 else n) for n in range(20)})
    spec = dataclasses.replace(spec, dataset="images", image_size=28, channels=channels)
    assert load_dataset(spec, tmp_path).train.images.shape == (18, 28, 28, channels)
    assert ExperimentSpec.from_json(spec.to_json()) == spec


def test_the_channels_of_a_known_set_cannot_be_changed(spec):
    with pytest.raises(InputError, match="channels: 3 was given, but those of mnist are known"):
        load_dataset(dataclasses.replace(spec, channels=3))


@pytest.mark.parametrize("kind", ["float32", ">f8", "float16", "bool", "uint8", "int64"])
def test_zero_to_one_becomes_black_to_white(write, kind):
    values = (ramp() if "f" in kind else ramp() > 0.5).astype(kind)
    found, _ = in_order(images.load(write({"images": values, "labels": np.arange(20)}), 28))
    np.testing.assert_allclose(found[:, 0, 0, 0], np.sort(values[:, 0, 0] * 255.0), atol=0.51)


@pytest.mark.parametrize(
    "values, said",
    [
        (2 * ramp() - 1, ""),
        (255 * ramp(), ""),
        ((255 * ramp()).astype(np.int32), ""),
        ((200 * ramp()).astype(np.uint16), ""),
        ((4095 * ramp()).astype(np.uint16), "0 to 4095, the range of the whole set, becomes 0 to 255"),
        (1.04 * ramp() - 0.02, "-0.02 to 1.02, the range of"),
        (7 * ramp() - 3, "-3 to 4, the range of"),
    ],
    ids=["-1 to 1", "floats to 255", "int32 to 255", "uint16 to 200", "12 bits", "overshoot", "standardised"],
)
def test_other_ranges(npz, capsys, values, said):
    found, _ = in_order(images.load(npz(images=values, labels=np.arange(20)), 28))
    top = 200 if values.max() == 200 else 255
    np.testing.assert_allclose(found[:, 0, 0, 0], np.linspace(0, top, 20), atol=1)
    err = capsys.readouterr().err
    assert said in err
    assert ("the range of" in err) == bool(said)


@pytest.mark.parametrize("values", [(100 * ramp()).astype(np.uint8), 100 * ramp(), (100 * ramp()).astype(np.int16)])
def test_a_given_range_counts_and_cuts_off(npz, capsys, values):
    found, _ = in_order(images.load(npz(images=values, labels=np.arange(20)), 28, input_range=(20.0, 80.0)))
    expected = np.clip((np.sort(values[:, 0, 0]).astype(float) - 20) * 255 / 60, 0, 255)
    np.testing.assert_allclose(np.sort(found[:, 0, 0, 0]), expected, atol=0.51)
    assert "the range of" not in capsys.readouterr().err


def test_dark_bytes_stay_dark(npz):
    found, _ = in_order(images.load(npz(images=(20 * ramp()).astype(np.uint8), labels=np.arange(20)), 28))
    assert found.max() == 20


def test_a_lone_array_needs_no_name_and_strange_ones_are_passed_over(npz, capsys):
    metadata = np.array([{"date": "2014"}, print], object)
    dataset = images.load(npz(imgs=random_images(20, 28, 28, 1), metadata=metadata, scale=3.0, names=["a"] * 20), 28)
    assert dataset.train.images.shape == (18, 28, 28, 1)
    assert dataset.train.labels is None
    assert "passed over: the arrays metadata, names, scale\n" in capsys.readouterr().err


def test_a_folder_with_one_array_stands_for_it(tmp_path):
    write_npy(tmp_path, {"images": GOOD, "labels": np.arange(20)})
    (tmp_path / ".DS_Store").write_bytes(b"")
    assert images.load(tmp_path, 28).train.labels is not None
    write_npz(tmp_path, {"images": GOOD})
    with pytest.raises(InputError, match="it holds no picture"):
        images.load(tmp_path, 28)


def test_an_array_in_fortran_order_is_read_right(write):
    expected = random_images(20, 28, 28, 1)[..., 0]
    found, _ = in_order(images.load(write({"images": np.asfortranarray(expected), "labels": np.arange(20)}), 28))
    np.testing.assert_array_equal(found[..., 0], expected[np.argsort(expected.mean(axis=(1, 2)))])


def test_an_array_is_read_piece_by_piece(write, monkeypatch):
    from infogan.data import arrays

    monkeypatch.setattr(arrays, "PIECE", 28 * 28 * 3 * 7)
    expected = random_images(20, 28, 28)
    found, labels = in_order(images.load(write({"images": expected, "labels": np.arange(20)}), 28))
    order = np.argsort(expected.mean(axis=(1, 2, 3)))
    np.testing.assert_array_equal(found, expected[order])
    np.testing.assert_array_equal(labels, order)


GOOD = random_images(20, 28, 28)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"train": GOOD, "x": GOOD}, r"holds 'train' uint8 \[20, 28, 28, 3\], 'x' .* Call it 'images'"),
        ({"labels": np.arange(20)}, r"holds 'labels' int64 \[20\], but one array of images"),
        ({"images": GOOD[0]}, r"its 'images' is uint8 \[28, 28, 3\], but"),
        ({"images": GOOD[..., :2]}, r"its 'images' is uint8 \[20, 28, 28, 2\], but .* C of 1, 3 or 4"),
        ({"images": GOOD.transpose(0, 3, 1, 2)}, r"channels seem to come first: save array\.transpose\(0, 2, 3, 1\)"),
        ({"images": GOOD.reshape(20, -1)}, r"its 'images' is uint8 \[20, 2352\], but"),
        ({"images": GOOD[None]}, r"its 'images' is uint8 \[1, 20, 28, 28, 3\], but"),
        ({"images": GOOD[:0]}, r"its 'images' is uint8 \[0, 28, 28, 3\], but"),
        ({"images": GOOD[:1]}, "gives 1 images, but at least 2"),
        ({"images": np.full((20, 28, 28), "a")}, r"its 'images' is <U1 \[20, 28, 28\], but numbers"),
        ({"images": GOOD.astype(complex)}, "its 'images' is complex128"),
        ({"images": np.full((20, 28, 28), None)}, "its 'images' is object"),
        ({"images": np.full((20, 28, 28), np.nan)}, "its 'images' holds NaN or infinite numbers"),
        ({"images": np.where(GOOD == 0, -np.inf, GOOD)}, "its 'images' holds NaN or infinite numbers"),
        ({"images": GOOD, "labels": np.arange(19)}, r"its labels are int64 \[19\], but one for each of 20 images"),
        ({"images": GOOD, "labels": np.zeros((1, 20))}, r"its labels are float64 \[1, 20\], but one for each"),
    ],
)
def test_wrong_arrays_are_refused(npz, arrays, message):
    with pytest.raises(InputError, match=rf"set\.npz: .*{message}"):
        images.load(npz(**arrays), 28)


@pytest.mark.parametrize(
    "labels",
    [np.linspace(0, 1, 20), np.arange(20) - 1, np.zeros((20, 6)), ["cat"] * 20, np.full(20, np.nan), np.full(20, 1e30)],
    ids=["fractions", "negative", "factors", "words", "nan", "huge"],
)
def test_what_is_no_label_is_left_out_and_said(npz, capsys, labels):
    dataset = images.load(npz(images=GOOD, labels=labels), 28)
    assert dataset.train.labels is None
    assert "are not used: they are not whole numbers [20] from 0" in capsys.readouterr().err


@pytest.mark.parametrize("labels", [np.arange(20.0), np.arange(20)[:, None], np.arange(1990, 2010)])
def test_labels_may_be_a_column_floats_or_large(npz, capsys, labels):
    dataset = images.load(npz(images=GOOD, labels=labels), 28)
    assert sorted([*dataset.train.labels, *dataset.test.labels]) == labels.ravel().tolist()
    assert "20 different ones, are used by the evaluation only" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["set.npy", "set.npz", "set.h5", "set.HDF5"])
@pytest.mark.parametrize(
    "content", [b"", b"no array", b"\x89HDF\r\n\x1a\n" + bytes(99), b"\x93NUMPY\x01\x00\x02\x00{}"]
)
def test_other_files_of_such_names_are_refused(tmp_path, name, content):
    with pytest.raises(InputError, match=rf"{name}: "):
        images.load(write_files(tmp_path, {name: content}) / name)


def test_pickles_are_never_run(tmp_path):
    np.save(tmp_path / "set.npy", np.array([print] * 20, object))
    with pytest.raises(InputError, match=r"set\.npy: its 'images' is object"):
        images.load(tmp_path / "set.npy")


def test_hdf5_is_read_from_its_own_file_alone(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(20 * 28 * 28))
    path = tmp_path / "set.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (20, 28, 28), "u1", external=[(str(tmp_path / "secret"), 0, 20 * 28 * 28)])
    with pytest.raises(InputError, match=r"set\.h5: its 'images' lies in another file"):
        images.load(path)
    with h5py.File(path, "w") as file:
        file["images"] = h5py.ExternalLink("other.h5", "images")
    with pytest.raises(InputError, match=r"set\.h5: it holds no array"):
        images.load(path)


def test_hdf5_that_announces_more_than_it_holds_is_refused(tmp_path):
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file.create_dataset("images", (10**9, 64, 64), "u1", chunks=(1, 64, 64))
    with pytest.raises(InputError, match="decompression bomb"):
        images.load(tmp_path / "set.h5")


def folders(*names, count=4):
    """`count` pictures in each of the folders."""
    return {f"{name}/{n}.png": plain_picture(10 * n) for name in names for n in range(count)}


@pytest.mark.parametrize(
    "names, classes",
    [
        (["cat", "dog"], ["cat", "dog"]),
        (["animals/cat", "animals/dog", "animals/owl"], ["cat", "dog", "owl"]),
        (["train/cat", "train/dog", "test/cat", "test/dog"], ["cat", "dog"]),
        (["cat/images", "dog/images"], ["cat", "dog"]),
        (["n01440764", "n02102040"], ["n01440764", "n02102040"]),
        (["3", "10", "7"], ["10", "3", "7"]),
        (["train", "test"], None),
        (["part_1", "part_2", "part_3"], None),
        (["images_001", "images_002"], None),
        (["all"], None),
        (["Greek/alpha", "Greek/beta", "Latin/a", "Latin/b"], None),
        (["cat", "dog/small"], None),
    ],
    ids=lambda value: ",".join(value) if value else "none",
)
@pytest.mark.parametrize("pack", [write_files, lambda path, files: write_zip(path.with_suffix(".zip"), files)])
def test_folders_that_look_like_classes_are_labels(tmp_path, capsys, names, classes, pack):
    dataset = images.load(pack(tmp_path / "set", folders(*names)))
    err = capsys.readouterr().err
    if classes is None:
        assert dataset.train.labels is None
        assert "labels" not in err
        return
    labels = np.concatenate([dataset.train.labels, dataset.test.labels])
    counts = [sum(f"/{name}/" in f"/{folder}/" for folder in names) * 4 for name in classes]
    assert np.bincount(labels).tolist() == counts
    listed = ", ".join(f"{number} {name!r}" for number, name in enumerate(classes))
    assert f"its {len(classes)} folders are labels, which only the evaluation uses: {listed}\n" in err


def test_labels_of_folders_stay_with_their_pictures(tmp_path):
    files = {f"{name}/{n}.png": plain_picture(level + n) for name, level in (("a", 0), ("b", 100)) for n in range(60)}
    files["a/7.png"] = b"no picture"
    dataset = images.load(write_files(tmp_path, files))
    for split in (dataset.train, dataset.test):
        np.testing.assert_array_equal(split.labels, split.images[:, 0, 0, 0] >= 100)


@pytest.mark.parametrize("names, count", [([f"{n}" for n in range(9)], 1), ([f"{n}" for n in range(1001)], 2)])
def test_folders_of_single_pictures_and_thousands_are_no_classes(tmp_path, names, count):
    assert images._label_by_folder(tmp_path, list(folders(*names, count=count))) is None


def test_pictures_beside_folders_are_no_class(tmp_path):
    dataset = images.load(write_files(tmp_path, folders("cat", "dog") | {"top.png": plain_picture(1)}))
    assert dataset.train.labels is None
