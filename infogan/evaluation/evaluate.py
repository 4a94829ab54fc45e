"""Everything that is measured and drawn of a run, at its end or later."""

import dataclasses
import json
from contextlib import ExitStack

import numpy as np

from infogan.codes import MOST_SHOWN
from infogan.data.factors import join_factors
from infogan.distributions import Categorical
from infogan.evaluation.classifier import MOST_CLASSES, obtain_classifier
from infogan.evaluation.code_effect import (
    DIGIT_SETS,
    UNITS,
    VALUES,
    measure_code_effects,
    measure_style,
    runs_over_values,
    sweep_code,
)
from infogan.evaluation.error_rate import (
    count_pairs,
    index_classes,
    measure_error_rates,
    order_categories,
)
from infogan.evaluation.factors import measure_factors
from infogan.evaluation.figures import draw_confusion, draw_curves, draw_effects
from infogan.evaluation.metric import Metric
from infogan.evaluation.mutual_information import measure_information
from infogan.evaluation.report import build_report, format_markdown, render_html
from infogan.evaluation.sample_quality import FEWEST_IMAGES, IMAGES, measure_sample_quality
from infogan.evaluation.samples import describe_left_out, draw_samples, draw_training_film
from infogan.evaluation.spread import IMAGES as IMAGES_FOR_SPREAD
from infogan.evaluation.spread import measure_spread
from infogan.evaluation.tensorboard_files import EVENTS, count_embedded, draw_embedding, encode_results
from infogan.evaluation.trained_model import TrainedModel, count_batch
from infogan.system.files import write_atomically
from infogan.system.seeds import derive_seed
from infogan.training.run_log import load_metrics

FRESH_SAMPLES = 10_000
ENOUGH_FOR_FACTORS = 1000
"""Of fewer test images, what Q says of true factors differs too much from half to half."""
READ_AT_ONCE = 5000
LEAST_ACCURACY_ON_DIGITS, LEAST_ACCURACY = 0.99, 0.5
"""A classifier that is worse is not used: it would put everything in the same place, and samples beside real images."""


@dataclasses.dataclass
class Findings:
    """What an evaluation gathers; nothing is written before all of it is there.

    Attributes:
      metrics: list of Metric.
      notes: list of str, what the numbers do not say.
      files: dict of path below the log folder -> bytes.
      captions: dict of path -> str, of those files that the report shows.
      categories: dict of code name -> list, the class that each category was matched to, -1 for none.
      collapsed: whether all samples look alike, so that codes do nothing to them.
    """

    metrics: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    files: dict = dataclasses.field(default_factory=dict)
    captions: dict = dataclasses.field(default_factory=dict)
    categories: dict = dataclasses.field(default_factory=dict)
    collapsed: bool = False

    def add_picture(self, path, content, caption):
        """A file that the report shows."""
        self.files[path], self.captions[path] = content, caption


