"""Figure 1 of the paper: L_I over the updates, InfoGAN against a plain GAN."""

from matplotlib.figure import Figure

from infogan.pictures.curves import encode_figure

LABELS = {"infogan": "InfoGAN", "gan": "GAN, Q trained apart"}


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
