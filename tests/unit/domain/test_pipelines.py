import json

import pytest

from buildgate.domain.errors import Corrupt
from buildgate.domain.pipelines import ApprovalRule, BuildStep, Pipeline, Stage, Trigger


def shop() -> Pipeline:
    return Pipeline(
        name="shop",
        description="Web shop",
        tags={"team": "shop", "cost-centre": "cc-42"},
        triggers=(Trigger("shop", branches=("main",), tags=("v*",), include=("src/**",)),),
        stages=(
            Stage("test", builds=(BuildStep("unit", "shop-unit"), BuildStep("lint", "shop-lint", {"STRICT": "1"}))),
            Stage("release", approval=ApprovalRule(("alice@example.com",)), builds=(BuildStep("go", "shop-unit"),)),
        ),
    )


def test_a_pipeline_survives_its_canonical_form() -> None:
    assert Pipeline.from_data(shop().to_data()) == shop()
    assert Pipeline.from_text(shop().to_text()) == shop()


def test_the_same_content_has_the_same_digest_in_whatever_order_mappings_were_written() -> None:
    other = Pipeline(**{**fields(shop()), "tags": {"cost-centre": "cc-42", "team": "shop"}})

    assert other.digest == shop().digest
    assert len(shop().digest) == 64


def test_any_change_of_content_changes_the_digest() -> None:
    shorter = Pipeline(**{**fields(shop()), "stages": shop().stages[:1]})
    reordered = Pipeline(**{**fields(shop()), "stages": shop().stages[::-1]})

    assert len({shop().digest, shorter.digest, reordered.digest}) == 3


def test_defaults_are_spelled_out_so_that_a_stored_version_keeps_its_meaning() -> None:
    test, release = shop().to_data()["stages"]

    assert (test["concurrency"], test["on-failure"]) == (40, "stop")
    assert release["approval"] == {
        "approvers": ["alice@example.com"],
        "required": 1,
        "timeout": "1d",
        "channel": "link",
        "allow-self": True,
    }


def test_empty_parts_are_left_out() -> None:
    assert Pipeline("x", (Stage("s", builds=(BuildStep("b", "p1"),)),)).to_data() == {
        "name": "x",
        "notify": "always",
        "stages": [
            {"name": "s", "builds": [{"name": "b", "project": "p1"}], "concurrency": 40, "on-failure": "stop"},
        ],
    }


def test_projects_are_named_once_and_tasks_counted() -> None:
    assert shop().projects == ("shop-unit", "shop-lint")
    assert shop().tasks == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"name": "x"}',
        '{"name": "x", "stages": [{}]}',
        '{"name": "x", "stages": [{"name": "s", "concurrency": "many", "on-failure": "stop"}]}',
        '{"name": "x", "stages": [{"name": "s", "concurrency": 1, "on-failure": "halt"}]}',
        '{"name": "x", "stages": [{"name": "s", "concurrency": 1, "on-failure": "stop", "timeout": "soon"}]}',
    ],
)
def test_a_stored_pipeline_that_cannot_be_read_is_corrupt(text: str) -> None:
    with pytest.raises(Corrupt):
        Pipeline.from_text(text)


def test_the_canonical_form_is_plain_json() -> None:
    assert json.loads(shop().to_text()) == shop().to_data()


def fields(pipeline: Pipeline) -> dict[str, object]:
    return {name: getattr(pipeline, name) for name in ("name", "description", "tags", "topics", "triggers", "stages")}
