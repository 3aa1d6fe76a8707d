"""Processes that branch off one which has loaded what they share: each is what `python script` would be."""

import json
import os
import signal
import subprocess

import pytest

from buildgate_cli.local.agent.processes import descendants
from buildgate_cli.local.branch import KEPT_BRANCHES
from buildgate_cli.local.seams.nursery import Nursery
from local_cloud_asking import until

ECHO = """
import json, os, sys
said = {"argv": sys.argv, "cwd": os.getcwd(), "environment": dict(os.environ), "is_loaded": "botocore.session" in sys.modules}
print(json.dumps(said | {"heard": sys.stdin.readline()}))
print("aside", file=sys.stderr)
sys.exit(7)
"""


@pytest.fixture(scope="module")
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.stop()


@pytest.fixture
def start(nursery, tmp_path):
    started = []

    def start(code, **environment):
        script = tmp_path / f"{len(started)}_worker.py"
        script.write_text(code, encoding="utf-8")
        started.append(nursery.start(str(script), folder=str(tmp_path), environment=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(10)
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


LOADED = """
import json, os, sys
kept = [name for name in sys.modules if name.startswith("buildgate.")]
said = {"loaded": kept, "path": sys.path, "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")}
import buildgate.runtime.wiring
print(json.dumps(said | {"whose": buildgate.runtime.wiring.WHOSE, "parent": os.getppid()}))
"""


def layer(folder, text):
    """Write a layer which brings a package of the project's name."""
    package = folder / "python" / "buildgate" / "runtime"
    package.mkdir(parents=True)
    for each in (package.parent, package):
        (each / "__init__.py").touch()
    (package / "wiring.py").write_text(text, encoding="utf-8")
    return {"_LAMBDA_LAYERS_DIRS": str(folder), "PYTHONPATH": "", "AWS_LAMBDA_FUNCTION_NAME": "fold-days"}


def test_a_process_has_its_own_script_folder_environment_and_streams(start, tmp_path):
    process = start(ECHO, ONLY="this")
    process.stdin.write("hello\n")
    process.stdin.flush()

    said = json.loads(process.stdout.readline())

    assert said["argv"] == [str(tmp_path / "0_worker.py")]
    assert said["cwd"] == str(tmp_path)
    assert said["environment"] == {"ONLY": "this"}
    assert said["heard"] == "hello\n"
    assert said["is_loaded"]
    assert process.stderr.readline() == "aside\n"
    assert process.wait(10) == 7
    assert process.poll() == 7


def test_what_one_process_changes_no_other_sees(start):
    first = start("import sys, os, botocore; botocore.mark = os.environ['A'] = '1'; print('done'); sys.stdin.read()")
    assert first.stdout.readline() == "done\n"

    second = start("import os, botocore; print(hasattr(botocore, 'mark'), 'A' in os.environ)")

    assert second.stdout.readline() == "False False\n"


def test_a_process_ends_with_its_input_whatever_else_was_started_since(start):
    first = start("import sys; print('up'); sys.stdin.read()")
    second = start("import sys; print('up'); sys.stdin.read()")
    assert [first.stdout.readline(), second.stdout.readline()] == ["up\n", "up\n"]

    first.stdin.close()

    assert first.wait(10) == 0
    assert second.poll() is None


@pytest.mark.parametrize(("end", "status"), [("terminate", -signal.SIGTERM), ("kill", -signal.SIGKILL)])
def test_a_process_can_be_ended_and_says_how_it_ended(start, end, status):
    process = start("import time; print('up'); time.sleep(60)")
    assert process.stdout.readline() == "up\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)

    getattr(process, end)()

    assert process.wait(10) == status


def test_a_script_that_fails_shows_why(start):
    process = start("1 / 0")

    assert process.wait(10) == 1
    assert "ZeroDivisionError" in process.stderr.read()


def test_a_function_finds_the_projects_modules_of_its_own_layers_loaded(start, tmp_path):
    old, new = (layer(tmp_path / name, f"WHOSE = {name!r}") for name in ("old", "new"))

    told = [json.loads(start(LOADED, **given).stdout.readline()) for given in (old, new, old)]

    assert [one["whose"] for one in told] == ["old", "new", "old"]
    assert all("buildgate.runtime.wiring" in one["loaded"] for one in told)
    assert [one["function"] for one in told] == ["fold-days"] * 3
    assert not any(str(tmp_path / name) in folder for one in told for folder in one["path"] for name in ("old", "new"))
    assert told[0]["parent"] == told[2]["parent"] != told[1]["parent"]


def test_a_layer_that_is_broken_breaks_the_function_alone(start, tmp_path):
    broken = layer(tmp_path / "broken", "1 / 0")
    process = start(f"import sys; sys.path.insert(0, {str(tmp_path / 'broken' / 'python')!r})\n{LOADED}", **broken)

    assert process.wait(10) == 1
    assert "ZeroDivisionError" in process.stderr.read()
    assert start("print('up')", **broken).stdout.readline() == "up\n"


def test_when_the_one_that_loaded_a_layer_is_killed_another_follows(start, tmp_path):
    given = layer(tmp_path / "layer", "WHOSE = 'mine'")
    first = json.loads(start(LOADED, **given).stdout.readline())
    os.kill(first["parent"], signal.SIGKILL)

    assert json.loads(start(LOADED, **given).stdout.readline())["parent"] != first["parent"]


def test_of_layers_that_come_one_after_the_other_the_last_stay_loaded(start, nursery, tmp_path):
    layers = [layer(tmp_path / str(number), f"WHOSE = {number}") for number in range(KEPT_BRANCHES + 2)]
    parents = [json.loads(start(LOADED, **given).stdout.readline())["parent"] for given in layers]

    until(lambda: set(parents) & set(descendants(nursery.pid)) == set(parents[2:]) or None)

    assert json.loads(start(LOADED, **layers[-1]).stdout.readline())["parent"] == parents[-1]


def test_when_the_one_they_branch_off_is_killed_another_follows(start, nursery):
    assert start("print('before')").wait(10) == 0
    os.kill(nursery.pid, signal.SIGKILL)

    process = start("print('after')")

    assert (process.wait(10), process.stdout.read()) == (0, "after\n")


def test_processes_live_on_when_the_one_they_branched_off_is_gone_and_no_more_can_start(tmp_path):
    script = tmp_path / "last_worker.py"
    script.write_text("import sys; print('up'); print(sys.stdin.readline())", encoding="utf-8")
    nursery = Nursery()
    process = nursery.start(str(script), folder=str(tmp_path), environment=dict(os.environ))
    assert process.stdout.readline() == "up\n"

    nursery.stop()
    process.stdin.write("still here\n")
    process.stdin.flush()

    assert process.stdout.readline() == "still here\n"
    with pytest.raises(OSError, match="Bad file descriptor"):
        nursery.start(str(script), folder=str(tmp_path), environment={})
    process.wait(10)
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
