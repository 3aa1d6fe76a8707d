"""`buildgate build` against a real local CodeBuild: what a person types is what builds do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from build_desk import Desk, desk
from buildgate_cli.local.jsonservice import ServiceError

QUICK = ("--interval", "0.1")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as opened:
        yield opened


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def variables(build: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in build["environment"]["environmentVariables"]}


def test_each_environment_gets_its_own_build_and_one_moment(at: Desk) -> None:
    at.project("shop", 'echo "to $ENVIRONMENT"')

    answer = at.cli("build", "start", "shop", "--environments", "development,staging,production", *QUICK)

    assert answer.exit_code == 0, answer.output
    builds = [variables(build) for build in at.builds("shop")]
    assert {one["ENVIRONMENT"] for one in builds} == {"development", "staging", "production"}
    assert len({one["BUILD_TIMESTAMP"] for one in builds}) == 1
    table = answer.stdout[answer.stdout.index("BUILD ") :].splitlines()
    assert [line.split()[0] for line in table] == ["BUILD", "development", "staging", "production", "all"]
    assert table[-1].split()[-1] == "$0.0150"


def test_one_failed_environment_fails_the_command_and_says_how_to_read_its_log(at: Desk) -> None:
    at.project("shop", 'test "$ENVIRONMENT" != staging')

    answer = at.cli("build", "start", "shop", "--environments", "staging,production", "--json", *QUICK)

    assert answer.exit_code == 1
    last = documents(answer.stdout)[-1]
    assert (last["event"], last["status"]) == ("finished", "FAILED")
    assert {build["name"]: build["status"] for build in last["builds"]} == {
        "staging": "FAILED",
        "production": "SUCCEEDED",
    }
    assert "COMMAND_EXECUTION_ERROR" in last["builds"][0]["reason"]


def test_fail_fast_stops_the_environments_that_still_run(at: Desk) -> None:
    at.project("shop", 'if [ "$ENVIRONMENT" = staging ]; then exit 3; fi', "sleep 60")

    answer = at.cli("build", "start", "shop", "--environments", "staging,production", "--fail-fast", *QUICK)

    assert answer.exit_code == 1
    assert {build["buildStatus"] for build in at.builds("shop")} == {"FAILED", "STOPPED"}
    assert "stopped because staging ended FAILED" in answer.stdout


def test_an_environment_that_codebuild_refuses_is_a_row_and_the_others_run(at: Desk) -> None:
    at.project("shop", "sleep 0.5", concurrentBuildLimit=1)

    answer = at.cli("build", "start", "shop", "--environments", "one,two", *QUICK)

    assert answer.exit_code == 1
    assert "NOT_STARTED" in answer.stdout
    assert "Cannot have more than 1 active builds" in answer.stdout
    assert [build["buildStatus"] for build in at.builds("shop")] == ["SUCCEEDED"]


def test_the_same_token_starts_one_build(at: Desk) -> None:
    at.project("shop", "true")
    first = at.cli("build", "start", "shop", "--token", "t-1")

    second = at.cli("build", "start", "shop", "--token", "t-1")
    other = at.cli("build", "start", "shop", "--token", "t-1", "-e", "A=1")

    assert first.stdout == second.stdout
    assert other.exit_code == 1
    assert "Parameters do not match" in other.stderr
    assert len(at.builds("shop")) == 1


def test_environments_can_be_repeated_with_a_token_and_a_moment(at: Desk) -> None:
    at.project("shop", "true")
    words = ("build", "start", "shop", "--environments", "a,b", "--no-watch", "--token", "t-1")

    for _ in range(2):
        assert at.cli(*words, "-e", "BUILD_TIMESTAMP=2026-11-22T12:00:00Z").exit_code == 0

    assert len(at.builds("shop")) == 2


def test_every_kind_of_override_reaches_the_build(at: Desk, tmp_path: Path) -> None:
    at.project("shop", "true")
    spec = tmp_path / "other.yml"
    spec.write_text("version: 0.2\nphases:\n  build:\n    commands: [echo from the other buildspec]\n")
    words = ["-e", "A=1=2", "--parameter", "B=/shop/token", "--secret", "C=shop:key", "-b", f"@{spec}"]
    words += ["--timeout", "7", "--compute", "BUILD_GENERAL1_LARGE", "--image", "aws/codebuild/standard:6.0"]

    answer = at.cli("build", "start", "shop", *words, "--set", "cache.type=NO_CACHE", "-w", *QUICK)

    assert answer.exit_code == 0, answer.output
    (build,) = at.builds("shop")
    kinds = {one["name"]: (one["type"], one["value"]) for one in build["environment"]["environmentVariables"]}
    assert kinds["A"] == ("PLAINTEXT", "1=2")
    assert kinds["B"] == ("PARAMETER_STORE", "/shop/token")
    assert kinds["C"] == ("SECRETS_MANAGER", "shop:key")
    assert build["timeoutInMinutes"] == 7
    assert build["environment"]["computeType"] == "BUILD_GENERAL1_LARGE"
    assert build["environment"]["image"] == "aws/codebuild/standard:6.0"
    assert "from the other buildspec" in at.cli("build", "logs", "shop").stdout


def test_overrides_that_do_not_fit_are_refused_before_any_call(at: Desk, tmp_path: Path) -> None:
    at.project("shop", "true")

    answer = at.cli("build", "start", "shop", "--timeout", "3", "--set", "cache.type=NO_CACH")
    unknown = at.cli("build", "start", "shop", "--set", "imag=x")
    (file := tmp_path / "overrides.yaml").write_text("timeoutInMinutes: 4\n")
    in_file = at.cli("build", "start", "shop", "--overrides", str(file))
    status = at.cli("build", "list", "shop", "--status", "LOST")

    assert (answer.exit_code, unknown.exit_code, in_file.exit_code, status.exit_code) == (2, 2, 2, 2)
    assert "timeoutInMinutesOverride: 4 is too small (at least 5)" in in_file.stderr
    assert "LOST is no status of a build" in status.stderr
    assert "timeoutInMinutesOverride: 3 is too small (at least 5)" in answer.stderr
    assert "did you mean NO_CACHE?" in answer.stderr
    assert "no override 'imag'" in unknown.stderr
    assert "Did you mean image?" in unknown.stderr
    assert at.builds("shop") == []


def test_the_list_and_the_waterfall_show_every_build_and_phase(at: Desk) -> None:
    at.project("shop", "true", extra="env: {exported-variables: [CODEBUILD_BUILD_NUMBER]}\n")
    at.cli("build", "start", "shop", "-w", *QUICK)
    at.cli("build", "start", "shop", "-e", "API_TOKEN=plain", "-w", *QUICK)

    listed = json.loads(at.cli("build", "list", "shop", "--json").stdout)["builds"]
    shown = at.cli("build", "show", "shop#2").stdout
    raw = json.loads(at.cli("build", "show", "shop#2", "--raw").stdout)

    assert [build["number"] for build in listed] == [2, 1]
    assert "exported   CODEBUILD_BUILD_NUMBER=2" in shown
    for phase in ("SUBMITTED", "DOWNLOAD_SOURCE", "INSTALL", "BUILD", "FINALIZING"):
        assert f"\n{phase} " in shown
    assert "plain" not in shown
    assert variables(raw)["API_TOKEN"] == "***"


def test_a_followed_log_is_the_whole_log_in_order(at: Desk) -> None:
    at.project("shop", "for i in $(seq 1 300); do echo line $i; done", "sleep 0.7", "echo the end")
    at.cli("build", "start", "shop")
    at.logs.failures = [ServiceError("ThrottlingException", "Rate exceeded", 400)]

    answer = at.cli("build", "logs", "shop", "--follow", *QUICK)

    (build,) = at.builds("shop")
    kept = at.logs.logs.streams["/aws/codebuild/shop", build["id"].partition(":")[2]]
    assert answer.exit_code == 0
    assert answer.stdout.splitlines() == [line.rstrip() if line == " " else line for line in kept]
    assert "the end" in kept


def test_the_log_of_one_phase_ends_with_why_it_failed(at: Desk) -> None:
    at.project("shop", "echo before", "exit 7")
    at.cli("build", "start", "shop", "-w", *QUICK)

    lines = at.cli("build", "logs", "shop", "--phase", "build").stdout.splitlines()

    assert lines[0].endswith("Entering phase BUILD")
    assert "before" in lines
    assert "exit status 7" in lines[-1]


def test_stopping_says_which_had_ended_already(at: Desk) -> None:
    at.project("quick", "true")
    at.project("slow", "sleep 60")
    at.cli("build", "start", "quick", "-w", *QUICK)
    at.cli("build", "start", "slow")

    answer = at.cli("build", "stop", "quick", "slow", "--json")
    watched = at.cli("build", "watch", "slow", *QUICK)
    again = at.cli("build", "stop", "slow")

    assert [one["outcome"] for one in json.loads(answer.stdout)["builds"]] == ["had ended: SUCCEEDED", "stopping"]
    assert again.stdout.endswith(": stopped\n")
    assert watched.exit_code == 1
    assert at.builds("slow")[0]["buildStatus"] == "STOPPED"


def test_a_retry_repeats_the_overrides(at: Desk) -> None:
    at.project("shop", 'test "$MODE" = twice')
    at.cli("build", "start", "shop", "-e", "MODE=twice", "-w", *QUICK)

    answer = at.cli("build", "retry", "shop#1", "-w", *QUICK)

    assert answer.exit_code == 0
    assert [variables(build)["MODE"] for build in at.builds("shop")] == ["twice", "twice"]


def test_a_comparison_names_what_differs_and_by_how_much(at: Desk) -> None:
    at.project("shop", "sleep ${NAP:-0}")
    at.cli("build", "start", "shop", "-w", *QUICK)
    at.cli("build", "start", "shop", "-e", "NAP=1", "--image", "aws/codebuild/standard:6.0", "-w", *QUICK)

    answer = json.loads(at.cli("build", "compare", "shop#1", "shop#2", "--json").stdout)

    rows = {row["name"]: row for row in answer["differences"]}
    assert rows["image"]["second"] == "aws/codebuild/standard:6.0"
    assert (rows["variable NAP"]["first"], rows["variable NAP"]["second"]) == (None, "1")
    assert rows["status"]["same"]
    assert rows["phase BUILD"]["difference"] >= 0.9
    shown = at.cli("build", "compare", "shop#1", "shop#2").stdout
    assert "shop#1" in shown.splitlines()[0]
    phases = {name: abs(row["difference"]) for name, row in rows.items() if name.startswith("phase ")}
    assert [name for name in phases if f" {name} " in shown] == [name for name in phases if phases[name] >= 0.1]


GRAPH = """\
batch:
  build-graph:
    - {identifier: base}
    - {identifier: left, depend-on: [base]}
    - {identifier: right, depend-on: [base], ignore-failure: true}