def evaluate_run(spec, dataset, folder):
    """Evaluates the newest checkpoint of a run; writes report.json, report.md, report.html and the pictures.

    Args:
      spec: ExperimentSpec.
      dataset: Dataset; its labels and factors are used for nothing but this.
      folder: RunFolder.

    Returns:
      The report, as `infogan.evaluation.report.build_report` makes it.

    Raises:
      InputError: if the log or the checkpoint is damaged; nothing is written then.
    """
    lines = load_metrics(folder.metrics)
    findings = Findings()
    if spec.weight_averaging:
        findings.notes.append(f"The weights are running averages over the updates, of decay {spec.weight_averaging:g}.")
    with TrainedModel(spec, folder) as model:
        update = model.update
        posteriors = model.recognise(dataset.test.images)
        category_order = _find_error_rates(findings, model, dataset, posteriors)
        samples = min(FRESH_SAMPLES, spec.max_images or FRESH_SAMPLES)  # few where a smoke run uses few images
        information = model.mutual_information(samples, derive_seed(spec.seed, "mutual information"))
        findings.metrics += measure_information(spec.codes, information, posteriors)
        _find_factors(findings, model, dataset, posteriors)
        _find_spread(findings, model, dataset.train)
        _find_samples(findings, model, category_order)
        _find_embedding(findings, model, dataset.test, posteriors)
        _judge_samples(findings, model, dataset)
    if origin := folder.load_origin():
        findings.notes.append(
            f"The run goes on from update {origin['update']:,} of {origin['run']}, after which its learning rates rose "
            "again: a run of this length from the start would differ."
        )
    if lines:
        speed = float(np.median([line["speed/images_per_second"] for line in lines]))
        findings.metrics.append(Metric("training speed", speed, "images/s", better="higher"))
        for name, content in draw_curves(spec, lines).items():
            findings.add_picture(name, content, _caption_curve(name))
    if film := draw_training_film(folder.frames):
        findings.files["samples/training.gif"] = film
    report = build_report(spec, update, findings.metrics, findings.notes)
    report["categories"] = findings.categories
    findings.files[EVENTS] = encode_results(spec, report, folder.name)
    _write(folder, report, findings)
    return report


def _find_error_rates(findings, model, dataset, of_test):
    """Adds how well categories classify; returns the order of each code's categories by class."""
    codes = [code for code in model.spec.codes if isinstance(code.distribution, Categorical)]
    train, test = dataset.train, dataset.test
    if codes and (train.labels is None or test.labels is None):
        findings.notes.append("The set has no labels: error rates are left out.")
    if not codes or train.labels is None or test.labels is None:
        return {code.name: np.arange(code.distribution.dim) for code in codes}
    known, labels = index_classes(train.labels, test.labels)
    read = _read_categories(model, codes, train.images), _find_likeliest(codes, of_test)
    by_batch = [_read_categories(model, codes, images, True) for images in (train.images, test.images)]
    order = {}
    for code in codes:
        likeliest = [categories[code.name] for categories in read]
        (headline, *others), matching = measure_error_rates(code, *likeliest, *labels)
        (error, *_), _ = measure_error_rates(code, *(categories[code.name] for categories in by_batch), *labels)
        error = dataclasses.replace(error, name="error rate, batch statistics in Q")
        findings.metrics += [headline, error, *others]
        findings.categories[code.name] = np.where(matching < 0, -1, known[matching]).tolist()
        order[code.name] = order_categories(matching)
        if len(order) <= MOST_SHOWN:
            counts = count_pairs(likeliest[1], labels[1], code.distribution.dim, len(known))
            _add_confusion(findings, code.name, draw_confusion(counts, order[code.name], known), counts.T.shape)
    return order


def _add_confusion(findings, code, picture, shape):
    """Adds the picture of a confusion matrix of that many classes and categories."""
    many = [(count, what) for count, what in zip(shape, ("classes", "categories")) if count > MOST_SHOWN]
    left_out = " and ".join(f"{MOST_SHOWN} of {count:,} {what}" for count, what in many)
    caption = f"Test images: the classes that the categories of {code} hold, per cent of each class"
    caption += f"; the commonest {left_out}." if left_out else "."
    findings.add_picture(f"confusion_{code}.png", picture, caption)


