"""What a release left under way in a local cloud is finished by today's code, on the machine of that release.

The cloud is the one of `test_bad_hours_local.py`, and the same is asked after every test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from buildgate.domain.times import from_text, to_text
from buildgate_cli.demo import decide_by_page
from e2e.harness import RunningCloud
from e2e.hours import NAME, PROJECT, function, released
from local_cloud_asking import until
from local_harness import git
from release_snapshot import releases, taken

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("bad hours"), pytest.mark.timeout(240)]
PIPELINE = "waiting"
"""Of what a release left, the pipeline whose run waits for an approval."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@contextmanager
def machine_of(cloud: RunningCloud, kept: dict[str, Any]) -> Iterator[None]:
    """Give the run machine a release's states, which call today's functions."""
    states, arn = cloud.client("stepfunctions"), cloud.description["outputs"]["RunMachineArn"]
    today = states.describe_state_machine(stateMachineArn=arn)["definition"]
    text = json.dumps(kept["machine"])
    for name in set(re.findall(r":function:buildgate-(\w+)Function", text)):
        text = re.sub(rf'arn:aws:lambda:[^"]+:buildgate-{name}Function', function(cloud, name)["FunctionArn"], text)
    states.update_state_machine(stateMachineArn=arn, definition=text)
    try:
        yield
    finally:
        states.update_state_machine(stateMachineArn=arn, definition=today)


def left_under_way(kept: dict[str, Any], *, commit: str) -> list[dict[str, Any]]:
    """Return the items of the run that waits, as they would be had it begun just now on a commit of the shop."""
    late = datetime.now(UTC) - from_text(kept["taken_at"])
    (run_id,) = {item["pk"]["S"] for item in kept["items"] if item.get("pipeline") == {"S": PIPELINE} if "ref" in item}
    mine = [item for item in kept["items"] if item["pk"]["S"] in {f"PIPELINE#{PIPELINE}", run_id}]
    mine += [item for item in kept["items"] if (item["pk"]["S"], item["sk"]["S"]) == ("PIPELINES", PIPELINE)]
    (before,) = {item["commit"]["S"] for item in mine if "commit" in item}
    text = MOMENT.sub(lambda found: to_text(from_text(found[0]) + late), json.dumps(mine))
    text = text.replace(before, commit).replace(f"{PIPELINE}-one", PROJECT)
    return list(json.loads(text.replace('\\"repository\\":\\"shop\\"', f'\\"repository\\":\\"{NAME}\\"')))


@pytest.mark.parametrize("release", releases()[-1:])
def test_a_run_that_a_release_left_waiting_is_approved_by_its_link_and_finished(cloud, shop, release):
    if not shop.runs():
        released(cloud, shop)
    kept = taken(release)
    items = left_under_way(kept, commit=git(shop.folder, "rev-parse", "HEAD").strip())
    waits = next(item for item in items if "approvers" in item)
    link = kept["links"][0]
    run_id = link.split("/")[2].split(".")[0]

    with machine_of(cloud, kept):
        for item in items:
            cloud.client("dynamodb").put_item(TableName=cloud.description["outputs"]["TableName"], Item=item)
        until(lambda: token(cloud, run_id) != waits["token"] or None)
        decide_by_page(cloud.description["front_url"] + link, name="Bob", comment="", say=lambda _: None)
        run = cloud.run(run_id)

    assert (run["status"], run["stages"][0]["approval"]["status"]) == ("SUCCEEDED", "APPROVED")
    assert [build["status"] for build in run["stages"][0]["builds"]] == ["SUCCEEDED"]


def token(cloud: RunningCloud, run_id: str) -> dict[str, str]:
    """Return the token by which the approval's decision goes back to the execution that waits for it now."""
    item = cloud.item(f"RUN#{run_id}", "S#00#A1#P#entry") or {}
    return dict(item["token"])
