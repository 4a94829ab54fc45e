"""Folders, zips and tars from strangers: read in memory, or refused in one line that names them."""

import gzip
import hashlib
import io
import os
import random
import re
import struct
import tarfile
import zipfile

import numpy as np
import pytest
import scipy.io
from dataset_files import plain_picture, write_files, write_idx, write_tar, write_zip

from infogan.data import archives
from infogan.data.archives import UnreadableFile, open_source, read_tar_gz, trust_archives
from infogan.data.arrays import load_idx, load_mat, load_npz
from infogan.data.picture_files import list_pictures
from infogan.system.messages import InputError

FILES = {f"a/{n}.png": plain_picture(n) for n in range(5)} | {"b.txt": b"text"}


def make(kind, path):
    return {"folder": write_files, "zip": write_zip, "tar": write_tar}[kind](path, FILES)


def read_all(path):
    with open_source(path) as source:
        return {entry.name: source.read(entry) for entry in source.entries()}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_what_was_put_in_comes_out(tmp_path, kind):
    before = sorted(tmp_path.rglob("*"))
    path = make(kind, tmp_path / "files")
    made = sorted(tmp_path.rglob("*"))
    found = read_all(path)
    assert found == FILES
    assert list(found) == sorted(FILES)
    assert sorted(tmp_path.rglob("*")) == made != before, "nothing is unpacked"


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_bytes_after_the_end_do_no_harm(tmp_path, kind):
    path = make(kind, tmp_path / "files")
    path.write_bytes(path.read_bytes() + b"\n" * 20)
    assert read_all(path) == FILES


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path):
    inner = write_zip(tmp_path / "inner.zip", {"preview.png": b"small"}).read_bytes()
    with open_source(write_tar(tmp_path / "set.tar", {"a.png": b"one", "previews.zip": inner})) as source:
        assert [entry.name for entry in source.entries()] == ["a.png", "previews.zip"]


def test_order_within_an_archive_does_not_matter(tmp_path):
    reordered = dict(reversed(FILES.items()))
    assert read_all(write_tar(tmp_path / "a.tar", reordered)) == FILES
    assert read_all(write_zip(tmp_path / "a.zip", reordered)) == FILES


LEADING_OUT = ["/etc/passwd", "../up.png", "a/../../up.png", "C:\\windows.png", "..\\up.png", "\\\\server\\x"]


@pytest.mark.parametrize("name", LEADING_OUT)
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_names_that_lead_out_are_refused(tmp_path, kind, name):
    path = tmp_path / "archive"
    with pytest.raises(InputError, match=r"archive: it holds an entry .* that points outside of it"):
        if kind == "zip":
            read_all(write_zip(path, {"good.png": b"", name: b""}))
        elif kind == "tar":
            read_all(write_tar(path, {"good.png": b"", name: b""}))
        else:
            read_tar_gz(write_tar(path, {"good.png": b"", name: b""}, "w:gz"), str, 100)


def test_names_with_dots_are_no_escape(tmp_path):
    files = {"a..b/..c/d...png": b"x", "...": b"y"}
    assert read_all(write_zip(tmp_path / "a.zip", files)) == files


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    for mode in ("w", "w:gz"):
        path = tmp_path / "archive"
        with tarfile.open(path, mode) as archive:
            member = tarfile.TarInfo("x.png")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        with pytest.raises(InputError, match=r"archive: its entry 'x\.png' is a link or device"):
            read_all(path) if mode == "w" else read_tar_gz(path, str, 100)


def test_links_in_a_zip_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("x.png")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match=r"a\.zip: its entry 'x\.png' is a link or device"):
        read_all(tmp_path / "a.zip")


def test_bombs_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "bomb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(8):
            archive.writestr(f"{n}.bmp", bytes(2**24))
    with pytest.raises(InputError, match=r"bomb: its .* bytes unpack to 134,217,728 or more, .* decompression bomb"):
        read_all(path)


def test_bombs_in_a_tar_gz_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 2**20)
    path = write_tar(tmp_path / "bomb", {"a": b"good", "zeros": bytes(2**23), "data_batch_1": b""}, "w:gz")
    with pytest.raises(InputError, match=r"bomb: its .* unpack to 8,390,144 or more, .* decompression bomb"):
        read_tar_gz(path, lambda name: name == "data_batch_1", 100)


def test_a_header_that_lies_about_its_size_is_refused(tmp_path):
    """A tar of 2 KB whose entry announces 8 GB."""
    member = tarfile.TarInfo("x.png")
    member.size = 2**33 - 1
    (tmp_path / "a.tar").write_bytes(member.tobuf() + bytes(1536))
    with pytest.raises(InputError, match=r"a\.tar: its entry 'x\.png' runs beyond its end"):
        read_all(tmp_path / "a.tar")


def test_a_huge_extended_header_is_refused(tmp_path):
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, 2**33 - 1
    (tmp_path / "a.tar").write_bytes(member.tobuf() + bytes(1536))
    with pytest.raises(InputError, match=r"a\.tar: it cannot be read"):
        read_all(tmp_path / "a.tar")


