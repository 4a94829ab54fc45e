"""Scores of the protocol `dlib` beside those of disentanglement_lib itself, on the same representations.

It is skipped where the package is missing, which no current TensorFlow suits: install it without what it asks for,

    pip install --no-deps --target FOLDER disentanglement-lib==1.5 gin-config==0.4.0

and put FOLDER on PYTHONPATH. Its metrics need NumPy, SciPy and scikit-learn alone.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from infogan.data import Factor
from infogan.evaluation.disentanglement.protocols import DLIB, score
from infogan.evaluation.disentanglement.sample import Sample

gin = pytest.importorskip("gin")
sys.modules.setdefault("gin.tf", gin)  # it imports TensorFlow 1's contrib, and is needed for its decorators alone
pytest.importorskip("disentanglement_lib")

from disentanglement_lib.evaluation.metrics import (  # noqa: E402
    beta_vae,
    dci,
    factor_vae,
    irs,
    mig,
    modularity_explicitness,
    sap_score,
    utils,
)

SIZES = (3, 4, 6, 8)
COPIES = 40
TRAINED = Path(__file__).parent / "dsprites_codes" / "codes.npz"
"""Q's five codes of dSprites' shapes, sizes, each fifth turn and each fourth place: the README beside it."""
POINTS, TESTED, VOTES, TEST_VOTES = 3000, 1500, 1000, 500
TOLERANCES = {
    "FactorVAE": 0.15,
    "BetaVAE": 0.14,
    "MIG": 0.025,
    "SAP": 0.11,
    "modularity": 0.025,
    "explicitness": 0.025,
    "IRS": 0.07,
    "DCI disentanglement": 0.05,
    "DCI completeness": 0.05,
    "DCI informativeness": 0.08,
}
"""Five standard deviations of a difference, by eight seeds of ours; of DCI, twice the largest that was seen."""
OF_NOISE = {"modularity": 0.5, "IRS": 0.22}
"""Of codes that know nothing: these two scores are then those of the noise in their estimates."""


class Drawn:
    """What disentanglement_lib asks of a data set: images, here their numbers, by the values of their factors."""

    def __init__(self, sizes=SIZES, copies=COPIES):
        self.sizes, self.copies, self.num_factors = sizes, copies, len(sizes)
        self.levels = np.tile(np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1), (copies, 1))

    def sample_factors(self, count, random):
        return np.stack([random.randint(0, size, count) for size in self.sizes], axis=1)

    def sample_observations_from_factors(self, factors, random):
        cells = np.ravel_multi_index(factors.T, self.sizes)
        return cells + np.prod(self.sizes) * random.randint(0, self.copies, len(cells))

    def sample(self, count, random):
        factors = self.sample_factors(count, random)
        return factors, self.sample_observations_from_factors(factors, random)

    def sample_observations(self, count, random):
        return self.sample(count, random)[1]


def represent(kind, levels, seed=0):
    random = np.random.default_rng(seed)
    scaled = (levels - levels.mean(axis=0)) / levels.std(axis=0)
    if kind == "perfect":
        return scaled
    noise = random.standard_normal(levels.shape)
    if kind == "useless":
        return noise
    mixing = 0.4 * np.eye(len(SIZES)) + 0.6 * random.standard_normal((len(SIZES), len(SIZES)))
    return scaled @ mixing + 0.7 * noise


def score_by_reference(drawn, codes, seed=0):
    def encode(images):
        return codes[images]

    def points(**more):
        return {"num_train": POINTS, "num_test": TESTED, "batch_size": 500, **more}

    random = np.random.RandomState(seed)
    groups = {"batch_size": 64, "num_train": VOTES, "num_eval": TEST_VOTES}
    with gin.unlock_config():
        gin.bind_parameter("discretizer.discretizer_fn", utils._histogram_discretize)
        gin.bind_parameter("discretizer.num_bins", 20)
        gin.bind_parameter("prune_dims.threshold", 0.05)
    votes = factor_vae.compute_factor_vae(drawn, encode, random, num_variance_estimate=POINTS, **groups)
    pairs = beta_vae.compute_beta_vae_sklearn(drawn, encode, random, **groups)
    trees = dci.compute_dci(drawn, encode, random, **points())
    parts = modularity_explicitness.compute_modularity_explicitness(drawn, encode, random, **points())
    gap = mig.compute_mig(drawn, encode, random, num_train=POINTS, batch_size=500)
    robust = irs.compute_irs(drawn, encode, random, num_train=POINTS, batch_size=500)
    separated = sap_score.compute_sap(drawn, encode, random, continuous_factors=False, **points())
    return {
        "FactorVAE": votes["eval_accuracy"],
        "BetaVAE": pairs["eval_accuracy"],
        "MIG": gap["discrete_mig"],
        "SAP": separated["SAP_score"],
        "modularity": parts["modularity_score"],
        "explicitness": parts["explicitness_score_test"],
        "IRS": robust["IRS"],
        "DCI disentanglement": trees["disentanglement"],
        "DCI completeness": trees["completeness"],
        "DCI informativeness": trees["informativeness_test"],
    }


def score_by_ours(drawn, codes, seed=0):
    factors = {str(number): Factor(column, "ordered") for number, column in enumerate(drawn.levels.T)}
    protocol = dataclasses.replace(DLIB, fitted=POINTS, tested=TESTED, votes=VOTES, test_votes=TEST_VOTES)
    return score(Sample(codes, factors), protocol, seed)


@pytest.mark.parametrize("kind", ["perfect", "entangled", "useless", "trained"])
def test_scores_are_those_of_disentanglement_lib(kind):
    if kind == "trained":
        codes = np.load(TRAINED)["codes"].astype(np.float64)  # [shapes, sizes, turns, x, y, codes]
        drawn, codes = Drawn(codes.shape[:-1], 1), codes.reshape(-1, codes.shape[-1])
    else:
        drawn = Drawn()
        codes = represent(kind, drawn.levels)
    ours, reference = score_by_ours(drawn, codes), score_by_reference(drawn, codes)
    assert ours.keys() == reference.keys()
    for name, value in reference.items():
        print(f"{kind} {name}: {ours[name]:.4f}, disentanglement_lib {value:.4f}")
    tolerances = TOLERANCES | (OF_NOISE if kind == "useless" else {})
    assert not {name for name, value in reference.items() if abs(ours[name] - value) > tolerances[name]}
