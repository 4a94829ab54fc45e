"""Grids: a study for each combination of values of some fields, all run together and set side by side.

The studies and their runs lie in a folder of the grid's name, what compares them beside it.
"""

import itertools
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from infogan.cli.select import SPEED
from infogan.cli.study import RunJobs, Study, find_log, load_study, run_studies
from infogan.cli.train import flag_text, read_spec
from infogan.evaluation.report import align, format_value, name_row, summarise
from infogan.recipes import MODULES, load_experiment
from infogan.recipes.flags import FLAGS, Flag, Flags, show
from infogan.system.checks import FILE_NAME, SWITCH, choice
from infogan.system.files import load_json, write_atomically, write_json
from infogan.system.messages import InputError, TrainingFailed, refuse_name, say
from infogan.training.signals import Interrupted

FLAG = "--vary"
SWITCHES = {"true": True, "false": False}
LONGEST_VALUE, LONGEST_NAME = 30, 70
"""Letters of a value in the name of a cell, and of that."""
MOST_CELLS = 1000
"""More is a slip of the pen."""


class Cell(NamedTuple):
    """A place in a grid.

    Attributes:
      values: text of each varied field's value, as the command line takes it.
      study: its runs.
    """

    values: Mapping[str, str]
    study: Study

    @property
    def label(self) -> str:
        """What messages and pictures call it, as "batch_size=64, augmentation=0.5"."""
        return ", ".join(f"{field}={text}" for field, text in self.values.items())


class Grid(NamedTuple):
    """Which studies are set side by side.

    Attributes:
      name: of the grid, of its folder and of the files that compare its cells.
      fields: those that are varied.
      cells: one for each combination.
      log_root: where the folder and these files are.
    """

    name: str
    fields: tuple[str, ...]
    cells: tuple[Cell, ...]
    log_root: Path

    @property
    def path(self) -> Path:
        """The JSON document; the picture beside it has the same name."""
        return self.log_root / f"{self.name}.json"

    @property
    def sessions(self) -> Path:
        """The folder that TensorBoard shows: each run's varied values, seed and main numbers, and nothing else."""
        return self.log_root / f"{self.name}_hparams"


def run_grid(grid: Grid, run_jobs: RunJobs | None = None) -> None:
    """Runs or resumes the studies of a grid, writes what compares them and prints it, also if some seeds fail.

    Args:
      run_jobs: as `infogan.cli.study.run_studies` takes it.

    Raises:
      InputError, TrainingFailed: as `infogan.cli.study.run_studies`, or if the grid's file holds another one.
    """
    _check_document(grid)
    try:
        run_studies([cell.study for cell in grid.cells], run_jobs)
    except (TrainingFailed, Interrupted):
        _write(grid)
        raise
    _write(grid)


def build_grid(base: Study, is_named: bool, experiment: str, variations: Sequence[str]) -> Grid:
    """The grid that a command line asks for.

    Args:
      base: the study without any varied field, in its default folders.
      is_named: whether the user chose its name; else that of the grid says what is varied.
      experiment: name in `infogan.recipes.MODULES`, or the file of a launcher.
      variations: each as "info_reg_coeff=0.5,1"; with ; between the values where they have commas themselves.

    Raises:
      InputError: if a field is not known, varied twice or given by a flag too; if a value is wrong or there twice; if
        no spec has the values of a cell.
    """
    flags = _list_flags(experiment)
    varied: dict[str, dict[str, str]] = {}
    for text in variations:
        field, values = _parse_variation(text, flags, base.arguments)
        if field in varied:
            raise InputError(FLAG, f"{field} was given twice. Give all its values at once, as {field}=A,B,C.")
        varied[field] = values
    name = base.name if is_named else "_".join([base.name, "by", *varied])
    name = FILE_NAME.check("--name", name)
    combinations = list(itertools.product(*varied.values()))
    if len(combinations) > MOST_CELLS:
        raise InputError(FLAG, f"{len(combinations):,} cells were given, but at most {MOST_CELLS:,} are run.")
    cells = []
    for texts in combinations:
        values = dict(zip(varied, texts))
        parts = (f"{field}-{_file_part(text, LONGEST_VALUE)}" for field, text in values.items())
        study = base._replace(
            name=_file_part("_".join(parts), LONGEST_NAME),
            arguments=(*base.arguments, *(varied[field][text] for field, text in values.items())),
            log_root=base.log_root / name,
            checkpoint_root=base.checkpoint_root / name,
        )
        cells.append(Cell(values, study))
    grid = Grid(name, tuple(varied), tuple(cells), base.log_root)
    if experiment in MODULES:  # else the launcher itself says what it refuses
        _check_specs(grid, experiment)
    return grid


