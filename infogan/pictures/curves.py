"""Curves of a run's log: losses, L_I of each code, D's accuracy."""

import io

from matplotlib.figure import Figure


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
