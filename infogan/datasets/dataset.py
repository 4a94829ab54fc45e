"""What every dataset gives: arrays, and labels that only the evaluation sees."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Split:
    """Images with what is known about them.

    Attributes:
      images: uint8 array [N, H, W, C].
      labels: uint8 array [N], the class of each image; None for a set without classes. Training never reads them.
      factors: dict of name -> float32 array [N], what varied when the images were made, such as an azimuth in degrees,
        or attributes that are 0 or 1. Training never reads them.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    factors: dict = dataclasses.field(default_factory=dict)

    def __len__(self):
        return len(self.images)

    def part(self, start, stop):
        """The images from `start` to `stop`, either of which may be None."""
        chosen = slice(start, stop)
        labels = None if self.labels is None else self.labels[chosen]
        return Split(self.images[chosen], labels, {name: values[chosen] for name, values in self.factors.items()})


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A training and a test split.

    Attributes:
      train: what the model learns from; its labels fix which category stands for which class.
      test: what the error rate is measured on.
      source: where it came from, for logs.
    """

    train: Split
    test: Split
    source: str
