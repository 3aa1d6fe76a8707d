"""The pages about numbers say what the code does."""

import re
from pathlib import Path

import pytest

from buildgate.domain.metrics import dora, posture, scores
from buildgate.domain.metrics.caches import LEAST_PAIRS, LOCAL_MINUTES
from buildgate.domain.metrics.peers import LEAST_PEERS
from buildgate.runtime import metrics as emitted
from buildgate_cli.commands import metrics as commands
from buildgate_cli.main import load

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/explanation/metrics"


def page(name):
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def test_every_page_is_listed_and_every_link_leads_somewhere():
    listed = set(re.findall(r"\(([a-z0-9-]+\.md)\)", page("index")))

    assert listed == {path.name for path in PAGES.glob("*.md")} - {"index.md"}


def test_commands_that_the_pages_name_exist():
    verbs = set(load("metrics").commands)
    text = "".join(path.read_text(encoding="utf-8") for path in [*PAGES.glob("*.md"), ROOT / "docs/how-to/metrics.md"])

    named = set(re.findall(r"buildgate metrics ([a-z][a-z-]+)(?= |`|\n)", text)) - {"shop-unit"}

    assert named <= verbs
    assert len(named) > 10
    assert commands.app.info.help


def test_the_table_of_the_score_is_the_code():
    rows = re.findall(r"^\| ([a-z0-9 ]+) \| (\d+) \| (more|less) \|$", page("score-v2"), flags=re.MULTILINE)

    assert rows == [(name, str(of), "more" if is_up else "less") for name, of, is_up, _ in scores._OBJECTIVES]
    assert sum(int(of) for _, of, _ in rows) == 100


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cache", {3: "at least three such pairs"}.get(LEAST_PAIRS)),
        ("cache", f"{LOCAL_MINUTES} minutes is assumed"),
        ("benchmarks", {3: "fewer than three such teams"}.get(LEAST_PEERS)),
        ("score-v2", {5: "Fewer than five builds"}.get(scores.LEAST_BUILDS)),
    ],
)
def test_limits_in_words_are_the_codes_limits(name, words):
    assert words in " ".join(page(name).split())


def test_words_that_make_a_release_stage_are_all_named():
    words = re.findall(r"[a-z]+", dora._RELEASE.pattern.split("(")[-2].split(")")[0].replace("a-z", ""))

    assert {word for word in words if word not in page("dora")} <= {"deployment"}


def test_at_most_ten_metrics_are_paid_for():
    source = Path(emitted.__file__).read_text(encoding="utf-8")
    names = set(re.findall(r'add_metric\("(\w+)"', source))

    assert len(names) <= 10
    assert {name for name in names if f'"{name}"' not in (ROOT / "template.yaml").read_text(encoding="utf-8")} == set()


def test_severities_cost_what_the_page_says():
    assert posture._WEIGHTS == {"high": 25, "medium": 10, "low": 4}
    assert "25,\n10 or 4" in page("posture")
