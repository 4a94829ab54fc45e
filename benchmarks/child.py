"""One measurement in a process of its own: `python -m benchmarks.child MODULE OPTIONS`; prints its result as JSON."""

import importlib
import json
import sys

from infogan.system.messages import InputError


def main(module, options):
    """Runs `measure` of a module of this package.

    Args:
      module: name of the module.
      options: JSON object, the keyword arguments.

    Returns:
      The result; {"unavailable": why} where the machine lacks what the measurement needs.
    """
    try:
        return importlib.import_module(f"benchmarks.{module}").measure(**json.loads(options))
    except InputError as error:
        return {"unavailable": error.problem}
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return {"unavailable": "PyTorch is not installed"}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
