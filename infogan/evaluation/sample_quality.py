"""How near generated images are to real ones, whether they differ from one another, and what the noise changes."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import rel_entr

from infogan.data import Dataset
from infogan.data.lazy_images import Images
from infogan.evaluation.judges import Judge, Prediction, RandomNetwork, find_classifier
from infogan.evaluation.metric import Found, Metric, MetricFunction, Settings, once_a_run
from infogan.latents import latent_slices
from infogan.run import TrainedRun, count_batch
from infogan.system.tf1 import derive_seed
from infogan.training.run_folder import RunFolder

FEWEST_IMAGES = 2
"""A single image has no covariance."""


DISTANCE = "Frechet distance to test images"
RANDOM_DISTANCE = f"{DISTANCE}, random features"


@once_a_run
def find_random_network(run: TrainedRun, dataset: Dataset) -> Judge:
    """The RandomNetwork for the run's images."""
    return run.keep_open(RandomNetwork(run.image_shape))


def sample_quality(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: how near samples are to real images, in random features and, if there is one, the classifier's."""
    count = min(settings.images, len(dataset.train), len(dataset.test))
    if count < FEWEST_IMAGES:
        return [f"{count} test images are too few for a distance to them: sample quality is left out."]
    classifier, _ = find_classifier(run, dataset)
    judges = [classifier, find_random_network(run, dataset)] if classifier else [find_random_network(run, dataset)]
    draw = np.random.default_rng(derive_seed(0, "real images")).permutation
    chosen = [(split, draw(len(split))[:count]) for split in (dataset.train, dataset.test)]
    latents = run.sample_latents(count, derive_seed(run.spec.seed, "sample quality"))
    parts = -(-count // count_batch(run.image_shape))
    generated = _judge(judges, map(run.generate_from, np.array_split(latents, parts)))
    train, test = (
        _judge(judges, (split.images[places] for places in np.array_split(order, parts))) for split, order in chosen
    )
    *of_classifier, of_random = zip(generated, train, test)
    found = [metric for predictions in of_classifier for metric in measure_sample_quality(*predictions)]
    return [*found, *measure_random_distance(*(prediction.features for prediction in of_random))]


def _judge(judges: Sequence[Judge], batches: Iterable[Images]) -> list[Prediction]:
    """The Prediction of each judge for the images of several arrays, of which only one is held."""
    parts = [[judge.predict(batch) for judge in judges] for batch in batches]
    return [Prediction(*map(np.concatenate, zip(*of_one))) for of_one in zip(*parts)]


def measure_random_distance(generated: np.ndarray, train: np.ndarray, test: np.ndarray) -> list[Metric]:
    """Metrics of random features [N, F] of generated and real images.

    The unit is the variance of the training images' features, summed over these: random weights have no scale of their
    own. Samples that are all the mean real image are 1 away; nothing is measured where training images are all alike.
    """
    unit = train.var(axis=0, dtype=np.float64).sum()
    if unit == 0:
        return []
    distance, near = (compute_frechet_distance(first, test) / float(unit) for first in (generated, train))
    return [Metric(RANDOM_DISTANCE, distance, note=f"training images: {near:.4f}", better="lower")]


def compare_with(baseline: RunFolder) -> MetricFunction:
    """A metric: the distances of a run over those of another one, as of the plain GAN of the same experiment.

    Args:
      baseline: folder of the other run, of the same images; it is measured as the run itself is.
    """

    def distance_ratios(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
        with TrainedRun(baseline) as other:
            ours, theirs = (_find_distances(each, dataset, settings) for each in (run, other))
            what = f"{other.spec.variant}, {baseline.name}"
        return [
            Metric(
                f"{name}, over the baseline's",
                ours[name] / theirs[name],
                note=f"{what}: {theirs[name]:.3f}",
                better="lower",
            )
            for name in ours
            if theirs.get(name, 0.0) > 0.0
        ]

    return distance_ratios


def _find_distances(run, dataset, settings):
    found = [metric for metric in sample_quality(run, dataset, settings) if isinstance(metric, Metric)]
    return {metric.name: metric.value for metric in found if metric.name in (DISTANCE, RANDOM_DISTANCE)}


def compute_frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared Frechet distance between the Gaussians with the moments of two sets.

        |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2))

    Args:
      first: array [N, D].
      second: array [M, D].

    Returns:
      float, 0 for equal moments.
    """
    offset = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    root, covariance = _root(first), np.cov(second, rowvar=False)
    # With S1 = R' R, S1 S2 has the eigenvalues of the symmetric R S2 R', which stay real and not negative.
    shared = np.sqrt(np.linalg.eigvalsh(root @ covariance @ root.T).clip(0.0)).sum()
    return float(offset @ offset + np.square(root).sum() + np.trace(covariance) - 2.0 * shared)


def _root(features: np.ndarray) -> np.ndarray:
    """R with R' R the covariance of features [N, D]: [min(N, D), D]."""
    count, dim = features.shape
    if count <= dim:  # nothing to decompose
        return (features - features.mean(axis=0, dtype=np.float64)) / np.sqrt(count - 1)
    values, vectors = np.linalg.eigh(np.cov(features, rowvar=False))
    return np.sqrt(values.clip(0.0))[:, None] * vectors.T


def compute_score(probabilities: np.ndarray) -> float:
    """exp of the mean KL(p(y | x) || p(y)): 1 where images say nothing of their class, at most the number of classes.

    Args:
      probabilities: array [N, classes], p(y | x).

    Returns:
      float.
    """
    probabilities = np.asarray(probabilities, np.float64)
    return float(np.exp(rel_entr(probabilities, probabilities.mean(axis=0)).sum(axis=1).mean()))


def measure_sample_quality(generated: Prediction, train: Prediction, test: Prediction) -> list[Metric]:
    """Metrics of generated images beside those of real ones.

    Args:
      generated: Prediction for generated images.
      train: Prediction for as many training images.
      test: Prediction for the test images.

    Returns:
      list of Metric.
    """
    near = compute_frechet_distance(train.features, test.features)
    best = compute_score(test.probabilities)
    distance = compute_frechet_distance(generated.features, test.features)
    score = compute_score(generated.probabilities)
    distances = [
        Metric(DISTANCE, distance, "", note=f"training images: {near:.3f}", better="lower"),
        Metric("Frechet distance, training to test images", near, ""),
    ]
    if generated.classes.ndim > 1:  # attributes are no classes, which the score is for
        return distances
    return [*distances, Metric("classifier score", score, "", note=f"test images: {best:.3f}", better="higher")]


IMAGES = 200
LEAST_SPREAD = 0.2
"""Below it samples look alike: what a code seems to do is chance. Real images have 1."""


def spread(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: how much samples differ, and a note if they do not."""
    metrics, notes = _compare_with_training_images(run, dataset)
    return metrics + notes


def are_alike(run: TrainedRun, dataset: Dataset) -> bool:
    """Whether all samples look alike, so that codes do nothing to them."""
    return bool(_compare_with_training_images(run, dataset)[1])


@once_a_run
def _compare_with_training_images(run: TrainedRun, dataset: Dataset) -> tuple[list[Metric], list[str]]:
    chosen = np.random.default_rng(derive_seed(0, "spread")).permutation(len(dataset.train))[:IMAGES]
    latents = run.sample_latents(IMAGES, derive_seed(run.spec.seed, "spread"))
    return measure_spread(run.generate_from(latents), dataset.train.images[np.sort(chosen)])


def compute_spread(generated: np.ndarray, real: np.ndarray) -> float:
    """Mean squared distance of samples from one another, over that from real images.

        2 Var(x) / (Var(x) + Var(y) + |E x - E y|^2)

    Args:
      generated: array [N, H, W, C] of samples x.
      real: array [M, H, W, C] of real images y, in the same range.

    Returns:
      float: 1 for samples that are distributed as real images are; 0 where all are the same; near 0 also where they
      differ, but are so far from any real image that they look the same.
    """
    moments = [(np.mean(x, axis=0, dtype=np.float64), np.var(x, axis=0, dtype=np.float64)) for x in (generated, real)]
    (mean, variance), (real_mean, real_variance) = moments
    return float(2.0 * variance.sum() / (variance + real_variance + np.square(mean - real_mean)).sum())


def measure_spread(generated: np.ndarray, real: np.ndarray) -> tuple[list[Metric], list[str]]:
    """Whether samples differ as real images do.

    Args:
      generated: float array [N, H, W, C] in [0, 1].
      real: uint8 array [M, H, W, C].

    Returns:
      (list of Metric, empty where the real images are all alike; list of str, a line if the samples have collapsed).
    """
    if (real == real[:1]).all():
        return [], []
    ratio = compute_spread(generated, real / np.float32(255.0))
    notes = []
    if not ratio >= LEAST_SPREAD:  # not: NaN
        notes.append(
            f"Samples look alike: their spread is {100 * ratio:.2g} % of that of real images. G has collapsed, or was "
            "not trained for long enough. What codes do to its images is left out."
        )
    return [Metric("spread of samples", ratio, "share", note="real images: 100 %")], notes


CODE_DRAWS, NOISE_DRAWS = 50, 20
"""Settings of all codes, and draws of the noise for each of them."""
REAL_IMAGES = 2000
"""At most so many test images say how much those of a kind differ."""
LEAST_NOISE = 0.4
"""Below it samples of the same codes look alike. Real images against others of their class have 1, one image in other
colours has about 0.3, one with noise of 8 grey levels has 0.05 (docs/notes/experiments.md)."""


def noise(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: how much samples of the same codes differ, and a line if that is little.

    In the features of the set's classifier if there is one, else in random ones.
    """
    if not run.spec.noise or len(dataset.test) < FEWEST_IMAGES:
        return []
    latents = run.sample_latents(CODE_DRAWS * NOISE_DRAWS, derive_seed(run.spec.seed, "noise"))
    latents = latents.reshape(CODE_DRAWS, NOISE_DRAWS, -1)
    for code in run.spec.codes:
        place = latent_slices(run.spec.latent_spec)[code.name]
        latents[:, 1:, place] = latents[:, :1, place]
    chosen = np.random.default_rng(derive_seed(0, "noise")).permutation(len(dataset.test))[:REAL_IMAGES]
    classifier, _ = find_classifier(run, dataset)
    judge = classifier or find_random_network(run, dataset)
    generated = judge.predict_batches(map(run.generate_from, latents)).features
    real = judge.predict(dataset.test.images[np.sort(chosen)]).features
    labels = None if dataset.test.labels is None else dataset.test.labels[np.sort(chosen)]
    where = "in the classifier's features" if classifier else "in random features"
    found = measure_noise(generated, np.repeat(np.arange(CODE_DRAWS), NOISE_DRAWS), real, labels, where)
    return found[:1] if are_alike(run, dataset) else found  # that all samples look alike says enough


def compute_spread_within(features: np.ndarray, groups: np.ndarray) -> float:
    """Variance within groups, summed over the features: mean squared distance of an image from its group's mean.

    Args:
      features: float array [N, F].
      groups: int array [N].

    Returns:
      float, unbiased: each group's mean takes a degree of freedom. NaN where each image is a group of its own.
    """
    _, number, counts = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), features.shape[1]))
    np.add.at(sums, number, features)
    squares = np.square(features - (sums / counts[:, None])[number]).sum()
    freedom = len(features) - len(counts)
    return float(squares / freedom) if freedom else float("nan")


def measure_noise(
    generated: np.ndarray, settings: np.ndarray, real: np.ndarray, labels: np.ndarray | None, where: str = ""
) -> Found:
    """What the noise changes, by features of samples and of real images.

    Args:
      generated: float array [N, F].
      settings: int array [N], which samples have the same codes.
      real: float array [M, F].
      labels: int array [M], the kinds of the real images; None if they have none: all are of one kind then.
      where: what features these are, for the note.

    Returns:
      A Metric, and a line if the noise changes little; nothing where real images of a kind do not differ.
    """
    of_kind = compute_spread_within(real, np.zeros(len(real), int) if labels is None else labels)
    if not of_kind > 0:  # not: NaN
        return []
    ratio = compute_spread_within(generated, settings) / of_kind
    kind = "all test images" if labels is None else "test images of a class"
    metric = Metric("spread by noise alone", ratio, "share", note=f"{kind}: 100 %; {where}", better="higher")
    if ratio >= LEAST_NOISE:
        return [metric]
    return [
        metric,
        f"The noise changes little: samples of the same codes differ {100 * ratio:.1f} % as much as {kind}. G draws "
        "hardly more than one image for each setting of the codes. A higher --mode-seeking asks it for more.",
    ]
