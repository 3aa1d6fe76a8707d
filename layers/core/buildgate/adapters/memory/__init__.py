"""An in-memory AWS at the SDK client's boundary: deterministic, on a virtual clock, held to real semantics by tests."""

from buildgate.adapters.memory.cloud import MemoryAws
from buildgate.adapters.memory.timeline import Timeline

__all__ = ["MemoryAws", "Timeline"]
