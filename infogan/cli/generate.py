"""Samples and sweeps of a trained run as files."""

import importlib.util
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infogan import grids
from infogan.cli import Parser, argument, run_command
from infogan.codes import (
    COLUMNS,
    ROWS,
    as_numbers,
    code_vectors,
    describe_codes,
    film_order,
    find_code,
    format_codes,
    frame_milliseconds,
    place_values,
    usual_values,
)
from infogan.run import TrainedRun
from infogan.spec import ExperimentSpec
from infogan.system.checks import PATH, SEED, whole
from infogan.system.files import write_atomically
from infogan.system.messages import InputError, note, say
from infogan.training.run_folder import open_run

FORMATS = ("png", "gif", "npz", "mp4")
FILMS = ("gif", "mp4")
LARGEST_OUTPUT = 200_000_000
"""Numbers in all images together: beyond it a picture needs gigabytes."""

LARGEST_SWEEP = 10_000

EPILOG = """\
--code digit=3               one value, for all images
--code rotation=-2:2:11      a sweep: eleven values from -2 to 2
--code digit=1,4,7           a sweep over the values listed
--code rotation              a sweep over the usual range: all categories (at most 20), or ten values
One sweep runs along each row. Of two, the first runs down and the second across. In a film (gif, mp4) the last sweep
runs in time."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = Parser("Draws samples and sweeps of a trained run.")
    parser.epilog = EPILOG
    parser.add_argument("run", type=argument(PATH), metavar="RUN", help="folder of the run, such as ckt/mnist/NAME")
    parser.add_argument("--list", action="store_true", help="list the codes and what each was measured to do")
    parser.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="NAME[=VALUES]",
        help="set or sweep a code, see below; repeat it for several",
    )
    parser.add_argument("--rows", type=argument(whole(1)), metavar="INT", help=f"rows of samples (default: {ROWS})")
    parser.add_argument(
        "--columns", type=argument(whole(1)), metavar="INT", help=f"columns of samples (default: {COLUMNS})"
    )
    parser.add_argument(
        "--seed",
        type=argument(SEED),
        default=0,
        metavar="INT",
        help="seed of everything that is not given (default: 0)",
    )
    parser.add_argument("--format", choices=FORMATS, help="file format (default: the ending of --output, or png)")
    parser.add_argument(
        "--output", type=argument(PATH), metavar="FILE", help="file to write or replace (default: generated.FORMAT)"
    )
    return run_command(parser, lambda options: _generate(parser, options), arguments)


def _generate(parser, options):
    folder = open_run(options.run)
    spec = folder.load_spec()
    if options.list:
        say(format_codes(spec, folder.load_report()))
        return
    kind, path = _choose_output(options)
    fixed, swept = parse_codes(spec, options.code)
    codes = describe_codes(spec, folder.load_report())
    matched = {name: code.labels for name, code in codes.items() if code.is_matched}
    for line in _notes(spec, {**fixed, **swept}, matched):
        note(f"{parser.prog}: {line}")
    moving, frames, milliseconds = None, [None], None
    if kind in FILMS:
        moving, frames = _choose_frames(spec, swept, kind)
        milliseconds = frame_milliseconds(find_code(spec, moving))
    rows, columns = _choose_layout(swept, options.rows, options.columns)
    if rows * columns * len(frames) * spec.output_dist.dim > LARGEST_OUTPUT:
        asked = f"{len(frames):,} x {rows:,} x {columns:,} images were asked for"
        raise InputError("--rows", f"{asked}, but {LARGEST_OUTPUT:,} numbers are the limit. Ask for fewer.")
    with TrainedRun(folder) as run:
        pictures = []
        for value in frames:
            given = fixed if moving is None else {**fixed, moving: value}
            pictures.append(draw_grid(run, given, swept, rows, columns, options.seed))
        latents, images = (np.stack(parts) for parts in zip(*pictures))
    _write(path, kind, latents, images, {**fixed, **swept}, milliseconds)
    film = f"{len(frames)} frames of " if moving else ""
    say(f"{path}: {film}{rows} x {columns} images")


def parse_codes(spec: ExperimentSpec, texts: Iterable[str]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values of codes from the command line.

    Args:
      spec: that of the run.
      texts: each "NAME", "NAME=VALUE", "NAME=V,V,V" or "NAME=LOW:HIGH:STEPS".

    Returns:
      Values by code name, as `place_values` takes them: of the codes with one value, and of the swept ones.

    Raises:
      InputError: if there is no such code or value, or more than two are swept.
    """
    fixed: dict[str, np.ndarray] = {}
    swept: dict[str, np.ndarray] = {}
    for text in texts:
        name, is_given, given = text.partition("=")
        code = find_code(spec, name)
        if name in fixed or name in swept:
            raise InputError("--code", f"{name} was given twice, but it has one value in an image. Give it once.")
        values = _parse_values(name, given) if is_given else usual_values(code, COLUMNS, spec.sweep_limit)
        (fixed if code_vectors(code, values).ndim == 1 else swept)[name] = values
    if len(swept) > 2:
        raise InputError(
            "--code",
            f"{', '.join(swept)} were swept, but a picture shows two sweeps at most. Give one of them a single value.",
        )
    return fixed, swept


