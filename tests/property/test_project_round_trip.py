"""The typed project takes everything that CreateProject does, and gives it back unchanged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from buildgate_cli.project_file import EXTENSIONS, SEEN_ON_AWS
from buildgate_cli.projects.beside import Webhook
from buildgate_cli.projects.model import Project
from buildgate_cli.projects.shape import MistypedError, Shape, members

MODEL = Session().get_service_model("codebuild")
INPUT = MODEL.operation_model("CreateProject").input_shape
LEAST = {
    "name": "shop",
    "source": {"type": "NO_SOURCE"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": "arn:aws:iam::000000000000:role/build",
}


def values(shape: Any) -> st.SearchStrategy[Any]:
    if shape.type_name == "structure":
        needed = {name: values(shape.members[name]) for name in shape.required_members}
        other = {name: values(one) for name, one in shape.members.items() if name not in needed}
        return st.fixed_dictionaries(needed, optional=other)
    if shape.type_name == "list":
        return st.lists(values(shape.member), max_size=2)
    if shape.type_name == "string":
        return st.sampled_from(shape.enum) if shape.enum else st.text(max_size=5)
    return st.booleans() if shape.type_name == "boolean" else st.integers()


@settings(max_examples=60)
@given(values(INPUT))
def test_every_project_comes_back_as_it_went_in(data: dict[str, Any]) -> None:
    project = Project.from_data(data)

    assert project.to_data() == data
    assert Project.from_data(project.to_data()) == project


def unknown(shape: Any, typed: Any, path: str = "") -> list[str]:
    """Return the members of the service model that the typed one lacks, or asks for where it should not."""
    while shape.type_name == "list":
        shape, typed = shape.member, typed.__args__[0]
    if shape.type_name != "structure":
        return []
    assert issubclass(typed, Shape)
    known = members(typed)
    wrong = [f"{path}.{name}" for name in shape.members.keys() ^ known.keys()]
    wrong += [f"{path}.{name}" for name in known if known[name][1] != (name in shape.required_members)]
    for name, inner in shape.members.items():
        if name in known:
            wrong += unknown(inner, known[name][2], f"{path}.{name}")
    return wrong


def test_the_model_has_every_member_of_the_service_model_and_those_of_files_and_answers() -> None:
    assert sorted(unknown(INPUT, Project)) == sorted(f".{name}" for name in (*EXTENSIONS, *SEEN_ON_AWS))


def test_a_webhook_has_every_member_that_a_file_may_name() -> None:
    shape = MODEL.operation_model("CreateWebhook").input_shape

    assert unknown(shape, Webhook) == [".projectName"]


@settings(max_examples=30)
@given(values(INPUT), st.sampled_from(sorted(INPUT.members)), st.sampled_from([[], {}, "x", 1, [1], {"type": 1}]))
def test_of_data_that_does_not_fit_the_rest_is_still_read(data: dict[str, Any], member: str, odd: Any) -> None:
    whole, spoilt = Project.from_data(data), Project.fitting({**data, member: odd})

    field = members(Project)[member][0]
    assert Project.fitting(data).to_data() == {**whole.to_data()}
    assert replace(spoilt, **{field: getattr(whole, field)}) == Project.fitting(data)


def test_members_of_a_later_api_are_kept() -> None:
    data = {**LEAST, "arn": "arn:aws:codebuild:...", "source": {"type": "NO_SOURCE", "newMember": [1]}}

    project = Project.from_data(data)

    assert project.source.more == {"newMember": [1]}
    assert project.to_data() == data


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"timeoutInMinutes": True}, "timeoutInMinutes: int is wanted, not True"),
        ({"source": {"type": "GITHUB", "gitCloneDepth": "1"}}, "source.gitCloneDepth: int is wanted, not '1'"),
        ({"tags": {"key": "a"}}, "tags: a list is wanted, not {'key': 'a'}"),
        ({"tags": [{"key": 1}]}, "tags[0].key: str is wanted, not 1"),
        ({"vpcConfig": []}, "vpcConfig: a mapping is wanted, not []"),
        ({"artifacts": {}}, "artifacts: 'type' is missing"),
        ({"name": None}, "'name' is missing"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(MistypedError) as refused:
        Project.from_data({**LEAST, **changes})

    assert str(refused.value) == said
