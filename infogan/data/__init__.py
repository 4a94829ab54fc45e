"""Datasets: one module each, with `load(data_dir) -> Dataset`. Nothing here builds a graph."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infogan.data.archives import trust_archives
from infogan.data.dataset import Dataset, Split, check_dataset, hold_out, warn_of_pixels
from infogan.data.factors import Factor, FactorGrid
from infogan.data.lazy_images import Images
from infogan.spec import ExperimentSpec
from infogan.system.checks import StrPath
from infogan.system.messages import InputError, refuse_name

LOADERS = {
    "fashion_mnist": ("mnist", "load_fashion"),
    "dsprites_color": ("dsprites", "load_color"),
    "dsprites_noise": ("dsprites", "load_noise"),
    "shapes3d": ("factor_sets", "load_shapes3d"),
    "cars3d": ("factor_sets", "load_cars3d"),
    "smallnorb": ("factor_sets", "load_smallnorb"),
    "mpi3d": ("factor_sets", "load_mpi3d"),
}
"""Module and function of the sets that are not `load` of a module of their own name."""
FACTOR_SETS = ("dsprites", "dsprites_color", "dsprites_noise", "shapes3d", "cars3d", "smallnorb", "mpi3d")
DATASETS = ("mnist", "fashion_mnist", "svhn", "cifar10", "celeba", "chairs", "faces3d", *FACTOR_SETS, "images")
RESIZED = ("celeba", "chairs", "faces3d", *FACTOR_SETS, "images")
"""Those whose pictures are resized to `spec.image_size`, where a spec has it."""
SHIPPED = ("mnist", "faces3d", "chairs")
"""Those whose files come with the package."""
RENDERED = ("dsprites", "dsprites_color", "dsprites_noise")
"""Those that need no files."""
JOINED = ("chairs",)
"""Those that several folders may give, one after another."""
RANGED = ("faces3d", "images")
"""Those whose pictures may hold any values, of which `spec.input_range` says what black and white are."""

__all__ = [
    "DATASETS",
    "Dataset",
    "Factor",
    "FactorGrid",
    "Images",
    "Split",
    "check_dataset",
    "default_folder",
    "hold_out",
    "load_dataset",
    "select_images",
]


def default_folder(name: str) -> Path | None:
    """Where a dataset is looked for if no folder is given; None for those that come along, and for own pictures."""
    return None if name in (*SHIPPED, *RENDERED, "images") else Path("data") / name


def find_loader(name: str) -> Callable[..., Dataset]:
    """The function that reads a dataset from a folder, with options of its own."""
    module, function = LOADERS.get(name, (name, "load"))
    return getattr(importlib.import_module(f"infogan.data.{module}"), function)


def load_dataset(
    spec: ExperimentSpec, data_dir: StrPath | Sequence[StrPath] | None = None, trust_archive: bool = False
) -> Dataset:
    """Reads the dataset of a spec, without the images that the spec keeps from training.

    Args:
      spec: its `dataset`, `image_size`, `channels`, `input_range`, `held_out_images`, `max_images` and
        `batch_size` are used.
      data_dir: folder with the user's own files, or a list of them for one of `JOINED`; None for `default_folder`.
      trust_archive: whether archives may unpack to any size.

    Raises:
      InputError: if the files cannot be used or give fewer images than a batch.
    """
    if spec.dataset not in DATASETS:
        raise InputError("dataset", refuse_name(spec.dataset, DATASETS))
    if isinstance(data_dir, (list, tuple)) and spec.dataset not in JOINED:
        raise InputError("data_dir", f"{len(data_dir)} were given, but {spec.dataset} takes one. Leave out the others.")
    load = find_loader(spec.dataset)
    options: dict[str, Any] = {"image_size": spec.image_size} if spec.dataset in RESIZED else {}
    if spec.input_range is not None:
        if spec.dataset not in RANGED:
            raise InputError("input_range", f"it was given, but the pixels of {spec.dataset} are known. Leave it out.")
        options["input_range"] = spec.input_range
    if spec.channels is not None:
        if spec.dataset != "images":
            raise InputError("channels", f"{spec.channels} was given, but those of {spec.dataset} are known.")
        options["channels"] = spec.channels
    with trust_archives(trust_archive):
        return select_images(spec, load(default_folder(spec.dataset) if data_dir is None else data_dir, **options))


def select_images(spec: ExperimentSpec, dataset: Dataset) -> Dataset:
    """A dataset without the images that the spec keeps from training; says what is odd about the pixels of the others.

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
    warn_of_pixels(chosen.train.images, dataset.source)
    return chosen
