"""Which classes a code's categories hold."""

import numpy as np
from matplotlib.figure import Figure

from infogan.pictures.curves import encode_figure

LARGEST_WITH_NUMBERS = 12


def draw_confusion(counts, order):
    """PNG bytes of a confusion matrix.

    Args:
      counts: int array [categories, classes].
      order: int array [categories], the order of the columns: a perfect code is then a diagonal.

    Returns:
      bytes; rows are classes, columns categories, and each field shows the share of its class in per cent.
    """
    shares = (counts / np.maximum(counts.sum(axis=0), 1))[order].T
    figure = Figure(figsize=(1.6 + 0.5 * shares.shape[1], 1.4 + 0.5 * shares.shape[0]), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set(xlabel="category", ylabel="class", xticks=range(len(order)), yticks=range(len(shares)))
    axes.set_xticklabels(order)
    if max(shares.shape) <= LARGEST_WITH_NUMBERS:
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.001:
                color = "white" if share > 0.5 else "black"
                axes.text(column, row, f"{100 * share:.1f}", ha="center", va="center", fontsize=8, color=color)
    return encode_figure(figure)
