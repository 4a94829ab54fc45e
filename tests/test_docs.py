"""What the docs tell people to type: every command parses, every file and message they name is there."""

import argparse
import contextlib
import json
import re
import runpy
import shlex
import statistics
import sys

import numpy as np
import pytest
from conftest import ROOT

import infogan
from infogan.cli import generate

STUDIES = ROOT / "docs" / "studies"
NOTES = sorted((ROOT / "docs" / "notes").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *NOTES, STUDIES / "README.md"]
NOTEBOOK = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text())
FILE = r"`((?:\w+/)+\w+\.py)(?:: (\w+))?`"  # `system/tf1.py`, or with a function or class: `cli/train.py: main`
# Programs that are not this project's, or that another test runs.
OTHERS = {"ls", "source", "sudo", "tensorboard", "cd", "git"}


def read_cells(kind):
    return ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == kind]


def find_commands():
    """Every (page, command) in fenced blocks without a language, in indented ones and within the text."""
    found = []
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
        for block in [block for language, block in blocks if not language]:
            lines = block.replace("\\\n", " ").splitlines()
            if not any(" -- " in line or "->" in line for line in lines):  # drawings
                found += [(page.name, line.strip()) for line in lines if line.strip()]
        for pattern in (
            r"`((?:python|make|infogan) [^`]+)`",
            r"^    ((?:(?:\.venv/bin/)?python|make|infogan|docker) .*)$",
        ):
            found += [(page.name, command) for command in re.findall(pattern, text, re.MULTILINE)]
    return found


COMMANDS = find_commands()


class Parsed(Exception):
    """The command line was taken."""


def parse_launcher(monkeypatch, path, arguments):
    """Runs a launcher, or the package, up to the point where it has parsed its flags."""
    parse = argparse.ArgumentParser.parse_known_args

    def parse_and_stop(parser, given=None, namespace=None):
        _, unknown = parse(parser, given, namespace)
        assert not unknown or parser.prog.endswith(("run_study.py", " study")), f"{parser.prog} does not know {unknown}"
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", parse_and_stop)
    monkeypatch.setattr(sys, "argv", [str(path), *arguments])
    with pytest.raises(Parsed):
        runpy.run_path(str(path), run_name="__main__")


def check(monkeypatch, tokens):
    """Follows a command to what it would run."""
    program, *arguments = tokens
    if re.fullmatch(r"(\.venv/bin/)?python", program) and arguments[0].endswith(".py"):
        program, *arguments = arguments
    if program.endswith(".py"):
        assert (ROOT / program).is_file(), program
        parse_launcher(monkeypatch, ROOT / program, [word for word in arguments if word != "..."])
    elif program in ("infogan", ".venv/bin/infogan"):
        if arguments:  # alone it shows its help
            parse_launcher(monkeypatch, ROOT / "infogan", arguments)
    elif program == "make":
        targets = [word for word in arguments if "=" not in word]
        makefile = (ROOT / "Makefile").read_text()
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets), targets
    elif "pip" in program:
        extras = re.findall(r"\[([a-z,]+)\]", " ".join(arguments))
        known = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1]
        for extra in ",".join(extras).split(",") if extras else []:
            assert re.search(rf"^{extra} = ", known, re.MULTILINE), extra
    elif program == "docker":
        check_docker(monkeypatch, arguments)
    elif program in ("python", ".venv/bin/python"):
        modules = ("venv", "benchmarks.run", "benchmarks.walk", "benchmarks.gpu_check")
        assert arguments[:2] in [["-m", module] for module in modules], arguments
    else:
        assert program in OTHERS, f"{program} is no program of this project"


def check_docker(monkeypatch, arguments):
    if arguments[0] == "build":
        name = re.search(r"BASE_IMAGE|$", " ".join(arguments)).group()
        assert not name or f"ARG {name}=" in (ROOT / "Dockerfile").read_text()
        return
    assert arguments[0] == "run"
    inside = arguments[arguments.index("infogan") + 1 :] or ["launchers/run_mnist_exp.py"]
    check(monkeypatch, ["launchers/run_mnist_exp.py", *inside] if inside[0].startswith("-") else inside)


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page}: {command}"[:90] for page, command in COMMANDS])
def test_commands_parse(monkeypatch, page, command):
    command = re.sub(r" +#.*| +&& ", lambda found: " ; " if "&&" in found.group() else "", command)
    for part in command.split(" ; "):
        part = re.sub("<run>|<experiment>", "mnist", part).replace("$(id -u):$(id -g)", "1000:1000")
        check(monkeypatch, shlex.split(part.removesuffix(" --help")))


