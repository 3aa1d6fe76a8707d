"""How a repository is tested, found out from its own files."""

import json
from pathlib import Path

import pytest
import yaml

from buildgate_cli import buildspecs, starters
from buildgate_cli.buildspecs.lint import lint
from buildgate_cli.kinds import Kind, kind_of

PIP = ".build-venv/bin/pip install --quiet"
VITEST = "--reporter=default --reporter=junit --outputFile.junit=reports/junit.xml"
JEST = (
    "--ci --reporters=default --reporters=jest-junit"
    " --coverage --coverageReporters=cobertura --coverageDirectory=reports"
)
BUILD = "[build-system]\nrequires = []\n"


def of(folder: Path, files: dict[str, str]) -> Kind:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return kind_of(folder)


PYTHON_INSTALLS = {
    "a dependency group": (
        {"pyproject.toml": BUILD + '[dependency-groups]\ndev = ["pytest"]\ntests = ["freezegun"]\n'},
        (f"{PIP} --upgrade pip", f"{PIP} --group tests", f"{PIP} --editable ."),
    ),
    "an extra": (
        {"pyproject.toml": BUILD + '[project.optional-dependencies]\ndocs = []\ntest = ["freezegun"]\n'},
        (f'{PIP} --editable ".[test]"',),
    ),
    "an extra of setup.cfg": (
        {"setup.cfg": "[options.extras_require]\ntesting =\n  mock\n", "setup.py": ""},
        (f'{PIP} --editable ".[testing]"',),
    ),
    "poetry's groups": (
        {"pyproject.toml": BUILD + '[tool.poetry.group.dev.dependencies]\npytest = "*"\n'},
        (
            f"{PIP} poetry",
            'VIRTUAL_ENV="$PWD/.build-venv" .build-venv/bin/poetry install --no-interaction',
        ),
    ),
    "requirements in a folder": (
        {"pyproject.toml": BUILD, "requirements/tests.txt": "freezegun\n"},
        (f"{PIP} -r requirements/tests.txt", f"{PIP} --editable ."),
    ),
    "requirements in two files": (
        {"requirements.txt": "flask\n", "requirements-dev.txt": "mock\n"},
        (f"{PIP} -r requirements.txt", f"{PIP} -r requirements-dev.txt"),
    ),
    "nothing of its own": ({"setup.cfg": "[metadata]\n"}, ()),
    "a file that is not TOML": ({"pyproject.toml": "[build-system\n"}, ()),
}


@pytest.mark.parametrize("case", PYTHON_INSTALLS)
def test_what_a_python_repository_names_for_its_tests_is_installed(tmp_path: Path, case: str) -> None:
    files, own = PYTHON_INSTALLS[case]

    assert of(tmp_path, files).install == ("python3 -m venv .build-venv", *own, f"{PIP} pytest pytest-cov")


NODE_TESTS = {
    "a runner behind the script": (
        {"scripts": {"test": "eslint . && mocha test/unit"}, "devDependencies": {"mocha": "11"}},
        "npm test -- --reporter xunit --reporter-option output=reports/junit.xml",
    ),
    "a runner that the script does not end with": (
        {"scripts": {"test": "mocha && echo done"}},
        "npx mocha --reporter xunit --reporter-option output=reports/junit.xml",
    ),
    "a watcher runs once": (
        {"scripts": {"test": "vitest"}},
        f"npm test -- --run {VITEST}",
    ),
    "coverage where it can be measured": (
        {"scripts": {"test": "vitest run"}, "devDependencies": {"vitest": "4", "@vitest/coverage-v8": "4"}},
        f"npm test -- {VITEST} --coverage --coverage.reporter=cobertura --coverage.reportsDirectory=reports",
    ),
    "jest": (
        {"scripts": {"test": "jest"}, "devDependencies": {"jest": "30"}},
        f"JEST_JUNIT_OUTPUT_DIR=reports npm test -- {JEST}",
    ),
    "the built-in runner": (
        {"scripts": {"test": "node --test"}},
        "node --test --test-reporter=junit --test-reporter-destination=reports/junit.xml",
    ),
    "npm's own placeholder": (
        {"scripts": {"test": 'echo "Error: no test specified" && exit 1'}},
        "node --test --test-reporter=junit --test-reporter-destination=reports/junit.xml",
    ),
    "a script of its own": ({"scripts": {"test": "xo && ava"}}, "npm test"),
    "a package.json that is a list": (
        [],
        "node --test --test-reporter=junit --test-reporter-destination=reports/junit.xml",
    ),
}


@pytest.mark.parametrize("case", NODE_TESTS)
def test_a_node_repository_is_tested_by_its_own_runner(tmp_path: Path, case: str) -> None:
    package, command = NODE_TESTS[case]

    assert of(tmp_path, {"package.json": json.dumps(package)}).test[-1] == command


@pytest.mark.parametrize(
    ("lock", "text", "command"),
    [
        ("package-lock.json", "{}", "npm ci"),
        ("pnpm-lock.yaml", "", "npx --yes pnpm install --frozen-lockfile"),
        ("yarn.lock", "# yarn lockfile v1\n", "npx --yes yarn@1 install --frozen-lockfile"),
        ("yarn.lock", "__metadata:\n  version: 8\n", "corepack yarn install --immutable"),
        ("none", "", "npm install"),
    ],
)
def test_a_node_repository_is_installed_by_its_lock_file(tmp_path: Path, lock: str, text: str, command: str) -> None:
    assert of(tmp_path, {"package.json": "{}", lock: text}).install == (command,)


OTHERS = {
    "maven": {"pom.xml": "<project>jacoco</project>", "mvnw": ""},
    "gradle": {"build.gradle.kts": "", "gradlew": ""},
    "go": {"go.mod": "module example.com/shop\n"},
    "rust": {"Cargo.toml": "[package]\n"},
    "dotnet": {"Shop.sln": ""},
    "ruby": {"Gemfile": "gem 'rspec_junit_formatter'\n", "spec/shop_spec.rb": ""},
    "php": {"composer.json": "{}", "phpunit.xml.dist": ""},
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_starters_of_other_languages_are_buildspecs_without_a_finding(tmp_path: Path, name: str) -> None:
    kind = of(tmp_path, OTHERS[name])

    text = starters.files("shop", "main", kind)["buildspec.yml"]

    assert kind.name == name
    assert buildspecs.load(text).phases
    assert [found for found in lint(text) if found.severity != "info"] == []
    assert list(yaml.safe_load(text).get("reports", {})) == [report.group for report in kind.reports]


def test_a_command_that_yaml_would_read_otherwise_is_quoted() -> None:
    text = starters.files("shop", "main", Kind("odd", (), ("echo key: value # no comment",)))["buildspec.yml"]

    assert yaml.safe_load(text)["phases"]["build"]["commands"] == ["echo key: value # no comment"]
