"""What each loader makes of its files: pixels, labels, factors and splits, and what it refuses."""

import io
import re
import tarfile
import zipfile

import numpy as np
import pytest
import scipy.io
from dataset_files import (
    celeba_files,
    celeba_level,
    chair_files,
    cifar_files,
    digits,
    face_arrays,
    identity_arrays,
    picture,
    plain_picture,
    random_images,
    real,
    write_celeba_lists,
    write_files,
    write_idx_files,
    write_svhn,
    write_tar,
    write_zip,
)
from PIL import Image

from infogan.data import celeba, chairs, cifar10, faces3d, images, mnist, svhn
from infogan.system.messages import InputError


def test_svhn(tmp_path):
    dataset = svhn.load(write_svhn(tmp_path))
    np.testing.assert_array_equal(dataset.train.images, random_images(40, 32, 32, 3, 0))
    np.testing.assert_array_equal(dataset.test.images, random_images(40, 32, 32, 3, 1))
    np.testing.assert_array_equal(dataset.train.labels, digits(40))


def test_svhn_takes_the_extra_images_when_asked(tmp_path):
    dataset = svhn.load(write_svhn(tmp_path, ["train", "test", "extra"]), extra=True)
    np.testing.assert_array_equal(dataset.train.images[:40], random_images(40, 32, 32, 3, 0))
    np.testing.assert_array_equal(dataset.train.images[40:], random_images(40, 32, 32, 3, 2))
    with pytest.raises(InputError, match=r"holds no extra_32x32\.mat"):
        (tmp_path / "extra_32x32.mat").unlink()
        svhn.load(tmp_path, extra=True)


GOOD_X, GOOD_Y = random_images(5, 32, 32).transpose(1, 2, 3, 0), np.ones((5, 1), np.uint8)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"X": GOOD_X}, "holds no array 'y'"),
        ({"images": GOOD_X, "y": GOOD_Y}, "holds no array 'X'"),
        ({"X": GOOD_X.astype(float), "y": GOOD_Y}, r"its X is float64 \(32, 32, 3, 5\), but uint8"),
        ({"X": GOOD_X[:28], "y": GOOD_Y}, r"its X is uint8 \(28, 32, 3, 5\)"),
        ({"X": GOOD_X, "y": GOOD_Y[:4]}, "4 labels for 5 images"),
        ({"X": GOOD_X, "y": 0 * GOOD_Y}, "labels from 0 to 0, but they are 1 to 10"),
        ({"X": GOOD_X, "y": GOOD_Y + 0.5}, r"labels from 1\.5"),
        ({"X": np.array([[1, "a"]], object), "y": GOOD_Y}, "its 'X' is a cell, but an array of real numbers"),
        ({"X": {"a": 1}, "y": GOOD_Y}, "its 'X' is a struct, but an array of real numbers"),
    ],
)
def test_svhn_refuses(tmp_path, arrays, message):
    scipy.io.savemat(tmp_path / "train_32x32.mat", arrays)
    with pytest.raises(InputError, match=rf"train_32x32\.mat: .*{message}"):
        svhn.load(tmp_path)


def test_cifar10(tmp_path):
    dataset = cifar10.load(write_files(tmp_path, cifar_files()))
    expected = np.concatenate([random_images(20, 32, 32, 3, seed) for seed in (0, 1)])
    np.testing.assert_array_equal(dataset.train.images, expected)
    np.testing.assert_array_equal(dataset.test.images, random_images(20, 32, 32, 3, 2))
    np.testing.assert_array_equal(dataset.train.labels, np.tile(digits(20), 2))


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "0 bytes, but records of 3,073"),
        (bytes(3073 * 2 - 1), "6,145 bytes, but records of 3,073"),
        (b"\x0a" + bytes(3072), "holds the label 10, but labels are 0 to 9"),
    ],
)
def test_cifar10_refuses(tmp_path, content, message):
    write_files(tmp_path / "cifar-10-batches-bin", {"data_batch_1.bin": content})
    with pytest.raises(InputError, match=rf"data_batch_1\.bin: .*{message}"):
        cifar10.load(tmp_path)


