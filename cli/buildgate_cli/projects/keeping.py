"""Projects on AWS as files, and where the two have drifted apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import yaml

from buildgate_cli.project_file import Change, ProjectFile, as_created, changes, creatable
from buildgate_cli.projects.extras import BESIDE_TAG, CREDENTIALS_TAG, beside_tag, held_credentials
from buildgate_cli.projects.importing import beside
from buildgate_cli.projects.inline import repository_of
from buildgate_cli.projects.on_aws import MANAGED_TAG
from buildgate_cli.projects.own_role import is_own
from buildgate_cli.projects.role import OWN_ROLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.projects.model import Project


@dataclass(frozen=True)
class Imported:
    """The data of a project file, and what it could not take in, in words."""

    data: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


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


def as_file(cloud: CloudContext, found: Project) -> Imported:
    """Return a project on AWS as a project file; applying that file changes nothing but what a remark says."""
    client = cloud.client("codebuild")
    data = as_created(found, client.meta.service_model)
    tags = [tag for tag in data.get("tags", []) if tag["key"] not in _OWN_TAGS]
    if tags:
        data["tags"] = tags
    else:
        data.pop("tags", None)
    if is_own(client.meta.region_name, found):
        data["serviceRole"] = OWN_ROLE
        batches = data.get("buildBatchConfig", {})
        if batches.get("serviceRole") == found.service_role:
            data["buildBatchConfig"] = {key: value for key, value in batches.items() if key != "serviceRole"}
    repository = repository_of(cloud, found.source)
    if repository is not None:  # by its name alone, it is found in any cloud
        data["source"] = {**data["source"], "location": repository}
    besides = beside(cloud, found)
    return Imported({**data, **besides.sections}, tuple(besides.remarks))


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines, such as inline buildspecs, as blocks."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def to_yaml(imported: Imported) -> str:
    """Return a file's text, keys in their order, with the remarks as comments above."""
    above = "".join(f"# {remark}\n" for remark in imported.remarks)
    return above + yaml.dump(dict(imported.data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def drift(client: Any, file: ProjectFile, project: Project, found: Project | None) -> list[Change]:
    """Return where AWS and a file differ; `before` is AWS, `after` the file; `project` is the file's, completed, with its role.

    Unlike what applying changes, this also holds what is set on AWS and not named in the file, defaults apart.
    """
    model = client.meta.service_model
    if found is None:
        return changes(None, creatable(project, model))
    tags = (*(project.tags or ()), *beside_tag(file, found), *held_credentials(found))
    wanted, known = creatable(replace(project, tags=tags), model), as_created(found, model)
    unnamed = [
        Change(key, value, None) for key, value in known.items() if key not in wanted and not _is_default(key, value)
    ]
    return [*changes({**found.to_data(), **known}, wanted), *unnamed]


def _is_default(key: str, value: Any) -> bool:
    if key == "encryptionKey":
        return str(value).endswith("alias/aws/s3")
    if key == "logsConfig":
        return bool(value == _DEFAULT_LOGS) or value == {"cloudWatchLogs": {"status": "ENABLED"}}
    return key in _DEFAULTS and bool(value == _DEFAULTS[key])
