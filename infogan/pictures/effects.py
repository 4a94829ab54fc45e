"""How the style of digits changes with each continuous code."""

import warnings

import numpy as np
from matplotlib.figure import Figure

from infogan.pictures.curves import encode_figure


def draw_effects(values, styles, units):
    """PNG bytes: a panel per quality, a line per code, with a band from the 10 % to the 90 % point of the images.

    Args:
      values: array [columns], what the codes were set to.
      styles: dict of code name -> dict of quality -> array [rows, columns]; NaN where it could not be measured.
      units: dict of quality -> str.
    """
    figure = Figure(figsize=(3.4 * len(units), 3.2), layout="constrained")
    for axes, (quality, unit) in zip(figure.subplots(1, len(units), squeeze=False)[0], units.items()):
        for code, style in styles.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # a column without any number is a gap in the line
                low, high = np.nanpercentile(style[quality], (10, 90), axis=0)
                mean = np.nanmean(style[quality], axis=0)
            (line,) = axes.plot(values, mean, label=code)
            axes.fill_between(values, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        axes.set(title=quality, xlabel="value of the code", ylabel=unit)
        axes.grid(alpha=0.3)
    axes.legend()
    return encode_figure(figure)