def _list_flags(experiment: str) -> Flags:
    if experiment in MODULES:
        loaded = load_experiment(experiment)
        flags, recipes = {**loaded.flags, **FLAGS}, choice(loaded.recipes)
    else:
        flags, recipes = dict(FLAGS), FILE_NAME
    recipe = Flag(recipes, "named set of values", lambda spec: spec.recipe, "recipe")
    return {"recipe": recipe, **{name: flag for name, flag in flags.items() if name != "seed"}}


def _parse_variation(text, flags, arguments):
    """ "batch_size=32,64" -> ("batch_size", {"32": "--batch-size=32", "64": "--batch-size=64"})."""
    name, separator, values = text.partition("=")
    field = name.strip().replace("-", "_")
    if not separator:
        raise InputError(FLAG, f"{text!r} was given, but FIELD=VALUE,VALUE is needed, as info_reg_coeff=0.5,1.")
    if field == "seed":
        raise InputError(FLAG, "seed was given, but a grid has several seeds in each cell. Use --seeds.")
    if field not in flags:
        raise InputError(FLAG, refuse_name(field, flags))
    flag = flag_text(field)
    if any(word.partition("=")[0] in (flag, f"--no-{flag[2:]}") for word in arguments):
        raise InputError(FLAG, f"{field} was given, but {flag} was given too. Leave one of them out.")
    seen: dict[str, Any] = {}
    for part in map(str.strip, values.split(";" if ";" in values else ",")):
        text, value = _read_value(field, flags[field].kind, part)
        if value in seen.values():
            raise InputError(FLAG, f"{field}: {part} was given twice. Give each value once.")
        seen[text] = value
    return field, {text: _write_argument(flag, text, value) for text, value in seen.items()}


def _read_value(field, kind, text):
    """A value and the text that gives it, the same one however it was written."""
    try:
        value = SWITCHES.get(text.lower(), text) if kind is SWITCH else kind.from_text(text)
    except InputError as error:
        raise InputError(FLAG, f"{field}: {error.problem}") from None
    except ValueError:
        value = text
    value = kind.check(f"{FLAG}: {field}", value)
    shown = show(value)
    return shown if kind is SWITCH or kind.from_text(shown) == value else text, value  # else it is rounded


def _write_argument(flag, text, value):
    if isinstance(value, bool):
        return flag if value else f"--no-{flag[2:]}"
    return f"{flag}={text}"


def _file_part(text, longest):
    """A text as a part of a file's name, another one for each."""
    part = re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:longest]
    return part if part == text else f"{part}-{zlib.crc32(text.encode()):08x}"


def _check_specs(grid, experiment):
    """Refuses a cell before the first run, as that of an odd batch with two views an image."""
    for cell in grid.cells:
        try:
            read_spec(load_experiment(experiment), cell.study.arguments)
        except InputError as error:
            raise InputError(f"{FLAG}, {cell.label}", str(error)) from None


def _check_document(grid):
    held = load_json(grid.path, dict, "grid", "Restore it, or choose another --name.")
    if held and held.get("fields") != list(grid.fields):
        fields = ", ".join(held.get("fields", [])) or "no fields"
        problem = f"it holds {fields}, but {', '.join(grid.fields)} was given. Choose another --name."
        raise InputError(grid.path, problem)


def compare_cells(grid: Grid) -> dict[str, Any]:
    """What is finished of a grid, as JSON holds it.

    Returns:
      dict with `name`, `fields`, and `cells`: for each its `values` (text by field), the path of its `study`, and, of
      the finished `seeds`, the `summary` (rows of `infogan.evaluation.report.summarise`, each with the `seeds` that its
      values are of).
    """
    return {"name": grid.name, "fields": list(grid.fields), "cells": list(map(_describe_cell, grid.cells))}


