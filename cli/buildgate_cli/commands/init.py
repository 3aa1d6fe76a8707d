"""`buildgate init`: starter files for the repository one stands in; what exists is never touched."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from buildgate_cli import starters
from buildgate_cli.errors import UserError
from buildgate_cli.kinds import kind_of
from buildgate_cli.output import note, print_json, say

app = typer.Typer(help="Write starter files for this repository.")


@app.command()
def init(
    name: Annotated[str | None, typer.Option(help="Name of pipeline and repository; the folder's by default.")] = None,
    branch: Annotated[str | None, typer.Option(help="Branch that opens runs; the current one by default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name the files, and write none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print data for programs.")] = False,
) -> None:
    """Write pipeline.yaml, project files and buildspecs, fitted to what the repository holds. Never overwrites."""
    folder = _root(Path.cwd())
    chosen = starters.name_of(name or folder.name)
    if name is not None and chosen != name:
        raise UserError(f"{name!r} cannot name a pipeline and projects.", f"Try --name {chosen}.")
    kind = kind_of(folder)
    written: list[str] = []
    kept: list[str] = []
    for path, text in starters.files(chosen, branch or _branch(folder), kind).items():
        target = folder / path
        (kept if _exists(target) else written).append(path)
        if not dry_run and path in written:
            _write(target, text)
    if as_json:
        print_json({"name": chosen, "kind": kind.name, "written": written, "kept": kept, "dry_run": dry_run})
        return
    for path in written:
        say(f"{'would write' if dry_run else 'wrote'} {path}", "green")
    for path in kept:
        note(f"kept {path}, which exists")
    if written and not dry_run:
        _say_next(chosen)


def _say_next(name: str) -> None:
    say("\nNext, with a cloud running (`buildgate local up`):")
    for line in (
        f"buildgate repo create {name}  # then the `git remote add` that it prints",
        "buildgate project apply projects/test.yaml projects/release.yaml",
        "buildgate pipeline apply pipeline.yaml",
        "git add -A && git commit -m 'Build with Buildgate'",
        "git push buildgate HEAD && buildgate run watch",
    ):
        say(f"  {line}", "cyan")


def _exists(target: Path) -> bool:
    return target.exists() or target.is_symlink()


def _write(target: Path, text: str) -> None:
    """Write a file that must not exist yet, making its folder; a link that leads out of the repository is no folder."""
    target.parent.mkdir(exist_ok=True)
    with target.open("x", encoding="utf-8") as stream:
        stream.write(text)


def _root(folder: Path) -> Path:
    """Return the repository's root, or the folder itself outside of any repository."""
    said = _git(folder, "rev-parse", "--show-toplevel")
    return Path(said) if said else folder


def _branch(folder: Path) -> str:
    return _git(folder, "symbolic-ref", "--short", "-q", "HEAD") or "main"


def _git(folder: Path, *arguments: str) -> str:
    """Return what git prints, an empty text when it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
