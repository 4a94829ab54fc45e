"""Datasets: one module each, with `load(data_dir) -> Dataset`. Nothing here builds a graph."""

import importlib

from infogan.datasets.dataset import Dataset, Split
from infogan.errors import InputError

DATASETS = ("mnist",)

__all__ = ["DATASETS", "Dataset", "Split", "load_dataset"]


def load_dataset(spec, data_dir=None):
    """Reads the dataset of a spec, without the images that the spec keeps from training.

    Args:
      spec: ExperimentSpec; `dataset`, `held_out_images`, `max_images` and `batch_size` are used.
      data_dir: folder with the user's own files, None for the default.

    Raises:
      InputError: if the files cannot be used or give fewer images than a batch.
    """
    if spec.dataset not in DATASETS:
        raise InputError("dataset", f"{spec.dataset!r} was given, but the known ones are {', '.join(DATASETS)}.")
    dataset = importlib.import_module(f"infogan.datasets.{spec.dataset}").load(data_dir)
    train = dataset.train.part(spec.held_out_images, None).part(None, spec.max_images)
    if len(train) < spec.batch_size:
        raise InputError(
            "batch_size",
            f"{spec.batch_size:,} was given, but only {len(train):,} training images are left. Choose a smaller batch.",
        )
    return Dataset(train, dataset.test.part(None, spec.max_images), dataset.source)
