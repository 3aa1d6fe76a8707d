"""Starting one build, or one per environment at once; each start may be repeated without starting twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.builds import facts
from buildgate_cli.builds.request import for_environment
from buildgate_cli.builds.watch import NOT_STARTED, Row
from buildgate_cli.errors import as_user_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AT_ONCE: Final = 10
TOKEN_LIMIT: Final = 64
"""The most characters that an idempotency token may have."""


def start_one(client: Any, request: Mapping[str, Any], token: str) -> Row:
    """Start one build. A repeat with the same token within five minutes answers with the same build."""
    data = client.start_build(**request, idempotencyToken=token[:TOKEN_LIMIT])["build"]
    return Row(data["projectName"], data["id"], facts.read(data))


def start_environments(
    client: Any, request: Mapping[str, Any], environments: Sequence[str], *, timestamp: str, token: str
) -> list[Row]:
    """Start a build per environment, all at once. One that CodeBuild refuses is a row that says why."""

    def start(environment: str) -> Row:
        own = for_environment(request, environment, timestamp)
        try:
            row = start_one(client, own, f"{token[: TOKEN_LIMIT - 1 - len(environment)]}-{environment}")
        except Exception as error:
            known = as_user_error(error)
            if known is None:
                raise
            return Row(environment, status_word=NOT_STARTED, why=known.message)
        row.label = environment
        return row

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(start, environments))
