"""Latents that show what one code does, in the layout of the paper's Figure 2.

Rows are samples, columns are values of one code from low to high; within a row nothing else changes.
"""

import numpy as np

from infogan.spec import latent_slices

ROWS = 5
COLUMNS = 10


def sweep_latents(latent_spec, code, base, limit, columns=COLUMNS):
    """Latents of a sweep of one code.

    Args:
      latent_spec: sequence of Latent.
      code: name of the code to sweep.
      base: float array [rows, dim], a draw of the whole prior for each row.
      limit: continuous codes run from -limit to limit.
      columns: how many values a continuous code takes.

    Returns:
      float32 array [rows, columns, dim]; a categorical code has a column per category.
    """
    (latent,) = (latent for latent in latent_spec if latent.name == code)
    values = latent.distribution.sweep(columns, limit)
    latents = np.repeat(np.asarray(base, np.float32)[:, None], len(values), axis=1)
    latents[:, :, latent_slices(latent_spec)[code]] = values
    return latents


def code_by_category_latents(latent_spec, category_code, code, base, limit):
    """Latents of a sweep of one code for every category: a row per category, noise and other codes the same throughout.

    Args:
      latent_spec: sequence of Latent.
      category_code: name of the categorical code that differs between rows.
      code: name of the code that differs between columns.
      base: float array [dim], one draw of the whole prior.
      limit: continuous codes run from -limit to limit.

    Returns:
      float32 array [categories, columns, dim].
    """
    rows = sweep_latents(latent_spec, category_code, base[None], limit)[0]
    return sweep_latents(latent_spec, code, rows, limit)


def vary_discrete_codes(latent_spec, base):
    """Gives row i of `base` the i-th value of every discrete code, so that the rows of a figure differ in it."""
    base, places = np.array(base, np.float32), latent_slices(latent_spec)
    for latent in latent_spec:
        if latent.regularised and latent.distribution.is_discrete:
            values = latent.distribution.sweep(COLUMNS, 1.0)
            # Spread over all values, so that five rows of ten digits are not always the first five.
            rows = np.arange(len(base)) * max(1, len(values) // len(base))
            base[:, places[latent.name]] = values[rows % len(values)]
    return base
