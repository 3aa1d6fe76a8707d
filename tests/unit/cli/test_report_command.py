"""`buildgate report`: figures for people, JSON lines for machines, exit code 5 with a reason for what is refused."""

import json
from pathlib import Path

import pytest

from buildgate_cli.main import main

SAMPLES = Path(__file__).parents[2] / "samples" / "reports"


def sample(name: str) -> str:
    return str(SAMPLES / name)


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(["report", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_one_file_is_printed_as_one_json_object(capsys):
    code, out, _ = run(capsys, "read", sample("bandit/report.json"), "--json")

    data = json.loads(out)
    assert code == 0
    assert list(data) == ["file", "format", "measurements", "findings", "warnings"]
    assert (data["file"], data["format"]) == (sample("bandit/report.json"), "bandit")
    assert data["measurements"]["findings.high"] == 1
    assert {"rule", "severity", "file", "line", "fingerprint", "fixed_version", "suppressed"} <= set(
        data["findings"][0]
    )


def test_several_files_are_one_object_a_line(capsys):
    code, out, _ = run(capsys, "read", sample("lcov/full.info"), sample("k6/summary-export.json"), "--json")

    assert code == 0
    assert [json.loads(line)["format"] for line in out.splitlines()] == ["lcov", "k6"]


def test_refused_file_ends_with_5_and_says_why_while_the_others_are_read(capsys):
    code, out, err = run(capsys, "read", sample("junit/truncated.xml"), sample("lcov/full.info"), "--json")

    refused, read = (json.loads(line) for line in out.splitlines())
    assert code == 5
    assert refused["error"]["reason"] == "truncated"
    assert read["format"] == "lcov"
    assert "truncated" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["no-such-file.xml", "."])
def test_file_that_cannot_be_opened_is_refused(capsys, name):
    code, _, err = run(capsys, "read", name)

    assert code == 5
    assert "unreadable" in err


def test_figures_are_a_table_and_warnings_go_to_standard_error(capsys):
    code, out, err = run(capsys, "read", sample("cobertura/header-says-all.xml"))

    assert code == 0
    assert "coverage.line_percent" in out
    assert "which would look better" in err


def test_format_may_be_given(capsys):
    assert run(capsys, "read", sample("eslint/empty.json"))[0] == 5
    code, out, _ = run(capsys, "read", sample("eslint/empty.json"), "--format", "eslint", "--json")

    assert code == 0
    assert json.loads(out)["measurements"]["findings.total"] == 0


def test_unknown_format_is_a_usage_error(capsys):
    code, _, err = run(capsys, "read", sample("lcov/full.info"), "--format", "tap")

    assert code == 2
    assert "report formats" in err


def test_formats_are_listed(capsys):
    code, out, _ = run(capsys, "formats")
    names = {line.split()[0] for line in out.splitlines()[1:]}

    assert code == 0
    assert {"junit", "cobertura", "sarif", "trivy", "k6", "cyclonedx", "metrics"} <= names
    assert {entry["name"] for entry in json.loads(run(capsys, "formats", "--json")[1])} == names
