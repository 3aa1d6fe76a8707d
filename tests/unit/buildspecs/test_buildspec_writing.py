"""Generated, starter and mended buildspecs."""

import copy
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

from buildgate_cli.buildspecs import load
from buildgate_cli.buildspecs.fix import fix
from buildgate_cli.buildspecs.generate import CACHE_VARIABLES, STANDARD_VARIABLES, generate, generated
from buildgate_cli.buildspecs.lint import lint
from buildgate_cli.buildspecs.rules import RULES
from buildgate_cli.buildspecs.schema import schema
from buildgate_cli.buildspecs.starters import REGISTRIES, STARTERS, starter
from buildgate_cli.errors import UserError

ROOT = Path(__file__).parents[3]
DECLARATION = {
    "runtimes": {"python": "3.13"},
    "variables": {"MODE": "ci"},
    "build": "make test",
    "reports": {"unit": "reports/**/junit.xml"},
    "artifacts": ["dist/**/*"],
    "cache": {"lock": "requirements.txt", "paths": ["/root/.cache/pip/**/*"]},
}
STARTER_TEXTS = {
    **{name: starter(name) for name in STARTERS},
    **{f"docker-{kind}": starter("docker", registry=kind) for kind in REGISTRIES},
}


def test_short_forms_become_the_buildspecs_own_keys() -> None:
    spec = generated(DECLARATION, with_standard=False)

    assert spec.phase("build").commands == ("make test",)
    assert spec.phase("install").runtime_versions == {"python": "3.13"}
    assert spec.env.variables == {"MODE": "ci"}
    assert spec.reports[0].files == ("reports/**/junit.xml",)
    assert spec.artifacts is not None
    assert spec.artifacts.primary.files == ("dist/**/*",)
    assert spec.cache is not None
    assert (spec.cache.key, spec.cache.fallback_keys) == ("deps-$(codebuild-hash-files requirements.txt)", ("deps-",))


def test_the_five_variables_are_exported_by_a_shell_not_written_as_plain_text() -> None:
    spec = generated(DECLARATION)

    assert set(STANDARD_VARIABLES) <= set(spec.env.exported_variables)
    assert spec.env.variables == {"MODE": "ci"}
    said = "\n".join(spec.phase("pre_build").commands)
    assert all(f"export {name}=" in said for name in STANDARD_VARIABLES)


def test_reports_are_uploaded_and_the_cache_is_probed_only_where_there_are_any() -> None:
    whole, bare = generated(DECLARATION), generated({"build": "make"})

    assert "--include 'reports/*junit.xml'" in whole.phase("post_build").finally_commands[0]
    assert set(CACHE_VARIABLES) <= set(whole.env.exported_variables)
    assert whole.cache is not None
    assert whole.cache.paths == (".buildgate-cache-key", "/root/.cache/pip/**/*")
    assert bare.cache is None
    assert not bare.phase("post_build").finally_commands


def test_layers_are_merged_by_the_documented_rules() -> None:
    defaults = {
        "variables": {"A": "default", "B": "default"},
        "build": ["lint"],
        "phases": {"build": {"finally": ["tidy"]}},
        "export": ["A", "B"],
        "cache": {"paths": ["a"], "key": "old"},
        "reports": {"unit": ["old.xml"]},
        "proxy": {"logs": True},
    }
    declaration = {
        "variables": {"A": "mine"},
        "build": ["make"],
        "phases": {"build": {"finally": ["report"]}},
        "export": ["B", "C"],
        "cache": {"paths": ["b", "a"]},
        "reports": {"unit": ["new.xml"]},
        "proxy": None,
    }

    spec = generated(declaration, defaults=defaults, with_standard=False)

    assert spec.env.variables == {"A": "mine", "B": "default"}
    assert spec.phase("build").commands == ("lint", "make")
    assert spec.phase("build").finally_commands == ("report", "tidy")
    assert spec.env.exported_variables == ("A", "B", "C")
    assert spec.cache is not None
    assert (spec.cache.paths, spec.cache.key) == (("a", "b"), "old")
    assert spec.reports[0].files == ("new.xml",)
    assert spec.proxy.logs is None


