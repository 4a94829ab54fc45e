"""The files of a folder, a zip or a tar, read into memory one at a time; nothing is ever unpacked to disk."""

import contextlib
import contextvars
import functools
import gzip
import hashlib
import math
import os
import posixpath
import re
import stat
import tarfile
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from infogan.system.messages import InputError, note

LARGEST_FILE = 2**26
"""Bytes of one picture's file, inside an archive or not."""
LARGEST_PIXELS = 8192 * 6144
"""Pixels that the header of a picture may announce; decoding that many takes up to 800 MB of memory, in WebP."""
LEADS_OUT = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)|\0")
"""Absolute paths, of Windows too, and those with a part `..`."""
MOST_ENTRIES = 2_000_000
"""Files in a folder or an archive."""
FREE_BYTES, LARGEST_RATIO = 2**26, 100
"""An archive may unpack to `FREE_BYTES` in any case, and to `LARGEST_RATIO` times its own size beyond them."""
KNOWN_MD5 = {"7da33b31b13a06f4b04a70402ce90c2e": "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"}
"""Published archives that unpack to more; MD5 as their users publish it, which nobody can make another file match."""
MOST_KINDS = 6
"""Kinds of files that are named when files are passed over."""
ARCHIVE_ERRORS = (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error, ValueError, NotImplementedError)
"""What the standard library raises on damaged archives."""


class UnreadableFile(Exception):
    """One file of a source cannot be read; the others may be fine."""


class Entry(NamedTuple):
    """A file of a source.

    Attributes:
      name: path relative to the source, with "/".
      size: bytes, unpacked.
      stamp: a number that changes with the content: time of the file's last change, or the checksum that a zip keeps;
        None for what cannot be looked at, such as a dead link.
      handle: what an archive finds it by.
    """

    name: str
    size: int
    stamp: int | None
    handle: Any = None


class Source:
    """An opened folder, zip or tar; a context manager.

    Attributes:
      path: the folder or file.
      passed_over: what `entries` left out, and how many of each.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.passed_over: Counter[str] = Counter()

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of what is open."""

    def entries(self) -> list[Entry]:
        """Its files in the order of their names."""
        raise NotImplementedError

    def read(self, entry: Entry, largest: int = LARGEST_FILE) -> bytes:
        """The bytes of a file; any thread may ask.

        Raises:
          UnreadableFile: if there are more than `largest`, or they are damaged.
        """
        raise NotImplementedError


def open_source(path: Path) -> Source:
    """Opens a folder, a zip or an uncompressed tar.

    Raises:
      InputError: naming the path, if it is none of these, is damaged, or holds links, devices, entries that lead out of
        it, or a decompression bomb.
    """
    if path.is_dir():
        return _Folder(path)
    try:
        with path.open("rb") as file:
            start = file.read(512)
        if start[257:262] == b"ustar":  # first: a tar that ends with a zip could be taken for one
            return _Tar(path)
        if zipfile.is_zipfile(path):
            return _Zip(path)
    except ARCHIVE_ERRORS as error:
        reason = describe_error(error)
        raise InputError(path, f"it cannot be read ({reason}), but a folder, zip or tar is needed.") from error
    raise InputError(path, "it is not a folder, zip or uncompressed tar, but one of these is needed.")


class _Folder(Source):
    def entries(self):
        self.passed_over = Counter()
        found: list[Entry] = []
        for folder, names in self._walk():
            check_entry_count(self.path, len(found) + len(names))
            found += filter(None, (self._entry(os.path.join(folder, name)) for name in names))
        return sorted(found, key=lambda entry: entry.name)

    def _walk(self):
        """Yields (folder, names of its files), each folder once, however many links lead to it.

        Links to folders are followed last, so that a folder goes by its own name where it has one. Those that lead to a
        folder above the set would lead in circles.
        """
        seen = {_identify(parent) for parent in self.path.resolve().parents}
        folders: list[str] = [str(self.path)]
        links: list[str] = []
        while folders or links:
            folder = folders.pop() if folders else links.pop()
            if (identity := _identify(folder)) in seen:
                self.passed_over["links to folders that are read anyway or hold the set"] += 1
                continue
            seen.add(identity)
            names = []
            for item in _list_folder(folder):
                if item.is_symlink() and os.path.isdir(item.path):
                    links.append(item.path)
                elif item.is_dir(follow_symlinks=False):
                    folders.append(item.path)
                else:
                    names.append(item.name)
            yield folder, names

    def _entry(self, path):
        name = path[len(str(self.path)) :].replace(os.sep, "/").lstrip("/")
        try:
            status = os.stat(path)
        except OSError:  # such as a link to nothing: reading it will count it as unreadable
            return Entry(name, 0, None)
        if not stat.S_ISREG(status.st_mode):
            self.passed_over["pipes, sockets or devices"] += 1
            return None
        # The time of the last change of anything, which a copy, an archive or `touch` cannot put back.
        return Entry(name, status.st_size, status.st_ctime_ns)

    def read(self, entry, largest=LARGEST_FILE):
        _check_size(entry, largest)
        try:
            with open(os.path.join(self.path, entry.name), "rb") as file:
                return file.read(largest + 1)
        except OSError as error:
            raise UnreadableFile(error.strerror or str(error)) from error


