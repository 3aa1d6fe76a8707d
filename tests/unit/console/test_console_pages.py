"""Every page of the console, made from the answers of the whole product in memory."""

import re
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.runtime.wiring import Wiring
from buildgate_cli.api_client import ApiError
from buildgate_cli.console.pages import Pages
from simulated_cloud import ALICE, SimulatedCloud

PIPELINE = {
    "name": "shop",
    "description": "<b>bold</b>",
    "tags": {"team": "web"},
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [
        {"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]},
        {
            "name": "release",
            "approval": {"approvers": ["bob@example.com"], "channel": "link", "timeout": "24h"},
            "builds": [{"name": "out", "project": "shop-release"}],
        },
    ],
}
HOSTILE = "<script>alert(1)</script> change"


class ApiOf:
    """The operator's API of a cloud in memory, as the console's client sees it."""

    def __init__(self, cloud):
        self.cloud = cloud

    def get(self, *path, **query):
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        url = "/v1/" + "/".join(path) + (f"?{asked}" if asked else "")
        answer = self.cloud.deployment.http.request("GET", url, caller=ALICE)
        if answer.status != 200:
            raise ApiError(answer.data["error"]["message"], kind="Rejected", status=answer.status)
        return answer.data


def a_week_of_the_shop():
    """A cloud with some runs, good and bad, one of them released, with a text that would be a script."""
    cloud = SimulatedCloud(schedules=False)
    cloud.apply(PIPELINE)
    numbers = iter(range(1000))
    probe = {"BUILDGATE_CACHE_RESULT": "hit", "BUILDGATE_CACHE_KEY": "deps", "VERSION": "1"}
    cloud.aws.codebuild.plan = lambda _: BuildPlan(
        60, "FAILED" if next(numbers) % 5 == 4 else "SUCCEEDED", exported=probe
    )
    for number in range(8):
        cloud.aws.codecommit.push("shop", "main", {"a": str(number)}, message=HOSTILE)
        cloud.aws.timeline.advance(minutes=10)
    cloud.decide(cloud.links()[0], "approve")
    cloud.aws.timeline.advance(minutes=10)
    Wiring(cloud.aws, table="buildgate-Table").fold_days()
    return cloud


@pytest.fixture(scope="module")
def cloud():
    return a_week_of_the_shop()


@pytest.fixture(scope="module")
def pages(cloud):
    def logs(group, stream, *, limit):
        return [f"{group} {stream}", "\x1b[31mred\x1b[0m <pre>"]

    return Pages(ApiOf(cloud), logs, cloud="test", me="alice", form="proof")


def paths(cloud):
    api = ApiOf(cloud)
    run = api.get("runs", limit=1)["runs"][0]["run_id"]
    build = api.get("metrics", "projects", "shop-unit", "builds", days=7)["builds"][0]["build_id"]
    approval = api.get("approvals")["approvals"][0]["id"]
    fixed = ["/", "/pipelines", "/pipelines/shop", "/runs", "/approvals", "/projects", "/releases", "/cost", "/find"]
    return [*fixed, f"/runs/{run}", f"/builds/{build}", f"/approvals/{approval}", "/projects/shop-unit"]


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_every_page_is_made_and_says_what_it_is(cloud, pages):
    for path in paths(cloud):
        page = Elements(pages.find(path, {}))

        assert page.all("html")[0]["lang"] == "en", path
        assert len(page.all("h1")) == 1, path
        assert len(page.all("main")) == 1, path


def test_no_page_has_a_script_or_a_style_of_its_own(cloud, pages):
    for path in paths(cloud):
        page = Elements(pages.find(path, {}))

        assert page.all("script") == [], path
        assert page.all("style") == [], path
        assert [attributes for _, attributes in page.found if "style" in attributes or "onclick" in attributes] == [], (
            path
        )


def test_every_picture_has_words_and_every_field_a_label(cloud, pages):
    for path in paths(cloud):
        text = pages.find(path, {})
        page = Elements(text)

        for svg in page.all("svg"):
            assert svg.get("aria-label") or svg.get("aria-hidden") == "true", path
        for image in page.all("img"):
            assert image["alt"], path
        for field in page.all("input"):
            assert field.get("aria-label") or field.get("type") == "hidden", path


def test_every_link_of_a_page_leads_to_a_page(cloud, pages):
    links = {
        link["href"].split("?")[0]
        for path in paths(cloud)
        for link in Elements(pages.find(path, {})).all("a")
        if link["href"].startswith("/")
    }

    assert len(links) > 15
    assert [link for link in links if pages.find(link.replace("%3A", ":"), {}) is None] == []


def test_what_people_wrote_is_shown_and_never_run(cloud, pages):
    page = pages.find("/runs", {})

    assert "&lt;script&gt;" in page
    assert "<b>bold" not in pages.find("/pipelines", {})


def test_pages_weigh_less_than_a_hundred_kilobytes(cloud, pages):
    assert {
        path: len(pages.find(path, {"days": "90"}))
        for path in paths(cloud)
        if len(pages.find(path, {"days": "90"})) > 100_000
    } == {}


def test_each_chart_has_its_data_as_a_table(pages):
    page = pages.find("/projects/shop-unit", {"days": "7"})

    assert page.count("<figure") == page.count("<summary>Data</summary>") == 6
    assert "highest" in page


def test_a_running_run_refreshes_itself_and_an_ended_one_does_not(cloud, pages):
    cloud.aws.codecommit.push("shop", "main", {"a": "x"})
    cloud.aws.timeline.advance(seconds=5)
    running, *_, ended = [run["run_id"] for run in ApiOf(cloud).get("runs", limit=20)["runs"]]

    assert 'http-equiv="refresh"' in pages.find(f"/runs/{running}", {})
    assert 'http-equiv="refresh"' not in pages.find(f"/runs/{ended}", {})


def test_a_build_shows_its_log_without_terminal_codes(cloud, pages):
    build = next(path for path in paths(cloud) if path.startswith("/builds/"))

    page = pages.find(build, {})

    assert "red &lt;pre&gt;" in page
    assert "\x1b" not in page
    assert "VERSION" in page


@pytest.mark.parametrize("word", ["main", "shop", "SHOP-U"])
def test_find_looks_for_branches_and_names(pages, word):
    assert "Nothing found" not in pages.find("/find", {"q": word})


def test_find_looks_for_runs_by_id_and_commit(cloud, pages):
    run = ApiOf(cloud).get("runs", limit=1)["runs"][0]

    for word in (run["run_id"], run["run_id"][-8:], run["commit"][:8]):
        assert run["run_id"] in pages.find("/find", {"q": word})


def test_find_says_when_there_is_nothing(pages):
    assert "Nothing found" in pages.find("/find", {"q": "zebra"})
    assert "Nothing found" in pages.find("/find", {})


def test_an_approval_is_decided_by_a_form_with_its_proof(cloud, pages):
    path = next(path for path in paths(cloud) if path.startswith("/approvals/"))

    page = pages.find(path, {})

    assert 'value="proof"' in page
    assert re.search(r'<form class="decide" method="post"', page)


def test_there_is_no_page_for_other_paths(pages):
    assert pages.find("/nothing/here", {}) is None