def test_a_wrong_command_is_found(monkeypatch):
    for wrong in (
        "python launchers/generate.py RUN --sideways",
        "python launchers/no.py",
        "make coffee",
        "infogan mnits",
        "frobnicate",
    ):
        with pytest.raises((AssertionError, SystemExit)), monkeypatch.context() as patch:
            check(patch, shlex.split(wrong))
    assert {page for page, _ in COMMANDS} >= {"README.md", "tutorial.md", "docker.md"}


def drawing_commands():
    return [
        (page, command)
        for page, command in COMMANDS
        if "launchers/generate.py" in command
        and page in ("tutorial.md", "using_a_trained_run.md")
        and "images/" not in command
    ]


def test_drawing_commands_run(smoke_run, tmp_path, monkeypatch, capsys):
    """On a smoke run, which has the codes of every MNIST run."""
    monkeypatch.chdir(tmp_path)
    commands = drawing_commands()
    assert len(commands) >= 8
    with infogan.load(smoke_run[1]) as loaded:
        monkeypatch.setattr(generate, "TrainedRun", lambda folder: contextlib.nullcontext(loaded))
        for page, command in commands:
            _, _, run, *arguments = shlex.split(command)
            assert run in ("RUN", "ckt/mnist/tutorial")
            assert generate.main([str(smoke_run[1]), *arguments]) == 0, (page, command)
    assert "digit" in capsys.readouterr().out
    written = {name for _, command in commands for name in re.findall(r"--output (\S+)", command)}
    assert {"grid.png", "digits.png", "film.gif", "arrays.npz"} <= written
    assert {path.name for path in tmp_path.iterdir()} == written
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["images"].shape[1] == 3


def find_sources():
    files = [*(ROOT / "infogan").rglob("*.py"), *(ROOT / "launchers").glob("*.py"), ROOT / "Makefile"]
    # Texts that are put together over several lines of code.
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text() for path in files))


def test_messages_of_the_troubleshooting_page_exist():
    sources = find_sources()
    text = (ROOT / "docs" / "troubleshooting.md").read_text().split("## Results that disappoint")[0]
    starts = re.findall(r"^- (`.*?`): ", text, re.MULTILINE)
    messages = [message for start in starts for message in re.findall(r"`([^`]+)`", start)]
    assert len(messages) > 12
    assert not [message for message in messages if message not in sources]


def test_anchors_of_the_docs_exist():
    for page in PAGES:
        for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", page.read_text()):
            text = (page.parent / target if target else page).read_text()
            headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{page.name} links to {target}#{anchor}"


def find_file(path):
    return next((root / path for root in (ROOT, ROOT / "infogan") if (root / path).exists()), None)


def test_files_and_functions_that_the_docs_name_exist():
    named = [(page.name, *match) for page in PAGES for match in re.findall(FILE, page.read_text())]
    assert len(named) > 50
    for page, path, name in named:
        file = find_file(path)
        assert file, f"{page} names {path}"
        defined = re.findall(r"^ *(?:def|class) (\w+)", file.read_text(), re.MULTILINE)
        assert not name or name in defined, f"{page} names {path}: {name}"


def test_python_of_the_docs_compiles():
    blocks = [block for page in PAGES for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)]
    assert len(blocks) >= 3
    for block in blocks:
        compile(block, "docs", "exec")


def test_figure_1_has_the_numbers_of_its_study():
    rows = json.loads((STUDIES / "figure1.json").read_text())["comparison"]
    text = (STUDIES / "README.md").read_text()
    assert len(rows) == 6
    for row in rows:
        numbers = f"{row['mean']:.3f} ({row['lowest']:.3f} to {row['highest']:.3f})"
        assert f"| {row['update']} | {numbers} |" in text, row