def _identify(folder):
    """What is the same for every name of a folder."""
    with _refuse_folder(folder):
        status = os.stat(folder)
    return status.st_dev, status.st_ino


def _list_folder(folder):
    """What a folder holds, in a fixed order: last names first, since the last one is read first."""
    with _refuse_folder(folder), os.scandir(folder) as items:
        return sorted(items, key=lambda item: item.name, reverse=True)


@contextlib.contextmanager
def _refuse_folder(folder):
    try:
        yield
    except OSError as error:
        raise InputError(
            folder, f"it cannot be listed ({error.strerror}), but every folder of the set is read."
        ) from error


class _Zip(Source):
    def __init__(self, path):
        super().__init__(path)
        self._archive = zipfile.ZipFile(path)

    def close(self):
        self._archive.close()

    def entries(self):
        infos = self._archive.infolist()
        check_entry_count(self.path, len(infos))
        for info in infos:
            check_entry_name(self.path, info.orig_filename)
            # Archives made on other systems than Unix keep no kind.
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(self.path, f"its entry {info.filename!r} is a link or device, but files are needed.")
        check_unpacked_size(self.path, self.path.stat().st_size, sum(info.file_size for info in infos))
        found = {
            info.filename: Entry(info.filename, info.file_size, info.CRC, info) for info in infos if not info.is_dir()
        }
        self.passed_over = _count_replaced(sum(not info.is_dir() for info in infos) - len(found))
        return [found[name] for name in sorted(found)]

    def read(self, entry, largest=LARGEST_FILE):
        _check_size(entry, largest)
        _check_method(entry)
        try:
            return self._archive.read(entry.handle)
        except (*ARCHIVE_ERRORS, RuntimeError) as error:  # RuntimeError: it is encrypted
            raise UnreadableFile(describe_error(error)) from error

    def open(self, entry):
        """An entry as a binary stream, for what is too large to be held; reading it raises ARCHIVE_ERRORS."""
        _check_method(entry)
        return self._archive.open(entry.handle)


class _Tar(Source):
    def __init__(self, path):
        super().__init__(path)
        self._file = path.open("rb")
        self._lock = threading.Lock()

    def close(self):
        self._file.close()

    def entries(self):
        status = self.path.stat()
        found, count = {}, 0
        with _refuse_damage(self.path):
            for _, member in _members(self.path, self._file, status.st_size):
                # A later entry of the same name replaces an earlier one, as unpacking would.
                found[member.name] = Entry(member.name, member.size, status.st_ctime_ns, member.offset_data)
                count += 1
        self.passed_over = _count_replaced(count - len(found))
        return [found[name] for name in sorted(found)]

    def read(self, entry, largest=LARGEST_FILE):
        _check_size(entry, largest)
        try:
            with self._lock:
                self._file.seek(entry.handle)
                return self._file.read(entry.size)
        except OSError as error:
            raise UnreadableFile(describe_error(error)) from error


def _count_replaced(count):
    return Counter({"files that a later one of the same name replaces": count} if count else {})


def choose_entries(source: Source, is_wanted: Callable[[str], Any]) -> list[Entry]:
    """The entries of an opened source whose names are wanted; one line says what is passed over, if anything is."""
    entries = source.entries()
    chosen = [entry for entry in entries if is_wanted(entry.name)]
    others = (entry for entry in entries if not is_wanted(entry.name))
    passed_over = source.passed_over + Counter(map(_describe_kind, others))
    if chosen and passed_over:
        note(f"{source.path}: {len(chosen):,} files are read; passed over: {_list_kinds(passed_over)}")
    return chosen


def _describe_kind(entry):
    if entry.stamp is None:  # of a folder, perhaps, that is full of pictures
        return "links that lead nowhere"
    suffix = posixpath.splitext(entry.name)[1].lower()
    kind = f"{suffix[:20]} files" if suffix else "files without an ending"
    return "hidden files" if is_hidden(entry.name) else kind


def is_hidden(name: str) -> bool:
    """Whether a file is hidden, or one of those that macOS puts into archives."""
    parts = name.split("/")
    # tar has names such as ./a.png
    return any(part.startswith(".") and part != "." for part in parts) or "__MACOSX" in parts[:-1]


def _list_kinds(counts):
    named = dict(counts.most_common(MOST_KINDS))
    if others := counts.total() - sum(named.values()):
        named["others"] = others
    return ", ".join(f"{kind} ({count:,})" for kind, count in named.items())


