"""The registry of lint rules: every code with its reason and its two examples."""

from __future__ import annotations

from buildgate_cli.buildspecs.rules.refused import REFUSED
from buildgate_cli.buildspecs.rules.rule import Rule, Severity, severity_of
from buildgate_cli.buildspecs.rules.shell import COMMANDS, REMARKS
from buildgate_cli.buildspecs.rules.structure import STRUCTURE
from buildgate_cli.buildspecs.rules.values import VALUES

RULES: dict[str, Rule] = {rule.code: rule for rule in (*REFUSED, *STRUCTURE, *VALUES, *COMMANDS, *REMARKS)}

__all__ = ["RULES", "Rule", "Severity", "severity_of"]
