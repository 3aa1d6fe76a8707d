"""The main job, shown: a real push of the sample application, up to its approved and measured release.

The demo only pushes and, when nobody is there to do it, opens the approval's link and posts its form. Everything in
between happens by events.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import urllib3
from rich.text import Text

from buildgate_cli import cloud_context, run_tree
from buildgate_cli.api_client import BEARER_VARIABLE, ApiClient
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.local.cloud import CHECKOUT, Cloud
from buildgate_cli.local.inbox import Notice, read_notices
from buildgate_cli.output import console

if TYPE_CHECKING:
    from buildgate_cli.local.state import Home

SAMPLE: Final = CHECKOUT / "samples" / "shop"
PATIENCE_SECONDS: Final = 300.0
APPROVAL_SECONDS: Final = 3600.0
LOOK_SECONDS: Final = 0.3
NOTICE_SECONDS: Final = 20.0
_FIELD: Final = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_IDENTITY: Final = {
    "GIT_AUTHOR_NAME": "Alice",
    "GIT_AUTHOR_EMAIL": "alice@example.com",
    "GIT_COMMITTER_NAME": "Alice",
    "GIT_COMMITTER_EMAIL": "alice@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True)
class Demo:
    """One showing in one cloud. ``step`` tells the person what happens; ``approves`` decides without asking.

    Once ``stop`` is set (Ctrl-C, a closed terminal) it ends with KeyboardInterrupt within the moment.
    """

    cloud: Cloud
    step: Callable[[str], None]
    approves: bool
    stop: threading.Event
    break_a_test: bool = False

    @property
    def home(self) -> Home:
        return self.cloud.home

    def play(self) -> dict[str, Any]:
        """Push, follow, approve; return the ended run as the API shows it."""
        client = ApiClient(cloud_context.read_local(self.home.path, person=""))
        self._prepare()
        self._push()
        run_id = self._await_run(client)
        return self.follow(client, run_id)

    def _prepare(self) -> None:
        """Make the repository, its projects and its pipeline by the same commands that a person types."""
        self._buildgate("repo", "create", "shop")
        self._buildgate("project", "apply", *(path.name for path in sorted(SAMPLE.glob("project-*.yaml"))))
        self._buildgate("pipeline", "apply", "pipeline.yaml")

    def _buildgate(self, *arguments: str) -> None:
        self.step(f"buildgate {' '.join(arguments)}")
        command = [str(Path(sys.executable).with_name("buildgate")), *arguments]
        elsewhere = (cloud_context.STACK_VARIABLE, cloud_context.PERSON_VARIABLE, BEARER_VARIABLE)
        environment = {name: value for name, value in os.environ.items() if name not in elsewhere}
        environment[cloud_context.HOME_VARIABLE] = str(self.home.path)
        result = subprocess.run(command, cwd=SAMPLE, env=environment, capture_output=True, text=True, check=False)
        self._pause(0)
        if result.returncode:
            raise UserError(f"buildgate {arguments[0]} failed: {result.stderr.strip()}", "See what it says above.")

    def _push(self) -> None:
        work = self.home.path / "work" / "shop"
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "reports", "dist", ".coverage")
        shutil.copytree(SAMPLE, work, ignore=ignored)
        if self.break_a_test:
            prices = work / "shop" / "prices.py"
            prices.write_text(prices.read_text().replace("+ 50) // 100", "+ 49) // 100"))
        self._git(work, "init", "-q", "-b", "main")
        self._git(work, "add", "-A")
        self._git(work, "commit", "-q", "-m", "Price books with the reduced rate")
        self._git(work, "remote", "add", "buildgate", str(self.home.repositories / "shop.git"))
        self.step("git push buildgate main")
        self._git(work, "push", "-q", "buildgate", "main")

    def _git(self, folder: Path, *arguments: str) -> None:
        # Git that started us, as a hook, points at its own repository.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _IDENTITY
        result = subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        self._pause(0)
        if result.returncode:
            said = (result.stderr or result.stdout).strip()
            raise UserError(f"git {arguments[0]} failed: {said}", "See what git says above.")

    def _await_run(self, client: ApiClient) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            runs = client.get("runs", pipeline="shop", limit=1)["runs"]
            if runs:
                return str(runs[0]["run_id"])
            self._pause(LOOK_SECONDS)
        raise UserError("The push opened no run.", f"Read the logs in {self.home.path}.", ExitCode.REFUSED)

    def follow(self, client: ApiClient, run_id: str) -> dict[str, Any]:
        """Print each change of the run until it ends; answer its approvals on the way."""
        shown: dict[str, Text] = {}
        answered: set[str] = set()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            run: dict[str, Any] = client.get("runs", run_id)["run"]
            lines = run_tree.facts(run)
            for _, line in run_tree.changes(shown, lines):
                self.step(line.plain)
            shown = lines
            if run_tree.is_final(run):
                self._tell_ending(run_id)
                return run
            for notice in self._about(run_id, "approval"):
                if notice.id in answered:
                    continue
                answered.add(notice.id)
                deadline += self._answer(notice)
            self._pause(LOOK_SECONDS)
        raise UserError(f"Run {run_id} did not end in time.", f"buildgate run show {run_id}", ExitCode.UNAVAILABLE)

    def _pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise KeyboardInterrupt

    def _about(self, run_id: str, *topics: str) -> list[Notice]:
        """Return what the inbox holds about a run, on these topics."""
        notices = read_notices(self.home)
        return [one for one in notices if one.attributes.get("topic") in topics and run_id in one.message]

    def _tell_ending(self, run_id: str) -> None:
        """Show the notice of the run's end, which goes out beside what is followed here."""
        deadline = time.monotonic() + NOTICE_SECONDS
        while not (notices := self._about(run_id, "success", "failure")) and time.monotonic() < deadline:
            self._pause(LOOK_SECONDS)
        for notice in notices:
            self.step(f"inbox: {notice.subject}")

    def _answer(self, notice: Notice) -> float:
        """Decide through the page, or point the person to it; return how much longer to be patient, in seconds."""
        link = notice.links[0]
        self.step(f"inbox: {notice.subject}")
        if not self.approves:
            console.print(Text.assemble("\n  Open this page and decide:\n  ", (link, f"bold link {link}"), "\n"))
            return APPROVAL_SECONDS
        decide_by_page(link, name="Alice", comment="The reports look good.", say=self.step)
        return 0.0


def decide_by_page(
    link: str, *, name: str, comment: str, say: Callable[[str], None], decision: str = "approve"
) -> None:
    """Open an approval's page and post its form, as a browser does.

    Raises:
        UserError: The page does not open, or refuses the decision.
    """
    pool = urllib3.PoolManager(timeout=20.0, retries=False)
    page = pool.request("GET", link)
    say(f"opened the approval page ({page.status})")
    fields = {name: html.unescape(value) for name, value in _FIELD.findall(page.data.decode())}
    if page.status != 200 or "form" not in fields:
        raise UserError(f"The approval page answered {page.status}.", f"Open {link}")
    body = urlencode(fields | {"name": name, "comment": comment, "decision": decision})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = pool.request("POST", link.split("?", 1)[0], body=body, headers=headers)
    if answer.status != 200:
        raise UserError(f"The approval page refused the decision: {answer.status}.", f"Open {link}")
    say(f"posted its form: {decision} ({answer.status})")


def clock() -> datetime:
    return datetime.now(UTC)