def describe_study(path):
    """What the docs say of a study of MNIST: a row of the README, a row and the errors in docs/studies."""
    document = json.loads(path.read_text())
    rows = by_name_and_code(document["summary"])
    error = [100 * value for value in rows["error rate", "digit"]["values"]]
    codes, information = rows["slant by one code, form by another", None], rows["L_I", "digit"]
    seeds = [run["seed"] for run in document["runs"]]
    minutes = statistics.fmean(run["minutes"] for run in document["runs"])
    assert seeds == list(range(len(seeds))) and len(error) == len(seeds), "a seed is missing"
    recipe, mean = f"`{document['spec']['recipe']}`", statistics.fmean(error)
    if document["spec"]["precision"] == "float32":
        recipe += " in float32"
    if path.stem.endswith("_by_name"):
        recipe += ", draws by name"
    in_readme = f"| {recipe} | {mean:.2f} % | {max(error):.2f} % | {len(seeds)} |"
    of_codes = f"{codes['mean']:.2f}, {codes['worst']:.2f} | {information['worst']:.3f} nats | {minutes:.0f} |"
    row = f"| [{recipe}]({path.name}) | {len(seeds)} | {mean:.2f} % | {max(error):.2f} % | {of_codes}"
    return in_readme, row, f"{recipe}: {', '.join(f'{value:.2f}' for value in error)} %."


@pytest.mark.parametrize(
    "path", [*sorted(STUDIES.glob("mnist_*.json")), STUDIES / "precision_float32.json"], ids=lambda path: path.stem
)
def test_the_studies_of_mnist_in_the_docs_are_those_that_were_made(path):
    in_readme, row, errors = describe_study(path)
    assert in_readme in (ROOT / "README.md").read_text()
    text = (STUDIES / "README.md").read_text()
    assert row in text
    assert errors in text


def test_the_study_in_float32_is_set_beside_the_one_in_bfloat16():
    text = (ROOT / "docs" / "notes" / "performance.md").read_text()
    documents = [json.loads((STUDIES / f"{name}.json").read_text()) for name in ("precision_float32", "mnist_default")]
    assert [document["spec"].get("precision") for document in documents] == ["float32", "bfloat16"]
    values = [
        {row["name"]: row["values"] for row in document["summary"] if row["code"] in ("digit", None)}
        for document in documents
    ]
    errors, others = ([100 * error for error in each["error rate"]] for each in values)
    differences = [error - other for error, other in zip(errors, others, strict=True)]
    assert f"{statistics.fmean(errors):.2f} % in the mean in float32 (deviation {statistics.stdev(errors):.2f}" in text
    assert f"{statistics.fmean(others):.2f} % in bfloat16 ({statistics.stdev(others):.2f})" in text
    error_of_mean = statistics.stdev(differences) / len(differences) ** 0.5
    of_pairs = f"{statistics.fmean(differences):.2f} points in the mean, with a standard error of {error_of_mean:.2f}"
    assert of_pairs in text
    assert [run["seed"] for run in documents[0]["runs"]] == list(range(10))
    for seed in range(10):
        errors = " | ".join(f"{100 * each['error rate'][seed]:.2f} %" for each in values)
        codes = ", ".join(f"{each['slant by one code, form by another'][seed]:.2f}" for each in values)
        assert f"| {seed} | {errors} | {codes} |" in text


def by_name_and_code(rows):
    return {(row["name"], row["code"]): row for row in rows}


def read_guide_and_note(name):
    return "".join((folder / name).read_text() for folder in (ROOT / "docs", ROOT / "docs" / "notes"))


def test_the_study_of_fashion_mnist_in_the_docs_is_the_one_that_was_made():
    document = json.loads((STUDIES / "fashion_mnist.json").read_text())
    rows = {key: row["values"] for key, row in by_name_and_code(document["summary"]).items()}
    accuracy = [100 * (1 - error) for error in rows["error rate", "category_1"]]
    text = read_guide_and_note("experiments.md")
    each = ", ".join(f"{value:.1f}" for value in accuracy)
    assert f"one-to-one accuracy {statistics.fmean(accuracy):.1f} % (aim: 62 %); {each} %" in text
    purity, of_clusters = rows["purity", "category_1"], rows["purity, k-means on Q's features", None]
    in_readme = f"k-means on Q's features has a purity of {statistics.fmean(of_clusters):.3f}"
    assert in_readme in (ROOT / "README.md").read_text()
    columns = purity, of_clusters, rows["NMI, k-means on Q's features", None]
    means = " | ".join(f"{statistics.fmean(values):.3f}" for values in columns)
    assert f"| ours, mean | {statistics.fmean(accuracy):.1f} % | {means} |" in text
    seeds = " | ".join(", ".join(f"{value:.3f}" for value in values) for values in columns)
    assert f"| ours, each seed | {each} % | {seeds} |" in text
    codes = [rows["L_I", code] for code in ("category_1", "continuous_1", "continuous_2")]
    nmi, distance = rows["NMI", "category_1"], rows["Frechet distance to test images", None]
    ari, noise = rows["ARI", "category_1"], rows["spread by noise alone", None]
    for i, run in enumerate(document["runs"]):
        learned = ", ".join(f"{values[i]:.3f}" for values in codes)
        row = f"| {run['seed']} | {accuracy[i]:.1f} % | {nmi[i]:.3f} | {learned} nats | {distance[i]:.1f} | "
        row += f"{purity[i]:.3f} | {of_clusters[i]:.3f} | {ari[i]:.3f} | {100 * noise[i]:.0f} % |"
        assert row in text, row


