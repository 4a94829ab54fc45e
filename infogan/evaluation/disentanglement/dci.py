"""DCI: disentanglement, completeness and informativeness (Eastwood and Williams 2018)."""

import numpy as np
from scipy import stats
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso

from infogan.evaluation.disentanglement.boosting import boost
from infogan.evaluation.disentanglement.sample import Sample

TINY = 1e-11
ALPHA = 0.02
TREES = 10
"""The default of the scikit-learn that the authors of InfoGAN-CR used."""
DEPTHS = {"shape": 4, "scale": 2, "orientation": 4, "x": 2, "y": 2, "position_x": 2, "position_y": 2}
"""Of the trees for the factors of dSprites, as in IB-GAN's paper; 4 for any other factor."""
OTHER_DEPTH = 4


def disentanglement(importances: np.ndarray) -> float:
    """sum_i rho_i (1 - H(P_i)): does each code matter to one factor alone? rho is the share of a code in the whole.

    Args:
      importances: float array [codes, factors], of each code for each factor, not negative.
    """
    return float(_purity(importances).dot(_share(importances.sum(axis=1))))


def completeness(importances: np.ndarray, weighted: bool = True) -> float:
    """The same over the codes, of each factor: does one code alone matter to it? `weighted`: by the factor's share."""
    purity = _purity(importances.T)
    return float(purity.dot(_share(importances.sum(axis=0))) if weighted else purity.mean())


def _purity(importances: np.ndarray) -> np.ndarray:
    """1 - H of each row, the logarithm to the base of its length; 1 for a row of one."""
    if importances.shape[1] == 1:
        return np.ones(len(importances))
    return 1.0 - stats.entropy(importances + TINY, base=importances.shape[1], axis=1)


def _share(sums: np.ndarray) -> np.ndarray:
    return sums / sums.sum() if sums.sum() > 0 else np.full(len(sums), 1.0 / len(sums))


def boosted_importances(fitted: Sample, tested: Sample, random: np.random.Generator) -> tuple[np.ndarray, float]:
    """Of classifiers by gradient boosting, one a factor.

    Returns:
      (float array [codes, factors], each column of sum 1; informativeness, the mean accuracy on `tested`).
    """
    importances, accuracies = [], []
    for factor in range(len(fitted.factors)):
        values, numbers = np.unique(fitted.levels[:, factor], return_inverse=True)
        found, predicted = boost(fitted.codes.columns, numbers, tested.codes.columns, random)
        importances.append(fitted.codes.sum_by_code(found))
        accuracies.append(np.mean(values[predicted] == tested.levels[:, factor]))
    return np.stack(importances, axis=1), float(np.mean(accuracies))


def lasso_importances(sample: Sample) -> np.ndarray:
    """|weights| of linear regressions with an L1 penalty, of standardised numbers: float array [codes, factors]."""
    return _regress(sample, lambda name: Lasso(alpha=ALPHA), "coef_")


def forest_importances(sample: Sample) -> np.ndarray:
    """Importances in random forests for regression: float array [codes, factors]."""
    return _regress(
        sample,
        lambda name: RandomForestRegressor(TREES, max_depth=DEPTHS.get(name, OTHER_DEPTH), random_state=0),
        "feature_importances_",
    )


def _regress(sample, make, attribute):
    columns, owners = sample.codes.standardised, sample.codes.standardised_owners
    importances = np.zeros((sample.codes.count, len(sample.factors)))
    for number, (name, factor) in enumerate(sample.factors.items()):
        if columns.shape[1]:
            target = (factor.values - factor.values.mean()) / factor.values.std()
            np.add.at(importances[:, number], owners, np.abs(getattr(make(name).fit(columns, target), attribute)))
    return importances
