"""The rules of phases, one by one."""

import os
import tempfile
from pathlib import Path

import pytest

from agent_harness import run_buildspec

ALL = ["DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING"]


def spec(**phases: str) -> str:
    """Return a buildspec whose named phases run one command each; a value may add lines to its phase."""
    body = "".join(f"  {name}:\n    commands:\n      - {command}\n" for name, command in phases.items())
    return f"version: 0.2\nphases:\n{body}"


def test_absent_phases_are_entered_and_succeed(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, spec(build="echo hello"))

    assert done.outcome.status == "SUCCEEDED"
    assert list(done.phases) == ALL
    assert set(done.phases.values()) == {"SUCCEEDED"}
    assert done.heard.begun == ALL
    assert done.heard.output == ["hello"]


@pytest.mark.parametrize("failing", ["install", "pre_build"])
def test_a_failed_install_or_pre_build_ends_the_build(tmp_path: Path, failing: str) -> None:
    done = run_buildspec(tmp_path, spec(**{failing: "exit 3", "build": "echo built", "post_build": "echo post"}))

    assert done.outcome.status == "FAILED"
    assert done.phases[failing.upper()] == "FAILED"
    assert list(done.phases)[-2:] == [failing.upper(), "FINALIZING"]
    assert done.heard.output == []


def test_after_a_failed_build_post_build_and_upload_still_run(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, spec(build='"false"', post_build="echo succeeding=$CODEBUILD_BUILD_SUCCEEDING"))

    assert done.outcome.status == "FAILED"
    assert list(done.phases) == ALL
    assert done.phases["BUILD"] == "FAILED"
    assert done.phases["POST_BUILD"] == done.phases["UPLOAD_ARTIFACTS"] == "SUCCEEDED"
    assert done.heard.output == ["succeeding=0"]


def test_after_a_failed_post_build_upload_still_runs(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, spec(build="echo $CODEBUILD_BUILD_SUCCEEDING", post_build="exit 1"))

    assert done.outcome.status == "FAILED"
    assert done.phases["UPLOAD_ARTIFACTS"] == "SUCCEEDED"
    assert done.heard.output == ["1"]


def test_a_failed_command_skips_the_rest_but_not_finally(tmp_path: Path) -> None:
    done = run_buildspec(
        tmp_path,
        """
        version: 0.2
        phases:
          build:
            commands: [echo one, exit 7, echo never]
            finally: [echo always]
        """,
    )

    assert done.heard.output == ["one", "always"]
    assert done.context("BUILD") == (
        "COMMAND_EXECUTION_ERROR",
        "Error while executing command: exit 7. Reason: exit status 7",
    )


def test_a_failing_finally_fails_its_phase(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, "version: 0.2\nphases:\n  build:\n    commands: [echo a]\n    finally: ['exit 2']\n")

    assert done.phases["BUILD"] == "FAILED"
    assert done.outcome.status == "FAILED"


@pytest.mark.parametrize(
    ("phase", "choice", "reached"),
    [
        ("install", "CONTINUE", ALL),
        ("pre_build", "continue", ALL),
        ("build", "CONTINUE", ALL),
        ("build", "ABORT", [*ALL[:4], "FINALIZING"]),
        ("post_build", "abort", [*ALL[:5], "FINALIZING"]),
        ("build", "RETRY", [*ALL[:4], "FINALIZING"]),
        ("build", "RETRY-2-no such text", ALL),
    ],
)
def test_on_failure_decides_what_follows(tmp_path: Path, phase: str, choice: str, reached: list[str]) -> None:
    text = f"version: 0.2\nphases:\n  {phase}:\n    on-failure: {choice}\n    commands: ['exit 1']\n"

    done = run_buildspec(tmp_path, text)

    assert list(done.phases) == reached
    assert done.outcome.status == "FAILED"


