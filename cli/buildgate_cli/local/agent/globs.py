"""Which files a buildspec's patterns mean.

`*` and `?` stay inside one folder, `**` crosses folders, `[...]` and `{a,b}` work as in a shell; hidden files match.
A pattern that names one folder means no file, and so does one with a NUL, which no file's name can hold.
"""

import functools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_MAGIC = re.compile(r"[*?\[{]")


def has_magic(text: str) -> bool:
    return _MAGIC.search(text) is not None


def matching_files(
    base: Path, patterns: Sequence[str], *, exclude: Sequence[str] = (), has_links: bool = False
) -> list[Path]:
    """Return the files below base (or anywhere, for absolute patterns) that match, sorted, each once.

    With `has_links` links to folders, and to nothing, count as files; else only links to files do.
    """
    excluded = [compile_glob(pattern) for pattern in exclude]
    found: set[Path] = set()
    for pattern in (one for one in patterns if "\0" not in one):
        found.update(
            path
            for path in _matches(base, _clean(pattern), has_links=has_links)
            if not _is_excluded(base, path, excluded)
        )
    return sorted(found)


def matching_folders(base: Path, pattern: str) -> list[Path]:
    """Return the folders a base-directory means: itself, or those below base that match a glob."""
    if not has_magic(pattern):
        folder = base / pattern
        return [folder] if folder.is_dir() else []
    wanted = compile_glob(_clean(pattern))
    return sorted(
        Path(folder, name)
        for folder, names, _ in os.walk(base)
        for name in names
        if wanted.fullmatch(Path(folder, name).relative_to(base).as_posix())
    )


def _clean(pattern: str) -> str:
    return pattern.removeprefix("./")


def _matches(base: Path, pattern: str, *, has_links: bool) -> Iterator[Path]:
    root = Path("/") if pattern.startswith("/") else base
    relative = pattern.lstrip("/")
    if not has_magic(relative):
        if _counts(root / relative, has_links=has_links):
            yield root / relative
        return
    fixed = _fixed_prefix(relative)
    wanted = compile_glob(relative)
    for folder, below, names in os.walk(root / fixed):
        for name in (*names, *(below if has_links else ())):
            path = Path(folder, name)
            if wanted.fullmatch(path.relative_to(root).as_posix()) and _counts(path, has_links=has_links):
                yield path


def _counts(path: Path, *, has_links: bool) -> bool:
    return path.is_file() or (has_links and path.is_symlink())


def _fixed_prefix(pattern: str) -> str:
    """Return the leading folders that hold no magic: the walk starts there."""
    parts: list[str] = []
    for part in pattern.split("/")[:-1]:
        if has_magic(part):
            break
        parts.append(part)
    return "/".join(parts)


def _is_excluded(base: Path, path: Path, excluded: Sequence[re.Pattern[str]]) -> bool:
    if not excluded:
        return False
    relative = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()
    return any(pattern.fullmatch(relative) for pattern in excluded)


@functools.lru_cache(maxsize=512)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """Return a glob as a regular expression over slash-separated relative paths."""
    try:
        return re.compile("".join(_pieces(_clean(pattern))), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


_PIECE = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|\{[^{}]*\}|.", re.DOTALL)


def _pieces(pattern: str) -> Iterator[str]:
    for match in _PIECE.finditer(pattern):
        piece = match.group()
        if piece == "**/":
            yield r"(?:[^/]+/)*"
        elif piece == "**":
            yield r".*"
        elif piece == "*":
            yield r"[^/]*"
        elif piece == "?":
            yield r"[^/]"
        elif piece[0] == "[" and len(piece) > 2:
            inner = piece[1:-1].replace("\\", r"\\")
            yield f"[^{inner[1:]}/]" if inner.startswith("!") else f"[{inner}]"
        elif piece[0] == "{" and len(piece) > 2:
            yield "(?:" + "|".join("".join(_pieces(part)) for part in piece[1:-1].split(",")) + ")"
        else:
            yield re.escape(piece)
