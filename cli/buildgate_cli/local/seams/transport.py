"""Loopback counts as a secure transport: nothing leaves the machine, and policies that refuse plain HTTP stay as is."""

from __future__ import annotations

from typing import Any

from .fitting import Function, Seam

SEAM = Seam("transport")


@SEAM.replaces("ministack.core.iam_evaluator", "_resolve_condition_key", "key", "ctx")
def trust_loopback(original: Function) -> Function:
    """Answer `aws:SecureTransport` with true; every other key as the emulator does."""

    def resolve(key: str, ctx: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else original(key, ctx)

    return resolve
