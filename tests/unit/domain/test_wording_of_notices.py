from dataclasses import replace

import pytest

from buildgate.domain.builds import Build, BuildStatus
from buildgate.domain.notices import build_ended
from buildgate.domain.run_notices import Asked, approval_asked, approval_key, approval_of_key, is_news, run_ended
from buildgate.domain.runs import RunStatus
from run_records import NOON, run


def ended(number, status, ref="main"):
    base = run(run_id=f"01{number:024d}", status=status)
    return replace(base, source=replace(base.source, ref=ref))


@pytest.mark.parametrize(
    ("before", "now", "news"),
    [
        (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED, False),
        (RunStatus.SUCCEEDED, RunStatus.FAILED, True),
        (RunStatus.FAILED, RunStatus.SUCCEEDED, True),
        (RunStatus.FAILED, RunStatus.REJECTED, False),
        (RunStatus.STOPPED, RunStatus.SUCCEEDED, True),
    ],
)
def test_news_is_a_turn_from_good_to_bad_or_back(before, now, news):
    assert is_news(ended(2, now), [ended(1, before), ended(3, RunStatus.FAILED)]) is news


def test_the_first_verdict_on_a_branch_is_news_whatever_other_branches_did():
    assert is_news(ended(2, RunStatus.SUCCEEDED), [ended(1, RunStatus.SUCCEEDED, "release/1")])


def test_the_key_of_a_request_names_its_approval_whoever_is_asked():
    assert approval_of_key(approval_key("r.01.1.entry", "jean-luc@example.com")) == "r.01.1.entry"
    assert approval_of_key("run-FAILED") == ""


def test_a_failure_notice_says_what_why_and_where_without_secrets():
    source = replace(run().source, message="Use token=abc123 for the mirror\n\nmore")
    notice = run_ended(run(status=RunStatus.FAILED, reason="PASSWORD=hunter2 is wrong", source=source), ["test FAILED"])

    everything = f"{notice.subject}{notice.text}{notice.card}"
    assert notice.topic == "failure"
    assert "shop: FAILED" in notice.subject
    assert "hunter2" not in everything
    assert "abc123" not in everything
    assert notice.subject.isascii()


def test_every_notice_has_the_key_that_a_receiver_drops_repeats_by():
    first, again = (run_ended(run(status=RunStatus.SUCCEEDED), []) for _ in range(2))

    assert first.card["id"] == again.card["id"] == f"{run().run_id}/run-SUCCEEDED"


def test_a_build_outside_runs_is_told_of_on_its_own():
    build = Build("shop:1", "shop", BuildStatus.FAILED, NOON, initiator="alice")

    notice = build_ended(build, "BUILD FAILED: exit status 1")

    assert (notice.topic, notice.ref.owner) == ("failure", "shop:1")
    assert "exit status 1" in notice.text


def test_a_request_without_a_link_names_the_command():
    asked = Asked("r.01.1.entry", "release", NOON, "Look twice.", link="")

    notice = approval_asked(run(), asked, now=NOON)

    assert "buildgate approval show r.01.1.entry" in notice.text
    assert "Look twice." in notice.text
    assert "link" not in notice.facts