def test_a_zip_that_lies_about_the_size_of_a_file_gives_no_more(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"x.png": bytes(2**20)})
    content = path.read_bytes().replace(struct.pack("<I", 2**20), struct.pack("<I", 10))
    path.write_bytes(content)
    with open_source(path) as source, pytest.raises(UnreadableFile, match="CRC"):
        source.read(source.entries()[0])


def test_large_files_are_not_read(tmp_path):
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(archives.LARGEST_FILE + 1)
    with open_source(tmp_path) as source, pytest.raises(UnreadableFile, match="67,108,865 bytes, but 67,108,864"):
        source.read(source.entries()[0])


def test_an_encrypted_or_oddly_packed_entry_is_unreadable(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"x.png": b"x"})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with open_source(path) as source, pytest.raises(UnreadableFile, match="encrypted"):
        source.read(source.entries()[0])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.png", b"x")
    with open_source(path) as source, pytest.raises(UnreadableFile, match="not by deflate"):
        source.read(source.entries()[0])


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_ENTRIES", 3)
    for kind in ("folder", "zip", "tar"):
        with pytest.raises(InputError, match=f"{kind}: it holds more than 3 files"):
            read_all(make(kind, tmp_path / kind))


@pytest.mark.parametrize("content", [b"", b"text", gzip.compress(b"x", mtime=0), b"PK\x03\x04", b"Rar!", bytes(1024)])
def test_other_files_are_no_source(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError, match="file: it is not a folder, zip or uncompressed tar"):
        open_source(tmp_path / "file")


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path, monkeypatch):
    write_files(tmp_path, FILES)
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"/a: it cannot be listed \(Permission denied\)"):
        read_all(tmp_path)


def test_circles_pipes_and_dead_links_in_a_folder(tmp_path):
    write_files(tmp_path, FILES)
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "dead.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.png")
    with open_source(tmp_path) as source:
        entries = {entry.name: entry for entry in source.entries()}
        assert entries.keys() == FILES.keys() | {"dead.png"}
        with pytest.raises(UnreadableFile, match="No such file"):
            source.read(entries["dead.png"])


def names_in(path):
    with open_source(path) as source:
        return [entry.name for entry in source.entries()], source.passed_over


def test_links_to_folders_are_followed(tmp_path):
    write_files(tmp_path / "set", {"own/1.png": b"1"})
    write_files(tmp_path / "elsewhere", {"deep/2.png": b"2", "3.png": b"3"})
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "further").symlink_to(tmp_path / "more")
    write_files(tmp_path / "more", {"4.png": b"4"})
    assert read_all(tmp_path / "set") == {
        "own/1.png": b"1",
        "linked/deep/2.png": b"2",
        "linked/3.png": b"3",
        "linked/further/4.png": b"4",
    }


def test_no_folder_is_read_twice_and_none_goes_by_a_link_that_has_a_name(tmp_path):
    folder = write_files(tmp_path / "set", {"z/1.png": b"1", "z/y/2.png": b"2"})
    for name, target in (("a", "z"), ("b", "z/y"), ("z/up", ".."), ("z/out", "../.."), ("c", str(tmp_path))):
        (folder / name).symlink_to(target)
    (folder / "loop").symlink_to("loop")
    names, passed_over = names_in(folder)
    assert names == ["loop", "z/1.png", "z/y/2.png"]
    assert list(passed_over.values()) == [5]


def test_the_folder_itself_may_be_a_link(tmp_path):
    write_files(tmp_path / "real", {"a/1.png": b"1"})
    (tmp_path / "link").symlink_to("real")
    assert read_all(tmp_path / "link") == {"a/1.png": b"1"}


def test_what_is_passed_over_is_counted(tmp_path, capsys):
    files = ["1.png", "a.TXT", "b.txt", "README", ".hidden", "d/.x/2.png", "__MACOSX/1.png", "e.zip"]
    folder = write_files(tmp_path / "set", dict.fromkeys(files, b""))
    os.mkfifo(folder / "pipe.png")
    with open_source(folder) as source:
        assert [entry.name for entry in list_pictures(source)] == ["1.png"]
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(r"set: 1 files are read; passed over: ", said)
    for kind in ("hidden files (3)", ".txt files (2)", ".zip files (1)", "files without an ending (1)", "pipes"):
        assert kind in said


def test_links_to_folders_that_are_gone_are_told_from_files(tmp_path, capsys):
    folder = write_files(tmp_path / "set", {"cats/1.png": b"", "notes": b""})
    for name in ("dogs", "birds.v2"):
        (folder / name).symlink_to(tmp_path / "unmounted" / name)
    with open_source(folder) as source:
        list_pictures(source)
    said = capsys.readouterr().err
    assert "links that lead nowhere (2)" in said and "files without an ending (1)" in said and ".v2" not in said


