"""`buildgate repo pushes`: what arrived and opened no run, with the reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from cli_harness import Cli, OperatorApi


def ignored() -> list[dict[str, str]]:
    """Return two pushes of four minutes ago; asked for in a test, which may run long after it was collected."""
    at = (datetime.now(UTC) - timedelta(minutes=4, seconds=10)).isoformat()
    red = {"ref": "fix/\x1b[31mred", "commit": "94a2d6e702d4ef92", "reason": "shop: branch fix fits none of main"}
    old = {"ref": "old", "commit": "", "reason": "shop: branch old was deleted: a deletion opens no run"}
    return [{"at": at} | red, {"at": at} | old]


def test_pushes_that_opened_nothing_are_listed_with_their_reasons(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/pushes/shop", (200, {"ignored": ignored(), "next": None}))

    answer = cli("repo", "pushes", "shop", "--ref", "main", "--limit", "5")

    assert answer.exit_code == 0
    first, second = answer.stdout.splitlines()[1:]
    assert "4m ago" in first
    assert "94a2d6e7  shop: branch fix fits none of main" in first
    assert "\x1b" not in answer.stdout
    assert second.endswith("-         shop: branch old was deleted: a deletion opens no run")
    assert api.calls[0].query == {"ref": "main", "limit": "5"}


def test_pushes_print_as_data(cli: Cli, api: OperatorApi) -> None:
    page = {"ignored": ignored(), "next": None}
    api.on("GET", "/v1/pushes/shop", (200, page))

    assert json.loads(cli("repo", "pushes", "shop", "--json").stdout) == page


def test_a_repository_whose_pushes_all_opened_runs_says_so(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/pushes/shop", (200, {"ignored": [], "next": None}))

    assert "Every push to shop that arrived opened a run." in cli("repo", "pushes", "shop").stderr
