"""Modularity and explicitness (Ridgeway and Mozer 2018): does each code know one factor alone? Can all be read off?"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from infogan.evaluation.disentanglement.sample import Sample


def modularity(information: np.ndarray) -> float:
    """Mean over the codes of 1 - (sum I^2 - max I^2) / (max I^2 (F - 1)); a code that knows nothing counts 0.

    Args:
      information: float array [codes, factors].
    """
    squares = np.square(information)
    most = squares.max(axis=1)
    others = squares.sum(axis=1) - most
    scores = 1.0 - np.divide(others, most * (squares.shape[1] - 1), out=np.ones_like(most), where=most > 0)
    return float(scores.mean())


def explicitness(fitted: Sample, tested: Sample, standardised: bool) -> float:
    """Mean over the factors, and their values, of the area under the ROC curve of a linear classifier of the codes.

    Args:
      fitted: Sample on which the classifiers are fitted.
      tested: Sample on which they are scored; it may be the same.
      standardised: whether codes get mean 0 and deviation 1, by those of `fitted`.

    Returns:
      float; 0.5 by chance.
    """
    mean, deviation = fitted.codes.columns.mean(axis=0), fitted.codes.columns.std(axis=0)
    varies = deviation > 0
    if not varies.any():
        return 0.5
    train, test = (
        (sample.codes.columns - mean)[:, varies] / deviation[varies] if standardised else sample.codes.columns
        for sample in (fitted, tested)
    )
    areas = []
    for factor in range(len(fitted.factors)):
        classifier = LogisticRegression().fit(train, fitted.levels[:, factor])
        areas.append(_area(classifier, test, tested.levels[:, factor]))
    return float(np.mean(areas))


def _area(classifier: LogisticRegression, codes: np.ndarray, levels: np.ndarray) -> float:
    """The mean over the values that both fitted and tested images have."""
    probabilities = classifier.predict_proba(codes)
    present = np.isin(classifier.classes_, levels)
    pairs = zip(classifier.classes_[present], probabilities.T[present])
    return float(np.mean([roc_auc_score(levels == value, scores) for value, scores in pairs]))
