"""Everything drawn of a run: the paper's grids, films, curves of the log, confusion of categories, effects of codes."""

import functools
import io
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import imageio.v3 as imageio
import numpy as np

from infogan import grids
from infogan.codes import (
    COLUMNS,
    FILM_VALUES,
    MOST_SHOWN,
    ROWS,
    choose_shown,
    code_by_category_latents,
    film_order,
    find_code,
    frame_milliseconds,
    read_values,
    sweep_latents,
    usual_values,
    vary_discrete_codes,
)
from infogan.data import Images
from infogan.evaluation.metric import Picture
from infogan.latents import Latent
from infogan.run import TrainedRun
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError, warn
from infogan.training.run_log import find_frames

try:
    from matplotlib import style
    from matplotlib.figure import Figure
except (OSError, ValueError) as error:  # whatever a matplotlibrc or MPLBACKEND may hold
    raise InputError(
        "matplotlib",
        f"its settings cannot be used ({error}), but figures need it. Fix MPLBACKEND or matplotlibrc, wherever "
        "Matplotlib looks for it.",
    ) from error

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

LARGEST_WITH_NUMBERS = 12
MOST_IN_COLUMN = 10
"""Lines of a legend, one below the other."""
LABELS = {"infogan": "InfoGAN", "gan": "GAN, Q trained apart"}


