"""Which groups of end-to-end modules run whole in a session, so that what they no longer do can be told."""

from pathlib import Path

import pytest

from groups import group_of

HERE = Path(__file__).parent
_LEFT_OUT = pytest.StashKey[set[str]]()


def leave_out(config: pytest.Config, group: str) -> None:
    """Remember that a test of the group was deselected."""
    config.stash.setdefault(_LEFT_OUT, set()).add(group)


def is_whole(session: pytest.Session, group: str) -> bool:
    """Say whether every test of a group runs in this session, and nothing has failed so far."""
    written = {path for path in HERE.glob("test_*.py") if group_of(path) == group}
    is_picked = any("::" in argument for argument in session.config.args)
    left_out = session.config.stash.get(_LEFT_OUT, set())
    is_here = written <= {item.path for item in session.items}
    return is_here and not is_picked and group not in left_out and not session.testsfailed
