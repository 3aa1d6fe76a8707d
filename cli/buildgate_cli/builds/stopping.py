"""Stopping builds, and runs with the builds they have open."""

from __future__ import annotations

from typing import Any

from buildgate_cli.errors import UserError


def stop_build(client: Any, build_id: str) -> dict[str, str]:
    """Stop a build, and say what came of it. Stopping one that has ended changes nothing."""
    build = client.stop_build(id=build_id)["build"]
    status, outcome = build["buildStatus"], "stopping"
    if build.get("buildComplete"):
        outcome = "stopped" if status == "STOPPED" else f"had ended: {status}"
    return {"build_id": build["id"], "outcome": outcome, "status": status}


def stop_run(client: Any, text: str) -> list[dict[str, str]]:
    """Stop a run, so that it starts nothing more, and every build it has open."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # only this option asks Buildgate's own API
    from buildgate_cli.commands.run import resolve  # noqa: PLC0415

    api = connect()
    run_id = resolve(api, text)
    run = api.get("runs", run_id)["run"]
    try:
        api.post("runs", run_id, "stop", body={"comment": "stopped with its builds"})
    except UserError:
        if not _open_builds(run):
            raise
        # The run has ended, and builds of it have not: they are what is to be stopped.
    return [stop_build(client, build_id) for build_id in _open_builds(run)]


def _open_builds(run: dict[str, Any]) -> list[str]:
    return [
        build["build_id"]
        for stage in run.get("stages", [])
        for build in stage.get("builds", [])
        if build.get("build_id") and build.get("status") in {"IN_PROGRESS", "BOUND", "RUNNING"}
    ]
