"""Everything that is measured and drawn at the end of a run."""

import numpy as np

from infogan.distributions import LOG_2PI
from infogan.evaluation.error_rate import compute_error_rate, count_pairs, match_categories
from infogan.evaluation.report import Metric, compare, write_report
from infogan.evaluation.samples import save_samples
from infogan.evaluation.trained_model import TrainedModel
from infogan.pictures.curves import save_curves
from infogan.seeds import derive_seed
from infogan.training.run_log import load_metrics

FRESH_SAMPLES = 10_000


def evaluate_run(spec, dataset, folder):
    """Evaluates the newest checkpoint of a run; writes report.json, the curves and `samples/`.

    Args:
      spec: ExperimentSpec.
      dataset: Dataset; its labels are used for nothing but this.
      folder: RunFolder.

    Returns:
      The report's rows, as `infogan.evaluation.report.compare` makes them.
    """
    lines = load_metrics(folder.metrics)
    with TrainedModel(spec, folder) as model:
        error_metrics, category_order, categories = _measure_error_rates(model, dataset)
        information = model.mutual_information(FRESH_SAMPLES, derive_seed(spec.seed, "mutual information"))
        save_samples(model, folder, derive_seed(spec.seed, "evaluation"), category_order)
        update = model.update
    metrics = [*error_metrics, *_information_metrics(spec, information)]
    if lines:
        speed = float(np.median([line["speed/images_per_second"] for line in lines]))
        metrics.append(Metric("training speed", speed, "images/s"))
        save_curves(folder.log, spec, lines)
    rows = compare(metrics, spec.paper_values)
    write_report(folder.log / "report.json", spec, update, rows, categories)
    return rows


def _information_metrics(spec, information):
    return [
        Metric("L_I", information[code.name], "nats", code.name, _range_of_information(code)) for code in spec.codes
    ]


def _range_of_information(code):
    """What L_I can be: at most H(c) for a discrete code; with unit deviation a range of its own."""
    entropy = code.distribution.prior_entropy
    if code.distribution.is_discrete:
        return f"at most H = {entropy:.3f}"
    if not getattr(code.distribution, "fix_std", False):
        return ""
    blind, perfect = (entropy - 0.5 * (LOG_2PI + error) for error in (code.distribution.prior_variance, 0.0))
    return f"unit deviation: {blind:.3f} knows nothing, {perfect:.3f} all"


def _measure_error_rates(model, dataset):
    """Error of each categorical code; the order in which its categories match the classes; the class of each."""
    metrics, category_order, categories = [], {}, {}
    number_of_classes = int(max(dataset.train.labels.max(), dataset.test.labels.max())) + 1
    for batch_statistics in (False, True):
        of_train = model.recognise(dataset.train.images, batch_statistics)
        of_test = model.recognise(dataset.test.images, batch_statistics)
        for code in model.spec.codes:
            if "prob" not in of_train[code.name]:  # only categories can be matched to classes
                continue
            found = of_train[code.name]["prob"].argmax(axis=1)
            counts = count_pairs(found, dataset.train.labels, code.distribution.dim, number_of_classes)
            matching = match_categories(counts)
            error = compute_error_rate(of_test[code.name]["prob"].argmax(axis=1), dataset.test.labels, matching)
            if batch_statistics:
                metrics.append(Metric("error rate, batch statistics in Q", error, "share", code.name))
            else:
                metrics.append(Metric("error rate", error, "share", code.name))
                categories[code.name] = matching.tolist()
                category_order[code.name] = np.argsort(
                    np.where(matching < 0, number_of_classes, matching), kind="stable"
                )
    return metrics, category_order, categories
