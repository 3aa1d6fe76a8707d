"""The pages of the repository as tests read them: files, headings, links, and the commands of console blocks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FOLDERS = ("docs", "statemachines", "functions", "layers", "cli", "events", "samples", "tests")
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMENT = re.compile(r"\s+#\s.*$")


def pages() -> list[Path]:
    """Return every page people read, those at the root first."""
    found = sorted(ROOT.glob("*.md"))
    for folder in _FOLDERS:
        found += sorted((ROOT / folder).rglob("*.md"))
    return found


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read(place: str | Path) -> str:
    return (ROOT / place).read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Return a page without its blocks of code and its code in lines."""
    return _CODE.sub("", _BLOCK.sub("", read(page)))


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return what a link may name within a page: its headings as GitHub writes them."""
    headings = re.findall(r"^#+ +(.+?) *$", _BLOCK.sub("", read(page)), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in plain}


def commands(page: Path) -> Iterator[list[str]]:
    """Yield each command of a page's console blocks, split into words, without its comment."""
    for _, language, block in _BLOCK.findall(read(page)):
        if language != "console":
            continue
        for line in block.splitlines():
            if line.strip().startswith("$ "):
                yield from _split(_COMMENT.sub("", line.strip().removeprefix("$ ")))


def inline_commands(page: Path) -> Iterator[list[str]]:
    """Yield what stands in a line of text as code and begins like a command of ours."""
    for code in _CODE.findall(_BLOCK.sub("", read(page))):
        words = code.strip("`").split()
        if words[:1] in (["buildgate"], ["make"]) and len(words) > 1:
            yield words


def _split(line: str) -> Iterator[list[str]]:
    """Yield the simple commands of a line; variables set in front of them and files they go to are left out."""
    lexer = shlex.shlex(re.sub(r"\s[<>]\s*\S+", "", line), posix=True, punctuation_chars="&|;")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("&|;"):
            if words:
                yield words
            words = []
        elif words or not re.fullmatch(r"\w+=\S*", word):
            words.append(word)
