"""3D Shapes, Cars3D, SmallNORB and MPI3D: pictures of things whose true factors are known, from their owners' files.

None is shipped. Pictures are resized once, into the cache, and read from there; a set may be larger than memory.
"""

import contextlib
import functools
import gzip
import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from infogan.data.archives import read_tar_gz, trust_archives
from infogan.data.arrays import open_arrays, parse_mat
from infogan.data.dataset import Dataset, Split, find_source, hold_out
from infogan.data.factors import Factor, read_table
from infogan.data.lazy_images import LazyImages
from infogan.data.picture_files import Preparation, prepare_pixels
from infogan.data.pixel_cache import file_key, keep_array
from infogan.system.checks import StrPath
from infogan.system.messages import InputError, show_progress

ImageSize = int | tuple[int, int] | None
SIDE = 64
VERSION = 1
"""Raised whenever the same file would give other pixels."""


def _keep_images(path, pieces, count, preparation):
    """Pieces of uint8 images [n, H, W] or [n, H, W, C], resized and kept in the cache: LazyImages [N, H, W, C]."""

    def resized() -> Iterator[np.ndarray]:
        with show_progress(f"{path.name}: reading {count:,} pictures, once", count) as advance:
            done = 0
            for piece in pieces():
                fits = piece.reshape(*piece.shape[:3], -1).shape[1:] == preparation.shape
                yield piece if fits else np.stack([prepare_pixels(image, preparation) for image in piece])
                done += len(piece)
                advance(done)

    height, width, channels = preparation.shape
    key = f"pictures-{VERSION}-{height}x{width}x{channels}-{file_key(path)}"
    return LazyImages(keep_array(key, preparation.shape, resized), preparation.shape)


@contextlib.contextmanager
def _open_images(path, counts, advice):
    """The arrays of a file, of which `images` are uint8 [N, 64, 64, 3], with N as one of `counts`."""
    shape = (SIDE, SIDE, 3)
    with trust_archives(), open_arrays(path) as arrays:  # how much they unpack to is checked here
        if "images" not in arrays:
            raise InputError(path, f"it holds {', '.join(arrays) or 'nothing'}, but 'images' are needed. {advice}")
        images = arrays["images"]
        if images.shape[1:] != shape or images.shape[0] not in counts or images.dtype != np.uint8:
            found = f"{images.dtype} {[*images.shape]}"
            raise InputError(path, f"its 'images' are {found}, but uint8 {['N', *shape]} are needed. {advice}")
        yield arrays


SHAPES3D = "Get 3dshapes.h5 from https://github.com/google-deepmind/3d-shapes (docs/datasets.md)."
SHAPES3D_LEVELS = {
    "floor_hue": Factor(np.arange(10) / 10, "circular", 1),
    "wall_hue": Factor(np.arange(10) / 10, "circular", 1),
    "object_hue": Factor(np.arange(10) / 10, "circular", 1),
    "scale": Factor(np.linspace(0.75, 1.25, 8), "ordered"),
    "shape": Factor(np.arange(4.0), "nominal"),
    "orientation": Factor(np.linspace(-30, 30, 15), "ordered"),
}
SHAPES3D_MOST = 480_000


def load_shapes3d(data_dir: StrPath | None = None, image_size: ImageSize = None) -> Dataset:
    """Reads 3D Shapes (Burgess and Kim 2018): 480,000 pictures of an object in a room.

    Args:
      data_dir: `3dshapes.h5`, or a folder with it. It may be a part of the set.
      image_size: (H, W) of the images, or the side of square ones; None for 64, those of the file.

    Returns:
      Dataset with images [N, H, W, 3], read from the cache. Factors are three hues, of "floor_hue", "wall_hue" and
      "object_hue", which go around from 0 to 1; "scale"; "shape" (0 cube, 1 cylinder, 2 sphere, 3 capsule); and
      "orientation", from -30 to 30 degrees. A tenth, drawn at random, is the test split.

    Raises:
      InputError: naming the file that is missing, damaged or another set's.
    """
    path = find_source(data_dir, ("3dshapes.h5",), f"the file 3dshapes.h5 is needed. {SHAPES3D}")
    with _open_images(path, range(1, SHAPES3D_MOST + 1), SHAPES3D) as arrays:
        count = arrays["images"].shape[0]
        if "labels" not in arrays:
            raise InputError(path, f"it holds no 'labels', but these are its factors. {SHAPES3D}")
        factors = read_table(path, arrays["labels"], SHAPES3D_LEVELS, count, SHAPES3D)
        images = _keep_images(path, arrays["images"].pieces, count, Preparation(image_size or SIDE, 3))
    return hold_out(Split(images, None, factors), str(path))


