"""BS2xx: keys that CodeBuild reads otherwise than their author meant, without a word."""

from __future__ import annotations

from buildgate_cli.buildspecs.rules.rule import Rule

_GOOD = """\
version: 0.2
phases:
  build:
    commands:
      - make
"""

STRUCTURE = (
    Rule(
        "BS201",
        "An unknown key",
        "CodeBuild ignores keys that it does not know, so a misspelled one does nothing. Keys that begin with `x-`, `.` "
        "or `_`, and keys that only hold an anchor used elsewhere, are left alone.",
        "version: 0.2\nphases:\n  build:\n    command:\n      - make\n    commands:\n      - make test\n",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n      - make test\n",
    ),
    Rule(
        "BS202",
        "A key at the wrong depth",
        "The key exists, but not here, and is ignored where it stands.",
        _GOOD + "runtime-versions:\n  nodejs: 22\n",
        "version: 0.2\nphases:\n  install:\n    runtime-versions:\n      nodejs: 22\n  build:\n    commands:\n      - make\n",
    ),
    Rule(
        "BS203",
        "A key twice in one mapping",
        "Only the last one counts; the commands of the first never run.",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n  build:\n    commands:\n      - make test\n",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n      - make test\n",
    ),
    Rule(
        "BS204",
        "A key with nothing below it",
        "An empty list or section does nothing; often the lines below it lack indentation.",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n    finally:\n",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n    finally:\n      - make clean\n",
    ),
    Rule(
        "BS205",
        "A single text where a list belongs",
        "Tools and people read a list here, and a second item will not fit.",
        "version: 0.2\nphases:\n  build:\n    commands: make\n",
        _GOOD,
    ),
    Rule(
        "BS206",
        "A phase without commands",
        "CodeBuild logs `No commands found for phase name: build` and the phase succeeds.",
        "version: 0.2\nphases:\n  build:\n    on-failure: ABORT\n",
        "version: 0.2\nphases:\n  build:\n    on-failure: ABORT\n    commands:\n      - make\n",
    ),
    Rule(
        "BS207",
        "A cache without `paths`",
        "Nothing is saved or restored.",
        _GOOD + "cache:\n  key: deps-v1\n",
        _GOOD + "cache:\n  key: deps-v1\n  paths:\n    - node_modules/**/*\n",
    ),
    Rule(
        "BS208",
        "`runtime-versions` outside `install`",
        "Only the install phase selects runtimes.",
        "version: 0.2\nphases:\n  build:\n    runtime-versions:\n      nodejs: 22\n    commands:\n      - make\n",
        "version: 0.2\nphases:\n  install:\n    runtime-versions:\n      nodejs: 22\n  build:\n    commands:\n      - make\n",
    ),
    Rule(
        "BS209",
        "A second YAML document",
        "CodeBuild reads the first document only.",
        _GOOD + "---\nversion: 0.2\nphases:\n  build:\n    commands:\n      - make test\n",
        _GOOD + "      - make test\n",
    ),
    Rule(
        "BS210",
        "A phase name in another case",
        "The documented names are lower case.",
        "version: 0.2\nphases:\n  Build:\n    commands:\n      - make\n",
        _GOOD,
    ),
    Rule(
        "BS211",
        "Secondary artifacts without primary `files`",
        "The reference calls `artifacts/files` required even when only secondary artifacts are made.",
        _GOOD + "artifacts:\n  secondary-artifacts:\n    docs:\n      files: ['docs/**/*']\n",
        _GOOD + "artifacts:\n  files: ['dist/**/*']\n  secondary-artifacts:\n    docs:\n      files: ['docs/**/*']\n",
    ),
    Rule(
        "BS212",
        "A batch with no kind of build, or with several",
        "`batch` takes exactly one of build-list, build-graph, build-matrix and build-fanout.",
        _GOOD + "batch:\n  fast-fail: true\n",
        _GOOD + "batch:\n  fast-fail: true\n  build-list:\n    - identifier: unit\n",
    ),
    Rule(
        "BS213",
        "A batch identifier with other characters",
        "Only letters, digits and `_` are known to work; teams report that `-` breaks the batch.",
        _GOOD + "batch:\n  build-list:\n    - identifier: unit-tests\n",
        _GOOD + "batch:\n  build-list:\n    - identifier: unit_tests\n",
    ),
    Rule(
        "BS214",
        "A quoted version in a batch buildspec",
        "A plain build reads `'0.2'` too, but a batch fails in DOWNLOAD_SOURCE with ``cannot unmarshal !!str `0.2` into "
        "float64``.",
        "version: '0.2'\nphases:\n  build:\n    commands: [make]\nbatch:\n  build-list:\n    - identifier: unit\n",
        "version: 0.2\nphases:\n  build:\n    commands: [make]\nbatch:\n  build-list:\n    - identifier: unit\n",
    ),
    Rule(
        "BS215",
        "More items than CodeBuild takes",
        "At most five report groups and five fallback keys.",
        _GOOD + "cache:\n  paths: [deps/**/*]\n  key: a-b-c-d-e-f\n"
        "  fallback-keys: [a-b-c-d-e-, a-b-c-d-, a-b-c-, a-b-, a-, x-]\n",
        _GOOD + "cache:\n  paths: [deps/**/*]\n  key: a-b-c-d-e-f\n  fallback-keys: [a-b-, a-]\n",
    ),
)
