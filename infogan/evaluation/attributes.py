"""What categorical codes tell of attributes, as of CelebA's eyeglasses, and what they do to them in samples (Fig. 6).

On real test images the attribute that a code tells is chosen on one half and scored on the other, as factors are
(`infogan.evaluation.factors`). Samples are judged by the classifier of attributes, which saw the training images alone.
The azimuth of Figure 6(a) is not measured: no list of landmarks is read.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from infogan.codes import MOST_SHOWN, read_values
from infogan.data import Dataset, Factor
from infogan.evaluation.factors import Reading, compute_accuracy, compute_information, split_in_halves
from infogan.evaluation.judges import AttributeClassifier, find_attributes, find_classifier, measure_attributes
from infogan.evaluation.metric import Found, Metric, Picture, Settings
from infogan.evaluation.recognition import categorical_codes
from infogan.evaluation.report import format_value
from infogan.evaluation.sample_quality import are_alike
from infogan.latents import Latent
from infogan.run import TrainedRun
from infogan.system.tf1 import derive_seed

FIGURE_6 = (
    "Eyeglasses",
    "Blond_Hair",
    "Black_Hair",
    "Bangs",
    "Bald",
    "Wearing_Hat",
    "Smiling",
    "Male",
    "Young",
)
"""The attributes of CelebA for what the paper's Figure 6 shows and finds: glasses, hair style, emotion, and beside it
sex and age. Of other sets all attributes are measured."""
FEWEST_IMAGES = 20
"""Of fewer images with an attribute, or without it, half of them say nothing."""
TOLD = 0.75
"""Balanced accuracy from which on a code is said to tell an attribute."""


def attributes(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: which attributes categorical codes tell on real images, and which they change in samples."""
    codes, present = categorical_codes(run.spec)[:MOST_SHOWN], choose_attributes(dataset)
    names = [name for name in present if count_rarer(dataset.test.factors[name]) >= FEWEST_IMAGES]
    left_out = ", ".join(name for name in present if name not in names)
    note = f"Too few test images to measure {left_out}: {FEWEST_IMAGES} with and without it are needed."
    notes = [note] if left_out else []
    if not codes or not present:
        return []
    if not names:
        return notes
    values = read_values(run.spec.codes, run.read(dataset.test))
    readings = {code.name: Reading(code.distribution.kind, values[code.name]) for code in codes}
    factors = {name: dataset.test.factors[name] for name in names}
    found: list[Metric | str | Picture] = [
        *measure_told(readings, factors, derive_seed(run.spec.seed, "halves")),
        *notes,
    ]
    classifier, _ = find_classifier(run, dataset)
    if not isinstance(classifier, AttributeClassifier) or are_alike(run, dataset):
        return found
    accuracies = {name: value for name, value in measure_attributes(classifier, dataset.test).items() if name in names}
    if not accuracies:  # no training image has one of them
        return found
    told = ", ".join(f"{name} {100 * value:.0f} %" for name, value in accuracies.items())
    seed = derive_seed(run.spec.seed, "attributes")
    seen = {code.name: _sweep(run, classifier, code, accuracies, seed, settings.rows) for code in codes}
    effects = measure_effects(seen, accuracies)
    return [*found, *effects, f"Balanced accuracy of the classifier of attributes on test images: {told}."]


def choose_attributes(dataset: Dataset) -> list[str]:
    """Those of Figure 6 that differ among the test images, or else all attributes that do."""
    present = list(find_attributes(dataset.test))
    known = {name.lower() for name in FIGURE_6}  # copies of the list write the names otherwise
    return [name for name in present if name.lower() in known] or present


def count_rarer(factor: Factor) -> int:
    """How many images have an attribute, or have it not, whichever are fewer."""
    present = int(factor.values.sum())
    return min(present, len(factor.values) - present)