def read_tar_gz(path: Path, wanted: Callable[[str], Any], largest: int) -> dict[str, bytes]:
    """Reads chosen files of a gzipped tar in one pass.

    Args:
      path: the archive.
      wanted: function of a file's name: True for those to read.
      largest: bytes that one of them may have.

    Raises:
      InputError: naming the archive, as in `open_source`.
    """
    found = {}
    packed = path.stat().st_size
    with _refuse_damage(path), gzip.open(path) as plain:
        for archive, member in _members(path, plain):
            check_unpacked_size(path, packed, member.offset_data + member.size)
            if not wanted(member.name):
                continue
            if member.size > largest:
                raise InputError(path, f"its {member.name!r} has {member.size:,} bytes, but {largest:,} is the limit.")
            found[member.name] = archive.extractfile(member).read()
        # gzip compares the checksum of all that it gave at its end.
        while plain.read(LARGEST_FILE):
            check_unpacked_size(path, packed, plain.tell())
    return found


@contextlib.contextmanager
def _refuse_damage(path):
    """Turns what the standard library raises on a damaged archive into one line."""
    try:
        yield
    except InputError:
        raise
    except ARCHIVE_ERRORS as error:
        reason = describe_error(error)
        raise InputError(path, f"it cannot be read ({reason}), so it is damaged. Fetch it again.") from error


def _members(path, file, largest=math.inf):
    """Pairs (archive, regular file) of a tar of at most `largest` bytes; refuses links and devices."""
    short_reads: Any = _ShortReads(file)  # all that a file needs where nothing is written
    with tarfile.open(fileobj=short_reads, mode="r:") as archive:
        position = -1
        for count, member in enumerate(archive):
            check_entry_count(path, count)
            check_entry_name(path, member.name)
            if not (member.isreg() or member.isdir()) or member.issparse():
                raise InputError(path, f"its entry {member.name[:100]!r} is a link or device, but files are needed.")
            end = member.offset_data + member.size
            # A negative size would send the reader round in circles.
            if not position < member.offset <= end <= largest:
                raise InputError(path, f"its entry {member.name[:100]!r} runs beyond its end. Fetch it again.")
            position = member.offset
            # Or the list of all entries would be kept.
            archive.members = []  # type: ignore[attr-defined]  # typeshed leaves it out
            if member.isreg():
                yield archive, member
        # tarfile takes a damaged header, and the end of a truncated archive, for the end of an archive.
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise InputError(path, f"it is damaged at byte {archive.offset:,}. Fetch it again.")


def _check_method(entry):
    # The other methods can ask for gigabytes of memory in their headers.
    if entry.handle.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableFile("it is compressed, but not by deflate")


def _check_size(entry, largest):
    if entry.size > largest:
        raise UnreadableFile(f"{entry.size:,} bytes, but {largest:,} is the limit")


class _ShortReads:
    """A file that refuses reads so long that no header of a tar needs them."""

    def __init__(self, file):
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size):
        if not 0 <= size <= LARGEST_FILE:
            raise ValueError(f"a read of {size:,} bytes")
        return self._file.read(size)


def describe_error(error: BaseException) -> str:
    """What a library says about a damaged file, in one short line: it may quote whatever the file holds."""
    text = str(error) or type(error).__name__
    return text[:200].encode("unicode_escape").decode()


_trusts_all = contextvars.ContextVar("trusts_all", default=False)


@contextlib.contextmanager
def trust_archives(trusts_all: bool = True) -> Iterator[None]:
    """Inside, archives may unpack to any size: the user trusts whoever made them."""
    token = _trusts_all.set(trusts_all)
    try:
        yield
    finally:
        _trusts_all.reset(token)


def is_trusted(path: Path) -> bool:
    """Whether the user trusts an archive, or it is one of KNOWN_MD5."""
    return _trusts_all.get() or (path.is_file() and _has_known_md5(path, os.stat(path).st_mtime_ns))


@functools.lru_cache(maxsize=8)
def _has_known_md5(path, changed):
    """Remembered, since some formats ask at every piece that they unpack."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest() in KNOWN_MD5


def check_unpacked_size(path: Path, packed: int, unpacked: int) -> None:
    """Refuses an archive of `packed` bytes that announces or gives `unpacked` bytes, unless it is trusted.

    Raises:
      InputError: naming the archive.
    """
    limit = FREE_BYTES + LARGEST_RATIO * packed
    if unpacked > limit and not is_trusted(path):
        raise InputError(
            path,
            f"its {packed:,} bytes unpack to {unpacked:,} or more, but {limit:,} is the limit: it looks like a "
            "decompression bomb. If you trust whoever made it, give --trust-archive.",
        )


def check_entry_name(where: Path, name: str) -> None:
    """Refuses the name of an archive's entry that leads out of the archive.

    Nothing is ever unpacked to disk, so such a name could do no harm here; but no honest archive holds one.

    Raises:
      InputError: naming the archive.
    """
    if LEADS_OUT.search(name):
        raise InputError(
            where, f"it holds an entry {name[:100]!r} that points outside of it, but none may. Fetch it from its owner."
        )


def check_entry_count(where: Path, count: int) -> None:
    """Refuses more files than any known set has.

    Raises:
      InputError: naming the folder or archive.
    """
    if count > MOST_ENTRIES:
        raise InputError(where, f"it holds more than {MOST_ENTRIES:,} files, but that is the limit.")
