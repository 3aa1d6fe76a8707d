"""Whatever a buildspec says, the agent ends in an outcome: no exception leaves it, phases are in order."""

import tempfile
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_harness import run_buildspec
from buildgate_cli.local.agent.build import Limits

ORDER = ["DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING"]
NAMES = st.sampled_from(["install", "pre_build", "build", "post_build"])
COMMANDS = st.lists(
    st.sampled_from(
        ["true", "false", "exit 3", "echo $A", "A='1 2'", "cd ..", "'", "if", ": <<X", "kill -9 $$", "\x00"]
    ),
    max_size=3,
)
PATTERNS = st.lists(
    st.sampled_from(
        ["**/*", "*", "[", "{a", "../*", "/etc/hostname", "$(echo x)", "`", "a b", "", "\x00", "a/../../b", "\u0130"]
    ),
    max_size=3,
)
PHASE = st.fixed_dictionaries(
    {"commands": COMMANDS},
    optional={"finally": COMMANDS, "on-failure": st.sampled_from(["ABORT", "CONTINUE", "RETRY", "RETRY-1-x", "no"])},
)
SPECS = st.fixed_dictionaries(
    {"version": st.sampled_from([0.2, "0.1", 0.2, 3, None])},
    optional={
        "phases": st.dictionaries(NAMES, PHASE, max_size=3),
        "env": st.fixed_dictionaries(
            {},
            optional={
                "shell": st.sampled_from(["bash", "sh", "fish"]),
                "variables": st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
                "exported-variables": st.lists(st.sampled_from(["A", "no name", "PATH"]), max_size=2),
            },
        ),
        "artifacts": st.fixed_dictionaries(
            {"files": PATTERNS}, optional={"name": st.text(max_size=5), "base-directory": st.text(max_size=3)}
        ),
        "reports": st.dictionaries(st.text(max_size=3), st.fixed_dictionaries({"files": PATTERNS}), max_size=2),
        "cache": st.fixed_dictionaries({"paths": PATTERNS}, optional={"key": st.text(max_size=4)}),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spec=SPECS)
def test_every_tree_ends_in_an_outcome(spec: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = run_buildspec(
            Path(folder), yaml.safe_dump(spec), limits=Limits(10, 1_000_000, 0.2), has_artifacts=True, has_cache=True
        )

    assert done.outcome.status in {"SUCCEEDED", "FAILED"}
    assert list(done.phases) == [name for name in ORDER if name in done.phases]
    assert (done.outcome.status == "SUCCEEDED") == (set(done.phases.values()) == {"SUCCEEDED"})


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_every_text_ends_in_an_outcome(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = run_buildspec(Path(folder), None, files={"buildspec.yml": text})

    assert done.outcome.status == "FAILED"
    assert done.context("DOWNLOAD_SOURCE")[0] == "YAML_FILE_ERROR"