@pytest.mark.parametrize("name", ["cifar-10-python.tar.gz", "cifar-10-batches-py/data_batch_1", "data_batch_1"])
@pytest.mark.parametrize("is_given_itself", [False, True])
def test_cifar10_for_python_is_refused_by_the_name_of_the_other(tmp_path, name, is_given_itself):
    write_files(tmp_path, {name: b"cos\nsystem\n(S'true'\ntR."})
    with pytest.raises(InputError, match=r"in pickles, which are not read, but cifar-10-binary\.tar\.gz is needed"):
        cifar10.load(tmp_path / name if is_given_itself else tmp_path)


def test_cifar10_for_python_may_lie_beside_the_binary_archive(tmp_path):
    write_files(tmp_path, {"cifar-10-python.tar.gz": b"", **cifar_files()})
    assert len(cifar10.load(tmp_path).test) == 20


@pytest.mark.parametrize(
    "left, message",
    [
        (["data_batch_1", "data_batch_2"], "data_batch_1, data_batch_2, but data_batch_1 and test_batch"),
        (["test_batch"], "test_batch, but data_batch_1"),
        ([], "none, but data_batch_1"),
    ],
)
def test_cifar10_needs_both_kinds_of_batches(tmp_path, left, message):
    files = {f"cifar-10-batches-bin/{name}.bin": cifar_files()[f"cifar-10-batches-bin/{name}.bin"] for name in left}
    files["cifar-10-batches-bin/batches.meta.txt"] = b"airplane"
    with pytest.raises(InputError, match=message):
        cifar10.load(write_files(tmp_path, files))


def test_cifar10_refuses_two_copies_in_one_archive(tmp_path):
    files = cifar_files() | {f"copy/{name}": content for name, content in cifar_files().items()}
    write_tar(tmp_path / "cifar-10-binary.tar.gz", files, "w:gz")
    with pytest.raises(InputError, match="holds data_batch_1 twice"):
        cifar10.load(tmp_path)


def test_celeba_crops_the_same_share_of_both_sizes(tmp_path):
    levels = []
    for size, name in (((178, 218), "official"), ((89, 109), "half")):
        files = {f"img_align_celeba/{n}.png": picture(gradient(*size)) for n in range(2)}
        dataset = celeba.load(write_files(tmp_path / name, files))
        levels.append(dataset.train.images[0].astype(float))
    # Red and green run from 0 to 255 across the whole picture, so the first and the last pixel tell the crop.
    left, top, right, bottom = celeba.CROP
    for image in levels:
        half = (right - left) / 64
        np.testing.assert_allclose(image[16, [0, -1], 0] / 255, [left + half, right - half], atol=0.02)
        half = (bottom - top) / 64
        np.testing.assert_allclose(image[[0, -1], 16, 1] / 255, [top + half, bottom - half], atol=0.02)
    assert (right - left) * 178 == pytest.approx((bottom - top) * 218)


def gradient(width, height):
    across, down = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return np.stack([255 * across, 255 * down, 0 * down], axis=2).astype(np.uint8)


def test_celeba_follows_its_lists(tmp_path):
    write_celeba_lists(tmp_path)
    dataset = celeba.load(write_files(tmp_path, celeba_files()))
    train, test = np.arange(1, 26), np.arange(31, 41)
    for split, numbers in ((dataset.train, train), (dataset.test, test)):
        np.testing.assert_allclose(split.images.mean(axis=(1, 2, 3)), [celeba_level(n) for n in numbers], atol=1.5)
        np.testing.assert_array_equal(split.factors["Eyeglasses"].values, numbers % 2)
        np.testing.assert_array_equal(split.factors["Smiling"].values, numbers % 3 == 0)
        assert {factor.kind for factor in split.factors.values()} == {"binary"}


def test_celeba_without_a_partition_keeps_a_tenth_from_all_over_the_set(tmp_path):
    """Its first pictures are no longer all trained on, and attributes stay with their pictures."""
    write_celeba_lists(tmp_path, 200)
    (tmp_path / "list_eval_partition.txt").unlink()
    dataset = celeba.load(write_files(tmp_path, celeba_files(200)))
    number_of = {celeba_level(n): n for n in range(1, 201)}  # of 200 numbers no two levels are the same
    assert (len(dataset.train), len(dataset.test), len(number_of)) == (180, 20, 200)
    for split in (dataset.train, dataset.test):
        levels = split.images.mean(axis=(1, 2, 3)).round().astype(int)
        numbers = np.array([min(number_of, key=lambda level: abs(level - found)) for found in levels])
        numbers = np.array([number_of[level] for level in numbers])
        assert 60 < numbers.mean() < 140
        np.testing.assert_array_equal(split.factors["Eyeglasses"].values, numbers % 2)


