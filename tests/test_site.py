"""The site of `make docs`, without building it: its nav, its pictures, and that it loads nothing from elsewhere."""

import re
import runpy

import pytest
from conftest import ROOT

SITE = ROOT / "docs" / "site"
CONFIG = (SITE / "mkdocs.yml").read_text()
CHECK = runpy.run_path(str(SITE / "check.py"))


def test_every_page_is_in_the_nav_once():
    nav = re.findall(r"^ +- (?:.+: )?(\S+\.md)$", CONFIG, re.MULTILINE)
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert sorted(nav) == sorted(page.relative_to(ROOT).as_posix() for page in pages)


def test_every_picture_is_shown_and_those_of_experiments_in_the_gallery():
    shown = {}
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        targets = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page.read_text())
        shown[page.relative_to(ROOT).as_posix()] = {(page.parent / target).resolve() for target in targets}
    pictures = {path for path in (ROOT / "docs" / "pictures").rglob("*") if path.is_file() and path.suffix != ".py"}
    assert len(pictures) > 10
    assert not pictures - set().union(*shown.values())
    trials = set().union(*(found for page, found in shown.items() if page.startswith("docs/notes/")))
    of_experiments = {path for path in pictures if path.parent.name == "experiments" or path.suffix == ".gif"}
    assert not of_experiments - trials - shown["docs/gallery.md"]


def test_the_gallery_gives_a_command_for_each_experiment():
    sections = (ROOT / "docs" / "gallery.md").read_text().split("\n## ")[1:]
    assert len(sections) >= 7
    assert not [
        section for section in sections if not re.search(r"^```\n(make|python launchers/)", section, re.MULTILINE)
    ]


def test_warnings_end_the_build():
    command = re.search(r"mkdocs build .*", (ROOT / "Makefile").read_text()).group()
    assert "--strict" in command and "--quiet" not in command  # which would hide what --strict counts
    for name in ("omitted_files", "absolute_links", "unrecognized_links", "anchors"):
        assert f"  {name}: warn\n" in CONFIG


def test_docstrings_name_one_argument_a_line():
    """The reference takes "a, b: ..." for one argument, which no signature has; its warning would end the build."""
    for path in (ROOT / "infogan").rglob("*.py"):
        sections = re.findall(r"^ *Args:\n(.*?)(?=^ *$|\"\"\")", path.read_text(), re.DOTALL | re.MULTILINE)
        indents = [len(section) - len(section.lstrip()) for section in sections]
        found = [
            line
            for section, indent in zip(sections, indents)
            for line in re.findall(rf"^ {{{indent}}}(\w+, [\w, *]+): ", section, re.MULTILINE)
        ]
        assert not found, f"{path}: {found}"


def test_the_site_names_no_remote_font_or_script():
    assert "font: false" in CONFIG
    for path in (SITE / "mkdocs.yml", SITE / "site.css"):
        assert "//" not in path.read_text(), path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<script src="https://a.example/x.js"></script>', ["https://a.example/x.js"]),
        ("<link rel=stylesheet href=//a.example/x.css>", ["//a.example/x.css"]),
        ('<img\nalt="a" src="http://a.example/x.png">', ["http://a.example/x.png"]),
        ("@font-face { src: url('https://a.example/x.woff2') }", ["https://a.example/x.woff2"]),
        ('@import "https://a.example/x.css";', ["https://a.example/x.css"]),
        ('<a href="https://a.example/">a link waits for a click</a><script src="../x.js"></script>', []),
        ("<p>https://a.example/ as text</p><img src='data:image/png;base64,AA//'>", []),
    ],
)
def test_what_a_page_would_load_from_elsewhere_is_found(text, found):
    assert CHECK["find_remote"](text) == found


def test_a_site_with_a_remote_script_is_refused(tmp_path, capsys):
    assert CHECK["main"](str(tmp_path)) == 2
    page = tmp_path / "index.html"
    page.write_text("<script src='x.js'></script>")
    assert CHECK["main"](str(tmp_path)) == 0
    page.write_text("<script src='https://a.example/x.js'></script>")
    capsys.readouterr()
    assert CHECK["main"](str(tmp_path)) == 2
    assert f"{page}: it loads https://a.example/x.js" in capsys.readouterr().err
