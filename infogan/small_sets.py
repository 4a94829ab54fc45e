"""What recipes for data sets of some hundred to some ten thousand images share."""

SMALL_SET = {"constant_rate_share": 0.5, "augmentation": 1.0, "batch_size": 64}
"""Fields of an ExperimentSpec; what each value is for: docs/experiments.md."""
