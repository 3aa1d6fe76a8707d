"""What tells the builds of a batch from each other: a matrix calls them build0, build1 and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.redaction import MASK, is_secret_name, redact, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST: Final = 40
_PLACES: Final = {"image": "image", "computeType": "compute", "type": "type"}


def differences(builds: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return, for builds as BatchGetBuilds describes them by id, the variables and settings that are not the same in all.

    Values are without secrets, and short. A single build differs in nothing.
    """
    settings = {build_id: dict(_settings(build)) for build_id, build in builds.items()}
    names = dict.fromkeys(name for one in settings.values() for name in one)
    telling = [name for name in names if len({one.get(name) for one in settings.values()}) > 1]
    return {build_id: {name: one[name] for name in telling if name in one} for build_id, one in settings.items()}


def _settings(build: Mapping[str, Any]) -> list[tuple[str, str]]:
    environment = build.get("environment", {})
    variables = [
        (variable["name"], _value(variable))
        for variable in environment.get("environmentVariables", ())
        if not variable["name"].startswith(("BUILDGATE_", "CODEBUILD_"))
    ]
    return [*variables, *((word, str(environment[key])) for key, word in _PLACES.items() if key in environment)]


def _value(variable: Mapping[str, Any]) -> str:
    if variable.get("type", "PLAINTEXT") != "PLAINTEXT":
        return str(variable["type"])
    text = str(variable.get("value", ""))
    return MASK if is_secret_name(variable["name"]) else shorten(redact(text), limit=_LONGEST)
