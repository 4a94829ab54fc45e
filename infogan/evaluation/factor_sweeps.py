"""What each code does to generated images, in the factors of the real ones: Figures 3 and 4 of the paper, in numbers.

A regressor that was trained on the real images (`infogan.evaluation.factor_reader`) reads the factors of images in
which one code runs over its range.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from infogan import grids
from infogan.codes import COLUMNS, ROWS, usual_values
from infogan.data import Dataset, Factor
from infogan.evaluation.code_strength import correlate
from infogan.evaluation.factor_reader import FactorReader, find_reader
from infogan.evaluation.factors import SCORES, Reading, Score, split_in_halves
from infogan.evaluation.metric import Found, Metric, Picture, Settings
from infogan.evaluation.sample_quality import are_alike
from infogan.latents import Latent
from infogan.run import TrainedRun
from infogan.system.tf1 import derive_seed

SHOWN = {
    "faces3d": ("Figure 3", ("azimuth", "elevation", "light_azimuth", "lighting", "width")),
    "chairs": ("Figure 4", ("azimuth", "elevation")),
}
"""By data set the figure of the paper, and the factors that it shows, where the set knows them."""
GAP = 4
"""White pixels between the blocks of a figure."""


class Sweep(NamedTuple):
    """Generated images in which one code runs over its range, and what was read of them.

    Attributes:
      code: Latent.
      values: array [columns], what the code was set to.
      images: float32 array [rows, columns, H, W, C]; each row has other noise and other codes.
      read: dict of name -> Factor of all images, row by row.
    """

    code: Latent
    values: np.ndarray
    images: np.ndarray
    read: Mapping[str, Factor]

    def grid(self, name: str) -> np.ndarray:
        """The values of a factor, [rows, columns]."""
        return self.read[name].values.reshape(self.images.shape[:2])


def factor_sweeps(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: which factor of generated images each code moves, and how far the others move meanwhile."""
    if run.spec.dataset not in SHOWN or not (dataset.train.factors and dataset.test.factors) or are_alike(run, dataset):
        return []
    reader, quality, rows = find_reader(run, dataset)
    if not quality:
        return [*rows, "The regressor reads no factor well enough: what codes do to generated images is not measured."]
    sweeps = [sweep(run, code, reader, list(quality), settings.rows) for code in run.spec.codes]
    spans = {name: find_span(dataset.train.factors[name]) for name in quality}
    seed = derive_seed(run.spec.seed, "halves")
    found = [row for each in sweeps for row in measure_sweep(each, spans, seed)]
    best = {name: find_best(sweeps, name, seed) for name in quality}
    rows += [*found, *(row for _, row in best.values())]
    figure, names = SHOWN[run.spec.dataset]
    shown = {name: best[name][0] for name in names if name in best}
    return [*rows, *draw_figure(figure, shown, spans)]


def sweep(run: TrainedRun, code: Latent, reader: FactorReader, names: list[str], rows: int) -> Sweep:
    """The Sweep of one code, with the same noise and other codes in its rows as the sweeps of the others."""
    values = usual_values(code, COLUMNS, run.spec.sweep_limit)
    images = run.sweep(code.name, values, rows, derive_seed(run.spec.seed, "factor sweeps"))
    read = reader.read(images.reshape(-1, *images.shape[2:]))
    return Sweep(code, values, images, {name: read[name] for name in names})


def find_span(factor: Factor) -> float:
    """From the 1 % to the 99 % point of the real values; half a turn for what goes around."""
    return factor.period / 2 if factor.period else float(np.ptp(np.quantile(factor.values, [0.01, 0.99])))


def measure_movement(values: np.ndarray, factor: Factor, span: float) -> np.ndarray:
    """How far a factor moves within each row, as a share of its span: float array [rows].

    Args:
      values: array [rows, columns].
      factor: Factor, for its period.
      span: `find_span` of the real values.
    """
    if factor.period is None:
        return np.ptp(values, axis=1) / span
    apart = np.abs(values[:, :, None] - values[:, None]) % factor.period
    return np.minimum(apart, factor.period - apart).max(axis=(1, 2)) / span


def find_score(code: Latent, factor: Factor) -> Score:
    """The score of a code of that kind and a factor of that kind (`infogan.evaluation.factors.SCORES`)."""
    return next(score for score in SCORES if code.distribution.kind in score.codes and factor.kind in score.factors)


def compute_strength(each: Sweep, name: str, fitted: np.ndarray, scored: np.ndarray) -> float:
    """The score of a code and a factor over the rows `scored`, bool array [rows], of a fit to the rows `fitted`."""
    factor, (rows, columns) = each.read[name], each.images.shape[:2]
    reading = Reading(each.code.distribution.kind, np.tile(each.values, rows))
    halves = (np.repeat(half, columns) for half in (fitted, scored))
    return find_score(each.code, factor).compute(reading, factor, *halves)


