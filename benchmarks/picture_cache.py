"""Time and peak memory of reading a folder, zip or tar of N tiny pictures, before and after they are in the cache.

python benchmarks/picture_cache.py 2000 50000
"""

import argparse
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

LOAD = "load"


def make_pictures(count, seed=0):
    """Yields (name, bytes) of `count` JPEG pictures of 64x64, a few hundred different ones."""
    rng = np.random.default_rng(seed)
    contents = []
    for _ in range(min(count, 300)):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((64, 64)).save(file, "JPEG")
        contents.append(file.getvalue())
    for place in range(count):
        yield f"{place:06d}.jpg", contents[place % len(contents)]


def write_folder(path, count):
    path.mkdir()
    for name, content in make_pictures(count):
        (path / name).write_bytes(content)


def write_zip(path, count):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in make_pictures(count):
            archive.writestr(name, content)


def write_tar(path, count):
    with tarfile.open(path, "w") as archive:
        for name, content in make_pictures(count):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def peak_memory():
    """Resident memory of this process at its highest, in MB."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def load(path):
    """Reads the pictures once in this process and prints seconds and memory."""
    from infogan.data import images

    before = peak_memory()
    started = time.monotonic()
    dataset = images.load(path, 32)
    seconds = time.monotonic() - started
    print(
        f"{len(dataset.train) + len(dataset.test)} pictures in {seconds:.2f} s, {peak_memory() - before:.1f} MB "
        f"on top of {before:.0f} MB"
    )


def main():
    if sys.argv[1:2] == [LOAD]:
        return load(sys.argv[2])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=int, nargs="+", help="numbers of pictures")
    for count in parser.parse_args().counts:
        for kind, write in (("folder", write_folder), ("zip", write_zip), ("tar", write_tar)):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"pictures.{kind}"
                write(path, count)
                environment = {**os.environ, "INFOGAN_CACHE": f"{folder}/cache"}
                for start in ("first start", "second start"):
                    command = [sys.executable, __file__, LOAD, str(path)]
                    result = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
                    print(f"{kind}, {start}: {result.stdout.strip()}")


if __name__ == "__main__":
    main()
