"""The sample shop in a running cloud: its repository, projects and pipelines, and pushes to it."""

import contextlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli_harness import Cli
from e2e.harness import RunningCloud
from local_cloud_asking import until
from local_harness import git

SAMPLE = Path(__file__).parents[2] / "samples" / "shop"
PROGRAM = Path(sys.executable).with_name("buildgate")


@dataclass
class Shop:
    """One copy of the sample, under a name of its own, so that tests sharing a cloud do not meet.

    Commands run in this process, which spares each of them its start, or as the installed program.
    """

    cloud: RunningCloud
    name: str
    folder: Path
    is_as_installed: bool = False

    @classmethod
    def make(
        cls, cloud: RunningCloud, name: str, folder: Path, *, is_as_installed: bool = False, **changes: Any
    ) -> "Shop":
        shop = cls(cloud, name, folder / name, is_as_installed)
        shutil.copytree(SAMPLE, shop.folder, ignore=shutil.ignore_patterns("__pycache__", "reports", "dist"))
        shop.rename()
        shop.change_pipeline(**changes)
        shop.buildgate("repo", "create", name)
        shop.buildgate("project", "apply", *(path.name for path in sorted(shop.folder.glob("project-*.yaml"))))
        shop.buildgate("pipeline", "apply", "pipeline.yaml")
        git(shop.folder, "init", "-q", "-b", "main")
        git(shop.folder, "remote", "add", "buildgate", str(cloud.repository(name)))
        return shop

    def rename(self) -> None:
        for path in [*self.folder.glob("project-*.yaml"), self.folder / "pipeline.yaml"]:
            text = path.read_text()
            text = re.sub(r"\bshop-(unit|lint|release)\b", rf"{self.name}-\1", text)
            text = re.sub(r"(location|repository|name): shop(?=[,\s}])", rf"\1: {self.name}", text)
            path.write_text(text)

    def change_pipeline(
        self,
        *,
        approval: dict[str, Any] | None = None,
        stages: list[str] | None = None,
        topics: dict[str, str] | None = None,
    ) -> None:
        """Change the release's approval (an empty one removes it), keep only some stages, or name topics of its own."""
        path = self.folder / "pipeline.yaml"
        data = yaml.safe_load(path.read_text())
        data |= {"topics": topics} if topics else {}
        if stages is not None:
            data["stages"] = [stage for stage in data["stages"] if stage["name"] in stages]
        for stage in data["stages"]:
            if stage["name"] == "release" and approval is not None:
                stage["approval"] = approval or None
                if not approval:
                    del stage["approval"]
        path.write_text(yaml.safe_dump(data, sort_keys=False))

    def buildgate(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command as a person does; `code` is the exit code it must have, None for any."""
        done = self._as_installed(arguments) if self.is_as_installed else self._here(arguments)
        assert code is None or done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    def _as_installed(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/bin:/bin", "BUILDGATE_HOME": str(self.cloud.home.path), "COLUMNS": "200"}
        return subprocess.run(
            [str(PROGRAM), *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def _here(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        with contextlib.chdir(self.folder):
            result = Cli(self.cloud.home.path)(*arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)

    def break_a_test(self) -> None:
        path = self.folder / "shop" / "prices.py"
        path.write_text(path.read_text().replace("+ 50) // 100", "+ 49) // 100"))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def push(self, message: str = "Change prices", ref: str = "main") -> str:
        """Commit everything, push it, and return the commit."""
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", message)
        git(self.folder, "push", "-q", "buildgate", f"HEAD:refs/heads/{ref}")
        return git(self.folder, "rev-parse", "HEAD").strip()

    def runs(self) -> list[dict[str, Any]]:
        return list(self.cloud.api.get("runs", pipeline=self.name)["runs"])

    def run_of(self, commit: str, *, within: float = 60) -> str:
        """Wait for the run of a commit and return its id."""
        return str(
            until(lambda: next((r["run_id"] for r in self.runs() if r["commit"] == commit), None), within=within)
        )

    def waiting_approval(self, run_id: str, *, within: float = 60) -> str:
        """Wait until a run asks for approval and return the approval's id."""

        def look() -> str | None:
            found = self.cloud.api.get("approvals")["approvals"]
            return next((one["id"] for one in found if one["run_id"] == run_id), None)

        return str(until(look, within=within))

    def link(self, approval_id: str) -> str:
        """Wait for the message that asks, and return its link."""
        return str(self.cloud.notice(containing=f"/approvals/{approval_id}?k=").links[0])
