"""Makes a broken day shorter: the fewest mishaps that break the same promise, found by leaving them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Script = Mapping[str, Any]
_MOST_TRIES: Final = 400


def shrink(script: Script, breaks: Callable[[Script], bool], *, tries: int = _MOST_TRIES) -> dict[str, Any]:
    """Return a part of a script that still breaks, and breaks no more when any one mishap of it is left out.

    This is delta debugging (Zeller and Hildebrandt, 2002): leave out halves, then quarters, then single mishaps. After
    `tries` days the shortest part so far is returned, as it is.
    """
    kept = dict(script)
    pieces = 2
    while len(kept) > 1 and tries > 0:
        size = max(1, len(kept) // pieces)
        names = list(kept)
        shorter = None
        for start in range(0, len(names), size):
            tries -= 1
            without = {name: kept[name] for name in names if name not in set(names[start : start + size])}
            if breaks(without):
                shorter = without
                break
            if tries <= 0:
                break
        if shorter is not None:
            kept, pieces = shorter, max(2, pieces - 1)
        elif size == 1:
            break
        else:
            pieces = min(len(kept), pieces * 2)
    if kept and tries > 0 and breaks({}):
        return {}
    return kept
