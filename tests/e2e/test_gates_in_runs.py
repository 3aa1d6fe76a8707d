"""Gates in real runs: presets fed by real tools' reports, people with links of their own, and answers afterwards."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from buildgate_cli.demo import decide_by_page
from e2e.harness import running_cloud
from e2e.shop import Shop
from local_cloud_asking import until
from local_harness import git

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("gates"), pytest.mark.timeout(300)]
SPEED = 20
REPORTS = Path(__file__).parents[1] / "samples" / "reports"
BUILDSPEC = """\
version: 0.2
phases:
  build:
    commands:
      - ls scans
artifacts:
  files: ['scans/*']
"""
GATES = [
    {"preset": "security_scan", "sources": [{"from": "artifacts", "paths": ["scans/security*"]}]},
    {"preset": "performance_test", "sources": [{"from": "artifacts", "paths": ["scans/load.json"]}]},
    {
        "name": "steady",
        "objectives": [{"measurement": "performance.p95_ms", "pass": ["<= +10%"]}],
        "sources": [{"from": "artifacts", "paths": ["scans/load.json"]}],
    },
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("gates"), speed=SPEED) as running:
        yield running


def make(cloud, name, folder, stage):
    """Return a repository with one pipeline of one stage, and a project whose artifact is the folder `scans`."""
    shop = Shop(cloud, name, folder / name)
    (shop.folder / "scans").mkdir(parents=True)
    bucket = cloud.description["outputs"]["ReportBucketName"]
    artifacts = {"type": "S3", "location": bucket, "path": "artifacts", "namespaceType": "BUILD_ID", "packaging": "ZIP"}
    environment = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
    }
    project = {
        "name": f"{name}-scan",
        "source": {"type": "CODECOMMIT", "location": name, "buildspec": "buildspec.yml"},
        "artifacts": artifacts | {"name": "scans.zip"},
        "environment": environment,
    }
    pipeline = {"name": name, "triggers": [{"repository": name, "branches": ["main"]}], "stages": [stage]}
    shop.write("project.yaml", yaml.safe_dump(project))
    shop.write("pipeline.yaml", yaml.safe_dump(pipeline))
    shop.write("buildspec.yml", BUILDSPEC)
    shop.write("scans/about.txt", "what scanners wrote")
    shop.buildgate("repo", "create", name)
    shop.buildgate("project", "apply", "project.yaml")
    shop.buildgate("pipeline", "apply", "pipeline.yaml")
    git(shop.folder, "init", "-q", "-b", "main")
    git(shop.folder, "remote", "add", "buildgate", str(cloud.repository(name)))
    return shop


def scan(shop, report, name):
    shutil.copy(REPORTS / report, shop.folder / "scans" / name)


def ended(cloud, shop, message):
    return cloud.run(shop.run_of(shop.push(message)))


def verdicts(run):
    return {gate["name"]: gate["status"] for gate in run["stages"][0]["gates"]}


def test_presets_judge_what_scanners_wrote_compare_runs_and_answer_afterwards(cloud, tmp_path):
    builds = [{"name": "scan", "project": "scans-scan"}]
    shop = make(cloud, "scans", tmp_path, {"name": "scan", "builds": builds, "gates": GATES})
    scan(shop, "bandit/report.json", "security.json")
    scan(shop, "k6/summary-export.json", "load.json")

    first = ended(cloud, shop, "Scan")

    advice = "gate performance_test fail (advisory): performance.rps is 10, must be >= 100"
    assert (first["status"], verdicts(first)) == (
        "SUCCEEDED",
        {"security_scan": "pass", "performance_test": "fail", "steady": "warn"},
    )
    assert advice in first["reason"]
    assert advice in cloud.notice(containing="scans: SUCCEEDED").message
    shown = shop.buildgate("run", "show", first["run_id"]).stdout
    assert "advisory" in shown
    assert "compared with nothing: no run on main has passed this gate yet" in shown
    assert cloud.item(f"RUN#{first['run_id']}", "S#00#A1#G#security_scan") is not None

    scan(shop, "trivy/schema-2.json", "security.json")
    second = ended(cloud, shop, "Scan images instead")

    assert (second["status"], verdicts(second)["security_scan"]) == ("FAILED", "fail")
    assert verdicts(second)["steady"] == "pass"
    assert "gate security_scan: findings.critical is 1, must be <= 0" in second["reason"]
    explained = shop.buildgate("gate", "explain", second["run_id"], "--name", "security_scan").stdout
    assert "judged again: the same verdict, byte for byte" in explained
    assert re.search(r"judged source:artifacts/scan/scans.zip!scans/security.json sha256 [0-9a-f]{64}", explained)
    assert "findings.critical from 1 to 0" in shop.buildgate("gate", "why-not", second["run_id"]).stdout

    for rule in ("CVE-2026-1", "DS002"):
        why = ("--reason", "fixed with the next base image", "--owner", "alice@example.com", "--expires", "30d")
        shop.buildgate("gate", "waive", "scans", "--rule", rule, *why)
    third = ended(cloud, shop, "Wait for the base image")

    assert (third["status"], verdicts(third)["security_scan"]) == ("SUCCEEDED", "pass")
    notes = next(gate["notes"] for gate in third["stages"][0]["gates"] if gate["name"] == "security_scan")
    assert any("waived 1 finding: rule CVE-2026-1, by alice@example.com until" in note for note in notes)

    trend = shop.buildgate("gate", "history", "scans", "--name", "security_scan", "--measurement", "findings.critical")
    assert [line.split()[-2] for line in trend.stdout.splitlines()[1:]] == ["0", "1", "0"]
    shop.write(
        "stricter.yaml",
        yaml.safe_dump({"name": "security_scan", "objectives": [{"measurement": "findings.low", "pass": ["<= 0"]}]}),
    )
    tried = json.loads(
        shop.buildgate("gate", "backtest", "stricter.yaml", "--pipeline", "scans", "--since", "90d", "--json").stdout
    )
    outcomes = {one["run_id"]: (one["after"], one["outcome"]) for one in tried["differences"]}
    assert tried["judged"] == 3
    assert outcomes[first["run_id"]] == ("fail", "good")


def test_a_manual_preset_asks_two_mailboxes_and_waits_for_both(cloud, tmp_path):
    stage = {
        "name": "review",
        "gates": [{"preset": "architecture_review", "manual": {"approvers": ["alice@example.com", "bob@example.com"]}}],
    }
    shop = make(cloud, "reviewed", tmp_path, stage)
    run_id = shop.run_of(shop.push("Redesign"))
    approval_id = shop.waiting_approval(run_id)

    def asked():
        notices = [n for n in cloud.notices() if f"/approvals/{approval_id}?k=" in n.message]
        found = {n.attributes.get("approver", ""): n for n in notices}
        return found if len(found) == 2 else None

    letters = until(asked, within=30)

    assert set(letters) == {"alice@example.com", "bob@example.com"}
    assert len({letter.links[0] for letter in letters.values()}) == 2
    page = cloud.ask("GET", letters["alice@example.com"].links[0]).data.decode()
    assert "Does reviewed pass gate architecture_review after review?" in page
    assert "Security has been reviewed" in page
    assert cloud.api.get("approvals", approval_id)["approval"]["required"] == 2
    for name, letter in letters.items():
        decide_by_page(letter.links[0], name=name, comment="Sound.", say=lambda _: None)

    run = cloud.run(run_id)
    said = run["stages"][0]["gates"][0]
    assert (run["status"], said["name"], said["status"]) == ("SUCCEEDED", "architecture_review", "pass")
    assert "alice@example.com (mailbox)" in said["reasons"][0]
    assert "bob@example.com (mailbox)" in said["reasons"][0]
    assert "architecture_review" in shop.buildgate("gate", "history", "reviewed").stdout