def draw_grid(
    run: TrainedRun, fixed: Mapping[str, Any], swept: Mapping[str, np.ndarray], rows: int, columns: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """A grid of images, as people look at them.

    Args:
      run: the run.
      fixed: code name -> its value in all images.
      swept: code name -> values. Empty: every image is a draw of its own; one: it runs along each row, and rows
        are draws; two: the first runs down, the second along the rows, and all images share one draw.
      rows: of the grid; where a code runs down them, the number of its values.
      columns: of the grid; where a code runs along them, the number of its values.
      seed: of the draws.

    Returns:
      float32 arrays: latents [rows, columns, dim] and images [rows, columns, H, W, C].
    """
    count = (rows * columns, rows, 1)[len(swept)]
    base = run.latents(fixed, seed=seed, count=count)
    for name, values in swept.items():
        base = np.concatenate([place_values(run.spec, row[None], {name: values}) for row in base])
    latents = base.reshape(rows, columns, -1)
    return latents, run.generate_from(latents)


def _parse_values(name, text):
    try:
        if ":" not in text:
            values = [float(value) for value in text.split(",")]
            return np.array(values if "," in text else values[0])
        low, high, steps = text.split(":")
        low, high, steps = float(low), float(high), int(steps)
    except ValueError as error:
        raise InputError(
            "--code", f"{name}={text} was given, but NAME=VALUE, NAME=V,V,V or NAME=LOW:HIGH:STEPS is needed."
        ) from error
    if not 2 <= steps <= LARGEST_SWEEP:
        raise InputError("--code", f"{name}={text} was given, but a sweep has from 2 to {LARGEST_SWEEP:,} steps.")
    low, high = as_numbers(name, [low, high])
    return np.linspace(low, high, steps)


def _notes(spec, values, matched):
    for name, given in values.items():
        code = find_code(spec, name)
        if name in matched and given.ndim == 0:
            yield f"note: {name}={given:g} is the category that was matched to {matched[name][int(given)]}."
        low, high = spec.sweep_ends(code)
        beyond = given[(given < low) | (given > high)]
        if beyond.size and code.distribution.kind == "continuous":
            yield (
                f"note: {name} goes to {beyond[np.abs(beyond).argmax()]:g}, but the run was evaluated from {low:g} to "
                f"{high:g} only. Beyond that, images may fall apart."
            )


def _choose_output(options):
    ending = options.output.suffix[1:].lower() if options.output else None
    kind = options.format or ending or "png"
    if ending in FORMATS and ending != kind:
        raise InputError(
            "--format", f"{kind} was given, but {options.output} ends in .{ending}. Leave one of them out."
        )
    if kind not in FORMATS:
        known = ", ".join(FORMATS)
        raise InputError(
            "--output", f"{options.output} was given, but its ending is none of {known}. Change it, or give --format."
        )
    if kind == "mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise InputError(
            "--format", "mp4 was given, but it needs imageio-ffmpeg. Run pip install imageio-ffmpeg, or choose gif."
        )
    path = options.output or Path(f"generated.{kind}")
    if not path.parent.is_dir():
        raise InputError("--output", f"{path} was given, but {path.parent} is not a folder. Create it first.")
    if path.exists() and not path.is_file():
        raise InputError("--output", f"{path} was given, but it is not a regular file. Give another name.")
    return kind, path


def _choose_frames(spec, swept, kind):
    """The code that runs in time, taken out of `swept`, and its values as a film shows them."""
    if not swept:
        sweep = f"--code {spec.codes[-1].name}"
        raise InputError("--format", f"{kind} was given, but a film needs a code that is swept. Add {sweep}.")
    moving, values = swept.popitem()
    return moving, values[film_order(find_code(spec, moving), values)]


def _choose_layout(swept, rows, columns):
    """Rows and columns of the grid; what a sweep decides cannot be chosen."""
    decided = dict(zip(("--columns", "--rows"), reversed(swept)))
    for flag, number in (("--rows", rows), ("--columns", columns)):
        if number is not None and flag in decided:
            raise InputError(
                flag, f"{number} was given, but {decided[flag]} decides their number by its sweep. Leave {flag} out."
            )
    counts = {flag: len(swept[name]) for flag, name in decided.items()}
    return counts.get("--rows", rows or ROWS), counts.get("--columns", columns or COLUMNS)


def _write(path, kind, latents, images, values, milliseconds):
    """latents [frames, rows, columns, dim] and images [frames, rows, columns, H, W, C], of which a film has several."""
    pictures = [grids.tile(grid) for grid in images]
    if kind == "npz":
        archive = io.BytesIO()
        values = {f"values_{name}": given for name, given in values.items()}
        np.savez_compressed(archive, images=images[0], latents=latents[0], **values)
        content = archive.getvalue()
    elif kind == "png":
        content = grids.encode_png(pictures[0], grids.SCALE)
    elif kind == "gif":
        content = grids.encode_gif(pictures, milliseconds)
    else:
        content = grids.encode_mp4(pictures, milliseconds)
    write_atomically(Path(os.path.realpath(path)), content)  # a link stays, and what it names is written
