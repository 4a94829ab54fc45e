"""A trained run as an encoder and as one of several to choose from, and the scores and the picture of its report."""

import dataclasses

import numpy as np

from infogan.data import Dataset
from infogan.data.factors import Factor, join_factors
from infogan.distributions import DistInfo, Distribution
from infogan.evaluation.disentanglement.ceiling import find_ceilings
from infogan.evaluation.disentanglement.mig import find_entropies, find_information, sort_into_bins
from infogan.evaluation.disentanglement.protocols import DLIB, PROTOCOLS, make_fast, score
from infogan.evaluation.disentanglement.published import find_published, name_score
from infogan.evaluation.disentanglement.sample import (
    FEWEST_FACTORS,
    MOST_VALUES,
    Codes,
    Encoder,
    Sample,
    draw_sample,
    find_unsuitable,
    list_splits,
)
from infogan.evaluation.disentanglement.selection import Model
from infogan.evaluation.figures import draw_heat_map
from infogan.evaluation.metric import Found, Metric, Picture, Settings
from infogan.latents import latent_slices
from infogan.run import TrainedRun
from infogan.system.messages import InputError

HEAT_MAP = "codes_by_factors.png"
FACTOR_BINS = 10
"""Of a factor that takes any value."""
FAST = (
    "Scores of disentanglement are the fast ones, on {:,} images: the command disentanglement computes the full ones."
)
CAPTION = "Share of what there is to know of each factor (columns) that each code (rows) knows: I / H, in 20 bins."


def encoder_of(run: TrainedRun) -> Encoder:
    """Q as an encoder: images -> `Codes`.

    A continuous code is its mean. An angle is a number in half turns, and as columns its cosine and sine. A categorical
    code is the number of its likeliest category, and as columns the probabilities of all.
    """

    def encode(images: np.ndarray) -> Codes:
        posteriors = run.encode(images)
        parts = [_read(code.distribution, posteriors[code.name]) for code in run.spec.codes]
        owners = np.repeat(np.arange(len(parts)), [columns.shape[1] for _, columns in parts])
        discrete = np.array([code.distribution.is_discrete for code in run.spec.codes])
        values = np.stack([values for values, _ in parts], axis=1).astype(np.float64)
        return Codes(values, np.concatenate([c for _, c in parts], axis=1).astype(np.float64), owners, discrete)

    return encode


def _read(distribution: Distribution, posterior: DistInfo) -> tuple[np.ndarray, np.ndarray]:
    """(values [N], columns [N, any]) of one code."""
    values = distribution.read(posterior)
    if distribution.is_discrete:
        return values, np.asarray(distribution.probabilities(posterior))
    if distribution.kind == "circular":
        return values, np.stack([np.cos(np.pi * values), np.sin(np.pi * values)], axis=1)
    return values, values[:, None]


def model_of(run: TrainedRun) -> Model:
    """G and Q of a run, as `selection.select` takes them.

    A code of any kind is held fixed in the same way: all images of a group have the value that the first one drew.
    """
    places = latent_slices(run.spec.latent_spec)
    held = [places[code.name] for code in run.spec.codes]

    def draw(fixed: np.ndarray, size: int, seed: int) -> np.ndarray:
        latents = run.sample_latents(len(fixed) * size, seed).reshape(len(fixed), size, -1)
        for code, place in enumerate(held):
            groups = fixed == code
            latents[groups, :, place] = latents[groups, :1, place]
        images = run.generate_from(latents.reshape(len(fixed) * size, -1))
        return (images * 255.0).round().astype(np.uint8)

    return Model(run.folder.name, len(held), draw, encoder_of(run))


def disentanglement_scores(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: the fast scores of all protocols, of a set that has an image of every combination of its factors.

    Of a set whose factors take any value, MIG and DCI, with each of these in bins.
    """
    splits = list_splits(dataset)
    told: list[str] = []
    if splits and _is_grid(dataset):
        protocols = [make_fast(protocol) for protocol in PROTOCOLS.values()]
    elif any(map(_takes_any_value, join_factors(splits).values() if splits else ())):
        dataset = sort_factors(dataset)
        splits, protocols = list_splits(dataset), [dataclasses.replace(make_fast(DLIB), scores=("MIG", "DCI"))]
        told = [f"Factors that take any value are in {FACTOR_BINS} bins of equal width for MIG and DCI."]
    else:
        return []
    images = max(protocol.images for protocol in protocols)
    varying = {name: factor for name, factor in join_factors(splits).items() if np.ptp(factor.values) > 0}
    left_out = find_unsuitable(varying, images)
    notes: list = [
        f"{name} is left out of the scores of disentanglement: it has {left_out[name]}." for name in left_out
    ]
    if len(varying) - len(left_out) < FEWEST_FACTORS:
        return notes
    sample = draw_sample(encoder_of(run), dataset, images, left_out=tuple(left_out))
    found: list = []
    for protocol in protocols:
        ceilings = find_ceilings(sample, protocol)
        for name, value in score(sample, protocol).items():
            note = _describe(run.spec.dataset, protocol.name, name, ceilings[name])
            found.append(Metric(name_score(name, protocol.name), value, note=note, better="higher"))
    picture = draw_heat_map(share_of_information(sample), [code.name for code in run.spec.codes], list(sample.factors))
    return [*found, *notes, *told, FAST.format(len(sample)), Picture(HEAT_MAP, picture, CAPTION)]


def _takes_any_value(factor: Factor) -> bool:
    return factor.kind == "ordered" and len(factor.numbered[0]) > MOST_VALUES


def sort_factors(dataset: Dataset) -> Dataset:
    """The whole set with ordered factors of many values in bins of equal width, whose numbers are the values."""
    whole = dataset.complete or dataset
    binned = {
        name: dataclasses.replace(factor, values=sort_into_bins(factor.values, FACTOR_BINS))
        if _takes_any_value(factor)
        else factor
        for name, factor in join_factors(list_splits(dataset)).items()
    }
    parts, start = [], 0
    for split in (whole.train, whole.test):
        own = slice(start, start + len(split))
        factors = {name: factor.select(own) for name, factor in binned.items()} if split.factors else {}
        parts.append(dataclasses.replace(split, factors=factors))
        start += len(split) if split.factors else 0
    train, test = parts
    return Dataset(train, test, dataset.source)


def _is_grid(dataset: Dataset) -> bool:
    try:
        dataset.grid()
    except InputError:
        return False
    return True


def _describe(dataset: str, protocol: str, name: str, ceiling: float) -> str:
    """What stands beside a score: its ceiling, and published ones."""
    others = [f"{row.system} {row.scores[name]:.2f}" for row in find_published(dataset, protocol) if name in row.scores]
    return "; ".join([f"a perfect encoder: {ceiling:.3f}", *others])


def share_of_information(sample: Sample) -> np.ndarray:
    """I(code; factor) / H(factor), codes in 20 bins: float array [codes, factors] from 0 to 1."""
    return find_information(sample) / find_entropies(sample)
