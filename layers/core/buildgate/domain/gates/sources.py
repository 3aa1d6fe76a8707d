"""Where a gate's evidence comes from besides the reports of the stage's builds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from buildgate.domain.gates.fields import Fields, Path, Problem
from buildgate.domain.gates.vocabulary import is_known, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SourceKind = Literal["artifacts", "ecr", "inspector", "sonarqube", "cloudwatch", "endpoint"]
KINDS: Final[tuple[SourceKind, ...]] = ("artifacts", "ecr", "inspector", "sonarqube", "cloudwatch", "endpoint")
PREFIX: Final = "source:"
"""How names of files from sources begin; such files feed their gate whatever its `reports` say."""
PLACEHOLDERS: Final = ("branch", "commit", "pipeline", "repository", "run")
STATISTICS: Final = re.compile(r"Average|Sum|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d{1,2})?")
HALF_HOUR: Final = 30
_SECRET: Final = re.compile(r"[A-Za-z0-9/_+=.@-]{1,200}")
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOLE: Final = re.compile(r"\{(\w*)\}")

Value = str | float | tuple[str, ...] | tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One place to ask. `options` are what its kind takes, sorted by name; texts may hold `{commit}` and its like."""

    kind: SourceKind
    options: tuple[tuple[str, Value], ...] = ()

    def text(self, name: str, default: str = "") -> str:
        value = self.get(name, default)
        return value if isinstance(value, str) else default

    def get(self, name: str, default: Any = None) -> Any:
        return next((value for key, value in self.options if key == name), default)

    def filled(self, facts: Mapping[str, str]) -> Source:
        """Return the source with its placeholders replaced by the run's facts."""
        options = tuple((name, _fill(value, facts)) for name, value in self.options)
        return Source(self.kind, options)

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON data in the shape of a gate file."""
        return {"from": self.kind, **{name: _plain(value) for name, value in self.options}}


def _fill(value: Value, facts: Mapping[str, str]) -> Value:
    if isinstance(value, str):
        return _HOLE.sub(lambda hole: facts.get(hole[1], hole[0]), value)
    if isinstance(value, tuple):
        return tuple(_fill(one, facts) for one in value)  # type: ignore[return-value]  # of the same shape
    return value


def _plain(value: Value) -> Any:
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def read_sources(gate: Fields) -> tuple[Source, ...]:
    """Read a gate's `sources`, noting what is wrong with each."""
    found = [_source(item, path, gate.problems) for item, path in gate.items("sources", "sources")]
    return tuple(one for one in found if one is not None)


def _source(data: Any, path: Path, problems: list[Problem]) -> Source | None:
    fields = Fields.of({"from": data} if isinstance(data, str) else data, path, problems, "a source")
    kind = fields.raw("from")
    if kind not in KINDS:
        near = nearest(str(kind), KINDS)
        fix = f"did you mean {near}?" if near else f"write one of: {', '.join(KINDS)}"
        fields.problem("from", f"there is no source {kind!r}", fix)
        return None
    options = {name: value for name, value in _READERS[kind](fields).items() if value not in ("", (), None)}
    fields.finish(("from", *_KEYS[kind]))
    for name, value in options.items():
        _check_holes(fields, name, value)
    return Source(kind, tuple(sorted(options.items())))


def _check_holes(fields: Fields, name: str, value: Value) -> None:
    texts = [value] if isinstance(value, str) else [str(one) for one in value] if isinstance(value, tuple) else []
    for hole in (hole for text in texts for hole in _HOLE.findall(text)):
        if hole not in PLACEHOLDERS:
            known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
            fields.problem(name, f"{{{hole}}} stands for nothing", f"there are {known}")


def _artifacts(fields: Fields) -> dict[str, Value]:
    paths = fields.texts("paths")
    if not paths:
        fields.problem(
            "paths", "artifacts hold more than reports: say which files to read", 'write paths: ["reports/*"]'
        )
    return {"paths": paths, "build": fields.text("build")}


