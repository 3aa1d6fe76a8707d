"""The ports beyond the stores keep the same promises on the local cloud as in memory and on moto."""

import itertools
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import Session

from asked_services import CRITICAL, IMAGE_SCAN
from buildgate_cli.local.findings import Findings, read_scan
from buildgate_cli.local.jsonservice import Caller, ServicesServer
from buildgate_cli.local.services import OwnServices, own_services
from contract.emulated_clouds import fate, mailbox, new_bucket
from contract.port_cases import CASES, Case, project_request
from local_cloud_asking import until
from local_harness import commit, git, new_work_tree

pytestmark = pytest.mark.xdist_group("conformance")
BY_EXECUTION = {"key.$": "$$.Execution.Name"}
"""What a waiting task notes its token under, so that no other case's comes between."""


class LocalCloud:
    """The emulator that the conformance suite asks, with our own services beside it, as `local up` runs them."""

    def __init__(self, asked: Any, services: OwnServices, url: str, work: Path) -> None:
        self._asked, self._services, self._url, self._work = asked, services, url, work
        self._numbers = itertools.count(1)
        self._names: dict[str, str] = {}
        self._clients: dict[str, Any] = {}
        self.reminder = asked.outputs["Worker"]
        hold = asked.parking("")
        payload = hold["Parameters"]["Payload"]
        hold["Parameters"]["Payload"] = {"do": payload["do"], "token.$": payload["token.$"], **BY_EXECUTION}
        self.machine = asked.machine({"StartAt": "Hold", "States": {"Hold": hold}})

    def client(self, service: str) -> Any:
        if service not in self._clients:
            own = service in {"codebuild", "codecommit"}
            self._clients[service] = self._own(service) if own else self._asked.client(service)
        return self._clients[service]

    def _own(self, service: str) -> Any:
        return Session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self._url,
            aws_access_key_id=self._asked.keys.access_key_id,
            aws_secret_access_key=self._asked.keys.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def name(self) -> str:
        return f"ports-{next(self._numbers)}"

    def bucket(self) -> str:
        return new_bucket(self.client("s3"), self.name())

    def repository(self) -> str:
        name = self.name()
        made = self.client("codecommit").create_repository(repositoryName=name)
        new_work_tree(self._work / name, made["repositoryMetadata"]["cloneUrlHttp"])
        return name

    def commit(
        self, repository: str, files: Mapping[str, str | None], *, branch: str = "main", message: str = "Change"
    ) -> str:
        tree = self._work / repository
        if branch != "main":
            git(tree, "switch", "-q", "-c", branch)
        for path in (path for path, text in files.items() if text is None):
            (tree / path).unlink()
        commit_id = commit(tree, {path: text for path, text in files.items() if text is not None}, message)
        git(tree, "push", "-q", "origin", branch)
        return commit_id

    def token(self) -> str:
        name = self.name()
        self.client("stepfunctions").start_execution(stateMachineArn=self.machine, name=name, input="{}")
        token = str(self._asked.tokens(name)[0])
        self._names[name] = token
        return token

    def fate(self, token: str) -> str:
        states = self.client("stepfunctions")
        return str(
            until(lambda: found if (found := fate(states, self.machine, self._names, token)) != "waits" else None)
        )

    def end(self, build_id: str) -> None:
        builds = self.client("codebuild")
        until(lambda: builds.batch_get_builds(ids=[build_id])["builds"][0]["buildComplete"] or None, within=60)

    def project(self, buildspec: str, **more: Any) -> str:
        name = self.name()
        self.client("codebuild").create_project(**project_request(name, buildspec, **more))
        return name

    def scanned(self) -> str:
        name, findings = self.name(), Findings(self._asked.home.findings)
        findings.put(read_scan(IMAGE_SCAN, image=name, tag="v1"))
        findings.put(read_scan({"findings": [CRITICAL]}, image=name, tag="v1"))
        return name

    def topic(self) -> Any:
        return mailbox(self.client, self.name())

    def reminded(self) -> Any:
        return until(lambda: self._asked.notes("reminders") or None)


@pytest.fixture(scope="module")
def cloud(asked: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    services = own_services(asked.home, asked.client, lambda _: {})
    holder = Caller(asked.keys.access_key_id, "arn:aws:iam::000000000000:root")
    server = ServicesServer(services.all, 0, lambda key: holder if key == holder.access_key_id else None)
    server.start()
    services.start(server.url)
    work = tmp_path_factory.mktemp("work")
    try:
        yield LocalCloud(asked, services, server.url, work)
    finally:
        services.stop()
        server.stop()
        shutil.rmtree(work)


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_ports_keep_their_promises_on_the_local_cloud(cloud: LocalCloud, one: Case) -> None:
    one.check(cloud)
