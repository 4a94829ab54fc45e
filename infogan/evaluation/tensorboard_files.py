"""What TensorBoard shows of a finished run: hyper-parameters beside results, and an embedding of test images."""

import dataclasses
import io
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infogan import grids
from infogan.codes import read_values
from infogan.data import Split
from infogan.evaluation.metric import Picture
from infogan.model.architectures import ImageShape
from infogan.model.optimizers import Optimizer
from infogan.run import TrainedRun
from infogan.schedule import Schedule
from infogan.spec import ExperimentSpec
from infogan.system.tf1 import derive_seed

EVENTS = "events.out.tfevents.evaluation"
"""Beside the events of the training, whose names end otherwise; each evaluation replaces it."""
MOST_IMAGES = 1000
LARGEST_SPRITES = 4096
"""Height and width of the picture of all sprites that browsers accept."""


def list_hyper_parameters(spec: ExperimentSpec) -> dict[str, bool | int | float | str]:
    """What decides a run, as the HParams plugin takes it: dict of name -> bool, int, float or str."""
    plain = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec)}
    chosen = {name: value for name, value in plain.items() if isinstance(value, (bool, int, float, str))}
    chosen.update({name: str(value) for name, value in plain.items() if isinstance(value, (Schedule, Optimizer))})
    chosen["code_schedules"] = "/".join(map(str, spec.code_schedules)) or "none"
    chosen["latents"] = ", ".join(f"{latent.name} ~ {latent.distribution}" for latent in spec.latent_spec)
    return chosen


def encode_results(spec: ExperimentSpec, report: dict[str, Any], run_name: str) -> bytes:
    """The bytes of an event file: the hyper-parameters of a run and each number of its report as `report/...`.

    A smoke run has no hyper-parameters in it: TensorBoard takes the list of results from one run for all, and such a
    run has fewer.

    Args:
      report: what `infogan.evaluation.report.build_report` made.
      run_name: str, which keeps runs with the same values apart.
    """
    rows = [row for row in report["metrics"] if row["ours"] is not None]
    chosen = {} if spec.smoke else list_hyper_parameters(spec)
    return encode_session(chosen, rows, report["update"], run_name)


def encode_session(
    chosen: Mapping[str, bool | int | float | str], rows: Sequence[dict[str, Any]], update: int, run_name: str
) -> bytes:
    """The bytes of an event file: a row of the HParams page, and the numbers in it as `report/...`.

    Args:
      chosen: the columns of what was chosen; none for a run that shall not be in the page.
      rows: what was measured, as `metrics` of a report; columns are those of which more or less is better.
      update: the last one.
      run_name: str, which keeps runs with the same values apart.
    """
    # Here: TensorBoard's modules cost half a second.
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api
    from tensorboard.plugins.hparams.summary import session_end_pb

    summaries = [Summary(value=[Summary.Value(tag=_tag(row), simple_value=row["ours"]) for row in rows])]
    if chosen:
        judged = [api.Metric(_tag(row), display_name=_title(row)) for row in rows if row["better"]]
        summaries = [
            api.hparams_config_pb([api.HParam(name) for name in chosen], judged),
            api.hparams_pb(dict(chosen), trial_id=run_name),
            *summaries,
            Summary.FromString(session_end_pb("STATUS_SUCCESS").SerializeToString()),
        ]
    return _encode_events(summaries, update)


def _encode_events(summaries: Sequence[Any], step: int) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    now, buffer = time.time(), io.BytesIO()
    writer = RecordWriter(buffer)
    writer.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
    for summary in summaries:
        writer.write(Event(wall_time=now, step=step, summary=summary).SerializeToString())
    return buffer.getvalue()


def _title(row: dict[str, Any]) -> str:
    return row["name"] + (f" of {row['code']}" if row["code"] else "")


def _tag(row: dict[str, Any]) -> str:
    return "report/" + re.sub(r"[^\w.]+", "_", _title(row)).strip("_")


def count_embedded(image_shape: ImageShape) -> int:
    """How many images the embedding has at most: MOST_IMAGES, or as many as the picture of all sprites has room for."""
    return min(MOST_IMAGES, (LARGEST_SPRITES // max(image_shape[:2])) ** 2)


def embed_test_images(run: TrainedRun, test: Split) -> list[Picture]:
    """Some test images as the projector takes them, with their labels and what Q read from them: list of Picture."""
    count = min(count_embedded(run.image_shape), len(test))
    chosen = np.random.default_rng(derive_seed(0, "embedding")).permutation(len(test))[:count]
    columns = {} if test.labels is None else {"label": test.labels[chosen]}
    for code, values in read_values(run.spec.codes, run.read(test)).items():
        columns[code] = np.round(values[chosen], 2)
    images = test.images[chosen]
    files = draw_embedding(run.features(images), images, columns)
    return [Picture(path, content) for path, content in files.items()]


def draw_embedding(
    features: np.ndarray, images: np.ndarray, columns: Mapping[str, Sequence | np.ndarray]
) -> dict[str, bytes]:
    """The files of the projector: vectors, what is known of each, and a small picture of each.

    Args:
      features: float array [N, dim].
      images: uint8 array [N, H, W, C].
      columns: dict of heading -> sequence of N values, by which the projector colours and labels.

    Returns:
      dict of path below the log folder -> bytes.
    """
    from google.protobuf import text_format
    from tensorboard.plugins.projector import ProjectorConfig

    config = ProjectorConfig()
    embedding = config.embeddings.add(
        tensor_name="features of Q, test images",
        tensor_path="embedding/features.tsv",
        metadata_path="embedding/metadata.tsv",
    )
    embedding.sprite.image_path = "embedding/sprites.png"
    embedding.sprite.single_image_dim.extend([images.shape[2], images.shape[1]])
    return {
        "projector_config.pbtxt": text_format.MessageToString(config).encode(),
        "embedding/features.tsv": _encode_vectors(features),
        "embedding/metadata.tsv": _encode_table(columns),
        "embedding/sprites.png": _encode_sprites(images),
    }


def _encode_vectors(features: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savetxt(buffer, features, fmt="%.4g", delimiter="\t")
    return buffer.getvalue()


def _encode_table(columns: Mapping[str, Sequence | np.ndarray]) -> bytes:
    """Lines of values; the projector wants headings where there are several columns, and none where there is one."""
    lines = ["\t".join(map(str, values)) for values in zip(*columns.values())]
    return "".join(f"{line}\n" for line in [*(["\t".join(columns)] if len(columns) > 1 else []), *lines]).encode()


def _encode_sprites(images: np.ndarray) -> bytes:
    """A square of pictures, filled row by row, as the projector cuts it."""
    side = int(np.ceil(np.sqrt(len(images))))
    padded = np.zeros((side * side, *images.shape[1:]), np.uint8)
    padded[: len(images)] = images
    return grids.encode_png(grids.tile(padded.reshape(side, side, *images.shape[1:])))
