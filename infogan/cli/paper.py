"""Every experiment of the paper, and one page that sets what it states beside what was measured.

Runs what is missing, each seed once, as `infogan study` does, and writes logs/reproduction.html. The same command
resumes where it stopped. With --studies FOLDER it runs nothing and takes the documents that are there.
"""

import argparse
import dataclasses
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from infogan.cli import Parser, argument, check_folder, run_command
from infogan.cli.figure1 import plan_studies, read_curves, write_figure
from infogan.cli.study import Study, load_study, parse_seeds, run_studies, start_command
from infogan.data import default_folder, load_dataset
from infogan.evaluation.metric import Picture
from infogan.evaluation.reproduction import Section, render_page
from infogan.evaluation.verdicts import VERDICTS, Evidence, judge
from infogan.recipes import load_experiment, rendered
from infogan.recipes.evidence import read_figure1, read_study
from infogan.recipes.statements import DEPARTURES, SECTIONS, STATEMENTS
from infogan.spec import ExperimentSpec
from infogan.system.checks import PATH
from infogan.system.files import write_atomically
from infogan.system.messages import InputError, TrainingFailed, refuse_name, say
from infogan.training.signals import StopSignals


class Plan(NamedTuple):
    """A study of the paper's experiments.

    Attributes:
      name: of the study, whose document is logs/<experiment>/<name>.json.
      section: the part of the page it belongs to.
      spec: what it trains.
      arguments: what the launcher is given.
      seeds: one a run.
      minutes: that a seed takes on one core, about.
      is_asked: whether it runs only if its name is given.
    """

    name: str
    section: str
    spec: ExperimentSpec
    arguments: tuple[str, ...]
    seeds: tuple[int, ...]
    minutes: int
    is_asked: bool = False


def _plan(name: str, experiment: str, recipe: str | None, seeds: int, minutes: int, **more: Any) -> Plan:
    """A study of a recipe; without one of the first, as the launcher has it without flags."""
    known = load_experiment(experiment)
    spec = known.recipes[recipe] if recipe else known.specs[0]
    return Plan(name, experiment, spec, ("--recipe", recipe) if recipe else (), tuple(range(seeds)), minutes, **more)


def _plan_factor(experiment: str, rows: Mapping[str, Any], factor: str, minutes: int) -> Plan:
    """The paper's own network for a factor: a row of Table 5 or 7."""
    plan = _plan(f"{experiment}_paper_{factor}", experiment, "paper", 5, minutes, is_asked=True)
    spec = dataclasses.replace(plan.spec, factor=factor, **rows[factor])
    return plan._replace(spec=spec, arguments=(*plan.arguments, "--factor", factor))


FIGURE_1 = _plan("figure1", "mnist", "figure1", 3, 10)._replace(section="figure1")
PLANS = (
    _plan("mnist_default", "mnist", "default", 10, 18),
    FIGURE_1,
    _plan("svhn", "svhn", None, 5, 24),
    _plan("celeba", "celeba", None, 5, 33),
    _plan("faces", "faces", None, 5, 8),
    _plan("chairs", "chairs", None, 5, 5),
    _plan("mnist_robust", "mnist", "robust", 10, 17, is_asked=True),
    _plan("mnist_fast", "mnist", "fast", 10, 21, is_asked=True),
    _plan("mnist_reference", "mnist", "reference", 5, 14, is_asked=True),
    _plan("mnist_paper", "mnist", "paper", 5, 14, is_asked=True),
    *(_plan_factor("faces", rendered.TABLE_5, factor, 29) for factor in ("azimuth", "elevation", "lighting")),
    # Of Table 6's networks on 64x64, ten times the cost of an image: not measured, but reckoned.
    *(_plan_factor("chairs", rendered.TABLE_7, factor, 850) for factor in rendered.TABLE_7),
)
"""What there is, in the order in which studies decide; minutes are those of docs/studies."""
NAMES = {**{plan.section: plan for plan in PLANS if not plan.is_asked}, **{plan.name: plan for plan in PLANS}}


class Shown(NamedTuple):
    """A picture of the page.

    Attributes:
      run: its file, below a run's log folder; for Figure 1 beside the document.
      kept: its file below the folder `pictures` beside that of finished studies.
      caption: what it shows.
    """

    run: str
    kept: str
    caption: str


