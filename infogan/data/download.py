"""Fetches the datasets that may be fetched freely, with pooch; nothing else here uses the network."""

import os
from contextlib import ExitStack
from pathlib import Path

import pooch
import requests

from infogan.data import factor_sets, mnist
from infogan.data.celeba import NEEDED as CELEBA_NEEDED
from infogan.data.chairs import NEEDED as CHAIRS_NEEDED
from infogan.data.images import NEEDED as IMAGES_NEEDED
from infogan.system.checks import StrPath
from infogan.system.files import locked
from infogan.system.messages import InputError, refuse_name, show_progress

SOURCES = {
    "mnist": (
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        {f"{stem}.gz": sha256 for stem, sha256 in mnist.SHA256.items()},
    ),
    "fashion_mnist": (
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        {f"{stem}.gz": sha256 for stem, sha256 in mnist.FASHION_SHA256.items()},
    ),
    "svhn": (
        ("http://ufldl.stanford.edu/housenumbers/",),
        {
            "train_32x32.mat": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
            "test_32x32.mat": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
        },
    ),
    "cifar10": (
        ("https://www.cs.toronto.edu/~kriz/",),
        {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
    ),
}
"""For each dataset the addresses that hold it, in the order in which they are tried, and the SHA-256 of its files."""

BY_HAND = {
    "celeba": CELEBA_NEEDED,
    "chairs": f"some are shipped; of the others {CHAIRS_NEEDED}",
    "faces3d": "they are shipped, so no file is needed.",
    **dict.fromkeys(("dsprites", "dsprites_color", "dsprites_noise"), "it is rendered here, so no file is needed."),
    "shapes3d": f"the file is needed. {factor_sets.SHAPES3D}",
    "cars3d": f"the file is needed. {factor_sets.CARS3D}",
    "smallnorb": f"its six files are needed. {factor_sets.NORB}",
    "mpi3d": f"one of its files is needed. {factor_sets.MPI3D}",
    "images": IMAGES_NEEDED,
}
"""What the message says of each set that has to be fetched by hand, or not at all."""
TIMEOUT = 30
"""Seconds without a byte after which an address is given up."""
PIECE = 2**18
LARGEST = 2**30
"""Bytes of a file; the largest published one has 182 million."""


def download_dataset(name: str, folder: StrPath) -> None:
    """Fetches the files of a dataset into a folder, those that are not there yet.

    A file appears under its name once its SHA-256 is right. What an interrupted call has fetched stays beside it as
    `.<name>.partial`, and the next call goes on from there where the server can do that.

    Args:
      name: name of the dataset.
      folder: where to put the files; made if needed.

    Raises:
      InputError: if the dataset cannot be fetched freely (it says where to get it), the network or every address fails,
        a file is not the published one, or the folder cannot be written.
    """
    if name in BY_HAND:
        raise InputError("--download", f"{name} was given, which it does not fetch; {BY_HAND[name]}")
    if name not in SOURCES:
        raise InputError("--download", refuse_name(name, SOURCES))
    base_urls, files = SOURCES[name]
    folder = Path(folder)
    try:
        with ExitStack() as stack:
            if not all((folder / file).exists() for file in files):  # else nothing is written
                folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(folder / ".lock"))  # other runs may fetch the same set, as those of a study
            for file, sha256 in files.items():
                _fetch(folder, file, sha256, base_urls)
    except OSError as error:
        raise InputError(folder, f"it cannot be written ({error}). Choose another folder.") from error


def _fetch(folder, file, sha256, base_urls):
    failures = []
    if (folder / file).exists():
        if pooch.file_hash(folder / file) != sha256:
            raise InputError(
                folder / file, "it is not the published file, but that one is needed. Move it away, then try again."
            )
        return
    pooch.get_logger().setLevel("ERROR")
    for base_url in base_urls:
        download = _ResumedDownload(folder / f".{file}.partial")
        try:
            pooch.retrieve(base_url + file, f"sha256:{sha256}", file, folder, downloader=download)
        except requests.RequestException as error:
            failures.append(f"{base_url}: {_describe(error)}")
        except ValueError:
            failures.append(f"{base_url}: what it gives has another SHA-256")
        else:
            return
    raise InputError(
        "--download",
        f"{file} is missing, but no address provided it ({'; '.join(failures)}). Try again, or fetch it by hand.",
    )


def _describe(error):
    response = getattr(error, "response", None)
    return f"status {response.status_code}" if response is not None else type(error).__name__


class _ResumedDownload:
    """What pooch calls to fetch a file: goes on from the part that an interrupted call has left.

    Args:
      partial: `pathlib.Path` of that part.
    """

    def __init__(self, partial):
        self.partial = partial

    def __call__(self, url, output_file, pooch):
        have = self.partial.stat().st_size if self.partial.exists() else 0
        # Without "identity" a server may say that a .gz file is a compressed message, and requests would unpack it.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self.partial.unlink()  # it is as long as the file, or longer: only a new start tells which
                return self(url, output_file, pooch)
            response.raise_for_status()
            resumed = response.status_code == requests.codes.partial_content
            self._write(response, have if resumed else 0)
        # pooch checks its SHA-256 and gives it its name, or else removes it.
        os.replace(self.partial, output_file)

    def _write(self, response, have):
        expected = have + int(response.headers.get("Content-Length", 0))
        with (
            self.partial.open("ab" if have else "wb") as file,
            show_progress(f"{self.partial.name[1:-8]}: fetching {expected / 1e6:.1f} MB", expected or 1) as advance,
        ):
            for piece in response.iter_content(PIECE):
                if file.tell() > LARGEST:
                    raise requests.ConnectionError(f"more than {LARGEST:,} bytes")
                file.write(piece)
                advance(file.tell())
            if file.tell() < expected:
                raise requests.ConnectionError(f"{file.tell():,} of {expected:,} bytes")
