"""A gate judges what the stage's builds reported; what is absent or cannot be read never passes."""

import pytest

from buildgate.domain.builds import reports_prefix
from buildgate.domain.errors import NotFound, Unavailable
from buildgate.domain.gates import parse
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.domain.steps import Close, RunBuilds
from buildgate.runtime.gate_wiring import GateWiring
from core_world import BUCKET, TABLE

OBJECTIVES = [
    {"measurement": "tests.failed", "pass": ["<= 0"], "key": True},
    {"measurement": "coverage.line_percent", "pass": [">= 80"], "warn": [">= 70"]},
]
UNIT = BuildStep("unit", "shop-unit")


def gate(**more):
    return parse({"name": "quality", "objectives": OBJECTIVES, **more})


def junit(failures=0):
    cases = "".join(
        f'<testcase classname="t" name="c{number}" time="0.1">{"<failure/>" if number < failures else ""}</testcase>'
        for number in range(10)
    )
    return f'<testsuite name="t" tests="10" failures="{failures}">{cases}</testsuite>'.encode()


def cobertura(rate):
    lines = "".join(f'<line number="{number}" hits="{int(number <= rate)}"/>' for number in range(1, 101))
    return (
        f'<coverage line-rate="{rate / 100}" lines-valid="100" lines-covered="{rate}" version="1" timestamp="1">'
        f'<packages><package name="p"><classes><class name="c" filename="c.py"><lines>{lines}</lines>'
        "</class></classes></package></packages></coverage>"
    ).encode()


@pytest.fixture
def evaluate(world):
    client = world.aws.client
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return GateWiring(world.aws, table=TABLE, report_bucket=BUCKET).evaluate_gate


def built(world, files, *, status="SUCCEEDED", **more):
    """Bring a run to its gate; the build uploaded these files."""
    run = world.open(Stage("test", builds=(UNIT,), gates=(gate(**more),)))
    ref, _, build_id = world.started(run)
    for name, body in files.items():
        put(world, ref, name, body)
    world.end_build(build_id, status)
    world.w.record_build.by_id(build_id)
    return run


def put(world, ref, name, body):
    key = f"{reports_prefix('shop-unit', ref)}{name}"
    return world.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]


def judge(evaluate, run, stage=0):
    return evaluate(run.run_id, stage=stage, name="quality")


GOOD = {"junit.xml": junit(), "coverage.xml": cobertura(85)}


def test_reports_within_the_thresholds_pass(world, evaluate):
    run = built(world, GOOD)

    verdict = judge(evaluate, run)

    assert (verdict.status, verdict.is_blocking) == ("pass", False)
    (stored,) = world.w.runs.record(run.run_id).gates
    assert stored.verdict == verdict
    assert world.next_step(run.run_id)[1] == Close("every stage is done")


def test_a_failed_test_blocks_and_names_criterion_value_and_file(world, evaluate):
    run = built(world, GOOD | {"junit.xml": junit(failures=2)})

    verdict = judge(evaluate, run)

    assert (verdict.status, verdict.is_blocking) == ("fail", True)
    said = " ".join(verdict.reasons)
    assert all(part in said for part in ("tests.failed", "2", "<= 0", "junit.xml"))
    world.next_step(run.run_id)
    assert world.w.close_run(run.run_id).reason.startswith("stage test: gate quality: ")


def test_a_value_between_the_thresholds_warns_and_lets_pass(world, evaluate):
    verdict = judge(evaluate, built(world, GOOD | {"coverage.xml": cobertura(75)}))

    assert (verdict.status, verdict.is_blocking) == ("warn", False)


@pytest.mark.parametrize("files", [{}, {"junit.xml": junit()}, {"notes.txt": b"all is well"}])
def test_a_report_that_is_absent_is_an_error_and_blocks(world, evaluate, files):
    verdict = judge(evaluate, built(world, files))

    assert (verdict.status, verdict.is_blocking) == ("error", True)
    assert verdict.reasons


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<testsuite",
        b"\x00\x01\x02",
        b'<!DOCTYPE x [<!ENTITY a "b">]><testsuite name="&a;"/>',
        b"{}",
    ],
)
def test_a_report_that_cannot_be_read_is_an_error_and_blocks_although_another_passes(world, evaluate, body):
    verdict = judge(evaluate, built(world, GOOD | {"more.xml": body}))

    assert (verdict.status, verdict.is_blocking) == ("error", True)
    assert "more.xml" in " ".join(verdict.reasons)


