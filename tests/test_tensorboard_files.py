"""What TensorBoard reads of a finished run, read back with TensorBoard's own code."""

import dataclasses
import json

import imageio.v3 as imageio
import numpy as np
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import ProjectorConfig

from infogan.evaluation import tensorboard_files
from infogan.evaluation.tensorboard_files import draw_embedding, encode_results, encode_session
from infogan.schedule import schedules_from_text


def read_events(log):
    accumulator = EventAccumulator(str(log / tensorboard_files.EVENTS))
    accumulator.Reload()
    return accumulator


def read_hparams(accumulator, tag):
    content = accumulator.summary_metadata[tag].plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


def test_results_stand_beside_hyper_parameters(smoke_run, spec, tmp_path):
    report = json.loads((smoke_run[0] / "report.json").read_text())
    spec = dataclasses.replace(spec, code_schedules=schedules_from_text("none/100:0,200:1/none"))
    (tmp_path / tensorboard_files.EVENTS).write_bytes(encode_results(spec, report, "first"))
    events = read_events(tmp_path)
    start = read_hparams(events, "_hparams_/session_start_info").session_start_info
    assert start.group_name == "first"
    assert start.hparams["seed"].number_value == 3 and start.hparams["recipe"].string_value == "reference"
    assert start.hparams["code_schedules"].string_value == "none/100:0,200:1/none"
    assert start.hparams["turning_schedule"].string_value == "none"
    assert "digit ~ Categorical(dim=10)" in start.hparams["latents"].string_value
    error = next(row["ours"] for row in report["metrics"] if row["name"] == "error rate")
    (scalar,) = events.Scalars("report/error_rate_of_digit")
    assert scalar.step == report["update"]
    np.testing.assert_allclose(scalar.value, error, rtol=1e-6)
    experiment = read_hparams(events, "_hparams_/experiment").experiment
    tags = {metric.name.tag for metric in experiment.metric_infos}
    assert "report/error_rate_of_digit" in tags <= set(events.Tags()["scalars"])
    assert read_hparams(events, "_hparams_/session_end_info").session_end_info.status == 1  # STATUS_SUCCESS


def test_rows_of_names_in_other_letters_are_kept_apart(tmp_path):
    names = {"größe": 1.0, "grüße": 2.0}
    rows = [{"name": name, "code": None, "ours": ours, "better": None} for name, ours in names.items()]
    (tmp_path / tensorboard_files.EVENTS).write_bytes(encode_session({}, rows, 6, "run"))
    events = read_events(tmp_path)
    assert {name: events.Scalars(f"report/{name}")[0].value for name in names} == names


def test_a_smoke_run_has_no_hyper_parameters(smoke_run):
    """TensorBoard would take its list of results, which is short, for the others' too."""
    events = read_events(smoke_run[0])
    assert events.Scalars("report/error_rate_of_digit")
    assert not [tag for tag in events.summary_metadata if tag.startswith("_hparams_")]


def test_embedding_of_a_run(smoke_run):
    log = smoke_run[0]
    (embedding,) = text_format.Parse((log / "projector_config.pbtxt").read_text(), ProjectorConfig()).embeddings
    vectors = np.loadtxt(log / embedding.tensor_path)
    head, *rows = (log / embedding.metadata_path).read_text().splitlines()
    assert vectors.shape == (1000, 128) and vectors.std() > 0
    assert head.split("\t") == ["label", "digit", "rotation", "width"]
    assert len(rows) == 1000 and {row.split("\t")[0] for row in rows} == set("0123456789")
    assert [*embedding.sprite.single_image_dim] == [28, 28]
    assert imageio.imread(log / embedding.sprite.image_path).shape == (32 * 28, 32 * 28)


def test_sprites_lie_in_the_order_of_the_vectors():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)
    files = draw_embedding(np.zeros((5, 2)), images, {"code": range(5)})
    sheet = imageio.imread(files["embedding/sprites.png"])
    assert sheet.shape == (3 * 4, 3 * 6, 3)
    np.testing.assert_array_equal(sheet[4:8, 6:12], images[4])
    assert not sheet[8:].any()
    assert files["embedding/metadata.tsv"] == b"0\n1\n2\n3\n4\n"  # a single column has no heading