CELEBA_ROWS = {
    "smile": "Smiling",
    "glasses": "Eyeglasses",
    "men": "Male",
    "a fringe": "Bangs",
    "black hair": "Black_Hair",
    "blond hair": "Blond_Hair",
    "hats": "Wearing_Hat",
}


def test_the_study_of_celeba_in_the_docs_is_the_one_that_was_made():
    document = json.loads((STUDIES / "celeba.json").read_text())
    runs = [by_name_and_code(run["metrics"]) for run in document["runs"]]
    text = read_guide_and_note("experiments.md")
    for label, attribute in CELEBA_ROWS.items():
        cells = []
        for rows in runs:
            change = rows[f"change of {attribute} in samples, best code", None]["note"]
            low, high = re.findall(r"(\d+) % with", change)
            told = rows[f"balanced accuracy for {attribute}, best code", None]["ours"]
            cells.append(f"{low} to {high} %; {100 * told:.0f} %")
        assert f"| {label} | {' | '.join(cells)} |" in text, label
    distances = [rows["Frechet distance to test images", None]["ours"] for rows in runs]
    assert f"Frechet distance {', '.join(f'{distance:.1f}' for distance in distances)} (plain GAN" in text
    for run, rows in zip(document["runs"], runs):
        learned = ", ".join(f"{rows['L_I', f'category_{number}']['ours']:.2f}" for number in range(1, 11))
        distance, noise = rows["Frechet distance to test images", None], rows["spread by noise alone", None]
        assert f"| {run['seed']} | {learned} | {100 * noise['ours']:.0f} % | {distance['ours']:.1f} |" in text


def test_the_study_of_svhn_in_the_docs_is_the_one_that_was_made():
    document = json.loads((STUDIES / "svhn.json").read_text())
    text, found = read_guide_and_note("experiments.md"), []
    for run in document["runs"]:
        rows = by_name_and_code(run["metrics"])
        best = rows["light by a continuous code", None]
        code, quality = best["note"].split(": ")
        swept = rows[f"|Spearman| with {quality}", code]
        low, high, _ = swept["change"]
        row = f"| {run['seed']} | `{code}`, {quality} | {low:.0f} to {high:.0f} % | {best['ours']:.3f} | "
        row += f"{swept['note'].split()[0]} |"
        assert row in text, row
        categories = ", ".join(f"{rows['L_I', f'category_{number}']['ours']:.2f}" for number in range(1, 5))
        continuous = ", ".join(f"{rows['L_I', f'continuous_{number}']['ours']:.3f}" for number in range(1, 5))
        distance, noise = rows["Frechet distance to test images", None], rows["spread by noise alone", None]
        row = f"| {run['seed']} | {categories} | {continuous} | {100 * noise['ours']:.0f} % | {distance['ours']:.1f} |"
        assert row in text, row
        found.append(best["ours"])
    assert f"light by a continuous code {', '.join(f'{value:.3f}' for value in found)} (aim: 0.8)" in text


def read_by_name(document):
    """Of a study: the values of the seeds, in order, of each row without a code."""
    return {name: row["values"] for (name, code), row in by_name_and_code(document["summary"]).items() if code is None}


def check_rows_of_five_seeds(document, found, text):
    """A row a seed and one of the means, with a column for each list of `found`."""
    seeds = [run["seed"] for run in document["runs"]]
    assert seeds == [0, 1, 2, 3, 4]
    for name, values in [*zip(seeds, zip(*found)), ("mean", map(statistics.fmean, found))]:
        row = f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |"
        assert row in text, row