@pytest.mark.parametrize(
    "name, change, message",
    [
        ("list_eval_partition.txt", lambda text: text.replace("000007.jpg 0\n", ""), "no part 0, 1 or 2 for .*000007"),
        ("list_eval_partition.txt", lambda text: text.replace("000007.jpg 0", "000007.jpg 3"), "no part 0, 1 or 2"),
        ("list_eval_partition.txt", lambda text: text.replace(" 0", " 2"), "is in its training part"),
        ("list_eval_partition.txt", lambda text: "", "it is empty"),
        ("list_eval_partition.txt", lambda text: text + "000041.jpg", "lines without a part"),
        ("list_eval_partition.txt", lambda text: text + "000007.jpg 1\n", "two different lines of '000007.jpg'"),
        ("list_attr_celeba.txt", lambda text: text + "000008.jpg  1  1\n", "two different lines of '000008.jpg'"),
        ("list_attr_celeba.txt", lambda text: text.replace("000007.jpg  1 -1", ""), "no line of 2 .* '000007.jpg'"),
        ("list_attr_celeba.txt", lambda text: text.replace("000007.jpg  1", "000007.jpg  2"), "other values"),
        ("list_attr_celeba.txt", lambda text: "ä", "cannot be read"),
        ("list_attr_celeba.txt", lambda text: "40\n\n", "names no attributes"),
        ("list_attr_celeba.txt", lambda text: "40", "names no attributes"),
    ],
)
def test_celeba_refuses_damaged_lists(tmp_path, name, change, message):
    write_celeba_lists(tmp_path)
    write_files(tmp_path, celeba_files())
    text = (tmp_path / name).read_text()
    assert change(text) != text
    (tmp_path / name).write_text(change(text))
    with pytest.raises(InputError, match=rf"{name}: .*{message}"):
        celeba.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + text.splitlines()[-1] + "\n",  # a line twice
        lambda text: text.replace("40", "202599", 1),  # cut, with the count of the whole
        lambda text: text + "202599.jpg  1  1\n",  # of a picture that is not there
        lambda text: text.replace("Smiling", "smiling"),
        lambda text: ",".join(text.replace("  ", " ").split(" ")),  # commas in place of the owners' spaces
    ],
    ids=["twice", "count", "more", "names", "commas"],
)
def test_attribute_lists_of_celeba_with_odd_lines_are_read(tmp_path, change):
    write_celeba_lists(tmp_path)
    write_files(tmp_path, celeba_files())
    expected = celeba.load(tmp_path).test.factors["Eyeglasses"].values
    path = tmp_path / "list_attr_celeba.txt"
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    np.testing.assert_array_equal(celeba.load(tmp_path).test.factors["Eyeglasses"].values, expected)


def csv_of(text, columns):
    """What Kaggle makes of one of CelebA's lists."""
    rows = [",".join(line.split()) for line in text.splitlines() if ".jpg" in line]
    return "\n".join([",".join(["image_id", *columns]), *rows]) + "\n"


def write_kaggle(folder, count=40):
    """CelebA as Kaggle gives it."""
    write_celeba_lists(folder, count)
    for name, columns in (("list_attr_celeba", ["Eyeglasses", "Smiling"]), ("list_eval_partition", ["partition"])):
        text = (folder / f"{name}.txt").read_text()
        (folder / f"{name}.txt").unlink()
        (folder / f"{name}.csv").write_text(csv_of(text, columns))
    return write_files(folder, {f"img_align_celeba/{name}": content for name, content in celeba_files(count).items()})


def zip_of(folder, path):
    files = (file for file in folder.rglob("*") if file.is_file())
    return write_zip(path, {str(file.relative_to(folder)): file.read_bytes() for file in files})


def as_owners_share(folder):
    (folder / "x").mkdir(parents=True)
    write_celeba_lists(folder / "x")
    for part, name in (("Anno", "list_attr_celeba.txt"), ("Eval", "list_eval_partition.txt")):
        write_files(folder, {f"{part}/{name}": (folder / "x" / name).read_bytes()})
    (folder / "Img").mkdir()
    write_zip(folder / "Img" / "img_align_celeba.zip", celeba_files())
    return folder


