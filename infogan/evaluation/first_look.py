"""What is measured of a run while it trains: one line every so many updates, of a sample of the training images.

The test images wait for the report: whoever stops a run by what he sees of it must not have seen them.
"""

import functools
from collections.abc import Mapping

import numpy as np

from infogan.codes import read_values
from infogan.data import Dataset, Split
from infogan.distributions import DistInfo
from infogan.spec import ExperimentSpec
from infogan.system.tf1 import derive_seed
from infogan.training.loop import FirstLook

SAMPLE = 2000
"""Training images that are looked at; by one half of them a code is matched, on the other half it is scored."""
MOST_TOLD = 5
"""Numbers in the line; all of them are logged."""


def can_look(spec: ExperimentSpec, dataset: Dataset) -> bool:
    """Whether the set knows anything of its images by which a code of the spec can be measured."""
    has_categories = any(code.distribution.kind == "categorical" for code in spec.codes)
    return bool(dataset.train.factors) or (has_categories and dataset.train.labels is not None)


def plan_first_look(spec: ExperimentSpec, dataset: Dataset, every: int) -> FirstLook | None:
    """What an `InfoGANTrainer` needs to measure a run every so many updates; None where it need not, or cannot."""
    if every == 0 or not can_look(spec, dataset):
        return None
    order = np.random.default_rng(derive_seed(spec.seed, "first look")).permutation(len(dataset.train))
    sample = dataset.train.select(order[:SAMPLE])
    tests = f"the report uses {len(dataset.test):,} test images"
    return FirstLook(every, sample.images, functools.partial(measure_first, spec, sample, tests))


def measure_first(
    spec: ExperimentSpec, sample: Split, tests: str, posteriors: Mapping[str, DistInfo]
) -> tuple[dict[str, float], str]:
    """The error rate of each categorical code, where the images have labels, and the scores of their true factors.

    Args:
      sample: Split of images in random order.
      tests: what is said of the report's images.
      posteriors: dict of code name -> `dist_info` of Q on these images.

    Returns:
      (dict of `evaluation/<metric>` -> float, the line).
    """
    # Here: they cost seconds and 80 MB, which no training should wait for.
    from infogan.evaluation.factors import Reading, measure_factors
    from infogan.evaluation.recognition import categorical_codes, compute_error_rate, index_classes, match_code
    from infogan.evaluation.report import format_value

    read, half = read_values(spec.codes, posteriors), len(sample) // 2
    values, told = {}, []
    if sample.labels is not None:
        _, (classes,) = index_classes(sample.labels)
        for code in categorical_codes(spec):
            match = match_code(code, read[code.name][:half], read[code.name][half:], classes[:half])
            error = compute_error_rate(match.of_test, classes[half:], match.classes)
            values[f"evaluation/error_rate/{code.name}"] = error
            told.append(f"error of {code.name} {100 * error:.1f} %")
    readings = {code.name: Reading(code.distribution.kind, read[code.name]) for code in spec.codes}
    metrics, _ = measure_factors(readings, sample.factors, derive_seed(spec.seed, "halves"), sample.groups)
    for metric in metrics:
        if metric.code is None:  # the best of all codes
            values[f"evaluation/{metric.name}"] = metric.value
            told.append(f"{metric.name.removesuffix(', best code')} {format_value(metric.value, metric.unit)}")
    listed = ", ".join(told[:MOST_TOLD]) or "nothing to tell"
    return values, f"{listed} so far ({len(sample) - half:,} training images; {tests})"
