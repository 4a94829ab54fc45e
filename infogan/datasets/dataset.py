"""What every dataset gives: arrays, and labels that only the evaluation sees."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Split:
    """Images with their labels.

    Attributes:
      images: uint8 array [N, H, W, C].
      labels: uint8 array [N]; training never reads them.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.images)

    def part(self, start, stop):
        """The images from `start` to `stop`, either of which may be None."""
        return Split(self.images[start:stop], self.labels[start:stop])


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
