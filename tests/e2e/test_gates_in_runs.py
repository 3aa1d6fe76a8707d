"""Gates in real runs: presets fed by real tools' reports, people with links of their own, and answers afterwards."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from asked_services import CRITICAL, IMAGE_SCAN, serving
from buildgate_cli.demo import decide_by_page
from buildgate_cli.preset_samples import SAMPLES
from e2e.shop import Shop
from local_cloud_asking import until
from local_harness import git

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("shared cloud"), pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "tests" / "samples" / "reports"
BUILDSPEC = """\
version: 0.2
phases:
  build:
    commands:
      - ls scans
artifacts:
  files: ['scans/**/*']
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


def of_preset(preset, side):
    """Return a gate on the reports below `scans/PRESET/SIDE`; what fails is advisory, so that one run shows both."""
    source = {"from": "artifacts", "paths": [f"scans/{preset}/{side}/*"]}
    return {"preset": preset, "name": f"{preset}-{side}", "blocking": side == "passes", "sources": [source]}


def test_every_other_automated_preset_judges_a_builds_artifacts_both_ways(cloud, tmp_path):
    presets = sorted(set(SAMPLES) - {"security_scan", "performance_test", "code_quality"})
    gates = [of_preset(preset, side) for preset in presets for side in ("passes", "fails")]
    builds = [{"name": "scan", "project": "presets-scan"}]
    shop = make(cloud, "presets", tmp_path, {"name": "judge", "builds": builds, "gates": gates})
    for preset in presets:
        for side in ("passes", "fails"):
            into = shop.folder / "scans" / preset / side
            into.mkdir(parents=True)
            for place in (ROOT / given for given in getattr(SAMPLES[preset], side)):
                for number, file in enumerate(sorted(place.iterdir()) if place.is_dir() else [place]):
                    shutil.copy(file, into / f"{place.name}-{number}{file.suffix}")

    run = ended(cloud, shop, "Everything at once")

    expected = {f"{preset}-passes": "warn" if SAMPLES[preset].needs_history else "pass" for preset in presets}
    assert verdicts(run) == expected | {f"{preset}-fails": "fail" for preset in presets}
    assert run["status"] == "SUCCEEDED"
    assert "compliance.gdpr.failed is 1, must be <= 0: gdpr-encryption-at-rest" in run["reason"]


@pytest.mark.parametrize(
    ("preset", "name", "item"),
    [
        ("architecture_review", "reviewed", "Security has been reviewed"),
        ("business_approval", "approved", "The user experience is approved"),
    ],
)
def test_a_manual_preset_asks_two_mailboxes_and_waits_for_both(cloud, tmp_path, preset, name, item):
    stage = {
        "name": "review",
        "gates": [{"preset": preset, "manual": {"approvers": ["alice@example.com", "bob@example.com"]}}],
    }
    shop = make(cloud, name, tmp_path, stage)
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
    assert f"Does {name} pass gate {preset} after review?" in page
    assert item in page
    assert cloud.api.get("approvals", approval_id)["approval"]["required"] == 2
    for approver, letter in letters.items():
        decide_by_page(letter.links[0], name=approver, comment="Sound.", say=lambda _: None)

    run = cloud.run(run_id)
    said = run["stages"][0]["gates"][0]
    assert (run["status"], said["name"], said["status"]) == ("SUCCEEDED", preset, "pass")
    assert "alice@example.com (mailbox)" in said["reasons"][0]
    assert "bob@example.com (mailbox)" in said["reasons"][0]
    assert preset in shop.buildgate("gate", "history", name).stdout


def asking(url):
    """Return one gate per service that can be asked; SonarQube's is a preset."""

    def gate(name, objective, source):
        measurement, criterion = objective
        return {"name": name, "objectives": [{"measurement": measurement, "pass": [criterion]}], "sources": [source]}

    none_critical, mean = ("findings.critical", "<= 0"), {"from": "cloudwatch", "measurement": "performance.mean_ms"}
    latency = {"namespace": "Shop", "metric": "Latency", "dimensions": {"Service": "web"}, "scale": 1000}
    sonar = {"from": "sonarqube", "url": f"{url}/sonar", "project": "asked", "token": "sonarqube"}
    return [
        gate("image", none_critical, {"from": "ecr", "image": "asked"}),
        gate("watched", none_critical, {"from": "inspector", "image": "asked"}),
        gate("swift", ("performance.mean_ms", "<= 250"), mean | latency),
        {"preset": "code_quality", "sources": [sonar]},
        gate("risk", ("custom.risk_score", "<= 20"), {"from": "endpoint", "url": f"{url}/gate", "token": "risk"}),
    ]


def tell_scanner(shop, answer, *about):
    shop.write("found.json", json.dumps(answer))
    return shop.buildgate("local", "findings", "put", "found.json", "--image", "asked", *about).stdout


def test_scanners_metrics_and_servers_are_asked_and_what_they_say_decides(cloud, tmp_path):
    analysed = []
    with serving(lambda: analysed[0]) as (url, asked):
        shop = make(cloud, "asked", tmp_path, {"name": "judge", "gates": asking(url)})
        for name, token in (("sonarqube", "squ_1"), ("risk", '{"token": "r1sk"}')):
            cloud.client("secretsmanager").create_secret(Name=f"buildgate/{name}", SecretString=token)
        service = [{"Name": "Service", "Value": "web"}]
        told = [{"MetricName": "Latency", "Dimensions": service, "Value": seconds} for seconds in (0.1, 0.3)]
        cloud.client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=told)
        git(shop.folder, "commit", "-q", "--allow-empty", "-m", "Analysed")
        commit = git(shop.folder, "rev-parse", "HEAD").strip()
        analysed.append(commit)
        assert "ecr answers with 120 findings of asked, any tag" in tell_scanner(shop, IMAGE_SCAN)
        tell_scanner(shop, {"findings": []})
        tell_scanner(shop, {"findings": [CRITICAL]}, "--tag", commit)
        git(shop.folder, "push", "-q", "buildgate", "HEAD:refs/heads/main")

        run = cloud.run(shop.run_of(commit))

    names = ("image", "watched", "swift", "code_quality", "risk")
    assert verdicts(run) == dict.fromkeys(names, "pass") | {"watched": "fail"}
    assert "gate watched: findings.critical is 1, must be <= 0" in run["reason"]
    measured = {g["name"]: {o["name"]: o["value"] for o in g["objectives"]} for g in run["stages"][0]["gates"]}
    assert measured["swift"] == {"performance.mean_ms": pytest.approx(200)}
    assert measured["code_quality"]["coverage.line_percent"] == pytest.approx(91.4)
    [told] = [one for one in asked if one.path == "/gate"]
    assert (told.headers["Authorization"], json.loads(told.body)["run"]["commit"]) == ("Bearer r1sk", commit)
    assert {one.headers["Authorization"] for one in asked if one.path.startswith("/sonar")} == {"Basic c3F1XzE6"}
    assert "r1sk" not in json.dumps(run)
