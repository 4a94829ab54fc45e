"""What continuous codes do to digits, in numbers: Figure 2(c) and (d) of the paper.

Nothing tells the codes apart during training, so their names are exchangeable: the report says which code was found to
do what.
"""

from collections.abc import Mapping
from itertools import permutations

import numpy as np
from scipy import ndimage
from skimage.morphology import medial_axis

from infogan.codes import tell_change, usual_values
from infogan.data import Dataset
from infogan.evaluation.code_strength import (
    COLUMNS,
    LIMIT,
    STRENGTH,
    Style,
    compute_share_unchanged,
    correlate,
    make_row,
)
from infogan.evaluation.figures import draw_effects
from infogan.evaluation.judges import find_classifier
from infogan.evaluation.metric import Change, Claim, Found, Metric, Picture, Settings
from infogan.evaluation.sample_quality import are_alike
from infogan.run import TrainedRun
from infogan.system.tf1 import derive_seed

DIGIT_SETS = ("mnist",)
"""Sets of one bright digit on a dark ground, for which slant, width and thickness mean something."""
CLAIM = Claim("Fig. 2(c), (d), drawn", 0.8)
UNITS = {"slant": "degrees", "width": "pixels", "thickness": "pixels"}


def code_effects(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: what continuous codes do to digits; nothing for other images, or samples that are all alike."""
    if run.spec.dataset not in DIGIT_SETS or are_alike(run, dataset):
        return []
    values = {c.name: usual_values(c, COLUMNS, LIMIT) for c in run.spec.codes if c.distribution.kind == "continuous"}
    angles = ", ".join(code.name for code in run.spec.codes if code.distribution.kind == "circular")
    notes = [f"What {angles} does to digits is not measured: an angle has no highest value."] if angles else []
    if not values:
        return notes
    classifier, _ = find_classifier(run, dataset)
    styles, classes = {}, {}
    for code in values:
        images = run.sweep(code, values[code], settings.rows, derive_seed(run.spec.seed, "code effect"))
        styles[code] = _measure_sweep(images)
        if classifier:
            classes[code] = classifier.predict(images.reshape(-1, *images.shape[2:])).classes.reshape(images.shape[:2])
    metrics, found = measure_code_effects(values, styles, classes, claims=run.spec.variant == "infogan")
    caption = "Style of generated digits against each continuous code: mean, and 10 % to 90 % of the images."
    return [*notes, *metrics, *found, Picture("code_effect.png", draw_effects(values, styles, UNITS), caption)]


def _measure_sweep(images: np.ndarray) -> Style:
    style = measure_style(images[..., 0].reshape(-1, *images.shape[2:4]))
    return {quality: values.reshape(images.shape[:2]) for quality, values in style.items()}


def find_separate_codes(strengths: dict[str, dict[str, float]]) -> tuple[float, str]:
    """How well one code stands for slant and another for width or thickness.

    Args:
      strengths: dict of code name -> dict of quality -> |Spearman|.

    Returns:
      (float: the smaller of the two |Spearman| for the best choice of two codes, str: which codes and quality).

    Raises:
      ValueError: if there are fewer than two codes.
    """
    found = []
    for first, second in permutations(strengths, 2):
        form = max(("width", "thickness"), key=strengths[second].__getitem__)
        slant, other = strengths[first]["slant"], strengths[second][form]
        found.append((min(slant, other), f"{first}: slant {slant:.2f}; {second}: {form} {other:.2f}"))
    return max(found)


def measure_code_effects(
    values: Mapping[str, np.ndarray], styles: Mapping[str, Style], classes: Mapping[str, np.ndarray], claims: bool
) -> tuple[list[Metric], list[str]]:
    """Metrics of all continuous codes.

    Args:
      values: dict of code name -> array [COLUMNS], what the code was set to.
      styles: dict of code name -> dict of quality -> array [rows, COLUMNS] over these.
      classes: dict of code name -> int array [rows, COLUMNS], what a classifier sees; empty without a classifier.
      claims: whether the paper's claim is made for this model: InfoGAN, not the plain GAN.

    Returns:
      (list of Metric, list of str: which code was found to do what).
    """
    metrics, notes, strengths, strengths_within = [], [], {}, {}
    for code, style in styles.items():
        correlations = {quality: correlate(values[code], style[quality]) for quality in QUALITIES}
        strengths[code] = {quality: abs(together) for quality, (together, _) in correlations.items()}
        strengths_within[code] = {quality: abs(within) for quality, (_, within) in correlations.items()}
        metrics += [
            make_row(code, quality, found, _find_change(style, quality)) for quality, found in correlations.items()
        ]
        if code in classes:
            inner = np.abs(values[code]) <= 1.0  # within what training saw of a uniform code
            near = compute_share_unchanged(classes[code][:, inner])
            unchanged = compute_share_unchanged(classes[code])
            note = f"{_name_range(values[code][inner])}: {100 * near:.1f} %"
            metrics.append(Metric(f"same digit, {_name_range(values[code])}", unchanged, "share", code, note, "higher"))
        notes.append(_describe_code(code, values[code], strengths[code], style))
    if len(strengths) > 1:
        name = "slant by one code, form by another"
        weaker, note = find_separate_codes(strengths)
        metrics.append(Metric(name, weaker, note=note, better="higher", claim=CLAIM if claims else None))
        weaker, note = find_separate_codes(strengths_within)
        metrics.append(Metric(f"{name}, within a row", weaker, note=note, better="higher"))
    return metrics, notes


def _find_change(style: Style, quality: str) -> Change | None:
    """The Change of a quality from the lowest value of the code to the highest; None where images are too blank."""
    low, high = (np.ma.masked_invalid(style[quality][:, column]).mean() for column in (0, -1))
    if low is np.ma.masked or high is np.ma.masked:
        return None
    return Change(float(low), float(high), UNITS[quality])


def _name_range(values: np.ndarray) -> str:
    return f"{values[0]:.3g} to {values[-1]:.3g}"


def _describe_code(code: str, values: np.ndarray, strengths: dict[str, float], style: Style) -> str:
    most = max(strengths, key=strengths.__getitem__)
    change = _find_change(style, most)
    how = tell_change(change) if change else "images too blank to be measured"
    return (
        f"{code} was found to control {most} most ({STRENGTH} {strengths[most]:.2f}): {how} "
        f"as the code goes from {_name_range(values)}. The names of continuous codes are exchangeable."
    )


QUALITIES = ("slant", "width", "thickness")
SCALE = 4
"""Images are enlarged before anything is measured, so that a stroke of two pixels has a skeleton."""
MASS_OUTSIDE = 0.01
"""Share of the mass on either side that the width leaves out."""
LEAST_CONTRAST = 0.1
"""Between the darkest and the brightest pixel of a digit."""
SHEET = 50
"""Images whose skeletons are found in one call, side by side; more are no faster and need 0.6 MB of memory each."""


def measure_style(images: np.ndarray) -> Style:
    """What a digit looks like, whichever digit it is.

        slant      arctan(-u11 / u02) of the central moments of the grey levels, y growing downward; degrees, leaning
                   right is positive
        width      across the upright axis sheared by the slant, from the 1 % to the 99 % point of the mass; pixels
        thickness  twice the mean distance to the background along the medial axis of the image, binarised halfway
                   between its darkest and its brightest pixel; pixels

    Args:
      images: float array [N, H, W], bright strokes on a dark ground, in [0, 1].

    Returns:
      dict of the names in QUALITIES -> float64 array [N]; NaN for an image without contrast.
    """
    parts = [_measure_sheet(part) for part in np.array_split(images, max(1, -(-len(images) // SHEET)))]
    return {name: np.concatenate([part[name] for part in parts]) for name in QUALITIES}


def _measure_sheet(images: np.ndarray) -> Style:
    images = np.asarray(images, np.float64)
    large = _enlarge(images).clip(0.0, 1.0)  # cubic interpolation overshoots
    low, high = large.min(axis=(1, 2)), large.max(axis=(1, 2))
    is_blank = np.ptp(images, axis=(1, 2)) < LEAST_CONTRAST
    shear, width = _measure_shear_and_width(np.where(is_blank[:, None, None], 1.0, large))
    thickness = _measure_thickness(large > ((low + high) / 2)[:, None, None])
    measured = {"slant": np.degrees(np.arctan(shear)), "width": width / SCALE, "thickness": thickness / SCALE}
    return {name: np.where(is_blank, np.nan, values) for name, values in measured.items()}


def _enlarge(images: np.ndarray) -> np.ndarray:
    """Cubic spline interpolation of [N, H, W] to SCALE times the size, as two products: it is linear in each axis."""
    rows, columns = (_cubic_matrix(size) for size in images.shape[1:])
    return rows @ images @ columns.T


def _cubic_matrix(size: int) -> np.ndarray:
    # In grid mode the small pixels tile the large ones; otherwise corner would meet corner, and the factor be 4.11.
    return ndimage.zoom(np.eye(size), (SCALE, 1), order=3, mode="grid-constant", grid_mode=True)


def _measure_shear_and_width(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """tan(slant) and the width in pixels of images [N, H, W]."""
    row, column = np.indices(images.shape[1:])
    mass = images.sum(axis=(1, 2))[:, None, None]
    y = row - (images * row).sum(axis=(1, 2), keepdims=True) / mass
    x = column - (images * column).sum(axis=(1, 2), keepdims=True) / mass
    spread = np.maximum((images * y * y).sum(axis=(1, 2)), 1e-12)  # a single line of pixels has no height
    shear = -(images * x * y).sum(axis=(1, 2)) / spread
    upright = x + shear[:, None, None] * y
    return shear, np.array([_extent(*pair) for pair in zip(upright, images)])


def _extent(position: np.ndarray, mass: np.ndarray) -> float:
    """From the 1 % to the 99 % point of a mass at `position`, in pixels; every pixel is one wide."""
    start = np.floor(position.min()) - 1.0
    whole = np.floor(position - start).astype(int)
    share = position - start - whole
    # Splits a pixel's mass between the two bins it covers.
    bins = np.bincount(whole.ravel(), (mass * (1.0 - share)).ravel(), whole.max() + 2)
    bins[1:] += np.bincount(whole.ravel(), (mass * share).ravel(), whole.max() + 2)[:-1]
    filled = np.concatenate([[0.0], np.cumsum(bins) / bins.sum()])
    low, high = np.interp([MASS_OUTSIDE, 1.0 - MASS_OUTSIDE], filled, np.arange(len(filled)))
    return high - low


def _measure_thickness(strokes: np.ndarray) -> np.ndarray:
    """Twice the mean distance along the medial axis of bool images [N, H, W], in pixels; NaN where there is none."""
    count, height, width = strokes.shape
    sheet = np.pad(strokes, ((0, 0), (1, 1), (1, 1))).reshape(count * (height + 2), width + 2)
    # rng: equally good skeletons are chosen between by chance.
    skeleton, distance = medial_axis(sheet, return_distance=True, rng=0)
    length = skeleton.reshape(count, -1).sum(axis=1)
    total = (distance * skeleton).reshape(count, -1).sum(axis=1)
    return 2.0 * np.divide(total, length, out=np.full(count, np.nan), where=length > 0)
