"""SAP, separated attribute predictability (Kumar et al. 2018): does one code alone predict each factor?"""

import numpy as np
from sklearn.svm import LinearSVC

from infogan.evaluation.disentanglement.sample import Sample

ORDERED = ("ordered", "circular")
"""Kinds of factors whose values are numbers."""


def sap(fitted: Sample, tested: Sample, by_regression: bool) -> float:
    """Mean over the factors of how much better the best code predicts it than the next.

    Args:
      fitted: Sample on which the predictors are fitted.
      tested: Sample on which classifiers are scored; it may be the same.
      by_regression: whether factors that are numbers are scored by R^2, the squared correlation with the code, and
        only the others by the accuracy of a linear classifier. The two variants have other values.
    """
    scores = np.array(
        [
            [_predict(fitted, tested, code, factor, by_regression) for factor in range(len(fitted.factors))]
            for code in range(fitted.codes.count)
        ]
    )
    ranked = np.sort(np.vstack([scores, np.zeros(scores.shape[1])]), axis=0)  # a single code has no next one
    return float(np.mean(ranked[-1] - ranked[-2]))


def _predict(fitted: Sample, tested: Sample, code: int, factor: int, by_regression: bool) -> float:
    values, known = fitted.codes.values[:, code], list(fitted.factors.values())[factor]
    if by_regression and known.kind in ORDERED:
        return float(np.corrcoef(values, known.values)[0, 1] ** 2) if np.ptp(values) > 0 else 0.0
    classifier = LinearSVC(C=0.01, class_weight="balanced", random_state=0)
    classifier.fit(values[:, None], fitted.levels[:, factor])
    return float(classifier.score(tested.codes.values[:, code : code + 1], tested.levels[:, factor]))
