"""Whatever pipeline people write, its canonical form is a valid file that means the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from buildgate.domain.pipelines import Pipeline
from buildgate.inbound import pipeline_file
from buildgate.inbound.pipeline_file import PipelineFileError

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,12}", fullmatch=True)
PROJECTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{1,12}", fullmatch=True)
VARIABLES = st.dictionaries(
    st.from_regex(r"[D-Z_][A-Z0-9_]{0,8}", fullmatch=True),
    st.text(max_size=20).filter(lambda t: "\0" not in t),
    max_size=3,
)
GLOBS = st.lists(st.from_regex(r"[a-z*]{1,8}(/[a-z*]{1,5})?", fullmatch=True), min_size=1, max_size=3)
GATES = st.sampled_from(
    [
        {"name": "quality", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"], "weight": 2}]},
        {"preset": "security_scan"},
        {"name": "perf", "preset": "performance_test"},
    ]
)
BUILDS = st.lists(
    st.fixed_dictionaries({"name": NAMES, "project": PROJECTS}, optional={"variables": VARIABLES}),
    min_size=1,
    max_size=4,
    unique_by=lambda build: build["name"],
)
APPROVALS = st.fixed_dictionaries(
    {},
    optional={
        "approvers": st.lists(NAMES, max_size=3, unique_by=lambda name: name.casefold()),
        "timeout": st.sampled_from(["90s", "30m", "24h", "2d", "1h30m"]),
        "channel": st.sampled_from(["link", "iam", "oidc"]),
        "instructions": st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=20),
    },
)
STAGES = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES, "builds": BUILDS},
        optional={
            "approval": APPROVALS,
            "variables": VARIABLES,
            "concurrency": st.integers(1, 40),
            "timeout": st.sampled_from(["5m", "90m", "36h"]),
            "gates": st.lists(GATES, max_size=1),
            "on-failure": st.sampled_from(["stop", "continue"]),
            "mode": st.sampled_from(["queued", "superseded"]),
            "lock": NAMES,
        },
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda stage: stage["name"],
)
TRIGGERS = st.lists(
    st.fixed_dictionaries(
        {"repository": PROJECTS, "branches": GLOBS},
        optional={"tags": GLOBS, "paths": st.fixed_dictionaries({}, optional={"include": GLOBS, "exclude": GLOBS})},
    ),
    max_size=2,
)
PIPELINES = st.fixed_dictionaries({"name": NAMES, "stages": STAGES}, optional={"triggers": TRIGGERS})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "stages", "x", "gates"]), inner)
    ),
    max_leaves=12,
)


@given(PIPELINES)
def test_the_canonical_form_of_any_pipeline_reads_back_as_the_same_version(data: dict[str, Any]) -> None:
    pipeline = pipeline_file.parse(data)

    assert pipeline_file.parse(pipeline.to_data()) == pipeline
    assert Pipeline.from_text(pipeline.to_text()) == pipeline
    assert Pipeline.from_text(pipeline.to_text()).digest == pipeline.digest


@given(PIPELINES, st.sampled_from(["name", "stages", "builds", "gates", "timeout", "approval", "triggers"]), JSON)
def test_any_value_in_any_place_is_a_pipeline_or_a_list_of_problems(data: dict[str, Any], key: str, value: Any) -> None:
    place = data if key in {"name", "stages", "triggers"} else data["stages"][0]
    place[key] = value

    assert all(problem.message for problem in problems_of(data))


def problems_of(data: Any) -> tuple[pipeline_file.Problem, ...]:
    """Return what is wrong; anything but a pipeline or a list of problems fails the test by itself."""
    try:
        pipeline_file.parse(data)
    except PipelineFileError as refused:
        return refused.problems
    return ()
