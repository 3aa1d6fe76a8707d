import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from buildgate.inbound import pipeline_file
from cli_harness import Call, Cli, OperatorApi, write_cloud
from fake_services import FakeCodeBuild
from local_harness import serving

GOOD = """\
name: shop
description: Web shop
triggers:
  - {repository: shop, branches: [main], paths: {exclude: ["docs/**"]}}
stages:
  - name: test
    builds:
      - {name: unit, project: shop-unit}
  - name: release
    approval: {approvers: [alice@example.com]}
    builds:
      - {name: release, project: shop-release}
"""
BAD = """\
name: shop
stages:
  - name: test
    bulids: []
    concurrency: 41
"""
DATA = pipeline_file.parse(yaml.safe_load(GOOD)).to_data()
VERSION = pipeline_file.parse(yaml.safe_load(GOOD)).digest
NOT_FOUND = (404, {"error": {"class": "Rejected", "message": "no pipeline shop", "field": None, "fix": None}})


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return path


def accept(call: Call) -> tuple[int, Any]:
    return 200, {"name": "shop", "version": VERSION, "created": True, "digest": VERSION}


def test_a_valid_file_is_said_to_be_with_its_stages(cli: Cli, good: Path) -> None:
    answer = cli("pipeline", "validate", str(good))

    assert answer.exit_code == 0
    assert answer.stdout == f"{good}: pipeline shop is valid: test -> release\n"


def test_a_refused_file_ends_with_1_and_points_at_line_and_column(cli: Cli, good: Path, bad: Path) -> None:
    answer = cli("pipeline", "validate", str(bad), str(good))

    assert answer.exit_code == 1
    assert answer.stdout.splitlines() == [
        f"{bad}:4:5: stages[0].bulids: unknown key 'bulids'",
        "    4 |     bulids: []",
        "            ^",
        "    expected: name, approval, builds, variables, concurrency, timeout, gates, on-failure, mode, lock, wait",
        "    nearest: builds",
        f"{bad}:5:18: stages[0].concurrency: 41 is too large",
        "    5 |     concurrency: 41",
        "                         ^",
        "    expected: at most 40",
        f"{good}: pipeline shop is valid: test -> release",
    ]


