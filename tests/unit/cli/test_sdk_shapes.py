from typing import Any

import pytest
from botocore.session import Session

from buildgate_cli.sdk_shapes import ShapeProblem, check

PROJECT: dict[str, Any] = {
    "name": "shop-unit",
    "source": {"type": "CODECOMMIT", "location": "shop"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
    },
    "serviceRole": "arn:aws:iam::123456789012:role/build",
}


@pytest.fixture(scope="module")
def shape() -> Any:
    return Session().get_service_model("codebuild").operation_model("CreateProject").input_shape


def problems(shape: Any, **changes: Any) -> list[ShapeProblem]:
    return list(check(shape, {**PROJECT, **changes}))


def test_a_project_that_fits_has_no_problem(shape: Any) -> None:
    assert problems(shape, timeoutInMinutes=30, badgeEnabled=True, tags=[{"key": "a", "value": "b"}]) == []


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"sorce": {}}, "sorce", "unknown key 'sorce'"),
        ({"source": {"type": "SVN"}}, "source.type", "'SVN' is not allowed"),
        ({"source": {}}, "source.type", "'type' is missing"),
        ({"name": "x"}, "name", "1 characters are too few"),
        ({"name": "a b"}, "name", "'a b' does not fit"),
        ({"timeoutInMinutes": 4}, "timeoutInMinutes", "4 is too small"),
        ({"timeoutInMinutes": 99999}, "timeoutInMinutes", "99999 is too large"),
        ({"timeoutInMinutes": "30"}, "timeoutInMinutes", "found the text '30'"),
        ({"badgeEnabled": "yes"}, "badgeEnabled", "found the text 'yes'"),
        ({"tags": {"a": "b"}}, "tags", "found a mapping"),
        ({"description": 7}, "description", "found the number 7"),
        ({"description": None}, "description", "found nothing"),
        ({"secondarySources": [{"type": "S3"}] * 13}, "secondarySources", "13 entries are too many"),
        ({"source": {"type": "S3", "gitCloneDepth": -1}}, "source.gitCloneDepth", "-1 is too small"),
    ],
)
def test_what_does_not_fit_the_model_is_named(shape: Any, changes: dict[str, Any], field: str, message: str) -> None:
    found = problems(shape, **changes)

    assert [problem.field for problem in found] == [field]
    assert found[0].message == message


def test_the_nearest_known_name_is_offered_whatever_its_case(shape: Any) -> None:
    assert problems(shape, Environment={})[0].nearest == "environment"
    wrong = {**PROJECT["environment"], "computeType": "build_general1_smal"}
    assert problems(shape, environment=wrong)[0].nearest == "BUILD_GENERAL1_SMALL"


def test_a_misspelt_required_key_is_one_problem(shape: Any) -> None:
    data = {key: value for key, value in PROJECT.items() if key != "source"} | {"sourc": PROJECT["source"]}

    assert [problem.message for problem in check(shape, data)] == ["unknown key 'sourc'"]
