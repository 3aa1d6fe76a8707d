"""Measures lint against what it cannot do without: parsing the same file with PyYAML's C loader.

Run with `python tests/bench/bench_buildspec_lint.py`. It prints, per file, CPU microseconds of `yaml.load` with the C
loader and of `lint`, and their ratio; both are the best of several rounds in this process.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING

import yaml

from buildgate_cli.buildspecs.lint import lint

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 30
REACH = 6.0

SMALL = """\
version: 0.2
phases:
  install:
    runtime-versions:
      python: "3.13"
    commands:
      - pip install -r requirements.txt
  build:
    commands:
      - python -m pytest --junitxml=reports/junit.xml
reports:
  unit:
    files:
      - reports/junit.xml
"""

USUAL = """\
version: 0.2

env:
  variables:
    NODE_ENV: production
    IMAGE_NAME: shop
  parameter-store:
    API_URL: /shop/api-url
  secrets-manager:
    NPM_TOKEN: shop/npm:token
  exported-variables:
    - IMAGE_TAG

phases:
  install:
    runtime-versions:
      nodejs: 22
    commands:
      - echo "Installing dependencies"
      - npm ci
  pre_build:
    commands:
      - npm run lint
      - npm run test:unit -- --coverage
      - IMAGE_TAG=$(echo $CODEBUILD_RESOLVED_SOURCE_VERSION | cut -c 1-7)
      - aws ecr get-login-password --region $AWS_DEFAULT_REGION | docker login --username AWS --password-stdin $REGISTRY
  build:
    on-failure: ABORT
    commands:
      - npm run build
      - docker build -t $IMAGE_NAME:$IMAGE_TAG .
      - docker tag $IMAGE_NAME:$IMAGE_TAG $REGISTRY/$IMAGE_NAME:$IMAGE_TAG
  post_build:
    commands:
      - docker push $REGISTRY/$IMAGE_NAME:$IMAGE_TAG
      - printf '[{"name":"shop","imageUri":"%s"}]' $REGISTRY/$IMAGE_NAME:$IMAGE_TAG > imagedefinitions.json

reports:
  unit:
    files: [junit.xml]
    file-format: JUNITXML
  coverage:
    files: [coverage/clover.xml]
    file-format: CLOVERXML

artifacts:
  files:
    - imagedefinitions.json
    - dist/**/*
  name: shop-$(date +%Y-%m-%d)

cache:
  key: npm-$(codebuild-hash-files package-lock.json)
  fallback-keys:
    - npm-
  paths:
    - /root/.npm/**/*
"""


def large(tasks: int) -> str:
    """Return a batch graph of many tasks with a phase of many commands: a few hundred lines."""
    lines = ["version: 0.2", "batch:", "  fast-fail: true", "  build-graph:"]
    for number in range(tasks):
        lines += [f"    - identifier: task_{number}", "      buildspec: ci/build.yml", "      env:"]
        lines += [
            "        compute-type: BUILD_GENERAL1_SMALL",
            "        variables:",
            f"          TARGET: target-{number}",
        ]
        if number:
            lines += ["      depend-on:", f"        - task_{number - 1}"]
    lines += ["phases:", "  build:", "    commands:"]
    for number in range(tasks):
        lines += [f"      - make target-{number}", "      - |", "        set -e", f"        cd target-{number}"]
        lines += ["        if [ -f extra.mk ]; then", "          make -f extra.mk", "        fi"]
    return "\n".join(lines) + "\n"


def cpu_seconds(work: Callable[[], object], repeat: int) -> float:
    """Return the CPU time of one call: the best round of several, each of `repeat` calls."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(repeat):
            work()
        best = min(best, (time.process_time() - begin) / repeat)
    return best


def main() -> int:
    """Print the ratios; the exit code is 1 when one is over the reach."""
    worst = 0.0
    print(f"{'file':<10}{'bytes':>8}{'parse us':>12}{'lint us':>12}{'ratio':>8}")
    for name, text in (("small", SMALL), ("usual", USUAL), ("large", large(40)), ("huge", large(400))):
        data = text.encode()
        repeat = max(1, 20_000 // len(data))
        lint(data)  # imports what this file needs
        gc.collect()
        gc.disable()
        parse = cpu_seconds(lambda data=data: yaml.load(data, Loader=yaml.CSafeLoader), repeat)  # type: ignore[misc]
        linted = cpu_seconds(lambda data=data: lint(data), repeat)  # type: ignore[misc]
        gc.enable()
        worst = max(worst, linted / parse)
        print(f"{name:<10}{len(data):>8}{parse * 1e6:>12.0f}{linted * 1e6:>12.0f}{linted / parse:>8.2f}")
    print(f"reach: {REACH:.1f}; worst here: {worst:.2f}")
    return int(worst > REACH)


if __name__ == "__main__":
    sys.exit(main())
