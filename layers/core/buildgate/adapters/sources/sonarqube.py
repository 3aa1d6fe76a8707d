"""SonarQube's web API: the measures of a project, and its own quality gate, of the commit under judgement only."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from buildgate.adapters.sources.answers import content, refused
from buildgate.adapters.sources.https import HttpAnswer, Https
from buildgate.adapters.sources.secrets import Tokens
from buildgate.usecases.gate_ports import Fetched

if TYPE_CHECKING:
    from buildgate.domain.gates.sources import Source
    from buildgate.usecases.gate_ports import SourceFacts

METRICS = (
    "line_coverage",
    "branch_coverage",
    "new_coverage",
    "code_smells",
    "bugs",
    "vulnerabilities",
    "duplicated_lines_density",
    "new_duplicated_lines_density",
    "new_violations",
    "sqale_index",
    "sqale_rating",
    "reliability_rating",
    "security_rating",
    "security_hotspots_reviewed",
    "new_security_hotspots_reviewed",
    "tests",
    "test_failures",
    "test_errors",
    "skipped_tests",
)
_OK = 200


class SonarQube:
    """Asks a server with a token of Secrets Manager, sent as SonarQube's own scanners send it."""

    def __init__(self, aws: Any, *, pause: Callable[[float], None], https: Https | None = None) -> None:
        self._tokens = Tokens(aws.client("secretsmanager"))
        self._https = https or Https(pause=pause, is_loopback_allowed=self._tokens.is_local)

    def fetch(self, source: Source, facts: SourceFacts) -> Sequence[Fetched]:
        project = source.text("project")
        name = f"sonarqube/{project}"
        headers = _authorization(self._tokens.token(source.text("token")))
        branch = {"branch": source.text("branch")} if source.text("branch") else {}

        def ask(path: str, **query: str) -> HttpAnswer:
            url = f"{source.text('url').rstrip('/')}/api/{path}?{urlencode(query | branch)}"
            return self._https.ask("GET", url, headers=headers)

        analyses = ask("project_analyses/search", project=project, ps="1")
        if analyses.status != _OK:
            return [refused(name, "http_status", f"SonarQube answers with HTTP {analyses.status}")]
        stale = _stale(analyses.body, facts.run.source.commit)
        if stale:
            return [refused(name, "stale", stale)]
        keys = ",".join(source.get("metrics") or METRICS)
        answers = {
            "measures": ask("measures/component", component=project, metricKeys=keys),
            "status": ask("qualitygates/project_status", projectKey=project),
        }
        return [_read(f"{name}/{part}", f"sonar-{part}", answer) for part, answer in answers.items()]


def _authorization(token: str) -> dict[str, str]:
    coded = base64.b64encode(f"{token}:".encode()).decode()
    return {"Authorization": f"Basic {coded}"} if token else {}


def _read(name: str, format_name: str, answer: HttpAnswer) -> Fetched:
    if answer.status != _OK:
        return refused(name, "http_status", f"SonarQube answers with HTTP {answer.status}")
    return content(name, answer.body, format_name=format_name)


def _stale(body: bytes, commit: str) -> str:
    """Return why the last analysis does not speak of this commit; one that names no revision is believed."""
    try:
        analyses = json.loads(body).get("analyses") or []
        revision = str(analyses[0].get("revision") or "") if analyses else None
    except (ValueError, AttributeError, TypeError):
        return "SonarQube's list of analyses cannot be read"
    if revision is None:
        return "SonarQube has not analysed the project"
    if revision and commit and revision != commit:
        return f"SonarQube's last analysis is of commit {revision[:10]}, not of {commit[:10]}"
    return ""
