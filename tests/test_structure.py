"""The house rules that a machine can check."""

import ast
import re
import subprocess
import sys

import pytest
from conftest import ROOT

# Each part may import those of lower rank, and its own.
RANKS = {
    "system": 0,
    "distributions": 1,
    "schedule": 1,
    "grids": 1,
    "model": 2,
    "spec_document": 3,
    "latents": 4,
    "spec": 5,
    "codes": 6,
    "data": 6,
    "training": 7,
    "run": 8,
    "evaluation": 9,
    "experiment": 10,
    "recipes": 10,
    "cli": 11,
    "__main__": 12,
}


def nodes_that_run(tree):
    """All nodes below one, but what stands under `if TYPE_CHECKING`: only type checkers read it."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
            yield node
            yield from nodes_that_run(node)


def modules_of(path):
    """Dotted names of all that a file imports, inside functions too."""
    for node in nodes_that_run(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imports_of(path):
    """Names of the parts of the package that a file imports."""
    for module in modules_of(path):
        parts = module.split(".")
        if parts[0] == "infogan" and len(parts) > 1 and parts[1] in RANKS:
            yield parts[1]


def test_imports_point_one_way():
    for path in (ROOT / "infogan").rglob("*.py"):
        part = path.relative_to(ROOT / "infogan").parts[0].removesuffix(".py")
        if part == "__init__":
            continue
        for imported in imports_of(path):
            assert imported == part or RANKS[imported] < RANKS[part], f"{path.name} imports {imported}"


def test_one_file_alone_draws_with_matplotlib():
    """There no setting of the user's reaches what is drawn."""
    files = [*(ROOT / "infogan").rglob("*.py"), *(ROOT / "launchers").glob("*.py")]
    drawing = {path.name for path in files if any(module.split(".")[0] == "matplotlib" for module in modules_of(path))}
    assert drawing == {"figures.py"}


def test_nothing_imports_a_launcher():
    names = {path.stem for path in (ROOT / "launchers").glob("*.py")}
    for path in (ROOT / "infogan").rglob("*.py"):
        assert not names & {module.split(".")[0] for module in modules_of(path)}, path


def test_no_file_has_a_vague_name():
    assert not [p for p in (ROOT / "infogan").rglob("*.py") if p.stem in {"misc", "utils", "common", "helpers"}]


def test_datasets_build_no_graph():
    for path in (ROOT / "infogan" / "data").glob("*.py"):
        assert "infogan.system.tf1" not in modules_of(path), path


def test_layers_work_when_tensorflow_was_imported_first():
    code = """
import warnings
warnings.simplefilter("error", DeprecationWarning)
import tensorflow as tf
import infogan
with tf.Graph().as_default():
    layer = tf.compat.v1.layers.Dense(3)
    print(layer(tf.zeros([2, 5])).shape)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.strip() == "(2, 3)", result.stderr
    assert "deprecated" not in result.stderr


def test_python_of_the_readme_runs():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def is_public(name):
    return not name.startswith("_") or name.endswith("__")


def bare_parts(body, where="", in_class=False):
    """What of public functions, methods and class attributes has no annotation, as "Class.method: argument"."""
    for node in body:
        if isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from bare_parts(node.body, f"{where}{node.name}.", in_class=True)
        elif isinstance(node, ast.FunctionDef) and is_public(node.name):
            takes_self = in_class and not any(getattr(d, "id", "") == "staticmethod" for d in node.decorator_list)
            given = node.args
            named = [*given.posonlyargs, *given.args][takes_self:] + given.kwonlyargs
            several = filter(None, (given.vararg, given.kwarg))
            bare = [argument.arg for argument in (*named, *several) if argument.annotation is None]
            yield from (f"{where}{node.name}: {name}" for name in bare + ["result"] * (node.returns is None))
        elif isinstance(node, ast.Assign) and in_class:
            names = (target.id for target in node.targets if isinstance(target, ast.Name))
            yield from (f"{where}{name}" for name in names if is_public(name))


def test_bare_parts_are_found():
    code = """
def whole(a: int, *b: int, c: int = 0, **d: int) -> None: ...
def part(a, b: int, *c, d, **e): ...
def _private(a): ...
class Public:
    x = 1
    y: int = 1
    _z = 1
    def method(self, a): ...
    def __init__(self): ...
    @classmethod
    def make(cls) -> int: ...
    @staticmethod
    def combine(a) -> int: ...
class _Private:
    def method(self, a): ...
"""
    assert list(bare_parts(ast.parse(code).body)) == [
        *("part: a", "part: d", "part: c", "part: e", "part: result"),
        *("Public.x", "Public.method: a", "Public.method: result", "Public.__init__: result", "Public.combine: a"),
    ]


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "infogan").rglob("*.py")),
    ids=lambda path: str(path.relative_to(ROOT / "infogan")),
)
def test_public_signatures_are_annotated(path):
    assert not list(bare_parts(ast.parse(path.read_text()).body))


def test_launcher_flags_of_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    flags = set(re.findall(r"run_mnist_exp\.py[^`\n]*?(--[a-z-]+)", text))
    command = [sys.executable, str(ROOT / "launchers" / "run_mnist_exp.py"), "--help"]
    known = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert flags
    assert not [flag for flag in flags if flag not in known]


def test_links_of_the_docs_lead_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
