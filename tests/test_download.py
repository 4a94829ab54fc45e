"""Fetching datasets from a web server of this machine: whole, resumed, refused, and never half there."""

import concurrent.futures
import hashlib
import http.server
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import ROOT
from dataset_files import run_on_terminal, write_svhn

from infogan.data import DATASETS, download, svhn
from infogan.data.download import BY_HAND, SOURCES, download_dataset
from infogan.system.messages import InputError

CONTENT = bytes(range(256)) * 4000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`; cuts the first `server.cuts` answers short; takes ranges if `server.takes_ranges`."""

    def do_GET(self):
        server, name = self.server, self.path.lstrip("/")
        server.requests.append((name, self.headers.get("Range")))
        if name not in server.files:
            return self.send_error(404)
        content, start = server.files[name], 0
        if server.takes_ranges and self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = len(content)
        if server.cuts:
            server.cuts -= 1
            stop = start + (len(content) - start) // 2
        self.wfile.write(content[start:stop])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.cuts, server.takes_ranges, server.requests = {"file.bin": CONTENT}, 0, True, []
        server.url = f"http://127.0.0.1:{server.server_address[1]}/"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def source(monkeypatch, server):
    """Makes "mnist" a single file of that server."""

    def set_source(content=CONTENT, urls=(server.url,)):
        files = {"file.bin": hashlib.sha256(content).hexdigest()}
        monkeypatch.setitem(SOURCES, "mnist", (tuple(urls), files))

    set_source()
    return set_source


def names_in(folder):
    return sorted({path.name for path in folder.iterdir()} - {".lock"})


def test_two_downloads_at_once_fetch_a_file_once(source, server, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: download_dataset("mnist", tmp_path), range(2)))
    assert names_in(tmp_path) == ["file.bin"]
    assert len(server.requests) == 1


def test_a_file_comes_whole(source, server, tmp_path, capsys):
    download_dataset("mnist", tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder" / "file.bin").read_bytes() == CONTENT
    assert names_in(tmp_path / "new" / "folder") == ["file.bin"]
    assert capsys.readouterr().err == "file.bin: fetching 1.0 MB\n"


def test_what_is_there_is_not_fetched_again(source, server, tmp_path):
    download_dataset("mnist", tmp_path)
    download_dataset("mnist", tmp_path)
    assert len(server.requests) == 1


def test_another_file_of_the_name_is_left_alone(source, server, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"file\.bin: it is not the published file"):
        download_dataset("mnist", tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == b"mine"
    assert server.requests == []


@pytest.mark.parametrize("takes_ranges", [True, False])
def test_an_interrupted_download_goes_on(source, server, tmp_path, takes_ranges):
    server.takes_ranges, server.cuts = takes_ranges, 1
    with pytest.raises(InputError, match=r"file\.bin is missing, but no address .* \(http://127"):
        download_dataset("mnist", tmp_path)
    assert not (tmp_path / "file.bin").exists()
    have = (tmp_path / ".file.bin.partial").stat().st_size
    assert 0 < have < len(CONTENT)
    download_dataset("mnist", tmp_path)
    assert server.requests[-1] == ("file.bin", f"bytes={have}-")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert names_in(tmp_path) == ["file.bin"]


def test_a_part_that_is_too_long_is_begun_again(source, server, tmp_path):
    (tmp_path / ".file.bin.partial").write_bytes(CONTENT + b"more")
    download_dataset("mnist", tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_another_file_than_the_published_is_refused(source, server, tmp_path):
    server.files["file.bin"] = CONTENT[:-1] + b"x"
    with pytest.raises(InputError, match="what it gives has another SHA-256"):
        download_dataset("mnist", tmp_path)
    assert names_in(tmp_path) == []


def test_a_damaged_part_does_not_stand_in_the_way_for_ever(source, server, tmp_path):
    (tmp_path / ".file.bin.partial").write_bytes(b"damaged")
    with pytest.raises(InputError, match="another SHA-256"):
        download_dataset("mnist", tmp_path)
    download_dataset("mnist", tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_the_next_address_is_tried(source, server, tmp_path):
    source(urls=("http://127.0.0.1:9/", f"{server.url}missing/", server.url))
    download_dataset("mnist", tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_every_failure_is_named(source, server, tmp_path):
    source(urls=("http://127.0.0.1:9/", f"{server.url}missing/"))
    with pytest.raises(InputError, match=r":9/: ConnectionError; .*/missing/: status 404\)\. Try again"):
        download_dataset("mnist", tmp_path)


def test_endless_files_are_cut_off(source, server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", 1000)
    with pytest.raises(InputError, match="but no address provided it"):
        download_dataset("mnist", tmp_path)
    assert not (tmp_path / "file.bin").exists()


DOWNLOAD = """
import sys
from infogan.data import download
download.SOURCES["mnist"] = ((sys.argv[1],), {"file.bin": sys.argv[2]})
download.download_dataset("mnist", sys.argv[3])
"""


def test_a_bar_is_shown_on_a_terminal(server, tmp_path):
    written = run_on_terminal(DOWNLOAD, server.url, hashlib.sha256(CONTENT).hexdigest(), tmp_path)
    assert "file.bin: fetching 1.0 MB" in written
    assert "100%" in written


def test_a_folder_that_cannot_be_made_is_refused(source, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"folder: it cannot be written .* Choose another"):
        download_dataset("mnist", tmp_path / "file" / "folder")


def test_what_was_fetched_can_be_loaded(server, tmp_path, monkeypatch):
    (tmp_path / "made").mkdir()
    files = {path.name: path.read_bytes() for path in write_svhn(tmp_path / "made").iterdir()}
    server.files = files
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setitem(SOURCES, "svhn", ((server.url,), hashes))
    download_dataset("svhn", tmp_path / "fetched")
    found, expected = svhn.load(tmp_path / "fetched"), svhn.load(tmp_path / "made")
    np.testing.assert_array_equal(found.test.images, expected.test.images)


@pytest.mark.parametrize("name", BY_HAND)
def test_what_may_not_be_fetched_says_where_it_is(name, tmp_path):
    with pytest.raises(InputError, match=rf"--download: {name} was given, which it does not fetch; .* needed"):
        download_dataset(name, tmp_path)


def test_an_unknown_name_is_refused(tmp_path):
    with pytest.raises(InputError, match="'nist' was given, but the known ones are mnist, fashion_mnist, svhn"):
        download_dataset("nist", tmp_path)


def test_every_dataset_is_fetched_freely_or_by_hand():
    assert {*SOURCES, *BY_HAND} == set(DATASETS)
    for urls, files in SOURCES.values():
        assert all(url.startswith("http") and url.endswith("/") for url in urls)
        assert all(len(sha256) == 64 for sha256 in files.values())


def test_loading_uses_no_network():
    code = "import sys, infogan.data.images, infogan.data.svhn; print({'requests', 'pooch'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
