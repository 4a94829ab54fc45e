"""The page of the paper's statements: every number comes from a study, and every verdict from a number."""

import dataclasses
import html
import json
import math
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, read_refusal

from infogan.cli import paper
from infogan.evaluation.verdicts import (
    FAILS,
    HOLDS,
    IN_SOME_SEEDS,
    NOT_COUNTED,
    NOT_MEASURABLE,
    NOT_MEASURED,
    Evidence,
    Number,
    Setting,
    Statement,
    describe_codes,
    judge,
)
from infogan.recipes import load_experiment
from infogan.recipes.evidence import find_departures, find_objection
from infogan.recipes.mnist import DEFAULT, FIGURE_1, PAPER
from infogan.recipes.statements import SECTIONS, STATEMENTS
from infogan.system.messages import TrainingFailed

STUDIES = ROOT / "docs" / "studies"
COMMITTED = ROOT / "docs" / "reproduction.html"
COMMAND = "python launchers/run_paper.py --studies docs/studies --output docs/reproduction.html"


def make_page(folder, output):
    assert paper.main(["--studies", str(folder), "--output", str(output)]) == 0
    return output.read_text()


@pytest.fixture
def studies(tmp_path):
    """A copy of a study that was made, and of Figure 1."""
    folder = tmp_path / "kept" / "studies"
    folder.mkdir(parents=True)
    for name in ("mnist_default", "figure1"):
        shutil.copy(STUDIES / f"{name}.json", folder)
    return folder


