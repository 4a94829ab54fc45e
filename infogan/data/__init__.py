"""Datasets: one module each, with `load(data_dir) -> Dataset`. Nothing here builds a graph."""

import importlib
from pathlib import Path

from infogan.data.dataset import Dataset, Split, check_dataset, hold_out
from infogan.data.factors import Factor, FactorGrid
from infogan.system.errors import InputError

DATASETS = ("mnist", "fashion_mnist", "svhn", "cifar10", "celeba", "chairs", "faces3d", "images")
RESIZED = ("celeba", "chairs", "faces3d", "images")
"""Those whose pictures are resized to `spec.image_size`, where a spec has it."""

__all__ = [
    "DATASETS",
    "Dataset",
    "Factor",
    "FactorGrid",
    "Split",
    "check_dataset",
    "default_folder",
    "hold_out",
    "load_dataset",
    "select_images",
]


def default_folder(name):
    """Where a dataset is looked for if no folder is given; None for MNIST, which is shipped, and for own pictures."""
    return None if name in ("mnist", "images") else Path("data") / name


def load_dataset(spec, data_dir=None):
    """Reads the dataset of a spec, without the images that the spec keeps from training.

    Args:
      spec: ExperimentSpec; `dataset`, `image_size`, `held_out_images`, `max_images` and `batch_size` are used.
      data_dir: folder with the user's own files, None for `default_folder`.

    Raises:
      InputError: if the files cannot be used or give fewer images than a batch.
    """
    if spec.dataset not in DATASETS:
        raise InputError("dataset", f"{spec.dataset!r} was given, but the known ones are {', '.join(DATASETS)}.")
    load = importlib.import_module(f"infogan.data.{spec.dataset}").load
    size = {"image_size": spec.image_size} if spec.dataset in RESIZED else {}
    return select_images(spec, load(data_dir or default_folder(spec.dataset), **size))


def select_images(spec, dataset):
    """A dataset without the images that the spec keeps from training.

    Raises:
      InputError: if fewer images than a batch are left.
    """
    chosen = dataset.limit(spec.held_out_images, spec.max_images)
    if len(chosen.train) < spec.batch_size:
        raise InputError(
            "batch_size",
            f"a batch has {spec.batch_size:,} images, but only {len(chosen.train):,} training images are left. "
            "Choose a smaller one.",
        )
    return chosen
