"""How strongly a quality of images follows a code that is swept, and whether their class stays."""

from collections.abc import Mapping

import numpy as np
from scipy import stats

from infogan.evaluation.metric import Change, Metric

Style = Mapping[str, np.ndarray]
"""What images look like: an array of each quality, by its name."""

LIMIT, COLUMNS = 2.0, 11
"""A code runs from -LIMIT to LIMIT (Fig. 2), or as far of that as its prior reaches, in COLUMNS steps."""
STRENGTH = "|Spearman|"


def correlate(values: np.ndarray, quality: np.ndarray) -> tuple[float, float]:
    """Spearman's correlation of a code with a quality of the images.

    Args:
      values: array [columns], what the code was set to.
      quality: array [rows, columns]; NaN where it could not be measured.

    Returns:
      (float over all images together, float: mean of the correlations within each row). The first is high where the
      code decides the quality, whatever else differs between images; the second where the quality follows the code
      while all else is fixed, however little it changes. 0 where nothing changes at all.
    """
    together = _spearman(np.tile(values, len(quality)), quality.ravel())
    return together, float(np.mean([_spearman(values, row) for row in quality]))


def _spearman(values: np.ndarray, quality: np.ndarray) -> float:
    known = np.isfinite(quality)
    if known.sum() < 3 or np.ptp(quality[known]) == 0.0:
        return 0.0
    ranks = stats.rankdata([values[known], quality[known]], axis=1)  # stats.spearmanr, which also tests, is slow
    return float(np.corrcoef(ranks)[0, 1])


def compute_share_unchanged(classes: np.ndarray) -> float:
    """Share of images that show the same class as their row's middle image; the middle ones do not count.

    Args:
      classes: int array [rows, columns]; of an even number of columns the middle is the first of the right half.

    Returns:
      float from 0 to 1.
    """
    middle = classes.shape[1] // 2
    return float(np.mean(np.delete(classes, middle, axis=1) == classes[:, [middle]]))


def make_row(code: str, quality: str, correlations: tuple[float, float], change: Change | None) -> Metric:
    """The Metric of a code and a quality of images, with what `correlate` found; no change: they are too blank."""
    together, within = map(abs, correlations)
    note = f"{within:.2f} within a row" + ("" if change else "; images too blank to be measured")
    name = f"{STRENGTH} with {quality}"
    return Metric(name, together, "", code, note, factor=quality, strength=STRENGTH, change=change)
