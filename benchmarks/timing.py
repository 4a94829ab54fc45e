"""Times of repeated calls, and medians of what several rounds measured."""

import resource
import sys
import time

import numpy as np


def time_calls(call, warm_up, calls):
    """Seconds of each of `calls` calls, after `warm_up` calls that are not counted."""
    for _ in range(warm_up):
        call()
    seconds = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return seconds


def describe_updates(seconds, batch_size):
    """Median of an update's seconds, images/s by it, and the process's largest memory in bytes."""
    median = float(np.median(seconds))
    return {"update_seconds": median, "images_per_second": batch_size / median, "peak_bytes": peak_bytes()}


def peak_bytes():
    """Largest resident memory of this process so far."""
    return largest_resident_bytes(resource.getrusage(resource.RUSAGE_SELF))


def largest_resident_bytes(usage):
    """`ru_maxrss` of a resource usage in bytes: Linux counts KiB, macOS bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def medians(rounds):
    """The median of each number over rounds.

    Args:
      rounds: list of equal nested dicts whose leaves are numbers, None or text.

    Returns:
      Such a dict; texts and Nones are the first round's.
    """
    first = rounds[0]
    if isinstance(first, dict):
        return {key: medians([one[key] for one in rounds]) for key in first}
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return float(np.median(rounds))
    return first