@pytest.mark.parametrize(
    "write",
    [
        write_kaggle,
        lambda folder: write_kaggle(folder) / "img_align_celeba",
        lambda folder: write_kaggle(folder) / "img_align_celeba" / "img_align_celeba",
        lambda folder: zip_of(write_kaggle(folder / "files"), folder / "archive.zip"),
        lambda folder: as_owners_share(folder / "CelebA"),
    ],
    ids=["kaggle", "outer folder", "inner folder", "kaggle zip", "owners' folders"],
)
def test_copies_of_celeba_are_read_as_the_original(tmp_path, write):
    for name in ("original", "files"):
        (tmp_path / name).mkdir()
    write_celeba_lists(tmp_path / "original")
    expected = celeba.load(write_files(tmp_path / "original", celeba_files()))
    found = celeba.load(write(tmp_path))
    for split in ("train", "test"):
        one, other = getattr(found, split), getattr(expected, split)
        np.testing.assert_array_equal(one.images, other.images)
        assert list(one.factors) == ["Eyeglasses", "Smiling"]
        for name, factor in one.factors.items():
            np.testing.assert_array_equal(factor.values, other.factors[name].values)


@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace(",-1", ",0")])
def test_csv_lists_of_other_makes_are_read(tmp_path, change):
    path = write_kaggle(tmp_path) / "list_attr_celeba.csv"
    path.write_text(change(path.read_text().replace("\n", "\r\n")), encoding="utf-8")
    np.testing.assert_array_equal(celeba.load(tmp_path).test.factors["Eyeglasses"].values, np.arange(31, 41) % 2)


def test_celeba_says_what_it_does_without_its_lists(tmp_path, capsys):
    celeba.load(write_files(tmp_path, celeba_files()))
    said = capsys.readouterr().err
    assert "no list_eval_partition.txt or .csv beside it, so a tenth of the images is the test split" in said
    assert "no list_attr_celeba.txt or .csv beside it, so there are no attributes" in said


def test_celeba_counts_its_validation_part(tmp_path, capsys):
    celeba.load(write_kaggle(tmp_path))
    assert "list_eval_partition.csv: 5 images are its validation part" in capsys.readouterr().err


@pytest.mark.parametrize(
    "load, name",
    [
        (celeba.load, "img_align_celeba (1).zip"),
        (mnist.load_fashion, "train-images.idx3-ubyte"),
        (mnist.load_fashion, "train-images-idx3-ubyte.gz.1"),
        (svhn.load, "train_32x32 (1).mat"),
        (cifar10.load, "cifar-10-binary.tar"),
        (chairs.load, "rendered-chairs.tar"),
    ],
)
def test_a_near_miss_of_a_name_is_named(tmp_path, load, name):
    write_files(tmp_path, {name: b"", "notes.txt": b""})
    with pytest.raises(InputError, match=rf"holds no .* \(but {re.escape(name)}: rename it if that is it\)"):
        load(tmp_path)


def test_a_near_miss_of_a_list_is_named(tmp_path, capsys):
    folder = write_kaggle(tmp_path)
    (folder / "list_attr_celeba.csv").rename(folder / "list_attr_celeba (1).csv")
    (folder / "list_eval_partition.csv").rename(folder / "List_eval_partition.csv.txt")
    celeba.load(folder)
    said = capsys.readouterr().err
    assert "no list_attr_celeba.txt or .csv beside it (but list_attr_celeba (1).csv: rename" in said
    assert "no list_eval_partition.txt or .csv beside it (but List_eval_partition.csv.txt: rename" in said


def test_names_of_a_set_are_no_near_miss_of_each_other(tmp_path):
    write_idx_files(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"holds no train-labels-idx1-ubyte and no train-labels-idx1-ubyte\.gz\. Put"):
        mnist.load_fashion(tmp_path)


def test_the_other_form_of_a_set_is_said_to_be_passed_over(tmp_path, capsys):
    write_zip(tmp_path / "img_align_celeba.zip", celeba_files())
    celeba.load(write_files(tmp_path, celeba_files()))
    assert "img_align_celeba.zip is read; passed over: img_align_celeba\n" in capsys.readouterr().err


def test_missing_parts_of_a_set_are_said(tmp_path, capsys):
    svhn.load(write_svhn(tmp_path, ["train"]))
    assert "no test_32x32.mat, so a tenth of train_32x32.mat is the test split" in capsys.readouterr().err
    cifar10.load(write_files(tmp_path / "cifar", cifar_files()))
    assert "only 2 of CIFAR-10's 5 training batches are there" in capsys.readouterr().err


