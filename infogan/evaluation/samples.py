"""The pictures of a finished run: Figure 2's grids, categories by values, and films."""

import imageio.v3 as imageio
import numpy as np

from infogan.pictures import grids
from infogan.pictures.sweeps import ROWS, code_by_category_latents, sweep_latents, vary_discrete_codes

FILM_FRAMES = 24
FRAME_MILLISECONDS = 80
TRAINING_FRAME_MILLISECONDS = 200


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
            _save_film(folder.samples / f"{code.name}.gif", images)
            continue
        for other in categorical:
            grid = code_by_category_latents(spec.latent_spec, other.name, code.name, base[0], limit)
            images = model.generate(grid[category_order[other.name]])
            grids.save_png(folder.samples / f"{code.name}_by_{other.name}.png", grids.tile(images))
        _save_film(folder.samples / f"{code.name}.gif", model.generate(_film_latents(spec, code, base)))
    frames = sorted(folder.frames.glob("*.png"))
    if frames:
        pictures = [imageio.imread(path) for path in frames]
        grids.save_gif(folder.samples / "training.gif", pictures, TRAINING_FRAME_MILLISECONDS)


def _film_latents(spec, code, base):
    """A finer sweep there and back: [rows, frames, dim], for a continuous code."""
    latents = sweep_latents(spec.latent_spec, code.name, base, spec.sweep_limit)
    low, high = latents[:, :1], latents[:, -1:]
    phase = 0.5 - 0.5 * np.cos(np.linspace(0.0, 2.0 * np.pi, FILM_FRAMES, endpoint=False))
    return low + (high - low) * phase[None, :, None].astype(np.float32)


def _save_film(path, images):
    """images [rows, frames, H, W, C]: the rows stand side by side, one column of the grid a frame."""
    frames = [grids.tile(images[:, index][None]) for index in range(images.shape[1])]
    milliseconds = FRAME_MILLISECONDS if images.shape[1] == FILM_FRAMES else 500
    grids.save_gif(path, frames, milliseconds)
