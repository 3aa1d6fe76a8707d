"""What is shown to tell the builds of a batch from each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from buildgate_cli.builds import batches
from buildgate_cli.builds.differences import differences


def build(image: str = "one", **variables: str) -> dict[str, Any]:
    kinds = {"REFERENCE": "SECRETS_MANAGER"}
    named = [{"name": name, "value": value, "type": kinds.get(name, "PLAINTEXT")} for name, value in variables.items()]
    return {"environment": {"image": image, "computeType": "BUILD_GENERAL1_SMALL", "environmentVariables": named}}


def test_only_what_is_not_the_same_everywhere_tells_builds_apart() -> None:
    found = differences(
        {"a": build(OS="linux", PY="3.11", SAME="x"), "b": build("two", OS="linux", PY="3.12", SAME="x")}
    )

    assert found == {"a": {"PY": "3.11", "image": "one"}, "b": {"PY": "3.12", "image": "two"}}


def test_one_build_or_the_same_builds_differ_in_nothing() -> None:
    assert differences({}) == {}
    assert differences({"a": build(A="1")}) == {"a": {}}
    assert differences({"a": build(A="1"), "b": build(A="1")}) == {"a": {}, "b": {}}


def test_what_only_some_have_is_told_of_those_and_buildgates_own_never_is() -> None:
    found = differences({"a": build(TARGET="x", BUILDGATE_NONCE="1"), "b": build(BUILDGATE_NONCE="2")})

    assert found == {"a": {"TARGET": "x"}, "b": {}}


def test_secrets_are_masked_and_long_values_are_short() -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    found = differences({"a": build(TOKEN="t1", KEPT=key, LONG="x" * 99), "b": build(REFERENCE="db", LONG="y")})

    assert "t1" not in str(found)
    assert key not in str(found)
    assert len(found["a"]["LONG"]) <= 40
    assert found["b"]["REFERENCE"] == "SECRETS_MANAGER"


def described(build_id: str, mode: str) -> dict[str, Any]:
    started = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    times = {"startTime": started, "endTime": started + timedelta(seconds=30)}
    known = {"id": build_id, "projectName": "many", "buildStatus": "FAILED", "buildComplete": True, "phases": []}
    environment = {**build(MODE=mode)["environment"], "type": "LINUX_CONTAINER"}
    return {**known, **times, "arn": f"arn:aws:codebuild:us-east-1:1:build/{build_id}", "environment": environment}


class CodeBuild:
    """One batch of two members, of which one was tried twice."""

    ids = ("many:1", "many:2", "many:3")

    def batch_get_build_batches(self, **_: Any) -> dict[str, Any]:
        first, again, other = ({"arn": f"arn:aws:codebuild:us-east-1:1:build/{one}"} for one in self.ids)
        groups = [
            {"identifier": "a", "currentBuildSummary": again, "priorBuildSummaryList": [first]},
            {"identifier": "b", "currentBuildSummary": other},
        ]
        batch = {"id": "many:b", "projectName": "many", "buildBatchStatus": "FAILED", "buildGroups": groups}
        return {"buildBatches": [{**batch, "startTime": datetime(2026, 11, 22, 10, 0, tzinfo=UTC)}]}

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        return {"builds": [described(one, "one" if one != "many:3" else "two") for one in ids]}


def test_a_batch_costs_what_every_try_cost_and_its_tree_says_which_build_is_which() -> None:
    now = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)

    batch = batches.get(CodeBuild(), "many:b")

    assert batch.cost_micro_usd(now) == 15_000
    assert [member["earlier_builds"] for member in batch.to_data(now)["builds"]] == [["many:1"], []]
    lines = [str(child.label) for child in batches.tree(batch, now).children]
    assert "MODE=one" in lines[0]
    assert lines[0].endswith("try 2")
    assert "MODE=two" in lines[1]
