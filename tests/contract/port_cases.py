"""What every port on AWS promises beyond the stores, as functions of a cloud: they run wherever there is one.

`CASES` lists them with the ports that they are about; a module that has another cloud parametrises a test over them.
A cloud hands out clients of its services, and does what nobody asks AWS for through an API: it ends a build, lets a
task wait, makes a commit, opens a mailbox.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pytest

from buildgate.adapters.code_owners import RepositoryOwners
from buildgate.adapters.codebuild import CodeBuildLauncher
from buildgate.adapters.codebuild_projects import CodeBuildProjects
from buildgate.adapters.codebuild_reports import CodeBuildReports, S3TestCases
from buildgate.adapters.codecommit import CodeCommitRepositories
from buildgate.adapters.iam import IamRoles
from buildgate.adapters.reminders import LambdaReminders
from buildgate.adapters.report_store import S3Reports
from buildgate.adapters.sns import SnsTopics
from buildgate.adapters.stepfunctions import StepFunctionsExecutions
from buildgate.domain.approvals import ApprovalRef
from buildgate.domain.builds import Build, BuildHead, BuildStatus, Owner, SlotClaim, SlotRef, reports_prefix
from buildgate.domain.errors import BuildgateError, NotFound, Rejected
from buildgate.domain.metrics.posture import Allowed
from buildgate.domain.metrics.test_cases import TestCase
from buildgate.domain.notices import Notice, NoticeRef, Topic
from buildgate.domain.runs import Run
from buildgate.ports import BuildOrder, Executions, Launcher, Reminders, Repositories, Topics
from buildgate.usecases.analysis_ports import Projects
from buildgate.usecases.collect_tests import TestFiles, TestOwners, TestReports
from buildgate.usecases.gate_ports import LineChanges, Reports
from buildgate.usecases.judge_posture import Roles
from run_records import NOON, RUN_ID, run

SLOT = SlotRef(RUN_ID, 0, 1, "unit")
ROLE = "arn:aws:iam::000000000000:role/builds"
QUICK = "version: 0.2\nphases:\n  build:\n    commands:\n      - 'true'\n"
SLOW = "version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 60\n"
JUNIT = b'<testsuite name="t" tests="1"><testcase name="a" classname="t" time="1"/></testsuite>'


class Cloud(Protocol):
    """A cloud as the cases need it."""

    machine: str
    """A state machine of one task, which waits for its token."""

    reminder: str
    """A function that only remembers what it is told."""

    def client(self, service: str) -> Any: ...

    def name(self) -> str:
        """Return a name that nobody has."""
        ...

    def bucket(self) -> str:
        """Return a new bucket with versions."""
        ...

    def repository(self) -> str:
        """Return a new, empty repository."""
        ...

    def commit(
        self, repository: str, files: Mapping[str, str | None], *, branch: str = "main", message: str = "Change"
    ) -> str:
        """Put files (None takes one away) into a branch, as alice, and return the commit."""
        ...

    def token(self) -> str:
        """Return the token of a task that waits."""
        ...

    def fate(self, token: str) -> str:
        """Return what became of such a task: it waits, went on, or failed and with what."""
        ...

    def end(self, build_id: str) -> None:
        """Wait until a build has ended, or let it end; it succeeds."""
        ...

    def project(self, buildspec: str, **more: Any) -> str:
        """Return a new build project."""
        ...

    def topic(self) -> tuple[str, Callable[[], Sequence[Mapping[str, Any]]]]:
        """Return a new topic, and what asks for the messages that came: `subject`, `text`, `attributes`."""
        ...

    def reminded(self) -> Sequence[Mapping[str, Any]]:
        """Return what the reminder was told, after at least one came."""
        ...


@dataclass(frozen=True)
class Case:
    """One promise, and the ports that it is about."""

    ports: tuple[type, ...]
    check: Callable[[Any], None]

    @property
    def name(self) -> str:
        return self.check.__name__


CASES: list[Case] = []


def case(*ports: type) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    def keep(check: Callable[[Any], None]) -> Callable[[Any], None]:
        CASES.append(Case(ports, check))
        return check

    return keep


def project_request(name: str, buildspec: str, **more: Any) -> dict[str, Any]:
    """Return what CreateProject takes for a project without a source."""
    return {
        "name": name,
        "source": {"type": "NO_SOURCE", "buildspec": buildspec},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        "serviceRole": ROLE,
    } | more


# ---------------------------------------------------------------------------------------------------- builds


def launcher(cloud: Cloud) -> CodeBuildLauncher:
    return CodeBuildLauncher(cloud.client("codebuild"), quarantine=lambda unfit: pytest.fail(str(unfit)))


def order(project: str, **changes: Any) -> BuildOrder:
    variables = (("BUILDGATE_CORRELATION", "e1"), ("BUILDGATE_NONCE", "n1"), ("BUILDGATE_SLOT", SLOT.to_text()))
    return replace(BuildOrder(project, "", f"{project}-token", variables, 10), **changes)


@case(Launcher)
def a_build_is_started_found_and_ends(cloud: Cloud) -> None:
    project = cloud.project(QUICK)
    started = launcher(cloud).start(order(project))
    cloud.end(started.build_id)

    (found,) = launcher(cloud).builds([started.build_id])
    assert (started.project, started.status, started.ended_at) == (project, BuildStatus.IN_PROGRESS, None)
    assert (found.build_id, found.status) == (started.build_id, BuildStatus.SUCCEEDED)
    assert started.started_at == found.started_at <= found.ended_at
    assert (found.duration_seconds or 0) >= 0


@case(Launcher)
def a_build_says_for_which_slot_it_was_started(cloud: Cloud) -> None:
    started = launcher(cloud).start(order(cloud.project(QUICK)))

    assert started.claim == SlotClaim(SLOT, "n1", "e1")
    assert ("BUILDGATE_NONCE", "PLAINTEXT") in started.variables


@case(Launcher)
def the_same_order_is_the_same_build(cloud: Cloud) -> None:
    wanted = order(cloud.project(QUICK))

    first, second = launcher(cloud).start(wanted), launcher(cloud).start(wanted)

    assert first.build_id == second.build_id
    assert launcher(cloud).newest(wanted.project) == [first.build_id]


@case(Launcher)
def another_order_under_the_same_token_is_refused(cloud: Cloud) -> None:
    wanted = order(cloud.project(QUICK))
    launcher(cloud).start(wanted)

    with pytest.raises(Rejected):
        launcher(cloud).start(replace(wanted, variables=(("A", "1"),)))


@case(Launcher)
def a_project_that_is_not_there_cannot_be_started(cloud: Cloud) -> None:
    with pytest.raises(Rejected) as refused:
        launcher(cloud).start(order("nobody-has-this"))

    assert refused.value.field == "project"


@case(Launcher)
def builds_are_listed_newest_first(cloud: Cloud) -> None:
    project, another = cloud.project(QUICK), cloud.project(QUICK)
    ids = [launcher(cloud).start(order(project, idempotency_token=f"{project}-{n}")).build_id for n in range(2)]
    last = launcher(cloud).start(order(another)).build_id

    assert launcher(cloud).newest(project) == ids[::-1]
    assert launcher(cloud).page(project, "") == (ids[::-1], "")
    assert next(iter(launcher(cloud).newest_of_account()))[:3] == [last, *ids[::-1]]


@case(Launcher)
def a_build_that_runs_is_stopped_and_one_that_ended_left_alone(cloud: Cloud) -> None:
    started = launcher(cloud).start(order(cloud.project(SLOW)))

    for build_id in (started.build_id, started.build_id, f"{started.project}:00000000-0000-4000-8000-000000000000"):
        launcher(cloud).stop(build_id)

    cloud.end(started.build_id)
    (found,) = launcher(cloud).builds([started.build_id])
    assert found.status is BuildStatus.STOPPED


@case(Launcher)
def what_is_not_there_is_missing(cloud: Cloud) -> None:
    project = cloud.project(QUICK)

    assert list(launcher(cloud).builds([f"{project}:00000000-0000-4000-8000-000000000000"])) == []
    assert list(launcher(cloud).missing_projects(["nobody-has-this", project])) == ["nobody-has-this"]


@case(Projects)
def projects_show_their_tags_and_what_their_security_is_judged_by(cloud: Cloud) -> None:
    project = cloud.project(QUICK, tags=[{"key": "Team", "value": "shop"}])

    projects = CodeBuildProjects(cloud.client("codebuild"))
    assert projects.tags([project, "nobody-has-this"]) == {project: {"team": "shop"}}
    (found,) = projects.settings([project])
    assert (found.name, found.image, found.is_privileged) == (project, "aws/codebuild/standard:7.0", False)
    assert found.service_role.endswith(":role/builds")
    assert (found.vpc, found.filter_groups) == (None, None)


@case(Roles)
def a_role_shows_what_its_policies_allow(cloud: Cloud) -> None:
    iam, name = cloud.client("iam"), cloud.name()
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}
    denied = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}
    trust = {"Version": "2012-10-17", "Statement": []}
    own = {"Version": "2012-10-17", "Statement": [statement, denied]}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(own))
    managed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}}
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(managed))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    roles = IamRoles(iam)
    assert roles.allowed(f"arn:aws:iam::000000000000:role/{name}") == (
        Allowed(("s3:GetObject", "s3:PutObject"), ("*",)),
        Allowed(("logs:*",), ("*",)),
    )
    assert roles.allowed(f"arn:aws:iam::000000000000:role/no-{name}") is None


def policy(action: str | list[str], effect: str = "Allow", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "*"} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@case(Roles)
def a_role_may_what_its_own_and_attached_policies_allow(cloud: Cloud) -> None:
    iam, name = cloud.client("iam"), cloud.name()
    trust = policy("sts:AssumeRole", Principal={"Service": "codebuild.amazonaws.com"})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    condition = {"StringEquals": {"aws:ResourceTag/team": "shop"}}
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy("s3:GetObject", Condition=condition))
    iam.put_role_policy(RoleName=name, PolicyName="never", PolicyDocument=policy("s3:*", effect="Deny"))
    made = iam.create_policy(PolicyName=name, PolicyDocument=policy(["logs:PutLogEvents", "sns:*"]))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=made)

    assert set(IamRoles(iam).allowed(arn) or ()) == {
        Allowed(("s3:GetObject",), ("*",), is_conditional=True),
        Allowed(("logs:PutLogEvents", "sns:*"), ("*",), is_conditional=False),
    }
    assert IamRoles(iam).allowed(f"{arn}-nobody-has-this") is None


# ---------------------------------------------------------------------------------------------------- executions


def executions(cloud: Cloud) -> StepFunctionsExecutions:
    return StepFunctionsExecutions(cloud.client("stepfunctions"), cloud.machine)


@case(Executions)
def an_execution_is_started_once_and_lives(cloud: Cloud) -> None:
    one = run(run_id=cloud.name(), correlation_id="e1")

    assert not executions(cloud).is_alive(one)
    for _ in range(2):
        executions(cloud).start(one)
    assert executions(cloud).is_alive(one)
    arn = cloud.machine.replace(":stateMachine:", ":execution:") + f":{one.execution_name}"
    given = cloud.client("stepfunctions").describe_execution(executionArn=arn)["input"]
    assert json.loads(given) == {"run_id": one.run_id, "correlation_id": one.correlation_id, "fmt": 1}


@case(Executions)
def a_waiting_task_goes_on_once(cloud: Cloud) -> None:
    token = cloud.token()

    assert executions(cloud).succeed(token)
    assert cloud.fate(token) == "went on"
    assert not executions(cloud).succeed(token)


@case(Executions)
def a_task_that_went_on_cannot_fail(cloud: Cloud) -> None:
    token = cloud.token()
    executions(cloud).succeed(token)
    assert cloud.fate(token) == "went on"

    assert not executions(cloud).fail(token, error="Closed", cause="too late")


@case(Executions)
def a_waiting_task_fails_by_name(cloud: Cloud) -> None:
    token = cloud.token()

    assert executions(cloud).fail(token, error="Unavailable", cause="x" * 40_000)
    assert cloud.fate(token) == "failed: Unavailable"
    assert not executions(cloud).succeed(token)


@case(Executions)
def a_token_that_nobody_gave_waits_for_nothing(cloud: Cloud) -> None:
    assert not executions(cloud).succeed("no such token")
    assert not executions(cloud).fail("no such token", error="Closed", cause="nobody")


# ---------------------------------------------------------------------------------------------------- repositories


def repositories(cloud: Cloud) -> CodeCommitRepositories:
    return CodeCommitRepositories(cloud.client("codecommit"))


@case(Repositories)
def commits_are_read_with_their_people_and_parents(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a": "1"}, message="Add a\n\nBecause.")
    second = cloud.commit(repository, {"a": "2"})

    found = repositories(cloud).commit(repository, first)
    assert (found.commit, found.message, found.authors) == (first, "Add a\n\nBecause.", ("alice@example.com",))
    assert (found.parents, repositories(cloud).commit(repository, second).parents) == ((), (first,))
    assert repositories(cloud).commit(repository, "0" * 40) is None


@case(Repositories)
def branches_have_heads_and_one_is_the_default(cloud: Cloud) -> None:
    repository = cloud.repository()
    assert repositories(cloud).default_branch(repository) is None
    first = cloud.commit(repository, {"a": "1"})
    second = cloud.commit(repository, {"a": "2"}, branch="feature/a")

    assert repositories(cloud).default_branch(repository) == "main"
    assert repositories(cloud).head_of(repository, "main") == first
    assert repositories(cloud).head_of(repository, "feature/a") == second
    assert repositories(cloud).head_of(repository, "nope") is None
    assert sorted(repositories(cloud).branches(repository)) == ["feature/a", "main"]


@case(Repositories)
def a_repository_that_is_not_there_has_nothing(cloud: Cloud) -> None:
    assert repositories(cloud).default_branch("nobody-has-this") is None
    assert repositories(cloud).head_of("nobody-has-this", "main") is None
    assert list(repositories(cloud).branches("nobody-has-this")) == []


@case(Repositories)
def changed_paths_are_those_of_both_sides(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a": "1", "b/c": "1", "stays": "1"})
    second = cloud.commit(repository, {"a": "2", "b/c": None, "new name.txt": "1"})

    assert sorted(repositories(cloud).changed_paths(repository, first, second)) == ["a", "b/c", "new name.txt"]
    assert sorted(repositories(cloud).changed_paths(repository, "", first)) == ["a", "b/c", "stays"]
    assert list(repositories(cloud).changed_paths(repository, second, second)) == []


@case(Repositories)
def more_changes_than_a_page_holds_are_all_told(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a": "1"})
    second = cloud.commit(repository, {f"f{number:04}": "1" for number in range(1_050)})

    assert len(set(repositories(cloud).changed_paths(repository, first, second))) == 1_050


@case(Repositories)
def a_commit_that_is_not_there_cannot_be_compared(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a": "1"})

    with pytest.raises(NotFound):
        list(repositories(cloud).changed_paths(repository, "0" * 40, first))


@case(Repositories)
def authors_are_those_since_the_base(cloud: Cloud) -> None:
    repository = cloud.repository()
    commits = [cloud.commit(repository, {"a": str(number)}) for number in range(3)]

    assert repositories(cloud).authors_between(repository, commits[0], commits[2]) == ("alice@example.com",)
    assert repositories(cloud).authors_between(repository, "", commits[0]) == ("alice@example.com",)
    assert repositories(cloud).authors_between(repository, commits[2], commits[2]) == ()


@case(LineChanges)
def changed_lines_are_the_new_and_the_rewritten_ones(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a.py": "one\ntwo\nthree\n", "data": "\0binary"})
    second = cloud.commit(repository, {"a.py": "one\n2\nthree\nfour\n", "data": "\0other", "b.py": "new\n"})

    found = repositories(cloud).changed_lines(repository, first, second)
    assert (found.lines, found.unread) == ({"a.py": frozenset({2, 4}), "b.py": frozenset({1})}, ())


class Opened:
    """The run that a build belongs to, as the table would have it."""

    def __init__(self, repository: str, commit: str) -> None:
        self._run = run(source=replace(run().source, repository=repository, commit=commit))

    def run(self, _: str) -> Run:
        return self._run


@case(TestOwners)
def owners_of_cases_are_those_of_the_commit_that_was_built(cloud: Cloud) -> None:
    repository = cloud.repository()
    before = cloud.commit(repository, {"a": "1"})
    commit = cloud.commit(repository, {"CODEOWNERS": "* @team-a\n/shop/ @team-b\n"})
    cloud.commit(repository, {"CODEOWNERS": "* @team-c\n"})
    built = BuildHead("shop-unit:1", "shop-unit", BuildStatus.SUCCEEDED, NOON, slot=SLOT, owner=Owner("team-d", ""))

    def asked(which: str) -> Mapping[str, str]:
        return RepositoryOwners(cloud.client("codecommit"), Opened(repository, which)).of(built, ["shop/test_a.py"])

    assert asked(commit) == {"shop/test_a.py": "@team-b"}
    assert asked(before) == {"shop/test_a.py": "team-d"}


# ---------------------------------------------------------------------------------------------------- notices


def notice(arn: str, **changes: Any) -> Notice:
    base = Notice(
        ref=NoticeRef(RUN_ID, "run-SUCCEEDED"),
        topic=Topic.SUCCESS,
        title="✅ shop: SUCCEEDED",
        description="Grüße, 東京",
        thread=RUN_ID,
        topic_arn=arn,
    )
    return base._replace(**changes)


@case(Topics)
def a_notice_is_published_as_a_card_under_its_key(cloud: Cloud) -> None:
    arn, messages = cloud.topic()

    SnsTopics(cloud.client("sns"), {}).publish(notice(arn, correlation_id="e1", approver="bob@example.com"))

    (came,) = messages()
    card = json.loads(came["text"])
    assert came["subject"] == "shop: SUCCEEDED"
    assert came["attributes"] == {
        "key": f"{RUN_ID}/run-SUCCEEDED",
        "fmt": "1",
        "topic": "success",
        "correlation": "e1",
        "approver": "bob@example.com",
    }
    assert (card["id"], card["content"]["description"]) == (f"{RUN_ID}/run-SUCCEEDED", "Grüße, 東京")


@case(Topics)
def a_notice_goes_to_the_topic_of_its_kind(cloud: Cloud) -> None:
    arn, messages = cloud.topic()
    other, others = cloud.topic()

    SnsTopics(cloud.client("sns"), {Topic.SUCCESS: arn, Topic.FAILURE: other}).publish(notice("", topic=Topic.FAILURE))

    (came,) = others()
    assert came["attributes"] == {"key": f"{RUN_ID}/run-SUCCEEDED", "topic": "failure", "fmt": "1"}
    SnsTopics(cloud.client("sns"), {Topic.SUCCESS: arn}).publish(notice(""))
    assert [one["attributes"]["topic"] for one in messages()] == ["success"]


@case(Topics)
def a_topic_that_is_not_there_is_a_failure_with_a_name(cloud: Cloud) -> None:
    arn, _ = cloud.topic()

    with pytest.raises(BuildgateError):
        SnsTopics(cloud.client("sns"), {}).publish(notice(f"{arn}-nope"))


@case(Reminders)
def a_reminder_is_told_what_to_ask_again(cloud: Cloud) -> None:
    ref = ApprovalRef(RUN_ID, 1, 1, "entry")

    LambdaReminders(cloud.client("lambda"), cloud.reminder).remind(ref, correlation_id="e1")

    told = cloud.reminded()[-1]
    assert {name: told[name] for name in ("run_id", "approval", "input")} == {
        "run_id": RUN_ID,
        "approval": ref.to_text(),
        "input": {"correlation_id": "e1", "fmt": 1},
    }


# ---------------------------------------------------------------------------------------------------- reports


def reported(cloud: Cloud, bucket: str, files: Mapping[str, bytes]) -> tuple[S3Reports, Build]:
    build = Build("shop-unit:1", "shop-unit", BuildStatus.SUCCEEDED, NOON, claim=SlotClaim(SLOT, "n1"))
    for name, body in files.items():
        key = f"{reports_prefix('shop-unit', SLOT)}{name}"
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return S3Reports(cloud.client("s3"), cloud.client("codebuild"), bucket), build


@case(Reports)
def a_builds_reports_are_those_in_its_own_place(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    cloud.client("s3").put_object(Bucket=bucket, Key="reports/shop-unit/another/junit.xml", Body=JUNIT)
    reports, build = reported(cloud, bucket, {"junit.xml": JUNIT, "deep/er/lcov.info": b"end_of_record\n"})

    found = reports.of_build(build)

    assert [one.name for one in found] == ["deep/er/lcov.info", "junit.xml"]
    assert [one.size_bytes for one in found] == [14, len(JUNIT)]
    assert all(one.version_id and one.etag for one in found)


@case(Reports)
def more_reports_than_a_page_holds_are_found_up_to_the_most(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    reports, build = reported(cloud, bucket, {f"{number}.xml": JUNIT for number in range(3)})
    client = cloud.client("s3")
    paged = S3Reports(Paging(client, size=2), cloud.client("codebuild"), bucket)

    assert paged.of_build(build) == reports.of_build(build)
    assert len(paged.of_build(build)) == 3


class Paging:
    """A client of S3 whose pages are small."""

    def __init__(self, client: Any, size: int) -> None:
        self._client, self._size = client, size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def list_objects_v2(self, **request: Any) -> Any:
        return self._client.list_objects_v2(**request, MaxKeys=self._size)


@case(Reports)
def a_report_is_read_as_it_was_when_it_was_found(cloud: Cloud) -> None:
    reports, build = reported(cloud, bucket := cloud.bucket(), {"junit.xml": JUNIT})
    (found,) = reports.of_build(build)
    cloud.client("s3").put_object(Bucket=bucket, Key=found.key, Body=b"something else")

    read = reports.read(found)

    assert [one.measurements["tests.total"] for one in read.reports] == [1.0]
    assert (read.refusal, len(read.sha256)) == (None, 64)


@case(Reports)
def a_report_that_cannot_be_read_is_a_refusal(cloud: Cloud) -> None:
    reports, build = reported(cloud, cloud.bucket(), {"junit.xml": b"<testsuite"})

    read = reports.read(reports.of_build(build)[0])

    assert (read.reports, read.refusal is not None) == ((), True)


@case(TestFiles)
def test_cases_of_a_build_are_kept(cloud: Cloud) -> None:
    files = S3TestCases(cloud.client("s3"), cloud.bucket())
    cases = [TestCase("t.a", "SUCCEEDED", 1.5, ""), TestCase("t.ü", "FAILED", 0.0, "because\nof this")]

    for _ in range(2):
        files.store("shop-unit:1", cases)

    assert list(files.load("shop-unit:1")) == cases
    assert list(files.load("shop-unit:2")) == []


@case(TestReports)
def reports_that_are_gone_have_no_cases(cloud: Cloud) -> None:
    arn = "arn:aws:codebuild:us-east-1:000000000000:report/shop-unit:00000000-0000-4000-8000-000000000000"

    assert list(CodeBuildReports(cloud.client("codebuild")).cases([arn]) or []) == []
