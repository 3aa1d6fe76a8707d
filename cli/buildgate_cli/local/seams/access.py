"""What each role was allowed, noted in a file when a test asks for it: one line for each action and resource, once."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from .fitting import Function, Seam

SWITCH = "BUILDGATE_TEST_ACCESS"
FILE_VARIABLE = "BUILDGATE_ACCESS_FILE"
ACCESS_FILE = "access.ndjson"

SEAM = Seam("access")


def variables(home: Path) -> dict[str, str]:
    """Return what the emulator's environment needs to note it; nothing unless `BUILDGATE_TEST_ACCESS` is 1."""
    return {FILE_VARIABLE: str(home / ACCESS_FILE)} if os.environ.get(SWITCH) == "1" else {}


@SEAM.replaces("ministack.core.iam_evaluator", "evaluate", "ctx", "policies")
def note_what_is_allowed(original: Function) -> Function:
    """Note the answers that allow something. Without the file's name nothing is replaced."""
    path = os.environ.get(FILE_VARIABLE)
    if not path:
        return original
    noted: set[tuple[str, str, str]] = set()
    one_at_a_time = threading.Lock()

    def evaluate(ctx: Any, policies: Any, *limits: Any) -> Any:
        result = original(ctx, policies, *limits)
        line = (ctx.principal_arn, ctx.action, ctx.resource_arn)
        if result.decision == "Allow" and line not in noted:
            with one_at_a_time, Path(path).open("a", encoding="utf-8") as file:
                noted.add(line)
                file.write(json.dumps(line) + "\n")
        return result

    return evaluate
