"""An in-memory AWS at the SDK client's boundary: deterministic, on a virtual clock, held to real semantics by tests."""

from buildgate.adapters.memory.cloud import MemoryAws

__all__ = ["MemoryAws"]
