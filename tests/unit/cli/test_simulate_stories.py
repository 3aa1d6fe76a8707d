"""What a simulation tells of a broken day can be read, and typed to play that day again."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml
from typer.testing import CliRunner

from buildgate.adapters.memory.faults import Fault
from buildgate.inbound import pipeline_file
from buildgate_cli.main import app
from buildgate_cli.simulate.breaches import Breach, Promise
from buildgate_cli.simulate.promises import PLANTED
from buildgate_cli.simulate.schedule import Schedule, Trial
from buildgate_cli.simulate.story import told
from buildgate_cli.simulate.weather import KINDS
from buildgate_cli.simulate.world import CHECKOUT
from guards import owed_first

SHOP = CHECKOUT / "samples/shop/pipeline.yaml"
FAULTS = "crash,duplicate,builds"


@pytest.fixture(scope="module")
def shop():
    return pipeline_file.parse(yaml.safe_load(SHOP.read_text(encoding="utf-8")))


def test_the_command_that_plays_a_broken_day_again_breaks_it_again(monkeypatch):
    owed_first(None, monkeypatch)
    asked = ["simulate", "--builds-only", "--runs", "400", "--faults", FAULTS, "--builds", "2"]

    first = " ".join(CliRunner().invoke(app, asked).stdout.split())
    again = shlex.split(first.split("Play it again: buildgate ")[1])
    second = " ".join(CliRunner().invoke(app, again).stdout.split())

    assert again == ["simulate", "--seed", again[2], "--builds", "2", "--faults", FAULTS, "--builds-only"]
    assert second.split("breaks a promise: ")[1] == first.split("breaks a promise: ")[1]


def test_a_story_counts_runs_and_builds_and_says_once_which_they_are(shop):
    script = {"buildgate-StartBuildFunction codebuild.start_build #1": Fault.CRASH_AFTER}
    trial = Trial(shop)
    ended = Schedule(trial, 1, script=script).play()
    broken = type(ended)(1, (Breach(Promise.BOUNDED, "said so", 0.0),), ended.taken)

    lines = told(trial, broken).lines

    names = [line.split(" is ")[0].strip() for line in lines if re.search(r"[0-9a-z]{12}$", line) and " is " in line]
    assert {"run-1", "shop-unit:1", "shop-lint:1"} <= set(names)
    later = "\n".join(lines[len(names) :])
    assert "run_id run-1" in later
    assert not re.search(r"\b01[0-9a-z]{24}\b|[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{40}", later)
    assert any("StartBuild: crash after, codebuild.start_build" in line for line in lines)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"strangers", "repeat-notice", "reports"}))
def test_each_kind_of_fault_alone_is_met_and_survived(shop, kind):
    met = 0
    for seed in range(1, 40):
        ended = Schedule(Trial(shop, frozenset({kind}), loose_builds=1), seed).play()
        assert (ended.breaches, set(+ended.met) - {kind}) == ((), set())
        met += ended.met[kind]
        if met:
            return
    pytest.fail(f"no {kind} in so many days")


def test_every_secret_that_a_team_leaves_lying_about_gets_as_far_as_what_functions_read(shop):
    day = Schedule(Trial(shop, frozenset({"people"}), loose_builds=1), 3)
    assert not day.play().breaches
    aws = day.world.aws

    shown = str([build.data(aws.clock.now()) for build in aws.codebuild.builds()])
    stored = str([one.body for bucket in aws.s3.buckets.values() for kept in bucket.objects.values() for one in kept])
    pushed = str(aws.codecommit.repositories["shop"].commits)

    assert [PLANTED[name] in shown for name in ("variable", "buildspec", "exported")] == [True] * 3
    assert PLANTED["report"] in stored
    assert PLANTED["commit"] in pushed
