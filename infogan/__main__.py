"""The command `infogan`: its first word says what to do, and the rest of the line belongs to that.

What a word needs is imported when it is given, so --help and a wrong word take no time.
"""

import importlib
import os
import sys
from pathlib import Path

if not __package__:  # `python path/to/infogan`, which puts the inside of the package on the path
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import infogan
from infogan.cli import Parser, complete
from infogan.recipes import MODULES, load_experiment
from infogan.system.messages import note, refuse_name

GROUPS = {
    "train an experiment of the paper": {
        "mnist": "handwritten digits: codes for digit, rotation and width",
        "svhn": "house numbers",
        "celeba": "faces of celebrities",
        "faces": "rendered 3D faces",
        "chairs": "rendered chairs",
        "figure1": "the paper's Figure 1: L_I of InfoGAN and of a plain GAN",
    },
    "train on other images": {
        "images": "your own pictures",
        "fashion-mnist": "clothes",
        "cifar10": "animals and vehicles",
        "dsprites": "dSprites; also the recipes of InfoGAN-CR",
        "shapes3d": "3D Shapes",
        "cars3d": "Cars3D",
        "smallnorb": "SmallNORB",
        "mpi3d": "MPI3D",
    },
    "use a trained run": {
        "generate": "draw samples and sweeps: PNG, GIF, MP4 or arrays",
        "explore": "move the codes with the mouse, in your browser",
        "export": "write a SavedModel or ONNX files for other programs",
    },
    "measure runs": {
        "evaluate": "measure finished runs again",
        "disentanglement": "score how well each code stands for one true factor",
        "study": "run an experiment for several seeds and aggregate them",
        "select": "choose the best of several runs, without labels",
        "paper": "run every experiment of the paper and compare the numbers",
    },
}
COMMANDS = {name: about for group in GROUPS.values() for name, about in group.items()}


def main() -> int:
    """The command line; returns the exit status."""
    program = "python -m infogan" if sys.argv[0].endswith("__main__.py") else "infogan"
    words = _words_before_completion() if "_ARGCOMPLETE" in os.environ else sys.argv[1:]
    if words and not words[0].startswith("-"):
        name = words[0].replace("_", "-")
        if name in COMMANDS:
            sys.argv[:] = [f"{program} {name}", *words[1:]]  # the name that --help and messages show
            return _run(name)
        note(f"{program}: {refuse_name(words[0], COMMANDS)} See --help.")
        return 2
    parser = _build_parser(program)
    complete(parser)
    parser.parse_args(words[:1] or ["--help"])
    return 0


def _run(name):
    if (experiment := name.replace("-", "_")) in MODULES:
        from infogan.cli.train import main as train

        return train(load_experiment(experiment))
    return importlib.import_module(f"infogan.cli.{name}").main()


def _build_parser(program):
    parser = Parser("InfoGAN (Chen et al. 2016): codes that each control one thing in an image.")
    parser.prog, parser.usage = program, f"{program} COMMAND ..."
    parser.add_argument(
        "command", choices=COMMANDS, metavar="COMMAND", help=f"see below; {program} COMMAND --help says more"
    )
    parser.add_argument("--version", action="version", version=f"infogan {infogan.__version__}")
    width = max(map(len, COMMANDS))
    listed = (
        "\n".join([f"{title}:", *(f"  {name:{width}}  {about}" for name, about in group.items())])
        for title, group in GROUPS.items()
    )
    parser.epilog = "\n\n".join(listed)
    return parser


def _words_before_completion():
    """The command on the line that a shell completes, if it is there already: then it completes the words after it."""
    words = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])].rpartition(" ")[0].split()[1:]
    if not words or words[0].replace("_", "-") not in COMMANDS:
        return []
    os.environ["_ARGCOMPLETE"] = "2"  # the word of the line that argcomplete takes for the program
    return words[:1]


if __name__ == "__main__":
    sys.exit(main())
