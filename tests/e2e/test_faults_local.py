"""Faults and hostile repositories in a real local cloud: killed agents, cut-off reports, and builds that mean harm."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from buildgate_cli.demo import decide_by_page
from buildgate_cli.local.agent.users import builds_folder
from e2e.hours import function
from e2e.shop import Shop
from local_cloud_asking import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("shared cloud"), pytest.mark.timeout(240)]
HOSTILE = "$(touch pwned) `id` <script>alert(1)</script> {{7*7}} '; DROP TABLE runs; -- \x1b[31mred"


def buildspec(*commands: str) -> str:
    lines = "".join(f"      - |\n        {command}\n" for command in commands)
    return f"version: 0.2\nphases:\n  build:\n    commands:\n{lines}"


@pytest.fixture(scope="module")
def shop(cloud, tmp_path_factory):
    return Shop.make(cloud, "shop-strange", tmp_path_factory.mktemp("shop"), stages=["release"], approval={})


def pushed(shop: Shop, text: str) -> str:
    """Return the run of a push whose one build has this buildspec."""
    shop.write("buildspec-release.yml", text)
    return shop.run_of(shop.push())


def log_of(cloud, run) -> str:
    build_id = run["stages"][0]["builds"][0]["build_id"]
    (build,) = cloud.client("codebuild").batch_get_builds(ids=[build_id])["builds"]
    place = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
    events = cloud.client("logs").get_log_events(**place, startFromHead=True)["events"]
    return "\n".join(event["message"] for event in events)


def agents(home: Path) -> list[int]:
    """Return the process ids of this cloud's agents, and of no other's."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            line, cwd = (process / "cmdline").read_bytes(), str((process / "cwd").readlink())
        except OSError:
            continue
        if b"buildgate_cli.local.agent" in line and cwd.startswith(str(builds_folder(home))):
            found.append(int(process.name))
    return found


def test_an_agent_killed_in_mid_build_is_a_fault_that_ends_its_run_and_counts_once(cloud, shop):
    run_id = pushed(shop, buildspec("sleep 300"))
    pid = until(lambda: next(iter(agents(cloud.home.path)), None), within=60)

    os.kill(pid, signal.SIGKILL)

    run = cloud.run(run_id)
    assert (run["status"], run["stages"][0]["builds"][0]["status"]) == ("FAILED", "FAULT")
    assert cloud.api.get("metrics", "projects", "shop-strange-release", days=1)["summary"]["builds"] == 1


def test_a_build_that_means_harm_finds_no_key_and_harms_itself_at_the_most(cloud, shop):
    is_fenced = cloud.description["isolation"]["is_fenced"]
    nosy = ["env", "cat /proc/*/environ | tr '\\0' '\\n' || true", f"ls {cloud.home.path}/logs || echo hidden"]

    run = cloud.run(pushed(shop, buildspec(*nosy, "kill -9 $PPID; echo unharmed")))

    text = log_of(cloud, run)
    assert run["status"] == ("SUCCEEDED" if is_fenced else "FAILED")
    assert "BUILDGATE_SLOT=" in text
    assert ("\nhidden" in text, "\nunharmed" in text) == (is_fenced, is_fenced)
    assert not is_fenced or cloud.context.credentials.secret_access_key not in text
    assert cloud.api.get("pipelines")["pipelines"]


def test_a_buildspec_that_is_a_bomb_fails_its_build_and_nothing_else(cloud, shop):
    lines = [f"  x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 12)]
    bomb = "\n".join(["version: 0.2", "env:", "  x0: &x0 boom", *lines, "phases: {build: {commands: [*x11]}}", ""])

    run = cloud.run(pushed(shop, bomb))

    assert (run["status"], run["stages"][0]["builds"][0]["status"]) == ("FAILED", "FAILED")


@pytest.fixture(scope="module")
def judged(cloud, tmp_path_factory):
    """Return what a gate says of the reports of a build that spoils them by a command."""
    shop = Shop.make(cloud, "shop-half", tmp_path_factory.mktemp("half"), stages=["test"])
    text = (shop.folder / "buildspec-unit.yml").read_text()

    def spoilt(command: str) -> tuple[str, str, str]:
        shop.write("buildspec-unit.yml", text.replace("reports/coverage.xml\n", f"reports/coverage.xml && {command}\n"))
        cloud.kept["judged"] = run = cloud.run(shop.run_of(shop.push()))
        (gate,) = run["stages"][0]["gates"]
        return run["status"], gate["status"], " ".join(gate["reasons"])

    return spoilt


def test_a_report_that_is_half_written_stops_its_run_with_the_reason(judged):
    run, gate, reasons = judged("truncate -s 300 reports/junit.xml")

    assert (run, gate in {"error", "fail"}) == ("FAILED", True)
    assert "junit.xml" in reasons


def test_a_report_whose_header_is_better_than_its_lines_is_believed_by_its_lines(judged):
    run, gate, reasons = judged(
        """sed -i 's/line-rate="[^"]*"/line-rate="1"/;s/hits="[0-9]*"/hits="0"/g' reports/coverage.xml"""
    )

    assert (run, gate) == ("FAILED", "fail")
    assert "coverage.line_percent" in reasons


def test_a_gate_that_is_asked_again_over_a_better_report_keeps_its_verdict(cloud):
    run = cloud.kept["judged"]
    (gate,) = run["stages"][0]["gates"]
    build_id = next(build["build_id"] for build in run["stages"][0]["builds"] if build["name"] == "unit")
    (build,) = cloud.client("codebuild").batch_get_builds(ids=[build_id])["builds"]
    given = {one["name"]: one["value"] for one in build["environment"]["environmentVariables"]}
    bucket, _, prefix = given["BUILDGATE_REPORTS"].removeprefix("s3://").partition("/")
    better = b'<coverage line-rate="1" version="1"><packages/></coverage>'
    cloud.client("s3").put_object(Bucket=bucket, Key=f"{prefix}coverage.xml", Body=better)

    payload = json.dumps({"run_id": run["run_id"], "stage": 0, "name": gate["name"]})
    name = function(cloud, "EvaluateGate")["FunctionName"]
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=payload)

    assert "FunctionError" not in answer
    assert json.load(answer["Payload"])["status"] == gate["status"] == "fail"
    assert cloud.api.get("runs", run["run_id"])["run"]["stages"] == run["stages"]


def test_hostile_words_in_a_commit_a_branch_and_a_file_stay_words(cloud, tmp_path):
    shop = Shop.make(cloud, "shop-words", tmp_path, stages=["release"])
    shop.write("a;touch pwned <b>.txt", "x")
    run_id = shop.run_of(shop.push(HOSTILE, ref="release/$(touch-pwned)"))
    approval = shop.waiting_approval(run_id)
    link = shop.link(approval)
    page = cloud.ask("GET", link).data.decode()

    decide_by_page(link, name="<i>Mallory</i>", comment=HOSTILE, say=lambda _: None)

    run = cloud.run(run_id)
    assert run["status"] == "SUCCEEDED"
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page + run["message"] + str(run["stages"])
    assert "49" not in run["message"]
    assert not [path for path in cloud.home.path.rglob("*") if path.name == "pwned"]
