"""Chooses the best of several runs without labels, by how much they agree: ModelCentrality and UDR.

RUN is a run's folder below logs/ or ckt/, or a study, by its name or its JSON document in logs/, for all its runs. The
runs have the same codes and the same data set. Scores of their reports, where they have been evaluated, say afterwards
whether the choice was good.
"""

import dataclasses
import glob
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from infogan.cli import Parser, add_data_dir, argument, check_folder, find_data_dir, run_command
from infogan.cli.evaluate import load_spec
from infogan.cli.study import load_study
from infogan.data import load_dataset
from infogan.spec import ExperimentSpec
from infogan.system.checks import FILE_NAME, PATH
from infogan.system.files import write_atomically, write_json
from infogan.system.messages import InputError, say
from infogan.system.tf1 import ERRORS, find_gpus
from infogan.training.checkpoints import newest_intact
from infogan.training.run_folder import RunFolder, open_run

FEWEST = 2
SPEED = "images/s"
"""Unit of what says nothing of a run's quality."""
RESULTS, PICTURE = "selection.json", "selection.png"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = Parser(__doc__)
    parser.add_argument("runs", nargs="+", type=argument(PATH), metavar="RUN", help="folders of runs, or a study")
    parser.add_argument("--fast", action="store_true", help="use fewer images: a tenth of the time, less exact")
    add_data_dir(parser, "folder with the images, if the runs were trained with one")
    parser.add_argument(
        "--output",
        type=argument(PATH),
        metavar="FOLDER",
        help=f"where {RESULTS} and {PICTURE} go (default: `selection` beside the runs' logs, or `<study>_selection`)",
    )
    return run_command(parser, _select, arguments)


def _select(options):
    folders, name = _find_runs(options.runs)
    specs = _check_runs(folders)
    reports = [folder.load_report() for folder in folders]
    output = options.output or folders[0].log.parent / name
    check_folder("--output", output)
    dataset = load_dataset(specs[0], find_data_dir(options))
    folders[0].check_dataset(dataset)
    output.mkdir(parents=True, exist_ok=True)
    # Imported here: it costs seconds, and wrong runs are refused before.
    from infogan.evaluation.disentanglement.selection import FAST, FULL, select
    from infogan.evaluation.disentanglement.trained import model_of
    from infogan.run import TrainedRun

    find_gpus(ERRORS)
    amounts = FAST if options.fast else FULL
    with ExitStack() as stack:
        models = [model_of(stack.enter_context(TrainedRun(folder))) for folder in folders]
        selection = select(models, dataset.train.images, amounts)
    picks = {score: int(ranking.order[0]) for score, ranking in selection.rankings.items()}
    compared = compare_reports(reports, picks)
    _tell(folders, specs, selection, dataset.source, picks)
    _tell_reports([folder.name for folder, report in zip(folders, reports) if not report], compared, picks)
    _write(output, folders, specs, selection, dataset.source, amounts, picks, compared)


def _find_runs(paths: Sequence[Path]) -> tuple[list[RunFolder], str]:
    """The runs, and what the folder of the results is called."""
    folders: list[RunFolder] = []
    studies = []
    for path in paths:
        document = _find_study(path)
        if document is None:
            folders.append(open_run(path))
        else:
            study, runs = _open_study(document)
            folders += runs
            studies.append(study)
    return folders, f"{studies[0]}_selection" if len(studies) == len(paths) == 1 else "selection"


def _find_study(path: Path) -> Path | None:
    """The document of the study that is meant; None for a run's folder."""
    if path.is_dir():
        return None
    if path.is_file():
        return path
    if len(path.parts) > 1 or not FILE_NAME.accepts(str(path)):
        return None
    found = sorted(Path("logs").glob(f"*/{glob.escape(str(path))}.json"))
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(path, f"it is the name of the studies {', '.join(map(str, found))}. Give one of these.")
    raise InputError(
        path, f"there is no such folder, and no study logs/*/{path}.json. Give a run such as logs/mnist/NAME."
    )


def _open_study(path: Path) -> tuple[str, list[RunFolder]]:
    """The name and the finished runs of a study, whose logs are beside its document."""
    document = load_study(path, "Give a study's document, or runs.")
    name = (document or {})["name"]
    logs = [path.parent / f"{name}_seed{run['seed']}" for run in (document or {})["runs"]]
    if missing := [log for log in logs if not log.is_dir()]:
        raise InputError(
            path,
            f"its runs are needed, but {missing[0]} is not there. Give the document beside the runs' logs.",
        )
    return name, [open_run(log) for log in logs]


def _check_runs(folders: Sequence[RunFolder]) -> list[ExperimentSpec]:
    """Refuses runs that cannot be compared.

    Returns:
      the spec of each.
    """
    places = [folder.checkpoints.resolve() for folder in folders]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise InputError(folders[number].checkpoints, "it was given twice, but each run counts once. Give it once.")
    if len(folders) < FEWEST:
        given = ", ".join(folder.name for folder in folders) or "no run"
        raise InputError("RUN", f"{given} was given, but at least {FEWEST} runs are compared. Give more.")
    specs = [load_spec(folder) for folder in folders]
    expected = _describe(folders[0], specs[0])
    for folder, spec in zip(folders, specs):
        for what, found in _describe(folder, spec).items():
            if found != expected[what]:
                told = found[0] if found[0] != expected[what][0] else "other ones"
                raise InputError(
                    folder.checkpoints,
                    f"its {what} {told}, but those of {folders[0].name} are {expected[what][0]}. Leave it out.",
                )
        _check_finished(folder, spec)
    return specs