def test_globs_choose_the_reports_that_count(world, evaluate):
    run = built(world, GOOD | {"other.xml": b"<broken"}, reports=["junit.xml", "coverage.xml"])

    assert judge(evaluate, run).status == "pass"


def test_a_glob_that_nothing_matches_is_absent(world, evaluate):
    verdict = judge(evaluate, built(world, GOOD, reports=["*.xml", "nightly/*.json"]))

    assert verdict.status == "error"
    assert "nightly/*.json" in " ".join(verdict.reasons)


def test_a_failed_build_is_judged_too(world, evaluate):
    run = built(world, GOOD | {"junit.xml": junit(failures=1)}, status="FAILED")

    assert judge(evaluate, run).status == "fail"


def test_a_build_that_never_started_has_reported_nothing(world, evaluate):
    run = world.open(Stage("test", builds=(UNIT,), gates=(gate(),)))
    world.next_step(run.run_id)
    world.w.settle_build(world.slot(run), error="Rejected")

    assert judge(evaluate, run).status == "error"


def test_the_first_verdict_stands_whatever_is_uploaded_later(world, evaluate):
    run = built(world, GOOD | {"junit.xml": junit(failures=2)})
    first = judge(evaluate, run)
    put(world, world.slot(run), "junit.xml", junit())
    before = world.dump()

    assert judge(evaluate, run) == first
    assert world.dump() == before


def test_a_report_is_read_as_it_was_when_it_was_found(world, evaluate):
    run = built(world, GOOD)
    ref = world.slot(run)
    (build,) = world.w.launcher.builds([world.w.runs.slot(ref).build_id])
    files = {file.name: file for file in evaluate.reports.of_build(build)}
    put(world, ref, "junit.xml", junit(failures=10))

    (report,) = evaluate.reports.read(files["junit.xml"]).reports

    assert report.measurements["tests.failed"] == 0


def test_a_stage_without_builds_is_judged_by_what_was_built_before(world, evaluate):
    run = world.open(Stage("test", builds=(UNIT,)), Stage("judge", gates=(gate(),)))
    ref, _, build_id = world.started(run)
    for name, body in GOOD.items():
        put(world, ref, name, body)
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    world.next_step(run.run_id)

    assert judge(evaluate, run, stage=1).status == "pass"


def test_reports_of_another_run_do_not_count(world, evaluate):
    built(world, GOOD)
    (run_id,) = world.w.start_run(world.push()).run_ids
    run = world.run(run_id)
    _, _, build_id = world.started(run)
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)

    assert judge(evaluate, run).status == "error"


def test_raw_files_of_report_groups_count(world, evaluate):
    run = world.open(Stage("test", builds=(UNIT,), gates=(gate(),)))
    _, _, build_id = world.started(run)
    arn = "arn:aws:codebuild:us-east-1:000000000000:report/shop-unit-tests:7f3a"
    target = {"bucket": BUCKET, "path": "exports/", "packaging": "NONE"}
    report = {"arn": arn, "exportConfig": {"exportConfigType": "S3", "s3Destination": target}}
    for name, body in GOOD.items():
        world.aws.client("s3").put_object(Bucket=BUCKET, Key=f"exports/7f3a/{name}", Body=body)
    world.aws.client("s3").put_object(Bucket=BUCKET, Key="exports/other/junit.xml", Body=junit(failures=9))
    world.end_build(build_id, reports=[report])
    world.w.record_build.by_id(build_id)

    assert judge(evaluate, run).status == "pass"


def test_a_gate_or_stage_that_is_not_there_is_named(world, evaluate):
    run = built(world, GOOD)

    with pytest.raises(NotFound, match="has no gate other"):
        evaluate(run.run_id, stage=0, name="other")
    with pytest.raises(NotFound, match="has no stage 7"):
        evaluate(run.run_id, stage=7, name="quality")


def test_storage_that_does_not_answer_is_tried_again_and_no_verdict(world, evaluate):
    run = built(world, GOOD)
    world.trouble("s3", "get_object")

    with pytest.raises(Unavailable):
        judge(evaluate, run)

    assert world.w.runs.record(run.run_id).gates == []
    assert judge(evaluate, run).status == "pass"


def test_an_advisory_gate_shows_its_failure_and_lets_the_run_go_on(world, evaluate):
    run = built(world, GOOD | {"junit.xml": junit(failures=2)}, blocking=False)

    verdict = judge(evaluate, run)

    assert (verdict.status, verdict.is_blocking) == ("fail", False)
    assert not isinstance(world.next_step(run.run_id)[1], RunBuilds)
    assert world.w.close_run(run.run_id).status == "SUCCEEDED"
