"""Decoding single pictures: sizes, kinds, crops, and what is refused before or while it is decoded."""

import dataclasses
import io
import random
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from conftest import ROOT
from dataset_files import picture, plain_picture, random_images
from PIL import Image

from infogan.data import picture_files
from infogan.data.archives import UnreadableFile
from infogan.data.picture_files import Preparation, decode_picture, inspect_picture, is_grey
from infogan.system.messages import InputError

RGB, GREY = Preparation(32, 3), Preparation(32, 1)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width, height, depth=8, colour=2):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("preparation", [RGB, GREY])
def test_every_kind(kind, preparation):
    pixels = decode_picture(plain_picture((200, 100, 50), (40, 30), kind), preparation)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (32, 32, preparation.channels)
    expected = (200, 100, 50) if preparation is RGB else 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    np.testing.assert_allclose(pixels, np.broadcast_to(expected, pixels.shape), atol=4)


def test_the_same_size_is_the_same_picture():
    pixels = random_images(1, 32, 32)[0]
    np.testing.assert_array_equal(decode_picture(picture(pixels), RGB), pixels)


@pytest.mark.parametrize("size", [(90, 30), (30, 90)])
def test_the_middle_square_is_taken(size):
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[size[1] // 2 - 15 : size[1] // 2 + 15, size[0] // 2 - 15 : size[0] // 2 + 15] = 255
    # At its edge the filter reaches a pixel beyond the square.
    assert (decode_picture(picture(pixels), RGB)[2:-2, 2:-2] == 255).all()


@pytest.mark.parametrize(
    ("size", "box"),  # of the picture (width, height); what of it is taken (left, top, right, bottom)
    [
        ((96, 96), (0, 24, 96, 72)),
        ((40, 96), (0, 38, 40, 58)),
        ((200, 60), (40, 0, 160, 60)),
        ((64, 32), (0, 0, 64, 32)),
    ],
)
def test_of_a_picture_the_largest_part_of_the_right_proportions_is_taken(size, box):
    left, top, right, bottom = box
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[top:bottom, left:right] = 255
    found = decode_picture(picture(pixels), Preparation((32, 64), 1))
    assert found.shape == (32, 64, 1)
    assert (found[2:-2, 2:-2] == 255).all()
    if pixels.min() == 0:  # nothing less is taken either
        pixels[top + 1 : bottom - 1, left + 1 : right - 1] = 0
        edges = decode_picture(picture(pixels), Preparation((32, 64), 1))
        assert (edges[[0, -1]].max(), edges[:, [0, -1]].max()) > (0, 0)
        assert not edges[8:-8, 8:-8].any()


def test_fine_patterns_do_not_alias():
    """A chess board of single pixels becomes even grey: without a wide filter it would be black or white."""
    board = (np.indices((320, 320)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.ptp(decode_picture(picture(board), GREY).astype(int)) <= 2
    assert abs(decode_picture(picture(board), GREY).mean() - 127.5) < 1


def test_transparency_becomes_white():
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[:, 16:, 3] = 255
    for kind in ("PNG", "WEBP"):
        found = decode_picture(picture(pixels, kind, **({"lossless": True} if kind == "WEBP" else {})), GREY)
        assert (found[:, :16] == 255).all()
        assert (found[:, 16:] == 0).all()


RAMP = np.linspace(1000, 3000, 32 * 32).reshape(32, 32)


@pytest.mark.parametrize(
    "kind, dtype", [("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2"), ("TIFF", "i4"), ("TIFF", "f4")]
)
@pytest.mark.parametrize("ends", [(0, 4000), (0, 65535), (1500, 2500), (-100, 5000)])
def test_more_than_8_bits_are_scaled_by_the_range_given(kind, dtype, ends):
    low, high = ends
    ramp = RAMP.astype(dtype)
    expected = np.clip((ramp.astype(float) - low) / (high - low) * 255, 0, 255)
    for field in ("input_range", "deep_range"):
        found = decode_picture(picture(ramp, kind), dataclasses.replace(GREY, **{field: ends}))[..., 0]
        np.testing.assert_allclose(found, expected, atol=0.5 + 1e-6)


def test_a_single_picture_of_more_than_8_bits_gets_its_own_range():
    found = decode_picture(picture(RAMP.astype(np.uint16)), GREY)
    np.testing.assert_allclose(found[..., 0], (RAMP.astype(np.uint16) - 1000) / 2000 * 255, atol=0.501)


def test_values_that_are_not_finite_are_refused():
    ramp = RAMP.astype(np.float32)
    ramp[3, 3] = np.nan
    with pytest.raises(UnreadableFile, match="not finite"):
        decode_picture(picture(ramp, "TIFF"), GREY)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
@pytest.mark.parametrize("preparation", [RGB, GREY])
def test_a_range_stretches_8_bits_too(kind, preparation):
    pixels = (np.arange(32 * 32 * 3).reshape(32, 32, 3) % 16).astype(np.uint8)
    if preparation is GREY:
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    options = {"lossless": True} if kind == "WEBP" else {}
    found = decode_picture(picture(pixels, kind, **options), dataclasses.replace(preparation, input_range=(0, 15)))
    np.testing.assert_array_equal(found, pixels[..., : preparation.channels] * 17)


def test_a_range_leaves_transparency_alone():
    pixels = np.full((32, 32, 4), 10, np.uint8)
    pixels[..., 3] = np.where(np.arange(32) < 16, 0, 255)
    found = decode_picture(picture(pixels), dataclasses.replace(RGB, input_range=(0, 20)))
    assert (found[:, :16] == 255).all()
    np.testing.assert_allclose(found[:, 16:], 127.5, atol=0.5)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_further_frames_and_pages_are_noticed(kind):
    frames = [Image.new("L", (32, 32), level) for level in (40, 200)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    assert inspect_picture(file.getvalue()) == (False, True)
    assert inspect_picture(plain_picture(3, kind=kind)) == (False, False)
    assert inspect_picture(picture(RAMP.astype(np.uint16), "TIFF")) == (True, False)


def test_the_orientation_of_a_camera_is_followed():
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the picture is to be turned clockwise by 90 degrees
    found = decode_picture(picture(pixels, exif=exif), GREY)
    assert (found[:, 16:] == 255).all()
    assert (found[:, :16] == 0).all()
    np.testing.assert_array_equal(
        decode_picture(picture(pixels[..., 0].astype(np.uint16) * 257, exif=exif), GREY), found
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_that_lies_is_upright_and_undistorted(orientation):
    """A wide picture, of which one corner is white, is saved as each camera would hold it."""
    upright = np.zeros((40, 80), np.uint8)
    upright[:20, :20] = 255
    turns = {1: (), 2: (1,), 3: (0, 1), 4: (0,), 5: ("t",), 6: ("t", 0), 7: (0, 1, "t"), 8: ("t", 1)}
    stored = upright
    for turn in turns[orientation]:
        stored = stored.T if turn == "t" else np.flip(stored, turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode_picture(picture(np.ascontiguousarray(stored), exif=exif), Preparation((20, 40), 1))[..., 0]
    expected = np.zeros((20, 40))
    expected[:10, :10] = 255
    np.testing.assert_allclose(found, expected, atol=40)


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("L", (32, 32), level) for level in (40, 200)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert (decode_picture(file.getvalue(), GREY) == 40).all()


@pytest.mark.parametrize("size", [(30_000, 30_000), (8193, 6144), (2**31 - 1, 1), (100_000, 100_000)])
def test_huge_pictures_are_refused_by_their_headers(size, monkeypatch):
    monkeypatch.setattr(picture_files, "_prepare", lambda *arguments: pytest.fail("it was decoded"))
    with pytest.raises(UnreadableFile, match="pixels"):
        decode_picture(png_header(*size), RGB)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "it is empty"),
        (b"no picture", "it is no PNG, JPEG, GIF, BMP, WebP or TIFF"),
        (b"GIF89a", "it is no PNG"),
        (b"%PDF-1.4\n", "it is no PNG"),
        (b"P6 2 2 255\n" + bytes(12), "it is no PNG"),  # Pillow could read it; nobody checked how
        (png_header(10, 10), "truncated"),
        (plain_picture((1, 2, 3))[:60], "truncated"),
        (picture(random_images(1, 64, 64)[0], "JPEG")[:1000], "truncated"),
        (picture(random_images(1, 64, 64)[0], "BMP")[:1000], "truncated"),
    ],
)
def test_what_is_no_whole_picture_is_refused(content, message):
    with pytest.raises(UnreadableFile, match=message):
        decode_picture(content, RGB)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "JPEG", "WEBP", "TIFF"])
def test_damaged_pictures_end_cleanly(kind):
    whole, rng = picture(random_images(1, 40, 40)[0], kind), random.Random(0)
    for _ in range(100):
        content = bytearray(whole[: rng.choice([len(whole), rng.randrange(len(whole))])])
        for _ in range(min(len(content), rng.choice([0, 1, 20]))):
            content[rng.randrange(len(content))] = rng.randrange(256)
        try:
            assert decode_picture(bytes(content), RGB).shape == (32, 32, 3)
        except UnreadableFile as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "content, expected",
    [
        (plain_picture(7), True),
        (plain_picture((7, 7, 7)), False),  # as its header says, whatever its pixels are
        (plain_picture(7, kind="GIF"), True),
        (picture(random_images(1, 9, 9)[0], "GIF"), False),
        (picture(np.zeros((9, 9), np.uint16)), True),
        (picture(np.zeros((9, 9), bool)), True),
        (plain_picture((7, 8, 9), kind="JPEG"), False),
        (plain_picture(7, kind="JPEG"), True),
    ],
)
def test_grey_pictures_are_known(content, expected):
    assert is_grey(content) is expected


@pytest.mark.parametrize("size", [0, 7, 1025, 32.0, "32", True, (32, 7), (1025, 32), (32,), (32, 32, 3), (32, 32.0)])
def test_odd_sizes_are_refused(size):
    with pytest.raises(InputError, match=r"image_size: .* was given"):
        Preparation(size, 3)


def test_importing_leaves_the_programs_warnings_on():
    code = (
        "import numpy, PIL.Image, warnings; before = list(warnings.filters)\n"
        "import infogan.data.images, infogan.cli.explorer; print(warnings.filters == before)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "True\n"
