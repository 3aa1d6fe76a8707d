"""Who is let in, and what every answer carries."""

import http.client
import re
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from buildgate_cli import cloud_context
from buildgate_cli.console.badges import badge, look
from buildgate_cli.console.server import ConsoleServer
from cli_harness import serving_api, write_cloud


@contextmanager
def console(folder: Path):
    with serving_api() as api:
        write_cloud(folder / "home", front=api.url)
        server = ConsoleServer(cloud_context.read_local(folder / "home"))
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server, api
        finally:
            server.close()
            thread.join()


@pytest.fixture
def served(tmp_path):
    with console(tmp_path) as pair:
        yield pair


def ask(server, path, *, cookie=True, host="", method="GET", body=None, more=None):
    key = urlsplit(server.url).query.removeprefix("key=")
    connection = http.client.HTTPConnection(server.address, timeout=10)
    headers = {"Host": host or server.address, **({"Cookie": f"buildgate={key}"} if cookie else {}), **(more or {})}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, data


def test_without_the_links_secret_nobody_sees_anything(served):
    status, _, body = ask(served[0], "/", cookie=False)

    assert status == 403
    assert b"Buildgate" not in body


def test_the_link_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(served):
    server, _ = served
    status, headers, _ = ask(server, f"/?{urlsplit(server.url).query}", cookie=False)

    assert status == 303
    assert headers["location"] == "/"
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=Strict" in headers["set-cookie"]


def test_a_wrong_key_is_refused(served):
    assert ask(served[0], "/?key=guess", cookie=False)[0] == 403


def test_another_host_name_is_refused_even_with_the_cookie(served):
    assert ask(served[0], "/", host="evil.example.com")[0] == 421


def test_every_answer_forbids_scripts_frames_and_storing(served):
    for path in ("/style.css", "/nothing"):
        headers = ask(served[0], path)[1]
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"


def test_what_the_api_refuses_is_told_on_a_page(served):
    status, _, body = ask(served[0], "/runs/none")

    assert status == 404
    assert b"no /v1/runs/none" in body


def test_a_head_request_has_no_body(served):
    status, headers, body = ask(served[0], "/style.css", method="HEAD")

    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 1000


def test_large_answers_are_compressed_for_those_who_can_read_them(served):
    assert ask(served[0], "/style.css", more={"Accept-Encoding": "gzip"})[1]["content-encoding"] == "gzip"
    assert "content-encoding" not in ask(served[0], "/style.css")[1]


def test_a_decision_without_the_forms_proof_never_reaches_the_api(served):
    server, api = served

    status, _, _ = ask(server, "/approvals/r.1.entry", method="POST", body=urlencode({"decision": "approve"}))

    assert status == 403
    assert api.calls == []


def test_a_decision_from_another_origin_is_refused(served):
    server, api = served
    body = urlencode({"decision": "approve", "form": server.form})

    status, _, _ = ask(
        server, "/approvals/r.1.entry", method="POST", body=body, more={"Origin": "http://evil.example.com"}
    )

    assert status == 403
    assert api.calls == []


def test_a_decision_goes_through_the_api_with_the_persons_own_signature(served):
    server, api = served
    api.on("POST", "/v1/approvals/r.1.entry/decision", (200, {"result": "approved"}))

    body = urlencode({"decision": "approve", "comment": "fine", "form": server.form})
    status, headers, _ = ask(server, "/approvals/r.1.entry", method="POST", body=body)

    assert (status, headers["location"]) == (303, "/approvals/r.1.entry")
    assert api.calls[0].body == {"decision": "approve", "comment": "fine"}


@pytest.mark.parametrize(
    "path", ["//evil.example.com/", "/\\\\evil.example.com", "///evil.example.com", "/\t/evil.example.com"]
)
def test_the_link_leads_to_this_console_and_nowhere_else(served, path):
    server, _ = served
    target = f"{path}?{urlsplit(server.url).query}".replace("\t", "%09")

    status, headers, _ = ask(server, target, cookie=False)

    place = urlsplit(headers["location"].replace("\\", "/"))
    assert status == 303
    assert (place.scheme, place.netloc) == ("", "")
    assert not headers["location"].startswith("//")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"Content-Length": "-1"}, 411),
        ({"Content-Length": "x"}, 411),
        ({"Content-Length": "99999999999"}, 413),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_a_form_of_no_or_of_too_great_a_length_is_refused_without_waiting_for_it(served, more, status):
    server, api = served

    assert ask(server, "/approvals/r.1.entry", method="POST", more=more)[0] == status
    assert api.calls == []


@pytest.mark.parametrize("cookie", ["buildgate=guess", "buildgate=\u00fc", "=;;=", "buildgate", "a b=c; \\"])
def test_a_cookie_of_any_kind_lets_nobody_in(served, cookie):
    assert ask(served[0], "/", cookie=False, more={"Cookie": cookie})[0] == 403


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods_do_nothing(served, method):
    server, api = served

    assert ask(server, "/approvals/r.1.entry", method=method)[0] == 501
    assert api.calls == []


def test_a_page_that_changes_is_brought_up_to_date_with_and_without_scripts(served):
    server, api = served
    api.on("GET", "/v1/approvals", (200, {"approvals": [], "next": None}))

    page, still = ask(server, "/approvals")[2], ask(server, "/approvals?still=1")[2]

    assert b'<noscript><meta http-equiv="refresh" content="30"></noscript>\n<script src="/live.js" defer>' in page
    assert b'data-refresh="30"' in page
    assert not [part for part in (b"http-equiv", b"<script", b"data-refresh") if part in still]


def test_the_only_script_is_a_file_of_the_console(served):
    status, headers, body = ask(served[0], "/live.js")

    assert (status, headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert b"eval(" not in body
    assert "script-src 'self'; connect-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


def test_a_badge_names_its_state_in_words(served):
    server, api = served
    api.on("GET", "/v1/runs", (200, {"runs": [{"run_id": "r", "status": "SUCCEEDED"}], "next": None}))

    status, headers, body = ask(server, "/badges/pipelines/shop.svg")

    assert (status, headers["content-type"]) == (200, "image/svg+xml")
    assert b'aria-label="shop: succeeded"' in body


def test_badges_escape_what_they_show_and_cut_what_is_too_long():
    drawn = badge("<script>" + "x" * 100, "failed")

    assert "<script>" not in drawn
    assert int(re.findall(r'width="([0-9]+)"', drawn)[0]) < 400


@pytest.mark.parametrize("label", ["shop", "iiiiill.llli", "WWWWMMMM", "Bücher & Stühle", "\u5546\u5e97"])
def test_the_words_of_a_badge_stay_within_it_in_every_font(label):
    drawn = badge(label, "timed out")
    total = int(re.findall(r'width="([0-9]+)"', drawn)[0])
    words = [(int(x), int(width)) for x, width in re.findall(r'<text x="([0-9]+)"[^>]* textLength="([0-9]+)"', drawn)]

    assert words[0][0] + words[0][1] < words[1][0]
    assert words[1][0] + words[1][1] < total


@pytest.mark.parametrize(
    ("state", "expected"), [("elite: daily", "good"), ("low: yearly", "bad"), ("timed out", "bad"), ("x", "idle")]
)
def test_levels_have_looks(state, expected):
    assert look(state) == expected
