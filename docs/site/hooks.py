"""What mkdocs.yml cannot say: the repository's own tree as the site's, and a page of reference for each module.

Pages keep their paths, README.md at the root and the guides below docs/, so links between them work on the site as they
do in the repository. A file that a page links to and that is no page becomes one that shows it.
"""

import posixpath
import re
from pathlib import Path

from markdown.extensions import Extension
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
MODULE = re.compile(r"(?<!\[)`(?:infogan/)?((?:\w+/)*\w+)\.py(?:: \w+)?`")  # `model/gan.py`, `cli/train.py: main`
FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


class TagsAreText(Extension):
    """`<run>` in a sentence of a docstring is a word, no HTML."""

    def extendMarkdown(self, md):
        md.inlinePatterns.deregister("html")


def find_modules():
    """Dotted names of the public modules and packages, sorted."""
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "infogan").rglob("*.py")]
    paths = [path.parent if path.name == "__init__" else path for path in paths]
    return sorted(".".join(path.parts) for path in paths if not path.name.startswith("_"))


def is_package(module):
    return (ROOT / module.replace(".", "/")).is_dir()


def reference_path(module):
    return f"reference/{module.replace('.', '/')}{'/index' if is_package(module) else ''}.md"


def reference_nav(modules, package="infogan"):
    """A package's own page, then its modules by name; packages among them are sections."""
    inside = [module for module in modules if module.rpartition(".")[0] == package]
    return [reference_path(package)] + [
        {module.rpartition(".")[2]: reference_nav(modules, module) if is_package(module) else reference_path(module)}
        for module in inside
    ]


def resolve(page, target):
    """Path, from the root, of what a page at `page` means by a relative link."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def on_config(config):
    config.markdown_extensions.append(TagsAreText())
    config.nav.append({"Reference": reference_nav(find_modules())})


def on_files(files, config):
    def add(path):
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))

    def generate(path, text):
        files.append(File.generated(config, path, content=text))

    for file in [file for file in files if file.src_dir == config.docs_dir]:
        files.remove(file)
        if file.src_uri.startswith("site/") == file.src_uri.endswith((".css", ".js")) and file.src_uri[-3:] != ".py":
            add(f"docs/{file.src_uri}")
    for page in ROOT.glob("*.md"):
        add(page.name)
    for page in [file.src_uri for file in files.documentation_pages()]:
        for path in (resolve(page, target) for target in LINK.findall((ROOT / page).read_text(encoding="utf-8"))):
            if {path, f"{path}.md"} & files.src_uris.keys() or not (ROOT / path).is_file():
                continue
            if path.endswith(".md"):
                add(path)
            else:
                language, code = "python" if path.endswith(".py") else "text", (ROOT / path).read_text(encoding="utf-8")
                generate(f"{path}.md", f"# {path}\n\n````{language}\n{code}\n````\n")
    for module in find_modules():
        # Guides come first in the search, and what `infogan` takes from its modules is found there.
        search = "exclude: true" if module == "infogan" else "boost: 0.1"
        generate(reference_path(module), f"---\ntitle: {module}\nsearch: {{ {search} }}\n---\n::: {module}\n")


def on_page_markdown(markdown, page, config, files):
    if page.file.generated_by:
        return markdown
    if page.file.src_uri == "docs/README.md":  # it names all, so it would be found before what it names
        page.meta["search"] = {"exclude": True}
    elif page.file.src_uri.startswith("docs/notes/"):  # after the guides
        page.meta["search"] = {"boost": 0.5}

    def link_to_source(match):
        return f"{match[0]}.md" if f"{resolve(page.file.src_uri, match[1])}.md" in files.src_uris else match[0]

    def link_to_reference(match):
        module = "infogan." + match[1].replace("/", ".").removesuffix(".__init__")
        return f"[{match[0]}][{module}]" if reference_path(module) in files.src_uris else match[0]

    parts = FENCE.split(markdown)
    parts[::2] = [MODULE.sub(link_to_reference, LINK.sub(link_to_source, text)) for text in parts[::2]]
    return "".join(parts)
