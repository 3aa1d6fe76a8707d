"""Which tests one process runs one after the other: those of modules that name the same `xdist_group`.

pytest-xdist 3.8 tells them apart by a suffix of their ids that pytest 9.2 no longer lets it set, so that every process
would start every cloud. The process that hands tests out reads the group from the module instead.
"""

import functools
import re
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

_GROUP = re.compile(r"^pytestmark = .*\bxdist_group\(\"([^\"]+)\"\)", re.MULTILINE)


@functools.cache
def group_of(module: Path) -> str:
    """Return the group that a module of tests names, or nothing."""
    found = _GROUP.search(module.read_text(encoding="utf-8"))
    return found[1] if found else ""


class ByGroup(LoadGroupScheduling):  # type: ignore[misc]  # xdist is not typed
    """Hands out groups whole, the largest first, and then single tests."""

    def _split_scope(self, nodeid: str) -> str:
        module = self.config.rootpath / nodeid.partition("::")[0]
        return group_of(module) or nodeid


def scheduler(config: pytest.Config, log: Any) -> ByGroup | None:
    """Return what hands tests out when they are to be handed out by group."""
    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None
