"""Build projects as CodeBuild describes them: their tags, and what their security is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from buildgate.adapters.aws_errors import calling

_BATCH = 100


class CodeBuildProjects:
    """Looks at projects through a botocore-shaped client, a hundred at a time."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def tags(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of the projects that exist, keys in small letters."""
        return {
            str(project["name"]): {str(tag["key"]).lower(): str(tag["value"]) for tag in project.get("tags") or []}
            for project in self._projects(names)
        }

    def _projects(self, names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        for start in range(0, len(names), _BATCH):
            with calling("CodeBuild BatchGetProjects"):
                answer = self._client.batch_get_projects(names=list(names[start : start + _BATCH]))
            yield from answer.get("projects", [])
