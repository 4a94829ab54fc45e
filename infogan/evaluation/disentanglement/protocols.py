"""How scores are computed: two protocols that published numbers follow, and InfoMEC's own. Their columns never mix.

    from infogan.evaluation.disentanglement.protocols import INFOGAN_CR, score_encoder
    scores = score_encoder(encode, dataset, INFOGAN_CR)      # {"FactorVAE": 0.83, "MIG": 0.25, ...}

`encode` is a function of images, uint8 [N, H, W, C], that gives an array [N, codes].
"""

import dataclasses
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits  # comes with scikit-learn

from infogan.data import Dataset
from infogan.evaluation.disentanglement.dci import (
    boosted_importances,
    completeness,
    disentanglement,
    forest_importances,
    lasso_importances,
)
from infogan.evaluation.disentanglement.infomec import (
    find_active,
    find_normalised_information,
    info_c,
    info_e,
    info_m,
)
from infogan.evaluation.disentanglement.irs import irs
from infogan.evaluation.disentanglement.mig import find_entropies, find_information, mig
from infogan.evaluation.disentanglement.modularity import explicitness, modularity
from infogan.evaluation.disentanglement.sample import Encoder, Sample, draw_sample
from infogan.evaluation.disentanglement.sap import sap
from infogan.evaluation.disentanglement.votes import beta_vae, factor_vae
from infogan.system.messages import show_progress


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The settings of a set of scores. Scores of two protocols have other values, and are never compared.

    Attributes:
      name: as in reports.
      images: drawn from the set at random, and encoded once; all else is drawn from these.
      fitted: images on which predictors are fitted, and by which information is measured.
      tested: further images on which predictors are scored; 0 scores them on those that they were fitted to.
      votes: groups of images for FactorVAE and BetaVAE.
      test_votes: further groups on which these are scored; 0 scores them on the same.
      group: images in a group of FactorVAE.
      pairs: pairs in a group of BetaVAE.
      one_value: whether the images of a group of BetaVAE share one value of the factor, or each pair its own.
      least_deviation: codes that deviate less have no vote in FactorVAE.
      sap_by_regression: as `sap` has it.
      standardised: whether explicitness standardises codes.
      scores: names of the functions of SCORES that make it up.
    """

    name: str
    scores: tuple[str, ...]
    images: int = 73_728
    fitted: int = 73_728
    tested: int = 0
    votes: int = 500
    test_votes: int = 0
    group: int = 100
    pairs: int = 50
    one_value: bool = True
    least_deviation: float = 0.0
    sap_by_regression: bool = True
    standardised: bool = False


GROUPS = 20202
"""Names the stream of random numbers that draws groups from the encoded images."""
VOTES = ("FactorVAE", "BetaVAE")
DLIB = Protocol(
    name="dlib",
    scores=(*VOTES, "MIG", "SAP", "modularity", "explicitness", "IRS", "DCI"),
    fitted=10_000,
    tested=5_000,
    votes=10_000,
    test_votes=5_000,
    group=64,
    pairs=64,
    one_value=False,
    least_deviation=0.05,
    sap_by_regression=False,
    standardised=True,
)
"""google-research/disentanglement_lib, with the values of its unsupervised_study_v1."""

INFOGAN_CR = Protocol(
    name="infogan_cr",
    scores=(*VOTES, "MIG", "SAP", "modularity", "explicitness", "DCI by Lasso", "DCI by random forests"),
)
"""fjxmlzn/InfoGAN-CR: a tenth of dSprites, scored where it was fitted."""

INFOMEC = Protocol(name="infomec", scores=("InfoMEC",), images=10_000, fitted=10_000)
"""kylehkhsu/latent_quantization."""

PROTOCOLS = {protocol.name: protocol for protocol in (INFOGAN_CR, DLIB, INFOMEC)}


def make_fast(protocol: Protocol) -> Protocol:
    """The protocol with fewer images and votes: its scores differ by more from sample to sample."""
    return dataclasses.replace(
        protocol,
        images=min(protocol.images, 10_000),
        fitted=min(protocol.fitted, 10_000) if not protocol.tested else 3_000,
        tested=min(protocol.tested, 1_500),
        votes=min(protocol.votes, 2_000),
        test_votes=min(protocol.test_votes, 1_000),
    )


class Drawn:
    """What the scores of a protocol share: the images, divided, and the information of each code about each factor."""

    def __init__(self, sample: Sample, protocol: Protocol, seed: int) -> None:
        self.sample = sample
        self.random = np.random.default_rng([seed, GROUPS])
        if protocol.tested:
            self.fitted, self.tested = sample.divide(protocol.fitted, protocol.tested, self.random)
        else:
            self.fitted = self.tested = sample.divide(protocol.fitted, 0, self.random)[0]
        self.information = find_information(self.fitted)


def _score_factor_vae(drawn: Drawn, protocol: Protocol) -> dict[str, float]:
    value = factor_vae(
        drawn.sample,
        protocol.votes,
        protocol.test_votes,
        protocol.group,
        protocol.least_deviation,
        drawn.random,
    )
    return {"FactorVAE": value}


def _score_beta_vae(drawn: Drawn, protocol: Protocol) -> dict[str, float]:
    size = 2 * protocol.pairs if protocol.one_value else protocol.pairs
    value = beta_vae(drawn.sample, protocol.votes, protocol.test_votes, size, protocol.one_value, drawn.random)
    return {"BetaVAE": value}


def _score_boosting(drawn: Drawn, protocol: Protocol) -> dict[str, float]:
    importances, accuracy = boosted_importances(drawn.fitted, drawn.tested, drawn.random)
    return {
        "DCI disentanglement": disentanglement(importances),
        "DCI completeness": completeness(importances),
        "DCI informativeness": accuracy,
    }


def _score_regression(name: str, importances: np.ndarray) -> dict[str, float]:
    return {
        f"DCI disentanglement, {name}": disentanglement(importances),
        f"DCI completeness, {name}": completeness(importances, weighted=False),
    }


def _score_infomec(drawn: Drawn, protocol: Protocol) -> dict[str, float]:
    information = find_normalised_information(drawn.fitted)[find_active(drawn.fitted)]
    return {"InfoM": info_m(information), "InfoE": info_e(drawn.fitted), "InfoC": info_c(information)}


SCORES: dict[str, Callable[[Drawn, Protocol], dict[str, float]]] = {
    "FactorVAE": _score_factor_vae,
    "BetaVAE": _score_beta_vae,
    "MIG": lambda drawn, protocol: {"MIG": mig(drawn.information, find_entropies(drawn.fitted))},
    "SAP": lambda drawn, protocol: {"SAP": sap(drawn.fitted, drawn.tested, protocol.sap_by_regression)},
    "modularity": lambda drawn, protocol: {"modularity": modularity(drawn.information)},
    "explicitness": lambda drawn, protocol: {
        "explicitness": explicitness(drawn.fitted, drawn.tested, protocol.standardised)
    },
    "IRS": lambda drawn, protocol: {"IRS": irs(drawn.fitted)},
    "DCI": _score_boosting,
    "DCI by Lasso": lambda drawn, protocol: _score_regression("Lasso", lasso_importances(drawn.fitted)),
    "DCI by random forests": lambda drawn, protocol: _score_regression(
        "random forests", forest_importances(drawn.fitted)
    ),
    "InfoMEC": _score_infomec,
}
"""What each name in `Protocol.scores` computes: functions of (Drawn, Protocol)."""


def score(sample: Sample, protocol: Protocol, seed: int = 0, title: str = "") -> dict[str, float]:
    """The scores of a protocol.

    Args:
      sample: Sample.
      protocol: Protocol; of fewer images than it asks for all are used.
      seed: of all that is drawn.
      title: what the progress bar says; "" for "scores of <protocol>".

    Returns:
      dict of score -> value; NaN where one has no meaning.
    """
    scores: dict[str, float] = {}
    with show_progress(title or f"scores of {protocol.name}", len(protocol.scores)) as show:
        drawn = Drawn(sample, protocol, seed)
        for number, name in enumerate(protocol.scores):
            # The matrices are small: threads of the linear algebra would wait for each other.
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # classifiers stop where the references stop
                scores |= SCORES[name](drawn, protocol)
            show(number + 1)
    return scores


def score_encoder(
    encode: Encoder, dataset: Dataset, protocol: Protocol = INFOGAN_CR, seed: int = 0, left_out: Sequence[str] = ()
) -> dict[str, float]:
    """The scores of an encoder on the images of a set with true factors.

    Args:
      encode: function of images, uint8 [N, H, W, C], that gives an array [N, codes], or `Codes`.
      dataset: Dataset; all its images are drawn from, those included that training left out.
      protocol: Protocol, as INFOGAN_CR or make_fast(DLIB).
      seed: of all that is drawn.
      left_out: names of factors that are not scored.

    Raises:
      InputError: if the set has no factors, or codes and factors do not suit.
    """
    return score(draw_sample(encode, dataset, protocol.images, seed, left_out), protocol, seed)
