"""Refuses a built site that would load anything from elsewhere: scripts, style sheets, fonts, pictures, frames.

python docs/site/check.py build/site
"""

import re
import sys
from pathlib import Path

TAG = re.compile(r"<(?:script|link|img|iframe|source|video|audio|embed|object)\b[^>]*", re.IGNORECASE)
ADDRESS = re.compile(r"""\b(?:src|srcset|href|data)\s*=\s*["']?((?:https?:)?//[^"'\s>]+)""", re.IGNORECASE)
IN_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)


def find_remote(text: str) -> list[str]:
    """Addresses elsewhere that a page or a style sheet loads; links, which wait for a click, are none."""
    return [match for tag in TAG.findall(text) for match in ADDRESS.findall(tag)] + IN_STYLE.findall(text)


def main(folder: str) -> int:
    pages = [path for path in Path(folder).rglob("*") if path.suffix in (".html", ".css")]
    if not pages:
        print(f"{folder}: it holds no pages, but a built site is needed. Run make docs.", file=sys.stderr)
        return 2
    remote = [(path, address) for path in sorted(pages) for address in find_remote(path.read_text(encoding="utf-8"))]
    for path, address in remote:
        print(
            f"{path}: it loads {address}, but the site must work without the internet. Ship a copy in docs/site.",
            file=sys.stderr,
        )
    return 2 if remote else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
