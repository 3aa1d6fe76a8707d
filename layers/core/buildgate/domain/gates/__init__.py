"""Gates: what is wanted of a run's measurements, and the verdict on whether it got it. Pure rules, no clock, no cloud."""

from __future__ import annotations

from buildgate.domain.gates.data import gate_to_data
from buildgate.domain.gates.evidence import Baseline, Evidence, Pin
from buildgate.domain.gates.fields import GateFileError, Problem
from buildgate.domain.gates.judge import judge, policy_hash
from buildgate.domain.gates.model import BaselineRule, Gate, Manual, Objective, Waiver
from buildgate.domain.gates.parse import gate_from_data, parse, parse_waivers
from buildgate.domain.gates.verdict import ENGINE_VERSION, ObjectiveResult, Verdict

__all__ = [
    "ENGINE_VERSION",
    "Baseline",
    "BaselineRule",
    "Evidence",
    "Gate",
    "GateFileError",
    "Manual",
    "Objective",
    "ObjectiveResult",
    "Pin",
    "Problem",
    "Verdict",
    "Waiver",
    "gate_from_data",
    "gate_to_data",
    "judge",
    "parse",
    "parse_waivers",
    "policy_hash",
]
