"""The whole product on the in-memory AWS: our template, our machines and our functions, unchanged, in one process."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlencode

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.deployment import Deployment, deploy
from buildgate.adapters.memory.http import Answer
from buildgate.domain.pipelines import Pipeline
from buildgate.inbound import pipeline_file
from buildgate.runtime import settings
from buildgate.runtime.entrypoint import refuse_newer
from buildgate.runtime.observability import Line
from buildgate_cli.errors import UserError

CHECKOUT: Final = Path(__file__).resolve().parents[3]
LINKS: Final = "https://gate.example.com"
ALICE: Final = "arn:aws:iam::000000000000:user/alice"
PROJECT: Final[dict[str, Any]] = {
    "source": {"type": "CODECOMMIT", "location": "shop"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": "arn:aws:iam::000000000000:role/build",
    "tags": [{"key": "buildgate", "value": "managed"}],
}
_TOLD_OF_BUILDS: Final = {"functions/record_build"}


class ApiRefusedError(RuntimeError):
    """The operators' API did not answer with a success."""


class CannotStartError(BaseException):
    """A function cannot be built at all. No Exception: the day ends here, instead of looking like one of bad weather."""


@cache
def module_of(code_uri: str) -> ModuleType:
    path = CHECKOUT / code_uri / "app.py"
    spec = importlib.util.spec_from_file_location(f"function_{path.parent.name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UserError("The functions are not part of this installation.", "Run it from a checkout of Buildgate.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class World:
    """A deployed Buildgate in memory, with a repository `shop`; builds succeed after two minutes unless told else.

    `lines` are what functions logged, `pages` what browsers were shown, `handed` what functions were told of builds.
    `tell`, when set, is handed the log fields of each invocation that ends, with what went wrong in it, if anything.
    """

    def __init__(self, *, seed: int = 0, checks_parameters: bool = True, schedules: bool = True) -> None:
        self.aws = MemoryAws(seed=seed, checks_parameters=checks_parameters)
        self.lines: list[dict[str, Any]] = []
        self.pages: list[str] = []
        self.handed: list[str] = []
        self.tell: Callable[[Mapping[str, Any]], object] | None = None
        self.deployment: Deployment = deploy(
            self.aws, CHECKOUT / "template.yaml", self._load, parameters={"LinkBaseUrl": LINKS}
        )
        self.aws.codebuild.plan = lambda _: BuildPlan(120)
        self.aws.client("codecommit").create_repository(repositoryName="shop")
        if schedules:
            self.deployment.start_schedules()

    def _load(self, code_uri: str, environment: Mapping[str, str]) -> Any:
        module = module_of(code_uri)
        variables = {**environment, "BUILDGATE_ACCOUNT": self.aws.account}
        try:
            handle = module.build(settings.read(module.Settings, variables), self.aws)
        except Exception as error:
            raise CannotStartError(f"{code_uri} cannot start: {type(error).__name__}: {error}") from error

        def handler(event: Any, context: Any) -> Any:
            line = Line()
            line.add(function=context.function_name)
            self.lines.append(line.fields)
            if code_uri in _TOLD_OF_BUILDS:
                self.handed.append(str(event))
            try:
                refuse_newer(event)
                answer = handle(event, line)
            except BaseException as error:
                line.add(outcome=type(error).__name__, reason=str(error))
                raise
            finally:
                if self.tell is not None:
                    self.tell(line.fields)
            return answer

        return handler

    @property
    def table(self) -> Any:
        """The table of the product, as the in-memory DynamoDB keeps it."""
        return self.aws.dynamodb.table(self.deployment.outputs["TableName"])

    def function(self, name: str) -> Any:
        """Return a deployed function by its folder's name (`record_build`)."""
        logical = "".join(word.title() for word in name.split("_")) + "Function"
        return self.aws.lambdas.functions[self.deployment.names[logical]]

    def project(self, *names: str, **more: Any) -> None:
        """Create build projects."""
        for name in names:
            self.aws.client("codebuild").create_project(name=name, **{**PROJECT, **more})

    def call(self, method: str, url: str, data: Any = None, *, caller: str = ALICE) -> Any:
        """Call the operators' API and return its data; the answer must be a success."""
        answer = self.ask(method, url, data, caller=caller)
        if answer.status != 200:
            raise ApiRefusedError(f"{method} {url}: {answer.status} {answer.body.decode(errors='replace')}")
        return answer.data

    def ask(self, method: str, url: str, data: Any = None, *, caller: str | None = ALICE) -> Answer:
        """Call the operators' API and return whatever it answers."""
        body = None if data is None else json.dumps(data)
        return self.deployment.http.request(method, url, body, {"content-type": "application/json"}, caller=caller)

    def apply(self, pipeline: Mapping[str, Any]) -> None:
        """Apply a pipeline as its file would be written; its projects are created."""
        self.install(pipeline_file.parse(pipeline))

    def install(self, pipeline: Pipeline, **projects: Any) -> None:
        """Apply a pipeline; the projects (as CreateProject takes them), repositories and topics it names are created."""
        known = self.aws.codebuild.projects
        self.project(*(name for name in pipeline.projects if name not in known), **projects)
        for trigger in pipeline.triggers:
            if trigger.repository not in self.aws.codecommit.repositories:
                self.aws.client("codecommit").create_repository(repositoryName=trigger.repository)
        for arn in pipeline.topics.values():
            self.aws.sns.topics.setdefault(arn, {"TopicArn": arn})
        self.call("PUT", f"/v1/pipelines/{pipeline.name}", {"pipeline": pipeline.to_data()})

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
        self.pages.append(page.body.decode())
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.pages[-1]))

    def decide(
        self, link: str, decision: str, name: str = "bob", form: Mapping[str, str] | None = None, comment: str = ""
    ) -> Answer:
        """Fill a form in (one opened before, or now) and send it, as a browser would."""
        opened = self.form(link) if form is None else form
        fields = {**opened, "name": name, "comment": comment, "decision": decision}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = self.deployment.http.request("POST", link, urlencode(fields), headers)
        self.pages.append(answer.body.decode())
        return answer

    def failures(self) -> list[Any]:
        """Return what is in the failure queues."""
        return [json.loads(message.body) for queue in self.aws.sqs.queues.values() for message in queue.messages]
