"""Projects on AWS as files, and where the two have drifted apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from buildgate_cli.project_file import MANAGED_TAG, Change, ProjectFile, as_created, changes, completed
from buildgate_cli.projects.extras import BESIDE_TAG, CREDENTIALS_TAG, beside_tag, held_credentials, webhook_as_asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from buildgate_cli.cloud_context import CloudContext

_OWN_TAGS: Final = frozenset({MANAGED_TAG["key"], CREDENTIALS_TAG, BESIDE_TAG})
_DEFAULTS: Final[dict[str, Any]] = {
    "timeoutInMinutes": 60,
    "queuedTimeoutInMinutes": 480,
    "cache": {"type": "NO_CACHE"},
    "badgeEnabled": False,
}
_DEFAULT_LOGS: Final = {
    "cloudWatchLogs": {"status": "ENABLED"},
    "s3Logs": {"status": "DISABLED", "encryptionDisabled": False},
}
_GROUPS_AT_ONCE: Final = 100


def as_file(client: Any, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a project on AWS as the data of a project file; applying that file changes nothing."""
    data = as_created(found, client.meta.service_model)
    tags = [tag for tag in data.get("tags", []) if tag["key"] not in _OWN_TAGS]
    if tags:
        data["tags"] = tags
    else:
        data.pop("tags", None)
    groups = list(managed_groups(client, str(found["name"])))
    if groups:
        own = len(str(found["name"])) + 1
        data["reportGroups"] = [{"name": one["name"][own:], "type": one["type"]} for one in groups]
    if found.get("webhook"):
        data["webhook"] = webhook_as_asked(found["webhook"])
    return data


def managed_groups(client: Any, project: str) -> Iterator[dict[str, Any]]:
    """Yield the report groups that Buildgate made for a project."""
    token: dict[str, str] = {}
    while True:
        page = client.list_report_groups(**token)
        arns = [arn for arn in page.get("reportGroups", []) if arn.rsplit("/", 1)[-1].startswith(f"{project}-")]
        for start in range(0, len(arns), _GROUPS_AT_ONCE):
            answer = client.batch_get_report_groups(reportGroupArns=arns[start : start + _GROUPS_AT_ONCE])
            yield from (one for one in answer["reportGroups"] if MANAGED_TAG in one.get("tags", []))
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines, such as inline buildspecs, as blocks."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def to_yaml(data: Mapping[str, Any]) -> str:
    """Return data as YAML, keys in their order."""
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def drift(cloud: CloudContext, client: Any, file: ProjectFile, found: Mapping[str, Any] | None) -> list[Change]:
    """Return where AWS and a file differ; `before` is AWS, `after` the file.

    Unlike what applying changes, this also holds what is set on AWS and not named in the file, defaults apart.
    """
    wanted = completed(file, cloud)
    if found is None:
        return changes(None, wanted)
    wanted["tags"] = [*wanted["tags"], *beside_tag(file, found), *held_credentials(found)]
    known = as_created(found, client.meta.service_model)
    unnamed = [
        Change(key, value, None) for key, value in known.items() if key not in wanted and not _is_default(key, value)
    ]
    return [*changes({**found, **known}, wanted), *unnamed]


def _is_default(key: str, value: Any) -> bool:
    if key == "encryptionKey":
        return str(value).endswith("alias/aws/s3")
    if key == "logsConfig":
        return bool(value == _DEFAULT_LOGS) or value == {"cloudWatchLogs": {"status": "ENABLED"}}
    return key in _DEFAULTS and bool(value == _DEFAULTS[key])
