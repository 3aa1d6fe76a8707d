"""What every store promises, as functions of the stores alone: they run wherever there is a DynamoDB to run them on.

`CASES` lists them; a module that has another DynamoDB parametrises a test over them and gives each a `Stores` on an
empty table (`TABLE`, made by `core_world.table_definition()`).
"""

from __future__ import annotations

from contract import (
    approval_store_cases,
    build_store_cases,
    notice_store_cases,
    pipeline_store_cases,
    push_store_cases,
    run_store_cases,
    slot_store_cases,
)
from contract.stores import CASES, Stores, empty

__all__ = ["CASES", "MODULES", "Stores", "empty"]

MODULES = (
    approval_store_cases,
    build_store_cases,
    notice_store_cases,
    pipeline_store_cases,
    push_store_cases,
    run_store_cases,
    slot_store_cases,
)
"""Where they are written."""
