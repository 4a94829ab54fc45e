"""Use what Q reads from images as features for a classifier that has few labels.

python examples/few_labels.py ckt/mnist/NAME
"""

import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

import infogan
from infogan.cli import Parser, run_command
from infogan.data import load_dataset

FEWEST_LABELS, MOST_LABELS = 10, 10_000


def read_codes(run, images):
    """Float array [N, features]: the probabilities of categorical codes, the means of continuous ones."""
    posterior = run.encode(images)
    first = [code.distribution.dist_info_keys[0] for code in run.spec.codes]
    return np.concatenate([posterior[code.name][key] for code, key in zip(run.spec.codes, first)], axis=1)


def compare(path, labels):
    """Shares of the test images that classifiers with so many labels get right: dict of features' name -> float."""
    if not FEWEST_LABELS <= labels <= MOST_LABELS:
        raise infogan.InputError(
            "--labels", f"{labels} was given, but from {FEWEST_LABELS} to {MOST_LABELS:,} are needed."
        )
    with infogan.load(path) as run:
        if run.spec.dataset != "mnist":
            raise infogan.InputError(path, f"it is a run of {run.spec.dataset}, but one of mnist is needed here.")
        dataset = load_dataset(run.spec)
        few, test = dataset.train.part(None, labels), dataset.test
        scores = {}
        for name, features in (
            ("pixels", lambda split: split.images.reshape(len(split), -1) / 255.0),
            ("codes", lambda split: read_codes(run, split.images)),
        ):
            classifier = LogisticRegression(max_iter=1000).fit(features(few), few.labels)
            scores[name] = classifier.score(features(test), test.labels)
            print(f"{len(few)} labels, {name}: {100 * scores[name]:.1f} % of {len(test):,} test images right")
    return scores


def main(arguments=None):
    parser = Parser(__doc__)
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--labels", type=int, default=50, help="how many labelled images there are (default: 50)")
    return run_command(parser, lambda options: compare(options.run, options.labels), arguments)


if __name__ == "__main__":
    sys.exit(main())
