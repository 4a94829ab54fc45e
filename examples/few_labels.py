"""Use what Q reads from images as features for a classifier that has few labels.

python examples/few_labels.py ckt/mnist/NAME
"""

import argparse

import numpy as np
from sklearn.linear_model import LogisticRegression

import infogan
from infogan.datasets import load_dataset


def read_codes(run, images):
    """Float array [N, features]: the probabilities of categorical codes, the means of continuous ones."""
    posterior = run.encode(images)
    first = [code.distribution.dist_info_keys[0] for code in run.spec.codes]
    return np.concatenate([posterior[code.name][key] for code, key in zip(run.spec.codes, first)], axis=1)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--labels", type=int, default=50, help="how many labelled images there are (default: 50)")
    options = parser.parse_args(arguments)
    with infogan.load(options.run) as run:
        dataset = load_dataset(run.spec)
        few, test = dataset.train.part(None, options.labels), dataset.test
        scores = {}
        for name, features in (
            ("pixels", lambda split: split.images.reshape(len(split), -1) / 255.0),
            ("codes", lambda split: read_codes(run, split.images)),
        ):
            classifier = LogisticRegression(max_iter=1000).fit(features(few), few.labels)
            scores[name] = classifier.score(features(test), test.labels)
    for name, score in scores.items():
        print(f"{len(few)} labels, {name}: {100 * score:.1f} % of {len(test):,} test images right")
    return scores


if __name__ == "__main__":
    main()