def in_default_style(draw: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A function that draws, whose figures no setting of the user's reaches."""

    @functools.wraps(draw)
    def drawn(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        with style.context("default"):
            return draw(*arguments, **options)

    return drawn


@in_default_style
def draw_curves(spec: ExperimentSpec, lines: Sequence[dict[str, Any]]) -> list[Picture]:
    """The curves as PNG; of many codes those of the first MOST_SHOWN.

    Args:
      lines: the objects of metrics.jsonl.

    Returns:
      list of Picture: losses.png, mutual_information.png and discriminator_accuracy.png; empty without lines.
    """
    if not lines:
        return []
    updates = [line["update"] for line in lines]

    def curve(key: str) -> list[float]:
        return [line[key] for line in lines]

    losses = {"discriminator": curve("loss/discriminator"), "generator": curve("loss/generator")}
    accuracies = {"real images": curve("accuracy/real"), "generated images": curve("accuracy/generated")}
    shown = spec.codes[:MOST_SHOWN]
    information = {code.name: curve(f"mi/{code.name}") for code in shown}
    # For a continuous code the differential entropy is no bound on L_I.
    discrete = [code for code in shown if code.distribution.is_discrete]
    entropies = {f"H({code.name})": code.distribution.prior_entropy for code in discrete}
    unit = "hinge loss" if spec.gan_loss == "hinge" else "nats"
    bounds = _draw("Lower bound L_I of each code", "nats", updates, information, levels=entropies)
    judged = _draw("Accuracy of D", "share judged right", updates, accuracies, (0, 1.02))
    return [
        Picture("losses.png", _draw("Losses", unit, updates, losses), "Losses over the training."),
        Picture("mutual_information.png", bounds, "L_I over the training, on what D and Q saw."),
        Picture("discriminator_accuracy.png", judged, "How often D was right over the training."),
    ]


def _draw(
    title: str,
    unit: str,
    updates: Sequence[int],
    curves: Mapping[str, Sequence[float]],
    limits: tuple[float, float] | None = None,
    levels: Mapping[str, float] | None = None,
) -> bytes:
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
    _add_legend(axes)
    return encode_figure(figure)


def _add_legend(axes: Any) -> None:
    """A legend inside the axes: of many lines in small letters, in columns."""
    lines = len(axes.get_legend_handles_labels()[1])
    axes.legend(**({"ncols": 4, "fontsize": 5, "columnspacing": 0.8} if lines > MOST_IN_COLUMN else {}))


def encode_figure(figure: Figure) -> bytes:
    """PNG bytes of a matplotlib figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


@in_default_style
def draw_confusion(counts: np.ndarray, order: np.ndarray, labels: np.ndarray) -> bytes:
    """PNG bytes of a confusion matrix.

    Args:
      counts: int array [categories, classes].
      order: int array [categories], the order of the columns: a perfect code is then a diagonal.
      labels: int array [classes], the label of each class.

    Returns:
      bytes; rows are classes, columns categories, and each field shows the share of its class in per cent. Of more than
      MOST_SHOWN classes those are shown that most images have, and of more categories those that most of these are in.
    """
    classes = find_commonest(counts.sum(axis=0))
    order = order[find_commonest(counts[order][:, classes].sum(axis=1))]
    labels = labels[classes]
    shares = (counts / np.maximum(counts.sum(axis=0), 1))[order][:, classes].T
    figure = Figure(figsize=(1.6 + 0.5 * shares.shape[1], 1.4 + 0.5 * shares.shape[0]), layout="constrained")
    axes = figure.subplots()
    is_small = max(shares.shape) <= LARGEST_WITH_NUMBERS
    _draw_shares(axes, shares, lambda share: f"{100 * share:.1f}" if is_small and share >= 0.001 else "")
    axes.set(xlabel="category", ylabel="class")
    axes.set_xticklabels(order, rotation=90 if order.max() >= 100 else 0)
    axes.set_yticklabels(labels)
    return encode_figure(figure)


def _draw_shares(axes: Any, shares: np.ndarray, tell: Callable[[float], str], aspect: str = "equal") -> None:
    """Shares [rows, columns] as a field of squares, from white to blue, with what is told of each in it."""
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0, aspect=aspect)
    axes.set(xticks=range(shares.shape[1]), yticks=range(len(shares)))
    for (row, column), share in np.ndenumerate(shares):
        if text := tell(share):
            color = "white" if share > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)


@in_default_style
def draw_heat_map(shares: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> bytes:
    """PNG bytes of numbers from 0 to 1 as a field of squares; of many rows the first MOST_SHOWN.

    Args:
      shares: float array [rows, columns].
      rows: their names.
      columns: their names.
    """
    shares, rows = shares[:MOST_SHOWN], rows[:MOST_SHOWN]
    figure = Figure(figsize=(1.8 + 0.7 * len(columns), 1.4 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    _draw_shares(axes, shares, "{:.2f}".format, "auto")
    axes.set(xlabel="factor", ylabel="code")
    axes.set_xticklabels(columns, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticklabels(rows)
    return encode_figure(figure)


@in_default_style
def draw_agreement(names: Sequence[str], panels: Mapping[str, tuple[np.ndarray, np.ndarray, int]]) -> bytes:
    """PNG bytes: a panel per score, in which a row and a column stand for each run; of many runs the first MOST_SHOWN.

    Args:
      names: of the runs.
      panels: dict of score -> (float array [runs, runs] from 0 to 1, how much two runs agree; float array [runs], the
        scores that follow; the run that is picked, which is in bold).
    """
    names = names[:MOST_SHOWN]
    count = len(names)
    side = (0.55 if count <= LARGEST_WITH_NUMBERS else 0.3) * count
    width = 1.0 + 0.1 * max(map(len, names)) + len(panels) * (1.4 + side)
    figure = Figure(figsize=(width, 1.4 + side), layout="constrained")
    for axes, (title, (matrix, scores, picked)) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items()
    ):
        shown = names if axes.get_subplotspec().is_first_col() else [""] * count
        labels = [f"{place}  {name}  {score:.3f}" for place, (name, score) in enumerate(zip(shown, scores), start=1)]
        tell = "{:.2f}" if count <= LARGEST_WITH_NUMBERS else ""
        _draw_shares(axes, matrix[:count, :count], tell.format)
        axes.set_title(title)
        axes.set_xticklabels(range(1, count + 1))
        axes.set_yticklabels(labels)
        if picked < count:
            axes.get_yticklabels()[picked].set_fontweight("bold")
    return encode_figure(figure)


@in_default_style
def draw_cells(fields: Mapping[str, Sequence[str]], panels: Mapping[str, Sequence[dict[str, Any] | None]]) -> bytes:
    """PNG bytes: a panel per quantity of a grid; of many quantities the first MOST_SHOWN.

    Of two fields it is a map of the means; else each cell has its mean, a bar of a deviation to either side, and a dot
    for each seed.

    Args:
      fields: dict of varied field -> its values.
      panels: dict of title -> the row of `infogan.evaluation.report.summarise` for each combination of values, the last
        field's changing fastest; None where nothing was measured.
    """
    panels = dict(islice(panels.items(), MOST_SHOWN))
    across = min(len(panels), 3)
    down = -(-len(panels) // across)
    draw, (width, height) = _draw_cell_bars, (3.6 + 0.3 * len(next(iter(panels.values()))), 3.4)
    if len(fields) == 2:
        high, wide = map(len, fields.values())
        draw, (width, height) = _draw_cell_map, (2.0 + 1.0 * wide, 1.5 + 0.7 * high)
    figure = Figure(figsize=(across * width, down * height), layout="constrained")
    places = figure.subplots(down, across, squeeze=False).flat
    for axes, (title, rows) in zip(places, panels.items()):
        draw(axes, fields, rows)
        axes.set_title(title, fontsize=10)
    for axes in places:  # that no quantity has taken
        axes.set_axis_off()
    return encode_figure(figure)


def _draw_cell_bars(axes: Any, fields: Mapping[str, Sequence[str]], rows: Sequence[dict[str, Any] | None]) -> None:
    for place, row in enumerate(rows):
        if row is not None:
            scale = _scale_of(row)
            seeds = [scale * value for value in row["values"]]
            axes.plot([place - 0.12] * len(seeds), seeds, "o", color="tab:blue", alpha=0.4, markersize=4)
            deviation = scale * (row["deviation"] or 0.0)
            axes.errorbar(place, scale * row["mean"], deviation, fmt="_", color="black", capsize=4, markersize=12)
    labels = ["\n".join(texts) for texts in product(*fields.values())]
    units = {"%" if row["unit"] == "share" else row["unit"] for row in rows if row is not None}
    axes.set(xticks=range(len(rows)), xlim=(-0.5, len(rows) - 0.5), xlabel=", ".join(fields), ylabel="".join(units))
    axes.set_xticklabels(labels, **({"rotation": 90, "fontsize": 7} if len(rows) > LARGEST_WITH_NUMBERS else {}))
    axes.grid(alpha=0.3)


def _draw_cell_map(axes: Any, fields: Mapping[str, Sequence[str]], rows: Sequence[dict[str, Any] | None]) -> None:
    (down, heights), (across, widths) = fields.items()
    means = [math.nan if row is None else _scale_of(row) * row["mean"] for row in rows]
    field = np.array(means).reshape(len(heights), len(widths))
    axes.imshow(np.ma.masked_invalid(field), cmap="Blues", aspect="auto")
    axes.set(xticks=range(len(widths)), yticks=range(len(heights)), xlabel=across, ylabel=down)
    axes.set_xticklabels(widths)
    axes.set_yticklabels(heights)
    known = field[np.isfinite(field)]
    middle = (known.min() + known.max()) / 2 if known.size else 0.0
    for (place, mean), row in zip(np.ndenumerate(field), rows):
        told = "-" if row is None else f"{mean:.4g}{' %' if row['unit'] == 'share' else ''}"
        axes.text(*place[::-1], told, ha="center", va="center", fontsize=8, color="white" if mean > middle else "black")


def _scale_of(row: dict[str, Any]) -> float:
    """Shares are drawn in per cent."""
    return 100.0 if row["unit"] == "share" else 1.0


def find_commonest(totals: np.ndarray) -> np.ndarray:
    """The places of the MOST_SHOWN largest of some totals, the first of equal ones: int array, rising."""
    return np.sort(np.argsort(-totals, kind="stable")[:MOST_SHOWN])


@in_default_style
def draw_effects(
    values: Mapping[str, np.ndarray], styles: Mapping[str, Mapping[str, np.ndarray]], units: Mapping[str, str]
) -> bytes:
    """PNG bytes: a panel per quality, a line per code, with a band from the 10 % to the 90 % point of the images.

    Of many codes the first MOST_SHOWN are shown.

    Args:
      values: dict of code name -> array [columns], what it was set to.
      styles: dict of code name -> dict of quality -> array [rows, columns]; NaN where it could not be measured.
      units: dict of quality -> str.
    """
    figure = Figure(figsize=(3.4 * len(units), 3.2), layout="constrained")
    panels = figure.subplots(1, len(units), squeeze=False)[0]
    for axes, (quality, unit) in zip(panels, units.items()):
        for code in list(styles)[:MOST_SHOWN]:
            measured = styles[code][quality]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # a column without any number is a gap in the line
                low, high = np.nanpercentile(measured, (10, 90), axis=0)
                mean = np.nanmean(measured, axis=0)
            (line,) = axes.plot(values[code], mean, label=code)
            axes.fill_between(values[code], low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        axes.set(title=quality, xlabel="value of the code", ylabel=unit)
        axes.grid(alpha=0.3)
    _add_legend(panels[-1])
    return encode_figure(figure)


@in_default_style
def draw_information(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    entropy: float,
    claims: Sequence[tuple[float, str, float, float]],
) -> bytes:
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


TRAINING_MILLISECONDS = 200
"""How long a frame of the film of a training is shown."""
FIGURES = {
    "mnist": "Figure 2(c) and (d)",
    "faces3d": "Figure 3",
    "chairs": "Figure 4",
    "svhn": "Figure 5",
    "celeba": "Figure 6",
}
LARGEST_ENLARGED = 64
"""Pixels across."""
WITHOUT_CATEGORIES = ("faces3d", "chairs")
"""Sets whose figure shows continuous codes alone."""


def draw_samples(run: TrainedRun, seed: int, category_order: Mapping[str, np.ndarray]) -> list[Picture]:
    """Draws what each code does.

        <code>.png                 rows: samples; columns: the code from low to high (Figures 2 to 6)
        <code>_by_<category>.png   rows: categories; columns: the code from low to high
        <code>.gif                 the same sweep as a film

    There are at most MOST_SHOWN pictures of either kind, of the first codes, with as many categories.

    Args:
      seed: int, of the noise.
      category_order: dict of categorical code's name -> int array [categories], the order in which to show them.

    Returns:
      list of Picture, of which films have no caption.
    """
    spec = run.spec
    base = vary_discrete_codes(spec.latent_spec, run.sample_latents(ROWS, seed))[0]
    shown = {name: order[choose_shown(len(order))] for name, order in category_order.items()}
    pictures = []
    for code in spec.codes[:MOST_SHOWN]:
        pictures += _draw_sweep(run, code, seed, shown.get(code.name))
    others = (code for code in spec.codes if code.name not in shown)
    for code, (name, categories) in islice(product(others, shown.items()), MOST_SHOWN):
        grid = code_by_category_latents(spec.latent_spec, name, code.name, base, spec.sweep_limit, categories)
        caption = f"{code.name} {_name_range(spec, code)}, a row per category of {name}{_tell_shown(spec, name)}."
        path = f"samples/{code.name}_by_{name}.png"
        pictures.append(Picture(path, _encode_grid(run.generate_from(grid)), caption))
    return pictures


def describe_left_out(codes: Sequence[Latent]) -> list[str]:
    """The note on codes that no picture shows: a list, empty where there are none."""
    return [f"Pictures show the first {MOST_SHOWN} of {len(codes)} codes."] if len(codes) > MOST_SHOWN else []


def _draw_sweep(run: TrainedRun, code: Latent, seed: int, categories: np.ndarray | None) -> list[Picture]:
    """Grid and film of one code; `categories` are those of a categorical one, in order, else None."""
    frames = images = run.sweep(code.name, categories, seed=seed)
    caption = _caption_sweep(run.spec, code, categories is not None)
    if not code.distribution.is_discrete:
        values = usual_values(code, FILM_VALUES, run.spec.sweep_limit)
        frames = run.sweep(code.name, values, seed=seed)[:, film_order(code, values)]
    return [
        Picture(f"samples/{code.name}.png", _encode_grid(images), caption),
        Picture(f"samples/{code.name}.gif", _encode_film(frames, frame_milliseconds(code))),
    ]


TRAVERSED = 3
"""Real images whose codes are swept."""


def draw_traversals(run: TrainedRun, images: Images, seed: int) -> list[Picture]:
    """Real images and what each code does to them, in the layout that papers on disentangling share.

    There is a row a code, for each of TRAVERSED images: the image, its reconstruction G(noise, the codes that Q reads),
    then the sweep of the code, of discrete codes at most COLUMNS values. The first MOST_SHOWN codes have a row.

    Args:
      images: uint8 [N, H, W, C], of which some are drawn.
      seed: int, of the choice and of the noise, which all have in common.

    Returns:
      list of one Picture, traversals.png.
    """
    spec = run.spec
    chosen = np.sort(np.random.default_rng(seed).choice(len(images), min(TRAVERSED, len(images)), replace=False))
    real = np.asarray(images[chosen])
    base = run.latents(codes=read_values(spec.codes, run.encode(real)), seed=seed)  # [TRAVERSED, dim]
    firsts = np.stack([real / np.float32(255.0), run.generate_from(base)], axis=1)  # [TRAVERSED, 2, H, W, C]
    blocks = []
    for first, latents in zip(firsts, base):
        rows = [np.concatenate([first, _traverse(run, code, latents)]) for code in spec.codes[:MOST_SHOWN]]
        missing = [[(0, 2 + COLUMNS - len(row)), *[(0, 0)] * 3] for row in rows]  # of codes with few values
        rows = [np.pad(row, padding, constant_values=1.0) for row, padding in zip(rows, missing)]
        blocks.append(grids.tile(np.stack(rows)))
    picture = grids.encode_png(grids.shrink(grids.stack(blocks)), _choose_scale(real))
    names = ", ".join(code.name for code in spec.codes[:MOST_SHOWN])
    caption = f"Real images: each with its reconstruction, then what each code does to it; rows are {names}."
    return [Picture("traversals.png", picture, caption)]


def _traverse(run: TrainedRun, code: Latent, latents: np.ndarray) -> np.ndarray:
    """Images of latents [dim] with values of one code from low to high: [values, H, W, C], at most COLUMNS."""
    values = usual_values(code, COLUMNS, run.spec.sweep_limit)
    values = values[choose_shown(len(values), COLUMNS)]
    swept = sweep_latents(run.spec.latent_spec, code.name, latents[None], run.spec.sweep_limit, values=values)
    return run.generate_from(swept)[0]


def draw_training_film(folder: Path) -> list[Picture]:
    """The frames that the trainer left in `folder`, one after another: a list of one Picture, empty without frames.

    A damaged frame is left out with a warning.
    """
    frames = [frame for _, path in find_frames(folder) if (frame := _read_frame(path)) is not None]
    frames = [frame for frame in frames if frame.shape == frames[-1].shape]  # an older version's may be larger
    if not frames:
        return []
    return [Picture("samples/training.gif", grids.encode_gif(frames, TRAINING_MILLISECONDS, scale=1))]


def _read_frame(path: Path) -> np.ndarray | None:
    try:
        return imageio.imread(path)
    except (OSError, SyntaxError):  # the latter is Pillow's for a damaged PNG
        warn(f"{path}: it cannot be read as a picture. The film of the training goes without it.")
        return None


def _caption_sweep(spec: ExperimentSpec, code: Latent, is_category: bool) -> str:
    across = "one category per column" if is_category else _name_range(spec, code)
    figure = _name_figure(spec, is_category)
    compared = f", as in {figure} of the paper" if figure else ""
    return f"{code.name}, {across}{_tell_shown(spec, code.name)}; rows are samples{compared}."


def _tell_shown(spec: ExperimentSpec, name: str) -> str:
    """ ", 20 of 1,000" where a picture leaves out values of a code."""
    count = find_code(spec, name).distribution.number_of_values or 0
    return f", {MOST_SHOWN} of {count:,}" if count > MOST_SHOWN else ""


def _name_range(spec: ExperimentSpec, code: Latent) -> str:
    low, high = spec.sweep_ends(code)
    return f"from {low:g} to {high:g}"


def _name_figure(spec: ExperimentSpec, is_category: bool) -> str | None:
    """The paper's figure that a grid is to be compared with, None where there is none."""
    if spec.dataset == "mnist" and is_category:
        return "Figure 2(b), the plain GAN," if spec.variant == "gan" else "Figure 2(a)"
    if spec.variant == "gan" or (is_category and spec.dataset in WITHOUT_CATEGORIES):
        return None
    return FIGURES.get(spec.dataset)


def _encode_grid(images: np.ndarray) -> bytes:
    return grids.encode_png(grids.tile(images), _choose_scale(images))


def _choose_scale(images: np.ndarray) -> int:
    """How far images [..., H, W, C] are enlarged: those that are large already are not."""
    return grids.SCALE if max(images.shape[-3:-1]) <= LARGEST_ENLARGED else 1


def _encode_film(images: np.ndarray, milliseconds: float) -> bytes:
    """images [rows, frames, H, W, C]: a frame shows the rows side by side."""
    frames = [grids.tile(images[:, index][None]) for index in range(images.shape[1])]
    return grids.encode_gif(frames, milliseconds, _choose_scale(images))
