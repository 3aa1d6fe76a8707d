"""The JSON Schema of a gate's sources, for editors."""

from __future__ import annotations

from typing import Any

from buildgate.domain.gates.sources import STATISTICS

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT, "minItems": 1}
_URL: dict[str, Any] = {
    "type": "string",
    "pattern": r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])[:/])",
    "format": "uri",
}
_TOKEN: dict[str, Any] = {**_TEXT, "description": "A secret of Secrets Manager, below buildgate/."}
_TAG: dict[str, Any] = {**_TEXT, "default": "{commit}"}


def source_schema() -> dict[str, Any]:
    """Return one alternative per kind of source."""
    dimensions = {"type": "object", "additionalProperties": _TEXT}
    metric = {"measurement": _TEXT, "namespace": _TEXT, "metric": _TEXT, "dimensions": dimensions}
    statistic = {"type": "string", "pattern": f"^({STATISTICS.pattern})$", "default": "Average"}
    window = {"over": {"type": ["string", "integer"], "default": "30m"}, "scale": {"type": "number", "default": 1}}
    sonar = {"url": _URL, "project": _TEXT, "branch": _TEXT, "token": _TOKEN, "metrics": _TEXTS}
    return {
        "description": "Where evidence comes from besides the reports of the stage's builds.",
        "oneOf": [
            _kind("artifacts", {"paths": _TEXTS, "build": _TEXT}, "paths"),
            _kind("ecr", {"image": _TEXT, "tag": _TAG, "digest": _TEXT}, "image"),
            _kind("inspector", {"image": _TEXT, "tag": _TAG, "resource": _TEXT}),
            _kind("sonarqube", sonar, "url", "project"),
            _kind("cloudwatch", metric | {"statistic": statistic} | window, "measurement", "namespace", "metric"),
            _kind("endpoint", {"url": _URL, "token": _TOKEN, "format": _TEXT}, "url"),
        ],
    }


def _kind(name: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    members = {"from": {"const": name}, **properties}
    return {"type": "object", "additionalProperties": False, "properties": members, "required": ["from", *required]}