def test_other_files_beside_a_set_are_said_to_be_passed_over(tmp_path, capsys):
    svhn.load(write_svhn(tmp_path, ["train", "test", "extra"]))
    assert "passed over: extra_32x32.mat" in capsys.readouterr().err
    folder = write_files(tmp_path / "faces", {"1.png": b"", "2.png": b""})
    np.savez(folder / "faces.npz", **face_arrays())
    faces3d.load(folder)
    assert "faces.npz is read; passed over: what else lies there (2)" in capsys.readouterr().err


def test_arrays_that_are_passed_over_are_named(tmp_path, capsys):
    np.savez(tmp_path / "faces.npz", **face_arrays(), mood=np.zeros(30), age=np.zeros(30))
    faces3d.load(tmp_path)
    assert re.search(r"faces\.npz: passed over: the arrays (age, mood|mood, age)\n", capsys.readouterr().err)


def test_labels_stay_with_their_pictures_when_some_are_left_out(tmp_path):
    files = celeba_files(250)
    files["img_align_celeba/000003.jpg"] = b"no picture"
    files["img_align_celeba/000245.jpg"] = b""
    write_celeba_lists(tmp_path, 250)
    dataset = celeba.load(write_zip(tmp_path / "img_align_celeba.zip", files).parent)
    assert dataset.source.endswith(", without 2 unreadable pictures")
    train = np.delete(np.arange(1, 236), 2)
    test = np.delete(np.arange(241, 251), 4)
    for split, numbers in ((dataset.train, train), (dataset.test, test)):
        np.testing.assert_allclose(split.images.mean(axis=(1, 2, 3)), [celeba_level(n) for n in numbers], atol=1.5)
        np.testing.assert_array_equal(split.factors["Eyeglasses"].values, numbers % 2)


def test_chairs(tmp_path):
    dataset = chairs.load(write_tar(tmp_path / "rendered_chairs.tar", chair_files(20)).parent)
    train, test = (set(split.groups.tolist()) for split in (dataset.train, dataset.test))
    assert (len(train), len(test), train | test) == (18, 2, set(range(20)))
    assert test != {18, 19}
    for split in (dataset.train, dataset.test):
        levels = split.factors["elevation"].values + split.factors["azimuth"].values // 2
        np.testing.assert_array_equal(split.images.mean(axis=(1, 2, 3)), levels)
        np.testing.assert_array_equal(split.factors["chair"].values, split.groups)
        kinds = {name: factor.describe() for name, factor in split.factors.items()}
        assert kinds == {"azimuth": "circular with period 360", "elevation": "ordered", "chair": "nominal"}
    assert np.unique(dataset.train.factors["azimuth"].values).tolist() == [0, 92, 185, 278]


def test_chairs_whose_names_begin_alike_stay_whole(tmp_path):
    """By their paths "chair-1/..." comes before "chair/...", by their names after it."""
    files = {name.replace("/chair0/", "/chair/"): picture for name, picture in chair_files(3).items()}
    files = {name.replace("/chair1/", "/chair-1/").replace("/chair2/", "/chair-2/"): p for name, p in files.items()}
    dataset = chairs.load(write_files(tmp_path, files))
    train, test = (set(split.groups.tolist()) for split in (dataset.train, dataset.test))
    assert (len(train), len(test), train | test) == (2, 1, {0, 1, 2})
    assert len(dataset.test) == 8


def test_chairs_refuse_names_that_give_no_direction(tmp_path):
    files = {f"rendered_chairs/a/renders/{n}.png": plain_picture(n) for n in range(9)}
    with pytest.raises(InputError, match="holds 0 chairs, but 2 or more"):
        chairs.load(write_files(tmp_path, files))


