"""The cache on disk: used again, made again when anything changes, whole or not there, one maker at a time."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT
from dataset_files import picture, plain_picture, run_on_terminal, write_files, write_tar, write_zip
from PIL import Image

from infogan.data import pixel_cache
from infogan.data.archives import open_source
from infogan.data.picture_files import Preparation
from infogan.data.pixel_cache import load_pixels
from infogan.system.messages import InputError

PREPARATION = Preparation(8, 1)


def deep_picture(low, high, kind="PNG"):
    """16 bits: the left half `low`, the right half `high`."""
    return picture(np.repeat(np.array([[low] * 4 + [high] * 4], np.uint16), 8, axis=0), kind)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of this test alone."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("INFOGAN_CACHE", str(folder))
    return folder


def pictures(count):
    return {f"{n:04d}.png": plain_picture(n % 256, (8, 8)) for n in range(count)}


def load(path, preparation=PREPARATION):
    with open_source(path) as source:
        return load_pixels(source, source.entries(), preparation)


def decoded(monkeypatch):
    """A list that grows with every picture that is decoded."""
    calls, decode = [], pixel_cache.decode_picture
    monkeypatch.setattr(pixel_cache, "decode_picture", lambda *given: calls.append(1) or decode(*given))
    return calls


@pytest.mark.parametrize("write", [write_files, write_zip, write_tar])
def test_the_second_start_decodes_nothing(tmp_path, cache, monkeypatch, write):
    calls = decoded(monkeypatch)
    path = write(tmp_path / "set", pictures(600))
    first = load(path)
    assert len(calls) == 600
    second = load(path)
    assert len(calls) == 600
    for pixels in (first, second):
        assert isinstance(pixels.images, np.memmap)
        np.testing.assert_array_equal(pixels.images[:, 0, 0, 0], np.arange(600) % 256)
        np.testing.assert_array_equal(pixels.kept, np.arange(600))
    with pytest.raises(ValueError, match="read-only"):
        second.images[0] = 0


def test_it_does_not_matter_where_the_pictures_lie(tmp_path, cache, monkeypatch):
    calls = decoded(monkeypatch)
    path = write_zip(tmp_path / "one.zip", pictures(9))
    load(path)
    path.rename(tmp_path / "two.zip")
    load(tmp_path / "two.zip")
    assert len(calls) == 9


def test_any_change_makes_a_new_one(tmp_path, cache, monkeypatch):
    folder = write_files(tmp_path / "set", pictures(9))
    load(folder)
    for change in (
        lambda: (folder / "0003.png").write_bytes(plain_picture(99, (9, 9))),
        lambda: (folder / "0003.png").rename(folder / "0103.png"),
        lambda: (folder / "0004.png").unlink(),
        lambda: os.utime(folder / "0005.png", (1, 1)),
        lambda: monkeypatch.setattr(pixel_cache, "VERSION", -1),
    ):
        before = set(cache.glob("*.npy"))
        change()
        load(folder)
        assert len(set(cache.glob("*.npy")) - before) == 1
    for preparation, shape in (
        (Preparation(9, 1), (9, 9, 1)),
        (Preparation(8, 3), (8, 8, 3)),
        (Preparation((8, 9), 1), (8, 9, 1)),
        (Preparation((9, 8), 1), (9, 8, 1)),
        (Preparation(8, 1, (0, 0, 0.5, 0.5)), (8, 8, 1)),
    ):
        before = set(cache.glob("*.npy"))
        assert load(folder, preparation).images.shape[1:] == shape
        assert len(set(cache.glob("*.npy")) - before) == 1


def test_pictures_of_the_same_names_sizes_and_times_are_told_apart(tmp_path, cache):
    """As two folders out of archives may have them."""
    for name, level in (("dark", 10), ("light", 200)):
        folder = write_files(tmp_path / name, {"a.bmp": picture(np.full((8, 8), level, np.uint8), "BMP")})
        os.utime(folder / "a.bmp", (1, 1))
        assert load(folder).images.mean() == level


def test_every_damage_of_a_header_is_found(tmp_path, cache):
    path = write_files(tmp_path / "set", pictures(3))
    expected = np.array(load(path).images)
    file = next(cache.glob("*.npy"))
    content = file.read_bytes()
    for place in range(0, 128, 3):
        file.write_bytes(content[:place] + bytes([content[place] ^ 8]) + content[place + 1 :])
        assert load(path).images.shape == expected.shape


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize("content", [None, b"", b"damaged", "half"])
def test_a_damaged_cache_is_made_again(tmp_path, cache, suffix, content):
    path = write_files(tmp_path / "set", pictures(9))
    expected = np.array(load(path).images)
    file = next(cache.glob(f"*{suffix}"))
    if content is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if content == "half" else content)
    np.testing.assert_array_equal(load(path).images, expected)


def test_up_to_1_percent_may_be_unreadable_and_is_named(tmp_path, cache, capsys):
    files = pictures(200)
    files["0007.png"], files["0150.png"] = b"", b"no picture"
    path = write_zip(tmp_path / "set.zip", files)
    for _ in range(2):  # from the cache as well
        pixels = load(path)
        said = capsys.readouterr().err
        assert re.search(r"set\.zip: 2 of 200 pictures cannot be read: '0007\.png' \(it is empty\), '0150", said)
        assert pixels.note == ", without 2 unreadable pictures"
        np.testing.assert_array_equal(pixels.kept, np.delete(np.arange(200), [7, 150]))
        np.testing.assert_array_equal(pixels.images[:, 0, 0, 0], np.delete(np.arange(200), [7, 150]))


@pytest.mark.parametrize("count, bad", [(200, 3), (99, 1), (1, 1)])
def test_more_is_an_error_and_leaves_nothing(tmp_path, cache, count, bad):
    files = pictures(count) | {f"{n:04d}.png": b"" for n in range(bad)}
    with pytest.raises(InputError, match=rf"set: {bad} or more of its {count} pictures .*'0000\.png': it is empty"):
        load(write_files(tmp_path / "set", files))
    assert not [*cache.glob("*.npy"), *cache.glob("*.partial"), *cache.glob("*.json")]


def test_one_line_is_said_where_there_is_no_terminal(tmp_path, cache, capsys):
    path = write_files(tmp_path / "set", pictures(9))
    load(path)
    assert capsys.readouterr().err == "set: decoding 9 pictures to 8x8, once\n"
    load(path)
    assert capsys.readouterr().err == ""


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INFOGAN_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"file: the cache cannot be kept there .* Set INFOGAN_CACHE"):
        load(write_files(tmp_path / "set", pictures(2)))


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, cache, monkeypatch):
    def fail(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pixel_cache.os, "fsync", fail)
    with pytest.raises(InputError, match="No space left on device"):
        load(write_files(tmp_path / "set", pictures(2)))
    assert not [*cache.glob("*.npy"), *cache.glob("*.partial")]


def test_pictures_are_decoded_without_a_terminal_at_all(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert len(load(write_files(tmp_path / "set", pictures(3))).images) == 3


def test_a_user_without_a_home_has_a_cache(tmp_path, monkeypatch):
    for name in ("INFOGAN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def fail():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", fail)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    load(write_files(tmp_path / "set", pictures(2)))
    assert list((tmp_path / "temporary" / f"infogan-{os.getuid()}").glob("*.npy"))


@pytest.mark.parametrize("chosen", ["INFOGAN_CACHE", "XDG_CACHE_HOME", "HOME"])
def test_where_the_cache_lies(tmp_path, monkeypatch, chosen):
    for name in ("INFOGAN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(chosen, str(tmp_path / "home"))
    load(write_files(tmp_path / "set", pictures(2)))
    below = {"INFOGAN_CACHE": "", "XDG_CACHE_HOME": "infogan", "HOME": ".cache/infogan"}[chosen]
    assert list((tmp_path / "home" / below).glob("*.npy"))


LOAD = """
import sys, time
from infogan.data import pixel_cache
from infogan.data.archives import open_source
from infogan.data.picture_files import Preparation
from pathlib import Path
decode = pixel_cache.decode_picture
count = 0
def slow(*given):
    global count
    count += 1
    time.sleep(float(sys.argv[2]))
    return decode(*given)
