"""The pictures of a finished run: the paper's grids, categories by values, and films."""

import imageio.v3 as imageio

from infogan import grids
from infogan.codes import (
    FILM_VALUES,
    ROWS,
    code_by_category_latents,
    film_order,
    frame_milliseconds,
    sweep_latents,
    usual_values,
    vary_discrete_codes,
)
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
WITHOUT_CATEGORIES = ("faces3d", "chairs")
"""Sets whose figure shows continuous codes alone."""


def draw_samples(model, seed, category_order):
    """Draws what each code does.

        <code>.png                 rows: samples; columns: the code from low to high (Figures 2 to 6)
        <code>_by_<category>.png   rows: categories; columns: the code from low to high
        <code>.gif                 the same sweep as a film

    Args:
      model: TrainedModel.
      seed: int, of the noise.
      category_order: dict of categorical code's name -> int array [categories], the order in which to show them.

    Returns:
      dict of file name -> (bytes, caption); the caption of a film is "".
    """
    spec = model.spec
    base = vary_discrete_codes(spec.latent_spec, model.sample_latents(ROWS, seed))
    files = {}
    for code in spec.codes:
        latents = sweep_latents(spec.latent_spec, code.name, base, spec.sweep_limit)
        if code.name in category_order:
            latents = latents[:, category_order[code.name]]
        images = model.generate(latents)
        files[f"{code.name}.png"] = _encode_grid(images), _caption_sweep(spec, code, code.name in category_order)
        if code.distribution.is_discrete:
            files[f"{code.name}.gif"] = _encode_film(images, frame_milliseconds(code)), ""
        else:
            latents = sweep_latents(spec.latent_spec, code.name, base, spec.sweep_limit, FILM_VALUES)
            order = film_order(code, usual_values(code, FILM_VALUES, spec.sweep_limit))
            files[f"{code.name}.gif"] = _encode_film(model.generate(latents)[:, order], frame_milliseconds(code)), ""
        if code.name in category_order:
            continue
        for name, order in category_order.items():
            grid = code_by_category_latents(spec.latent_spec, name, code.name, base[0], spec.sweep_limit)
            caption = f"{code.name} {_name_range(spec, code)}, a row per category of {name}."
            files[f"{code.name}_by_{name}.png"] = _encode_grid(model.generate(grid[order])), caption
    return files


def draw_training_film(folder):
    """The frames that the trainer left in `folder`, one after another: GIF bytes; None without frames."""
    frames = [imageio.imread(path) for _, path in find_frames(folder)]
    return grids.encode_gif(frames, TRAINING_MILLISECONDS, scale=1) if frames else None


def _caption_sweep(spec, code, is_category):
    across = "a category a column" if is_category else _name_range(spec, code)
    figure = _name_figure(spec, is_category)
    return f"{code.name}, {across}; rows are samples{f', as in {figure} of the paper' if figure else ''}."


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
    return grids.encode_png(grids.tile(images), grids.SCALE)


def _encode_film(images, milliseconds):
    """images [rows, frames, H, W, C]: a frame shows the rows side by side."""
    frames = [grids.tile(images[:, index][None]) for index in range(images.shape[1])]
    return grids.encode_gif(frames, milliseconds)