def _describe_cell(cell):
    runs = _list_runs(cell)
    return {
        "values": dict(cell.values),
        "study": str(cell.study.path),
        "arguments": list(cell.study.arguments),
        "seeds": [run["seed"] for run in runs],
        "summary": [{**row, "seeds": _find_seeds(runs, row)} for row in summarise(runs)],
    }


def _list_runs(cell):
    """The finished ones, as the cell's study keeps them."""
    return (load_study(cell.study.path) or {"runs": []})["runs"]


def _find_seeds(runs, row):
    """Of the runs that measured a row."""
    return [
        run["seed"] for run in runs for each in run["metrics"] if _key(each) == _key(row) and each["ours"] is not None
    ]


def _key(row):
    return row["name"], row["code"]


def choose_quantities(cells: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The main numbers of a grid: those with which the paper's are compared, else all of which more or less is better.

    Args:
      cells: of `compare_cells`.

    Returns:
      list of the first row of each.
    """
    rows: dict[tuple, dict[str, Any]] = {}
    for row in itertools.chain.from_iterable(cell["summary"] for cell in cells):
        if row["worst"] is not None and row["unit"] != SPEED:
            rows.setdefault(_key(row), row)
    return [row for row in rows.values() if row["holds"] is not None] or list(rows.values())


def format_grid(document: Mapping[str, Any]) -> str:
    """The main numbers of the cells as an aligned table, a quantity after the other."""
    header = ("quantity", *document["fields"], "mean", "deviation", "worst", "by seed")
    lines = []
    for quantity in choose_quantities(document["cells"]):
        title = name_row(quantity)
        for cell in document["cells"]:
            lines.append((title, *cell["values"].values(), *_format_cell(find_row(cell, quantity))))
            title = ""
    return align([header, *lines])


def find_row(cell: Mapping[str, Any], quantity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row of a cell's summary that measures the same, None if it has none."""
    return next((row for row in cell["summary"] if _key(row) == _key(quantity)), None)


def _format_cell(row):
    if row is None:
        return "-", "-", "-", "no finished seed measured it"
    numbers = [format_value(row[key], row["unit"]) for key in ("mean", "deviation", "worst")]
    unit = row["unit"] if row["unit"] == "share" else ""
    each = (f"{seed}: {format_value(value, unit)}" for seed, value in zip(row["seeds"], row["values"]))
    return *numbers, ", ".join(each)


def _number_or_text(text):
    try:
        return float(text)
    except ValueError:
        return text


def _write(grid):
    from infogan.evaluation.figures import draw_cells  # here: Matplotlib takes half a second
    from infogan.evaluation.tensorboard_files import EVENTS, encode_session

    document = compare_cells(grid)
    quantities = choose_quantities(document["cells"])
    write_json(grid.path, document)
    if not quantities:
        return
    by_cell = [[find_row(cell, quantity) for cell in document["cells"]] for quantity in quantities]
    axes = {field: list(dict.fromkeys(cell.values[field] for cell in grid.cells)) for field in grid.fields}
    picture = grid.path.with_suffix(".png")
    write_atomically(picture, draw_cells(axes, {name_row(row): rows for row, rows in zip(quantities, by_cell)}))
    shown = {_key(quantity) for quantity in quantities}
    for cell in grid.cells:
        for run in _list_runs(cell):
            name = find_log(cell.study, run["seed"]).name
            chosen = {field: _number_or_text(text) for field, text in cell.values.items()} | {"seed": run["seed"]}
            rows = [row for row in run["metrics"] if row["ours"] is not None and _key(row) in shown]
            (grid.sessions / name).mkdir(parents=True, exist_ok=True)
            content = encode_session(chosen, rows, run.get("update", 0), name)
            write_atomically(grid.sessions / name / EVENTS, content)
    say(f"\n{grid.name}, {len(grid.cells)} cells\n\n{format_grid(document)}\n\nkept in {grid.path} and {picture.name}")