def test_faces3d(tmp_path):
    arrays = face_arrays(30)
    np.savez(tmp_path / "faces.npz", **arrays)
    dataset = faces3d.load(tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (27, 3)
    places = {image.tobytes(): place for place, image in enumerate(arrays["images"])}
    found = [[places[image.tobytes()] for image in split.images] for split in (dataset.train, dataset.test)]
    assert sorted([*found[0], *found[1]]) == list(range(30))
    assert sorted(found[1]) != [27, 28, 29]
    for split, chosen in zip((dataset.train, dataset.test), found):
        for name, column in (("lighting", 0), ("azimuth", 1), ("elevation", 2)):
            expected = arrays["factors_standardised"][chosen, column].astype(np.float32)
            np.testing.assert_array_equal(split.factors[name].values, expected)
            assert split.factors[name].kind == "ordered"


def test_faces3d_of_other_proportions_are_cut_not_squeezed(tmp_path):
    images = np.zeros([10, 64, 32], np.uint8)
    images[:, 16:48] = 255
    np.savez(tmp_path / "faces.npz", images=images)
    assert faces3d.load(tmp_path).train.images.min() == 255


def test_faces3d_of_floats_in_another_size(tmp_path):
    level = np.linspace(0, 1, 20)
    arrays = {"images": np.broadcast_to(level[:, None, None], (20, 64, 64)), "width": level[None]}
    scipy.io.savemat(tmp_path / "faces.mat", arrays)
    dataset = faces3d.load(tmp_path / "faces.mat")
    assert dataset.train.images.shape == (18, 32, 32, 1)
    width = dataset.train.factors["width"].values
    np.testing.assert_array_equal(dataset.train.images.mean(axis=(1, 2, 3)), np.round(255 * width.astype(float)))
    np.testing.assert_allclose(sorted([*width, *dataset.test.factors["width"].values]), level, rtol=1e-6)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"images": None}, "holds no array 'images'"),
        ({"images": np.zeros((30, 32), np.uint8)}, r"have the shape \(30, 32\)"),
        ({"images": np.zeros((0, 32, 32), np.uint8)}, r"have the shape \(0, 32, 32\)"),
        ({"images": np.full((30, 32, 32), 255.0)}, "floats from 0 to 1"),
        ({"images": np.full((30, 32, 32), np.nan)}, "floats from 0 to 1"),
        ({"images": np.zeros((30, 32, 32), np.int64)}, "its images are int64"),
        ({"images": np.array([[["a"]]])}, "its images are <U1"),
        ({"images": np.full((30, 1, 1), None)}, "cannot be read"),
        ({"factors_standardised": np.zeros((3, 30))}, r"factors_standardised are \(3, 30\), but \(30, 3\)"),
        ({"azimuth": np.zeros(29)}, r"its 'azimuth' is float64 \(29,\), but 30 numbers"),
        ({"width": np.full(30, np.inf)}, "its 'width' is no finite number for 30 of 30"),
        ({"width": np.full(30, 1e39)}, "its 'width' is no finite number for 30 of 30"),
    ],
)
def test_faces3d_refuses(tmp_path, change, message):
    arrays = {name: array for name, array in (face_arrays(30) | change).items() if array is not None}
    np.savez(tmp_path / "faces.npz", **arrays)
    with pytest.raises(InputError, match=rf"faces\.npz: .*{message}"):
        faces3d.load(tmp_path)


def test_shipped_faces3d():
    """Nobody's pictures are in both splits, and brightness tells where the light is."""
    dataset = faces3d.load()
    train, test = (set(split.groups.tolist()) for split in (dataset.train, dataset.test))
    assert (len(train), len(test), len(train & test)) == (900, 100, 0)
    assert (len(dataset.train), len(dataset.test)) == (10818, 1182)
    kinds = {name: factor.describe() for name, factor in dataset.test.factors.items()}
    assert kinds.pop("identity") == "nominal"
    assert list(kinds) == [
        *("azimuth", "elevation", "light_azimuth", "light_elevation"),
        *("width", "skin", "brow", "lip"),
    ]
    assert set(kinds.values()) == {"ordered"}
    halves = dataset.test.images[..., 0].astype(float).reshape(-1, 32, 2, 16).mean(axis=(1, 3))
    assert np.corrcoef(halves[:, 1] - halves[:, 0], dataset.test.factors["light_azimuth"].values)[0, 1] > 0.8
    for name in ("skin", "brow", "lip"):  # fixed for each head
        pairs = np.stack([dataset.test.groups, dataset.test.factors[name].values], axis=1)
        assert len(np.unique(pairs, axis=0)) == 100


def test_a_shipped_file_of_faces3d_that_was_changed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(faces3d, "SHIPPED", tmp_path / "faces.npz")
    np.savez(tmp_path / "faces.npz", **identity_arrays())
    with pytest.raises(InputError, match=r"faces\.npz: its SHA-256 is [0-9a-f]{64}, but .*git checkout"):
        faces3d.load()