pixel_cache.decode_picture = slow
with open_source(Path(sys.argv[1])) as source:
    pixels = pixel_cache.load_pixels(source, source.entries(), Preparation(8, 1))
print(count, pixels.images[:, 0, 0, 0].sum())
"""


def start(path, seconds):
    command = [sys.executable, "-c", LOAD, str(path), str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(cache, pattern):
    for _ in range(2000):
        if list(cache.glob(pattern)):
            return
        time.sleep(0.01)
    raise AssertionError(f"no {pattern} in {cache}")


def test_a_bar_is_shown_on_a_terminal(tmp_path, cache):
    written = run_on_terminal(LOAD, write_files(tmp_path / "set", pictures(300)), 0)
    assert "decoding 300 pictures to 8x8, once" in written
    assert "100%" in written


def test_two_processes_at_once_make_it_once(tmp_path, cache):
    path = write_files(tmp_path / "set", pictures(100))
    both = [start(path, 0.02), start(path, 0.02)]
    counts = []
    for process in both:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        count, total = map(int, output.split())
        assert total == sum(range(100))
        counts.append(count)
    assert sorted(counts) == [0, 100]


def test_a_killed_maker_leaves_nothing_that_is_believed(tmp_path, cache):
    path = write_files(tmp_path / "set", pictures(600))
    maker = start(path, 0.01)
    wait_for(cache, "*.partial")
    maker.send_signal(signal.SIGKILL)
    maker.communicate(timeout=60)
    assert list(cache.glob("*.partial"))
    assert not list(cache.glob("*.npy"))
    np.testing.assert_array_equal(load(path).images[:, 0, 0, 0], np.arange(600) % 256)
    assert not list(cache.glob("*.partial"))


def test_the_list_of_what_was_left_out_is_kept_beside_it(tmp_path, cache):
    load(write_files(tmp_path / "set", pictures(100) | {"0042.png": b"?"}))
    listing = json.loads(next(cache.glob("*.json")).read_text())
    assert listing["unreadable"] == {"42": ["0042.png", "it is no PNG, JPEG, GIF, BMP, WebP or TIFF"]}


@pytest.mark.parametrize("write", [write_files, write_zip])
def test_pictures_of_16_bits_are_stretched_by_the_range_of_the_whole_set(tmp_path, cache, capsys, write):
    """300 of 8 bits come first, and do not change."""
    files = pictures(300) | {"a.png": deep_picture(200, 1000), "b.tif": deep_picture(500, 2240, "TIFF")}
    path = write(tmp_path / "set", files)
    for _ in range(2):  # from the cache as well
        images = load(path).images
        np.testing.assert_array_equal(images[:300, 0, 0, 0], np.arange(300) % 256)
        assert images[300:, 0, [0, -1], 0].tolist() == [[0, 100], [38, 255]]
        assert "200 to 2240, the range of the whole set, becomes 0 to 255" in capsys.readouterr().err


def test_each_pass_over_pictures_of_16_bits_says_what_it_is_for(tmp_path, cache, capsys):
    load(write_files(tmp_path / "set", pictures(2) | {"a.png": deep_picture(200, 1000)}))
    said = re.findall(r"set: ((?:decoding|looking) .*)\n", capsys.readouterr().err)
    assert said == [
        "decoding 3 pictures to 8x8, once",
        "looking for the range of 3 pictures, once",
        "decoding 3 pictures to 8x8, stretched by that range",
    ]


def test_a_range_that_was_given_is_taken(tmp_path, cache, capsys):
    path = write_files(tmp_path / "set", {"a.png": deep_picture(0, 1000), "b.png": deep_picture(500, 4095)})
    images = load(path, Preparation(8, 1, input_range=(0, 4095))).images
    assert images[:, 0, [0, -1], 0].tolist() == [[0, 62], [31, 255]]
    assert "range" not in capsys.readouterr().err


def test_a_deep_picture_that_cannot_be_read_gives_no_range(tmp_path, cache):
    files = {f"{n}.png": deep_picture(10, 20) for n in range(100)} | {"7.png": deep_picture(0, 60000)[:70]}
    assert np.unique(load(write_files(tmp_path / "set", files)).images).tolist() == [0, 255]


def test_frames_that_are_left_out_are_counted(tmp_path, cache, capsys):
    pages = [np.full((8, 8), level, np.uint8) for level in (3, 200)]
    file = io.BytesIO()
    Image.fromarray(pages[0]).save(file, "TIFF", save_all=True, append_images=[Image.fromarray(pages[1])])
    path = write_files(tmp_path / "set", pictures(3) | {"stack.tif": file.getvalue()})
    for _ in range(2):
        assert load(path).images[3].mean() == 3
        assert "1 pictures have several frames or pages; only the first" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [{"range": [1]}, {"range": "all"}, {"with_more_frames": None}, {"range": ["a", 2]}])
def test_a_listing_with_odd_values_is_made_again(tmp_path, cache, damage):
    path = write_files(tmp_path / "set", pictures(9))
    load(path)
    listing = next(cache.glob("*.json"))
    whole = listing.read_text()
    listing.write_text(json.dumps(json.loads(whole) | damage))
    load(path)
    assert listing.read_text() == whole
