"""What recipes for some thousand colour images share; what each value is for: docs/experiments.md."""

from infogan.schedule import Schedule

SMALL_COLOUR_SET = {
    "constant_rate_share": 0.5,
    "augmentation": 1.0,
    "turning_schedule": Schedule.from_text("0:0.3"),
    "batch_size": 64,
}
"""Fields of an ExperimentSpec."""
