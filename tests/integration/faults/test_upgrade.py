"""Fault scenario 32, an upgrade in the middle of everything: what one release left under way, the next one finishes."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from buildgate.adapters.table.codec import FORMAT, decode_item
from buildgate.domain import payloads
from buildgate.domain.errors import Unavailable
from buildgate_cli.simulate import promises
from buildgate_cli.simulate.watching import Watch
from buildgate_cli.simulate.world import CHECKOUT
from fault_world import items
from release_snapshot import REPORT, lived, releases, restored, shapes, snapshot, taken
from simulated_cloud import SimulatedCloud

NOW = json.loads((CHECKOUT / "statemachines/run.asl.json").read_text(encoding="utf-8"))
RELEASES = releases()
COUNTED = {"by-hand": 2, "building-one": 1, "building-two": 1, "ended-one": 1, "waiting-one": 1}


@pytest.fixture(scope="module")
def today():
    return snapshot()


def report(cloud: SimulatedCloud) -> None:
    """Leave the report that the gate of the run that builds will ask for."""
    for build in cloud.aws.codebuild.builds():
        given = {one["name"]: one["value"] for one in build.environment()["environmentVariables"]}
        if "BUILDGATE_REPORTS" in given:
            place = urlsplit(given["BUILDGATE_REPORTS"])
            key = f"{place.path.lstrip('/')}metrics.json"
            cloud.aws.s3.put_object(Bucket=place.netloc, Key=key, Body=REPORT)


def finished(cloud: SimulatedCloud, link: str) -> dict[str, str]:
    """Let a restored world come to rest, and return how its runs ended, by pipeline."""
    report(cloud)
    cloud.aws.timeline.advance(minutes=2)
    assert cloud.decide(link, "approve").status == 200
    cloud.aws.timeline.advance(hours=2)
    return {run["pipeline"]: run["status"] for run in cloud.runs()}


def test_32_there_is_a_snapshot_of_a_release():
    assert RELEASES


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("keeps_machine", [True, False], ids=["its own machine", "the new machine"])
def test_32_what_a_release_left_under_way_is_finished_by_this_one(release, keeps_machine):
    kept = taken(release)
    cloud = restored(kept, machine=None if keeps_machine else NOW | substituted(kept["machine"]))

    runs = finished(cloud, kept["links"][0])

    assert runs == {"waiting": "SUCCEEDED", "building": "SUCCEEDED", "ended": "SUCCEEDED"}
    assert at_rest(cloud) == []
    resumed = [one["executions"] for one in items(cloud) if one["sk"] == "RUN"]
    assert resumed == [1, 1, 1]


def substituted(machine: dict) -> dict:
    """Return today's states with the names of functions that the snapshot's machine has."""
    (arn,) = {part for part in json.dumps(machine).split('"') if part.endswith("NextStepFunction")}
    text = (CHECKOUT / "statemachines/run.asl.json").read_text(encoding="utf-8")
    prefix = arn.removesuffix("NextStepFunction")
    text = text.replace("${Partition}", "aws")
    for name in ("NextStep", "StartBuild", "SettleBuild", "EvaluateGate", "RequestApproval", "CloseRun"):
        text = text.replace(f"${{{name}FunctionArn}}", f"{prefix}{name}Function")
    return dict(json.loads(text))


def at_rest(cloud: SimulatedCloud) -> list[str]:
    """Return which promises do not hold of a world that should be at rest; what people were told before is not here."""
    watch = Watch(cloud, {})
    promises.check(watch)
    told_before = ("nobody was told", "commit ")
    return [one.what for one in watch.broken if not one.what.startswith(told_before)]


@pytest.mark.parametrize("release", RELEASES)
def test_32_a_build_that_ended_while_nobody_listened_is_counted_once_after_the_upgrade(release):
    kept = taken(release)
    cloud = restored(kept)
    cloud.aws.events.deliveries = lambda _: ()

    finished(cloud, kept["links"][0])

    days = {one["pk"]: one["n"] for one in items(cloud) if one["pk"].startswith("PROJECT#") and one["sk"][:2] == "D#"}
    assert days == {f"PROJECT#{name}": n for name, n in COUNTED.items()}


@pytest.mark.parametrize("release", RELEASES)
def test_32_the_notice_that_a_release_owed_goes_out_once(release):
    kept = taken(release)
    owed = [item["pk"]["S"].split("#", 1)[1] for item in kept["items"] if item.get("state") == {"S": "OWED"}]
    cloud = restored(kept)

    cloud.aws.timeline.advance(hours=1)

    sent = [one.attributes["key"] for one in cloud.aws.sns.published]
    assert [sent.count(f"{build_id}/build-SUCCEEDED") for build_id in owed] == [1]


@pytest.mark.parametrize("release", RELEASES)
def test_32_a_release_finds_all_that_it_wrote_in_what_this_one_writes(release, today):
    """Back again: this release only adds attributes, so that the one before reads its items after a rollback."""
    before, now = shapes(taken(release)["items"]), shapes(today["items"])

    missing = {
        kind: sorted(set(attributes.items()) - set(now.get(kind, {}).items()))
        for kind, attributes in before.items()
        if not set(attributes.items()) <= set(now.get(kind, {}).items())
    }
    assert missing == {}


@pytest.mark.parametrize("release", RELEASES)
def test_32_what_this_release_left_under_way_is_finished_on_the_machine_of_a_release(release, today):
    """Back again: the machine goes back with the functions, and a run that this release began goes on there."""
    cloud = restored(today, machine=taken(release)["machine"])

    runs = finished(cloud, today["links"][0])

    assert runs == {"waiting": "SUCCEEDED", "building": "SUCCEEDED", "ended": "SUCCEEDED"}
    assert at_rest(cloud) == []


def test_32_every_item_that_a_simulated_day_leaves_names_its_format():
    cloud, _ = lived()
    cloud.aws.timeline.advance(hours=24)

    unnamed = [(row.item["pk"], row.item["sk"]) for row in cloud.table.rows() if "fmt" not in row.item]
    assert unnamed == []


def test_32_items_that_name_no_format_are_read_as_they_were():
    """The snapshot of the first release is of items that name none."""
    first = taken(RELEASES[0])["items"]

    assert {tuple(item) for item in first if "fmt" in item} == set()
    assert all(decode_item(item) == decode_item(item | {"fmt": {"N": "1"}}) for item in first)


@pytest.mark.parametrize("written", [{"N": str(FORMAT + 1)}, {"N": "0"}, {"N": "1.5"}, {"S": "two"}])
def test_32_no_kind_of_item_is_misread_in_a_format_yet_unknown(today, written):
    for item in today["items"]:
        with pytest.raises(Unavailable, match=f"has format .*, and this release reads formats up to {FORMAT}"):
            decode_item(item | {"fmt": written})


def test_32_an_item_of_a_format_yet_unknown_waits_for_the_release_that_wrote_it():
    kept = taken(RELEASES[-1])
    cloud = restored(kept)
    for row in cloud.table.rows():
        if row.item["pk"]["S"].startswith("RUN#"):
            row.item["fmt"] = {"N": str(FORMAT + 1)}
    cloud.aws.timeline.advance(minutes=5)
    refused = cloud.ask("GET", f"/v1/runs/{kept['executions'][0]['input']['run_id']}")

    for row in cloud.table.rows():
        row.item.pop("fmt", None)
    runs = finished(cloud, kept["links"][0])

    assert (refused.status, refused.data["error"]["fix"]) == (503, "deploy the newer release again")
    assert runs == {"waiting": "SUCCEEDED", "building": "SUCCEEDED", "ended": "SUCCEEDED"}


def test_32_an_execution_that_a_newer_release_began_waits_for_it():
    kept = taken(RELEASES[-1])
    cloud = restored(kept)
    inputs = [one.input for one in cloud.aws.stepfunctions.executions.values()]
    for given in inputs:
        given["fmt"] = payloads.FORMAT + 1
    cloud.aws.timeline.advance(minutes=1)
    report(cloud)
    assert cloud.decide(kept["links"][0], "approve").status == 200
    cloud.aws.timeline.advance(minutes=1)
    meanwhile = {run["pipeline"]: run["status"] for run in cloud.runs()}

    for given in inputs:
        del given["fmt"]
    cloud.aws.timeline.advance(hours=2)

    assert meanwhile["waiting"] == "RUNNING"
    assert {run["pipeline"]: run["status"] for run in cloud.runs()} == dict.fromkeys(meanwhile, "SUCCEEDED")
