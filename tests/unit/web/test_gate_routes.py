"""The gates' routes: whole judgements, history with outcomes, and waivers that people grant and that end loudly."""

import json
from datetime import timedelta

import pytest

from buildgate.domain.gates.record import Judgement
from buildgate.domain.notices import Topic
from buildgate.domain.pipelines import Stage
from buildgate.usecases.open_run import Wish
from buildgate.web.api import Api
from core_world import ALICE
from gate_world import GateWorld, gate, metrics
from web_requests import json_event

GOOD, BAD = {"m.json": metrics(tests_failed=0)}, {"m.json": metrics(tests_failed=2)}


@pytest.fixture
def world():
    return GateWorld()


@pytest.fixture
def call(world):
    def ask(method, path, data=None, *, query="", code=200):
        answer = Api(world.g)(json_event(method, path, data, query=query, actor=ALICE))
        assert answer.status_code == code, answer.body
        return json.loads(answer.body)

    return ask


def closed(world, run):
    """Let a judged run come to its end."""
    world.next_step(run.run_id)
    return world.w.close_run(run.run_id)


# ---------------------------------------------------------------------------------------------------- judgements


def test_a_whole_judgement_can_be_read_and_repeated(world, call):
    run, verdict = world.judged(gate(), GOOD)

    answer = call("GET", f"/v1/runs/{run.run_id}/judgements/test/quality")

    assert Judgement.from_data(answer["judgement"]).verdict == verdict
    assert answer["is_repeatable"] is True
    assert answer["place"]["key"].startswith("judgements/shop/")


def test_a_judgement_too_large_for_an_answer_is_named_by_its_place(world, call, monkeypatch):
    run, _ = world.judged(gate(), GOOD)
    monkeypatch.setattr("buildgate.web.gates_api._ANSWER_BYTES", 10)

    answer = call("GET", f"/v1/runs/{run.run_id}/judgements/test/quality")

    assert answer["judgement"] is None
    assert set(answer["place"]) == {"key", "version_id", "sha256"}


@pytest.mark.parametrize("path", ["/v1/runs/none/judgements/test/quality", "/v1/pipelines/none/judgements"])
def test_what_is_not_there_is_not_found(call, path):
    assert call("GET", path, code=404)["error"]["class"] == "Rejected"


def test_a_gate_that_did_not_judge_is_not_found(world, call):
    run, _ = world.judged(gate(), GOOD)

    call("GET", f"/v1/runs/{run.run_id}/judgements/test/other", code=404)


def test_the_history_is_listed_newest_first_and_can_be_narrowed(world, call):
    runs = [world.judged(gate(), reports)[0] for reports in (GOOD, BAD)]
    world.judged(gate(), GOOD, branch="feature/a")

    on_main = call("GET", "/v1/pipelines/shop/judgements", query="branch=main&gate=quality&stage=test")["judgements"]

    assert [(one["run_id"], one["status"], one["values"]) for one in on_main] == [
        (runs[1].run_id, "fail", {"tests.failed": 2.0}),
        (runs[0].run_id, "pass", {"tests.failed": 0.0}),
    ]
    assert len(call("GET", "/v1/pipelines/shop/judgements", query="limit=1")["judgements"]) == 1
    assert call("GET", "/v1/pipelines/shop/judgements", query="gate=other")["judgements"] == []
    tomorrow = (world.clock.now() + timedelta(days=1)).date().isoformat()
    assert call("GET", "/v1/pipelines/shop/judgements", query=f"since={tomorrow}")["judgements"] == []


def test_every_judgement_of_a_period_is_listed_once_page_by_page(world, call, monkeypatch):
    monkeypatch.setattr("buildgate.usecases.list_judgements._AT_ONCE", 2)
    runs = [closed(world, world.judged(gate(), GOOD)[0]).run_id for _ in range(5)]
    listed, query = [], "limit=2"
    while query:
        answer = call("GET", "/v1/pipelines/shop/judgements", query=query)
        listed += answer["judgements"]
        query = answer["next"] and f"limit=2&next={answer['next']}"

    assert [one["run_id"] for one in listed] == runs[::-1]
    assert [one["fate"] for one in listed] == [None, "held", "held", "held", "held"]


def test_a_filter_that_lets_little_through_goes_on_at_the_next_page(world, call, monkeypatch):
    monkeypatch.setattr("buildgate.usecases.list_judgements._AT_ONCE", 1)
    monkeypatch.setattr("buildgate.usecases.list_judgements._MOST_READS", 2)
    run, _ = world.judged(gate(), GOOD, branch="feature/a")
    for _ in range(3):
        world.judged(gate(), GOOD)

    first = call("GET", "/v1/pipelines/shop/judgements", query="branch=feature/a")
    second = call("GET", "/v1/pipelines/shop/judgements", query=f"branch=feature/a&next={first['next']}")

    assert (first["judgements"], [one["run_id"] for one in second["judgements"]]) == ([], [run.run_id])


@pytest.mark.parametrize("query", ["since=soon", "limit=0", "limit=501", "limit=x"])
def test_a_question_that_makes_no_sense_is_refused(world, call, query):
    world.judged(gate(), GOOD)

    assert call("GET", "/v1/pipelines/shop/judgements", query=query, code=400)["error"]["field"] in {"since", "limit"}