def test_nothing_is_said_where_nothing_is_passed_over(tmp_path, capsys):
    with open_source(write_zip(tmp_path / "a.zip", {"1.png": b"", "d/2.tif": b""})) as source:
        assert len(list_pictures(source)) == 2
    assert not capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_entries_that_another_replaces_are_counted(tmp_path, kind):
    path = tmp_path / "archive"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for content in ("one", "two", "three"):
                archive.writestr("1.png", content)
    else:
        with tarfile.open(path, "w") as archive:
            for content in (b"one", b"two", b"three"):
                member = tarfile.TarInfo("1.png")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    assert read_all(path) == {"1.png": b"three"}
    assert list(names_in(path)[1].values()) == [2]


def bomb(path):
    """A zip of 65 KB that unpacks to 67 MB and a byte."""
    return write_zip(path, {"1.bmp": bytes(2**26), "2.bmp": b"!"})


def test_an_archive_that_is_trusted_may_unpack_to_more(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_RATIO", 0)
    path = bomb(tmp_path / "bomb")
    with pytest.raises(InputError, match=r"bomb: .* decompression bomb. If you trust .* --trust-archive"):
        read_all(path)
    with trust_archives():
        assert names_in(path)[0] == ["1.bmp", "2.bmp"]
    with trust_archives(False), pytest.raises(InputError, match="decompression bomb"):
        read_all(path)


def test_a_published_archive_is_known_by_its_content(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_RATIO", 0)
    path = bomb(tmp_path / "any name")
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(archives, "KNOWN_MD5", {md5: "bomb"})
    assert len(names_in(path)[0]) == 2
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InputError, match="decompression bomb"):
        read_all(path)


@pytest.mark.parametrize("kind", ["tar.gz", "npz", "idx", "mat"])
def test_every_packed_format_can_be_trusted(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "LARGEST_RATIO", 0)
    monkeypatch.setattr(archives, "FREE_BYTES", 2**15)
    path, zeros = tmp_path / f"packed.{kind}", np.zeros((2**10, 8, 8), np.uint8)
    if kind == "tar.gz":
        write_tar(path, {"x": zeros.tobytes()}, "w:gz")
    elif kind == "npz":
        np.savez_compressed(path, x=zeros)
    elif kind == "idx":
        write_idx(path, zeros)
    else:
        scipy.io.savemat(path, {"x": zeros}, appendmat=False, do_compression=True)
    read = {
        "tar.gz": lambda: len(read_tar_gz(path, str, 2**20)["x"]),
        "npz": lambda: load_npz(path, ["x"])["x"].size,
        "idx": lambda: load_idx(path, 3).size,
        "mat": lambda: load_mat(path, ["x"])["x"].size,
    }[kind]
    with pytest.raises(InputError, match=r"packed\..*: .* decompression bomb"):
        read()
    with trust_archives():
        assert read() == zeros.size


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_truncated_archives_are_refused(tmp_path, kind):
    path = tmp_path / "archive"
    write_zip(path, FILES) if kind == "zip" else write_tar(path, FILES, "w:gz" if kind == "tar.gz" else "w")
    whole = path.read_bytes()
    end = len(whole) if kind != "tar" else whole.rindex(b"text") + 512
    for length in range(0, end, max(1, end // 50)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="archive: "):
            read_all(path) if kind != "tar.gz" else read_tar_gz(path, str, 10_000)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_damaged_archives_end_cleanly(tmp_path, kind):
    """Flipped bytes at random places: files as they were, or a refusal; in a tar, which has no checksums, any bytes."""
    path = tmp_path / "archive"
    write_zip(path, FILES) if kind == "zip" else write_tar(path, FILES, "w:gz" if kind == "tar.gz" else "w")
    whole, rng, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 1, 1, 20])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(content)
        try:
            found = read_all(path) if kind != "tar.gz" else read_tar_gz(path, str, 10_000)
        except (InputError, UnreadableFile) as error:
            refused += 1
            assert not isinstance(error, InputError) or "archive: " in str(error)
        else:
            assert kind == "tar" or set(found.values()) <= set(FILES.values())
    assert refused > 20


def test_a_tar_is_read_from_several_threads(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    with open_source(make("tar", tmp_path / "a.tar")) as source, ThreadPoolExecutor(8) as pool:
        entries = source.entries() * 200
        for entry, content in zip(entries, pool.map(source.read, entries)):
            assert content == FILES[entry.name]


def test_only_wanted_files_of_a_tar_gz_are_read(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", FILES, "w:gz")
    assert read_tar_gz(path, lambda name: name == "b.txt", 4) == {"b.txt": b"text"}
    with pytest.raises(InputError, match=r"its 'b\.txt' has 4 bytes, but 3 is the limit"):
        read_tar_gz(path, lambda name: name == "b.txt", 3)


def test_sparse_entries_are_refused(tmp_path):
    member = tarfile.TarInfo("x.png")
    member.type, member.size = tarfile.GNUTYPE_SPARSE, 0
    file = io.BytesIO(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    (tmp_path / "a.tar").write_bytes(file.getvalue())
    with pytest.raises(InputError, match=r"a\.tar: its entry 'x\.png' is a link or device"):
        read_all(tmp_path / "a.tar")