MPI3D = "Get MPI3D from https://github.com/rr-learning/disentanglement_dataset (docs/datasets.md)."
MPI3D_FILES = ("mpi3d_toy.npz", "mpi3d_realistic.npz", "mpi3d_real.npz", "real3d_complicated_shapes_ordered.npz")
MPI3D_KINDS = {
    "object_color": "nominal",
    "object_shape": "nominal",
    "object_size": "ordered",
    "camera_height": "ordered",
    "background_color": "nominal",
    "horizontal_axis": "ordered",
    "vertical_axis": "ordered",
}
MPI3D_SIZES = {1_036_800: (6, 6, 2, 3, 3, 40, 40), 460_800: (4, 4, 2, 3, 3, 40, 40)}
"""How many values each factor has, by the number of pictures: toy, realistic and real; complex."""


def load_mpi3d(data_dir: StrPath | None = None, image_size: ImageSize = None) -> Dataset:
    """Reads MPI3D (Gondal et al. 2019): an object that a robot's arm moves, drawn, rendered or photographed.

    Args:
      data_dir: one of the owners' files, toy, realistic, real or complex; or a folder with one.
      image_size: (H, W) of the images, or the side of square ones; None for 64, those of the files.

    Returns:
      Dataset with images [N, H, W, 3], read from the cache. Factors are those of MPI3D_KINDS, numbered from 0. A tenth,
      drawn at random, is the test split.

    Raises:
      InputError: naming the file that is missing, damaged or another set's.
    """
    path = find_source(data_dir, MPI3D_FILES, f"a file of MPI3D is needed. {MPI3D}")
    with _open_images(path, MPI3D_SIZES, MPI3D) as arrays:
        count = arrays["images"].shape[0]
        images = _keep_images(path, arrays["images"].pieces, count, Preparation(image_size or SIDE, 3))
    numbers = np.unravel_index(np.arange(count), MPI3D_SIZES[count])
    factors = {
        name: Factor(number.astype(np.float32), kind) for (name, kind), number in zip(MPI3D_KINDS.items(), numbers)
    }
    return hold_out(Split(images, None, factors), str(path))


CARS3D = "Get nips2015-analogy-data.tar.gz from http://www.scottreed.info (docs/datasets.md)."
CARS3D_FILE = "nips2015-analogy-data.tar.gz"
CAR_SHAPE = (128, 128, 3, 24, 4)
"""Of the array `im` of each car: rows, columns, channels, azimuths, elevations."""
LARGEST_CAR = 2**25
"""Bytes of a car's file."""


