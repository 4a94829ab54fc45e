"""What is said about a set's finished pixels, and about sets that are as they should be: nothing."""

import dataclasses
import re

import numpy as np
import pytest
from conftest import read_refusal
from dataset_files import picture, random_images, real, write_files, write_zip

from infogan.cli import Parser
from infogan.cli.train import add_flags, main
from infogan.data import Dataset, Split, archives, load_dataset, mnist, select_images, svhn
from infogan.data.dataset import describe_pixels, warn_of_pixels
from infogan.recipes import Experiment, images
from infogan.recipes.flags import apply_flags, show
from infogan.system.messages import InputError

GOOD = random_images(60, 8, 8, 1)


def test_nothing_is_said_of_good_images():
    assert describe_pixels(GOOD) == []


def test_nothing_is_said_of_sparse_drawings():
    """A bright dot of 4x4 pixels on black, at a place of its own in each image."""
    images = np.zeros((60, 64, 64, 1), np.uint8)
    for n, image in enumerate(images):
        image[n : n + 4, 2 * n % 59 :][:, :4] = 255
    assert describe_pixels(images) == []


@pytest.mark.parametrize(
    "images, expected",
    [
        (GOOD // 16, r"nearly all pixels lie between 0 and 15 of 255.*--pixel-range LOW,HIGH"),
        (GOOD // 128, r"between 0 and 1 of 255"),
        (200 + GOOD // 8, r"between 200 and 231 of 255"),
        (np.repeat(GOOD[:1], 60, axis=0), r"almost alike: 0\.0 grey levels.*98% of the images are copies of others"),
        (GOOD[:1] // 2 + GOOD // 128, r"almost alike: 0\.5 grey levels"),
        (np.concatenate([GOOD, GOOD[:20]]), r"^25% of the images are copies of others$"),
        (np.where(np.arange(60)[:, None, None, None] < 15, np.uint8(60), GOOD), "25% of the images are of a single"),
    ],
)
def test_odd_sets_are_told(images, expected):
    assert re.search(expected, "; ".join(describe_pixels(images)))


def test_a_few_hot_pixels_do_not_hide_a_narrow_range():
    images = GOOD // 16
    images[3, 4, 5] = 255
    assert "between 0 and 15 of 255" in describe_pixels(images)[0]


def test_large_sets_are_looked_at_in_part(capsys):
    images = np.broadcast_to(np.uint8(7), (300_000, 64, 64, 1))  # 1.2 GB if it were copied
    warn_of_pixels(images, "the set")
    assert capsys.readouterr().err.startswith("warning: the set: nearly all pixels lie between 7 and 7")


def test_it_is_said_of_own_arrays_and_of_files(spec, tmp_path, capsys):
    select_images(spec, Dataset(Split(GOOD // 64), Split(GOOD), "own arrays"))
    assert capsys.readouterr().err.startswith("warning: own arrays: nearly all pixels lie between 0 and 3 of 255")
    files = {f"{n}.png": picture(image) for n, image in enumerate(GOOD // 32)}
    load_dataset(dataclasses.replace(spec, dataset="images"), write_files(tmp_path, files))
    assert re.search(rf"warning: {tmp_path}: nearly all pixels lie between 0 and \d of 255", capsys.readouterr().err)


def test_the_range_of_the_spec_reaches_the_pictures(spec, tmp_path, capsys):
    files = {f"{n}.png": picture(image) for n, image in enumerate(GOOD // 32)}
    spec = dataclasses.replace(spec, dataset="images", input_range=(0, 7))
    dataset = load_dataset(spec, write_files(tmp_path, files))
    assert dataset.train.images.max() == 255
    assert "nearly all" not in capsys.readouterr().err
    with pytest.raises(InputError, match=r"input_range: it was given, but the pixels of mnist are known"):
        load_dataset(dataclasses.replace(spec, dataset="mnist"))


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, float("nan")), (0,), 5, ("a", "b"), (0, 1e40), (0, 1, 2)])
def test_odd_ranges_are_refused(spec, ends):
    with pytest.raises(InputError, match=r"input_range: .* was given, but a pair of numbers, the lower"):
        dataclasses.replace(spec, input_range=ends)


def test_a_spec_with_a_range_comes_back_from_json(spec):
    spec = dataclasses.replace(spec, input_range=[0, 4095])
    assert type(spec).from_json(spec.to_json()) == spec


def test_real_sets_are_good(capsys):
    for dataset in (mnist.load(), mnist.load_fashion(real("fashion_mnist")), svhn.load(real("svhn"))):
        assert describe_pixels(dataset.train.images[::20]) == []


def make_spec(*arguments):
    """What the launcher of own pictures makes of a command line, as far as the images' spec goes."""
    parser = Parser("")
    add_flags(parser, images.IMAGES.flags, images.IMAGES.recipes)
    return apply_flags(images.DEFAULT, images.IMAGES.flags, parser.parse_args(arguments))


def test_the_flag_gives_the_range():
    assert make_spec("--pixel-range", "0,4095").input_range == (0, 4095)
    assert make_spec("--pixel-range=-1000,3000.5").input_range == (-1000, 3000.5)
    assert make_spec().input_range is None
    assert show(make_spec("--pixel-range", "0,4095").input_range) == "0,4095"


@pytest.mark.parametrize("text", ["5,1", "5", "a,b", "1,2,3", "nan,1", ""])
def test_odd_ranges_are_refused_on_the_command_line(capsys, text):
    assert f"argument --pixel-range: {text!r} was given" in read_refusal(capsys, make_spec, f"--pixel-range={text}")


def test_the_flag_trusts_an_archive(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_RATIO", 0)
    monkeypatch.setattr(archives, "FREE_BYTES", 0)
    path = write_zip(tmp_path / "set.zip", {f"{n}.png": picture(image) for n, image in enumerate(GOOD[:4])})

    def refusal(*flags):
        main(Experiment("", (images.DEFAULT,)), ["--data-dir", str(path), *flags])
        return capsys.readouterr().err

    assert "give --trust-archive" in refusal()
    assert "only 3 training images are left" in refusal("--trust-archive")
