"""Tiny sets in the formats in which their owners distribute them, and the real ones where they are."""

import gzip
import io
import os
import pty
import struct
import subprocess
import sys
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from infogan.data import dsprites, factor_sets
from infogan.data.arrays import load_npz

REAL = Path(os.environ.get("INFOGAN_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def real(*parts):
    """A file of the real data; skips the test that asks for it where it is not."""
    path = REAL.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data are not here: no {path.name} (set INFOGAN_TEST_DATA to their folder)")
    return path


def run_on_terminal(code, *arguments):
    """What a Python program writes to its standard error when that is a terminal."""
    ours, its = pty.openpty()
    root = Path(__file__).resolve().parents[1]
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=root, stderr=its)
    os.close(its)
    written = b""
    with suppress(OSError):  # the terminal closes with the process
        while piece := os.read(ours, 4096):
            written += piece
    os.close(ours)
    assert process.wait() == 0, written.decode()
    return written.decode()


def random_images(count, height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)


def digits(count):
    return np.arange(count) % 10


def picture(pixels, kind="PNG", **options):
    """uint8 array [H, W], [H, W, 1 or 3 or 4] -> bytes of a picture file."""
    file = io.BytesIO()
    Image.fromarray(np.squeeze(pixels)).save(file, kind, **options)
    return file.getvalue()


def plain_picture(colour, size=(40, 30), kind="PNG"):
    """One of a single colour: a grey level or (red, green, blue)."""
    file = io.BytesIO()
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(file, kind)
    return file.getvalue()


def write_files(folder, files):
    """dict of name -> bytes, as files below a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def dsprites_arrays(count=40):
    """Some of the pictures of dSprites, drawn by its rule."""
    rng, outlines = np.random.default_rng(0), load_npz(dsprites.OUTLINES, ("heart", "ellipse"))
    known = [factor.values for factor in (dsprites.COLOR | dsprites.LEVELS).values()]
    places = rng.choice(dsprites.MOST, count, replace=False)
    classes = np.stack(np.unravel_index(places, [len(levels) for levels in known]), axis=1)
    values = np.stack([levels[column] for levels, column in zip(known, classes.T)], axis=1)
    images = [dsprites.render_picture(row[1:], outlines) for row in values]
    return {"imgs": np.stack(images).astype(np.uint8), "latents_classes": classes, "latents_values": values}


def write_dsprites_npz(folder):
    """As its owners have it, with a pickle that nobody needs."""
    metadata = np.array({"author": "Matthey et al."}, dtype=object)
    np.savez_compressed(folder / dsprites.FILES[0], metadata=metadata, **dsprites_arrays())
    return folder


def write_dsprites_h5(folder):
    names = {"imgs": "imgs", "latents_classes": "latents/classes", "latents_values": "latents/values"}
    write_h5(folder / dsprites.FILES[1], {names[name]: array for name, array in dsprites_arrays().items()})
    return folder


def write_shapes3d(folder, count=40, **changes):
    rng = np.random.default_rng(0)
    labels = [rng.choice(factor.values, count) for factor in factor_sets.SHAPES3D_LEVELS.values()]
    arrays = {"images": random_images(count, 64, 64), "labels": np.stack(labels, axis=1)} | changes
    write_h5(folder / "3dshapes.h5", {name: array for name, array in arrays.items() if array is not None})
    return folder


MPI3D_TINY = (2, 2, 2, 2, 1, 1, 3)
"""Sizes of the factors of what `write_mpi3d` writes; the owners' files have others."""


def write_mpi3d(folder):
    np.savez_compressed(folder / "mpi3d_toy.npz", images=random_images(48, 64, 64))
    return folder


def car_files(cars=3):
    """Views of which each pixel is 20 times the number of the car, and the azimuth, and 30 times the elevation."""
    files = {"data/cars/list.txt": "".join(f"car_{car:03d}_mesh\n" for car in range(cars)).encode()}
    for car in range(cars):
        views = np.uint8(20 * car) + np.arange(24, dtype=np.uint8)[:, None] + 30 * np.arange(4, dtype=np.uint8)
        file = io.BytesIO()
        scipy.io.savemat(file, {"im": np.broadcast_to(views, factor_sets.CAR_SHAPE)}, do_compression=True)
        files[f"data/cars/car_{car:03d}_mesh.mat"] = file.getvalue()
    return files | {"data/sprites/sprites_1.mat": b"another set"}


def norb_matrix(array):
    """In the format of SmallNORB's owners: three sizes at the least."""
    magic = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[array.dtype.name]
    sizes = (*array.shape, 1, 1)[: max(3, array.ndim)]
    return struct.pack(f"<ii{len(sizes)}i", magic, array.ndim, *sizes) + array.tobytes()


def norb_files(count=20, is_packed=False):
    files = {}
    for seed, stem in enumerate(factor_sets.NORB_STEMS):
        rng = np.random.default_rng(seed)
        info = np.stack([rng.integers(0, high, count) for high in (10, 9, 18, 6)], axis=1) * [1, 1, 2, 1]
        matrices = {"dat": random_images(count, 2, 96, 96, seed), "cat": np.arange(count) % 5, "info": info}
        for part, matrix in matrices.items():
            content = norb_matrix(matrix if part == "dat" else matrix.astype(np.int32))
            files[f"{stem}-{part}.mat" + ".gz" * is_packed] = gzip.compress(content) if is_packed else content
    return files


def write_h5(path, arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")
    return path


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def write_idx_files(folder):
    for part, count, seed in (("train", 40, 0), ("t10k", 20, 1)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", random_images(count, 28, 28, 1, seed)[..., 0])
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", digits(count))
    return folder


def write_svhn(folder, parts=("train", "test")):
    for seed, part in enumerate(parts):
        images = random_images(40, 32, 32, 3, seed)
        labels = np.where(digits(40) == 0, 10, digits(40)).astype(np.uint8)[:, None]
        arrays = {"X": images.transpose(1, 2, 3, 0), "y": labels}
        scipy.io.savemat(folder / f"{part}_32x32.mat", arrays, do_compression=True)
    return folder


def cifar_batches():
    """name -> (uint8 [N, 3072] in planes, labels): two training batches and one to test."""
    names = ("data_batch_1", "data_batch_2", "test_batch")
    return {
        name: (random_images(20, 32, 32, 3, seed).transpose(0, 3, 1, 2).reshape(20, -1), digits(20))
        for seed, name in enumerate(names)
    }


def cifar_files():
    """The files of the binary archive."""
    records = {
        name: np.column_stack([labels, data]).astype(np.uint8) for name, (data, labels) in cifar_batches().items()
    }
    return {f"cifar-10-batches-bin/{name}.bin": batch.tobytes() for name, batch in records.items()}


def celeba_files(count=40):
    """Pictures of one grey level each, which `celeba_level` tells from their number."""
    levels = {n: (celeba_level(n),) * 3 for n in range(1, count + 1)}
    return {f"img_align_celeba/{n:06d}.jpg": plain_picture(level, (89, 109), "JPEG") for n, level in levels.items()}


def celeba_level(number):
    return 37 * number % 256


def write_celeba_lists(folder, count=40):
    """Attributes that follow from the number; the last 15 pictures are 5 to validate and 10 to test."""
    names = [f"{n:06d}.jpg" for n in range(1, count + 1)]
    parts = [0] * (count - 15) + [1] * 5 + [2] * 10
    (folder / "list_eval_partition.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(names, parts)))
    lines = [f"{name}  {1 if n % 2 else -1} {-1 if n % 3 else 1}\n" for n, name in enumerate(names, 1)]
    (folder / "list_attr_celeba.txt").write_text(f"{count}\nEyeglasses Smiling \n" + "".join(lines))


def chair_files(chairs=4):
    """Pictures whose grey level is elevation + azimuth / 2."""
    views = [(elevation, azimuth) for elevation in (20, 30) for azimuth in (0, 92, 185, 278)]
    files = {}
    for chair in range(chairs):
        for number, (elevation, azimuth) in enumerate(views):
            name = f"chair{chair}/renders/image_{number:03d}_p{elevation:03d}_t{azimuth:03d}_r096.png"
            files[f"rendered_chairs/{name}"] = plain_picture((elevation + azimuth // 2,) * 3, (60, 60))
    return files


def chair_arrays(chairs=5, first=0, side=64, elevations=(20, 30), ground=255):
    """As in an .npz file: views of random pixels below a plain edge."""
    azimuth, elevation = (grid.ravel() for grid in np.meshgrid([0, 90.5, 180, 270], elevations))
    images = np.random.default_rng(0).integers(0, 256, (first + chairs, len(azimuth), side, side), np.uint8)[first:]
    images[:, :, 0] = ground
    ids = np.array([f"chair{number}" for number in range(first, first + chairs)])
    return {"images": images, "ids": ids, "azimuth": azimuth, "elevation": elevation}


def face_arrays(count=30, size=32):
    rng = np.random.default_rng(0)
    return {"images": random_images(count, size, size, 1)[..., 0], "factors_standardised": rng.normal(size=(count, 3))}


def identity_arrays(count=40, identities=10, size=32):
    """Pictures of several heads, with a table of factors."""
    rng = np.random.default_rng(0)
    factors = np.stack([np.arange(count) % identities, rng.uniform(-60, 60, count)], axis=1)
    return {
        "images": random_images(count, size, size, 1)[..., 0],
        "factors": factors.astype(np.float32),
        "names": np.array(["identity", "azimuth"]),
    }


def labelled_arrays(count=30):
    return {"images": random_images(count, 40, 32), "labels": digits(count)}


def class_files(count=10):
    """Pictures in a folder for each of three classes."""
    names = ("cat", "dog", "owl")
    return {
        f"{name}/{n}.png": picture(random_images(1, 40, 40, seed=n)[0] + i)
        for i, name in enumerate(names)
        for n in range(count)
    }


def picture_files(count=40):
    """Nested, of mixed sizes and formats, with other files among them."""
    kinds = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
    files = {"README.txt": b"no picture", ".hidden.png": b"", "__MACOSX/a/._1.png": b"\0", "Thumbs.db": b"\0"}
    for n in range(count):
        kind = kinds[n % 6]
        pixels = random_images(1, 30 + n, 70 - n, seed=n)[0]
        files[f"{'deep/' * (n % 3)}{n}.{kind.lower()}"] = picture(pixels, kind)
    return files
