"""The whole product on the in-memory AWS: our template, our machines and our functions, unchanged, in one process."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.deployment import Deployment, deploy
from buildgate.adapters.memory.http import Answer
from buildgate.inbound import pipeline_file
from buildgate.runtime import settings
from buildgate.runtime.observability import Line

ROOT = Path(__file__).resolve().parents[1]
LINKS = "https://gate.example.com"
ALICE = "arn:aws:iam::000000000000:user/alice"
PROJECT: dict[str, Any] = {
    "source": {"type": "CODECOMMIT", "location": "shop"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": "arn:aws:iam::000000000000:role/build",
    "tags": [{"key": "buildgate", "value": "managed"}],
}


@cache
def _module(code_uri: str) -> ModuleType:
    path = ROOT / code_uri / "app.py"
    spec = importlib.util.spec_from_file_location(f"function_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class SimulatedCloud:
    """A deployed Buildgate in memory, with a repository `shop`; builds succeed after two minutes unless told else."""

    def __init__(self, *, seed: int = 0, checks_parameters: bool = True, schedules: bool = True) -> None:
        self.aws = MemoryAws(seed=seed, checks_parameters=checks_parameters)
        self.lines: list[dict[str, Any]] = []
        self.deployment: Deployment = deploy(
            self.aws, ROOT / "template.yaml", self._load, parameters={"LinkBaseUrl": LINKS}
        )
        self.aws.codebuild.plan = lambda _: BuildPlan(120)
        self.aws.client("codecommit").create_repository(repositoryName="shop")
        if schedules:
            self.deployment.start_schedules()

    def _load(self, code_uri: str, environment: Mapping[str, str]) -> Any:
        module = _module(code_uri)
        variables = {**environment, "BUILDGATE_ACCOUNT": self.aws.account}
        handle = module.build(settings.read(module.Settings, variables), self.aws)

        def handler(event: Any, context: Any) -> Any:
            line = Line()
            line.add(function=context.function_name)
            self.lines.append(line.fields)
            return handle(event, line)

        return handler

    def project(self, *names: str) -> None:
        """Create build projects."""
        for name in names:
            self.aws.client("codebuild").create_project(name=name, **PROJECT)

    def call(self, method: str, url: str, data: Any = None, *, caller: str = ALICE) -> Any:
        """Call the operator API and return its data; the answer must be a success."""
        body = None if data is None else json.dumps(data)
        answer = self.deployment.http.request(method, url, body, {"content-type": "application/json"}, caller=caller)
        assert answer.status == 200, answer
        return answer.data

    def apply(self, pipeline: Mapping[str, Any]) -> None:
        """Apply a pipeline as its file would be written; its projects are created."""
        parsed = pipeline_file.parse(pipeline)
        self.project(*{build["project"] for stage in pipeline["stages"] for build in stage["builds"]})
        self.call("PUT", f"/v1/pipelines/{pipeline['name']}", {"pipeline": parsed.to_data()})

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs in full, newest first."""
        listed = self.call("GET", "/v1/runs")["runs"]
        return [self.call("GET", f"/v1/runs/{run['run_id']}")["run"] for run in listed]

    def links(self) -> list[str]:
        """Return the paths of all approval links that were published, oldest first."""
        texts = [published.text_for("email") for published in self.aws.sns.published]
        return [link for text in texts for link in re.findall(rf"{LINKS}(/approvals/\S+)", text)]

    def form(self, link: str) -> dict[str, str]:
        """Open a link and return the hidden fields of its form; none when the page has no form."""
        page = self.deployment.http.request("GET", link)
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.body.decode()))

    def decide(self, link: str, decision: str, name: str = "bob", form: Mapping[str, str] | None = None) -> Answer:
        """Fill a form in (one opened before, or now) and send it, as a browser would."""
        fields = {**(self.form(link) if form is None else form), "name": name, "comment": "", "decision": decision}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.deployment.http.request("POST", link, urlencode(fields), headers)

    def failures(self) -> list[Any]:
        """Return what is in the failure queues."""
        return [json.loads(message.body) for queue in self.aws.sqs.queues.values() for message in queue.messages]
