"""The classifier: it learns, repeats, and is kept; a damaged cache is made again."""

import numpy as np
import pytest

from infogan.data import Split
from infogan.evaluation import judges as module
from infogan.evaluation.judges import Classifier, fingerprint, obtain_classifier
from infogan.system.files import find_cache_folder

CLASSES, SIZE = 3, 8
LABELS = np.array([7, 1990, 2**40])
"""Labels are whatever numbers a set has: there are as many classes as occur."""


def draw_split(count, seed):
    """A bright row whose place says the class, in noise."""
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, CLASSES, count)
    images = generator.integers(0, 100, (count, SIZE, SIZE, 1), np.uint8)
    images[np.arange(count), 1 + 2 * classes] += 120
    return Split(images, LABELS[classes])


TRAIN, TEST = draw_split(2000, 0), draw_split(500, 1)


@pytest.fixture(autouse=True, scope="module")
def few_steps():
    """As many as the epochs of a set of this size have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEWEST_STEPS", 1)
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    obtain_classifier(TRAIN, folder).__exit__()
    return folder


def kept_file(folder):
    (path,) = folder.glob("classifier-*.npz")
    return path


def test_it_learns_and_is_taken_from_the_cache(cache, monkeypatch):
    monkeypatch.setattr(Classifier, "train", lambda *arguments: pytest.fail("trained again"))
    with obtain_classifier(TRAIN, cache) as classifier:
        prediction = classifier.predict(TEST.images)
        as_floats = classifier.predict_batches(part / 255.0 for part in np.array_split(TEST.images, 3))
    assert np.mean(prediction.classes == TEST.labels) > 0.98
    assert prediction.features.shape == (500, module.FEATURES)
    np.testing.assert_allclose(prediction.probabilities.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(as_floats.probabilities, prediction.probabilities, atol=1e-5)


def break_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES = {"cut short": lambda content: content[:1000], "empty": lambda content: b"", "one bit": break_bit}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_trained_again_to_the_same_weights(cache, tmp_path, capsys, damage):
    content = kept_file(cache).read_bytes()
    (tmp_path / kept_file(cache).name).write_bytes(DAMAGES[damage](content))
    with obtain_classifier(TRAIN, tmp_path) as again, obtain_classifier(TRAIN, cache) as kept:
        for name, weights in kept.weights.items():
            np.testing.assert_array_equal(again.weights[name], weights)
    assert "is damaged" in capsys.readouterr().out
    with np.load(kept_file(tmp_path)) as mended, np.load(kept_file(cache)) as whole:
        assert all((mended[name] == whole[name]).all() for name in whole.files)


def test_weights_of_another_network_are_refused_whole():
    with Classifier((SIZE, SIZE, 1), LABELS) as one, Classifier((SIZE, SIZE, 1), np.arange(CLASSES + 1)) as other:
        before = one.weights
        with pytest.raises(ValueError, match="head/0_dense/kernel has the shape"):
            one.load_weights({name: value + 1 for name, value in other.weights.items()})
        for name, weights in one.weights.items():
            np.testing.assert_array_equal(weights, before[name])


def test_other_images_or_labels_are_another_classifier():
    changed = TRAIN.images.copy()
    changed[0, 0, 0, 0] ^= 1
    relabelled = TRAIN.labels + 1
    splits = [TRAIN, Split(changed, TRAIN.labels), Split(TRAIN.images, relabelled)]
    assert len({fingerprint(Classifier, split.images, split.labels) for split in splits}) == 3


def test_a_cache_that_cannot_be_written_is_only_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with obtain_classifier(TRAIN.part(None, 256), tmp_path / "file" / "cache") as classifier:
        assert classifier.predict(TEST.images).probabilities.shape == (500, CLASSES)
    assert "cannot be written" in capsys.readouterr().out


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("INFOGAN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert find_cache_folder() == tmp_path / "home/.cache/infogan"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert find_cache_folder() == tmp_path / "xdg/infogan"
    monkeypatch.setenv("INFOGAN_CACHE", str(tmp_path / "own"))
    assert find_cache_folder() == tmp_path / "own"
