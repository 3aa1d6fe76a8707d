"""Step Functions in memory: an interpreter of the part of the Amazon States Language that our machines use."""

from buildgate.adapters.memory.stepfunctions.service import StepFunctions

__all__ = ["StepFunctions"]