@pytest.mark.parametrize(
    ("choice", "retries"),
    [
        ("RETRY", 3),
        ("RETRY-1", 1),
        ("RETRY-5-exit status 1", 5),
        ("Retry-status", 3),
        ("RETRY-2-other", 0),
        ("ABORT", 0),
    ],
)
def test_retry_is_asked_for_when_the_message_matches(tmp_path: Path, choice: str, retries: int) -> None:
    text = f"version: 0.2\nphases:\n  build:\n    on-failure: {choice}\n    commands: ['exit 1']\n"

    assert run_buildspec(tmp_path, text).outcome.retries == retries


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "version: 0.2\nphases:\n  build:\n    commands:\n\t- x",
            "found character that cannot start any token at line 5",
        ),
        ("phases:\n  build:\n    commands: [a]\n", "version"),
        ("version: 0.2\nphases:\n  built:\n    commands: [a]\n", "Invalid buildspec phase name: built"),
        (None, "YAML file does not exist"),
    ],
)
def test_a_refused_buildspec_fails_download_source_with_the_line(
    tmp_path: Path, text: str | None, message: str
) -> None:
    done = run_buildspec(tmp_path, text)

    code, said = done.context("DOWNLOAD_SOURCE")
    assert code == "YAML_FILE_ERROR"
    assert message in said
    assert list(done.phases) == ["DOWNLOAD_SOURCE", "FINALIZING"]
    assert done.outcome.status == "FAILED"


def test_the_log_is_in_codebuilds_own_form(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, spec(install="echo in", build="'false || nonsense_command'"))

    said = done.heard.said
    source = tmp_path / "src"
    failure = "Error while executing command: false || nonsense_command. Reason: exit status 127"
    for line in (
        "Waiting for DOWNLOAD_SOURCE",
        "Phase is DOWNLOAD_SOURCE",
        f"CODEBUILD_SRC_DIR={source}",
        f"YAML location is {source}/buildspec.yml",
        "Processing environment variables",
        f"Moving to directory {source}",
        "Phases found in YAML: 2",
        " INSTALL: 1 commands",
        " BUILD: 1 commands",
        "Phase complete: DOWNLOAD_SOURCE State: SUCCEEDED",
        "Phase context status code:  Message: ",
        "Entering phase BUILD",
        "Running command false || nonsense_command",
        "Command did not exit successfully false || nonsense_command exit status 127",
        "Phase complete: BUILD State: FAILED",
        f"Phase context status code: COMMAND_EXECUTION_ERROR Message: {failure}",
    ):
        assert line in said
    (error,) = [line for line in done.heard.output if "nonsense_command" in line]
    assert "script.sh: " in error
    assert "4: nonsense_command: not found" in error or "line 4: nonsense_command: command not found" in error


def test_phases_have_real_times(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, spec(build="sleep 0.3"))

    (build,) = [phase for phase in done.outcome.phases if phase.name == "BUILD"]
    assert 0.25 < (build.ended_at - build.started_at).total_seconds() < 5
    times = [time for phase in done.outcome.phases for time in (phase.started_at, phase.ended_at)]
    assert times == sorted(times)


def test_run_as_switches_the_user_for_root_and_is_refused_to_others() -> None:
    spec = "version: 0.2\nphases:\n  pre_build: {run-as: nobody, commands: [id -un, A=1, touch made]}\n"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        done = run_buildspec(folder, spec + "  build:\n    commands: [id -un, 'echo $A', stat -c %U made]\n")

    if os.geteuid() == 0:
        assert done.heard.output == ["nobody", "root", "1", "nobody"]
        assert done.outcome.status == "SUCCEEDED"
    else:
        assert "run-as nobody: this build runs as" in done.context("PRE_BUILD")[1]


def test_run_as_a_user_who_is_not_there_is_refused_honestly(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, "version: 0.2\nrun-as: nobody-here\nphases:\n  build:\n    commands: [id]\n")

    assert done.phases["BUILD"] == "FAILED"
    assert "run-as nobody-here" in done.context("BUILD")[1]
