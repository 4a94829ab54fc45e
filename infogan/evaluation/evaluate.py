"""Everything that is measured and drawn of a run, at its end or later."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from infogan.data import Dataset
from infogan.evaluation.attributes import attributes
from infogan.evaluation.code_effect import code_effects
from infogan.evaluation.disentanglement.trained import disentanglement_scores
from infogan.evaluation.factor_sweeps import factor_sweeps
from infogan.evaluation.factors import true_factors
from infogan.evaluation.figures import describe_left_out, draw_curves, draw_samples, draw_training_film, draw_traversals
from infogan.evaluation.judges import classifier_accuracy
from infogan.evaluation.lighting import context, lighting
from infogan.evaluation.metric import FULL, QUICK, Findings, Found, Metric, MetricFunction, Picture, Settings
from infogan.evaluation.recognition import choose_order, clusters, describe_categories, error_rates, information
from infogan.evaluation.report import build_report, format_markdown, render_html
from infogan.evaluation.sample_quality import noise, sample_quality, spread
from infogan.evaluation.tensorboard_files import EVENTS, embed_test_images, encode_results
from infogan.run import TrainedRun
from infogan.spec import ExperimentSpec
from infogan.system.files import write_atomically
from infogan.system.tf1 import derive_seed
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import load_metrics


def training_speed(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: median over the epochs."""
    lines = load_metrics(run.folder.metrics)
    speeds = [line["speed/images_per_second"] for line in lines]
    return [Metric("training speed", float(np.median(speeds)), "images/s", better="higher")] if speeds else []


METRICS = (
    error_rates,
    clusters,
    information,
    true_factors,
    disentanglement_scores,
    spread,
    classifier_accuracy,
    noise,
    code_effects,
    factor_sweeps,
    lighting,
    context,
    attributes,
    sample_quality,
    training_speed,
)
"""What is measured of every run, in the order of the report."""

QUICK_METRICS = (error_rates, information, true_factors, training_speed)
"""What is measured of a smoke run, which has learned nothing: all that takes seconds."""


def evaluate_run(dataset: Dataset, folder: RunFolder, more_metrics: Sequence[MetricFunction] = ()) -> dict[str, Any]:
    """Evaluates the newest checkpoint of a run; writes report.json, report.md, report.html and the pictures.

    Args:
      dataset: Dataset; its labels and factors are used for nothing but this.
      more_metrics: sequence of functions of (run, dataset, settings), measured after METRICS.

    Returns:
      The report, as `infogan.evaluation.report.build_report` makes it.

    Raises:
      InputError: if the log or the checkpoint is damaged; nothing is written then.
    """
    load_metrics(folder.metrics)  # refuses a damaged log before anything takes time
    with TrainedRun(folder) as run:
        spec = run.spec
        told = [*_describe_run(spec, folder), *describe_left_out(spec.codes)]  # refuses a damaged origin likewise
        metrics, settings = (QUICK_METRICS, QUICK) if spec.smoke else (METRICS, FULL)
        findings = measure(run, dataset, (*metrics, *more_metrics), settings)
        findings.notes += told
        report = build_report(spec, run.update, findings.metrics, findings.notes)
        report["categories"] = describe_categories(run, dataset)
        pictures = [*findings.pictures, *draw(run, dataset)]
    pictures.append(Picture(EVENTS, encode_results(spec, report, folder.name)))
    _write(folder, report, pictures)
    return report


def measure(
    run: TrainedRun, dataset: Dataset, metrics: Sequence[MetricFunction] = METRICS, settings: Settings = FULL
) -> Findings:
    """What metrics find.

    Args:
      metrics: sequence of functions of (run, dataset, settings) that return lists of Metrics, notes and Pictures.

    Returns:
      Findings.
    """
    findings = Findings()
    for metric in metrics:
        findings.add(metric, metric(run, dataset, settings))
    return findings


def draw(run: TrainedRun, dataset: Dataset) -> list[Picture]:
    """The pictures of every run: what codes do, the curves of the training and its film, and the embedding."""
    seed = derive_seed(run.spec.seed, "evaluation")
    pictures = draw_samples(run, seed, choose_order(run, dataset))
    pictures += draw_traversals(run, dataset.test.images, seed)
    pictures += embed_test_images(run, dataset.test)
    pictures += draw_curves(run.spec, load_metrics(run.folder.metrics))
    return pictures + draw_training_film(run.folder.frames)


def _describe_run(spec: ExperimentSpec, folder: RunFolder) -> list[str]:
    """Notes on what kind of run it is."""
    notes = []
    if spec.smoke:
        notes.append("A smoke run: what codes do and sample quality are left out.")
    if spec.weight_averaging:
        notes.append(f"The weights are running averages over the updates, of decay {spec.weight_averaging:g}.")
    if origin := folder.load_origin():
        notes.append(
            f"The run continues {origin['run']} from update {origin['update']:,}, where its learning rates rose again: "
            "a run of this length from the start would differ."
        )
    return notes


def _write(folder: RunFolder, report: dict[str, Any], pictures: Sequence[Picture]) -> None:
    """Writes all files, report.json last: where it is, the rest is."""
    # The paper's figures first.
    shown = sorted((p for p in pictures if p.caption), key=lambda picture: not picture.path.startswith("samples/"))
    files: dict[str, str | bytes] = {
        **{picture.path: picture.content for picture in pictures},
        "report.html": render_html(report, shown),
        "report.md": format_markdown(report, shown),
        "report.json": json.dumps(report, indent=1, allow_nan=False) + "\n",
    }
    for path, content in files.items():
        (folder.log / path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder.log / path, content)