def _read_categories(model, codes, images, batch_statistics=False):
    """The likeliest category of each image: dict of code name -> int array [N].

    Probabilities are held of some thousand images at a time: of a large set those of many categories are gigabytes.
    """
    parts = np.array_split(images, -(-len(images) // READ_AT_ONCE))
    read = [_find_likeliest(codes, model.recognise(part, batch_statistics)) for part in parts]
    return {code.name: np.concatenate([part[code.name] for part in read]) for code in codes}


def _find_likeliest(codes, posteriors):
    return {code.name: posteriors[code.name]["prob"].argmax(axis=1) for code in codes}


def _find_factors(findings, model, dataset, of_test):
    """Adds what the codes know of the true factors: by the test images, and by all images where these are few.

    Factors are no part of training, so training images are as good a measure as any but for Q's having seen them.
    """
    parts = [(dataset.test, of_test)] if dataset.test.factors else []
    if dataset.train.factors and (not parts or len(dataset.test) < ENOUGH_FOR_FACTORS):
        parts.append((dataset.train, model.recognise(dataset.train.images)))
    if not parts:
        return
    splits, posteriors = zip(*parts)
    groups = None if splits[0].groups is None else np.concatenate([split.groups for split in splits])
    joined = {
        code: {key: np.concatenate([part[code][key] for part in posteriors]) for key in info}
        for code, info in posteriors[0].items()
    }
    metrics, notes = measure_factors(joined, join_factors(splits), derive_seed(model.spec.seed, "halves"), groups)
    findings.metrics += metrics
    findings.notes += notes


def _find_spread(findings, model, train):
    """Adds how much samples differ, and whether they do at all."""
    chosen = np.random.default_rng(derive_seed(0, "spread")).permutation(len(train))[:IMAGES_FOR_SPREAD]
    latents = model.sample_latents(IMAGES_FOR_SPREAD, derive_seed(model.spec.seed, "spread"))
    metrics, notes = measure_spread(model.generate(latents), train.images[np.sort(chosen)])
    findings.metrics += metrics
    findings.collapsed = bool(notes)
    if model.spec.max_images is None:  # a smoke run has learned nothing
        findings.notes += notes


def _find_samples(findings, model, category_order):
    if left_out := describe_left_out(model.spec.codes):
        findings.notes.append(left_out)
    samples = draw_samples(model, derive_seed(model.spec.seed, "evaluation"), category_order)
    for name, (content, caption) in samples.items():
        if caption:
            findings.add_picture(f"samples/{name}", content, caption)
        else:
            findings.files[f"samples/{name}"] = content


def _find_embedding(findings, model, test, posteriors):
    """Adds some test images as TensorBoard's projector takes them, with their labels and what Q read from them."""
    count = min(count_embedded(model.image_shape), len(test))
    chosen = np.random.default_rng(derive_seed(0, "embedding")).permutation(len(test))[:count]
    columns = {} if test.labels is None else {"label": test.labels[chosen]}
    for code, info in posteriors.items():
        for name, values in _describe_reading(code, info).items():
            columns[name] = values[chosen]
    images = test.images[chosen]
    findings.files.update(draw_embedding(model.features(images), images, columns))


def _describe_reading(code, info):
    """What Q read of a code: dict of heading -> array [N]; the likeliest category, or a number for each dimension."""
    if "prob" in info:
        return {code: info["prob"].argmax(axis=1)}
    values = np.round(info["p"] if "p" in info else info["mean"], 2)
    names = [code] if values.shape[1] == 1 else [f"{code} {i}" for i in range(1, values.shape[1] + 1)]
    return dict(zip(names, values.T))


def _judge_samples(findings, model, dataset):
    """Adds what continuous codes do to digits, and how near samples are to real images."""
    spec = model.spec
    if spec.max_images is not None:
        findings.notes.append("A run on part of the set, as --smoke: code effects and sample quality are left out.")
        return
    has_effects = spec.dataset in DIGIT_SETS and not findings.collapsed
    continuous = [code for code in spec.codes if has_effects and not code.distribution.is_discrete]
    codes = [code.name for code in continuous if runs_over_values(code.distribution)]
    others = ", ".join(code.name for code in continuous if code.name not in codes)
    if others:
        findings.notes.append(f"What {others} does to digits is not measured: its sweep is not from -2 to 2.")
    sweeps = {code: sweep_code(model, code, derive_seed(spec.seed, "code effect")) for code in codes}
    styles = {code: _measure_sweep_style(images) for code, images in sweeps.items()}
    with ExitStack() as stack:
        classifier = _obtain_usable_classifier(findings, spec, dataset, stack)
        classes = {}
        if classifier:
            classes = {code: _classify_sweep(classifier, images) for code, images in sweeps.items()}
        if styles:
            metrics, notes = measure_code_effects(styles, classes, claims=spec.variant == "infogan")
            findings.metrics += metrics
            findings.notes += notes
            caption = "Style of generated digits against each continuous code: mean, and 10 % to 90 % of the images."
            findings.add_picture("code_effect.png", draw_effects(VALUES, styles, UNITS), caption)
        if classifier:
            _find_quality(findings, classifier, model, dataset)


def _measure_sweep_style(images):
    style = measure_style(images[..., 0].reshape(-1, *images.shape[2:4]))
    return {quality: values.reshape(images.shape[:2]) for quality, values in style.items()}


def _classify_sweep(classifier, images):
    return classifier.predict(images.reshape(-1, *images.shape[2:])).classes.reshape(images.shape[:2])


def _obtain_usable_classifier(findings, spec, dataset, stack):
    """The classifier of the set, or None with a note that says why; adds its accuracy."""
    if dataset.train.labels is None or dataset.test.labels is None:
        findings.notes.append("The set has no labels, so no classifier: sample quality is left out.")
        return None
    if (count := len(np.unique(dataset.train.labels))) > MOST_CLASSES:
        findings.notes.append(f"{count:,} classes are too many for a classifier: sample quality is left out.")
        return None
    classifier = stack.enter_context(obtain_classifier(dataset.train))
    accuracy = float(np.mean(classifier.predict(dataset.test.images).classes == dataset.test.labels))
    least = LEAST_ACCURACY_ON_DIGITS if spec.dataset in DIGIT_SETS else LEAST_ACCURACY
    if accuracy < least:
        findings.notes.append(
            f"The classifier judges only {100 * accuracy:.1f} % of the test images right, "
            f"but {100 * least:g} % are needed: what needs it is left out."
        )
        return None
    findings.metrics.append(Metric("accuracy of the classifier", accuracy, "share"))
    return classifier


def _find_quality(findings, classifier, model, dataset):
    count = min(IMAGES, len(dataset.train), len(dataset.test))
    if count < FEWEST_IMAGES:
        findings.notes.append(f"{count} test images are too few for a distance to them: sample quality is left out.")
        return
    draw = np.random.default_rng(derive_seed(0, "real images")).permutation
    of_train, of_test = (draw(len(split))[:count] for split in (dataset.train, dataset.test))
    latents = model.sample_latents(count, derive_seed(model.spec.seed, "sample quality"))
    parts = -(-count // count_batch(model.image_shape))
    generated = classifier.predict_batches(map(model.generate, np.array_split(latents, parts)))
    train, test = (
        classifier.predict_batches(split.images[places] for places in np.array_split(chosen, parts))
        for split, chosen in ((dataset.train, of_train), (dataset.test, of_test))
    )
    findings.metrics += measure_sample_quality(generated, train, test)


def _caption_curve(name):
    return {
        "losses.png": "Losses over the training.",
        "mutual_information.png": "L_I over the training, on what D and Q saw.",
        "discriminator_accuracy.png": "How often D was right over the training.",
    }[name]


def _write(folder, report, findings):
    """Writes all files, report.json last: where it is, the rest is."""
    # The paper's figures first.
    shown = dict(sorted(findings.captions.items(), key=lambda picture: not picture[0].startswith("samples/")))
    pictures = [(path, findings.files[path], caption) for path, caption in shown.items()]
    files = {
        **findings.files,
        "report.html": render_html(report, pictures),
        "report.md": format_markdown(report, shown),
        "report.json": json.dumps(report, indent=1, allow_nan=False) + "\n",
    }
    for path, content in files.items():
        (folder.log / path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder.log / path, content)
