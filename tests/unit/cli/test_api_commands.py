"""`buildgate api`: the document without a cloud, and answers with one."""

import json


def test_the_document_is_printed_without_a_cloud(cli, api):
    result = cli("api", "document")

    printed = json.loads(result.stdout)
    assert printed["openapi"].startswith("3.1")
    assert "/v1/runs/{id}" in printed["paths"]
    assert api.calls == []


def test_a_route_is_asked_as_the_person_who_asks(cli, api):
    api.on("GET", "/v1/runs", (200, {"runs": [], "next": None}))

    result = cli("api", "get", "/v1/runs", "limit=5", "status=FAILED")

    assert json.loads(result.stdout) == {"runs": [], "next": None}
    assert api.calls[0].query == {"limit": "5", "status": "FAILED"}


def test_what_is_no_parameter_is_a_mistake_with_its_remedy(cli):
    result = cli("api", "get", "runs", "limit")

    assert result.exit_code == 2
    assert "name=value" in result.stderr


def test_a_list_of_many_pages_is_printed_whole(cli, api):
    api.on(
        "GET",
        "/v1/approvals",
        (200, {"approvals": [{"id": "a", "status": "WAITING"}], "next": "more"}),
        (200, {"approvals": [{"id": "b", "status": "WAITING"}], "next": None}),
    )

    result = cli("approval", "list", "--json")

    assert [one["id"] for one in json.loads(result.stdout)["approvals"]] == ["a", "b"]
    assert api.calls[1].query == {"status": "waiting", "next": "more"}


def test_a_badge_is_printed_for_a_pipeline_to_publish(cli, api):
    runs = [{"status": "RUNNING"}, {"status": "TIMED_OUT"}, {"status": "SUCCEEDED"}]
    api.on("GET", "/v1/runs", (200, {"runs": runs, "next": None}))

    result = cli("api", "badge", "pipelines/shop")

    assert result.stdout.startswith("<svg ")
    assert 'aria-label="shop: timed out"' in result.stdout


def test_a_badge_of_nothing_is_a_mistake_with_its_remedy(cli):
    assert "pipelines/NAME" in cli("api", "badge", "shop").stderr
