"""`infogan.load`: what a program gets from a trained run, and what it is refused."""

import copy
import dataclasses
import json
import multiprocessing
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, random_split

import infogan
from infogan.codes import describe_codes, format_codes, place_values
from infogan.data import Factor
from infogan.distributions import Circular
from infogan.latents import Latent
from infogan.system.messages import InputError, NumbersFailed
from infogan.system.tf1 import session_config


@pytest.fixture(scope="module")
def run(smoke_run):
    with infogan.load(smoke_run[1]) as loaded:
        yield loaded


FORKED = 'this process was forked from one that uses TensorFlow, but .* Use "spawn"'


def ask_loaded(run, folder):
    return run.generate(count=1)


def ask_again(run, folder):
    return infogan.load(folder)


def ask_session(run, folder):
    return session_config()


@pytest.mark.parametrize("ask", [ask_loaded, ask_again, ask_session])
def test_a_fork_is_refused_where_it_would_wait_for_ever(run, smoke_run, ask, monkeypatch):
    with multiprocessing.get_context("fork").Pool(1, initializer=_Fork.keep, initargs=(run, smoke_run[1])) as pool:
        with pytest.raises(InputError, match=FORKED):
            pool.apply_async(_Fork.call, (ask,)).get(timeout=60)
    assert run.generate(count=1).shape == (1, 28, 28, 1)


class _Fork:
    """What a fork has of its parent, without pickling."""

    @classmethod
    def keep(cls, *things):
        cls.things = things

    @classmethod
    def call(cls, ask):
        return ask(*cls.things)


