from typing import Any

import pytest
from jsonschema import Draft202012Validator

from buildgate.domain.errors import Rejected
from buildgate.domain.pipelines import BuildStep, Pipeline, Trigger
from buildgate.inbound import pipeline_file
from buildgate.inbound.pipeline_file import PipelineFileError, Problem

STAGE = {"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]}


def pipeline(**changes: Any) -> dict[str, Any]:
    return {"name": "shop", "stages": [STAGE], **changes}


def stage(**changes: Any) -> dict[str, Any]:
    return pipeline(stages=[{**STAGE, **changes}])


def problems(data: Any) -> dict[str, Problem]:
    with pytest.raises(PipelineFileError) as caught:
        pipeline_file.parse(data)
    return {problem.field: problem for problem in caught.value.problems}


def only(data: Any) -> Problem:
    found = problems(data)
    assert len(found) == 1, found
    return next(iter(found.values()))


def test_the_smallest_pipeline_is_a_name_and_a_stage() -> None:
    found = pipeline_file.parse(pipeline())

    assert found.name == "shop"
    assert found.stages[0].builds == (BuildStep("unit", "shop-unit"),)
    assert (found.stages[0].concurrency, found.stages[0].timeout_minutes, found.stages[0].on_failure) == (
        40,
        None,
        "stop",
    )


def test_every_key_reaches_the_domain() -> None:
    found = pipeline_file.parse(
        {
            "name": "shop",
            "description": "Web shop",
            "tags": {"team": "shop"},
            "topics": {"failure": "arn:aws:sns:eu-central-1:123456789012:failures"},
            "triggers": [
                {"repository": "shop", "branches": ["main"], "tags": ["v*"], "paths": {"exclude": ["docs/**"]}}
            ],
            "stages": [
                {
                    "name": "release",
                    "approval": {
                        "approvers": ["alice@example.com", "bob@example.com"],
                        "required": 2,
                        "timeout": "2d",
                        "channel": "iam",
                        "allow-self": False,
                        "instructions": "Read the notes.",
                    },
                    "builds": [{"name": "go", "project": "shop-release", "variables": {"A": "2"}}],
                    "variables": {"A": "1"},
                    "concurrency": 3,
                    "timeout": "1h30m",
                    "on-failure": "continue",
                    "gates": [{"name": "q", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]}],
                }
            ],
        }
    )

    release = found.stages[0]
    assert found.triggers == (Trigger("shop", branches=("main",), tags=("v*",), exclude=("docs/**",)),)
    assert found.topics == {"failure": "arn:aws:sns:eu-central-1:123456789012:failures"}
    assert release.approval is not None
    assert (release.approval.required, release.approval.timeout_minutes, release.approval.allow_self) == (
        2,
        2880,
        False,
    )
    assert (release.concurrency, release.timeout_minutes, release.on_failure) == (3, 90, "continue")
    assert release.gates[0].objectives[0].measurement == "tests.failed"


def test_the_canonical_form_is_itself_a_valid_file() -> None:
    found = pipeline_file.parse(stage(gates=[{"name": "s", "preset": "security_scan"}], timeout="90m"))

    assert pipeline_file.parse(found.to_data()) == found
    assert Pipeline.from_data(found.to_data()).digest == found.digest


def test_keys_of_two_words_may_be_spelt_with_an_underscore() -> None:
    assert pipeline_file.parse(stage(on_failure="continue")) == pipeline_file.parse(stage(**{"on-failure": "continue"}))


def test_a_preset_gate_is_expanded() -> None:
    gate = pipeline_file.parse(stage(gates=[{"preset": "code_quality"}])).stages[0].gates[0]

    assert (gate.name, gate.preset) == ("code_quality", "code_quality")
    assert gate.objectives


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_a_file_that_is_no_mapping_says_what_belongs_there(data: object) -> None:
    assert only(data).expected == "a mapping with name and stages"


def test_an_unknown_key_names_the_known_ones_and_the_nearest() -> None:
    problem = only(stage(bulids=[]))

    assert (problem.field, problem.message, problem.nearest) == ("stages[0].bulids", "unknown key 'bulids'", "builds")
    assert problem.is_key
    assert "concurrency" in problem.expected


def test_a_misspelt_required_key_is_one_problem_and_not_two() -> None:
    assert only({"name": "shop", "stage": [STAGE]}).nearest == "stages"


def test_a_missing_key_is_named() -> None:
    found = problems({"stages": [{"builds": [{"name": "x"}]}]})

    assert set(found) == {"name", "stages[0].name", "stages[0].builds[0].project"}
    assert found["name"].message == "'name' is missing"


