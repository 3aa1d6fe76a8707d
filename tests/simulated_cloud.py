"""The whole product on the in-memory AWS, as `buildgate simulate` plays it."""

from __future__ import annotations

from buildgate_cli.simulate.world import ALICE, LINKS, PROJECT, module_of
from buildgate_cli.simulate.world import World as SimulatedCloud

__all__ = ["ALICE", "LINKS", "PROJECT", "SimulatedCloud", "module_of"]
