"""A regressor that reads the true factors from images, trained on the real ones: a ruler for generated images.

It never takes part in the training of a GAN. How far it can be trusted is measured on objects that it never saw.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from infogan.data import Dataset, Factor, Split
from infogan.data.lazy_images import Images
from infogan.evaluation.judges import TrainedJudge, obtain
from infogan.evaluation.metric import Metric, once_a_run
from infogan.model.architectures import ImageShape
from infogan.run import TrainedRun
from infogan.system.tf1 import Tensor, tf

READ_KINDS = ("ordered", "circular")
LEAST_QUALITY = 0.5
"""Share of a factor's variance that has to be read from objects never seen; with less a factor is not read at all."""


class FactorReader(TrainedJudge):
    """Reads factors.

    Args:
      image_shape: (H, W, C).
      factors: dict of name -> Factor of the training images, ordered or circular, each of which varies.
    """

    name: ClassVar[str] = "regressor"
    purpose: ClassVar[str] = "reads factors from images"
    fewest_epochs: ClassVar[int] = 15

    def __init__(self, image_shape: ImageShape, factors: Mapping[str, Factor]) -> None:
        self._factors = dict(factors)
        super().__init__(image_shape, sum(map(_count_columns, factors.values())))

    def _build_loss(self, outputs: Tensor) -> Tensor:
        return tf.square(outputs - self._targets)

    @property
    def targets(self) -> np.ndarray:
        """What it is trained to give for the training images: float32 array [N, columns]."""
        columns = [_to_columns(factor, factor) for factor in self._factors.values()]
        return np.concatenate(columns, axis=1).astype(np.float32)

    def read(self, images: Images) -> dict[str, Factor]:
        """The factors of images [N, H, W, C], uint8 or floats in [0, 1]: dict of name -> Factor, in its own units."""
        outputs = self.predict(images).classes.astype(np.float64)
        found, start = {}, 0
        for name, factor in self._factors.items():
            end = start + _count_columns(factor)
            found[name] = dataclasses.replace(factor, values=_from_columns(outputs[:, start:end], factor))
            start = end
        return found


def _count_columns(factor):
    return 1 if factor.period is None else 2


def _to_columns(factor, among):
    """Values as numbers of deviation 1 among those of a Factor, or as cosine and sine: [N, columns]."""
    values = factor.values.astype(np.float64)
    if factor.period is None:
        return ((values - among.values.mean()) / among.values.std())[:, None]
    angle = 2 * np.pi * values / factor.period
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _from_columns(columns, factor):
    if factor.period is None:
        return columns[:, 0] * factor.values.std() + factor.values.mean()
    return np.arctan2(columns[:, 1], columns[:, 0]) / (2 * np.pi) * factor.period % factor.period


def obtain_reader(train: Split, cache: Path | None = None) -> FactorReader:
    """The reader of a training split's factors: from the cache, or trained now and put there."""
    factors = {
        name: factor
        for name, factor in train.factors.items()
        if factor.kind in READ_KINDS and len(factor.numbered[0]) > 1
    }
    reader = FactorReader(train.images.shape[1:], factors)
    return obtain(reader, train.images, reader.targets, cache)


def measure_explained(read: Factor, true: Factor) -> float:
    """Share of the variance of a factor, or of (cos, sin) of one that goes around, that was read; 1 is all."""
    wanted, found = _to_columns(true, true), _to_columns(read, true)
    variance = np.square(wanted - wanted.mean(axis=0)).mean()
    return float(1.0 - np.square(wanted - found).mean() / variance)


def measure_error(read: Factor, true: Factor) -> float:
    """Median distance of what was read, in the factor's units; around the circle for one that goes around."""
    apart = np.abs(read.values - true.values)
    return float(np.median(apart if true.period is None else np.minimum(apart, true.period - apart)))


@once_a_run
def find_reader(run: TrainedRun, dataset: Dataset) -> tuple[FactorReader, dict[str, float], list[Metric]]:
    """The reader of a set.

    Returns:
      (FactorReader; dict of the factors that it reads well enough -> LEAST_QUALITY or more of their variance; list of
      Metric: how well it reads each factor of the test images).
    """
    reader = obtain_reader(dataset.train)
    run.keep_open(reader)
    read = reader.read(dataset.test.images)
    quality, rows = {}, []
    for name, found in read.items():
        true = dataset.test.factors[name]
        explained = measure_explained(found, true)
        note = f"of real images never seen; median error {measure_error(found, true):.3g}"
        if explained >= LEAST_QUALITY:
            quality[name] = explained
        else:
            note += "; too little to read it from generated images"
        rows.append(Metric(f"variance of {name} read by the regressor", explained, note=note))
    return reader, quality, rows
