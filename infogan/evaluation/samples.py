"""The pictures of a finished run: Figure 2's grids, categories by values, and films."""

import imageio.v3 as imageio
import numpy as np

from infogan.pictures import grids
from infogan.pictures.sweeps import ROWS, code_by_category_latents, sweep_latents, vary_discrete_codes
from infogan.training.run_log import find_frames

FILM_FRAMES = 24
SWEEP_MILLISECONDS, CATEGORY_MILLISECONDS, TRAINING_MILLISECONDS = 80, 500, 200
"""How long a frame of each kind of film is shown."""


def save_samples(model, folder, seed, category_order):
    """Writes the pictures of a trained model to the run's `samples/`.

        <code>.png                 rows: samples; columns: the code from low to high (Figure 2)
        <code>_by_<category>.png   rows: categories; columns: the code from low to high
        <code>.gif                 the same sweep as a film
        training.gif               fixed latents over the training

    Args:
      model: TrainedModel.
      folder: RunFolder.
      seed: int, of the noise.
      category_order: dict of categorical code's name -> int array [categories], the order in which to show them.
    """
    spec, limit = model.spec, model.spec.sweep_limit
    base = vary_discrete_codes(spec.latent_spec, model.sample_latents(ROWS, seed))
    categorical = [code for code in spec.codes if code.name in category_order]
    for code in spec.codes:
        latents = sweep_latents(spec.latent_spec, code.name, base, limit)
        if code.name in category_order:
            latents = latents[:, category_order[code.name]]
        images = model.generate(latents)
        grids.save_png(folder.samples / f"{code.name}.png", grids.tile(images))
        if code.name in category_order:
            _save_film(folder.samples / f"{code.name}.gif", images, CATEGORY_MILLISECONDS)
            continue
        for other in categorical:
            grid = code_by_category_latents(spec.latent_spec, other.name, code.name, base[0], limit)
            images = model.generate(grid[category_order[other.name]])
            grids.save_png(folder.samples / f"{code.name}_by_{other.name}.png", grids.tile(images))
        images = model.generate(_film_latents(spec, code, base))
        _save_film(folder.samples / f"{code.name}.gif", images, SWEEP_MILLISECONDS)
    frames = [imageio.imread(path) for _, path in find_frames(folder.frames)]
    if frames:
        grids.save_gif(folder.samples / "training.gif", frames, TRAINING_MILLISECONDS, scale=1)


def _film_latents(spec, code, base):
    """A finer sweep there and back: [rows, frames, dim], for a continuous code."""
    latents = sweep_latents(spec.latent_spec, code.name, base, spec.sweep_limit)
    low, high = latents[:, :1], latents[:, -1:]
    phase = 0.5 - 0.5 * np.cos(np.linspace(0.0, 2.0 * np.pi, FILM_FRAMES, endpoint=False))
    return low + (high - low) * phase[None, :, None].astype(np.float32)


def _save_film(path, images, milliseconds):
    """images [rows, frames, H, W, C]: a frame shows the rows side by side."""
    frames = [grids.tile(images[:, index][None]) for index in range(images.shape[1])]
    grids.save_gif(path, frames, milliseconds)
