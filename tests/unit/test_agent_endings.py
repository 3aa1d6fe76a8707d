"""How a build is ended from outside, and that nothing of it survives."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from agent_harness import run_buildspec
from buildgate_cli.local.agent import processes
from buildgate_cli.local.agent.bounds import folder_bytes
from buildgate_cli.local.agent.build import Limits
from local_cloud_asking import until


def one(command: str, post: str = "echo post") -> str:
    return f"version: 0.2\nphases:\n  build:\n    commands:\n      - {command}\n  post_build:\n    commands: [{post}]\n"


def is_alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def test_a_stopped_build_runs_no_later_phase(tmp_path: Path) -> None:
    started = time.monotonic()

    done = run_buildspec(tmp_path, one("echo begun; sleep 30; echo never"), stop_at="begun")

    assert done.outcome.status == "STOPPED"
    assert done.phases["BUILD"] == "STOPPED"
    assert list(done.phases)[-2:] == ["BUILD", "FINALIZING"]
    assert done.heard.output == ["begun"]
    assert time.monotonic() - started < 10


def test_a_timed_out_build_says_so(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, one("sleep 30"), limits=Limits(timeout_seconds=0.5, grace_seconds=0.2))

    assert done.outcome.status == "TIMED_OUT"
    assert done.phases["BUILD"] == "TIMED_OUT"
    assert done.context("BUILD") == ("BUILD_TIMED_OUT", "Build has timed out.")


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    done = run_buildspec(
        tmp_path, one("trap '' TERM; echo $$; echo begun; while true; do sleep 0.05; done"), stop_at="begun"
    )

    assert done.outcome.status == "STOPPED"
    assert not is_alive(int(done.heard.output[0]))


def test_processes_that_left_the_session_are_ended_too(tmp_path: Path) -> None:
    hidden = "setsid sh -c 'trap \"\" TERM HUP; echo pid $$; echo begun; exec sleep 60' & wait"

    done = run_buildspec(tmp_path, one(hidden), stop_at="begun")

    (pid,) = [int(line.split()[1]) for line in done.heard.output if line.startswith("pid")]
    assert not is_alive(pid)


def test_background_processes_do_not_hold_up_a_build_and_end_with_it(tmp_path: Path) -> None:
    started = time.monotonic()

    done = run_buildspec(tmp_path, one("(sleep 60; echo never) & echo pid $!", post="echo after"))

    assert done.outcome.status == "SUCCEEDED"
    assert done.heard.output[-1] == "after"
    assert not is_alive(int(done.heard.output[0].split()[1]))
    assert time.monotonic() - started < 10


def test_a_runaway_tree_is_ended(tmp_path: Path) -> None:
    bomb = "f() { (while true; do sleep 0.01; done) & (while true; do sleep 0.01; done) & }; f; f; f; echo begun; wait"

    done = run_buildspec(tmp_path, one(bomb), stop_at="begun")

    assert done.outcome.status == "STOPPED"


def test_a_build_with_too_many_processes_is_ended_with_all_of_them(tmp_path: Path) -> None:
    crowd = "for i in $(seq 30); do sleep 60 & echo pid $!; done; echo begun; wait"
    limits = Limits(timeout_seconds=30, grace_seconds=5, processes=20)

    done = run_buildspec(tmp_path, one(crowd), limits=limits)

    assert done.outcome.status == "FAILED"
    assert "more processes" in done.context("BUILD")[1]
    pids = [int(line.split()[1]) for line in done.heard.output if line.startswith("pid")]
    assert len(pids) == 30
    assert not any(is_alive(pid) for pid in pids)


def test_dead_processes_do_not_count_and_the_awaited_one_is_left_to_its_waiter() -> None:
    dead, awaited = subprocess.Popen(["sh", "-c", "exit 3"]), subprocess.Popen(["sh", "-c", "exit 4"])
    for each in (dead, awaited):
        os.waitid(os.P_PID, each.pid, os.WEXITED | os.WNOWAIT)

    assert processes.living([dead.pid, awaited.pid, os.getpid()], but=awaited.pid) == [awaited.pid, os.getpid()]
    assert awaited.wait() == 4
    dead.returncode = 3  # taken leave of above


def test_processes_that_are_replaced_as_fast_as_they_go_are_held_and_ended(tmp_path: Path) -> None:
    chain = "printf 'sleep 0.02; sh chain & exit\\n' > chain; for i in 1 2 3 4; do sh chain & done; sleep 60"
    limits = Limits(timeout_seconds=30, grace_seconds=5, processes=3)
    started = time.monotonic()

    done = run_buildspec(tmp_path, one(chain), limits=limits)

    assert "more processes" in done.context("BUILD")[1]
    assert time.monotonic() - started < 10


def test_processes_that_come_up_between_the_looks_go_with_their_group() -> None:
    leader = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 60 & sleep 60 & wait"], start_new_session=True)
    until(lambda: len(processes.descendants(leader.pid)) == 2 or None)
    others = processes.descendants(leader.pid)

    processes.end(lambda: [leader.pid], grace_seconds=0.0)

    leader.returncode = -9  # taken leave of above
    assert until(lambda: not any(map(is_alive, others)) or None)


def test_a_build_that_fills_its_disk_is_ended(tmp_path: Path) -> None:
    limits = Limits(timeout_seconds=30, grace_seconds=0.2, disk_bytes=3_000_000)

    done = run_buildspec(tmp_path, one("head -c 5000000 /dev/urandom > big; sleep 20"), limits=limits)

    assert done.outcome.status == "FAILED"
    assert "filled more disk" in done.context("BUILD")[1]


def test_a_build_ends_before_the_machines_disk_is_full(tmp_path: Path) -> None:
    limits = Limits(timeout_seconds=30, grace_seconds=0.2, free_bytes=1 << 60)

    done = run_buildspec(tmp_path, one("sleep 20"), limits=limits)

    assert done.outcome.status == "FAILED"
    assert "nearly full" in done.context("BUILD")[1]


def test_a_folders_size_counts_each_file_once_and_follows_no_link(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "big").write_bytes(os.urandom(1_000_000))
    os.link(inner / "big", inner / "again")
    (inner / "link").symlink_to("/usr")

    assert 1_000_000 <= folder_bytes(tmp_path) < 1_100_000
    assert folder_bytes(tmp_path / "gone") == 0


def test_endless_output_ends_the_build_and_not_the_memory(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, one("yes aaaaaaaaaaaaaaaaaaaaaa"), limits=Limits(20, 200_000, 0.2))

    assert done.outcome.status == "FAILED"
    assert done.context("BUILD")[0] == "CLIENT_ERROR"
    assert sum(len(line) for line in done.heard.lines) < 2_000_000
    assert any("size limit" in line for line in done.heard.lines)


def test_one_endless_line_is_cut(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, one("head -c 1000000 /dev/zero | tr '\\\\0' a; echo"))

    assert done.outcome.status == "SUCCEEDED"
    assert max(len(line) for line in done.heard.output) <= 64 * 1024
    assert sum(len(line) for line in done.heard.output if line != "post") == 1_000_000


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_full_disk_fails_the_command_whose_state_is_lost(tmp_path: Path, shell: str) -> None:
    command = f"ln -s /dev/full {tmp_path}/agent/env.1.sh; A=1"

    done = run_buildspec(tmp_path, one(command).replace("phases:", f"env: {{shell: {shell}}}\nphases:", 1))

    assert done.phases["BUILD"] == "FAILED"
    assert "the command's variables could not be saved" in done.context("BUILD")[1]


def test_a_build_that_takes_the_agents_files_away_ends_with_a_reason(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, one(f"rm -rf {tmp_path}/agent && touch {tmp_path}/agent"))

    assert done.outcome.status == "FAILED"
    assert done.context("POST_BUILD")[0] == "CLIENT_ERROR"


def test_a_killed_shell_is_a_failed_command(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, one("kill -9 $$"))

    assert "Reason: signal: killed" in done.context("BUILD")[1]


def test_ending_does_not_touch_processes_of_others(tmp_path: Path) -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "30"], {})
    try:
        run_buildspec(tmp_path, one("echo a"))
        assert is_alive(pid)
    finally:
        processes.end(lambda: [pid], grace_seconds=1)
    assert not is_alive(pid)


def test_a_build_that_holds_too_much_memory_is_ended(tmp_path: Path) -> None:
    command = "python3 -c 'import time; x = bytearray(200_000_000); print(len(x), flush=True); time.sleep(30)'"

    done = run_buildspec(
        tmp_path, one(command), limits=Limits(timeout_seconds=30, grace_seconds=0.2, memory_bytes=100_000_000)
    )

    assert done.outcome.status == "FAILED"
    assert "more memory" in done.context("BUILD")[1]
