"""Whose test it is: a repository's CODEOWNERS file read against names of test cases, which are no paths but come from them.

Source of the file's rules: "About code owners" in GitHub's documentation. The last pattern that fits wins; one without
owners takes ownership away; ``!`` and ``[ ]`` are not part of the format. A case ``tests.prices.TestTax rounds`` is looked up
as ``tests/prices/TestTax``: endings such as ``.py`` and the roots that build tools put before packages are left out of the
patterns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

PLACES = ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS")
"""Where the file may be; the first that exists counts."""
_ENDING = re.compile(r"\.(?:py|java|kt|kts|scala|groovy|js|jsx|ts|tsx|mjs|go|rb|cs|php|rs|swift)$")
_ROOT = re.compile(r"^/?(?:src/(?:test|main|it)/(?:java|kotlin|scala|groovy)/|src/)")
_MOST_RULES = 5_000
_GLOBS = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class Rule:
    """One line of the file."""

    pattern: str
    owners: tuple[str, ...]

    @cached_property
    def fits(self) -> re.Pattern[str]:
        """The pattern over paths without endings; what fits a folder fits all below it."""
        text = _ENDING.sub("", self.pattern)
        is_anchored = "/" in text.rstrip("/")
        bare = _ROOT.sub("", text).strip("/")
        parts = re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?)", bare)
        glob = "".join(_GLOBS.get(part, re.escape(part)) for part in parts)
        below = "" if text.endswith("/*") else "(?:/.*)?"
        return re.compile(f"{'' if is_anchored else '(?:.*/)?'}{glob}{below}")


def read(text: str) -> tuple[Rule, ...]:
    """Return the rules of a CODEOWNERS file in its order; comments and lines that say nothing are left out."""
    found = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split() if not line.lstrip().startswith("#") else []
        if words and not words[0].startswith(("!", "[", "^[")):
            found.append(Rule(words[0], tuple(words[1:])))
    return tuple(found[:_MOST_RULES])


def owner_of(case: str, rules: Sequence[Rule]) -> str:
    """Return who owns a test case, several owners with blanks between them; empty when nobody does."""
    path = path_of(case)
    last = next((rule for rule in reversed(rules) if path and rule.fits.fullmatch(path)), None)
    return " ".join(last.owners) if last else ""


def path_of(case: str) -> str:
    """Return the path that a case's name speaks of: its first word, dots read as folders where it has no slash."""
    place = case.split(" ", 1)[0].split("::", 1)[0].strip("/")
    return _ENDING.sub("", place) if "/" in place else place.replace(".", "/").replace("$", "/")
