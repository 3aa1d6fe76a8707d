"""Any service that answers the gate contract: it is told of the run by POST, and answers with one report.

    POST url
    {"version": 1, "gate": "quality", "run": {"id", "pipeline", "repository", "ref_type", "ref", "commit", "old_commit"}}

    200
    {"measurements": {"custom.risk_score": 12}, "findings": [...], "warnings": [...]}

The answer may be a report of any format that readers know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from buildgate.adapters.sources.answers import content, refused
from buildgate.adapters.sources.https import Https
from buildgate.adapters.sources.secrets import Tokens
from buildgate.usecases.gate_ports import Fetched

if TYPE_CHECKING:
    from buildgate.domain.gates.sources import Source
    from buildgate.usecases.gate_ports import SourceFacts

_OK = 200


class Endpoint:
    """Asks one address about the run."""

    def __init__(self, aws: Any, *, pause: Callable[[float], None], https: Https | None = None) -> None:
        self._tokens = Tokens(aws.client("secretsmanager"))
        self._https = https or Https(pause=pause, is_loopback_allowed=self._tokens.is_local)

    def fetch(self, source: Source, facts: SourceFacts) -> Sequence[Fetched]:
        url, token = source.text("url"), self._tokens.token(source.text("token"))
        name = f"endpoint/{urlsplit(url).hostname or ''}"
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = self._https.ask("POST", url, headers=headers, body=json.dumps(question(facts)).encode())
        if answer.status != _OK:
            return [refused(name, "http_status", f"the endpoint answers with HTTP {answer.status}")]
        return [content(name, answer.body, format_name=source.text("format"))]


def question(facts: SourceFacts) -> dict[str, Any]:
    """Return what an endpoint is told."""
    source = facts.run.source
    run = {
        "id": facts.run.run_id,
        "pipeline": facts.run.pipeline,
        "repository": source.repository,
        "ref_type": source.ref_type,
        "ref": source.ref,
        "commit": source.commit,
        "old_commit": source.old_commit,
    }
    return {"version": 1, "gate": facts.gate, "run": run}
