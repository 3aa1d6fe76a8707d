"""What load refuses, in CodeBuild's words, and what it lets pass as CodeBuild does."""

import pytest

from buildgate_cli.buildspecs import BuildspecError, OnFailure, SecretReference, load, load_bytes

BUILD = "version: 0.2\nphases:\n  build:\n    commands:\n"


def refused(text: str) -> BuildspecError:
    with pytest.raises(BuildspecError) as caught:
        load(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "wrong number of container tags, expected 1", None),
        ("just text", "wrong number of container tags, expected 1", 1),
        ("version: 0.2\nartifacts:\n  files: [a]\n", "wrong number of container tags, expected 1", 1),
        ("version: 0.2\n\nphases:\n\tbuild:\n", "found character that cannot start any token at line 4", 4),
        ("version: 0.2\nphases: [a\nb: c", "did not find expected ',' or ']' at line 3", 3),
        (
            BUILD + '      - echo "Hello: world"\n',
            "Expected Commands[0] to be of string type: found subkeys instead at line 5, value of the key tag on line 4 might be empty",
            5,
        ),
        (
            "version: 0.2\nphases:\n  artifacts:\n    files: [a]\n",
            "Invalid buildspec phase name: artifacts. Expecting: build,install,post_build,pre_build",
            3,
        ),
        ("a: &x [*x]\n", "anchor value contains itself", None),
        ("[" * 100_000, "exceeded max depth of 500 at line 1", 1),
        ("- " * 50_000 + "a", "exceeded max depth of 500 at line 1", 1),
        ("version: 0.2\n# \ud800\nphases: {}", "invalid Unicode character at line 2", 2),
        ("version: 0.3\nphases: {build: {commands: [a]}}", "`version` is `0.3`", 1),
    ],
)
def test_refusals_name_the_line_and_use_codebuilds_words(text: str, message: str, line: int | None) -> None:
    error = refused(text)

    assert error.code == "YAML_FILE_ERROR"
    assert error.message.startswith(message)
    assert error.line == line


def test_bytes_that_are_no_utf8_are_refused_with_line_and_column() -> None:
    with pytest.raises(BuildspecError) as caught:
        load_bytes(b"version: 0.2\n# caf\xe9\n")

    assert (caught.value.line, caught.value.column) == (2, 6)


