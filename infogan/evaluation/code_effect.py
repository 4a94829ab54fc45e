"""What continuous codes do to digits, in numbers: Figure 2(c) and (d) of the paper.

Nothing tells the codes apart during training, so their names are exchangeable: the report says which code was found to
do what.
"""

from itertools import permutations

import numpy as np
from scipy import stats

from infogan.code_description import CORRELATION
from infogan.evaluation.digit_style import QUALITIES
from infogan.evaluation.metric import Claim, Metric
from infogan.pictures.sweeps import sweep_latents, vary_discrete_codes

DIGIT_SETS = ("mnist",)
"""Sets of one bright digit on a dark ground, for which slant, width and thickness mean something."""
LIMIT, COLUMNS, ROWS = 2.0, 11, 100
"""The code runs from -LIMIT to LIMIT (Fig. 2) in COLUMNS steps, the middle one 0, for ROWS latents."""
VALUES = np.linspace(-LIMIT, LIMIT, COLUMNS)
CLAIM = Claim("Fig. 2(c), (d), drawn", 0.8)
UNITS = {"slant": "degrees", "width": "pixels", "thickness": "pixels"}


def sweep_code(model, code, seed):
    """Images of ROWS latents with one code over VALUES, every category as often as any other.

    Args:
      model: TrainedModel.
      code: name of a continuous code.
      seed: int; the latents are the same for every code.

    Returns:
      float32 array [ROWS, COLUMNS, H, W, C].
    """
    latent_spec = model.spec.latent_spec
    base = vary_discrete_codes(latent_spec, model.sample_latents(ROWS, seed))
    return model.generate(sweep_latents(latent_spec, code, base, LIMIT, COLUMNS))


def runs_over_values(distribution):
    """Whether a sweep of a continuous code is VALUES: not that of an angle, or of a prior above 0."""
    return np.allclose(distribution.sweep(COLUMNS, LIMIT), VALUES[:, None])


def correlate(values, quality):
    """Spearman's correlation of a code with a quality of the digits.

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


def _spearman(values, quality):
    known = np.isfinite(quality)
    if known.sum() < 3 or np.ptp(quality[known]) == 0.0:
        return 0.0
    return float(stats.spearmanr(values[known], quality[known]).statistic)


def compute_share_unchanged(classes):
    """Share of images that show the same class as their row's middle image; the middle ones do not count.

    Args:
      classes: int array [rows, columns], columns odd.
    """
    middle = classes.shape[1] // 2
    return float(np.mean(np.delete(classes, middle, axis=1) == classes[:, [middle]]))


def find_separate_codes(strengths):
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
        form = max(("width", "thickness"), key=strengths[second].get)
        slant, other = strengths[first]["slant"], strengths[second][form]
        found.append((min(slant, other), f"{first}: slant {slant:.2f}; {second}: {form} {other:.2f}"))
    return max(found)


def measure_code_effects(styles, classes, claims):
    """Metrics of all continuous codes.

    Args:
      styles: dict of code name -> dict of quality -> array [ROWS, COLUMNS] over VALUES.
      classes: dict of code name -> int array [ROWS, COLUMNS], what a classifier sees; empty without a classifier.
      claims: whether the paper's claim is made for this model: InfoGAN, not the plain GAN.

    Returns:
      (list of Metric, list of str: which code was found to do what).
    """
    metrics, notes, strengths, strengths_within = [], [], {}, {}
    for code, style in styles.items():
        correlations = {quality: correlate(VALUES, style[quality]) for quality in QUALITIES}
        strengths[code] = {quality: abs(together) for quality, (together, _) in correlations.items()}
        strengths_within[code] = {quality: abs(within) for quality, (_, within) in correlations.items()}
        for quality, (together, within) in correlations.items():
            note = f"{_describe_change(style, quality)}; {abs(within):.2f} within a row"
            metrics.append(Metric(f"{CORRELATION}{quality}", abs(together), "", code, note))
        if code in classes:
            inner = np.abs(VALUES) <= 1.0  # within what training saw of a uniform code
            near = compute_share_unchanged(classes[code][:, inner])
            unchanged = compute_share_unchanged(classes[code])
            note = f"{VALUES[inner][0]:.1f} to {VALUES[inner][-1]:.1f}: {100 * near:.1f} %"
            metrics.append(Metric("same digit, -2 to 2", unchanged, "share", code, note, "higher"))
        notes.append(_describe_code(code, strengths[code], style))
    if len(strengths) > 1:
        name = "slant by one code, form by another"
        weaker, note = find_separate_codes(strengths)
        metrics.append(Metric(name, weaker, "", note=note, better="higher", claim=CLAIM if claims else None))
        weaker, note = find_separate_codes(strengths_within)
        metrics.append(Metric(f"{name}, within a row", weaker, "", note=note, better="higher"))
    return metrics, notes


def _describe_change(style, quality):
    low, high = (np.ma.masked_invalid(style[quality][:, column]).mean() for column in (0, -1))
    if low is np.ma.masked or high is np.ma.masked:
        return "images too blank to be measured"
    return f"from {low:.1f} to {high:.1f} {UNITS[quality]}"


def _describe_code(code, strengths, style):
    most = max(strengths, key=strengths.get)
    return (
        f"{code} was found to control {most} most (|Spearman| {strengths[most]:.2f}): {_describe_change(style, most)} "
        f"as the code goes from -{LIMIT:g} to {LIMIT:g}. The names of continuous codes are exchangeable."
    )
