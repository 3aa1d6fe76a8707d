"""Every promise of the ports beyond the stores; a module that has a cloud parametrises a test over `CASES`."""

from __future__ import annotations

from contract import (
    execution_cases,
    launcher_cases,
    notice_cases,
    project_cases,
    report_cases,
    repository_cases,
    source_cases,
)
from contract.cases import CASES, Case, project_request

__all__ = ["CASES", "MODULES", "Case", "project_request"]

MODULES = (
    execution_cases,
    launcher_cases,
    notice_cases,
    project_cases,
    report_cases,
    repository_cases,
    source_cases,
)
"""Where they are written."""