def _describe(folder: RunFolder, spec: ExperimentSpec) -> dict[str, tuple]:
    """What runs must have in common: (in words, what is compared)."""
    codes = ", ".join(f"{code.name} ({code.distribution.prior_in_words})" for code in spec.codes)
    fingerprint = folder.load_fingerprint()
    height, width, channels = spec.image_shape
    return {
        "codes are": (codes,),
        "images are": (f"{height}x{width}x{channels} of {spec.dataset}",),
        "training images are": (fingerprint["source"], fingerprint["sha256"]),
    }


def _check_finished(folder: RunFolder, spec: ExperimentSpec) -> None:
    update = newest_intact(folder.checkpoints) or 0
    if update < spec.updates:
        raise InputError(
            folder.checkpoints,
            f"it has {update:,} of {spec.updates:,} updates, but finished runs are compared. Resume it, or leave it "
            "out.",
        )


def compare_reports(reports: Sequence[dict[str, Any]], picks: dict[str, int]) -> list[dict[str, Any]]:
    """How the picks do in what all reports measured and of which more, or less, is better.

    Args:
      reports: one a run, empty where it was not evaluated.
      picks: dict of score -> number of the run that it picks.

    Returns:
      list of dicts with `name`, `code`, `unit` and `better` of a row, `mean` and `best` of all runs, and by score
      `picked`, the value of the run that it picks, and `beats_mean`, whether that is better than the mean.
    """
    measured = [
        {
            (row["name"], row["code"]): row
            for row in report.get("metrics", [])
            if row.get("better") and row["ours"] is not None and row["unit"] != SPEED
        }
        for report in reports
    ]
    shared = [key for key in measured[0] if all(key in rows for rows in measured)]
    return [_compare_rows([rows[key] for rows in measured], picks) for key in shared]


def _compare_rows(rows, picks):
    values = [row["ours"] for row in rows]
    sign = 1 if rows[0]["better"] == "higher" else -1
    mean = sum(values) / len(values)
    return {
        **{key: rows[0][key] for key in ("name", "code", "unit", "better")},
        "mean": mean,
        "best": max(values, key=lambda value: sign * value),
        "picked": {score: values[pick] for score, pick in picks.items()},
        "beats_mean": {score: sign * values[pick] > sign * mean for score, pick in picks.items()},
    }


def _tell(folders, specs, selection, source, picks):
    from infogan.evaluation.report import align

    codes = ", ".join(code.name for code in specs[0].codes)
    say(f"{len(folders)} runs, {source}; codes {codes}\n")
    order = selection.rankings["ModelCentrality"].order
    rows = [(folders[run].name, *(f"{r.scores[run]:.3f}" for r in selection.rankings.values())) for run in order]
    say(align([("run", *selection.rankings), *rows]) + "\n")
    for score, ranking in selection.rankings.items():
        equal = f", though {ranking.ties} others have the same score" if ranking.ties else ""
        say(f"{score} picks {folders[picks[score]].name}{equal}.")
    if len(folders) == FEWEST:
        say("Two runs always have the same score. Give more runs.")


def _tell_reports(missing, compared, picks):
    from infogan.evaluation.report import align, format_value, name_row

    if missing:
        say(f"\nWhether the pick beats the mean is not known: {', '.join(missing)} was not evaluated.")
        return
    if not compared:
        say("\nWhether the pick beats the mean is not known: the reports share no score.")
        return
    header = ("quantity", "better", "mean", "best", *picks, "beats the mean")
    lines = []
    for row in compared:
        values = (row["mean"], row["best"], *row["picked"].values())
        numbers = (format_value(value, row["unit"]) for value in values)
        beats = "/".join("yes" if better else "no" for better in row["beats_mean"].values())
        lines.append((name_row(row), row["better"], *numbers, beats))
    say("\n" + align([header, *lines]) + "\n")
    for score in picks:
        better = sum(row["beats_mean"][score] for row in compared)
        say(f"The pick of {score} beats the mean of all runs in {better} of {len(compared)} quantities.")


def _write(output, folders, specs, selection, source, amounts, picks, compared):
    from infogan.evaluation.figures import draw_agreement

    rankings = selection.rankings
    document = {
        "dataset": source,
        "codes": [code.name for code in specs[0].codes],
        "amounts": dataclasses.asdict(amounts),
        "runs": [
            {
                "name": folder.name,
                "log": str(folder.log),
                "seed": spec.seed,
                **{score: float(ranking.scores[run]) for score, ranking in rankings.items()},
            }
            for run, (folder, spec) in enumerate(zip(folders, specs))
        ],
        "picks": {score: folders[run].name for score, run in picks.items()},
        "votes": selection.votes.tolist(),
        "matrices": {score: ranking.matrix.tolist() for score, ranking in rankings.items()},
        "reports": compared,
    }
    order = rankings["ModelCentrality"].order
    panels = {
        score: (ranking.matrix[order][:, order], ranking.scores[order], order.tolist().index(picks[score]))
        for score, ranking in rankings.items()
    }
    write_atomically(output / PICTURE, draw_agreement([folders[run].name for run in order], panels))
    write_json(output / RESULTS, document)
    say(f"\n{output / RESULTS} and {PICTURE} beside it")
