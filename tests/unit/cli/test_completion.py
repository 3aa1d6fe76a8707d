from pathlib import Path
from typing import Any

from buildgate_cli import completion
from cli_harness import OperatorApi, write_cloud


class Context:
    """What Typer hands to a completion: here without any option given."""

    params: dict[str, Any] = {}  # noqa: RUF012 - read only

    def find_root(self) -> "Context":
        return self


def offers(monkeypatch: Any, home: Path, find: Any) -> list[tuple[str, str]]:
    monkeypatch.setenv("BUILDGATE_HOME", str(home))
    return find(Context(), [], "")


def test_names_and_ids_are_offered_with_what_they_are(api: OperatorApi, tmp_path: Path, monkeypatch: Any) -> None:
    write_cloud(tmp_path, front=api.url)
    api.on("GET", "/v1/pipelines", (200, {"pipelines": [{"name": "shop", "description": "Web shop"}]}))
    run = {"run_id": "01k", "pipeline": "shop", "status": "FAILED", "message": "Fix\nall"}
    api.on("GET", "/v1/runs", (200, {"runs": [run]}))
    approval = {"id": "01k.01.1.entry", "pipeline": "shop", "stage": "release"}
    api.on("GET", "/v1/approvals", (200, {"approvals": [approval]}))

    assert offers(monkeypatch, tmp_path, completion.pipelines) == [("shop", "Web shop")]
    assert offers(monkeypatch, tmp_path, completion.runs) == [("01k", "shop FAILED Fix all")]
    assert offers(monkeypatch, tmp_path, completion.approvals) == [("01k.01.1.entry", "shop release")]
    assert api.calls[-1].query == {"status": "waiting"}


def test_a_cloud_that_is_away_broken_or_refuses_offers_nothing(
    api: OperatorApi, tmp_path: Path, monkeypatch: Any
) -> None:
    for find in (completion.pipelines, completion.runs, completion.approvals, completion.projects):
        assert offers(monkeypatch, tmp_path / "none", find) == []

    write_cloud(tmp_path, front=api.url)
    api.on("GET", "/v1/pipelines", (200, {"unexpected": 1}))
    api.on("GET", "/v1/runs", (403, {}))
    assert offers(monkeypatch, tmp_path, completion.pipelines) == []
    assert offers(monkeypatch, tmp_path, completion.runs) == []
