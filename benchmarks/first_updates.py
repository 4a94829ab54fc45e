"""What the first updates of a training log, for one device beside another."""

from benchmarks.project_training import open_training
from infogan.spec import ExperimentSpec


def measure(spec, updates):
    """The logged quantities of each of the first updates.

    Args:
      spec: JSON of an ExperimentSpec.
      updates: how many.

    Returns:
      dict: `names` of the quantities; `values`, a list of them for each update.
    """
    with open_training(ExperimentSpec.from_json(spec)) as training:
        return {"names": training.call.names, "values": [training.run(1)[0].tolist() for _ in range(updates)]}
