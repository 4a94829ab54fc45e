"""Figures of a report as PNG: curves of a run's log, confusion of categories, effects of codes, Figure 1."""

import io
import warnings

import numpy as np
from matplotlib.figure import Figure

LARGEST_WITH_NUMBERS = 12
LABELS = {"infogan": "InfoGAN", "gan": "GAN, Q trained apart"}


def draw_curves(spec, lines):
    """The curves as PNG.

    Args:
      spec: ExperimentSpec.
      lines: the objects of metrics.jsonl.

    Returns:
      dict of file name -> bytes: losses.png, mutual_information.png and discriminator_accuracy.png.
    """
    updates = [line["update"] for line in lines]

    def curve(key):
        return [line[key] for line in lines]

    losses = {"discriminator": curve("loss/discriminator"), "generator": curve("loss/generator")}
    accuracies = {"real images": curve("accuracy/real"), "generated images": curve("accuracy/generated")}
    information = {code.name: curve(f"mi/{code.name}") for code in spec.codes}
    # For a continuous code the differential entropy is no bound on L_I.
    discrete = [code for code in spec.codes if code.distribution.is_discrete]
    entropies = {f"H({code.name})": code.distribution.prior_entropy for code in discrete}
    return {
        "losses.png": _draw("Losses", "hinge loss" if spec.gan_loss == "hinge" else "nats", updates, losses),
        "mutual_information.png": _draw("Lower bound L_I of each code", "nats", updates, information, levels=entropies),
        "discriminator_accuracy.png": _draw("Accuracy of D", "share judged right", updates, accuracies, (0, 1.02)),
    }


def _draw(title, unit, updates, curves, limits=None, levels=None):
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, values in curves.items():
        axes.plot(updates, values, marker="." if len(updates) < 20 else None, label=name)
    for name, level in (levels or {}).items():
        axes.axhline(level, color="grey", linewidth=0.8, linestyle="--")
        axes.annotate(name, (updates[-1], level), fontsize=8, color="grey", ha="right", va="bottom")
    axes.set(title=title, xlabel="update", ylabel=unit)
    if limits:
        axes.set_ylim(limits)
    axes.grid(alpha=0.3)
    axes.legend()
    return encode_figure(figure)


def encode_figure(figure):
    """PNG bytes of a matplotlib figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


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


def draw_information(curves, entropy, claims):
    """PNG bytes: a line per variant, the mean over its seeds, with a band from the lowest to the highest seed.

    Args:
      curves: dict of variant -> (updates [E], L_I [seeds, E] in nats).
      entropy: H(c) in nats.
      claims: sequence of (update, variant, low, high), what the paper shows.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    colors = {}
    for variant, (updates, information) in curves.items():
        (line,) = axes.plot(updates, information.mean(axis=0), label=f"{LABELS[variant]}, {len(information)} seeds")
        colors[variant] = line.get_color()
        axes.fill_between(
            updates, information.min(axis=0), information.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0
        )
    for variant, color in colors.items():
        points = [(update, (low + high) / 2) for update, of, low, high in claims if of == variant]
        axes.plot(*zip(*points), "x", color=color, markersize=8, label=f"{LABELS[variant]}, the paper")
    axes.axhline(entropy, color="grey", linewidth=0.8, linestyle="--", label="H(c)")
    axes.set(title="Lower bound L_I of c ~ Cat(10)", xlabel="update", ylabel="nats")
    axes.grid(alpha=0.3)
    axes.legend()
    return encode_figure(figure)
