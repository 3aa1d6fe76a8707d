"""Promises of reading and writing: what is written reads back the same, and no content makes the linter fall over."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from buildgate_cli.buildspecs import (
    PHASE_NAMES,
    Artifact,
    Artifacts,
    Batch,
    BatchEnv,
    BatchFanout,
    BatchMatrix,
    BatchTask,
    Buildspec,
    BuildspecError,
    Cache,
    Env,
    OnFailure,
    Phase,
    Proxy,
    ReportGroup,
    load,
    load_bytes,
)
from buildgate_cli.buildspecs.dump import dump, dump_json
from buildgate_cli.buildspecs.lint import lint
from buildgate_cli.buildspecs.rules import RULES

QUICK = settings(max_examples=60, deadline=None)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), min_size=1, max_size=30)
WORD = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)
MAYBE_TEXT = st.none() | TEXT
SWITCH = st.none() | st.booleans()
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
SOME_TEXTS = st.lists(TEXT, min_size=1, max_size=3).map(tuple)
NAMED = st.dictionaries(WORD, TEXT, max_size=3)
ON_FAILURE = st.sampled_from([None, "ABORT", "CONTINUE", "RETRY", "RETRY-5", "RETRY-no .* space", "RETRY-2-x"]).map(
    lambda text: OnFailure.parse(text) if text else None
)


def phases() -> st.SearchStrategy[dict[str, Phase]]:
    def phase(name: str) -> st.SearchStrategy[Phase]:
        versions = NAMED if name == "install" else st.just({})
        return st.builds(Phase, st.just(name), TEXTS, TEXTS, ON_FAILURE, MAYBE_TEXT, versions)

    names = st.lists(st.sampled_from(PHASE_NAMES), min_size=1, unique=True)
    return names.flatmap(
        lambda chosen: st.tuples(*(phase(name) for name in PHASE_NAMES if name in chosen)).map(
            lambda built: {one.name: one for one in built}
        )
    )


ENVIRONMENTS = st.builds(
    Env, st.sampled_from([None, "bash", "/bin/sh"]), NAMED, NAMED, NAMED, st.lists(WORD, max_size=3).map(tuple), SWITCH
)
ARTIFACT = st.builds(Artifact, SOME_TEXTS, MAYBE_TEXT, SWITCH, MAYBE_TEXT, TEXTS, SWITCH, MAYBE_TEXT)
BATCH_ENV = st.builds(
    BatchEnv, st.sampled_from([None, "BUILD_GENERAL1_SMALL"]), MAYBE_TEXT, MAYBE_TEXT, SWITCH, st.none(), NAMED
)
TASKS = st.lists(
    st.builds(BatchTask, WORD, MAYBE_TEXT, st.just(()), st.booleans(), st.booleans(), BATCH_ENV),
    max_size=3,
    unique_by=lambda task: task.identifier,
).map(tuple)
BATCHES = st.builds(
    Batch,
    st.booleans(),
    TASKS,
    TASKS,
    st.none()
    | st.builds(
        BatchMatrix, st.booleans(), BATCH_ENV, TEXTS, st.just(()), TEXTS, st.dictionaries(WORD, SOME_TEXTS, max_size=2)
    ),
    st.none() | st.builds(BatchFanout, st.integers(1, 99), st.booleans()),
)
REPORTS = st.lists(
    st.builds(ReportGroup, WORD, SOME_TEXTS, st.sampled_from(["JUNITXML", "CLOVERXML"]), MAYBE_TEXT, SWITCH),
    max_size=3,
    unique_by=lambda group: group.name,
).map(tuple)
BUILDSPECS = st.builds(
    Buildspec,
    st.sampled_from(["0.1", "0.2"]),
    MAYBE_TEXT,
    ENVIRONMENTS,
    st.builds(Proxy, SWITCH, SWITCH),
    st.none() | BATCHES,
    phases(),
    REPORTS,
    st.none() | st.builds(Artifacts, ARTIFACT, st.dictionaries(WORD, ARTIFACT, max_size=2)),
    st.none() | st.builds(Cache, SOME_TEXTS, MAYBE_TEXT, TEXTS, st.sampled_from([None, "restore", "save"])),
)


@QUICK
@given(BUILDSPECS)
def test_what_is_written_reads_back_the_same(spec: Buildspec) -> None:
    assert load(dump(spec)) == spec
    assert load(dump_json(spec)) == spec


@QUICK
@given(BUILDSPECS)
def test_writing_is_deterministic(spec: Buildspec) -> None:
    assert dump(spec) == dump(load(dump(spec)))


def check_never_falls_over(source: str | bytes) -> None:
    findings = lint(source)

    assert findings == sorted(findings, key=lambda one: (one.line, one.column))
    assert all(finding.code in RULES and finding.line >= 1 and finding.column >= 1 for finding in findings)
    refused = [finding for finding in findings if finding.severity == "error"]
    is_template = any(finding.code == "BS901" for finding in findings)
    try:
        load(source) if isinstance(source, str) else load_bytes(source)
    except BuildspecError:
        assert refused or is_template
    else:
        assert not refused


KEYS = st.sampled_from(
    [
        "version",
        "run-as",
        "env",
        "variables",
        "parameter-store",
        "secrets-manager",
        "exported-variables",
        "phases",
        "install",
        "pre_build",
        "build",
        "post_build",
        "commands",
        "finally",
        "on-failure",
        "runtime-versions",
        "python",
        "reports",
        "files",
        "file-format",
        "artifacts",
        "name",
        "secondary-artifacts",
        "cache",
        "key",
        "paths",
        "fallback-keys",
        "batch",
        "build-list",
        "build-graph",
        "build-matrix",
        "build-fanout",
        "static",
        "dynamic",
        "identifier",
        "depend-on",
        "env",
        "parallelism",
        "fast-fail",
        "type",
        "compute-type",
        "proxy",
        "logs",
        "environment_variables",
    ]
)
LEAVES = (
    st.sampled_from(
        [None, True, 0.2, "0.2", 3.10, "", "a", "$(date)", "RETRY-3-x", "yes", "x: y", "{{ a }}", "echo $TOKEN"]
    )
    | TEXT
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | WORD, inner, max_size=5), max_leaves=25
)


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_no_yaml_tree_makes_the_linter_fall_over(data: Any) -> None:
    check_never_falls_over(yaml.safe_dump(data, allow_unicode=True))


EXAMPLES = [text for rule in RULES.values() for text in (rule.failing, rule.fixed)]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_mutated_file_makes_the_linter_fall_over(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(EXAMPLES)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 6))
        content[at : at + cut] = data.draw(
            st.binary(max_size=3)
            | st.sampled_from([b"\t", b"\n", b"- ", b": ", b"&a ", b"*a", b"---\n", b"{{", b"\xff\xfe"])
        )

    check_never_falls_over(bytes(content))