def change(path, edit):
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def find_rows(page, section):
    """The first table of a section, as lists of cells without tags."""
    text = page.split(f'<h2 id="{section}">')[1].split("<h2 ")[0].split("<tbody>")[1].split("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    return [[re.sub(r"<[^>]+>", " ", cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row)] for row in rows]


def test_the_committed_page_is_that_of_the_committed_studies(tmp_path):
    page = make_page(STUDIES, tmp_path / "page.html")
    is_same = page.encode() == COMMITTED.read_bytes()  # pytest would look for their differences for minutes
    assert is_same, f"docs/reproduction.html is an older one's. Make it again: {COMMAND}"
    assert make_page(STUDIES, tmp_path / "again.html") == page


def test_the_page_needs_nothing_else_and_runs_nothing():
    page = COMMITTED.read_text()
    assert not re.search(r"<script|<link|<iframe|url\(|srcset|@import|src=\"(?!data:)", page)
    assert set(re.findall(r"href=[\"']([^\"']+)", page)) == {
        "https://arxiv.org/abs/1606.03657",
        *(f"#{name}" for name in SECTIONS),
    }
    assert 'name="viewport"' in page and "prefers-color-scheme: dark" in page


def test_the_numbers_of_the_page_are_those_of_the_documents():
    """Worked out anew, from the reports of the seeds."""
    document = json.loads((STUDIES / "mnist_default.json").read_text())
    errors = [100 * row["ours"] for run in document["runs"] for row in run["metrics"] if row["name"] == "error rate"]
    rows = {row[0]: row for row in find_rows(COMMITTED.read_text(), "mnist")}
    found = rows["Sec. 7.2"][2]
    assert "at most 5.00 % (the paper's); means over the seeds:" in html.unescape(found)
    assert f"{statistics.fmean(errors):.2f} %  mnist_default: worst {max(errors):.2f} %" in found
    assert f"best {min(errors):.2f} %; 10 of 10 seeds" in found
    each = ", ".join(f"{run['seed']}: {error:.2f} %" for run, error in zip(document["runs"], errors))
    assert f"mnist_default &ndash; {each}" in found
    slants = [
        max(row["ours"] for row in run["metrics"] if row["name"] == "|Spearman| with slant") for run in document["runs"]
    ]
    assert f"{statistics.fmean(slants):.3f}  mnist_default" in rows["Fig. 2(c)"][2]
    curves = json.loads((STUDIES / "figure1.json").read_text())["curves"]
    peaks = [max(curve) for curve in curves["gan"]["mi/digit"]]
    row = next(row for row in find_rows(COMMITTED.read_text(), "figure1") if "peaks near" in row[1])
    assert f"{statistics.fmean(peaks):.3f} nats  figure1: worst {min(peaks):.3f} nats" in row[2]


def test_without_studies_no_statement_has_a_number():
    for statement in STATEMENTS:
        judged = judge(statement, [])
        assert judged.findings == ()
        assert isinstance(statement.check, Setting) or judged.verdict in (NOT_MEASURED, NOT_MEASURABLE)


def test_a_verdict_follows_the_documents(studies, tmp_path):
    def set_error(values):
        def edit(document):
            for run, value in zip(document["runs"], values):
                (row,) = (row for row in run["metrics"] if row["name"] == "error rate")
                row["ours"] = value

        return edit

    verdicts = []
    for values in ([0.04] * 10, [0.06] + [0.04] * 9, [0.06] * 10, [None] * 10):
        change(studies / "mnist_default.json", set_error(values))
        verdicts.append(find_rows(make_page(studies, tmp_path / "page.html"), "mnist")[0])
    assert [row[3].strip() for row in verdicts] == [HOLDS, "holds in 9 of 10 seeds", FAILS, FAILS]
    assert "4.20 %  mnist_default: worst 6.00 %" in verdicts[1][2]
    assert "no number" in verdicts[3][2]


def test_a_study_of_an_older_recipe_is_shown_and_not_counted(studies, tmp_path):
    change(studies / "mnist_default.json", lambda document: document["spec"].update(batch_size=64))
    page = make_page(studies, tmp_path / "page.html")
    row = find_rows(page, "mnist")[0]
    assert "not counted: made with an older recipe, in which batch_size differed" in row[2]
    assert row[3].strip() == NOT_COUNTED
    shutil.copy(STUDIES / "mnist_robust.json", studies)  # the next one decides
    assert find_rows(make_page(studies, tmp_path / "page.html"), "mnist")[0][3].strip() == HOLDS


def test_what_objects_to_a_study():
    assert find_objection(DEFAULT) == find_objection(dataclasses.replace(DEFAULT, precision="bfloat16")) == ""
    assert find_objection(dataclasses.replace(DEFAULT, smoke=True, max_epoch=2)) == "a smoke run"
    assert "an older recipe, in which max_epoch differed" in find_objection(dataclasses.replace(DEFAULT, max_epoch=2))
    assert "recipe mine, which is not known today" in find_objection(dataclasses.replace(DEFAULT, recipe="mine"))
    for plan in paper.PLANS:
        assert find_objection(plan.spec) == "", plan.name


def test_departures_are_the_settings_that_differ_from_recipe_paper():
    assert find_departures(PAPER) == ()
    departures = {setting.split(":")[0]: (printed, ours) for setting, printed, ours in find_departures(DEFAULT)}
    assert departures["continuous_weight"] == ("0.1", "0.5")
    assert departures["latent_spec"] == (
        "noise 62, 1 x Cat(10), 2 x U(-1, 1), learned deviation",
        "noise 62, 1 x Cat(10), 2 x U(-1, 1), unit deviation",
    )
    assert {"batch_size", "augmentation", "code_schedules", "constant_rate_share"} < departures.keys()


def evidence(*values, objection="", name="score", code=None):
    metrics = tuple([{"name": name, "code": code, "ours": value}] for value in values)
    return Evidence("s", "mnist", "default", tuple(range(len(values))), metrics, objection=objection)


@pytest.mark.parametrize(
    ("values", "rule", "verdict", "worst"),
    [
        ((0.5, 0.6), "at least", HOLDS, 0.5),
        ((0.4, 0.6), "at least", IN_SOME_SEEDS, 0.4),
        ((0.4, 0.3), "at least", FAILS, 0.3),
        ((0.5, 0.4), "at most", HOLDS, 0.5),
        ((0.5, 0.6), "at most", IN_SOME_SEEDS, 0.6),
    ],
)
def test_rules(values, rule, verdict, worst):
    judged = judge(Statement("mnist", "Sec. 1", "", Number("score", rule, 0.5)), [evidence(*values)])
    assert (judged.verdict, judged.findings[0].worst) == (verdict, worst)


def test_a_run_without_a_number_does_not_hold():
    statement = Statement("mnist", "Sec. 1", "", Number("score", "at most", 0.5))
    judged = judge(statement, [evidence(0.1, None)])
    assert judged.verdict == IN_SOME_SEEDS
    assert math.isnan(judged.findings[0].mean) and math.isnan(judged.findings[0].worst)
    assert judge(statement, [evidence(0.1, name="other")]).verdict == NOT_MEASURED
    assert judge(statement, [evidence(0.1, code="digit")]).verdict == NOT_MEASURED
    assert judge(dataclasses.replace(statement, check=None), [evidence(0.1)]).verdict == NOT_MEASURABLE


def test_the_first_study_that_counts_decides():
    statement = Statement("mnist", "Sec. 1", "", Number("score", "at least", 0.5))
    old, bad, good = evidence(0.9, objection="old"), evidence(0.1), evidence(0.9)
    assert judge(statement, [old, bad, good]).verdict == FAILS
    assert judge(statement, [old]).verdict == NOT_COUNTED
    assert judge(dataclasses.replace(statement, experiment="svhn"), [good]).verdict == NOT_MEASURED


def test_the_best_and_the_worst_of_exchangeable_codes():
    metrics = [{"name": "score", "code": code, "ours": ours} for code, ours in (("a", 0.2), ("b", 0.7), (None, 0.9))]
    for rule, among, ours in (
        ("at least", "best", 0.7),
        ("at least", "worst", 0.2),
        ("at most", "best", 0.2),
        ("at most", "worst", 0.7),
    ):
        assert Number("score", rule, 0.5, among=among).find(metrics)["ours"] == ours
    metrics[0]["ours"] = None
    assert Number("score", "at least", 0.5, among="best").find(metrics)["ours"] is None


def test_a_setting_that_a_recipe_has_otherwise_does_not_hold():
    printed = "noise 62, 1 x Cat(10), 2 x U(-1, 1)"
    other = dataclasses.replace(PAPER, latent_spec=PAPER.latent_spec[:3])
    for spec, verdict in ((PAPER, HOLDS), (other, FAILS)):
        assert judge(Statement("mnist", "C.1", "", Setting(describe_codes, spec, printed)), []).verdict == verdict


def test_recipe_paper_obeys_all_that_is_printed():
    settings = [statement for statement in STATEMENTS if isinstance(statement.check, Setting)]
    assert len(settings) > 20
    for statement in settings:
        assert statement.check.spec.recipe == "paper"
        judged = judge(statement, [])
        assert judged.verdict == HOLDS, (statement.place, judged.found)


def test_every_part_of_the_page_has_statements_a_study_and_pictures():
    assert {statement.experiment for statement in STATEMENTS} == set(SECTIONS) == set(paper.PICTURES)
    assert set(SECTIONS) <= set(paper.NAMES)
    for shown in (shown for several in paper.PICTURES.values() for shown in several):
        places = (ROOT / "docs" / "pictures" / shown.kept, STUDIES / shown.kept)
        assert any(place.exists() for place in places), shown.kept


def test_plans_are_those_of_the_launchers_and_their_minutes_those_that_were_measured():
    for plan in paper.PLANS:
        experiment = load_experiment(plan.spec.name)
        given = dict(zip(plan.arguments[::2], plan.arguments[1::2]))
        spec = experiment.recipes[given.get("--recipe", experiment.specs[0].recipe)]
        if factor := given.get("--factor"):
            spec = experiment.flags["factor"].change(spec, factor)
        assert plan.spec == spec
        path = STUDIES / f"{plan.name}.json"
        if path.exists() and plan.name != "figure1":
            document = json.loads(path.read_text())
            assert document["arguments"] == list(plan.arguments)
            assert plan.minutes == pytest.approx(statistics.fmean(run["minutes"] for run in document["runs"]), rel=0.3)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A folder without logs or data, where nothing is trained: what would be is listed."""
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(paper, "run_studies", lambda studies: asked.extend(studies) or [])
    monkeypatch.setattr(paper, "_draw_figure1", lambda studies: None)
    return asked


def test_without_data_the_rest_is_run_and_the_page_says_where_to_get_it(empty, capsys):
    assert paper.main([]) == 0
    assert {study.name for study in empty} >= {"mnist_default", "figure1_infogan", "figure1_gan"}
    out, page = capsys.readouterr().out, Path("logs/reproduction.html").read_text()
    assert "mnist_default: 10 runs, about 180 minutes of one core" in out
    for name in ("svhn", "celeba"):
        assert name not in {study.name for study in empty}
        assert f"{name}: no data: data/{name} " in out
        assert f"no data: data/{name} " in page
    assert "run only if asked for, with --only: mnist_robust" in out


def test_what_is_asked_for_is_run(empty, capsys):
    names = ["mnist", "mnist-paper", "mnist"]
    assert paper.main(["--only", *names, "--seeds", "3-4"]) == 0
    assert [(study.name, study.arguments, study.seeds) for study in empty] == [
        ("mnist_default", ("--recipe", "default"), (3, 4)),
        ("mnist_paper", ("--recipe", "paper"), (3, 4)),
    ]
    assert {str(study.log_root) for study in empty} == {"logs/mnist"}
    assert {study.instead for study in empty} == {"move its document away"}


def test_finished_seeds_are_counted_and_shown(empty, capsys):
    folder = Path("logs/mnist")
    folder.mkdir(parents=True)
    shutil.copy(STUDIES / "mnist_reference.json", folder)
    assert paper.main(["--only", "mnist_reference", "--seeds", "0-5"]) == 0
    assert "mnist_reference: 1 run, about 14 minutes of one core" in capsys.readouterr().out
    row = find_rows(Path("logs/reproduction.html").read_text(), "mnist")[0]
    assert "mnist_reference: worst 27.96 %" in row[2]
    assert row[3].strip() == FAILS


def test_pictures_are_those_of_the_first_seed(empty, tmp_path):
    log = Path("logs/mnist/mnist_reference_seed0/samples")
    log.mkdir(parents=True)
    shutil.copy(STUDIES / "mnist_reference.json", "logs/mnist")
    shutil.copy(ROOT / "docs" / "pictures" / "digit.png", log / "digit.png")
    assert paper.main(["--only", "mnist_reference"]) == 0
    page = Path("logs/reproduction.html").read_text()
    assert page.count("<img ") == 1 and "data:image/png;base64," in page


def test_a_failed_seed_ends_the_command_and_what_was_found_is_shown(empty, monkeypatch, capsys):
    def fail(studies):
        raise TrainingFailed("seeds 1 of mnist_default failed. The same command tries them again.")

    monkeypatch.setattr(paper, "run_studies", fail)
    assert paper.main(["--only", "mnist"]) == 1
    assert "seeds 1 of mnist_default failed" in capsys.readouterr().err
    assert NOT_MEASURED in Path("logs/reproduction.html").read_text()


def test_a_smoke_run_is_of_one_seed_somewhere_else(empty, capsys):
    assert paper.main(["--smoke", "--only", "mnist", "figure1"]) == 0
    assert [(study.name, study.seeds, study.arguments[-1]) for study in empty] == [
        ("mnist_default", (0,), "--smoke"),
        ("figure1_infogan", (0,), "--smoke"),
        ("figure1_gan", (0,), "--smoke"),
    ]
    assert not empty[0].log_root.is_relative_to(Path.cwd())
    assert not empty[0].log_root.parent.parent.exists()
    assert Path("logs/smoke.html").exists() and not Path("logs/reproduction.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "mnits"], "argument --only: 'mnits' was given, but the known ones are mnist, "),
        (["--only", "faces_paper_azimut"], "the known ones are faces_paper_azimuth, "),
        (["--seeds", "3-1"], "'3-1' was given, but seeds are needed"),
        (["--studies", "nowhere"], "--studies: nowhere was given, but there is no such folder. Give"),
        (["--studies", "file"], "--studies: file was given, but it is not a folder"),
        (["--studies", "none"], "--studies: none was given, but it holds no study of the paper. Give"),
        (["--studies", "none", "--smoke"], "--studies: --smoke was given with it, but nothing is run then."),
        (["--studies", "none", "--only", "mnist"], "--studies: --only was given with it"),
        (["--output", "none"], "--output: none was given, but it is a folder."),
        (["--output", "file/page.html"], "--output: file was given, but it is not a folder"),
    ],
)
def test_wrong_input_gets_one_line(empty, capsys, arguments, message):
    Path("none").mkdir()
    Path("file").touch()
    assert message in read_refusal(capsys, paper.main, arguments)
    assert empty == []
    assert sorted(path.name for path in Path().iterdir()) == ["file", "none"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mnist_default", "{", "mnist_default.json: it holds no study. Restore it."),
        ("mnist_default", "[]", "mnist_default.json: it holds no study. Restore it."),
        ("mine", '{"name": "mine", "runs": [1]}', "mine.json: it holds no study. Restore it."),
        ("figure1", "{", "figure1.json: it holds no curves of Figure 1. Restore it."),
        ("figure1", '{"seeds": [0], "curves": {"gan": {}}}', "figure1.json: it holds no curves of Figure 1."),
        ("figure1", '{"seeds": [0], "curves": {"gan": {"mi/digit": [[]]}}}', "figure1.json: it holds no curves"),
    ],
)
def test_a_damaged_document_is_named(studies, tmp_path, capsys, name, content, message):
    (studies / f"{name}.json").write_text(content)
    output = tmp_path / "page.html"
    output.write_text("before")
    assert message in read_refusal(capsys, paper.main, ["--studies", str(studies), "--output", str(output)])
    assert output.read_text() == "before"


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document["runs"][0]["metrics"].append(1),
        lambda document: document["runs"][0].update(metrics={"a": 1}),
        lambda document: document["runs"][0]["metrics"][0].update(ours="much"),
        lambda document: document["runs"][0].update(seed="first"),
        lambda document: document["runs"][0].update(minutes="many"),
        lambda document: document["spec"].update(batch_size=-1),
        lambda document: document["spec"].update(colour="red"),
        lambda document: document["spec"].pop("name"),
        lambda document: document.pop("spec"),
    ],
)
def test_a_document_with_a_damaged_part_is_named(studies, tmp_path, capsys, edit):
    change(studies / "mnist_default.json", edit)
    refusal = read_refusal(capsys, paper.main, ["--studies", str(studies), "--output", str(tmp_path / "page.html")])
    assert refusal.startswith(f"{Path(sys.argv[0]).name}: {studies / 'mnist_default.json'}: ")
    assert not (tmp_path / "page.html").exists()


def test_other_documents_of_the_folder_are_passed_over(studies, tmp_path):
    before = make_page(studies, tmp_path / "page.html")
    (studies / "selection.json").write_text('{"picks": {}}')
    shutil.copy(STUDIES / "fashion_mnist.json", studies)  # of no experiment of the paper
    assert make_page(studies, tmp_path / "page.html") == before


def test_figure_1_has_the_minutes_and_departures_of_the_studies_that_it_was_made_of(studies, tmp_path):
    for variant, minutes in (("infogan", 4.0), ("gan", 6.0)):
        spec = dataclasses.replace(FIGURE_1, variant=variant).to_document()
        runs = [{"seed": seed, "metrics": [], "minutes": minutes, "cores": 2} for seed in range(3)]
        document = {"name": f"figure1_{variant}", "arguments": [], "spec": spec, "runs": runs}
        (studies / f"figure1_{variant}.json").write_text(json.dumps(document))
    page = make_page(studies, tmp_path / "page.html")
    section = page.split('<h2 id="figure1">')[1].split("<h2 ")[0]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", section.split('class="studies"')[1].split("</table>")[0])
    assert cells == ["figure1", "figure1, auto", "0, 1, 2", "936 of 128 images", "5 (4 to 6)", "2", "0.5"]
    assert "Departures of figure1 from recipe paper" in section and "noise 62, 1 x Cat(10)" in section
    assert "figure1_gan" not in page


def test_studies_come_in_the_order_of_the_plans_and_the_first_decides(tmp_path):
    names = ("precision_float32", "mnist_reference", "mnist_default_by_name", "mnist_default", "figure1")
    ordered = sorted((tmp_path / f"{name}.json" for name in names), key=paper._find_order)
    assert [path.stem for path in ordered] == [names[3], names[2], names[4], names[1], names[0]]


def test_making_the_page_imports_no_tensorflow(tmp_path):
    code = (
        "import sys; from infogan.cli.paper import main; "
        f"status = main(['--studies', {str(STUDIES)!r}, '--output', 'page.html']); "
        "print(status, 'tensorflow' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout.splitlines()[-1:] == ["0 False"], result.stderr