ROWS = "A sample a row; from left to right one code changes."
PICTURES = {
    "mnist": (
        Shown("samples/digit.png", "digit.png", "Fig. 2(a): the categorical code. " + ROWS),
        Shown("samples/rotation.png", "rotation.png", "Fig. 2(c) or (d): the first continuous code, from -2 to 2."),
        Shown("samples/width.png", "width.png", "Fig. 2(c) or (d): the second continuous code, from -2 to 2."),
    ),
    "figure1": (Shown("figure1.png", "figure1.png", "Fig. 1: L_I over the updates, InfoGAN and a plain GAN."),),
    "svhn": (Shown("traversals.png", "experiments/svhn_codes.jpg", "Fig. 5: the light, then categories. " + ROWS),),
    "celeba": (
        Shown("traversals.png", "experiments/celeba_categories.jpg", "Fig. 6: categorical codes, one a panel. " + ROWS),
    ),
    "faces": (
        Shown(
            "samples/figure_3.png",
            "experiments/faces.jpg",
            "Fig. 3: azimuth, elevation, light, width, from -1 to 1.",
        ),
    ),
    "chairs": (Shown("samples/figure_4.png", "experiments/chairs.png", "Fig. 4: the code that turns the chair."),),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = Parser(__doc__)
    parser.add_argument("--studies", type=argument(PATH), metavar="FOLDER", help="take finished studies; run nothing")
    parser.add_argument(
        "--only",
        nargs="+",
        type=_parse_name,
        metavar="NAME",
        help=f"what to run: {', '.join(NAMES)} (default: "
        f"{', '.join(plan.name for plan in PLANS if not plan.is_asked)})",
    )
    parser.add_argument(
        "--seeds", type=parse_seeds, help="such as 0-2 (default: 0-9 on MNIST, 0-2 of Figure 1, else 0-4)"
    )
    parser.add_argument("--smoke", action="store_true", help="six updates of each run, to check that everything works")
    parser.add_argument(
        "--output", type=argument(PATH), metavar="FILE", help="the page (default: logs/reproduction.html)"
    )
    stop = StopSignals(advice="The same command resumes from there.")
    return run_command(parser, _write_page, arguments, stop=stop)


def _parse_name(text):
    name = text.replace("-", "_")
    if name not in NAMES:
        raise argparse.ArgumentTypeError(refuse_name(text, NAMES))
    return name


def _write_page(options):
    given = [f"--{name}" for name in ("only", "seeds", "smoke") if getattr(options, name)]
    if options.studies and given:
        raise InputError("--studies", f"{given[0]} was given with it, but nothing is run then. Leave one of them out.")
    output = options.output or Path("logs") / ("smoke.html" if options.smoke else "reproduction.html")
    if output.is_dir():
        raise InputError("--output", f"{output} was given, but it is a folder. Give the name of a file.")
    check_folder("--output", output.parent)
    if options.studies:
        _write(output, _read_folder(options.studies), {}, options.studies.resolve().parent / "pictures")
        return
    plans = [NAMES[name] for name in dict.fromkeys(options.only)] if options.only else _find_default()
    if options.seeds:
        plans = [plan._replace(seeds=options.seeds) for plan in plans]
    if options.smoke:
        root = Path(tempfile.mkdtemp(prefix="infogan-smoke-"))
        say(f"a smoke run, whose numbers mean nothing; what the runs print is in {root}")
        plans = [
            plan._replace(arguments=(*plan.arguments, "--smoke"), seeds=plan.seeds[:1], minutes=1) for plan in plans
        ]
        _run(plans, root, output)
        shutil.rmtree(root)
    else:
        _run(plans, Path(), output)


def _find_default():
    return [plan for plan in PLANS if not plan.is_asked]


def _run(plans: Sequence[Plan], root: Path, output: Path) -> None:
    """Runs what is missing of the plans below a root, and writes the page also if some of it failed."""
    remarks = {plan.section: problem for plan in plans if (problem := _find_missing_data(plan.spec))}
    ready = [plan for plan in plans if plan.section not in remarks]
    studies = {plan.name: _make_studies(plan, root) for plan in ready}
    _announce(plans, studies, remarks)
    failure = None
    try:
        run_studies([study for several in studies.values() for study in several.values()])
        if FIGURE_1.name in studies:
            _draw_figure1(studies[FIGURE_1.name])
    except (InputError, TrainingFailed) as error:
        failure = error
    _write(output, _read_logs(root), remarks)
    if failure:
        raise failure


def _make_studies(plan: Plan, root: Path) -> dict[str, Study]:
    """The studies of a plan, by variant: of Figure 1 there are two."""
    folder = plan.spec.name
    logs, checkpoints = root / "logs" / folder, root / "ckt" / folder
    if plan.section == "figure1":
        studies = plan_studies(plan.name, plan.seeds, plan.arguments[2:], logs, checkpoints)
    else:
        studies = {"infogan": Study(plan.name, start_command(folder), plan.arguments, plan.seeds, logs, checkpoints)}
    return {variant: study._replace(instead="move its document away") for variant, study in studies.items()}


def _find_missing_data(spec: ExperimentSpec) -> str:
    """Where to get the images of an experiment; "" if they are there, or a folder that is to hold them."""
    folder = default_folder(spec.dataset)
    if folder is None or folder.exists():
        return ""
    try:
        load_dataset(spec)
    except InputError as error:
        return f"no data: {error.problem}"
    return ""


def _announce(plans, studies, remarks):
    """Says what is run, and how long it takes."""
    minutes = 0.0
    for plan in plans:
        if plan.section in remarks:
            say(f"{plan.name}: {remarks[plan.section]}")
            continue
        missing = [seed for study in studies[plan.name].values() for seed in _list_missing(study)]
        share = plan.minutes * len(missing) / len(studies[plan.name])
        minutes += share
        say(f"{plan.name}: {len(missing)} run{'s' * (len(missing) != 1)}, about {share:,.0f} minutes of one core")
    say(f"about {minutes / 60:.1f} hours of one core in all; finished seeds are kept, and not trained again")
    if others := [plan.name for plan in PLANS if plan not in plans and plan.is_asked]:
        say(f"run only if asked for, with --only: {', '.join(others)}")


def _list_missing(study: Study) -> list[int]:
    kept = {run["seed"] for run in (load_study(study.path) or {"runs": []})["runs"]}
    return [seed for seed in study.seeds if seed not in kept]


def _draw_figure1(studies: Mapping[str, Study]) -> None:
    study = studies["infogan"]
    write_figure(study.log_root, FIGURE_1.name, study.seeds, read_curves(studies))


def _read_logs(root: Path) -> list[tuple[Path, Evidence]]:
    """(document, what it says) of all plans that have one."""
    paths = [root / "logs" / plan.spec.name / f"{plan.name}.json" for plan in PLANS]
    return _read_documents(path for path in paths if path.exists())


def _read_folder(folder: Path) -> list[tuple[Path, Evidence]]:
    """(document, what it says) of all studies in a folder; those of PLANS come first."""
    check_folder("--studies", folder)
    if not folder.exists():
        raise InputError("--studies", f"{folder} was given, but there is no such folder. Give docs/studies.")
    names = [plan.name for plan in PLANS]
    paths = [path for path in folder.glob("*.json") if path.stem in names or not _is_of_something_else(path)]
    found = _read_documents(sorted(paths, key=_find_order))
    if not found:
        raise InputError("--studies", f"{folder} was given, but it holds no study of the paper. Give docs/studies.")
    return found


def _find_order(path: Path) -> tuple[int, str]:
    """Where a study comes: as in PLANS, and mnist_default_again right after mnist_default."""
    places = [place for place, plan in enumerate(PLANS) if path.stem.startswith(plan.name)]
    return max(places, default=len(PLANS)), path.stem


def _is_of_something_else(path: Path) -> bool:
    """Whether a document is whole, and none of a study."""
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        return False
    return isinstance(document, dict) and "runs" not in document


def _read_documents(paths: Iterable[Path]) -> list[tuple[Path, Evidence]]:
    found = []
    for path in paths:
        if path.stem == FIGURE_1.name:
            parts = [path.with_name(f"{path.stem}_{variant}.json") for variant in ("infogan", "gan")]
            made_of = [evidence for _, evidence in _read_documents(part for part in parts if part.exists())]
            found.append((path, read_figure1(path, made_of)))
        elif (document := load_study(path)) and document["runs"] and (evidence := read_study(path, document)):
            found.append((path, evidence))
    return found


def _write(output, found, remarks, kept=None):
    """Writes the page; `kept` is the folder with pictures of finished studies."""
    sections = []
    for name, title in SECTIONS.items():
        ours = [(path, study) for path, study in found if study.experiment == name]
        studies = tuple(study for _, study in ours)
        judged = tuple(judge(statement, studies) for statement in STATEMENTS if statement.experiment == name)
        pictures = tuple(_find_pictures(name, ours, kept))
        remark = remarks.get(name, "") or ("" if studies else f"No study yet. To make it: infogan paper --only {name}")
        sections.append(Section(name, title, judged, studies, pictures, remark))
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(output, render_page(sections, DEPARTURES))
    say(f"\n{_count(sections)}\nthe page is {output}")


def _find_pictures(section, found, kept):
    """The pictures that there are: of the first study's first seed, or those that were kept."""
    for shown in PICTURES[section]:
        places = [kept / shown.kept] if kept else []
        for path, study in found[:1]:
            places = [path.parent / f"{study.name}_seed{study.seeds[0]}" / shown.run, path.parent / shown.run, *places]
        if place := next(filter(Path.is_file, places), None):
            caption = shown.caption if found else f"{shown.caption} From a single run, which no study holds."
            yield Picture(place.name, place.read_bytes(), caption)


def _count(sections):
    verdicts = [judged.verdict for section in sections for judged in section.judged]
    return ", ".join(f"{verdict}: {verdicts.count(verdict)}" for verdict in VERDICTS if verdict in verdicts)
