"""MNIST, shipped with the package, and Fashion-MNIST: 60,000 training and 10,000 test images each, 28x28 grey."""

import dataclasses
from pathlib import Path

from infogan.data.arrays import load_idx
from infogan.data.dataset import Dataset, Split, check_data_dir, check_shipped, describe_near
from infogan.system.checks import StrPath
from infogan.system.messages import InputError

SHIPPED = Path(__file__).parent / "mnist_files"
SHA256 = {
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
FASHION_SHA256 = {
    "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
"""SHA-256 of the gzipped files as their authors published them."""
FASHION_NEEDED = (
    "a folder with Fashion-MNIST's four idx files is needed. Fetch them with --download (docs/datasets.md)."
)
CLASSES = 10


def load(data_dir: StrPath | None = None) -> Dataset:
    """Reads MNIST.

    Args:
      data_dir: folder with the four idx files, gzipped (`.gz`) or not; None takes the shipped ones, whose SHA-256 is
        checked.

    Returns:
      Dataset with uint8 images [N, 28, 28, 1] and labels 0..9.

    Raises:
      InputError: naming the file that is missing, damaged or of another size.
    """
    if data_dir is not None:
        return _load_folder(check_data_dir(data_dir, "a folder with MNIST's four idx files is needed."))
    for stem, sha256 in SHA256.items():
        check_shipped(_find(SHIPPED, stem), sha256)
    return dataclasses.replace(_load_folder(SHIPPED), source="shipped with infogan")


def load_fashion(data_dir: StrPath | None = None) -> Dataset:
    """Reads Fashion-MNIST, which has MNIST's format; as `load`, but that it is not shipped.

    Labels are T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.
    """
    return _load_folder(check_data_dir(data_dir, FASHION_NEEDED))


def _load_folder(folder):
    if not folder.is_dir():
        raise InputError("data_dir", f"{folder} is not a folder, but one with the four idx files is needed.")
    paths = {stem: _find(folder, stem) for stem in SHA256}
    train = _load_split(paths["train-images-idx3-ubyte"], paths["train-labels-idx1-ubyte"])
    test = _load_split(paths["t10k-images-idx3-ubyte"], paths["t10k-labels-idx1-ubyte"])
    return Dataset(train, test, str(folder))


def _find(folder, stem):
    for path in (folder / f"{stem}.gz", folder / stem):
        if path.is_file():
            return path
    near = describe_near(folder, [stem, f"{stem}.gz"], [*SHA256, *(f"{stem}.gz" for stem in SHA256)])
    raise InputError("data_dir", f"{folder} holds no {stem} and no {stem}.gz{near}. Put the four idx files there.")


def _load_split(images_path, labels_path):
    images, labels = load_idx(images_path, 3), load_idx(labels_path, 1)
    if images.shape[1:] != (28, 28):
        raise InputError(
            images_path, f"its images are {images.shape[1]}x{images.shape[2]}, but Table 1's networks need 28x28."
        )
    if len(images) == 0 or len(images) != len(labels):
        raise InputError(labels_path, f"{len(labels):,} labels for {len(images):,} images, but each image needs one.")
    if labels.max() >= CLASSES:
        raise InputError(labels_path, f"it holds the label {labels.max()}, but labels are 0 to {CLASSES - 1}.")
    return Split(images[..., None], labels)