def outcomes(call):
    listed = call("GET", "/v1/pipelines/shop/judgements")["judgements"]
    return {one["run_id"]: one["outcome"] for one in listed}


def test_a_run_that_later_runs_build_upon_turned_out_good_and_the_newest_is_unknown(world, call):
    first, last = (closed(world, world.judged(gate(), GOOD)[0]) for _ in range(2))

    assert outcomes(call) == {first.run_id: "good", last.run_id: None}


def test_a_run_whose_commit_was_reverted_turned_out_bad(world, call):
    first = closed(world, world.judged(gate(), GOOD)[0])
    message = f'Revert "Change prices"\n\nThis reverts commit {first.source.commit}.'
    push = world.push(message=message)
    world.w.start_run(push)

    assert outcomes(call)[first.run_id] == "bad"


def test_a_run_that_a_start_of_an_older_commit_replaced_was_rolled_back(world, call):
    first, second = (closed(world, world.judged(gate(), GOOD)[0]) for _ in range(2))
    again = world.w.open_run.start(Wish("shop", ALICE, "c1", commit=first.source.commit))
    world.judge(world.built(again, GOOD))
    closed(world, again)

    listed = {one["run_id"]: one["fate"] for one in call("GET", "/v1/pipelines/shop/judgements")["judgements"]}

    assert listed == {first.run_id: "held", second.run_id: "rolled back", again.run_id: None}


def test_a_run_that_its_gate_stopped_shows_nothing(world, call):
    stopped = closed(world, world.judged(gate(), BAD)[0])
    closed(world, world.judged(gate(), GOOD)[0])

    assert stopped.status == "FAILED"
    assert outcomes(call)[stopped.run_id] is None


# ---------------------------------------------------------------------------------------------------- waivers


def waiver(world, days=30, **more):
    day = (world.clock.now() + timedelta(days=days)).date().isoformat()
    return {"rule": "B602", "reason": "fixed in 2.0", "owner": "alice@example.com", "expires": day} | more


def test_a_waiver_is_granted_listed_and_withdrawn_with_who_did_it(world, call):
    world.apply(Stage("test", gates=(gate(),)))

    granted = call("POST", "/v1/pipelines/shop/waivers", waiver(world, gate="quality"))["waiver"]
    [listed] = call("GET", "/v1/pipelines/shop/waivers")["waivers"]
    withdrawn = call("POST", f"/v1/pipelines/shop/waivers/{granted['id']}/withdraw", {})["waiver"]

    assert listed == granted
    assert (granted["state"], granted["gate"], granted["granted_by"]) == ("acting", "quality", ALICE)
    assert (withdrawn["state"], withdrawn["withdrawn_by"]) == ("withdrawn", ALICE)
    call("POST", f"/v1/pipelines/shop/waivers/{granted['id']}/withdraw", {}, code=404)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"days": -1}, "expires"),
        ({"days": 400}, "expires"),
        ({"owner": ""}, "[0].owner"),
        ({"finding": "abc"}, "[0].finding"),
        ({"gate": "qualty"}, "gate"),
        ({"reason": "see AKIAIOSFODNN7EXAMPLE"}, "reason"),
    ],
)
def test_a_waiver_that_is_none_is_refused_with_the_field(world, call, changes, field):
    world.apply(Stage("test", gates=(gate(),)))

    error = call("POST", "/v1/pipelines/shop/waivers", waiver(world, **changes), code=404 if "gate" in changes else 400)

    assert error["error"]["field"].endswith(field.removeprefix("[0].")), error


def test_the_end_of_a_waiver_is_told_once_and_loudly(world, call):
    world.apply(Stage("test", gates=(gate(),)))
    call("POST", "/v1/pipelines/shop/waivers", waiver(world, days=1))
    world.reconcile()
    assert world.published(Topic.FAILURE) == []

    world.clock.advance(days=3)
    healed = [world.reconcile().counts.get("waivers", 0) for _ in range(2)]

    assert healed == [1, 0]
    [notice] = world.published(Topic.FAILURE)
    assert "the waiver of rule B602 has expired" in notice.text_for("email") + str(notice)
    [listed] = call("GET", "/v1/pipelines/shop/waivers")["waivers"]
    assert listed["state"] == "expired"


def test_a_renewed_or_withdrawn_waiver_ends_without_a_word(world, call):
    world.apply(Stage("test", gates=(gate(),)))
    call("POST", "/v1/pipelines/shop/waivers", waiver(world, days=1))
    call("POST", "/v1/pipelines/shop/waivers", waiver(world, days=30))
    other = call("POST", "/v1/pipelines/shop/waivers", waiver(world, days=1, rule="B101"))["waiver"]
    call("POST", f"/v1/pipelines/shop/waivers/{other['id']}/withdraw", {})
    world.clock.advance(days=3)

    world.reconcile()

    assert world.published(Topic.FAILURE) == []


def test_a_topic_that_does_not_answer_leaves_the_end_to_be_told(world, call):
    world.apply(Stage("test", gates=(gate(),)))
    call("POST", "/v1/pipelines/shop/waivers", waiver(world, days=1))
    world.clock.advance(days=3)
    world.trouble("sns", "publish")

    first, second = world.reconcile(), world.reconcile()

    assert any("waivers" in failure for failure in first.failures)
    assert second.counts["waivers"] == 1
