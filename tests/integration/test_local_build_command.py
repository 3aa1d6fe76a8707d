"""`buildgate local build` as a person runs it: a process of its own, its output and its exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from buildgate_cli.main import main

SPEC = """\
version: 0.2
env: {exported-variables: [VERSION]}
phases:
  build:
    commands:
      - VERSION=$(cat version)
      - echo "$WHO built $VERSION" | tee built.txt
      - echo '<testsuite tests="1"><testcase name="a"/></testsuite>' > junit.xml
reports: {unit: {files: [junit.xml]}}
artifacts: {files: [built.txt]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    origin = tmp_path / "my app"
    origin.mkdir()
    (origin / "version").write_text("1.0\n")
    (origin / "buildspec.yml").write_text(SPEC)
    (tmp_path / "scratch").mkdir()
    return origin


def command(folder: Path, *arguments: str) -> list[str]:
    program = "import sys; from buildgate_cli.main import main; sys.exit(main())"
    return [sys.executable, "-c", program, "local", "build", str(folder), *arguments]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder.parent / "scratch"), "SECRET_OF_THE_USER": "not for builds"}


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(folder, *arguments), env=environment(folder), capture_output=True, text=True, check=False, timeout=60
    )


def test_a_build_that_succeeds_exits_0_and_leaves_the_folder_alone(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "-e", "WHO=alice", "--artifacts", str(tmp_path / "out"), "--reports", str(tmp_path / "reports"))

    assert done.returncode == 0, done.stderr
    assert "alice built 1.0\n" in done.stdout
    assert "exported VERSION=1.0" in done.stdout
    assert "The build SUCCEEDED." in done.stdout
    assert (tmp_path / "out" / "built.txt").read_text() == "alice built 1.0\n"
    assert (tmp_path / "reports" / "unit" / "junit.xml").exists()
    assert sorted(path.name for path in folder.iterdir()) == ["buildspec.yml", "version"]


def test_a_build_that_fails_exits_1(folder: Path) -> None:
    (folder / "buildspec.yml").write_text("version: 0.2\nphases: {build: {commands: ['exit 3']}}\n")

    done = run(folder)

    assert done.returncode == 1
    assert "Reason: exit status 3" in done.stdout


def test_json_goes_to_standard_output_and_the_log_to_standard_error(folder: Path) -> None:
    done = run(folder, "--json", "-e", "WHO=bob")

    data = json.loads(done.stdout)
    assert (data["status"], data["exported"], data["artifacts"]) == (
        "SUCCEEDED",
        {"VERSION": "1.0"},
        {"primary": ["built.txt"]},
    )
    assert "bob built 1.0" in done.stderr


def test_in_place_runs_in_the_folder_itself(folder: Path) -> None:
    assert run(folder, "--in-place").returncode == 0
    assert (folder / "built.txt").exists()


def test_another_buildspec_can_be_named(folder: Path) -> None:
    (folder / "other.yml").write_text("version: 0.2\nphases: {build: {commands: [echo other]}}\n")

    assert "\nother\n" in run(folder, "-b", "other.yml").stdout


def test_a_retry_runs_the_build_again(folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "tried"
    (folder / "buildspec.yml").write_text(
        f"version: 0.2\nphases: {{build: {{on-failure: RETRY-2, commands: ['test -e {marker} || {{ touch {marker}; false; }}']}}}}\n"
    )

    assert run(folder).returncode == 0


def test_the_users_environment_stays_outside(folder: Path) -> None:
    (folder / "buildspec.yml").write_text("version: 0.2\nphases: {build: {commands: [env]}}\n")

    printed = run(folder).stdout

    assert "SECRET_OF_THE_USER" not in printed
    assert "CODEBUILD_LOCAL_BUILD=true" in printed
    assert f"HOME={os.environ.get('HOME')}\n" not in printed


@pytest.mark.parametrize(
    ("arguments", "said"), [(("-e", "no sign"), "is not NAME=VALUE"), (("-e", "1a=b"), "NAME=VALUE")]
)
def test_wrong_usage_exits_2(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(folder, *arguments)

    assert (done.returncode, said in done.stderr) == (2, True)


def test_an_image_for_another_machine_is_refused_and_the_way_out_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["local", "build", str(folder), "--image", "aws/codebuild/windows-base:2022-1.0"])

    assert code == 1
    assert "WINDOWS_CONTAINER needs Windows" in capsys.readouterr().err


def test_ctrl_c_stops_the_build_and_everything_it_started(folder: Path, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    (folder / "buildspec.yml").write_text(
        f"version: 0.2\nphases: {{build: {{commands: ['setsid sleep 300 & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}; wait']}}}}\n"
    )
    process = subprocess.Popen(command(folder), env=environment(folder), stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not pid_file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "The build STOPPED." in printed
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()


def test_a_build_ends_its_own_processes_and_no_elder_one_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "buildspec.yml").write_text("version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 60 &\n")
    elder = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert main(["local", "build", str(tmp_path)]) == 0
        assert elder.poll() is None
    finally:
        elder.communicate(b"\n")
    assert elder.returncode == 0
