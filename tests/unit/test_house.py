"""The house rules that a machine can check: names, sizes, policies, and the template against the folders."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

from event_patterns import matches
from template_model import Template

ROOT = Path(__file__).parents[2]
ROOMS = ("functions", "layers", "cli", "tests", "statemachines", "events", "docs", "samples")
CODE = ("functions", "layers/core", "layers/layer_build", "cli")
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "process", "handle_data"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SOMEBODYS_FOLDER = re.compile(r"(?<![\w.$}])/(root|home|Users)/\w")
APP_LINES = 60
MODULE_LINES = 400
DOORS = {
    "review_approval": "the page in front of decide_approval",
    "serve_api": "the operators' HTTP API in front of several use cases",
}
"""Functions that let people and programs in, and serve more than one use case."""
LONGER_MODULES: dict[str, str] = {}
"""Modules over the limit, with the reason why splitting them would be worse."""


def modules(*folders):
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts
    )


def relative(path):
    return str(path.relative_to(ROOT))


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def function_folders():
    return {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}


def test_top_level_holds_the_names_everyone_knows_and_nothing_else():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}

    assert folders <= set(ROOMS)


def test_no_handler_is_longer_than_a_page():
    long = {relative(path): lines(path) for path in (ROOT / "functions").glob("*/app.py") if lines(path) > APP_LINES}

    assert long == {}


def test_no_module_is_longer_than_one_can_hold_in_mind():
    long = {relative(path): lines(path) for path in modules(*CODE) if lines(path) > MODULE_LINES}

    assert set(long) == set(LONGER_MODULES), long


def test_no_room_is_nested_deeper_than_three_levels():
    core = ROOT / "layers/core/buildgate"

    deep = [relative(path) for path in core.rglob("*.py") if len(path.parent.relative_to(core).parts) > 3]

    assert deep == []


def test_no_name_is_vague():
    vague = [relative(path) for path in modules(*CODE, "tests") if VAGUE_NAMES & {path.stem, *path.parent.parts}]

    assert vague == []


def test_nothing_is_left_for_later():
    left = [
        f"{relative(path)}:{number}"
        for path in modules(*CODE, "tests")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]

    assert left == []


def test_no_file_names_a_folder_of_one_machine():
    named = [
        f"{relative(path)}:{number}"
        for path in [*modules(*CODE), *(ROOT / "docs").rglob("*.md"), ROOT / "template.yaml", ROOT / "Makefile"]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if SOMEBODYS_FOLDER.search(line)
    ]

    assert named == []


def test_every_test_file_has_a_name_of_its_own():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]

    assert sorted(names) == sorted(set(names))


# ---------------------------------------------------------------------------------------------- template and functions


def test_folder_verb_noun_is_resource_verb_noun_function():
    resources = {folder: name for name, folder in Template.load().folders().items()}

    assert resources == {
        folder: "".join(word.title() for word in folder.split("_")) + "Function" for folder in function_folders()
    }


def test_each_function_serves_the_use_case_of_its_name():
    stems = {path.stem for path in (ROOT / "layers/core/buildgate/usecases").rglob("*.py")}

    assert function_folders() - set(DOORS) <= stems
    assert set(DOORS) & stems == set()


def test_sections_of_the_template_keep_their_order():
    banners = re.findall(r"^# -{80,} (.+)$", (ROOT / "template.yaml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    order = [
        "parameters",
        "conditions",
        "globals",
        "layers",
        "data",
        "bus and rules",
        "functions",
        "machines",
        "HTTP",
        "alarms",
        "outputs",
    ]

    assert banners == [name for name in order if name in banners]
    assert len(banners) >= 10


def test_functions_stand_in_the_order_of_their_folders():
    folders = list(Template.load().folders().values())

    assert folders == sorted(folders)


def test_no_function_is_built_by_a_builder_that_needs_lambdas_python_here():
    resources = Template.load().resources
    unmarked = [
        name for name in Template.load().functions() if resources[name].get("Metadata", {}).get("SkipBuild") is not True
    ]

    assert unmarked == []


def has_reason(text, number):
    """Whether a line, or the statement that it belongs to, carries a comment."""
    above = text[: number + 1]
    start = next(at for at in range(number, -1, -1) if re.match(r"\s+- (Sid|Effect|Version):", above[at]))
    return "#" in text[number] or text[start - 1].lstrip().startswith("#")


def test_every_wildcard_in_a_policy_gives_its_reason():
    text = (ROOT / "template.yaml").read_text(encoding="utf-8").splitlines()
    wildcard = re.compile(r"""(?:^|[\s"'\[,])(?:[\w-]+:)?\*["'\],]*\s*$""")

    bare = [
        f"template.yaml:{number + 1}: {line.strip()}"
        for number, line in enumerate(text)
        if wildcard.search(line.split("#")[0]) and not has_reason(text, number)
    ]

    assert bare == []


def test_no_statement_starts_builds_of_any_project():
    wide = [
        name
        for name, statement in Template.load().statements()
        if statement.get("Effect") == "Allow"
        and "codebuild:StartBuild" in statement.get("Action", [])
        and "Condition" not in statement
        and any(str(resource).endswith(":project/*") or resource == "*" for resource in _many(statement["Resource"]))
    ]

    assert wide == []


def _many(value):
    return value if isinstance(value, list) else [value]


# ---------------------------------------------------------------------------------------------- rules and events


def corpus():
    """Every sample envelope by its name; a file named not_... is a near miss, which no rule may match."""
    paths = sorted((ROOT / "events").glob("*/*.json"))
    loaded = {str(path.relative_to(ROOT / "events")): json.loads(path.read_text(encoding="utf-8")) for path in paths}
    return {name: event for name, event in loaded.items() if "detail-type" in event}


def is_near_miss(name):
    return Path(name).name.startswith("not_")


def plain(pattern):
    """A pattern with the template's own names replaced by what the corpus calls them."""
    text = json.dumps(pattern)
    return json.loads(re.sub(r'\{"(?:Ref|Fn::Sub|Fn::GetAtt)": (?:"[^"]*"|\[[^\]]*\])\}', '{"exists": true}', text))


def test_each_event_of_the_corpus_matches_a_rule_unless_it_is_a_near_miss():
    rules = Template.load().rules()

    unmatched = [
        name
        for name, event in corpus().items()
        if not is_near_miss(name) and not any(matches(plain(rule.pattern), event) for rule in rules)
    ]

    assert unmatched == []


def test_no_near_miss_of_the_corpus_matches_a_rule():
    rules = Template.load().rules()

    matched = [
        (name, rule.name)
        for name, event in corpus().items()
        for rule in rules
        if is_near_miss(name) and matches(plain(rule.pattern), event)
    ]

    assert matched == []


def test_each_rule_has_an_event_and_a_near_miss_of_its_source():
    events = corpus()
    bare = []

    for rule in Template.load().rules():
        hits = [name for name, event in events.items() if matches(plain(rule.pattern), event)]
        misses = [
            name for name, event in events.items() if is_near_miss(name) and event["source"] in rule.pattern["source"]
        ]
        if not hits or not misses:
            bare.append(rule.name)

    assert bare == []


def test_a_rule_on_names_of_references_says_whether_it_means_branches_or_tags():
    careless = [
        rule.name
        for rule in Template.load().rules()
        if "referenceName" in rule.pattern.get("detail", {}) and "referenceType" not in rule.pattern["detail"]
    ]

    assert careless == []


def test_each_rule_keeps_what_it_cannot_deliver():
    careless = [
        rule.name for rule in Template.load().rules() if not {"DeadLetterConfig", "RetryPolicy"} <= set(rule.target)
    ]

    assert careless == []


def test_build_events_reach_functions_without_the_variables_of_the_build():
    rules = [rule for rule in Template.load().rules() if rule.pattern.get("source") == ["aws.codebuild"]]

    for rule in rules:
        paths = rule.target["InputTransformer"]["InputPathsMap"].values()
        assert not [path for path in paths if path in {"$", "$.detail"} or "additional-information" in path]


def test_every_queue_has_an_alarm_that_calls_an_operator():
    template = Template.load()
    alarmed = json.dumps(template.of_type("AWS::CloudWatch::Alarm"))

    assert [name for name in template.of_type("AWS::SQS::Queue") if f'"{name}' not in alarmed] == []
    assert [
        name for name, alarm in template.of_type("AWS::CloudWatch::Alarm").items() if "AlarmActions" not in alarm
    ] == []


def test_each_function_that_nobody_waits_for_bounds_its_retries_and_keeps_its_failures():
    asynchronous = {"EventBridgeRule", "CloudWatchEvent", "Schedule", "ScheduleV2", "SNS"}
    careless = [
        name
        for name, function in Template.load().functions().items()
        if asynchronous & {event["Type"] for event in function.get("Events", {}).values()}
        and not {"MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"}
        <= set(function.get("EventInvokeConfig", {}))
    ]

    assert careless == []


def test_only_pages_with_their_own_proof_are_open_to_everyone():
    template = Template.load()
    routes = [
        event["Properties"]
        for function in template.functions().values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    apis = template.of_type("AWS::Serverless::HttpApi").values()

    assert {route["Path"] for route in routes if route.get("Auth", {}).get("Authorizer") == "NONE"} == {
        "/approvals/{id}"
    }
    assert all(route["Path"].startswith(("/v1/", "/approvals/")) for route in routes)
    assert [api["Auth"]["DefaultAuthorizer"] for api in apis] == ["AWS_IAM"]


def test_runbook_has_a_line_for_each_alarm_and_queue():
    pages = [*(ROOT / "docs").rglob("runbook.md")]
    named = "".join(page.read_text(encoding="utf-8") for page in pages)
    template = Template.load()
    wanted = [*template.of_type("AWS::CloudWatch::Alarm"), *template.of_type("AWS::SQS::Queue")]

    assert not pages or [name for name in wanted if name not in named] == []


# ---------------------------------------------------------------------------------------------- settings


READ_BY_LIBRARIES = ("POWERTOOLS_", "AWS_")
SET_BY_LAMBDA = {"AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME"}


def settings_variables(folder):
    """The environment variables that a handler reads: the fields of its Settings, in capitals."""
    spec = importlib.util.spec_from_file_location(f"house_{folder}", ROOT / "functions" / folder / "app.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return {field.upper() for field in module.Settings._fields}


def test_every_setting_of_a_function_is_a_variable_of_the_template():
    template = Template.load()

    unset = {
        folder: sorted(settings_variables(folder) - template.variables(name) - SET_BY_LAMBDA)
        for name, folder in template.folders().items()
    }

    assert {folder: names for folder, names in unset.items() if names} == {}


def test_every_variable_of_the_template_is_a_setting_that_somebody_reads():
    template = Template.load()
    read = {name: settings_variables(folder) for name, folder in template.folders().items()}

    unread = {
        (name, variable)
        for name, variables in read.items()
        for variable in template.own_variables(name) - variables
        if not variable.startswith(READ_BY_LIBRARIES)
    }
    unread |= {
        ("Globals", variable)
        for variable in template.global_variables()
        if read and not variable.startswith(READ_BY_LIBRARIES) and not any(variable in names for names in read.values())
    }

    assert unread == set()


@pytest.mark.parametrize(
    "pattern", [{"a": [{"prefix": "x"}]}, {"a": [{"anything-but": ["y"]}]}, {"a": [{"exists": True}]}]
)
def test_matcher_accepts_what_eventbridge_accepts(pattern):
    assert matches(pattern, {"a": "xy"})


@pytest.mark.parametrize(
    "pattern",
    [
        {"a": ["x"]},
        {"b": [{"anything-but": ["y"]}]},
        {"a": {"b": ["x"]}},
        {"a": [{"suffix": "x"}]},
        {"$or": [{"b": ["x"]}]},
    ],
)
def test_matcher_refuses_what_eventbridge_refuses(pattern):
    assert not matches(pattern, {"a": "xy"})