def test_faces3d_keep_the_pictures_of_an_identity_together(tmp_path):
    arrays = identity_arrays(40, 10)
    np.savez(tmp_path / "faces.npz", **arrays)
    dataset = faces3d.load(tmp_path)
    train, test = (set(split.groups.tolist()) for split in (dataset.train, dataset.test))
    assert (len(train), len(test), train | test) == (9, 1, set(range(10)))
    place = {image.tobytes(): row for image, row in zip(arrays["images"], arrays["factors"])}
    for split in (dataset.train, dataset.test):
        rows = np.array([place[image.tobytes()] for image in split.images])
        np.testing.assert_array_equal(split.factors["identity"].values, rows[:, 0])
        np.testing.assert_array_equal(split.factors["azimuth"].values, rows[:, 1])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"names": None}, r"its 'factors' are \[40, 2\] with the names None, but 40 rows"),
        ({"names": np.array(["azimuth", "azimuth"])}, ".*with the names azimuth, azimuth, but .* a name of its own"),
        ({"names": np.array(["identity", "a b"])}, ".*with the names identity, a b"),
        ({"names": np.array(["identity"])}, ".*with the names identity, but"),
        ({"factors": None}, "its 'factors' are None with the names identity, azimuth"),
        ({"factors": np.zeros((39, 2))}, r"its 'factors' are \[39, 2\] .* but 40 rows are needed"),
        ({"factors": np.full((40, 2), 0.5)}, "its 'identity' holds 0.5, but whole numbers"),
        (
            {"factors": np.where(np.arange(80).reshape(40, 2) % 16 == 1, np.nan, 0)},
            "its 'azimuth' is no finite number for 5 of 40 pictures, but each needs one",
        ),
    ],
)
def test_faces3d_refuse_factors(tmp_path, change, message):
    arrays = {name: array for name, array in (identity_arrays() | change).items() if array is not None}
    np.savez(tmp_path / "faces.npz", **arrays)
    with pytest.raises(InputError, match=rf"faces\.npz: {message}"):
        faces3d.load(tmp_path)


def test_of_several_files_of_faces3d_the_name_tells_the_size(tmp_path, capsys):
    np.savez(tmp_path / "faces_40x32x32.npz", **identity_arrays())
    np.savez(tmp_path / "faces_20x64x64.npz", **identity_arrays(20, size=64))
    assert len(faces3d.load(tmp_path).train) == 36
    assert "faces_40x32x32.npz is read; passed over: what else lies there (1)" in capsys.readouterr().err
    assert faces3d.load(tmp_path, 64).train.images.shape == (18, 64, 64, 1)
    with pytest.raises(InputError, match=r"it holds 2 \.npz and \.mat files, but one is needed"):
        faces3d.load(tmp_path, 16)


def test_faces3d_refuses_a_choice_of_files(tmp_path):
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, **face_arrays())
    with pytest.raises(InputError, match=r"holds 2 \.npz and \.mat files"):
        faces3d.load(tmp_path)


@pytest.mark.parametrize("grey, channels", [(6, 1), (5, 3), (0, 3)])
def test_most_pictures_decide_the_channels(tmp_path, grey, channels):
    files = {f"{n}.png": plain_picture(n if n < grey else (n, 0, 0)) for n in range(10)}
    assert images.load(write_files(tmp_path, files)).train.images.shape[3] == channels


def test_channels_can_be_chosen(tmp_path):
    files = {f"{n}.png": plain_picture((100, 50, 200)) for n in range(10)}
    dataset = images.load(write_files(tmp_path, files), 28, channels=1)
    # ITU-R 601 luma.
    assert dataset.train.images.shape == (9, 28, 28, 1)
    assert np.unique(dataset.train.images) == round(0.299 * 100 + 0.587 * 50 + 0.114 * 200)


@pytest.mark.parametrize("options", [{"image_size": 7}, {"image_size": "32"}, {"channels": 2}])
def test_images_refuse_other_sizes_and_channels(tmp_path, options):
    with pytest.raises(InputError, match="was given, but"):
        images.load(write_files(tmp_path, {"1.png": plain_picture(1)}), **options)


def test_a_single_picture_cannot_be_split(tmp_path):
    with pytest.raises(InputError, match="gives 1 images, but at least 2"):
        images.load(write_files(tmp_path, {"1.png": plain_picture(1)}))


