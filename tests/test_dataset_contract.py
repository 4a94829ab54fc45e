"""What holds for every dataset, in each form in which its owners distribute it."""

import dataclasses
import math
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.io
from dataset_files import (
    MPI3D_TINY,
    car_files,
    celeba_files,
    chair_arrays,
    chair_files,
    cifar_files,
    class_files,
    face_arrays,
    identity_arrays,
    labelled_arrays,
    norb_files,
    picture_files,
    write_celeba_lists,
    write_dsprites_h5,
    write_dsprites_npz,
    write_files,
    write_h5,
    write_idx_files,
    write_mpi3d,
    write_shapes3d,
    write_svhn,
    write_tar,
    write_zip,
)

from infogan.data import DATASETS, LOADERS, RENDERED, RESIZED, SHIPPED, Images, factor_sets, find_loader, load_dataset
from infogan.system.messages import InputError


def with_lists(write):
    def write_both(folder):
        write_celeba_lists(folder)
        return write(folder)

    return write_both


# Each writes a set into a folder and returns what --data-dir is then.
FORMS = {
    ("mnist", "idx"): write_idx_files,
    ("fashion_mnist", "idx"): write_idx_files,
    ("svhn", "train and test"): write_svhn,
    ("svhn", "train alone"): lambda folder: write_svhn(folder, ["train"]),
    ("cifar10", "archive"): lambda f: write_tar(f / "cifar-10-binary.tar.gz", cifar_files(), "w:gz").parent,
    ("cifar10", "folder"): lambda folder: write_files(folder, cifar_files()),
    ("cifar10", "batches alone"): lambda folder: write_files(folder, cifar_files()) / "cifar-10-batches-bin",
    ("celeba", "zip"): lambda folder: write_zip(folder / "img_align_celeba.zip", celeba_files()).parent,
    ("celeba", "folder"): lambda folder: write_files(folder, celeba_files()),
    ("celeba", "with lists"): with_lists(lambda folder: write_files(folder, celeba_files())),
    ("chairs", "tar"): lambda folder: write_tar(folder / "rendered_chairs.tar", chair_files()).parent,
    ("chairs", "folder"): lambda folder: write_files(folder, chair_files()),
    ("chairs", "npz"): lambda folder: np.savez(folder / "chairs_5x8x64x64.npz", **chair_arrays()) or folder,
    ("faces3d", "npz"): lambda folder: np.savez(folder / "faces.npz", **face_arrays()) or folder,
    ("faces3d", "mat"): lambda folder: scipy.io.savemat(folder / "faces.mat", face_arrays()) or folder,
    ("faces3d", "npz with identities"): lambda folder: np.savez(folder / "faces.npz", **identity_arrays()) or folder,
    ("faces3d", "folder"): lambda folder: write_files(folder, picture_files()),
    ("dsprites", "npz"): write_dsprites_npz,
    ("dsprites", "hdf5"): write_dsprites_h5,
    ("dsprites_color", "npz"): write_dsprites_npz,
    ("dsprites_noise", "npz"): write_dsprites_npz,
    ("shapes3d", "h5"): write_shapes3d,
    ("mpi3d", "npz"): write_mpi3d,
    ("cars3d", "tar.gz"): lambda folder: write_tar(folder / factor_sets.CARS3D_FILE, car_files(), "w:gz").parent,
    ("smallnorb", "mat"): lambda folder: write_files(folder, norb_files()),
    ("smallnorb", "mat.gz"): lambda folder: write_files(folder, norb_files(is_packed=True)),
    ("images", "folder"): lambda folder: write_files(folder, picture_files()),
    ("images", "zip"): lambda folder: write_zip(folder / "pictures.zip", picture_files()),
    ("images", "class folders"): lambda folder: write_files(folder / "set", class_files()),
    ("images", "npy"): lambda folder: np.save(folder / "set.npy", face_arrays()["images"]) or folder / "set.npy",
    ("images", "npz"): lambda folder: np.savez(folder / "set.npz", **labelled_arrays()) or folder / "set.npz",
    ("images", "h5"): lambda folder: write_h5(folder / "set.h5", labelled_arrays()),
    ("images", "tar"): lambda folder: write_tar(folder / "pictures.tar", picture_files()),
}
SIZES = {**dict.fromkeys(("chairs", "dsprites", *LOADERS), 64), "mnist": 28, "fashion_mnist": 28}


@pytest.fixture(autouse=True)
def tiny_mpi3d(monkeypatch):
    """Its files hold no factors: they follow from how many pictures there are."""
    monkeypatch.setattr(factor_sets, "MPI3D_SIZES", {math.prod(MPI3D_TINY): MPI3D_TINY})


@pytest.fixture(params=FORMS, ids=" ".join)
def form(request, tmp_path):
    """(name, data_dir)."""
    return request.param[0], FORMS[request.param](tmp_path)


def load(name, data_dir=None, **options):
    return find_loader(name)(data_dir, **options)


def test_every_dataset_is_tested():
    assert {name for name, _ in FORMS} == set(DATASETS)


def test_contract(form):
    name, data_dir = form
    dataset = load(name, data_dir)
    size = SIZES.get(name, 32)
    assert dataset.source.startswith(str(data_dir))
    for split in (dataset.train, dataset.test):
        check_split(split, size)
    assert dataset.train.images.shape[3] == dataset.test.images.shape[3]
    assert dataset.train.factors.keys() == dataset.test.factors.keys()
    assert not hashes(dataset.train) & hashes(dataset.test), "an image is in both splits"


