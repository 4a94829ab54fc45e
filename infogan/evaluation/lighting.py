"""What codes do to light and context: the paper's two findings on SVHN (Fig. 5), in numbers.

Light is measured in samples of any set that is no digits on a dark ground. The context of a plate has no label: what
can be told is whether a category changes the surroundings more than the middle, and leaves the digit there what it is.
"""

from collections.abc import Mapping

import numpy as np

from infogan.codes import MOST_SHOWN, usual_values
from infogan.data import Dataset
from infogan.evaluation.code_effect import DIGIT_SETS
from infogan.evaluation.code_strength import COLUMNS, LIMIT, Style, compute_share_unchanged, correlate, make_row
from infogan.evaluation.judges import find_classifier
from infogan.evaluation.metric import Change, Claim, Found, Metric, Settings
from infogan.evaluation.recognition import categorical_codes
from infogan.evaluation.sample_quality import are_alike
from infogan.run import TrainedRun
from infogan.system.tf1 import derive_seed

QUALITIES = ("brightness", "light from the right", "light from below")
CLAIMS = {"svhn": Claim("Fig. 5(a), drawn", 0.8)}
SETS_OF_PLATES = ("svhn",)
"""Whose labels are of what stands in the middle."""


def lighting(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: what continuous codes do to the light of samples; nothing for digits, or samples all alike."""
    codes = [code for code in run.spec.codes if code.distribution.kind == "continuous"][:MOST_SHOWN]
    if run.spec.dataset in DIGIT_SETS or not codes or are_alike(run, dataset):
        return []
    seed = derive_seed(run.spec.seed, "code effect")
    values = {code.name: usual_values(code, COLUMNS, LIMIT) for code in codes}
    lights = {code: measure_light(run.sweep(code, swept, settings.rows, seed)) for code, swept in values.items()}
    claim = CLAIMS.get(run.spec.dataset) if run.spec.variant == "infogan" else None
    return measure_lighting(values, lights, claim)


def measure_light(images: np.ndarray) -> Style:
    """The light of images: their mean, and how much lighter the right half is than the left, the lower than the upper.

    Args:
      images: float array [..., H, W, C] in [0, 1].

    Returns:
      dict of the names in QUALITIES -> array [...].
    """
    grey = images.mean(axis=-1)
    height, width = grey.shape[-2:]

    def mean(rows: slice, columns: slice) -> np.ndarray:
        return grey[..., rows, columns].mean(axis=(-2, -1))

    every = slice(None)
    right = mean(every, slice(width - width // 2, None)) - mean(every, slice(width // 2))
    below = mean(slice(height - height // 2, None), every) - mean(slice(height // 2), every)
    return dict(zip(QUALITIES, (mean(every, every), right, below)))


def measure_lighting(
    values: Mapping[str, np.ndarray], lights: Mapping[str, Style], claim: Claim | None = None
) -> list[Metric]:
    """Metrics of all continuous codes.

    Args:
      values: dict of code name -> array [columns], what the code was set to.
      lights: dict of code name -> dict of quality -> array [rows, columns] of samples.
      claim: of the paper, on the best code; None for none.

    Returns:
      list of Metric. The last one is that of the code that stands for light, chosen on half of the rows and scored on
      the others.
    """
    metrics, chosen, scored = [], {}, {}
    for code, light in lights.items():
        for quality, seen in light.items():
            low, high = (100.0 * float(seen[:, column].mean()) for column in (0, -1))
            change = Change(low, high, "% of the range")
            metrics.append(make_row(code, quality, correlate(values[code], seen), change))
            middle = len(seen) // 2
            chosen[code, quality], scored[code, quality] = (
                abs(correlate(values[code], rows)[0]) for rows in (seen[:middle], seen[middle:])
            )
    best = max(chosen, key=chosen.__getitem__)
    note = f"{best[0]}: {best[1]}"
    return [*metrics, Metric("light by a continuous code", scored[best], note=note, better="higher", claim=claim)]


def context(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: what categories do to the surroundings of a digit, and to the digit; for house numbers alone."""
    codes = categorical_codes(run.spec)[:MOST_SHOWN]
    if run.spec.dataset not in SETS_OF_PLATES or not codes or are_alike(run, dataset):
        return []
    classifier, _ = find_classifier(run, dataset)
    seed, metrics = derive_seed(run.spec.seed, "context"), []
    for code in codes:
        images = run.sweep(code.name, rows=settings.rows, seed=seed, vary_discrete=False)
        name = "change of the surroundings, over that of the middle"
        metrics.append(Metric(name, compute_change_outside(images), "", code.name, "1: alike"))
        if classifier:
            classes = classifier.predict(images.reshape(-1, *images.shape[2:])).classes.reshape(images.shape[:2])
            same = compute_share_unchanged(classes)
            metrics.append(Metric("same digit in all categories", same, "share", code.name, "by the classifier"))
    return metrics


def compute_change_outside(images: np.ndarray) -> float:
    """Variance over the columns, mean over the outer pixels, over that of the pixels in the middle.

    The middle is half of the height and of the width.

    Args:
      images: float array [rows, columns, H, W, C].

    Returns:
      float; infinite where the middle alone stays the same, NaN where nothing changes.
    """
    changes = images.var(axis=1, dtype=np.float64).mean(axis=(0, -1))  # [H, W]
    height, width = changes.shape
    inside = np.zeros(changes.shape, bool)
    inside[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    outer, middle = changes[~inside].mean(), changes[inside].mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(outer / middle)
