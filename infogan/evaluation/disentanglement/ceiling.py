"""The ceiling of each score on a data set: what an encoder gets whose codes are the values of the factors themselves.

It lies below 1 where a score has less resolution than the factors have: 20 bins do not tell 32 positions apart.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import sklearn

from infogan.evaluation.disentanglement.protocols import Protocol, score
from infogan.evaluation.disentanglement.sample import Sample
from infogan.system.files import find_cache_folder, json_number, write_json
from infogan.system.messages import warn


def find_ceilings(sample: Sample, protocol: Protocol, seed: int = 0) -> dict[str, float]:
    """The scores of the perfect encoder on the images of a sample; computed once for a set, and kept in the cache.

    Args and Returns: as `score`.
    """
    path = find_cache_folder() / "disentanglement" / f"{_fingerprint(sample, protocol, seed)}.json"
    try:
        kept = json.loads(path.read_text())
        if isinstance(kept, dict) and all(isinstance(value, float | None) for value in kept.values()):
            return {name: math.nan if value is None else value for name, value in kept.items()}
    except (OSError, ValueError):
        pass
    values = np.stack([factor.values for factor in sample.factors.values()], axis=1)
    ceilings = score(Sample(values, sample.factors), protocol, seed, title=f"ceilings of {protocol.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {name: json_number(value) for name, value in ceilings.items()})
    except OSError as error:
        warn(f"{path}: it cannot be written ({error.strerror}): ceilings are computed anew each time.")
    return ceilings


def _fingerprint(sample: Sample, protocol: Protocol, seed: int) -> str:
    """Of all that decides a ceiling, this code included."""
    digest = hashlib.sha256(repr((protocol, seed, sklearn.__version__)).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for name, factor in sample.factors.items():
        digest.update(
            f"{name} {factor.describe()}".encode() + np.ascontiguousarray(factor.values, np.float64).tobytes()
        )
    return digest.hexdigest()[:32]
