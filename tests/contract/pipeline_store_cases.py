"""What stores of pipelines promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from buildgate.domain.builds import SlotRef
from buildgate.domain.pipelines import Pipeline, Trigger
from contract.stores import LATER, case
from run_records import NOON, approval, pipeline


def watching(name: str = "shop", *repositories: str, **changes: Any) -> Pipeline:
    triggers = tuple(Trigger(repository, branches=("main",)) for repository in repositories or ("shop",))
    return replace(pipeline(), name=name, triggers=triggers, **changes)


@case
def a_pipeline_comes_back_as_it_was_stored(stores):
    found = watching(description="Web shop", tags={"team": "shop"})

    assert stores.pipelines.apply(found, actor="alice", now=NOON)
    assert stores.pipelines.version("shop", found.digest) == found
    head = stores.pipelines.head("shop")
    assert (head.version, head.applied_at, head.applied_by) == (found.digest, NOON, "alice")
    assert (head.description, head.repositories) == ("Web shop", ("codecommit:shop",))


@case
def the_same_pipeline_is_stored_once(stores):
    stores.pipelines.apply(watching(), actor="alice", now=NOON)

    assert not stores.pipelines.apply(watching(), actor="bob", now=LATER)
    assert stores.pipelines.head("shop").applied_by == "alice"


@case
def versions_are_listed_newest_first_and_stay(stores):
    versions = [watching(description=str(number)) for number in range(3)]
    for number, one in enumerate(versions):
        stores.pipelines.apply(one, actor="alice", now=NOON + timedelta(hours=number))

    listed = [one.version for one in stores.pipelines.versions("shop")]
    assert listed == [one.digest for one in reversed(versions)]
    assert [stores.pipelines.version("shop", one.digest) for one in versions] == versions


@case
def triggers_follow_the_current_version(stores):
    stores.pipelines.apply(watching("shop", "shop", "docs"), actor="a", now=NOON)
    stores.pipelines.apply(watching("other", "shop"), actor="a", now=NOON)
    changed = watching("shop", "docs")
    stores.pipelines.apply(changed, actor="a", now=NOON)

    assert [name for name, *_ in stores.pipelines.triggered_by("codecommit:shop")] == ["other"]
    assert stores.pipelines.triggered_by("codecommit:docs") == [("shop", changed.digest, 0)]


@case
def what_is_not_there_is_none(stores):
    assert stores.pipelines.head("none") is None
    assert stores.pipelines.version("none", "v") is None
    assert stores.runs.run("none") is None
    assert stores.runs.record("none") is None
    assert stores.runs.slot(SlotRef("none", 0, 1, "x")) is None
    assert stores.approvals.get(approval().ref) is None
    assert stores.pushes.event("none") is None
    assert stores.pushes.cursor("codecommit:none", "branch", "main") is None
    assert stores.builds.heads(["p:1", "p:2"]) == {}
    assert (stores.pipelines.heads(), stores.runs.recent("none", limit=5)) == ([], [])


@case
def nothing_is_under_a_name_that_is_longer_than_a_key(stores: Any) -> None:
    """DynamoDB would refuse to look."""
    long = "p" * 2049

    assert stores.pipelines.head(long) is None
    assert stores.table.get_many([(f"RUN#{long}", "RUN"), ("PIPELINES", "p\U000a38f8" * 256)]) == []
    assert list(stores.table.query(f"RUN#{long}")) == list(stores.table.query("RUN#1", begins=long)) == []