"""
BATCH = {"buildBatchConfig": {"serviceRole": "arn:aws:iam::000000000000:role/batch"}}


def test_a_batch_is_one_tree_with_the_cost_of_each_member(at: Desk) -> None:
    at.project("many", "true", extra=GRAPH, **BATCH)

    started = at.cli("build", "batch", "start", "many", "-w", *QUICK)
    shown = at.cli("build", "batch", "show", "many")
    data = json.loads(at.cli("build", "batch", "show", "many", "--json").stdout)

    assert started.exit_code == 0, started.output
    assert [line.strip(" │├└─").split()[0] for line in shown.stdout.splitlines()[1:4]] == ["base", "left", "right"]
    assert data["cost_micro_usd"] == 15_000
    assert [member["depends_on"] for member in data["builds"]] == [[], ["base"], ["base"]]


def test_a_stopped_batch_is_retried_where_it_failed(at: Desk) -> None:
    at.project("many", "sleep ${NAP:-0}", extra=GRAPH, **BATCH)
    at.cli("build", "batch", "start", "many", "-e", "NAP=60")

    stopped = at.cli("build", "batch", "stop", "many")
    listed = json.loads(at.cli("build", "batch", "list", "many", "--json").stdout)["batches"]

    assert "stopping" in stopped.stdout
    assert listed[0]["batch_id"].startswith("many:")
    assert at.cli("build", "batch", "retry", "many", "--all", "--failed").exit_code == 2


def test_a_build_that_does_not_exist_is_one_sentence(at: Desk) -> None:
    at.project("shop", "true")

    unknown = at.cli("build", "show", "shop:00000000-0000-4000-8000-000000000000")
    none_yet = at.cli("build", "logs", "shop")
    no_number = at.cli("build", "show", "shop#9")

    assert "There is no build shop:00000000" in unknown.stderr
    assert "No recent build fits shop" in none_yet.stderr
    assert "shop has no recent build 9" in no_number.stderr
    assert {answer.exit_code for answer in (unknown, none_yet, no_number)} == {1}