@pytest.mark.parametrize("send", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_loaded_run_is_not_sent_to_other_processes(run, send):
    with pytest.raises(InputError, match=r"run: a loaded run cannot be .* Call infogan.load there"):
        send(run)


@pytest.mark.parametrize("error", [InputError(Path("a"), "b was given."), NumbersFailed("nan")])
def test_errors_reach_other_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_only_what_is_given_differs_without_count(run):
    latents = run.latents(codes={"digit": 3, "rotation": np.linspace(-2, 2, 5)}, seed=1)
    assert latents.shape == (5, 74)
    rotation = 62 + 10
    np.testing.assert_array_equal(latents[:, rotation], np.linspace(-2, 2, 5, dtype=np.float32))
    np.testing.assert_array_equal(latents[:, 62:72], np.tile(np.eye(10)[3], (5, 1)))
    others = np.delete(latents, rotation, axis=1)
    np.testing.assert_array_equal(others, np.tile(others[0], (5, 1)))
    assert np.abs(others[0, :62]).max() <= 1
    assert len(np.unique(others[0, :62])) == 62


def test_count_draws_each_image_anew(run):
    latents = run.latents(codes={"digit": [0, 1, 2]}, seed=1, count=3)
    assert len(np.unique(latents[:, 0])) == 3
    np.testing.assert_array_equal(latents[:, 62:72].argmax(axis=1), [0, 1, 2])
    np.testing.assert_array_equal(latents, run.latents(codes={"digit": [0, 1, 2]}, seed=1, count=3))
    assert not np.array_equal(latents, run.latents(codes={"digit": [0, 1, 2]}, seed=2, count=3))


def test_noise_is_used_as_given(run):
    noise = np.random.default_rng(0).uniform(-1, 1, (4, 62)).astype(np.float32)
    latents = run.latents(codes={"width": 0.5}, noise=noise)
    np.testing.assert_array_equal(latents[:, :62], noise)
    np.testing.assert_array_equal(run.latents(noise=noise[0])[:, :62], noise[:1])
    assert (latents[:, -1] == 0.5).all()


def test_generated_images_have_the_documented_shape_and_range(run):
    images = run.generate(codes={"digit": np.arange(10)})
    assert (images.shape, images.dtype) == ((10, 28, 28, 1), np.float32)
    assert 0 <= images.min() < images.max() <= 1
    np.testing.assert_array_equal(images, run.generate_from(run.latents(codes={"digit": np.arange(10)})))


def test_a_sweep_has_a_row_a_draw_and_a_column_a_value(run):
    swept = run.sweep("rotation", rows=3, seed=1)
    assert (swept.shape, swept.dtype) == ((3, 10, 28, 28, 1), np.float32)
    drawn = run.sample_latents(3, 1)
    varied = {"digit": [0, 3, 6], "rotation": np.full(3, run.spec.sweep_limit)}  # spread over the ten digits
    last = place_values(run.spec, drawn, varied)
    np.testing.assert_allclose(swept[:, -1], run.generate_from(last), atol=1e-5)
    alone = run.sweep("rotation", 0.5, rows=3, seed=1, vary_discrete=False)
    np.testing.assert_allclose(
        alone[:, 0], run.generate_from(place_values(run.spec, drawn, {"rotation": 0.5})), atol=1e-5
    )
    assert run.sweep("digit", rows=2).shape == (2, 10, 28, 28, 1)
    assert run.sweep("digit", [7], rows=0).shape == (0, 1, 28, 28, 1)


@pytest.mark.parametrize("ask", [("height",), ("digit", [10])])
def test_a_sweep_of_what_there_is_not_is_refused(run, ask):
    with pytest.raises(InputError, match=r"'height' was given|digit: 10 was given"):
        run.sweep(*ask)


@pytest.mark.parametrize("count", [0, 1, 501])
def test_batches_of_any_size(run, count):
    images = run.generate(count=count)
    posterior, probability = run.encode(images), run.discriminate(images)
    assert images.shape == (count, 28, 28, 1)
    assert {name: {key: value.shape for key, value in info.items()} for name, info in posterior.items()} == {
        "digit": {"prob": (count, 10)},
        "rotation": {"mean": (count, 1), "stddev": (count, 1)},
        "width": {"mean": (count, 1), "stddev": (count, 1)},
    }
    np.testing.assert_allclose(posterior["digit"]["prob"].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(posterior["width"]["stddev"], 1)  # the recipe fixes it
    assert probability.shape == (count,)
    assert ((probability > 0) & (probability < 1)).all()


def test_an_image_is_judged_alike_alone_and_in_company(run):
    images = random_split(3, 0).images
    together = run.discriminate(images)
    np.testing.assert_allclose([run.discriminate(images[i : i + 1])[0] for i in range(3)], together, atol=1e-6)


def test_what_is_kept_of_a_split_is_never_told_of_another(run):
    """Splits that nobody else holds: Python gives their id to the next one."""
    kept = [run.read(random_split(2, seed=seed))["rotation"]["mean"] for seed in range(5)]
    asked = [run.encode(random_split(2, seed=seed).images)["rotation"]["mean"] for seed in range(5)]
    np.testing.assert_array_equal(kept, asked)


def test_bytes_and_floats_are_the_same_images(run):
    images = random_split(5, 0).images
    np.testing.assert_allclose(run.discriminate(images), run.discriminate(images / 255.0), atol=1e-6)
    of_bytes, of_floats = run.encode(images), run.encode((images / 255.0).astype(np.float32))
    np.testing.assert_allclose(of_bytes["rotation"]["mean"], of_floats["rotation"]["mean"], atol=1e-6)


WRONG_VALUES = {
    "unknown code": ({"codes": {"colour": 1}}, "codes: 'colour' was given, but the codes of this run are digit, rot"),
    "no category": ({"codes": {"digit": 10}}, "digit: 10 was given, but it has the values 0 to 9"),
    "between categories": ({"codes": {"digit": [1, 1.5]}}, "digit: 1.5 was given, but it has the values 0 to 9"),
    "no number": ({"codes": {"digit": "three"}}, "digit: 'three' was given, but numbers are needed"),
    "ragged": ({"codes": {"width": [[1], [1, 2]]}}, "width: [[1], [1, 2]] was given, but numbers are needed"),
    "nan": ({"codes": {"width": float("nan")}}, "width: nan was given, but finite numbers are needed"),
    "overflow": ({"codes": {"width": 1e39}}, "width: 1e+39 was given, but finite numbers are needed"),
    "matrix": (
        {"codes": {"width": [[1.0]]}},
        "width: an array of shape [1, 1] was given, but a number or an array [N]",
    ),
    "lengths": ({"codes": {"digit": [1, 2], "width": [0, 0, 0]}}, "(digit: 2, width: 3), but they go together"),
    "count": ({"codes": {"digit": [1, 2]}, "count": 3}, "(digit: 2, count: 3), but they go together"),
    "negative count": ({"count": -1}, "count: -1 was given, but a whole number of at least 0"),
    "noise": ({"noise": np.zeros((2, 60))}, "noise: an array of shape [2, 60] was given, but [62] or [N, 62]"),
    "seed": ({"seed": -1}, "seed: -1 was given, but a whole number of at least 0"),
    "codes as an array": (
        {"codes": np.zeros(12)},
        "codes: an array of shape [12] and type float64 was given, but a dict",
    ),
    "latents for codes": ({"codes": 0}, "codes: 0 was given, but a dict of code name -> value is needed"),
    "seed of a text": ({"seed": "1"}, "seed: '1' was given, but a whole number"),
    "count of a text": ({"count": "3"}, "count: '3' was given, but a whole number"),
    "count of a share": ({"count": 2.5}, "count: 2.5 was given, but a whole number"),
    "noise of texts": ({"noise": ["a"] * 62}, "noise: ['a', 'a', "),
    "no name": ({"codes": {3: 1}}, "codes: 3 was given, but the codes of this run are digit"),
    "an object": ({"codes": {"width": object}}, "width: <class 'object'> was given, but numbers are needed"),
    "codes in a list": ({"codes": ["digit"]}, "codes: ['digit'] was given, but a dict of code name -> value"),
}


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_wrong_values_are_refused(run, case):
    arguments, message = WRONG_VALUES[case]
    with pytest.raises(InputError) as error:
        run.generate(**arguments)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "latents", [np.zeros((2, 3)), np.zeros(()), np.full((1, 74), "a"), [[0.0] * 73], None, "z", [[1], [1, 2]]]
)
def test_wrong_latents_are_refused(run, latents):
    with pytest.raises(InputError, match=r"latents: .* was given, but numbers( \[\.\.\., 74\])? are needed"):
        run.generate_from(latents)


WRONG_IMAGES = {
    "size": (np.zeros((2, 32, 32, 1), np.uint8), "[2, 32, 32, 1] was given, but [N, 28, 28, 1] is needed"),
    "channels": (np.zeros((2, 28, 28), np.uint8), "[2, 28, 28] was given, but [N, 28, 28, 1] is needed"),
    "range": (np.full((1, 28, 28, 1), 255.0), "floats from 255 to 255 were given, but they must lie in [0, 1]"),
    "nan": (np.full((1, 28, 28, 1), np.nan), "images: nan was given, but finite numbers"),
    "no array": (None, "images: None was given, but numbers are needed"),
    "a file": ("photo.png", "images: 'photo.png' was given, but numbers are needed"),
    "ragged": ([[1.0], [1.0, 2.0]], "images: [[1.0], [1.0, 2.0]] was given, but numbers are needed"),
    "type": (np.zeros((1, 28, 28, 1), int), "int64 was given, but uint8, or float in [0, 1], is needed"),
}


@pytest.mark.parametrize("case", WRONG_IMAGES)
@pytest.mark.parametrize("method", ["encode", "discriminate"])
def test_wrong_images_are_refused(run, method, case):
    images, message = WRONG_IMAGES[case]
    with pytest.raises(InputError) as error:
        getattr(run, method)(images)
    assert message in str(error.value)


def test_a_run_is_found_by_either_folder(smoke_run):
    for path in smoke_run:
        with infogan.load(str(path)) as run:
            assert (run.update, run.report["update"], run.image_shape) == (6, 6, (28, 28, 1))


def test_checkpoints_alone_suffice(smoke_run, tmp_path):
    copy = shutil.copytree(smoke_run[1], tmp_path / "elsewhere")
    with infogan.load(copy) as run:
        assert run.report == {}
        assert run.codes["digit"].found == ()
        assert run.generate().shape == (1, 28, 28, 1)


def test_what_is_no_run_is_refused(smoke_run, tmp_path):
    for path, message in (
        (smoke_run[1].parent, "it is no run, but holds the runs smoke. Give the folder of one of these."),
        (tmp_path, "it holds no run (no spec.json)"),
        (tmp_path / "gone", "there is no such folder, but a run's is needed"),
    ):
        with pytest.raises(InputError) as error:
            infogan.load(path)
        assert message in str(error.value)


def test_a_run_without_checkpoint_is_refused(smoke_run, tmp_path):
    for name in ("spec.json", "dataset.json"):
        shutil.copy(smoke_run[1] / name, tmp_path)
    with pytest.raises(InputError, match=r"it holds no checkpoint, but a trained model is needed. Train it first"):
        infogan.load(tmp_path)


def test_a_damaged_report_is_refused(smoke_run, tmp_path):
    for folder in smoke_run:
        shutil.copytree(folder, tmp_path / folder.parent.name / "smoke")
    with infogan.load(tmp_path / "ckt" / "smoke") as run:
        for damaged in ("[1]", '{"metrics": 1}', '{"metrics": [null]}', '{"metrics": [{"name": "x"}]}'):
            (tmp_path / "logs" / "smoke" / "report.json").write_text(damaged)
            with pytest.raises(InputError, match=r"report\.json: it is no report"):
                run.report  # noqa: B018
        assert run.generate().shape == (1, 28, 28, 1)  # which needs none


@pytest.mark.parametrize(
    "damaged",
    [
        {"categories": 1},
        {"categories": {"digit": 1}},
        {"categories": {"digit": [1, 2]}},
        {"metrics": [{"name": "x", "code": "digit", "unit": "", "ours": 1.0, "range": 1}]},
        {"metrics": [{"name": "x", "code": "digit", "unit": "", "ours": 1.0, "strength": "x"}]},
    ],
    ids=str,
)
def test_codes_are_not_described_by_a_damaged_report(spec, damaged):
    with pytest.raises(InputError, match=r"report\.json: it is no report of this run"):
        describe_codes(spec, damaged)


def test_codes_are_described_with_what_was_found(smoke_run, spec):
    report = json.loads((smoke_run[0] / "report.json").read_text())
    digit, rotation, _ = describe_codes(spec, report).values()
    assert digit.is_matched
    assert (digit.prior, digit.values) == ("uniform over 10 categories", "whole numbers 0 to 9")
    assert (rotation.prior, rotation.values) == ("a number uniform on [-1, 1]", "numbers, shown from -2 to 2")
    assert any(found.startswith("error rate ") and found.endswith(" %") for found in digit.found)
    assert any(
        found.startswith("L_I ") and "nats (0.000 uninformative, 2.303 perfect)" in found for found in digit.found
    )
    assert rotation.most == rotation.found[0]
    assert digit.most == digit.found[0]
    report["categories"] = {"digit": [7, 0, 1, 2, 3, 4, 5, 6, 8, -1]}
    labelled = describe_codes(spec, report)["digit"].labels
    assert (labelled[0], labelled[8], labelled[9]) == ("7", "8", "no class")
    text = format_codes(spec, report)
    assert "matched to classes: 0 is 7, 1 is 0" in text
    assert "noise: 62 numbers uniform on [-1, 1]; drawn from the seed" in text
    assert "not evaluated yet" not in text
    assert "not evaluated yet" in format_codes(spec, {})


def test_a_number_that_could_not_be_measured_is_told_as_none(spec):
    rows = [{"name": "change", "code": "width", "unit": "", "ours": None, "note": "1: alike"}]
    assert describe_codes(spec, {"metrics": rows})["width"].found == ("change no number (1: alike)",)


def test_a_code_is_described_by_what_follows_it_most(spec):
    def describe(**ours):
        told = {"code": "width", "note": "more", "change": [1, 2, "m"]}
        rows = [{"name": name, "factor": name, "ours": value, **told} for name, value in ours.items()]
        for row in rows:
            row["strength"] = None if row["name"] == "L_I" else "NMI"
        return describe_codes(spec, {"metrics": rows})["width"].most

    assert describe() == ""
    assert describe(L_I=0.9) == "L_I 0.900 (from 1.0 to 2.0 m; more)"
    of_b = {"L_I": 0.9, "a": 0.3, "b": 0.4}
    assert describe(**of_b) == "mostly b (NMI 0.40), from 1.0 to 2.0 m"
    assert describe(**of_b | {"b": None}) == "mostly a (NMI 0.30), from 1.0 to 2.0 m"


def test_an_angle_is_described_by_what_it_explains(spec):
    row = {"name": "any", "code": "turn", "factor": "azimuth", "ours": 0.31, "strength": "variance explained"}
    report = {"metrics": [row]}
    turning = dataclasses.replace(spec, latent_spec=(Latent("turn", Circular()),), code_schedules=(), paper_values=())
    assert describe_codes(turning, report)["turn"].most == "mostly azimuth (variance explained 0.31)"


def test_loading_is_announced_without_tensorflow():
    import subprocess
    import sys

    code = "import sys, infogan; infogan.load, infogan.train; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "False\n"


def test_images_of_another_size_are_not_trained_on(spec, dataset, tmp_path):
    for shape in ((9, 8, 8, 1), (9, 1, 28, 28)):  # the second has the right number of pixels
        wrong = dataclasses.replace(dataset, test=dataclasses.replace(dataset.test, images=np.zeros(shape, np.uint8)))
        message = f"uint8 images of shape {[*shape]} were given, but uint8 ['N', 28, 28, 1] is needed"
        with pytest.raises(InputError, match=re.escape(message)):
            infogan.train(spec, wrong, tmp_path / "logs", tmp_path / "ckt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "labels", [np.zeros(16), np.zeros(15, np.int64), np.zeros((16, 1), np.int64), np.full(16, -1)], ids=str
)
def test_labels_that_are_none_are_not_trained_on(spec, dataset, tmp_path, labels):
    wrong = dataclasses.replace(dataset, test=dataclasses.replace(dataset.test, labels=labels))
    message = f"labels of shape {[*labels.shape]} and type {labels.dtype} were given, but whole numbers [16] from 0"
    with pytest.raises(InputError, match=re.escape(message)):
        infogan.train(spec, wrong, tmp_path / "logs", tmp_path / "ckt")
    assert list(tmp_path.iterdir()) == []


def test_what_is_known_of_images_has_to_suit_them(spec, dataset, tmp_path):
    light, groups = np.linspace(0, 1, 16), np.arange(16)

    def with_known(split, **known):
        return dataclasses.replace(split, **{"factors": {}, **known})

    for train, test, message in (
        (
            {},
            {"factors": {"light": Factor(light[:3], "ordered")}},
            "light of shape [3] and type float64 was given, but numbers [16] are needed",
        ),
        ({}, {"factors": {"light": Factor(light * np.nan, "ordered")}}, "light holds numbers that are not finite"),
        (
            {"factors": {"light": light}},
            {},
            "light of shape [16] and type float64 was given, but a factor says its kind",
        ),
        ({"factors": {"light": [0.5]}}, {}, "light of type list was given, but a factor says its kind"),
        ({"factors": {"kind": Factor(light, "nominal")}}, {}, "kind is nominal and holds 0.0666667, but whole numbers"),
        ({}, {"factors": {"on": Factor(groups, "binary")}}, "on is binary and holds 2, but only 0 and 1 are allowed"),
        (
            {"factors": {"turn": Factor(light, "circular", 1)}},
            {"factors": {"turn": Factor(light, "circular", 2)}},
            "turn is circular with period 1 in training images and circular with period 2 in test images, but",
        ),
        ({"groups": groups}, {"groups": groups[:, None]}, "groups of shape [16, 1] and type int64 were given"),
        ({"groups": groups}, {}, "groups of one split were given"),
        (
            {"factors": {"light": Factor(light, "ordered")}},
            {"factors": {"shade": Factor(light, "ordered")}},
            "the factors light of training images and shade of test images were given, but the same ones are needed",
        ),
    ):
        splits = {"train": with_known(dataset.train.part(None, 16), **train), "test": with_known(dataset.test, **test)}
        with pytest.raises(InputError, match=re.escape(message)):
            infogan.train(spec, dataclasses.replace(dataset, **splits), tmp_path / "logs", tmp_path / "ckt")
    assert list(tmp_path.iterdir()) == []


def test_images_that_the_spec_keeps_from_training_are_kept_from_it(spec, dataset, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr("infogan.experiment.run", lambda spec, folder, dataset, *_: trained.append(dataset))
    infogan.train(
        dataclasses.replace(spec, held_out_images=3, max_images=10), dataset, tmp_path / "logs", tmp_path / "ckt"
    )
    np.testing.assert_array_equal(trained[0].train.images, dataset.train.images[3:13])
    assert len(trained[0].test) == 10


def test_a_precision_that_the_machine_lacks_is_not_trained_in(spec, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("infogan.system.tf1.cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr("infogan.system.tf1.find_gpus", list)
    with pytest.raises(InputError, match=r"^precision: bfloat16 was given, but this machine trains on a CPU without"):
        infogan.train(dataclasses.replace(spec, precision="bfloat16"), dataset, tmp_path / "logs", tmp_path / "ckt")
    assert list(tmp_path.iterdir()) == []


def test_without_test_images_nothing_is_trained(spec, dataset, tmp_path):
    test = dataclasses.replace(dataset.test, images=dataset.test.images[:0], labels=dataset.test.labels[:0])
    empty = dataclasses.replace(dataset, test=test)
    with pytest.raises(InputError, match=r"images of shape \[0, 28, 28, 1\] were given"):
        infogan.train(spec, empty, tmp_path / "logs", tmp_path / "ckt")
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_other_sizes_than_the_runs_is_refused(smoke_run, wide):
    with pytest.raises(InputError, match=r"model-\d+: its .*/kernel has shape \[.*\], but the network .* needs \("):
        infogan.load(smoke_run[1])
