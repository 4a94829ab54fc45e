"""What the document of a study says of the paper: its runs' numbers, and where it departs from recipe paper."""

import bisect
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infogan.evaluation.verdicts import Evidence, describe_codes
from infogan.recipes import load_experiment
from infogan.recipes.flags import show
from infogan.recipes.statements import PEAK_METRIC, PLOTTED, SECTIONS, name_plotted
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError

NO_RESULT = ("name", "recipe", "seed", "paper_values", "snapshot_interval", "precision")
"""Fields of a spec in which studies may differ and yet say the same."""
OF_THE_FIGURE = ("name", "experiment", "seeds", "metrics", "minutes", "cores")
"""What Evidence of Figure 1 does not take from the study of InfoGAN's curve."""
DAMAGED = "it is no document of a study as infogan writes it. Restore it."


def read_study(path: Path, document: dict[str, Any]) -> Evidence | None:
    """What a study says of the paper; None if it is of no experiment of the paper.

    Those that Figure 1 is made of, and plain GANs, belong to no part of the page.

    Args:
      path: of the document, for messages.
      document: as `infogan.cli.study.load_study` returns it, with one run at least.

    Raises:
      InputError: if it is damaged.
    """
    try:
        spec = ExperimentSpec.from_json(json.dumps(document["spec"]))
        if spec.name not in SECTIONS:
            return None
        runs = document["runs"]
        return Evidence(
            str(document["name"]),
            "" if spec.recipe == "figure1" or spec.variant != "infogan" else spec.name,
            f"{spec.recipe}{f' of {spec.factor}' if spec.factor else ''}, {spec.precision}",
            tuple(int(run["seed"]) for run in runs),
            tuple([_read_row(row) for row in run["metrics"]] for run in runs),
            _collect(runs, "minutes"),
            _collect(runs, "cores"),
            spec.updates,
            spec.batch_size,
            find_objection(spec),
            find_departures(spec),
        )
    except InputError as error:
        raise InputError(path, error.problem) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(path, DAMAGED) from error


def _read_row(row: dict[str, Any]) -> dict[str, Any]:
    ours = row["ours"]
    return {"name": row["name"], "code": row["code"], "ours": None if ours is None else float(ours)}


def _collect(runs: Sequence[dict[str, Any]], key: str) -> tuple:
    """What every run has under a key; () if one has it not."""
    values = [run.get(key) for run in runs]
    return () if None in values else tuple(float(value) for value in values if value is not None)


def find_objection(spec: ExperimentSpec) -> str:
    """Why a study decides nothing: it is a smoke run's, or today's recipe has other values; "" if it counts."""
    recipe = _find_recipe(spec, spec.recipe)
    if spec.smoke:
        return "a smoke run"
    if recipe is None:
        return f"made with a recipe {spec.recipe}, which is not known today"
    changed = [field for field in _fields(spec) if getattr(spec, field) != getattr(recipe, field)]
    return f"made with an older recipe, in which {', '.join(changed)} differed" if changed else ""


def _find_recipe(spec: ExperimentSpec, name: str) -> ExperimentSpec | None:
    """Today's recipe of that name, for the spec's factor."""
    experiment = load_experiment(spec.name)
    recipe = experiment.recipes.get(name)
    if recipe is None or spec.factor is None:
        return recipe
    change = experiment.flags["factor"].change
    return change(recipe, spec.factor) if callable(change) else recipe


def find_departures(spec: ExperimentSpec) -> tuple[tuple[str, str, str], ...]:
    """(setting, what recipe paper has, what the spec has), in words, wherever they differ."""
    paper = _find_recipe(spec, "paper")
    assert paper  # every experiment of the paper has one
    about = {field.name: field.metadata["about"] for field in dataclasses.fields(spec)}
    return tuple(
        (f"{field}: {about[field]}", _tell(paper, field), _tell(spec, field))
        for field in _fields(spec)
        if field != "factor" and getattr(spec, field) != getattr(paper, field)
    )


def _fields(spec):
    return [field.name for field in dataclasses.fields(spec) if field.name not in NO_RESULT]


def _tell(spec: ExperimentSpec, field: str) -> str:
    if field == "latent_spec":
        deviations = {code.distribution.fix_std for code in spec.codes if hasattr(code.distribution, "fix_std")}
        told = "" if not deviations else ", unit deviation" if True in deviations else ", learned deviation"
        return describe_codes(spec) + told
    return show(getattr(spec, field))


def read_figure1(path: Path, studies: Sequence[Evidence] = ()) -> Evidence:
    """What the document of Figure 1 says.

    Args:
      path: of the document.
      studies: Evidence of the studies that it was made of, which kept their minutes and specs.

    Raises:
      InputError: if it is damaged.
    """
    try:
        document = json.loads(path.read_bytes())
        curves, seeds = document["curves"], tuple(map(int, document["seeds"]))
        metrics = tuple(_read_points(curves, number) for number in range(len(seeds)))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(path, "it holds no curves of Figure 1. Restore it.") from error
    minutes, cores = (
        tuple(value for study in studies for value in getattr(study, key)) for key in ("minutes", "cores")
    )
    whole = Evidence(path.stem, "figure1", "figure1", seeds, metrics, minutes, cores)
    if not studies:
        return whole
    first = studies[0]
    return dataclasses.replace(first, **{name: getattr(whole, name) for name in OF_THE_FIGURE})


def _read_points(curves: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """The metrics of a seed's curves: what the log had last at each update of the paper, and the GAN's peak."""
    points = {PEAK_METRIC: max(map(float, curves["gan"]["mi/digit"][number]))}
    for plotted in PLOTTED:
        updates = curves[plotted.variant]["update"]
        ended = bisect.bisect_right(updates, plotted.update)
        if ended and plotted.update <= updates[-1]:
            information = float(curves[plotted.variant]["mi/digit"][number][ended - 1])
            points[name_plotted(plotted.variant, plotted.update)] = information
    return [{"name": name, "code": None, "ours": nats} for name, nats in points.items()]