def test_problems_as_data_name_file_line_column_field_expectation_and_nearest(cli: Cli, bad: Path) -> None:
    answer = cli("pipeline", "validate", "--json", str(bad))

    found = json.loads(answer.stdout)["files"][0]
    assert (answer.exit_code, found["valid"]) == (1, False)
    assert found["problems"][0] == {
        "file": str(bad),
        "line": 4,
        "column": 5,
        "field": "stages[0].bulids",
        "message": "unknown key 'bulids'",
        "expected": "name, approval, builds, variables, concurrency, timeout, gates, on-failure, mode, lock, wait",
        "nearest": "builds",
        "fix": "",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: shop\nstages:\n\t- name: x\n", "3:1: a tab is used for indentation"),
        (b"name: shop\nname: shop\n", "2:1: the key 'name' is written twice"),
        (b"# " + b"x" * 10_000_000, "1:1: the file is larger than 1 MiB"),
        (b"", "1:1: the file holds nothing"),
        (b"\xff\xfe", "1:1: the file is not UTF-8 text"),
        (b"name: [", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_pipeline_at_all_is_one_clear_error(
    cli: Cli, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_bytes(content)

    answer = cli("pipeline", "validate", str(path))

    assert answer.exit_code == 1
    assert said in answer.stdout
    assert answer.stdout.count(str(path)) == 1


def test_a_pipeline_may_come_on_standard_input(cli: Cli) -> None:
    assert cli("pipeline", "validate", "-", stdin=GOOD).exit_code == 0


def test_a_file_that_is_not_there_is_a_usage_error(cli: Cli) -> None:
    answer = cli("pipeline", "validate", "/nowhere.yaml")

    assert answer.exit_code == 2
    assert "Error: /nowhere.yaml does not exist." in answer.stderr


def test_the_schema_is_printed(cli: Cli) -> None:
    assert json.loads(cli("pipeline", "schema").stdout)["title"] == "Pipeline"


def test_apply_sends_the_canonical_form_and_says_the_version(cli: Cli, api: OperatorApi, good: Path) -> None:
    api.on("GET", "/v1/pipelines/shop", NOT_FOUND)
    api.on("PUT", "/v1/pipelines/shop", accept)

    answer = cli("pipeline", "apply", str(good))

    assert answer.exit_code == 0
    assert answer.stdout == f"shop is now at version {VERSION[:12]}: test -> release\n"
    assert api.calls[-1].body == {"pipeline": DATA}


def test_applying_the_same_content_again_says_so(cli: Cli, api: OperatorApi, good: Path) -> None:
    api.on("GET", "/v1/pipelines/shop", (200, {"pipeline": DATA, "version": VERSION}))
    api.on("PUT", "/v1/pipelines/shop", (200, {"name": "shop", "version": VERSION, "created": False}))

    assert f"shop is already at version {VERSION[:12]}" in cli("pipeline", "apply", str(good)).stdout


def test_a_dry_run_shows_the_difference_and_changes_nothing(cli: Cli, api: OperatorApi, good: Path) -> None:
    old = {**DATA, "description": "Old shop"}
    api.on("GET", "/v1/pipelines/shop", (200, {"pipeline": old, "version": "0" * 64}))
    api.on("PUT", "/v1/pipelines/shop", accept)

    answer = cli("pipeline", "apply", "--dry-run", str(good))

    assert "-description: Old shop" in answer.stdout
    assert "+description: Web shop" in answer.stdout
    assert "nothing was changed" in answer.stdout
    assert api.calls[-1].body["dry_run"] is True


def test_what_the_cloud_refuses_is_shown_at_its_place_in_the_file(cli: Cli, api: OperatorApi, good: Path) -> None:
    error = {
        "class": "Rejected",
        "message": "no such project: shop-release",
        "field": "stages[1].builds[0].project",
        "fix": "create it with: buildgate project apply FILE",
    }
    api.on("GET", "/v1/pipelines/shop", NOT_FOUND)
    api.on("PUT", "/v1/pipelines/shop", (400, {"error": error}))

    answer = cli("pipeline", "apply", str(good))

    assert answer.exit_code == 1
    assert f"{good}:12:34: stages[1].builds[0].project: no such project: shop-release" in answer.stderr
    assert "create it with: buildgate project apply FILE" in answer.stderr


def test_a_misspelt_project_comes_with_the_nearest_that_exists(api: OperatorApi, tmp_path: Path, good: Path) -> None:
    codebuild = FakeCodeBuild()
    codebuild.projects = {"shop-releases": {}, "other": {}}
    error = {"class": "Rejected", "message": "no such project: shop-release, x", "field": "stages[1].builds[0].project"}
    api.on("GET", "/v1/pipelines/shop", NOT_FOUND)
    api.on("PUT", "/v1/pipelines/shop", (400, {"error": error}))
    with serving(codebuild) as services:
        write_cloud(tmp_path / "home", front=api.url, services=services.url)
        answer = Cli(tmp_path / "home")("pipeline", "apply", str(good))

    assert "    nearest: shop-releases" in answer.stderr


def test_apply_without_a_cloud_ends_with_3(tmp_path: Path, good: Path) -> None:
    answer = Cli(tmp_path / "none")("pipeline", "apply", str(good))

    assert answer.exit_code == 3
    assert "buildgate local up" in answer.stderr


def test_diff_tells_what_changed_and_whether(cli: Cli, api: OperatorApi, good: Path) -> None:
    api.on("GET", "/v1/pipelines/shop", (200, {"pipeline": DATA}))
    assert "the same" in cli("pipeline", "diff", str(good)).stdout

    api.on("GET", "/v1/pipelines/shop", NOT_FOUND)
    assert "+name: shop" in cli("pipeline", "diff", str(good)).stdout
    assert json.loads(cli("pipeline", "diff", "--json", str(good)).stdout)["changed"] is True


def test_pipelines_are_listed_with_their_last_run(cli: Cli, api: OperatorApi) -> None:
    items = [
        {"name": "shop", "version": VERSION, "last_run_status": "FAILED", "last_run_id": "01k"},
        {"name": "x", "version": "1" * 64, "description": "new"},
    ]
    api.on("GET", "/v1/pipelines", (200, {"pipelines": items}))

    lines = cli("pipeline", "list").stdout.splitlines()

    assert lines[0].split() == ["PIPELINE", "VERSION", "LAST", "RUN", "APPLIED", "DESCRIPTION"]
    assert lines[1].startswith(f"shop      {VERSION[:12]}  ✘ FAILED")
    assert lines[2].endswith("new")


def test_no_pipeline_is_a_remark_and_not_a_result(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/pipelines", (200, {"pipelines": []}))

    answer = cli("pipeline", "list")

    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "No pipeline is applied yet" in answer.stderr


def test_show_tells_stages_trigger_and_earlier_versions(cli: Cli, api: OperatorApi) -> None:
    versions = [{"version": VERSION}, {"version": "2" * 64, "applied_at": "2026-11-20T00:00:00Z"}]
    body = {"pipeline": DATA, "version": VERSION, "applied_at": "2026-11-22T00:00:00Z", "versions": versions}
    api.on("GET", "/v1/pipelines/shop", (200, body))

    answer = cli("pipeline", "show", "shop", "--version", VERSION)

    assert api.calls[0].query == {"version": VERSION}
    assert "codecommit:shop on branch main not in docs/**" in answer.stdout
    assert "1 of alice@example.com" in answer.stdout
    assert "earlier versions: 222222222222" in answer.stderr


def test_show_as_yaml_is_a_file_that_validates(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/pipelines/shop", (200, {"pipeline": DATA, "version": VERSION}))

    text = cli("pipeline", "show", "shop", "--yaml").stdout

    assert cli("pipeline", "validate", "-", stdin=text).exit_code == 0
    assert pipeline_file.parse(yaml.safe_load(text)).digest == VERSION


def test_an_unknown_pipeline_is_refused_in_the_clouds_words(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/pipelines/nix", NOT_FOUND)

    answer = cli("pipeline", "show", "nix")

    assert (answer.exit_code, answer.stderr) == (1, "Error: no pipeline shop\n")


def test_lanes_tell_who_is_inside_and_who_waits(cli: Cli, api: OperatorApi) -> None:
    turn = {"stage": "shop/release", "mode": "superseded", "since": "2026-11-22T00:00:00Z", "is_ready": True}
    waiting = [{**turn, "run_id": "r2", "superseded_by": "r3"}, {**turn, "run_id": "r3", "superseded_by": ""}]
    lane = {"lane": "lock production", "stages": ["release"], "waiting": waiting}
    asked = {**turn, "run_id": "r4", "superseded_by": "", "is_ready": False}
    lanes = [
        {**lane, "holder": {**turn, "run_id": "r1", "superseded_by": ""}},
        {**lane, "lane": "stage shop/test", "holder": None, "waiting": [asked]},
        {**lane, "lane": "stage shop/late", "holder": None, "waiting": []},
    ]
    api.on("GET", "/v1/pipelines/shop/lanes", (200, {"lanes": lanes}))

    rows = [" ".join(line.split()) for line in cli("pipeline", "lanes", "shop").stdout.splitlines()[1:]]

    for row, begins in zip(
        rows,
        [
            "lock production r1 shop/release inside",
            "lock production r2 shop/release superseded by r3",
            "lock production r3 shop/release waits",
            "stage shop/test r4 shop/release waits for its approval",
            "stage shop/late - release free",
        ],
        strict=True,
    ):
        assert row.startswith(begins)
    assert json.loads(cli("pipeline", "lanes", "shop", "--json").stdout) == {"lanes": lanes}


def test_a_pipeline_without_modes_says_so(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/pipelines/shop/lanes", (200, {"lanes": []}))

    assert "Every stage of shop runs in parallel." in cli("pipeline", "lanes", "shop").output