@pytest.mark.parametrize(
    ("changes", "field", "message", "fix"),
    [
        ({"name": 5}, "stages[0].name", "found the number 5", 'put it in quotes: "5"'),
        ({"variables": {"A": True}}, "stages[0].variables.A", "found the boolean true", 'put it in quotes: "true"'),
        ({"builds": {}}, "stages[0].builds", "found a mapping", ""),
        ({"builds": None}, "stages[0].builds", "found nothing", ""),
        ({"concurrency": "3"}, "stages[0].concurrency", "found the text '3'", "write 3 without quotes"),
        ({"concurrency": 1.5}, "stages[0].concurrency", "found the number 1.5", ""),
        ({"approval": "alice"}, "stages[0].approval", "found the text 'alice'", ""),
    ],
)
def test_a_wrong_type_says_what_was_found_and_how_to_mend_it(
    changes: dict[str, Any], field: str, message: str, fix: str
) -> None:
    problem = only(stage(**changes))

    assert (problem.field, problem.message, problem.fix) == (field, message, fix)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"concurrency": 0}, "at least 1"),
        ({"concurrency": 41}, "at most 40"),
        ({"timeout": "4m"}, "5m to 1d12h"),
        ({"timeout": "soon"}, "a duration such as 90s, 30m, 24h or 1h30m"),
        ({"timeout": 30}, "a duration such as 90s, 30m, 24h or 1h30m"),
        ({"on-failure": "halt"}, "one of stop, continue"),
        ({"builds": [{"name": f"b{n}", "project": "px"} for n in range(41)]}, "at most 40"),
        ({"name": "a" * 65}, "letters, digits, - and _, at most 64, starting with a letter or digit"),
        ({"approval": {"timeout": "91d"}}, "1m to 90d"),
        ({"approval": {"required": 0}}, "at least 1"),
    ],
)
def test_a_figure_out_of_bounds_says_the_bounds(changes: dict[str, Any], expected: str) -> None:
    assert only(stage(**changes)).expected == expected


def test_a_pipeline_without_stages_is_refused() -> None:
    assert only(pipeline(stages=[])).message == "the list is empty"


@pytest.mark.parametrize("name", ["", "a b", "-a", "ä", "a/b", "a#b", "a\n"])
def test_names_that_would_not_fit_a_key_or_an_address_are_refused(name: str) -> None:
    assert "is not a valid name" in only(pipeline(name=name)).message


@pytest.mark.parametrize("variable", ["CODEBUILD_SRC_DIR", "BUILDGATE_NONCE", "1A", "A-B", "", "A" * 300])
def test_variables_that_a_build_could_not_have_are_refused(variable: str) -> None:
    assert only(stage(variables={variable: "x"})).field == "stages[0].variables"


def test_doubles_are_found_at_the_second_one() -> None:
    doubled = {**STAGE, "builds": [*STAGE["builds"], *STAGE["builds"]]}

    found = problems(pipeline(stages=[doubled, STAGE]))

    assert set(found) == {"stages[1].name", "stages[0].builds[1].name"}


def test_doubled_gates_are_found() -> None:
    gate = {"name": "q", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]}

    assert only(stage(gates=[gate, gate])).field == "stages[0].gates[1].name"


def test_a_problem_inside_a_gate_has_the_path_of_the_pipeline_file() -> None:
    problem = only(stage(gates=[{"name": "q", "objectives": [{"measurement": "tests.fail", "pass": ["<= 0"]}]}]))

    assert problem.field == "stages[0].gates[0].objectives[0].measurement"
    assert problem.nearest == "tests.failed"


def test_problems_of_gates_and_of_the_rest_are_reported_together() -> None:
    found = problems(stage(gates=[{"name": "q"}], concurrency=0))

    assert set(found) == {"stages[0].gates[0].objectives", "stages[0].concurrency"}


def test_a_stage_that_does_nothing_is_refused() -> None:
    assert only(pipeline(stages=[{"name": "idle"}])).message == "the stage 'idle' does nothing"


def test_a_gate_may_not_take_the_name_of_the_stages_own_approval() -> None:
    gate = {"name": "entry", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]}

    assert only(stage(gates=[gate])).field == "stages[0].gates[0].name"


