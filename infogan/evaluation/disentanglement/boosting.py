"""Gradient boosting of classification trees, as scikit-learn's `GradientBoostingClassifier` does it, on binned numbers.

That one sorts every column anew at every node: of 10,000 points in 32 classes it takes minutes. Here columns are sorted
once into at most BINS bins, and a split is sought between bins, on sums over them.

DEVIATION: a column of more than BINS values is split at quantiles alone. scikit-learn's HistGradientBoostingClassifier
does so too, but it knows no importances. LightGBM knows them and is as fast, but looks for
a system library (libgomp) that a slim machine lacks.
"""

import numpy as np

BINS = 256
STAGES, DEPTH, LEARNING_RATE = 100, 3, 0.1
"""The defaults of scikit-learn."""
PURE = 1e-12
"""A node whose residuals vary less is not split."""


def boost(
    columns: np.ndarray, classes: np.ndarray, tested: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Fits trees, and predicts with them.

    Args:
      columns: float array [N, columns].
      classes: int array [N], numbers from 0 of which each occurs.
      tested: float array [M, columns], points to predict.
      random: settles ties between columns that split alike, such as copies.

    Returns:
      (float array [columns], the importance of each: its share of what all splits explain of the residuals; int array
      [M], the predicted classes).
    """
    bins = np.stack([_sort(column, test) for column, test in zip(columns.T, tested.T)])  # [columns, N + M]
    count, number = len(columns), classes.max() + 1
    targets = (classes[:, None] == np.arange(number)).astype(np.float64)
    shares = targets.mean(axis=0)
    if number == 2:  # one logit in place of two scores
        targets, shares = targets[:, 1:], shares[1:] / shares[0]
    scores = np.tile(np.log(shares), (bins.shape[1], 1))
    importances = np.zeros(len(bins))
    for _ in range(STAGES):
        residuals = targets - _probabilities(scores[:count])
        for output, residual in enumerate(residuals.T):
            order = random.permutation(len(bins))
            leaves, gains = _grow(bins[order], residual)
            importances[order] += gains
            scores[:, output] += LEARNING_RATE * _step(leaves[:count], residual, number)[leaves]
    predicted = scores[count:, 0] > 0 if number == 2 else scores[count:].argmax(axis=1)
    return importances / max(importances.sum(), PURE), predicted.astype(np.int64)


def _sort(column: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Numbers of the bins of a column's points, and of those to be predicted: int array [N + M]."""
    values = np.unique(column)
    edges = (values[1:] + values[:-1]) / 2
    if len(values) > BINS:
        edges = np.unique(np.quantile(column, np.arange(1, BINS) / BINS))
    return np.searchsorted(edges, np.concatenate([column, tested]))


def _probabilities(scores: np.ndarray) -> np.ndarray:
    if scores.shape[1] == 1:
        return 1.0 / (1.0 + np.exp(-scores))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _grow(bins: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A tree of least squares: (int array [N + M], the leaf of each point; float array [columns], what splits explain).

    Points beyond those of the residuals go down the tree and change nothing.
    """
    number, total = bins.shape
    count = len(residual)
    places = bins + BINS * np.arange(number)[:, None]  # of each point in a histogram of all columns
    weights = np.tile(residual, number)
    leaves, gains = np.zeros(total, np.int64), np.zeros(number)
    for level in range(DEPTH):
        nodes = 2**level
        inside = (places[:, :count] + leaves[:count] * (number * BINS)).ravel()
        shape = (nodes, number, BINS)
        points = np.bincount(inside, minlength=np.prod(shape)).reshape(shape)
        sums = np.bincount(inside, weights, np.prod(shape)).reshape(shape)
        gain, column, edge = _split(points, sums)
        splits = gain > PURE
        np.add.at(gains, column[splits], gain[splits])
        edge = np.where(splits, edge, BINS)  # all points of a node that is not split go one way
        leaves = 2 * leaves + (bins[column[leaves], np.arange(total)] > edge[leaves])
    return leaves, gains


def _split(points: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best split of each node: what it explains, its column, and the last bin that goes left; arrays [nodes].

    Args:
      points: array [nodes, columns, BINS], how many points lie in a bin.
      sums: array [nodes, columns, BINS], the sum of their residuals.
    """
    left, below = points.cumsum(axis=2)[..., :-1], sums.cumsum(axis=2)[..., :-1]
    all_points, all_sums = points.sum(axis=2, keepdims=True), sums.sum(axis=2, keepdims=True)
    right, above = all_points - left, all_sums - below
    is_split = (left > 0) & (right > 0)
    explained = np.zeros(left.shape)
    np.divide(np.square(below), left, out=explained, where=is_split)
    explained += np.divide(np.square(above), right, out=np.zeros(left.shape), where=is_split)
    explained -= np.where(is_split, np.square(all_sums) / np.maximum(all_points, 1), 0.0)
    flat = explained.reshape(len(explained), -1)
    best = flat.argmax(axis=1)
    column, edge = np.unravel_index(best, explained.shape[1:])
    return flat[np.arange(len(flat)), best], column, edge


def _step(leaves: np.ndarray, residual: np.ndarray, classes: int) -> np.ndarray:
    """What each leaf adds: a step of Newton's, float array [leaves]."""
    sums = np.bincount(leaves, residual, 2**DEPTH)
    size = np.abs(residual)
    curvature = np.bincount(leaves, size * (1.0 - size), 2**DEPTH)
    scale = 1.0 if classes == 2 else (classes - 1) / classes
    return scale * np.divide(sums, curvature, out=np.zeros_like(sums), where=curvature > 1e-150)
