"""Which lines a change added or rewrote, from a unified diff: what new-code conditions are about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_STEPS: Final = 300_000
"""Beyond this many steps of comparing, the middle of a file counts as rewritten as a whole: comparing must end in time."""
_HUNK: Final = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_QUOTED: Final = re.compile(r"\\(?:([0-7]{3})|(.))")
_ESCAPES: Final = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def changed_lines(diff: Iterable[str]) -> dict[str, frozenset[int]]:
    """Return the numbers of new or rewritten lines by file, as they stand after the change.

    Args:
        diff: The lines of `git diff --unified=N` (any N), in any order of files. Deleted and binary files have none.
    """
    found: dict[str, set[int]] = {}
    file: str | None = None
    at = old_left = new_left = 0
    for line in diff:
        if old_left > 0 or new_left > 0:
            sign = line[:1]
            if sign == "+" and file is not None:
                found.setdefault(file, set()).add(at)
            if sign in {"+", " "} or not line.strip("\r\n"):
                at, new_left = at + 1, new_left - 1
            if sign in {"-", " "} or not line.strip("\r\n"):
                old_left -= 1
        elif line.startswith("+++ "):
            file = _file(line[4:].rstrip("\r\n"))
        elif (hunk := _HUNK.match(line)) is not None:
            at = int(hunk[2])
            old_left, new_left = int(hunk[1] or 1), int(hunk[3] or 1)
    return {name: frozenset(numbers) for name, numbers in sorted(found.items())}


def count(changed: Mapping[str, frozenset[int]]) -> int:
    """Return how many lines changed in all files together."""
    return sum(len(numbers) for numbers in changed.values())


def rewritten_lines(before: Sequence[str], after: Sequence[str]) -> frozenset[int]:
    """Return the numbers of the lines of `after`, from 1, that `before` does not have in that place.

    A middle too large to compare counts as rewritten as a whole: more lines than git would name, never fewer.
    """
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    kept = _kept(old, new) if old and new else frozenset[int]()
    return frozenset(start + at + 1 for at in range(len(new)) if at not in kept)


def _kept(old: Sequence[str], new: Sequence[str]) -> frozenset[int]:
    """Return the positions in `new` that a shortest edit of `old` keeps; none when finding it would take too long.

    Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), greedy, with its furthest points kept by depth.
    """
    furthest = {1: 0}
    by_depth: list[dict[int, int]] = []
    steps = 0
    for depth in range(len(old) + len(new) + 1):
        by_depth.append(dict(furthest))
        for k in range(-depth, depth + 1, 2):
            x = begun = _step(furthest, k, depth)
            while x < len(old) and x - k < len(new) and old[x] == new[x - k]:
                x += 1
            furthest[k] = x
            steps += 1 + x - begun
            if x >= len(old) and x - k >= len(new):
                return _walked_back(by_depth, len(old), len(new))
        if steps > MOST_STEPS:
            break
    return frozenset()


def _step(furthest: Mapping[int, int], k: int, depth: int) -> int:
    """Return where diagonal `k` is entered at a depth: down from the one above, or right from the one below."""
    is_down = k == -depth or (k != depth and furthest[k - 1] < furthest[k + 1])
    return furthest[k + 1] if is_down else furthest[k - 1] + 1


def _walked_back(by_depth: Sequence[Mapping[int, int]], x: int, y: int) -> frozenset[int]:
    kept = set()
    for depth in range(len(by_depth) - 1, -1, -1):
        furthest, k = by_depth[depth], x - y
        begun = _step(furthest, k, depth) if depth else 0
        while x > begun and y > 0:
            x, y = x - 1, y - 1
            kept.add(y)
        if depth:
            is_down = k == -depth or (k != depth and furthest[k - 1] < furthest[k + 1])
            x, y = (x, y - 1) if is_down else (x - 1, y)
    return frozenset(kept)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many elements both begin with."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _file(written: str) -> str | None:
    name = written.split("\t", maxsplit=1)[0]
    if name == "/dev/null":
        return None
    if name.startswith('"') and name.endswith('"'):
        name = _unquoted(name[1:-1])
    return name.removeprefix("b/")


def _unquoted(text: str) -> str:
    """Undo git's C-style quoting; octal escapes are bytes of UTF-8."""
    raw = bytearray()
    end = 0
    for escape in _QUOTED.finditer(text):
        raw += text[end : escape.start()].encode()
        raw += bytes([int(escape[1], 8) & 255]) if escape[1] else _ESCAPES.get(escape[2], escape[2]).encode()
        end = escape.end()
    return (raw + text[end:].encode()).decode("utf-8", "replace")