def measure_sweep(each: Sweep, spans: Mapping[str, float], seed: int) -> list[Metric]:
    """Rows of one code: the factor that follows it most, and how far the others move."""
    chosen_on, scored_on = split_in_halves(np.arange(len(each.images)), seed)
    tied = max(spans, key=lambda name: compute_strength(each, name, chosen_on, chosen_on))
    moves = {name: float(measure_movement(each.grid(name), each.read[name], spans[name]).mean()) for name in spans}
    others = {name: share for name, share in moves.items() if name != tied}
    value, note = compute_strength(each, tied, chosen_on, scored_on), f"moves over {moves[tied]:.0%} of its range"
    if each.code.distribution.kind == "continuous" and each.read[tied].kind == "ordered":
        note = f"{abs(correlate(each.values, each.grid(tied))[1]):.2f} within a row; {note}"
    rows = [Metric(name_strength(each, tied), value, "", each.code.name, note)]
    if others:
        most = max(others, key=others.__getitem__)
        share, note = float(np.mean(list(others.values()))), f"most: {most}, {others[most]:.0%}"
        rows.append(Metric("other generated factors move", share, "share", each.code.name, note, "lower"))
    return rows


def name_strength(each: Sweep, name: str) -> str:
    """What the row of a code and a factor is called."""
    return find_score(each.code, each.read[name]).name.format(f"generated {name}")


def find_best(sweeps: list[Sweep], name: str, seed: int) -> tuple[Sweep, Metric]:
    """The code that a factor of generated images follows most: chosen on half of the rows, scored on the other."""
    chosen_on, scored_on = split_in_halves(np.arange(len(sweeps[0].images)), seed)
    best = max(sweeps, key=lambda each: compute_strength(each, name, chosen_on, chosen_on))
    value = compute_strength(best, name, chosen_on, scored_on)
    return best, Metric(f"{name_strength(best, name)}, best code", value, note=best.code.name, better="higher")


def draw_figure(figure: str, shown: Mapping[str, Sweep], spans: Mapping[str, float]) -> list[Picture]:
    """A figure in the paper's layout: a block for each factor, with the code that it follows most.

    A block has the best of ROWS rows first, then the others, and the mean of all rows of the sweep below them.

    Args:
      figure: what it is called, as "Figure 3".
      shown: dict of factor -> Sweep of its code.
      spans: dict of factor -> `find_span`.

    Returns:
      list of one Picture; empty where no factor is shown.
    """
    if not shown:
        return []
    blocks = [_draw_block(each, name, spans) for name, each in shown.items()]
    rows = [_join_beside(blocks[start : start + 2]) for start in range(0, len(blocks), 2)]
    told = "; ".join(f"{name} by {each.code.name}" for name, each in shown.items())
    caption = (
        f"{figure} of the paper: {told}. In each block the best of {ROWS} rows by the regressor comes first, and the "
        f"mean of {len(next(iter(shown.values())).images)} rows last."
    )
    path = f"samples/{figure.lower().replace(' ', '_')}.png"
    return [Picture(path, grids.encode_png(grids.stack(rows, GAP), grids.SCALE), caption)]


def _draw_block(each: Sweep, name: str, spans: Mapping[str, float]) -> np.ndarray:
    quality = rate_rows(each, name, spans)[:ROWS]
    order = np.argsort(-quality, kind="stable")
    rows = [*each.images[:ROWS][order], each.images.mean(axis=0)]
    columns = np.linspace(0, len(each.values) - 1, COLUMNS).round().astype(int)  # of many categories some
    return grids.tile(np.stack(rows)[:, columns])


def rate_rows(each: Sweep, name: str, spans: Mapping[str, float]) -> np.ndarray:
    """How well a factor follows the code in each row: its movement in order, less the others' movement; [rows]."""
    grid, factor = each.grid(name), each.read[name]
    follows = measure_movement(grid, factor, spans[name])
    if factor.kind == "ordered":
        follows = np.array([abs(correlate(each.values, row[None])[1]) for row in grid])
    others = [measure_movement(each.grid(other), each.read[other], spans[other]) for other in spans if other != name]
    return follows - (np.mean(others, axis=0) if others else 0)


def _join_beside(blocks: list[np.ndarray]) -> np.ndarray:
    """Blocks of one height beside each other, on white."""
    gap = np.full((blocks[0].shape[0], GAP, *blocks[0].shape[2:]), 255, np.uint8)
    parts = [part for block in blocks for part in (gap, block)][1:]
    return np.concatenate(parts, axis=1)
