"""Runs an experiment for several seeds and aggregates them: mean, deviation and worst of each number.

What is finished is kept in logs/<experiment>/<name>.json after each seed, and the same command goes on where it
stopped.
Further arguments are the launcher's own, as in `run_study.py faces --seeds 0-4 --name faces_azimuth --factor azimuth`.
"""

import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path.insert(0, str(clone))  # the package beside this folder need not be installed

from infogan.cli import Parser, argument, run_command
from infogan.cli.study import Study, parse_seeds, run_study
from infogan.evaluation.report import format_summary
from infogan.system.checks import FILE_NAME, PATH
from infogan.system.messages import say
from infogan.training.signals import StopSignals

HERE = Path(__file__).resolve().parent
EXPERIMENTS = sorted({path.stem[len("run_") : -len("_exp")] for path in HERE.glob("run_*_exp.py")} - {"figure1"})


def main():
    """The command line; returns the exit status."""
    parser = Parser(__doc__)
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--seeds", type=parse_seeds, required=True, metavar="SEEDS", help="such as 0-9 or 0,3,7-8")
    parser.add_argument("--recipe", help="of the experiment (default: the launcher's own)")
    parser.add_argument(
        "--name",
        type=argument(FILE_NAME),
        help="of the study (default: <experiment>, with a recipe <experiment>_<recipe>)",
    )
    parser.add_argument(
        "--log-dir", type=argument(PATH), help="root of the runs' folders, and the study's (default: logs/<experiment>)"
    )
    parser.add_argument(
        "--checkpoint-dir", type=argument(PATH), help="root of their checkpoints (default: ckt/<experiment>)"
    )
    return run_command(parser, _run, passes_on=True, stop=StopSignals(advice="The same command goes on from there."))


def _run(options, more):
    recipe = ("--recipe", options.recipe) if options.recipe else ()
    name = options.name or "_".join((options.experiment, *recipe[1:]))
    study = Study(
        name,
        HERE / f"run_{options.experiment}_exp.py",
        (*recipe, *more),
        options.seeds,
        options.log_dir or Path("logs") / options.experiment,
        options.checkpoint_dir or Path("ckt") / options.experiment,
    )
    document = run_study(study)
    seeds = ", ".join(str(run["seed"]) for run in document["runs"])
    say(f"\n{name}, seeds {seeds}\n\n{format_summary(document['summary'])}\n\nkept in {study.path}")


if __name__ == "__main__":
    sys.exit(main())
