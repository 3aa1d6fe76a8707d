"""Every page of the console, made from the answers of the whole product in memory."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

import console_world
from buildgate_cli.console.badge_words import badge_words
from buildgate_cli.console.pages import Pages
from console_world import ApiOf, paths


@pytest.fixture(scope="module")
def cloud():
    cloud = console_world.a_month(days=12)
    console_world.keep_running(cloud)
    return cloud


@pytest.fixture(scope="module")
def pages(cloud):
    now = cloud.aws.timeline.now
    return Pages(ApiOf(cloud), console_world.logs, cloud="test", me="alice", form="proof", clock=now)


LABELS = re.compile(r"<label>.*?</label>", re.DOTALL)


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


def find(pages, path, **query):
    """Return the page at a path that may carry a query of its own."""
    place, _, asked = path.partition("?")
    return pages.find(place, {**dict(pair.split("=") for pair in asked.split("&") if pair), **query})


def test_every_page_is_made_and_says_what_it_is(cloud, pages):
    for path in paths(cloud):
        page = Elements(find(pages, path))

        assert page.all("html")[0]["lang"] == "en", path
        assert len(page.all("h1")) == 1, path
        assert len(page.all("main")) == 1, path


def test_no_page_has_a_script_or_a_style_in_its_text(cloud, pages):
    for path in paths(cloud):
        page = Elements(find(pages, path))

        assert page.all("script") in ([], [{"src": "/live.js", "defer": None}]), path
        assert page.all("style") == [], path
        assert [attributes for _, attributes in page.found if "style" in attributes or "onclick" in attributes] == [], (
            path
        )


def test_every_picture_has_words_and_every_field_a_label(cloud, pages):
    for path in paths(cloud):
        text = find(pages, path)
        page = Elements(text)

        for svg in page.all("svg"):
            assert svg.get("aria-label") or svg.get("aria-hidden") == "true", path
        for image in page.all("img"):
            assert image["alt"], path
        for field in page.all("input"):
            is_labelled = field.get("aria-label") or f'name="{field.get("name")}"' in "".join(LABELS.findall(text))
            assert is_labelled or field.get("type") == "hidden", path


def test_headings_follow_each_other_and_tables_say_what_they_hold(cloud, pages):
    for path in paths(cloud):
        text = find(pages, path)
        page = Elements(text)
        levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch("h[1-6]", tag)]

        assert levels[0] == 1, path
        assert max((after - before for before, after in pairwise(levels)), default=0) <= 1, path
        assert len(page.all("caption")) == len(page.all("table")), path
        assert all(cell.get("scope") for cell in page.all("th")), path
        assert len({one["id"] for _, one in page.found if "id" in one}) == text.count(' id="'), path


def test_every_link_of_a_page_leads_to_a_page(cloud, pages):
    links = {
        re.split("[?#]", link["href"])[0]
        for path in paths(cloud)
        for link in Elements(find(pages, path)).all("a")
        if link["href"].startswith("/")
    }

    assert len(links) > 15
    assert [link for link in links if pages.find(link.replace("%3A", ":"), {}) is None] == []


def test_what_people_wrote_is_shown_and_never_run(cloud, pages):
    page = pages.find("/runs", {})

    assert "&lt;script&gt;" in page
    assert "<b>bold" not in pages.find("/pipelines", {})


def test_pages_weigh_less_than_a_hundred_kilobytes(cloud, pages):
    weights = {path: len(find(pages, path, days="90").encode()) for path in paths(cloud)}

    assert {path: weight for path, weight in weights.items() if weight > 100_000} == {}


def test_each_chart_has_its_data_as_a_table(pages):
    page = pages.find("/projects/shop-unit", {"days": "7"})

    assert page.count("<figure") == page.count("<summary>Data</summary>") == 6
    assert "highest" in page
    assert all(f"</i>p{part}" in page for part in (50, 90, 95))


def test_a_running_run_refreshes_itself_and_an_ended_one_does_not(cloud, pages):
    running, *_, ended = [run["run_id"] for run in ApiOf(cloud).get("runs", limit=20)["runs"]]

    assert pages.find(f"/runs/{running}", {}).refresh == 3
    assert pages.find(f"/runs/{ended}", {}).refresh is None


def test_a_running_build_is_shown_phase_by_phase_up_to_now(cloud, pages):
    running = next(run["run_id"] for run in ApiOf(cloud).get("runs", limit=20)["runs"] if run["status"] == "RUNNING")
    build = next(one for one in ApiOf(cloud).get("runs", running)["run"]["stages"][0]["builds"] if one["build_id"])

    seen = ApiOf(cloud).get("builds", build["build_id"])["build"]
    bars = ApiOf(cloud).get("metrics", "runs", running, "waterfall")["bars"]

    assert (build["phase"], seen["status"]) == ("BUILD", "IN_PROGRESS")
    assert [phase["name"] for phase in seen["phases"]][-1] == "BUILD"
    assert sum(bar["seconds"] for bar in bars) == pytest.approx(45, abs=5)
    assert bars[-1]["name"].endswith(" build")


def test_whoever_wants_a_page_to_stay_as_it_is_can_have_that(cloud, pages):
    live, still = pages.find("/", {}), pages.find("/", {"still": "1"})

    assert 'href="?still=1"' in live
    assert (live.refresh, still.refresh) == (6, None)
    assert "does not refresh itself" in still


def test_the_tab_says_from_afar_how_a_run_stands(cloud, pages):
    runs = ApiOf(cloud).get("runs", limit=50)["runs"]
    by_status = {run["status"]: pages.find(f"/runs/{run['run_id']}", {}) for run in runs}

    assert "<title>● " in by_status["RUNNING"]
    assert "<title>✗ " in by_status["FAILED"]
    assert 'href="/icon-bad.svg"' in by_status["FAILED"]
    assert 'href="/icon-good.svg"' in by_status["SUCCEEDED"]


def test_the_overview_names_what_waits_and_shows_each_pipelines_last_runs(cloud, pages):
    page = pages.find("/", {})

    assert "Waits for a decision" in page
    assert page.count('class="strip"') == 3
    assert re.search(r"<title>\(\d+\)", page)
    assert 'class="s warn">waiting' in page


def test_runs_can_be_narrowed_and_turned_over(cloud, pages):
    failed = pages.find("/runs", {"status": "FAILED"})

    assert set(re.findall(r'class="s (\w+)">', failed)) == {"bad"}
    assert "status FAILED" in failed
    assert "No run is like that" in pages.find("/runs", {"ref": "elsewhere"})


def test_tests_and_failures_have_pages_of_all_projects_and_of_one(cloud, pages):
    assert "tests.prices waits for the provider" in pages.find("/tests", {})
    assert "shop-unit, the last 7 days" in pages.find("/tests", {"project": "shop-unit", "days": "7"})
    assert "never built again" in pages.find("/failures", {})
    assert "shop-lint, the last 30 days" in pages.find("/failures", {"project": "shop-lint"})


def test_a_build_shows_its_log_without_terminal_codes(cloud, pages):
    build = next(path for path in paths(cloud) if path.startswith("/builds/"))

    page = pages.find(build, {})

    assert "118 passed in 41.20s\n&lt;pre&gt; not a tag" in page
    assert "\x1b" not in page
    assert "VERSION" in page


@pytest.mark.parametrize("word", ["main", "shop", "SHOP-U"])
def test_find_looks_for_branches_and_names(pages, word):
    assert "Nothing found" not in pages.find("/find", {"q": word})


def test_find_looks_for_runs_by_id_and_commit(cloud, pages):
    run = ApiOf(cloud).get("runs", limit=1)["runs"][0]

    for word in (run["run_id"], run["run_id"][-8:], run["commit"][:8]):
        assert run["run_id"] in pages.find("/find", {"q": word})


def test_find_looks_for_builds_by_id_and_its_beginning(cloud, pages):
    build = ApiOf(cloud).get("metrics", "projects", "shop-unit", "builds", days=30)["builds"][0]["build_id"]

    for word in (build, build.rsplit(":", 1)[-1][:8], build[:18]):
        found = pages.find("/find", {"q": word})
        assert "<h2>Log</h2>" in found
        assert build in found


def test_what_can_only_mean_one_thing_is_shown_at_once(cloud, pages):
    run = ApiOf(cloud).get("runs", limit=1)["runs"][0]

    assert "Where the time went" in pages.find("/find", {"q": run["run_id"]})
    assert 'id="security"' in pages.find("/find", {"q": "stock-release"})
    assert "<h1>Find</h1>" in pages.find("/find", {"q": "stock"})


def test_find_says_when_there_is_nothing(pages):
    assert "Nothing found" in pages.find("/find", {"q": "zebra"})
    assert "Nothing found" in pages.find("/find", {})


def test_an_approval_is_decided_by_a_form_with_its_proof(cloud, pages):
    path = next(path for path in paths(cloud) if path.startswith("/approvals/"))

    page = find(pages, path)

    assert 'value="proof"' in page
    assert re.search(r'<form class="decide" method="post"', page)


def test_badges_tell_the_last_ended_run_the_last_build_the_last_gate_and_the_weakest_level(cloud):
    api = ApiOf(cloud)
    ended = next(run for run in api.get("runs", pipeline="shop")["runs"] if run["status"] != "RUNNING")

    assert badge_words(api, "pipelines", "shop") == ("shop", ended["status"].lower())
    assert badge_words(api, "projects", "shop-unit")[0] == "shop-unit"
    assert badge_words(api, "gates", "shop")[0] == "quality"
    assert badge_words(api, "gates", "stock") == ("stock gate", "not judged")
    assert badge_words(api, "dora", "shop")[1] in {"elite", "high", "medium", "low"}


def test_there_is_no_page_for_other_paths(pages):
    assert pages.find("/nothing/here", {}) is None