def check_split(split, size):
    assert isinstance(split.images, Images)
    assert split.images.dtype == np.uint8
    assert len(split) > 0
    assert split.images.shape[1:] in ((size, size, 1), (size, size, 3))
    assert np.asarray(split.images).std() > 10, "there is nothing to see"
    if split.labels is not None:
        assert split.labels.dtype == np.uint8
        assert split.labels.shape == (len(split),)
    if split.groups is not None:
        assert split.groups.shape == (len(split),)
    for name, factor in split.factors.items():
        factor.check(name, len(split))


def hashes(split):
    """One for each image and what is known about it: pictures of one grey level may look the same."""
    known = [*(factor.values for factor in split.factors.values()), *([] if split.groups is None else [split.groups])]
    factors = np.stack(known, axis=1) if known else np.zeros((len(split), 0))
    return {(image.tobytes(), row.tobytes()) for image, row in zip(split.images, factors)}


def test_it_is_the_same_each_time(form):
    first, second = load(*form), load(*form)
    for split in ("train", "test"):
        a, b = getattr(first, split), getattr(second, split)
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.labels, b.labels)
        np.testing.assert_array_equal(a.groups, b.groups)
        assert a.factors.keys() == b.factors.keys()
        for name in a.factors:
            np.testing.assert_array_equal(a.factors[name].values, b.factors[name].values)
            assert (a.factors[name].kind, a.factors[name].period) == (b.factors[name].kind, b.factors[name].period)


def test_load_dataset_takes_it(form, spec):
    name, data_dir = form
    spec = dataclasses.replace(spec, dataset=name, max_images=9)
    dataset = load_dataset(spec, data_dir)
    np.testing.assert_array_equal(dataset.train.images, load(name, data_dir).train.images[:9])


@pytest.mark.parametrize("name", RESIZED)
def test_the_size_of_the_spec_is_used(name, tmp_path):
    data_dir = next(write for (dataset, _), write in FORMS.items() if dataset == name)(tmp_path)
    side = 32 if name.startswith("dsprites") else 28
    fields = {
        "image_size": side,
        "input_range": None,
        "channels": None,
        "held_out_images": 0,
        "max_images": 9,
        "batch_size": 2,
    }
    assert load_dataset(type("Spec", (), {"dataset": name, **fields}), data_dir).train.images.shape[1:3] == (side, side)


@pytest.mark.parametrize("name", DATASETS)
def test_an_empty_folder_is_refused(name, tmp_path):
    with pytest.raises(InputError, match=r"data_dir: .* holds no|it holds no picture"):
        load(name, tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_a_missing_folder_is_refused(name, tmp_path):
    with pytest.raises(InputError, match=r"data_dir: .*nowhere .* (is|are) needed|nowhere is not a folder"):
        load(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", sorted(set(DATASETS) - {*SHIPPED, *RENDERED}))
def test_no_folder_is_refused(name):
    with pytest.raises(InputError, match=r"data_dir: nothing was given, but .* needed"):
        load(name)


class Sealed:
    """A Split of which only the images can be read."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getattr__(self, name):
        raise AssertionError(f"training asked for {name}")


def test_training_sees_neither_labels_nor_factors(spec, dataset, tmp_path, monkeypatch):
    from infogan import experiment
    from infogan.evaluation import evaluate
    from infogan.training.checkpoints import find_checkpoints
    from infogan.training.run_folder import RunFolder
    from infogan.training.signals import StopSignals

    spec = dataclasses.replace(spec, max_epoch=1, updates_per_epoch=1)
    folder = RunFolder(tmp_path / "logs", tmp_path / "ckt", "sealed")
    folder.create(spec, dataset)  # keeps a checksum of images and labels, to know the data again
    monkeypatch.setattr(evaluate, "evaluate_run", lambda *arguments: [])
    sealed = SimpleNamespace(train=Sealed(dataset.train.images), source="sealed")
    with StopSignals() as stop:
        experiment.run(spec, folder, sealed, stop)
    assert find_checkpoints(folder.checkpoints)[-1] == spec.updates


HEADER = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
HUGE_HEADER = b"\x89PNG\r\n\x1a\n\0\0\0\r" + HEADER + struct.pack(">I", zlib.crc32(HEADER)) + b"\0\0\0\0IDAT"


@pytest.mark.parametrize("name", ["celeba", "chairs", "faces3d", "images"])
@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "it is empty"),
        (b"no picture", "it is no PNG"),
        (HUGE_HEADER, "Image size .900000000 pixels. exceeds limit"),
        (b"\xff\xd8\xff\xe0", ""),
    ],
    ids=["empty", "no picture", "huge header", "cut short"],
)
def test_a_set_with_a_bad_picture_is_refused(name, content, reason, tmp_path):
    """One of 32 to 40 pictures is more than 1 %."""
    data_dir = FORMS[name, "folder"](tmp_path)
    pictures = sorted(path for path in tmp_path.rglob("*") if path.suffix in (".png", ".jpg") and path.name[0] != ".")
    pictures[3].write_bytes(content)
    expected = rf"1 or more of its \d+ pictures cannot be read .*{pictures[3].name}': {reason}"
    with pytest.raises(InputError, match=expected):
        load(name, data_dir)
