"""BS3xx: values that do not do what their author meant."""

from __future__ import annotations

from buildgate_cli.buildspecs.rules.rule import Rule

_GOOD = """\
version: 0.2
phases:
  build:
    commands:
      - make
"""
_INSTALL = "version: 0.2\nphases:\n  install:\n    runtime-versions:\n      {}\n  build:\n    commands:\n      - make\n"
_ENV = "version: 0.2\nenv:\n  {}\nphases:\n  build:\n    commands:\n      - make\n"

VALUES = (
    Rule(
        "BS301",
        "Report files that the format does not fit",
        "A report in another format is not read: the group stays empty or the report FAILED. lcov is in neither list; "
        "coverage and test results need groups of their own. Without `file-format` the format is JUNITXML.",
        _GOOD
        + "reports:\n  tests:\n    files:\n      - junit.xml\n      - coverage/lcov.info\n    file-format: JUNITXML\n",
        _GOOD + "reports:\n  tests:\n    files:\n      - junit.xml\n    file-format: JUNITXML\n"
        "  coverage:\n    files:\n      - coverage/clover.xml\n    file-format: CLOVERXML\n",
    ),
    Rule(
        "BS302",
        "A version that YAML reads as a shorter number",
        "Unquoted, 3.10 is the number 3.1 and 1.20 is 1.2.",
        _INSTALL.format("python: 3.10"),
        _INSTALL.format('python: "3.10"'),
    ),
    Rule(
        "BS303",
        "A command substitution in a plain variable",
        "Values under `env/variables` are literal text; no shell evaluates them. Export the value in a command instead.",
        _ENV.format("variables:\n    BUILT_AT: $(date -Iseconds)"),
        "version: 0.2\nphases:\n  pre_build:\n    commands:\n      - export BUILT_AT=$(date -Iseconds)\n"
        "  build:\n    commands:\n      - make\n",
    ),
    Rule(
        "BS304",
        "A variable name that CodeBuild reserves",
        "Names that begin with CODEBUILD_ belong to CodeBuild.",
        _ENV.format("variables:\n    CODEBUILD_MODE: fast"),
        _ENV.format("variables:\n    BUILD_MODE: fast"),
    ),
    Rule(
        "BS305",
        "An exported variable that cannot be exported",
        "Values from Parameter Store and Secrets Manager, and names that begin with AWS_, are not exported.",
        _ENV.format(
            "parameter-store:\n    DATABASE_URL: /shop/database-url\n  exported-variables:\n    - DATABASE_URL"
        ),
        _ENV.format("parameter-store:\n    DATABASE_URL: /shop/database-url\n  exported-variables:\n    - IMAGE_TAG"),
    ),
    Rule(
        "BS306",
        "A cache without `key`",
        "Without a key every build of the project shares one cache, whatever the lock file says, and there is nothing to "
        "tell a hit from a miss. A saved key is immutable and matched exactly.",
        _GOOD + "cache:\n  paths:\n    - node_modules/**/*\n",
        _GOOD + "cache:\n  key: npm-$(codebuild-hash-files package-lock.json)\n  fallback-keys:\n    - npm-\n"
        "  paths:\n    - node_modules/**/*\n",
    ),
    Rule(
        "BS307",
        "Fallback keys without `key`",
        "`fallback-keys` is ignored when there is no `key`.",
        _GOOD + "cache:\n  fallback-keys:\n    - npm-\n  paths:\n    - node_modules/**/*\n",
        _GOOD + "cache:\n  key: npm-$(codebuild-hash-files package-lock.json)\n  fallback-keys:\n    - npm-\n"
        "  paths:\n    - node_modules/**/*\n",
    ),
    Rule(
        "BS308",
        "A Secrets Manager reference that cannot be read",
        "The form is `<secret-id>:<json-key>:<version-stage>:<version-id>`, with a stage or an id, never both.",
        _ENV.format("secrets-manager:\n    PASSWORD: shop/db:password:AWSCURRENT:11111111-2222-3333-4444-555555555555"),
        _ENV.format("secrets-manager:\n    PASSWORD: shop/db:password:AWSCURRENT"),
    ),
    Rule(
        "BS309",
        "Neither yes nor no",
        "The key is a switch; any other word is not understood.",
        _GOOD + "artifacts:\n  files: ['**/*']\n  discard-paths: all\n",
        _GOOD + "artifacts:\n  files: ['**/*']\n  discard-paths: yes\n",
    ),
    Rule(
        "BS310",
        "An unknown runtime",
        "No image of CodeBuild has a runtime of this name, and the build fails in DOWNLOAD_SOURCE.",
        _INSTALL.format("node: 22"),
        _INSTALL.format("nodejs: 22"),
    ),
    Rule(
        "BS311",
        "A runtime version that the image does not carry",
        "Older images answer `Unknown runtime version named '12' of nodejs`; newer ones download the version in every "
        "build. With `--image` the check is against that image, otherwise against all current ones.",
        _INSTALL.format("nodejs: 12"),
        _INSTALL.format("nodejs: 22"),
    ),
    Rule(
        "BS312",
        "A variable inside a plain variable",
        "Values under `env/variables` are literal text: `$NAME` is not replaced when the variable is set, and a shell "
        "does not look again when it is used.",
        _ENV.format("variables:\n    IMAGE: $REGISTRY/shop"),
        "version: 0.2\nphases:\n  pre_build:\n    commands:\n      - export IMAGE=$REGISTRY/shop\n"
        "  build:\n    commands:\n      - make\n",
    ),
    Rule(
        "BS313",
        "A secret in plain text",
        "Everyone who may read the source, the project or the build's events reads it too.",
        _ENV.format("variables:\n    DB_PASSWORD: hunter2-hunter2"),
        _ENV.format("secrets-manager:\n    DB_PASSWORD: shop/db:password"),
    ),
)
