"""Which run a request to the API was about, so that its log line joins the others of that run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from buildgate.domain.errors import BuildgateError
from buildgate.ports import Runs
from buildgate.web.http import Answer

_OF_A_RUN = re.compile(r"(?:/oidc)?/v1/(?:metrics/)?(?:runs|approvals)/([0-9A-Za-z-]+)")


def request_id_of(event: Mapping[str, Any]) -> str:
    """Return API Gateway's id of a request: the event that woke the function."""
    return str((event.get("requestContext") or {}).get("requestId") or "")


class Trail:
    """Names the run of a request: the one it opened, or the one that its path is about."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def __call__(self, event: Mapping[str, Any], answer: Answer) -> dict[str, str]:
        """Return ``run_id`` and ``correlation_id``; nothing for a request about no run."""
        opened = _opened(event, answer)
        if opened:
            return opened
        found = _OF_A_RUN.match(str(event.get("rawPath", "")))
        return self._known(found.group(1)) if found and answer.status_code != 403 else {}

    def _known(self, run_id: str) -> dict[str, str]:
        try:
            run = self._runs.run(run_id)
        except BuildgateError:
            return {"run_id": run_id}
        return {"run_id": run_id, "correlation_id": run.correlation_id} if run else {}


def _opened(event: Mapping[str, Any], answer: Answer) -> dict[str, str]:
    """Return the ids of a run that a POST opened, from what it is answered."""
    method = ((event.get("requestContext") or {}).get("http") or {}).get("method")
    if method != "POST" or answer.status_code >= 400:
        return {}
    run = json.loads(answer.body).get("run") or {}
    return {name: str(run[name]) for name in ("run_id", "correlation_id") if run.get(name)}