def load_cars3d(data_dir: StrPath | None = None, image_size: ImageSize = None) -> Dataset:
    """Reads Cars3D (Reed et al. 2015): 183 cars from 96 directions each.

    Args:
      data_dir: `nips2015-analogy-data.tar.gz`, or a folder with it.
      image_size: (H, W) of the images, or the side of square ones; None for 64. Those of the file have 128.

    Returns:
      Dataset with images [N, H, W, 3], read from the cache. Factors are the "elevation", from 0 to 3; the "azimuth", in
      degrees; and the "car", in the order of the owners' list, which is its group, too. A tenth of the cars, drawn at
      random, is the test split.

    Raises:
      InputError: naming the file that is missing, damaged or another set's.
    """
    path = find_source(data_dir, (CARS3D_FILE,), f"the file {CARS3D_FILE} is needed. {CARS3D}")
    pieces = functools.partial(_read_cars, path)
    images = _keep_images(path, pieces, 183 * 96, Preparation(image_size or SIDE, 3))
    car, azimuth, elevation = np.unravel_index(np.arange(len(images)), (len(images) // 96, 24, 4))
    factors = {
        "elevation": Factor(elevation.astype(np.float32), "ordered"),
        "azimuth": Factor((azimuth * 15).astype(np.float32), "circular", 360),
        "car": Factor(car, "nominal"),
    }
    return hold_out(Split(images, None, factors, car), str(path))


def _read_cars(path):
    """The pictures of one car after another: uint8 [96, 128, 128, 3] each, the elevation fastest."""
    found = read_tar_gz(path, lambda name: "cars" in name.split("/")[-2:-1], LARGEST_CAR)
    files = {name.split("/")[-1]: content for name, content in found.items()}
    names = files.get("list.txt", b"").decode("utf8", "replace").split()
    if len(names) < 2:
        raise InputError(path, f"it holds no cars/list.txt with the names of 2 or more cars. {CARS3D}")
    for name in names:
        inside = path / "cars" / f"{name[:100]}.mat"  # for messages
        if f"{name}.mat" not in files:
            raise InputError(inside, f"it is not there, but cars/list.txt names it. {CARS3D}")
        images = parse_mat(inside, files[f"{name}.mat"], ("im",)).get("im", np.empty(0))
        if images.shape != CAR_SHAPE or images.dtype != np.uint8:
            shown = f"{images.dtype} {[*images.shape]}"
            raise InputError(inside, f"its 'im' is {shown}, but uint8 {[*CAR_SHAPE]} is needed. {CARS3D}")
        yield images.transpose(3, 4, 0, 1, 2).reshape(-1, *CAR_SHAPE[:3])


NORB = "Get SmallNORB from https://cs.nyu.edu/~ylclab/data/norb-v1.0-small (docs/datasets.md)."
NORB_STEMS = ("smallnorb-5x46789x9x18x6x2x96x96-training", "smallnorb-5x01235x9x18x6x2x96x96-testing")
NORB_LEVELS = {
    "category": Factor(np.arange(5), "nominal"),
    "elevation": Factor(30 + 5 * np.arange(9), "ordered"),
    "azimuth": Factor(20 * np.arange(18), "circular", 360),
    "lighting": Factor(np.arange(6), "nominal"),
}
MATRICES = {
    "dat": (0x1E3D4C55, np.dtype("u1"), (2, 96, 96)),
    "cat": (0x1E3D4C54, np.dtype("<i4"), ()),
    "info": (0x1E3D4C54, np.dtype("<i4"), (4,)),
}
"""The owners' matrices: the number they start with, which says the type of theirs; that type; the shape of a row."""
NORB_MOST = 24_300
READ_AT_ONCE = 500


def load_smallnorb(data_dir: StrPath | None = None, image_size: ImageSize = None) -> Dataset:
    """Reads SmallNORB (LeCun et al. 2004): 50 toys on a turntable, the left picture of each pair.

    Args:
      data_dir: folder with the owners' six files, `.mat` or `.mat.gz`: dat, cat and info of training and testing.
      image_size: (H, W) of the images, or the side of square ones; None for 64. Those of the files have 96.

    Returns:
      Dataset with images [N, H, W, 1], read from the cache. Factors are the "category" (animal, human, plane, truck,
      car), "elevation" and "azimuth", in degrees, and "lighting"; groups are the toys. The splits are the owners'.

    Raises:
      InputError: naming the file that is missing, damaged or another set's.
    """
    preparation = Preparation(image_size or SIDE, 1)
    train, test = (_read_norb(data_dir, stem, preparation) for stem in NORB_STEMS)
    return Dataset(train, test, str(data_dir))


def _read_norb(data_dir, stem, preparation):
    paths = {part: _find_matrix(data_dir, f"{stem}-{part}.mat") for part in MATRICES}
    category, info = (_read_matrix(paths[part], part) for part in ("cat", "info"))
    count = len(category)
    if len(info) != count:
        raise InputError(
            paths["info"], f"it has {len(info):,} rows for {count:,} categories, one each is needed. {NORB}"
        )
    instance, elevation, azimuth, lighting = info.T
    table = np.stack([category, 30 + 5 * elevation, 10 * azimuth, lighting], axis=1)
    factors = read_table(paths["info"], table, NORB_LEVELS, count, NORB)
    pieces = functools.partial(_read_left, paths["dat"], count)
    return Split(_keep_images(paths["dat"], pieces, count, preparation), None, factors, 10 * category + instance)


def _find_matrix(data_dir, name):
    return find_source(data_dir, (name, f"{name}.gz"), f"SmallNORB's six files are needed. {NORB}")


@contextlib.contextmanager
def _open_matrix(path, part):
    """(how many rows, function that reads so many of them) of one of the MATRICES."""
    magic, dtype, row_shape = MATRICES[part]
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start, dimensions = struct.unpack("<ii", file.read(8))
            if start != magic or dimensions != 1 + len(row_shape):
                raise InputError(path, f"it is no matrix of {dtype} {['N', *row_shape]}, but one is needed. {NORB}")
            stored = max(3, dimensions)  # there are three sizes at the least
            count, *sizes = struct.unpack(f"<{stored}i", file.read(4 * stored))[:dimensions]
            if not 0 < count <= NORB_MOST or tuple(sizes) != row_shape:
                needed = [NORB_MOST, *row_shape]
                raise InputError(path, f"its header says {[count, *sizes]}, but {needed} is needed. {NORB}")
            yield count, functools.partial(_read_rows, path, file, dtype, row_shape)
            if file.read(1):  # at its end gzip compares the checksum
                raise InputError(path, f"it is longer than its header says, so it is damaged. {NORB}")
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise InputError(path, f"it cannot be read ({error}), so it is damaged. {NORB}") from error


def _read_rows(path, file, dtype, row_shape, count):
    expected = count * math.prod(row_shape) * dtype.itemsize
    content = file.read(expected)
    if len(content) != expected:
        raise InputError(path, f"{len(content):,} bytes follow where {expected:,} are needed: it is cut short. {NORB}")
    return np.frombuffer(content, dtype).reshape(count, *row_shape)


def _read_matrix(path, part):
    with _open_matrix(path, part) as (count, read):
        return read(count)


def _read_left(path, count):
    """The left pictures of all pairs: uint8 [n, 96, 96], some at a time."""
    with _open_matrix(path, "dat") as (found, read):
        if found != count:
            raise InputError(path, f"it has {found:,} pictures for {count:,} categories, one each is needed. {NORB}")
        for start in range(0, count, READ_AT_ONCE):
            yield read(min(READ_AT_ONCE, count - start))[:, 0]
