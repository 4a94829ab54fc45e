"""Figure 1 (arXiv:1606.03657): L_I of c ~ Cat(10) alone over 936 updates, InfoGAN against a GAN with Q trained apart.

Runs or resumes `run_mnist_exp.py --recipe figure1`, with and without --baseline gan, for each seed; then writes
logs/mnist/figure1.json and figure1.png and prints the values beside the paper's.
"""

import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path.insert(0, str(clone))  # the package beside this folder need not be installed

from infogan.cli.figure1 import format_comparison, measure_curves, write_figure
from infogan.cli import Parser, argument, run_command
from infogan.cli.study import Study, parse_seeds
from infogan.system.checks import FILE_NAME, PATH
from infogan.system.messages import say
from infogan.training.signals import StopSignals

HERE = Path(__file__).resolve().parent
VARIANTS = {"infogan": (), "gan": ("--baseline", "gan")}


def main():
    """The command line; returns the exit status."""
    parser = Parser(__doc__)
    parser.add_argument("--seeds", type=parse_seeds, default=(0, 1, 2), help="such as 0-2 (default: 0-2)")
    parser.add_argument("--name", type=argument(FILE_NAME), default="figure1", help="of the study (default: figure1)")
    parser.add_argument(
        "--log-dir", type=argument(PATH), default=Path("logs/mnist"), help="root of the runs' folders, and the figure's"
    )
    parser.add_argument(
        "--checkpoint-dir", type=argument(PATH), default=Path("ckt/mnist"), help="root of their checkpoints"
    )
    return run_command(parser, _run, passes_on=True, stop=StopSignals(advice="The same command goes on from there."))


def _run(options, more):
    studies = {
        variant: Study(
            f"{options.name}_{variant}",
            HERE / "run_mnist_exp.py",
            ("--recipe", "figure1", *arguments, *more),
            options.seeds,
            options.log_dir,
            options.checkpoint_dir,
        )
        for variant, arguments in VARIANTS.items()
    }
    curves = measure_curves(studies)
    path = write_figure(options.log_dir, options.name, options.seeds, curves)
    say(f"\n{format_comparison(curves)}\n\nkept in {path}")


if __name__ == "__main__":
    sys.exit(main())
