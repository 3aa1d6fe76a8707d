"""What a gate is judged on: pinned reports, passing history, the lines that changed, waivers; all of it kept."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from buildgate.adapters.sources.answers import document
from buildgate.domain.errors import Corrupt
from buildgate.domain.gates.model import Waiver
from buildgate.domain.gates.pipeline_waivers import PipelineWaiver
from buildgate.domain.gates.record import JudgementRef
from core_world import ALICE, BUCKET, ProcessDied
from gate_world import GateWorld, coverage, gate, metrics

RELATIVE = gate(objectives=[{"measurement": "performance.p95_ms", "pass": ["<= +10%"]}])
NEW_CODE = gate(objectives=[{"measurement": "coverage.changed.line_percent", "pass": [">= 80"]}])
FINDING = {
    "measurements": {"findings.critical": 1},
    "findings": [{"rule": "B602", "severity": "critical", "file": "shop/run.py", "message": "shell=True"}],
}


@pytest.fixture
def world():
    return GateWorld()


# ---------------------------------------------------------------------------------------------------- judgements


def test_a_judgement_is_kept_whole_and_gives_the_same_bytes_when_judged_again(world):
    run, verdict = world.judged(gate(), {"metrics.json": metrics(tests_failed=0)})

    kept = world.judgement(run)

    assert (verdict.status, kept.verdict) == ("pass", verdict)
    assert kept.is_repeatable()
    assert (kept.run_id, kept.branch) == (run.run_id, "main")
    [pin] = kept.evidence.pins
    assert (pin.file, len(pin.sha256), pin.version != "") == ("metrics.json", 64, True)


def test_the_verdict_names_the_version_of_its_judgement(world):
    run, _ = world.judged(gate(), {"metrics.json": metrics(tests_failed=0)})

    ref = world.result(run).judgement

    assert ref.key == f"judgements/shop/{run.run_id}/test.quality.json"
    world.aws.client("s3").put_object(Bucket=BUCKET, Key=ref.key, Body=b"{}")
    assert world.judgement(run).verdict.status == "pass"


def test_a_judgement_that_was_replaced_without_a_version_is_noticed(world):
    run, _ = world.judged(gate(), {"metrics.json": metrics(tests_failed=0)})
    ref = world.result(run).judgement
    world.aws.client("s3").put_object(Bucket=BUCKET, Key=ref.key, Body=b"{}")

    with pytest.raises(Corrupt):
        world.g.judgements.load(JudgementRef(ref.key, "", ref.sha256))


def test_judging_again_changes_nothing_even_when_the_reports_have_changed(world):
    run, first = world.judged(gate(), {"metrics.json": metrics(tests_failed=0)})
    key = f"reports/shop-unit/{world.slot(run).to_text()}/metrics.json"
    world.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=metrics(tests_failed=3).encode())

    assert world.judge(run) == first


def test_a_verdict_whose_entry_in_the_history_was_lost_gets_it_with_the_next_try(world):
    run = world.reported(gate(), {"metrics.json": metrics(tests_failed=0)})
    world.trouble("dynamodb", "put_item", ProcessDied, is_after=True)
    with pytest.raises(ProcessDied):
        world.judge(run)

    world.judge(run)

    assert [head.run_id for head in world.g.judgements.on_branch("shop", "test", "quality", "main")] == [run.run_id]


def test_of_two_judgements_at_once_the_one_that_was_stored_first_stands(world):
    run = world.reported(gate(), {"metrics.json": metrics(tests_failed=0)})
    key = f"reports/shop-unit/{world.slot(run).to_text()}/metrics.json"

    class Overtaken:
        """Judgements that are kept only after someone else has judged other bytes."""

        def keep(self, judgement, **place):
            world.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=metrics(tests_failed=3).encode())
            self.first = world.judge(run)
            return world.g.judgements.keep(judgement, **place)

        def note(self, head):
            world.g.judgements.note(head)

    late = Overtaken()
    verdict = replace(world.g.evaluate_gate, judgements=late)(run.run_id, stage=0, name="quality")

    assert verdict == late.first
    assert verdict.status == "fail"
    assert world.judgement(run).verdict == verdict
    assert [head.status for head in world.g.judgements.on_branch("shop", "test", "quality", "main")] == ["fail"]


def test_the_history_holds_what_was_measured_newest_first(world):
    runs = [world.judged(gate(), {"m.json": metrics(tests_failed=failed)})[0] for failed in (0, 2)]

    heads = list(world.g.judgements.on_branch("shop", "test", "quality", "main"))
    since = world.g.judgements.since("shop", runs[0].opened_at, limit=10)

    assert [(head.run_id, head.status, head.values) for head in heads] == [
        (runs[1].run_id, "fail", {"tests.failed": 2.0}),
        (runs[0].run_id, "pass", {"tests.failed": 0.0}),
    ]
    assert list(since) == heads
    assert world.g.judgements.since("shop", world.clock.now() + timedelta(days=1), limit=10) == []


def test_branches_whose_names_begin_alike_do_not_meet(world):
    for branch in ("feature/a", "feature/a#b"):
        world.judged(gate(), {"m.json": metrics(tests_failed=0)}, branch=branch)

    heads = list(world.g.judgements.on_branch("shop", "test", "quality", "feature/a"))

    assert [head.branch for head in heads] == ["feature/a"]


# ---------------------------------------------------------------------------------------------------- baselines


def test_the_first_run_has_nothing_to_compare_with_and_says_so(world):
    _, verdict = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=100)})

    assert verdict.status == "warn"
    assert "compared with nothing: no run on main has passed this gate yet" in verdict.notes


def test_a_relative_criterion_compares_with_the_last_passing_run(world):
    first, _ = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=100)})

    _, slower = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=120)})
    _, good = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=109)})

    assert (slower.status, good.status) == ("fail", "pass")
    assert good.baseline_runs == (first.run_id,)
    assert f"compared with the last passing run on main: {first.run_id}" in good.notes


def test_several_runs_are_aggregated_and_only_as_many_are_read(world):
    several = gate(
        objectives=[{"measurement": "performance.p95_ms", "pass": ["<= +200%"]}],
        baseline={"results": 2, "aggregate": "avg"},
    )
    for figure in (50, 100, 110):
        world.judged(several, {"m.json": metrics(performance_p95_ms=figure)})
    run = world.reported(several, {"m.json": metrics(performance_p95_ms=100)})
    loaded = []
    load = world.g.judgements.load
    world.g.judgements.load = lambda ref: loaded.append(ref) or load(ref)

    verdict = world.judge(run)

    assert verdict.objectives[0].baseline == 105.0
    assert len(loaded) == 2


def test_a_feature_branch_is_compared_with_the_branch_it_is_meant_for(world):
    main, _ = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=100)})
    world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=105)}, branch="feature/a")

    _, verdict = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=112)}, branch="feature/a")

    assert verdict.baseline_runs == (main.run_id,)
    assert verdict.status == "fail"


def test_a_named_run_is_the_baseline_if_it_passed(world):
    first, _ = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=100)})
    world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=90)})
    data = {"objectives": [{"measurement": "performance.p95_ms", "pass": ["<= +10%"]}]}

    _, verdict = world.judged(gate(baseline={"run": first.run_id}, **data), {"m.json": metrics(performance_p95_ms=108)})
    _, unknown = world.judged(gate(baseline={"run": "none"}, **data), {"m.json": metrics(performance_p95_ms=108)})

    assert (verdict.status, verdict.baseline_runs) == ("pass", (first.run_id,))
    assert "compared with nothing: run none is not in this gate's history" in unknown.notes


def test_a_judgement_that_is_not_kept_any_more_is_passed_by(world):
    first, _ = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=100)})
    second, _ = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=100)})
    ref = world.result(second).judgement
    world.aws.client("s3").delete_object(Bucket=BUCKET, Key=ref.key, VersionId=ref.version_id)

    _, verdict = world.judged(RELATIVE, {"m.json": metrics(performance_p95_ms=100)})

    assert verdict.baseline_runs == (first.run_id,)


# ---------------------------------------------------------------------------------------------------- new code


def lines(count, word="line"):
    return "".join(f"{word} {number}\n" for number in range(1, count + 1))


def test_conditions_on_new_code_look_at_the_lines_that_the_push_changed(world):
    world.judged(gate(), {"m.json": metrics(tests_failed=0)}, files={"shop/prices.py": lines(40)})
    hits = {number: int(number <= 30) for number in range(1, 41)}

    changed = lines(10) + lines(30, "new")
    _, verdict = world.judged(NEW_CODE, {"coverage.xml": coverage(hits)}, files={"shop/prices.py": changed})

    [objective] = verdict.objectives
    assert round(objective.value) == 67
    assert verdict.status == "fail"
    assert any(note.startswith("new code is 30 lines in 1 files since ") for note in verdict.notes)


def test_conditions_on_new_code_are_ignored_visibly_under_twenty_lines(world):
    world.judged(gate(), {"m.json": metrics(tests_failed=0)}, files={"shop/prices.py": lines(40)})
    hits = dict.fromkeys(range(1, 41), 0)

    changed = lines(28) + lines(12, "new")
    _, verdict = world.judged(NEW_CODE, {"coverage.xml": coverage(hits)}, files={"shop/prices.py": changed})

    assert verdict.status == "pass"
    assert "coverage.changed.line_percent SKIPPED (12 changed lines < 20)" in verdict.notes


def test_a_new_branch_is_compared_with_the_default_branch(world):
    world.judged(gate(), {"m.json": metrics(tests_failed=0)}, files={"shop/prices.py": lines(40)})
    main = world.aws.codecommit.repositories["shop"].branches["main"]
    world.aws.codecommit.push("shop", "feature/a", commit=main, is_silent=True)
    world.aws.codecommit.repositories["shop"].branches["feature/a"] = main
    tree = {"shop/prices.py": lines(40) + lines(25, "more"), "logo.png": "\0binary"}
    commit = world.aws.codecommit.push("shop", "feature/a", tree, is_silent=True)

    change = world.g.compare_run.change(
        NEW_CODE, world.run(world.w.start_run(world.push_of(commit, "", branch="feature/a")).run_ids[0]).source
    )

    assert (change.count, list(change.code.lines)) == (25, ["shop/prices.py"])


def test_a_file_too_large_to_compare_makes_the_change_unknown_not_small(world):
    world.judged(gate(), {"m.json": metrics(tests_failed=0)})
    run = world.reported(NEW_CODE, {}, files={"shop/data.py": "x = 1\n" * 300_000})

    change = world.g.compare_run.change(NEW_CODE, run.source)

    assert change.count is None
    assert "not compared: shop/data.py: the file is larger than 1 MiB" in change.note


# ---------------------------------------------------------------------------------------------------- waivers


def waive(world, days=30, judged=""):
    expires = world.clock.now().date() + timedelta(days=days)
    waiver = Waiver("known, fixed with the next release", "alice@example.com", expires, rule="B602")
    one = PipelineWaiver("shop", waiver, ALICE, world.clock.now(), judged)
    world.g.waivers.put(one)
    return one


def security(world):

    wanted = gate(objectives=[{"measurement": "findings.critical", "pass": ["<= 0"]}])
    return world.judged(wanted, {"bandit.json": json.dumps(FINDING)})[1]


def test_a_waiver_of_the_table_acts_and_shows_itself(world):
    before = security(world)
    waive(world)

    after = security(world)

    assert (before.status, after.status) == ("fail", "pass")
    assert any("waived 1 finding: rule B602, by alice@example.com until" in note for note in after.notes)


def test_an_expired_waiver_acts_no_more_and_says_so_loudly(world):
    waive(world, days=1)
    world.clock.advance(days=3)

    verdict = security(world)

    assert verdict.status == "fail"
    assert any(note.startswith("EXPIRED waiver of rule B602") for note in verdict.notes)


def test_a_waiver_for_another_gate_and_one_withdrawn_do_not_act(world):
    waive(world, judged="other")
    one = waive(world)
    assert world.g.waivers.withdraw("shop", one.id, actor=ALICE, now=world.clock.now())
    assert not world.g.waivers.withdraw("shop", one.id, actor=ALICE, now=world.clock.now())

    assert security(world).status == "fail"


def test_waiving_the_same_thing_again_renews_it(world):
    waive(world, days=1)
    waive(world, days=30)

    [one] = world.g.waivers.of_pipeline("shop")
    assert one.waiver.expires > date(2000, 1, 1)
    assert world.g.waivers.due(world.clock.now() + timedelta(days=3)) == []
    assert len(world.g.waivers.due(world.clock.now() + timedelta(days=32))) == 1


# ---------------------------------------------------------------------------------------------------- sources


class FakeSources:
    """Answers for every source with one measurement, and keeps what was asked."""

    def __init__(self):
        self.asked = []

    def fetch(self, source, facts):
        self.asked.append((source, facts))
        return [document("endpoint/checks", {"measurements": {"custom.risk": 7}}, format_name="metrics", version="v3")]


def test_sources_are_asked_about_the_run_and_feed_the_gate_whatever_its_reports_say(world):
    wanted = gate(
        reports=["m.json"],
        objectives=[
            {"measurement": "custom.risk", "pass": ["<= 5"]},
            {"measurement": "tests.failed", "pass": ["<= 0"]},
        ],
        sources=[{"from": "ecr", "image": "shop"}],
    )
    run = world.reported(wanted, {"m.json": metrics(tests_failed=0), "other.json": metrics(custom_risk=1)})
    sources = FakeSources()

    verdict = replace(world.g.evaluate_gate, sources=sources)(run.run_id, stage=0, name="quality")

    assert verdict.reasons[0] == "custom.risk is 7, must be <= 5 (source:endpoint/checks)"
    [(source, facts)] = sources.asked
    assert source.text("tag") == run.source.commit
    assert (facts.gate, facts.run.run_id, [build.project for build in facts.builds]) == (
        "quality",
        run.run_id,
        ["shop-unit"],
    )
    pins = {pin.file: pin.version for pin in world.judgement(run).evidence.pins}
    assert pins["source:endpoint/checks"] == "v3"


def test_a_source_that_gives_nothing_is_an_error_and_never_a_pass(world):
    wanted = gate(sources=[{"from": "artifacts", "paths": ["*.xml"]}])

    _, verdict = world.judged(wanted, {"m.json": metrics(tests_failed=0)})

    assert (verdict.status, verdict.is_blocking) == ("error", True)
    assert verdict.reasons[0].startswith("source:artifacts was refused: no build of the stage has an artifact in S3")


# ---------------------------------------------------------------------------------------------------- sizes


def test_a_verdict_on_hundreds_of_reports_names_a_few_and_fits_the_table(world):
    objectives = [{"name": f"o{n}", "measurement": "custom.x", "pass": [f"<= {n}"], "weight": n} for n in range(1, 400)]
    reports = {f"module-{n:03}/TEST-report.json": metrics(custom_x=500, tests_failed=0) for n in range(300)}
    broken = {f"broken-{n:03}.json": "{" for n in range(80)}

    run, verdict = world.judged(gate(objectives=objectives), reports | broken)

    stored = world.result(run).verdict
    assert verdict.status == "fail"
    assert len(verdict.objectives) == 399
    assert verdict.objectives[0].source_file.endswith("and 292 more")
    assert sum(" was refused: " in reason for reason in verdict.reasons) == 51
    assert "more files was refused: 30 more files were refused" in " ".join(verdict.reasons)
    assert (stored.status, len(stored.objectives)) == ("fail", 100)
    assert "299 objectives are not shown here, 0 of them hold: the whole judgement has them" in stored.notes
    assert world.judgement(run).verdict == verdict