@pytest.mark.parametrize("data", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_and_windows_line_ends_are_read(data: str) -> None:
    text = (BUILD + "      - echo ä\n").replace("\n", "\r\n")

    assert load_bytes(text.encode(data)).phase("build").commands == ("echo ä",)


@pytest.mark.parametrize("version", ["0.2", "'0.2'", '"0.2"', "0.20"])
def test_versions_may_be_quoted(version: str) -> None:
    assert load(f"version: {version}\nphases: {{build: {{commands: [a]}}}}").version == "0.2"


def test_absent_phases_are_empty_and_order_is_that_of_the_build() -> None:
    spec = load("version: 0.2\nphases:\n  post_build: {finally: [b]}\n  install: {commands: [a]}\n")

    assert list(spec.phases) == ["install", "post_build"]
    assert spec.phase("pre_build").commands == ()
    assert spec.phase("post_build").finally_commands == ("b",)


def test_lenient_where_codebuild_is() -> None:
    spec = load("version: 0.2\nphases:\n  build:\n    commands: make\nunknown: 1\nenv:\nartifacts:\n  files: [a, ]\n")

    assert spec.phase("build").commands == ("make",)
    assert spec.artifacts is not None
    assert spec.artifacts.primary.files == ("a",)


def test_anchors_aliases_and_merge_keys_are_followed_and_the_nearest_key_wins() -> None:
    spec = load(
        "version: 0.2\nx-base: &base {on-failure: ABORT, run-as: ci}\nphases:\n"
        "  build:\n    <<: *base\n    run-as: root\n    commands: &all [make]\n  post_build: {commands: *all}\n"
    )

    assert spec.phase("build").run_as == "root"
    assert spec.phase("build").on_failure == OnFailure("ABORT")
    assert spec.phase("post_build").commands == ("make",)


def test_the_last_of_two_equal_keys_wins_and_only_the_first_document_counts() -> None:
    spec = load("version: 0.2\nphases:\n  build: {commands: [a]}\n  build: {commands: [b]}\n---\n[")

    assert spec.phase("build").commands == ("b",)


def test_commands_keep_their_text_whatever_yaml_would_make_of_it() -> None:
    assert load(BUILD + "      - true\n      - 012\n      - 2026-01-01\n").phase("build").commands == (
        "true",
        "012",
        "2026-01-01",
    )


def test_unquoted_runtime_versions_are_numbers_as_codebuild_sees_them() -> None:
    spec = load(
        "version: 0.2\nphases:\n  install:\n    runtime-versions: {python: 3.10, dotnet: 8.0, nodejs: 22, ruby: '3.10'}\n"
    )

    assert spec.phase("install").runtime_versions == {"python": "3.1", "dotnet": "8.0", "nodejs": "22", "ruby": "3.10"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("abort", OnFailure("ABORT")),
        ("CONTINUE", OnFailure("CONTINUE")),
        ("RETRY", OnFailure("RETRY", 3)),
        ("Retry-0", OnFailure("RETRY", 0)),
        ("RETRY-100", OnFailure("RETRY", 100)),
        ("RETRY-3-x", OnFailure("RETRY", 3, "x")),
        ("RETRY-3x", OnFailure("RETRY", 3, "3x")),
        ("RETRY-.*Error.*", OnFailure("RETRY", 3, ".*Error.*")),
        ("RETRY-101", None),
        ("RETRY-", None),
        ("RETRY-(", None),
        ("IGNORE", None),
    ],
)
def test_on_failure_forms(text: str, value: OnFailure | None) -> None:
    assert OnFailure.parse(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("shop", SecretReference("shop")),
        ("shop:key", SecretReference("shop", "key")),
        ("shop::AWSPREVIOUS", SecretReference("shop", "", "AWSPREVIOUS")),
        (
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-a1b2c3:key::id",
            SecretReference("arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-a1b2c3", "key", "", "id"),
        ),
        ("a:b:c:d:e", None),
        (":key", None),
    ],
)
def test_secret_references_keep_arns_whole(text: str, value: SecretReference | None) -> None:
    assert SecretReference.parse(text) == value


def test_a_batch_needs_no_phases_of_its_own() -> None:
    spec = load(
        "version: 0.2\nbatch:\n  fast-fail: yes\n  build-graph:\n    - {identifier: a, buildspec: a.yml}\n"
        "    - {identifier: b, depend-on: [a], env: {privileged-mode: true, variables: {N: 1}}}\n"
    )

    assert spec.batch is not None
    assert spec.batch.fast_fail
    assert [task.depend_on for task in spec.batch.build_graph] == [(), ("a",)]
    assert spec.batch.build_graph[1].env.variables == {"N": "1"}


def test_matrix_and_fanout_are_read() -> None:
    spec = load(
        "version: 0.2\nphases: {build: {commands: [a]}}\nbatch:\n  build-matrix:\n    static: {ignore-failure: true}\n"
        "    dynamic: {buildspec: [a.yml, b.yml], env: {variables: {OS: [linux, windows]}}}\n"
    )

    assert spec.batch is not None
    assert spec.batch.matrix is not None
    assert spec.batch.matrix.ignore_failure
    assert spec.batch.matrix.variables == {"OS": ("linux", "windows")}
    assert load("version: 0.2\nbatch: {build-fanout: {parallelism: 4}}").batch.fanout.parallelism == 4  # type: ignore[union-attr]


def test_version_01_reads_its_own_names() -> None:
    spec = load(
        "version: 0.1\nenvironment_variables: {plaintext: {A: b}}\nphases: {build: {commands: [a]}}\n"
        "artifacts: {type: zip, files: [a]}\n"
    )

    assert spec.env.variables == {"A": "b"}
