"""How fast a trained model classifies and generates images."""

from benchmarks.timing import time_calls
from infogan.data import load_dataset
from infogan.run import TrainedRun
from infogan.training.run_folder import RunFolder


def measure(folder, name, images, calls):
    """Images per second of `TrainedRun` on a run that `startup` left.

    Args:
      folder: what `startup` was given.
      name: name of the run.
      images: how many images a call is given.
      calls: repetitions, of which the median counts.

    Returns:
      dict: `recognised_per_second`, `generated_per_second`.
    """
    run = RunFolder(f"{folder}/logs", f"{folder}/ckt", name)
    test = load_dataset(run.load_spec()).test.images[:images]
    with TrainedRun(run) as trained:
        latents = trained.sample_latents(images, seed=0)
        recognise = sorted(time_calls(lambda: trained.encode(test), 1, calls))
        generate = sorted(time_calls(lambda: trained.generate_from(latents), 1, calls))
    middle = calls // 2
    return {
        "recognised_per_second": len(test) / recognise[middle],
        "generated_per_second": images / generate[middle],
    }
