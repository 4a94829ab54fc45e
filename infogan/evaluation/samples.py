"""The pictures of a finished run: the paper's grids, categories by values, and films."""

from itertools import islice, product

import imageio.v3 as imageio

from infogan import grids
from infogan.codes import (
    FILM_VALUES,
    MOST_SHOWN,
    ROWS,
    choose_shown,
    code_by_category_latents,
    count_values,
    film_order,
    find_code,
    frame_milliseconds,
    sweep_latents,
    usual_values,
    vary_discrete_codes,
)
from infogan.evaluation.metric import Picture
from infogan.training.run_log import find_frames

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


def draw_samples(model, seed, category_order):
    """Draws what each code does.

        <code>.png                 rows: samples; columns: the code from low to high (Figures 2 to 6)
        <code>_by_<category>.png   rows: categories; columns: the code from low to high
        <code>.gif                 the same sweep as a film

    There are at most MOST_SHOWN pictures of either kind, of the first codes, with as many categories.

    Args:
      model: TrainedModel.
      seed: int, of the noise.
      category_order: dict of categorical code's name -> int array [categories], the order in which to show them.

    Returns:
      list of Picture, of which films have no caption.
    """
    spec = model.spec
    base = vary_discrete_codes(spec.latent_spec, model.sample_latents(ROWS, seed))
    shown = {name: order[choose_shown(len(order))] for name, order in category_order.items()}
    pictures = []
    for code in spec.codes[:MOST_SHOWN]:
        pictures += _draw_sweep(model, code, base, shown.get(code.name))
    others = (code for code in spec.codes if code.name not in shown)
    for code, (name, categories) in islice(product(others, shown.items()), MOST_SHOWN):
        grid = code_by_category_latents(spec.latent_spec, name, code.name, base[0], spec.sweep_limit, categories)
        caption = f"{code.name} {_name_range(spec, code)}, a row per category of {name}{_tell_shown(spec, name)}."
        path = f"samples/{code.name}_by_{name}.png"
        pictures.append(Picture(path, _encode_grid(model.generate(grid)), caption))
    return pictures


def describe_left_out(codes):
    """The note on codes that no picture shows: a list, empty where there are none."""
    return [f"Pictures show the first {MOST_SHOWN} of {len(codes)} codes."] if len(codes) > MOST_SHOWN else []


def _draw_sweep(model, code, base, categories):
    """Grid and film of one code; `categories` are those of a categorical one, in order, else None."""
    spec = model.spec
    images = model.generate(sweep_latents(spec.latent_spec, code.name, base, spec.sweep_limit, values=categories))
    caption = _caption_sweep(spec, code, categories is not None)
    frames = images
    if not code.distribution.is_discrete:
        latents = sweep_latents(spec.latent_spec, code.name, base, spec.sweep_limit, FILM_VALUES)
        order = film_order(code, usual_values(code, FILM_VALUES, spec.sweep_limit))
        frames = model.generate(latents)[:, order]
    return [
        Picture(f"samples/{code.name}.png", _encode_grid(images), caption),
        Picture(f"samples/{code.name}.gif", _encode_film(frames, frame_milliseconds(code))),
    ]


def draw_training_film(folder):
    """The frames that the trainer left in `folder`, one after another: a list of one Picture, empty without frames."""
    frames = [imageio.imread(path) for _, path in find_frames(folder)]
    frames = [frame for frame in frames if frame.shape == frames[-1].shape]  # an older version's may be larger
    if not frames:
        return []
    return [Picture("samples/training.gif", grids.encode_gif(frames, TRAINING_MILLISECONDS, scale=1))]


def _caption_sweep(spec, code, is_category):
    across = "a category a column" if is_category else _name_range(spec, code)
    figure = _name_figure(spec, is_category)
    compared = f", as in {figure} of the paper" if figure else ""
    return f"{code.name}, {across}{_tell_shown(spec, code.name)}; rows are samples{compared}."


def _tell_shown(spec, name):
    """ ", 20 of 1,000" where a picture leaves out values of a code."""
    count = count_values(find_code(spec, name)) or 0
    return f", {MOST_SHOWN} of {count:,}" if count > MOST_SHOWN else ""


def _name_range(spec, code):
    low, high = spec.sweep_ends(code)
    return f"from {low:g} to {high:g}"


def _name_figure(spec, is_category):
    """The paper's figure that a grid is to be compared with, None where there is none."""
    if spec.dataset == "mnist" and is_category:
        return "Figure 2(b), the plain GAN," if spec.variant == "gan" else "Figure 2(a)"
    if spec.variant == "gan" or (is_category and spec.dataset in WITHOUT_CATEGORIES):
        return None
    return FIGURES.get(spec.dataset)


def _encode_grid(images):
    return grids.encode_png(grids.tile(images), _choose_scale(images))


def _choose_scale(images):
    """How far images [..., H, W, C] are enlarged: those that are large already are not."""
    return grids.SCALE if max(images.shape[-3:-1]) <= LARGEST_ENLARGED else 1


def _encode_film(images, milliseconds):
    """images [rows, frames, H, W, C]: a frame shows the rows side by side."""
    frames = [grids.tile(images[:, index][None]) for index in range(images.shape[1])]
    return grids.encode_gif(frames, milliseconds, _choose_scale(images))