def test_the_study_of_faces_in_the_docs_is_the_one_that_was_made():
    document = json.loads((STUDIES / "faces.json").read_text())
    rows, text = read_by_name(document), read_guide_and_note("experiments.md")
    factors = ("azimuth", "elevation", "light_azimuth", "light_elevation", "skin", "width", "generated width")
    found = [rows[f"|Spearman| with {factor}, best code"] for factor in factors]
    found.append(rows["Frechet distance to test images, random features"])
    check_rows_of_five_seeds(document, found, text)
    azimuth, elevation, light, *_, width = (statistics.fmean(values) for values in found[:6])
    lowest = min(min(values) for values in found[:3])
    summary = (
        f"azimuth {azimuth:.3f}, elevation {elevation:.3f}, light {light:.3f}; at least {lowest:.3f} on each seed "
    )
    assert f"{summary}(aim: 0.9); width {width:.3f} (aim: 0.7)" in text, summary
    assert f"rank correlations of at least {lowest:.3f} (" in (ROOT / "README.md").read_text()


def test_the_study_of_chairs_in_the_docs_is_the_one_that_was_made():
    document = json.loads((STUDIES / "chairs.json").read_text())
    rows, text = read_by_name(document), read_guide_and_note("experiments.md")
    explained = rows["variance of azimuth explained, best code"]
    found = [explained, rows["variance of azimuth explained, best code, objects trained on"]]
    found.append(rows["variance of generated azimuth explained, best code"])
    found.append(rows["Frechet distance to test images, random features"])
    check_rows_of_five_seeds(document, found, text)
    each = ", ".join(f"{share:.3f}" for share in explained)
    assert f"azimuth explained {statistics.fmean(explained):.3f} (aim: 0.8); {each}" in text


def test_the_study_of_one_head_in_the_docs_is_the_one_that_was_made():
    document = json.loads((ROOT / "docs" / "notes" / "faces_one_head.json").read_text())
    rows = {row["name"]: row["values"] for row in document["summary"]}
    found = [rows[f"|Spearman| with {factor}, best code"] for factor in ("lighting", "azimuth", "elevation")]
    seeds = [run["seed"] for run in document["runs"]]
    assert seeds == [0, 1, 2, 3, 4]
    text = read_guide_and_note("experiments.md")
    for name, values in [*zip(seeds, zip(*found)), ("mean", [statistics.fmean(each) for each in found])]:
        row = " | ".join(f"{value:.3f}" for value in [*values, statistics.fmean(values)])
        assert f"| {name} | {row} |" in text, row
    each = ", ".join(f"{statistics.fmean(values):.3f}" for values in zip(*found))
    assert f"mean of three factors {statistics.fmean(map(statistics.fmean, found)):.3f} (aim: 0.9); {each}" in text
    assert ", ".join(f"{max(values):.3f}" for values in found[:2]) + f" and {max(found[2]):.3f}" in text


def test_the_study_of_15_chairs_in_the_docs_is_the_one_that_was_made():
    document = json.loads((ROOT / "docs" / "notes" / "chairs_15.json").read_text())
    rows = {key: row["values"] for key, row in by_name_and_code(document["summary"]).items()}
    explained = rows["variance of azimuth explained", "circular_1"]
    codes = zip(rows["L_I", "category_1"], rows["L_I", "circular_1"])
    text = read_guide_and_note("experiments.md")
    assert [run["seed"] for run in document["runs"]] == [0, 1, 2]
    for seed, (share, (of_category, of_angle)) in enumerate(zip(explained, codes)):
        assert f"| {seed} | {share:.3f} | {of_category:.3f}, {of_angle:.3f} nats |" in text
    each = ", ".join(f"{share:.3f}" for share in explained)
    assert f"azimuth explained {statistics.fmean(explained):.3f} (aim: 0.8); {each}" in text


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    names = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    names |= {f"notes/{page.name}" for page in NOTES}
    assert not [name for name in names if f"]({name})" not in index]


def test_pictures_are_small_and_shown():
    text = "".join(page.read_text() for page in PAGES)
    for picture in (ROOT / "docs" / "pictures").rglob("*.*"):
        name = picture.relative_to(ROOT / "docs").as_posix()
        assert picture.stat().st_size < 300_000 and name in text, name


def test_the_notebook_is_stripped_and_its_python_compiles():
    assert NOTEBOOK["nbformat"] == 4
    assert not [
        cell
        for cell in NOTEBOOK["cells"]
        if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"])
    ]
    for cell in read_cells("code"):
        compile(cell, "tutorial.ipynb", "exec")
