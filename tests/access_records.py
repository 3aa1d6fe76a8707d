"""What roles of a deployed stack were seen doing in end-to-end runs: kept in a file, and compared with their policies.

`tests/samples/access.json` is the record of whole runs, group by group: role's owner, action, and where, in the template's
own names. A cloud's functions are held to the template's policies when its tests end. What nothing but such a run shows a
need for is named in the record too, with the group that shows it: whenever that group runs whole it is done again, or the
entry is stale and fails. `RECORD_ACCESS=1` writes a group's record anew, and what rests on it: run the groups, then
`test_least_privilege.py`. (The group `life` has no function of ours, and `console` none outside of this process.)
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildgate_cli.local.seams.access import ACCESS_FILE
from template_model import Template

if TYPE_CHECKING:
    from e2e.harness import RunningCloud

RECORD = Path(__file__).parent / "samples" / "access.json"
ADDING = "RECORD_ACCESS"
Access = tuple[str, str, str]
"""Whose role (a function's or machine's logical id), which action, and where (a logical id, or a kind of resource)."""
STEADY = ("main job", "shared cloud")
"""Groups that do the same in every run, whatever comes first."""
NAMED = {"RunMachine": "-run"}
"""Resources that policies name by hand: functions that the machine invokes cannot refer to it."""
WHOLE_KINDS = {"AWS::IAM::Role": ":role/*"}
"""What names all of a kind in the account, where a policy may: service roles of projects, whoever made them."""
_ROLE = re.compile(r"(?:assumed-)?role/([^/]+)")


Record = Mapping[str, set[Access]]
"""What was seen, by the group of tests whose cloud it was seen in."""


def by_group() -> dict[str, set[Access]]:
    """Return what the record holds."""
    kept: Mapping[str, Mapping[str, Mapping[str, list[str]]]] = _kept()["seen"]
    return {
        group: {
            (who, action, where) for who, did in found.items() for action, places in did.items() for where in places
        }
        for group, found in kept.items()
    }


def recorded() -> set[Access]:
    """Return what the record holds of all groups together."""
    return set().union(*by_group().values())


def resting() -> dict[tuple[str, str], str]:
    """Return what nothing but an end-to-end run shows a need for (function and action), and the group that shows it."""
    return {(who, action): group for who, did in _kept()["only here"].items() for action, group in did.items()}


def rest(only_here: Iterable[tuple[str, str]]) -> None:
    """Write down what nothing but an end-to-end run shows a need for; the steadiest group that shows it has to."""
    groups = by_group()
    doing = {group: {(who, action) for who, action, _ in seen} for group, seen in groups.items()}
    order = sorted(doing, key=lambda group: (group not in STEADY, group))
    _write(groups, {pair: next(group for group in order if pair in doing[group]) for pair in only_here})


def _kept() -> dict[str, Any]:
    return dict(json.loads(RECORD.read_text("utf-8")))


def is_recording() -> bool:
    return os.environ.get(ADDING) == "1"


def seen_in(cloud: RunningCloud) -> set[Access]:
    """Return what a cloud's functions and machines were seen doing so far."""
    pages = (
        cloud.client("cloudformation")
        .get_paginator("list_stack_resources")
        .paginate(StackName=cloud.description["stack"])
    )
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    names = ((re.split(r"[:/]", one["PhysicalResourceId"])[-1], one["LogicalResourceId"]) for one in resources)
    logical = {physical: name for physical, name in names if not physical.isdecimal()}
    lines = (cloud.home.path / ACCESS_FILE).read_text("utf-8").splitlines()
    return set(_named([json.loads(line) for line in lines], logical))


def hold_to_the_policies(cloud: RunningCloud, group: str, *, is_whole: bool) -> None:
    """Fail when a group's functions did what the template does not say they may, or no more what only they did.

    The cloud's own IAM has judged it before: this is by the template as it is written. Of a group that ran in part only
    the first is known.
    """
    seen, kept = seen_in(cloud), by_group()
    assert seen, "nothing was noted"
    refused = not_granted(seen)
    assert not refused, refused
    if is_recording():
        _write({**kept, group: seen if is_whole else kept.get(group, set()) | seen}, resting())
    elif is_whole:
        gone = stale({pair for pair, shows in resting().items() if shows == group}, seen)
        assert not gone, f"recorded of {group!r}, and not done any more: {gone}; {ADDING}=1 records what is"


def stale(shown: Iterable[tuple[str, str]], seen: Iterable[Access]) -> list[str]:
    """Return what a group of tests is to show a need for, and did not do now."""
    done = {(who, action) for who, action, _ in seen}
    return [f"{who} {action}" for who, action in sorted(shown) if (who, action) not in done]


def not_granted(seen: Iterable[Access]) -> list[str]:
    """Return what was done that no statement of the template grants where it was done."""
    policies = {**allowed(), **machines()}
    return [
        f"{who} {action} on {place}"
        for who, action, place in sorted(seen)
        if not _is_granted(policies[who].get(action, ""), place)
    ]


def _is_granted(resources: str, where: str) -> bool:
    """Say whether a statement's resources name a place; one outside the stack is only told by its service."""
    place, _, folder = where.partition("/")
    place = NAMED.get(place, place)
    resource = Template.load().resources.get(place)
    if resource is not None or place in NAMED.values():
        every = WHOLE_KINDS.get(resource["Type"], "") if resource else ""
        if every and every in resources:
            return True
        return place in resources and (not folder or folder in resources or f"{place}.Arn}}/*" in resources)
    return bool(resources)


def allowed() -> dict[str, dict[str, str]]:
    """Return for each function what it is allowed: action to the text of the resources."""
    found: dict[str, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for name, statement in Template.load().statements():
        if name not in Template.load().functions():
            continue
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions:
            found[name][action] += json.dumps(statement["Resource"], default=str)
    return found


def machines() -> dict[str, dict[str, str]]:
    """Return the same for the machines."""
    found: dict[str, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for name, statement in Template.load().statements():
        if name.startswith("RunMachine"):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            for action in actions:
                found["RunMachine"][action] += json.dumps(statement["Resource"], default=str)
    return found


def _write(kept: Record, only_here: Mapping[tuple[str, str], str]) -> None:
    data: dict[str, dict[str, dict[str, list[str]]]] = {}
    for group, seen in sorted(kept.items()):
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for who, action, where in sorted(seen):
            found[who][action].append(where)
        data[group] = found
    shown: dict[str, dict[str, str]] = defaultdict(dict)
    for (who, action), group in sorted(only_here.items()):
        shown[who][action] = group
    RECORD.write_text(json.dumps({"only here": shown, "seen": data}, indent=1) + "\n", encoding="utf-8")


def _named(lines: list[Any], logical: Mapping[str, str]) -> Iterable[Access]:
    for principal, action, resource in lines:
        role = _ROLE.search(principal)
        owner = logical.get(role[1], "") if role else ""
        if owner.endswith("Role"):
            yield owner.removesuffix("Role"), action, where(resource, logical)


def where(resource: str, logical: Mapping[str, str]) -> str:
    """Return a resource in the template's words: its logical id, with an object's first folder, an index as such.

    What is not of the stack is told by its service, and `*` stays what it is.
    """
    if resource == "*":
        return resource
    rest = resource.split(":", 5)[-1]
    parts = re.split(r"[:/]", rest)
    known = next((part for part in parts if part in logical), None)
    if known is None:
        return resource.split(":")[2]
    after = parts[parts.index(known) + 1 :]
    if after[:1] == ["index"] or (resource.startswith("arn:aws:s3:") and len(after) > 1):
        return f"{logical[known]}/{after[0]}"
    return logical[known]