def measure_told(readings: Mapping[str, Reading], factors: Mapping[str, Factor], seed: int) -> list[Metric]:
    """Metrics of the attribute that each code tells best on real images.

    Args:
      readings: dict of code name -> Reading [N].
      factors: dict of attribute -> binary Factor [N].
      seed: int, of the halves.

    Returns:
      list of Metric: of each code balanced accuracy and normalised mutual information, and how many codes tell an
      attribute at all (TOLD).
    """
    everything = np.arange(len(next(iter(factors.values())).values))
    chosen_on, scored_on = split_in_halves(everything, seed)
    quarters = split_in_halves(everything, seed, chosen_on)
    order = np.random.default_rng(seed).permutation(len(everything))
    metrics, told = [], []
    for code, reading in readings.items():
        chosen = {
            name: compute_accuracy(reading, factor, *quarters) + compute_accuracy(reading, factor, *quarters[::-1])
            for name, factor in factors.items()
        }
        best = max(chosen, key=chosen.__getitem__)
        shuffled = dataclasses.replace(reading, values=reading.values[order])
        accuracy, chance = (compute_accuracy(each, factors[best], chosen_on, scored_on) for each in (reading, shuffled))
        information, none = (
            compute_information(each, factors[best], chosen_on, scored_on) for each in (reading, shuffled)
        )
        metrics += [
            Metric(
                "balanced accuracy for the attribute it tells",
                accuracy,
                "share",
                code,
                f"{best}; {format_value(chance, 'share')} by chance",
                "higher",
                factor=best,
            ),
            Metric(
                "NMI with the attribute it tells",
                information,
                "of 1",
                code,
                f"{best}; {none:.3f} by chance",
                "higher",
                factor=best,
            ),
        ]
        if accuracy >= TOLD:
            told.append(f"{code}: {best}")
    name = f"codes that tell an attribute, from {100 * TOLD:g} % on"
    return [*metrics, Metric(name, float(len(told)), f"of {len(readings)}", note="; ".join(told), better="higher")]


def _sweep(
    run: TrainedRun,
    classifier: AttributeClassifier,
    code: Latent,
    names: Collection[str],
    seed: int,
    rows: int,
) -> np.ndarray:
    """Which attributes samples of the prior have while one code changes: bool [rows, categories, attributes]."""
    images = run.sweep(code.name, rows=rows, seed=seed, vary_discrete=False)
    seen = classifier.predict_batches(images).classes  # row after row
    places = [classifier.attributes.index(name) for name in names]
    return seen[:, places].reshape(rows, -1, len(places))


def measure_effects(seen: Mapping[str, np.ndarray], accuracies: Mapping[str, float]) -> list[Metric]:
    """What categorical codes do to attributes of samples.

    Args:
      seen: dict of code -> bool array [rows, categories, attributes], what the classifier sees in samples that differ,
        within a row, in the category alone.
      accuracies: dict of attribute -> balanced accuracy of the classifier, in the order of the last axis.

    Returns:
      list of Metric: by how much the share of samples with an attribute differs between two categories, of each code
      for the attribute that it changes most, and of each attribute for the code that changes it most. Attribute, code
      and categories are chosen on half of the rows, and the difference is that of the others. About 0 by chance.
    """
    names = list(accuracies)
    halves = {
        code: tuple(half.mean(axis=0) for half in np.split(present, [len(present) // 2]))  # [categories, attributes]
        for code, present in seen.items()
    }
    ranges = {code: np.ptp(chosen, axis=0) for code, (chosen, _) in halves.items()}  # [attributes] each
    metrics = []
    for code, spans in ranges.items():
        place = int(spans.argmax())
        name = names[place]
        change, note = _measure_change(halves[code], place, accuracies[name])
        metrics.append(
            Metric("change of an attribute of samples", change, "share", code, f"{name}: {note}", "higher", factor=name)
        )
    for place, name in enumerate(names):
        best = max(ranges, key=lambda code: ranges[code][place])
        change, note = _measure_change(halves[best], place, accuracies[name])
        row = f"change of {name} in samples, best code"
        metrics.append(Metric(row, change, "share", note=f"{best}: {note}", better="higher", factor=name))
    return metrics


def _measure_change(halves: Sequence[np.ndarray], place: int, accuracy: float) -> tuple[float, str]:
    """How far one attribute's share in samples differs between two categories, and a note of what it is with each."""
    chosen, scored = (half[:, place] for half in halves)
    least, most = int(chosen.argmin()), int(chosen.argmax())
    low, high = float(scored[least]), float(scored[most])
    return high - low, (
        f"{100 * low:.0f} % with category {least}, {100 * high:.0f} % with category {most}; balanced accuracy of the "
        f"classifier {100 * accuracy:.0f} %"
    )
