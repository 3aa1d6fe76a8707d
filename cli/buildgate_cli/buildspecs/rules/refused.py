"""BS1xx: what CodeBuild refuses before any command runs."""

from __future__ import annotations

from buildgate_cli.buildspecs.rules.rule import Rule

_GOOD = """\
version: 0.2
phases:
  build:
    commands:
      - make
"""

REFUSED = (
    Rule(
        "BS101",
        "The file is not YAML",
        "CodeBuild fails in DOWNLOAD_SOURCE with YAML_FILE_ERROR and the parser's message. Tabs in the indentation, an "
        "unclosed quote or bracket, text that is not UTF-8, and an alias that holds itself are the usual causes.",
        "version: 0.2\nphases:\n\tbuild:\n\t\tcommands: [make]\n",
        _GOOD,
    ),
    Rule(
        "BS102",
        "The file is empty",
        "CodeBuild answers `wrong number of container tags, expected 1`.",
        "# nothing here yet\n",
        _GOOD,
    ),
    Rule(
        "BS103",
        "A mapping, a list or a text where another belongs",
        "Each key takes one kind of value: `phases` a mapping, `commands` a list, `name` a text.",
        "version: 0.2\nphases:\n  - build\n",
        _GOOD,
    ),
    Rule(
        "BS104",
        "`version` is missing",
        "The version decides how commands share a shell; the file is refused without it.",
        "phases:\n  build:\n    commands:\n      - make\n",
        _GOOD,
    ),
    Rule(
        "BS105",
        "`version` is neither 0.1 nor 0.2",
        "These are the only two versions; 0.2 is the one to use.",
        "version: 1.0\nphases:\n  build:\n    commands:\n      - make\n",
        _GOOD,
    ),
    Rule(
        "BS106",
        "`phases` is missing or empty",
        "CodeBuild answers `wrong number of container tags, expected 1`. Only a batch whose tasks name their own "
        "buildspecs needs no phases. Phases at the left margin instead of below `phases` also end here.",
        "version: 0.2\nphases:\nbuild:\n  commands:\n    - make\n",
        _GOOD,
    ),
    Rule(
        "BS107",
        "A phase with another name",
        "CodeBuild answers `Invalid buildspec phase name: prebuild. Expecting: build,install,post_build,pre_build`. "
        "A section such as `artifacts` that slipped below `phases` is refused with the same words.",
        "version: 0.2\nphases:\n  prebuild:\n    commands:\n      - make deps\n  build:\n    commands:\n      - make\n",
        "version: 0.2\nphases:\n  pre_build:\n    commands:\n      - make deps\n  build:\n    commands:\n      - make\n",
    ),
    Rule(
        "BS108",
        "A command that is not text",
        "CodeBuild answers `Expected Commands[0] to be of string type: found subkeys instead`. A colon followed by a "
        "space turns a plain command into a mapping; quotes or a block keep it text.",
        'version: 0.2\nphases:\n  build:\n    commands:\n      - echo "Result: fine"\n',
        "version: 0.2\nphases:\n  build:\n    commands:\n      - 'echo \"Result: fine\"'\n",
    ),
    Rule(
        "BS109",
        "`files` is missing",
        "Artifacts and report groups must say which files they take.",
        _GOOD + "artifacts:\n  base-directory: dist\n",
        _GOOD + "artifacts:\n  base-directory: dist\n  files:\n    - '**/*'\n",
    ),
    Rule(
        "BS110",
        "A batch task without `identifier`",
        "Every task of a list or a graph needs its own identifier.",
        _GOOD + "batch:\n  build-list:\n    - env:\n        image: aws/codebuild/standard:7.0\n",
        _GOOD
        + "batch:\n  build-list:\n    - identifier: linux\n      env:\n        image: aws/codebuild/standard:7.0\n",
    ),
    Rule(
        "BS111",
        "`depend-on` names no task",
        "A task may depend only on identifiers of the same graph.",
        _GOOD + "batch:\n  build-graph:\n    - identifier: unit\n    - identifier: deploy\n      depend-on: [units]\n",
        _GOOD + "batch:\n  build-graph:\n    - identifier: unit\n    - identifier: deploy\n      depend-on: [unit]\n",
    ),
    Rule(
        "BS112",
        "`on-failure` has another value",
        "It takes ABORT, CONTINUE, RETRY, RETRY-<count>, RETRY-<regex> or RETRY-<count>-<regex>, the count from 0 to 100.",
        "version: 0.2\nphases:\n  build:\n    on-failure: IGNORE\n    commands:\n      - make\n",
        "version: 0.2\nphases:\n  build:\n    on-failure: CONTINUE\n    commands:\n      - make\n",
    ),
    Rule(
        "BS113",
        "`file-format` is not a report format",
        "CodeBuild reads six test formats and four coverage formats. Scanner results such as SARIF are not among them: "
        "judge those with a Buildgate gate.",
        _GOOD + "reports:\n  coverage:\n    files: ['coverage/lcov.info']\n    file-format: LCOV\n",
        _GOOD + "reports:\n  coverage:\n    files: ['coverage/clover.xml']\n    file-format: CLOVERXML\n",
    ),
    Rule(
        "BS114",
        "A value that is not one of the allowed ones",
        "`env/shell`, `cache/action`, and the `type` and `compute-type` of batch tasks take fixed values. The last two "
        "come from CodeBuild's API model.",
        _GOOD + "cache:\n  key: deps\n  action: store\n  paths:\n    - node_modules/**/*\n",
        _GOOD + "cache:\n  key: deps\n  action: save\n  paths:\n    - node_modules/**/*\n",
    ),
    Rule(
        "BS115",
        "Two batch tasks with one identifier",
        "The identifier names the build in the batch, its artifacts and `CODEBUILD_BATCH_BUILD_IDENTIFIER`.",
        _GOOD + "batch:\n  build-list:\n    - identifier: unit\n    - identifier: unit\n",
        _GOOD + "batch:\n  build-list:\n    - identifier: unit\n    - identifier: lint\n",
    ),
    Rule(
        "BS116",
        "Batch tasks that wait for each other",
        "No task of a circle can ever start.",
        _GOOD
        + "batch:\n  build-graph:\n    - identifier: a\n      depend-on: [b]\n    - identifier: b\n      depend-on: [a]\n",
        _GOOD + "batch:\n  build-graph:\n    - identifier: a\n    - identifier: b\n      depend-on: [a]\n",
    ),
    Rule(
        "BS117",
        "`build-fanout` without a whole `parallelism`",
        "The number of copies is required and must be at least 1.",
        _GOOD + "batch:\n  build-fanout:\n    ignore-failure: false\n",
        _GOOD + "batch:\n  build-fanout:\n    parallelism: 4\n",
    ),
)