@pytest.mark.parametrize(
    ("trigger", "field"),
    [
        ({"repository": "shop"}, "triggers[0]"),
        ({"repository": "shop", "tags": ["v*"], "paths": {"include": ["src/**"]}}, "triggers[0].paths"),
        ({"repository": "shop", "branches": ["refs/heads/main"]}, "triggers[0].branches[0]"),
        ({"repository": "shop", "branches": [""]}, "triggers[0].branches[0]"),
        ({"repository": "shop", "branches": ["[a"]}, "triggers[0].branches[0]"),
        ({"repository": "shop", "branches": ["m"], "paths": {"include": ["/src"]}}, "triggers[0].paths.include[0]"),
        ({"repository": "a b", "branches": ["m"]}, "triggers[0].repository"),
        ({"repository": "shop", "branches": ["m"], "provider": "github"}, "triggers[0].provider"),
    ],
)
def test_triggers_that_could_never_fire_as_meant_are_refused(trigger: dict[str, Any], field: str) -> None:
    assert only(pipeline(triggers=[trigger])).field == field


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"allow-self": False}, "stages[0].approval.allow-self"),
        ({"allow_self": False}, "stages[0].approval.allow-self"),
        ({"required": 2}, "stages[0].approval.required"),
        ({"channel": "mailbox"}, "stages[0].approval"),
        ({"channel": "mailbox", "approvers": ["alice"]}, "stages[0].approval.approvers[0]"),
        ({"approvers": ["alice", "Alice"]}, "stages[0].approval.approvers[1]"),
        ({"channel": "iam", "approvers": ["alice"], "required": 2}, "stages[0].approval.required"),
    ],
)
def test_rules_a_channel_cannot_keep_are_refused(rule: dict[str, Any], field: str) -> None:
    assert only(stage(approval=rule)).field == field


@pytest.mark.parametrize("channel", ["mailbox", "iam", "oidc"])
def test_channels_that_prove_who_decides_may_carry_a_quorum_and_keep_authors_out(channel: str) -> None:
    rule = {"channel": channel, "approvers": ["a@example.com", "b@example.com"], "required": 2, "allow-self": False}

    approval = pipeline_file.parse(stage(approval=rule)).stages[0].approval

    assert approval is not None
    assert (approval.required, approval.allow_self) == (2, False)


def test_more_tasks_than_one_execution_can_hold_are_refused() -> None:
    builds = [{"name": f"b{n}", "project": "px"} for n in range(40)]
    stages = [{"name": f"s{n}", "builds": builds} for n in range(26)]

    assert only(pipeline(stages=stages)).message == "the pipeline has 1040 builds, gates and approvals"


def test_a_pipeline_too_large_to_store_is_refused() -> None:
    builds = [{"name": f"b{n}", "project": "px", "variables": {"V": "x" * 8000}} for n in range(40)]

    assert "bytes" in only(pipeline(stages=[{"name": "s", "builds": builds}])).message


@pytest.mark.parametrize("tags", [{"aws:x": "y"}, {"": "y"}, {"k": "v" * 257}])
def test_tags_that_aws_would_refuse_are_refused(tags: dict[str, str]) -> None:
    assert only(pipeline(tags=tags)).field == "tags"


def test_a_topic_must_be_an_arn() -> None:
    assert only(pipeline(topics={"success": "mine"})).field == "topics.success"


def test_the_refusal_is_the_callers_fault_and_names_the_first_field() -> None:
    with pytest.raises(Rejected) as caught:
        pipeline_file.parse(stage(concurrency=0, timeout="soon"))

    assert str(caught.value) == "0 is too small (and 1 more)"
    assert (caught.value.field, caught.value.fix) == ("stages[0].concurrency", "at least 1")


def test_the_json_schema_knows_every_key_and_forbids_others() -> None:
    schema = pipeline_file.json_schema()

    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["StageModel"]["properties"]) == {
        "name", "approval", "builds", "variables", "concurrency", "timeout", "gates", "on-failure", "on_failure",
        "mode", "lock", "wait",
    }  # fmt: skip


def test_the_json_schema_agrees_with_the_door() -> None:
    judge = Draft202012Validator(pipeline_file.json_schema())
    judge.check_schema(pipeline_file.json_schema())
    rule = {"channel": "iam", "allow_self": False, "timeout": "24h"}
    gates = [
        {"preset": "code_quality"},
        {"name": "q", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]},
    ]

    assert judge.is_valid(stage(gates=gates, approval=rule, timeout="1h30m", on_failure="continue"))
    for wrong in (stage(bulids=[]), stage(concurrency=41), stage(timeout="soon"), stage(gates=[{"nmae": "q"}]), {}):
        assert not judge.is_valid(wrong)


def test_a_question_on_warning_needs_a_gate_that_can_warn() -> None:
    asked = {"name": "anyway", "manual": {"approvers": ["alice@example.com"], "when": "warn"}}

    found = only(pipeline(stages=[{"name": "release", "gates": [asked]}]))

    assert (found.field, found.fix) == ("stages[0].gates[0].manual.when", "add a gate with objectives")