def test_pictures_of_a_tar_of_the_current_folder_are_found_and_hidden_ones_are_not(tmp_path):
    names = ("./1.png", "./deep/2.png", "./.thumbnails/3.png", ".hidden.png")
    dataset = images.load(write_tar(tmp_path / "set.tar", {name: plain_picture(1) for name in names}), 28)
    assert len(dataset.train) + len(dataset.test) == 2


def test_omniglot_is_read_as_it_is_packed(tmp_path):
    def stroke(seed):
        pixels = np.random.default_rng(seed).random((105, 105)) > 0.1
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")  # one bit a pixel, as Omniglot's are
        return file.getvalue()

    files = {f"images_background/Greek/character{n // 5:02d}/{n:04d}_01.png": stroke(n) for n in range(20)}
    dataset = images.load(write_zip(tmp_path / "images_background.zip", files), 28)
    assert dataset.train.images.shape == (18, 28, 28, 1)
    assert 220 < dataset.train.images.mean() < 235


def test_real_fashion_mnist():
    dataset = mnist.load_fashion(real("fashion_mnist"))
    assert dataset.train.images.shape == (60_000, 28, 28, 1)
    assert np.bincount(dataset.train.labels).tolist() == [6000] * 10
    assert np.bincount(dataset.test.labels).tolist() == [1000] * 10


def test_real_svhn():
    dataset = svhn.load(real("svhn"))
    labels = np.concatenate([dataset.train.labels, dataset.test.labels])
    # Counts that the description of these files gives: zero, then 1 to 9.
    assert np.bincount(labels).tolist() == [66, 227, 141, 134, 110, 112, 78, 70, 78, 67]


def test_real_cifar10(tmp_path):
    pixels = []
    with tarfile.open(real("cifar10", "cifar10_jpg.tar.gz")) as archive:
        for member in archive:
            if member.isfile() and len(pixels) < 40:
                pixels.append(np.asarray(Image.open(archive.extractfile(member))))
            elif pixels:
                break
    planes = np.stack(pixels).transpose(0, 3, 1, 2).reshape(len(pixels), -1)
    batch = np.column_stack([digits(len(pixels)).astype(np.uint8), planes]).tobytes()
    write_files(tmp_path, {"data_batch_1.bin": batch, "test_batch.bin": batch})
    np.testing.assert_array_equal(cifar10.load(tmp_path).train.images, pixels)


def test_real_celeba(tmp_path):
    files = {f"img_align_celeba/{path.name}": path.read_bytes() for path in real("celeba", "original_size").iterdir()}
    official = celeba.load(write_files(tmp_path, files))
    half = celeba_head(real("celeba", "img_align_celeba.zip"), tmp_path / "half", 32)
    # The same photographs at half the size: crops of one share show the same.
    difference = np.abs(official.train.images.astype(float) - half.train.images).mean(axis=(1, 2, 3))
    assert difference.max() < 12, "levels of grey; two different faces differ by 40 and more"


def celeba_head(path, folder, count):
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[:count]
        return celeba.load(write_files(folder, {name: archive.read(name) for name in names}))


def test_real_chairs():
    dataset = chairs.load(real("chairs"))
    assert (len(dataset.train), len(dataset.test)) == (13 * 62, 2 * 62)
    assert dataset.grid().sizes == (31, 2, 15)
    assert np.unique(dataset.test.factors["elevation"].values).tolist() == [20, 30]
    assert (dataset.train.images[:, 0] == 255).mean() > 0.99, "the ground is white"


def test_real_faces3d():
    dataset = faces3d.load(real("faces3d"))
    assert dataset.train.images.shape == (628, 32, 32, 1)
    halves = dataset.train.images[..., 0].astype(float).reshape(628, 32, 2, 16).mean(axis=(1, 3))
    brighter_left = halves[:, 0] - halves[:, 1]
    assert np.corrcoef(brighter_left, dataset.train.factors["lighting"].values)[0, 1] < -0.7


def test_shipped_faces3d_are_the_rendered_ones():
    shipped, rendered = faces3d.load(), faces3d.load(real("faces3d_ict"))
    np.testing.assert_array_equal(shipped.train.images, rendered.train.images)
    for name, factor in shipped.test.factors.items():
        np.testing.assert_array_equal(factor.values, rendered.test.factors[name].values)
