"""Curves of a run's log: losses, L_I of each code, D's accuracy."""

import io

from matplotlib.figure import Figure

from infogan.atomic_file import write_atomically


def save_curves(folder, spec, lines):
    """Writes losses.png, mutual_information.png and discriminator_accuracy.png.

    Args:
      folder: `pathlib.Path` to write to.
      spec: ExperimentSpec.
      lines: the objects of metrics.jsonl.
    """
    updates = [line["update"] for line in lines]

    def curve(key):
        return [line[key] for line in lines]

    losses = {"discriminator": curve("loss/discriminator"), "generator": curve("loss/generator")}
    _save(folder / "losses.png", "Losses", "nats", updates, losses)
    accuracies = {"real images": curve("accuracy/real"), "generated images": curve("accuracy/generated")}
    _save(folder / "discriminator_accuracy.png", "Accuracy of D", "share judged right", updates, accuracies, (0, 1.02))
    information = {code.name: curve(f"mi/{code.name}") for code in spec.codes}
    # For a continuous code the differential entropy is no bound on L_I.
    discrete = [code for code in spec.codes if code.distribution.is_discrete]
    entropies = {f"H({code.name})": code.distribution.prior_entropy for code in discrete}
    _save(
        folder / "mutual_information.png",
        "Lower bound L_I of each code",
        "nats",
        updates,
        information,
        levels=entropies,
    )


def _save(path, title, unit, updates, curves, limits=None, levels=None):
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
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomically(path, buffer.getvalue())