def _ecr(fields: Fields) -> dict[str, Value]:
    tag, digest = fields.text("tag"), fields.text("digest")
    if tag and digest:
        fields.problem("digest", "an image is named by tag or by digest, not by both", "drop one")
    return {
        "image": fields.text("image", required=True),
        "tag": tag or ("" if digest else "{commit}"),
        "digest": digest,
    }


def _inspector(fields: Fields) -> dict[str, Value]:
    image, resource = fields.text("image"), fields.text("resource")
    if bool(image) == bool(resource):
        fields.problem(
            "image", "Inspector's findings are of an image or of a resource", "write one of image and resource"
        )
    tag = fields.text("tag")
    return {"image": image, "tag": tag or ("{commit}" if image else ""), "resource": resource}


def _sonarqube(fields: Fields) -> dict[str, Value]:
    project = fields.text("project", required=True)
    about = {"url": _url(fields), "token": _token(fields), "branch": fields.text("branch")}
    return {"project": project, "metrics": fields.texts("metrics"), **about}


def _endpoint(fields: Fields) -> dict[str, Value]:
    return {"url": _url(fields), "token": _token(fields), "format": fields.text("format")}


def _cloudwatch(fields: Fields) -> dict[str, Value]:
    measurement = fields.text("measurement", required=True)
    if measurement and not is_known(measurement):
        near = nearest(measurement)
        fix = f"did you mean {near}?" if near else "name it custom.SOMETHING"
        fields.problem("measurement", f"unknown measurement {measurement!r}", fix)
    statistic = fields.text("statistic", "Average")
    if not STATISTICS.fullmatch(statistic):
        fields.problem("statistic", f"CloudWatch has no statistic {statistic!r}", "write Average, Sum, Maximum or p95")
    return {
        "measurement": measurement,
        "namespace": fields.text("namespace", required=True),
        "metric": fields.text("metric", required=True),
        "statistic": statistic,
        "dimensions": _dimensions(fields),
        "over_minutes": float(fields.minutes("over", HALF_HOUR) if fields.has("over") else _stored_over(fields)),
        "scale": fields.number("scale") or 1.0,
    }


def _stored_over(fields: Fields) -> int:
    return int(fields.number("over_minutes", HALF_HOUR) or HALF_HOUR)


def _dimensions(fields: Fields) -> tuple[tuple[str, str], ...]:
    inner = Fields.of(fields.raw("dimensions", {}), fields.at("dimensions"), fields.problems, "dimensions")
    return tuple(sorted((inner.written.get(name, name), inner.text(name, required=True)) for name in inner.data))


def _url(fields: Fields) -> str:
    url = fields.text("url", required=True)
    if url and not _is_askable(url):
        fields.problem("url", f"{url!r} is not an address of a server", "write https://host/path, without user or #")
    return url


def _is_askable(url: str) -> bool:
    """Return whether a server can be asked at this address; http is for this machine, in the local cloud, only."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    is_secret = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
    return bool(is_secret and parts.hostname and not parts.username and not parts.fragment)


def _token(fields: Fields) -> str:
    token = fields.text("token")
    if token and not _SECRET.fullmatch(token):
        fields.problem("token", "token names a secret of Secrets Manager below buildgate/", "write token: sonarqube")
    return token


_READERS: Final[Mapping[str, Callable[[Fields], dict[str, Value]]]] = {
    "artifacts": _artifacts,
    "ecr": _ecr,
    "inspector": _inspector,
    "sonarqube": _sonarqube,
    "cloudwatch": _cloudwatch,
    "endpoint": _endpoint,
}
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "artifacts": ("paths", "build"),
    "ecr": ("image", "tag", "digest"),
    "inspector": ("image", "tag", "resource"),
    "sonarqube": ("url", "project", "branch", "token", "metrics"),
    "cloudwatch": (
        "measurement", "namespace", "metric", "statistic", "dimensions", "over", "over_minutes", "scale",
    ),
    "endpoint": ("url", "token", "format"),
}  # fmt: skip