def test_generating_changes_no_argument_and_is_deterministic() -> None:
    declaration, defaults = copy.deepcopy(DECLARATION), {"post_build": ["echo done"], "export": ["X"]}
    before = copy.deepcopy((declaration, defaults))

    first = generate(declaration, defaults=defaults)

    assert (declaration, defaults) == before
    assert generate(dict(reversed(list(declaration.items()))), defaults=defaults) == first


def test_generated_buildspecs_lint_clean() -> None:
    assert [f"{one.code} {one.message}" for one in lint(generate(DECLARATION))] == []


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        ({"buidl": "make"}, "`buidl` is not a key of a declaration."),
        ({"build": [{"a": "b"}]}, "Expected Commands"),
        ({"env": "x", "variables": {"A": "b"}}, "`env` must be a mapping"),
        ({}, "wrong number of container tags"),
        ({"phases": {"deploy": {"commands": ["a"]}}}, "Invalid buildspec phase name: deploy"),
    ],
)
def test_a_declaration_that_makes_no_buildspec_is_refused(declaration: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        generate(declaration, with_standard=False)

    assert said in caught.value.message


@pytest.mark.parametrize("text", STARTER_TEXTS.values(), ids=STARTER_TEXTS.keys())
def test_starters_lint_clean_load_and_fit_the_schema(text: str) -> None:
    assert [f"{one.line} {one.code} {one.message}" for one in lint(text)] == []
    assert load(text).phases
    jsonschema.validate(yaml.safe_load(text), schema())


def test_schema_takes_every_fixed_example_and_is_published() -> None:
    validator = jsonschema.Draft7Validator(schema())

    for rule in RULES.values():
        problems = [error.message for error in validator.iter_errors(yaml.safe_load(rule.fixed))]
        assert problems == [], rule.code
    published = json.loads((ROOT / "docs/reference/buildspec.schema.json").read_text("utf-8"))
    assert published == schema(), "run `buildgate buildspec schema > docs/reference/buildspec.schema.json`"


@pytest.mark.parametrize(
    "code", ["BS104", "BS105", "BS106", "BS107", "BS108", "BS109", "BS110", "BS112", "BS113", "BS114", "BS117", "BS201"]
)
def test_schema_refuses_failing_examples_that_it_can_tell(code: str) -> None:
    assert not jsonschema.Draft7Validator(schema()).is_valid(yaml.safe_load(RULES[code].failing))


UNTIDY = """\
# The build of the shop
version: "0.2"   # keep me
batch: {build-list: [{identifier: a}]}

phases:
  Install:
    runtime_versions:
      python: 3.10  # three ten
  prebuild:
    commands: make deps # fetch
  build:
    commands:
      - echo "Result: fine"
      # really?
      - echo it's "x: y"
"""
TIDY = """\
# The build of the shop
version: 0.2   # keep me
batch: {build-list: [{identifier: a}]}

phases:
  install:
    runtime-versions:
      python: "3.10"  # three ten
  pre_build:
    commands:
      - make deps # fetch
  build:
    commands:
      - 'echo "Result: fine"'
      # really?
      - "echo it's \\"x: y\\""
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_mending_keeps_comments_order_and_layout(newline: str) -> None:
    mended, codes = fix(UNTIDY.replace("\n", newline))

    assert mended == TIDY.replace("\n", newline)
    assert sorted(set(codes)) == ["BS107", "BS108", "BS201", "BS205", "BS210", "BS214", "BS302"]
    assert fix(mended) == (mended, ())


@pytest.mark.parametrize(
    "text",
    [
        "phases: [",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - {a: b}\n",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - echo a: b\n        c: d\n",
        "version: 0.2\nphases:\n  deploy:\n    commands: [a]\n",
        "version: 0.2\nphases: {build: {commands: make}}\n",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - {{ cmd }}\n      - echo a: b\n",
    ],
)
def test_mending_leaves_alone_what_only_a_person_can_decide(text: str) -> None:
    assert fix(text) == (text, ())


def test_data_and_starters_are_part_of_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

    assert "cli/buildgate_cli" in settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
