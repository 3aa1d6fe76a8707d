"""`buildgate buildspec` as a person and a program meet it."""

import io
import json
import sys
from pathlib import Path

import pytest

from buildgate_cli.main import main

GOOD = "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n"
BAD = "version: 0.2\nphases:\n  deploy:\n    commands:\n      - make\n"
DOUBTFUL = GOOD + "unknown: 1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "buildspec.yml").write_text(GOOD)
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "buildspec-release.yaml").write_text(BAD)
    (tmp_path / "ci" / "other.yml").write_text("a: b\n")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "buildspec.yml").write_text("[")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [(GOOD, [], 0), (BAD, [], 1), (DOUBTFUL, [], 0), (DOUBTFUL, ["--strict"], 4), (BAD, ["--strict"], 1)],
)
def test_exit_code_says_what_was_found(
    text: str, options: list[str], code: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "one.yml").write_text(text)

    assert main(["buildspec", "lint", "one.yml", *options]) == code
    assert "1 file" in capsys.readouterr().err


def test_json_is_a_list_of_findings_with_the_documented_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["buildspec", "lint", "ci/buildspec-release.yaml", "--json"]) == 1

    (finding,) = json.loads(capsys.readouterr().out)
    assert list(finding) == ["file", "line", "column", "code", "severity", "message", "fix"]
    assert (finding["file"], finding["line"], finding["column"]) == ("ci/buildspec-release.yaml", 3, 3)
    assert (finding["code"], finding["severity"]) == ("BS107", "error")


def test_sarif_names_rule_level_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    main(["buildspec", "lint", "ci/buildspec-release.yaml", "--sarif"])

    (run,) = json.loads(capsys.readouterr().out)["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "BS107"
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "ci/buildspec-release.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 3}


def files_of(out: str) -> list[str]:
    return sorted({finding["file"] for finding in json.loads(out)})


def test_folders_globs_and_standard_input_are_searched_and_each_file_is_read_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["buildspec", "lint", ".", "--json"])
    assert files_of(capsys.readouterr().out) == ["ci/buildspec-release.yaml"]

    main(["buildspec", "lint", "**/*.yml", "**/*.yaml", "ci", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {one["file"] for one in found} == {"ci/buildspec-release.yaml", "ci/other.yml", "node_modules/buildspec.yml"}
    assert len([one for one in found if one["code"] == "BS107"]) == 1

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    main(["buildspec", "lint", "-", "--json"])
    assert files_of(capsys.readouterr().out) == ["<stdin>"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lint", "absent.yml"], "absent.yml does not exist"),
        (["lint", "*.toml"], "No file matches *.toml"),
        (["lint", "node_modules/.."], ""),
        (["lint", "buildspec.yml", "--ignore", "BS999"], "There is no rule BS999"),
        (["lint", "buildspec.yml", "--image", "aws/codebuild/standard:99.0"], "is not known"),
        (["lint", "buildspec.yml", "--json", "--sarif"], "exclude each other"),
        (["new"], "Name a template"),
        (["new", "--template", "cobol"], "There is no template cobol"),
        (["generate", "absent.yml"], "absent.yml does not exist"),
    ],
)
def test_mistakes_end_in_one_line_and_a_way_out(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["buildspec", *arguments])

    assert code == (2 if said else 1)
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed


def test_a_code_can_be_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "one.yml").write_text(DOUBTFUL)

    assert main(["buildspec", "lint", "one.yml", "--strict", "--ignore", "bs201"]) == 0
    assert capsys.readouterr().out == ""


def test_rules_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["buildspec", "rules"]) == 0
    assert "BS107" in capsys.readouterr().out

    assert main(["buildspec", "rules", "bs107"]) == 0
    assert "Fixed:" in capsys.readouterr().out

    assert main(["buildspec", "rules", "--json"]) == 0
    assert {"code", "severity", "title", "why", "failing", "fixed"} == set(json.loads(capsys.readouterr().out)[0])


def test_new_writes_a_starter_and_never_overwrites_unasked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["buildspec", "new", "--template", "python", "-o", "new.yml"]) == 0
    written = (folder / "new.yml").read_text()
    assert main(["buildspec", "lint", "new.yml", "--strict"]) == 0

    assert main(["buildspec", "new", "--template", "go", "-o", "new.yml"]) == 1
    assert (folder / "new.yml").read_text() == written
    assert main(["buildspec", "new", "--template", "go", "-o", "new.yml", "--force"]) == 0
    assert "golang" in (folder / "new.yml").read_text()

    capsys.readouterr()
    assert main(["buildspec", "new", "--list", "--json"]) == 0
    listed = [one["template"] for one in json.loads(capsys.readouterr().out)]
    assert listed == "node python java go docker multi-arch terraform model-training package".split()  # noqa: SIM905


def test_generate_reads_a_short_declaration_and_defaults(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "short.yml").write_text("build: make test\nruntimes: {python: 3.10}\n")
    (folder / "company.yml").write_text("variables: {COMPANY: example}\n")

    assert main(["buildspec", "generate", "short.yml", "--defaults", "company.yml", "--plain"]) == 0

    printed = capsys.readouterr().out
    assert "COMPANY: example" in printed
    assert "python: '3.10'" in printed
    assert main(["buildspec", "generate", "short.yml", "--json", "-o", "out.json"]) == 0
    assert json.loads((folder / "out.json").read_text())["phases"]["build"]["commands"] == ["make test"]


@pytest.mark.parametrize("text", ["[1]", "build: [", "build: a\nbuild: ]", "", "a: &a [*a]", "\x07"])
def test_a_declaration_that_cannot_be_read_is_one_error(
    text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "short.yml").write_text(text)

    assert main(["buildspec", "generate", "short.yml"]) == 1
    assert "short.yml" in capsys.readouterr().err


def test_fix_mends_a_file_in_place_and_shows_the_change_first_on_request(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "buildspec.yml"
    file.write_text(GOOD.replace("build:", "Build: # ours"))
    file.chmod(0o640)

    assert main(["buildspec", "fix", "buildspec.yml", "--dry-run"]) == 0
    assert "+  build: # ours" in capsys.readouterr().out
    assert "Build" in file.read_text()

    assert main(["buildspec", "fix", "buildspec.yml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["mended"] == {"BS210": 1}
    assert file.read_text() == GOOD.replace("build:", "build: # ours")
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in folder.iterdir()) == ["buildspec.yml", "ci", "node_modules"]


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["buildspec", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "AWS CodeBuild buildspec"
