"""Notices: read from SNS envelopes, kept as files, listed oldest first."""

import json

import pytest

from buildgate_cli.local.inbox import Notice, parse_notice, read_notices
from buildgate_cli.local.state import Home

ENVELOPE = {
    "Type": "Notification",
    "MessageId": "m-1",
    "TopicArn": "arn:aws:sns:us-east-1:000000000000:Approval",
    "Subject": "Release of shop asks",
    "Message": "Open https://example.com/a?k=1, or (http://127.0.0.1:1/b).\nOpen https://example.com/a?k=1.",
    "Timestamp": "2026-11-22T12:00:00.000Z",
    "MessageAttributes": {"approver": {"Type": "String", "Value": "alice@example.com"}},
}


def test_an_envelope_becomes_a_notice_with_links_and_addressee():
    notice = parse_notice(json.dumps(ENVELOPE))

    assert notice.subject == "Release of shop asks"
    assert notice.approver == "alice@example.com"
    assert notice.links == ("https://example.com/a?k=1", "http://127.0.0.1:1/b")


def test_subject_and_attributes_may_be_absent():
    plain = {key: value for key, value in ENVELOPE.items() if key not in {"Subject", "MessageAttributes"}}

    notice = parse_notice(json.dumps(plain))

    assert (notice.subject, notice.approver) == (None, None)


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"MessageId": 1}'])
def test_anything_else_is_no_notice(body):
    with pytest.raises((ValueError, KeyError, TypeError)):
        parse_notice(body)


def test_stored_notices_are_read_oldest_first_and_strange_files_passed_over(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    notices = [Notice(f"m-{n}", f"2026-11-22T12:00:0{n}Z", "t", None, "text", {}) for n in (1, 2)]
    for notice in reversed(notices):
        home.write(f"inbox/{notice.at}.json", notice.to_data())
    (home.inbox / "0-strange.json").write_text("{}")
    (home.inbox / "1-broken.json").write_text("{")

    assert list(read_notices(home)) == notices
