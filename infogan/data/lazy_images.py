"""Images that are unpacked when they are read, so that a large set is never in memory as a whole."""

import hashlib
from collections.abc import Callable
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike

HASHED_AT_ONCE = 2**24
"""Bytes of what is stored that a fingerprint reads at once."""


class LazyImages:
    """Images that read like a uint8 array [N, H, W, C].

    A slice, or `select`, is a part of the set and unpacks nothing. Any other index gives an array of the images asked
    for. `numpy.asarray` unpacks all there are: take it of a small part.

    Args:
      stored: array [M, ...], a row for each image of the set, such as one mapped from a file.
      image_shape: (H, W, C).
      unpack: function of (rows of `stored`, their numbers) that gives uint8 [n, H, W, C]; its repr says what it does.
        None where the rows are images.
      chosen: int array [N], the numbers of the rows that these images are; None for all, in order.

    Attributes:
      shape: (N, H, W, C).
      dtype: uint8.
      ndim: 4.
      nbytes: what all these images would take if they were unpacked.
    """

    dtype: np.dtype = np.dtype(np.uint8)
    ndim: int = 4

    def __init__(
        self,
        stored: np.ndarray,
        image_shape: tuple[int, int, int],
        unpack: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
        chosen: np.ndarray | None = None,
    ) -> None:
        self._stored, self._unpack = stored, unpack
        self._chosen = np.arange(len(stored)) if chosen is None else chosen
        self.shape = (len(self._chosen), *image_shape)
        self.nbytes = int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, index: slice) -> "LazyImages": ...

    @overload
    def __getitem__(self, index: int | np.ndarray) -> np.ndarray: ...

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.select(index)
        numbers = self._chosen[index]
        return self._read(numbers[None])[0] if numbers.ndim == 0 else self._read(numbers)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return self._read(self._chosen).astype(dtype or self.dtype, copy=False)

    def select(self, chosen: slice | np.ndarray) -> "LazyImages":
        """Some of the images, still packed: a slice or an array of places."""
        return LazyImages(self._stored, self.shape[1:], self._unpack, self._chosen[chosen])

    def fingerprint(self) -> bytes:
        """The same for the same images in the same order; different ones have another."""
        digest = hashlib.sha256(repr((self.shape, self._unpack)).encode())
        digest.update(self._chosen.astype(np.int64).data)
        in_order = np.sort(self._chosen)  # a file is read faster from its start to its end
        step = max(1, HASHED_AT_ONCE // max(1, self._stored[:1].nbytes))
        for start in range(0, len(in_order), step):
            digest.update(np.ascontiguousarray(self._stored[in_order[start : start + step]]).data)
        return digest.digest()

    def _read(self, numbers):
        rows = np.asarray(self._stored[numbers])
        return rows if self._unpack is None else self._unpack(rows, numbers)


Images = np.ndarray | LazyImages


def content(images: Images) -> bytes | memoryview:
    """Bytes that two sets of images share only if they are the same: those of all pixels, or a fingerprint."""
    if isinstance(images, LazyImages):
        return images.fingerprint()
    return np.ascontiguousarray(images).data  # no copy: images may be larger than the memory


def cut(images: Images, parts: int) -> list[Images]:
    """Nearly equal parts of images, as `numpy.array_split` makes them, without unpacking any; at least one part."""
    parts = max(1, parts)
    sizes = [len(images) // parts + (part < len(images) % parts) for part in range(parts)]
    ends = np.cumsum(sizes)
    return [images[end - size : end] for size, end in zip(sizes, ends)]
