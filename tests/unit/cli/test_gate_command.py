"""`buildgate gate` from end to end on files alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from buildgate_cli.main import main

GATE = """\
name: quality
objectives:
  - {measurement: tests.failed, pass: ["<= 0"], key: true}
  - {measurement: tests.total, pass: [">= 2"], warn: [">= 1"]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gate.yaml").write_text(GATE)
    junit(0, 2)
    return tmp_path


def junit(failed: int, total: int, name: str = "junit.xml") -> None:
    broken = "".join(f'<testcase name="f{i}"><failure message="no"/></testcase>' for i in range(failed))
    fine = "".join(f'<testcase name="p{i}"/>' for i in range(total - failed))
    Path(name).write_text(f'<testsuite name="s" tests="{total}" failures="{failed}">{fine}{broken}</testsuite>')


def gate(*arguments: str) -> int:
    return main(["gate", *arguments])


def check(*arguments: str) -> int:
    return gate("check", "--gate", "gate.yaml", *arguments)


def test_passing_reports_end_with_zero(capsys: pytest.CaptureFixture[str]):
    assert check("junit.xml") == 0
    assert capsys.readouterr().out.startswith("quality: PASS  score 100\n")


def test_failing_reports_end_with_one_and_the_reason(capsys: pytest.CaptureFixture[str]):
    junit(2, 3)

    assert check("junit.xml") == 1
    assert "tests.failed is 2, must be <= 0 (junit.xml) [key]" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--strict",), 4)])
def test_warning_ends_with_zero_or_four_when_strict(arguments: tuple[str, ...], code: int):
    junit(0, 1)

    assert check("junit.xml", *arguments) == code


@pytest.mark.parametrize("report", ["absent.xml", "broken.xml", "empty.xml"])
def test_report_that_cannot_be_read_ends_with_five(report: str, capsys: pytest.CaptureFixture[str]):
    Path("broken.xml").write_text('<testsuite name="s"><testcase')
    Path("empty.xml").write_text("")

    assert check("junit.xml", report) == 5
    assert f"{report} was refused" in capsys.readouterr().out


def test_empty_folder_is_an_absent_report(folder: Path):
    (folder / "reports").mkdir()

    assert check("reports") == 5


def test_advisory_gate_ends_with_zero_and_shows_its_failure(capsys: pytest.CaptureFixture[str]):
    Path("gate.yaml").write_text("blocking: false\n" + GATE)
    junit(1, 2)

    assert check("junit.xml") == 0
    out = capsys.readouterr().out
    assert "(does not block)\n" in out
    assert "the gate is advisory: the run goes on" in out
    assert check("junit.xml", "--strict") == 4


def test_json_is_the_stored_form(capsys: pytest.CaptureFixture[str]):
    assert check("junit.xml", "--json") == 0

    verdict = json.loads(capsys.readouterr().out)["verdicts"][0]
    assert (verdict["gate"], verdict["status"], verdict["score"]) == ("quality", "pass", 100)


@pytest.mark.parametrize(
    ("form", "start"),
    [("junit", "<?xml"), ("sarif", "{"), ("markdown", "### ✅ quality: pass"), ("text", "quality: PASS")],
)
def test_every_format_is_printed_or_written(form: str, start: str, capsys: pytest.CaptureFixture[str]):
    assert check("junit.xml", "--format", form) == 0
    assert capsys.readouterr().out.startswith(start)
    assert check("junit.xml", "--format", form, "--output", "verdict") == 0
    assert Path("verdict").read_text().startswith(start)


def test_broken_gate_file_is_refused_with_line_column_and_the_nearest_name(capsys: pytest.CaptureFixture[str]):
    Path("gate.yaml").write_text("name: g\nobjectives:\n  - measurement: test.failed\n    pass: ['<= 0']\n")

    assert check("junit.xml") == 1
    assert gate("lint", "gate.yaml") == 1
    out = capsys.readouterr().out
    assert "gate.yaml:3:18: objectives[0].measurement: unknown measurement 'test.failed'" in out
    assert "did you mean tests.failed?" in out


def test_lint_accepts_gates_and_says_so_to_programs(capsys: pytest.CaptureFixture[str]):
    assert gate("lint", "gate.yaml", "--json") == 0
    assert json.loads(capsys.readouterr().out)["files"] == [{"file": "gate.yaml", "valid": True, "gates": ["quality"]}]


def test_gates_of_a_pipeline_file_are_judged_by_name(capsys: pytest.CaptureFixture[str]):
    inner = "".join(f"        {line}\n" for line in GATE.splitlines()).replace("        name", "      - name", 1)
    Path("gate.yaml").write_text(f"name: shop\nstages:\n  - name: test\n    gates:\n{inner}")

    assert check("junit.xml", "--name", "quality") == 0
    assert check("junit.xml", "--name", "other") == 2
    assert "It has: quality." in capsys.readouterr().err


def saved(name: str, *arguments: str) -> dict[str, Any]:
    check("junit.xml", "--save", name, "--run-id", name, *arguments)
    data: dict[str, Any] = json.loads(Path(name).read_text())
    return data


def test_saved_judgement_is_explained_and_proved(capsys: pytest.CaptureFixture[str]):
    saved("run.json")

    assert gate("explain", "run.json") == 0
    assert "judged again: the same verdict, byte for byte" in capsys.readouterr().out


def test_record_that_was_edited_is_found_out(capsys: pytest.CaptureFixture[str]):
    data = saved("run.json")
    data["evidence"]["measurements"]["junit.xml"]["tests.failed"] = 5
    Path("run.json").write_text(json.dumps(data))

    assert gate("explain", "run.json") == 5
    assert "ANOTHER verdict" in capsys.readouterr().out


def test_why_not_names_the_smallest_set_of_changes(capsys: pytest.CaptureFixture[str]):
    junit(3, 4)
    saved("run.json")
    capsys.readouterr()

    assert gate("why-not", "run.json") == 0
    assert capsys.readouterr().out.splitlines() == [
        "one change would take quality from fail to pass",
        "  tests.failed from 3 to 0 (<= 0)",
    ]


def test_baseline_is_a_record_that_passed_or_plain_measurements(capsys: pytest.CaptureFixture[str]):
    Path("gate.yaml").write_text("name: g\nobjectives:\n  - {measurement: tests.total, pass: ['>= -10 %']}\n")
    junit(0, 10)
    saved("good.json")
    Path("plain.json").write_text('{"tests.total": 20}')

    assert check("junit.xml", "--baseline", "good.json", "--strict") == 0
    assert check("junit.xml", "--baseline", "plain.json") == 1
    assert "must be >= -10 % (18), was 20" in capsys.readouterr().out


def test_record_of_a_failed_run_is_no_baseline(capsys: pytest.CaptureFixture[str]):
    junit(1, 2)
    saved("bad.json")

    assert check("junit.xml", "--baseline", "bad.json") == 2
    assert "that is no baseline" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[1]", '{"a": "b"}', '{"verdict": {}}', "not json"])
def test_what_is_no_baseline_or_record_is_a_usage_error(content: str):
    Path("x.json").write_text(content)

    assert check("junit.xml", "--baseline", "x.json") == 2
    assert gate("explain", "x.json") == 2
    assert gate("why-not", "x.json") == 2


def test_backtest_says_what_a_gate_would_have_done(capsys: pytest.CaptureFixture[str]):
    for number, outcome in enumerate(("good", "bad"), 1):
        junit(0, number)
        data = saved(f"run-{number}.json")
        Path(f"run-{number}.json").write_text(json.dumps({**data, "outcome": outcome}))
    Path("new.yaml").write_text("name: q\nobjectives:\n  - {measurement: tests.total, pass: ['<= 1']}\n")
    capsys.readouterr()

    assert gate("backtest", "new.yaml", "run-1.json", "run-2.json", "--since", "1d", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["would_block"], answer["precision"], answer["recall"]) == (1, 1, 1)
    assert gate("backtest", "new.yaml", "run-1.json", "--since", "soon") == 2


def test_waiver_file_is_read_and_its_mistakes_are_placed(capsys: pytest.CaptureFixture[str]):
    Path("waivers.yaml").write_text("- {rule: CVE-1, reason: r, owner: o}\n")

    assert check("junit.xml", "--waivers", "waivers.yaml") == 1
    Path("waivers.yaml").write_text("- {rule: CVE-1, reason: r, owner: o, expires: 2020-01-01}\n")
    assert check("junit.xml", "--waivers", "waivers.yaml") == 0
    assert "EXPIRED waiver of rule CVE-1" in capsys.readouterr().out


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


COBERTURA = """\
<coverage line-rate="1"><packages><package name="p"><classes><class name="c" filename="c.py"><lines>
{lines}</lines></class></classes></package></packages></coverage>"""


@pytest.mark.parametrize(("added", "status"), [(5, "SKIPPED (5 changed lines < 20)"), (40, "is 0, must be >= 80")])
def test_new_code_is_what_git_says_changed_since_the_base(added: int, status: str, capsys: pytest.CaptureFixture[str]):
    git("init", "-q", "-b", "main")
    Path("c.py").write_text("a = 1\n" * 10)
    git("add", "c.py")
    git("commit", "-q", "-m", "Begin")
    Path("c.py").write_text("a = 1\n" * 10 + "b = 2\n" * added)
    git("checkout", "-q", "-b", "topic")
    git("commit", "-q", "-a", "-m", "Add")
    rows = "".join(f'<line number="{n}" hits="{int(n <= 10)}"/>' for n in range(1, 11 + added))
    Path("cov.xml").write_text(COBERTURA.format(lines=rows))
    Path("gate.yaml").write_text(
        "name: g\nobjectives:\n  - {measurement: coverage.changed.line_percent, pass: ['>= 80']}\n"
    )

    assert check("cov.xml", "--base", "main") == (0 if added < 20 else 1)
    assert status in capsys.readouterr().out
    assert check("cov.xml", "--base", "nowhere") == 2


def test_presets_are_listed_and_shown_as_gate_files(capsys: pytest.CaptureFixture[str]):
    assert gate("presets", "--json") == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)["presets"]]
    for name in names:
        assert gate("show", name) == 0
        Path("shown.yaml").write_text(capsys.readouterr().out)
        assert gate("lint", "shown.yaml") == 0
        capsys.readouterr()


def test_unknown_preset_names_the_nearest(capsys: pytest.CaptureFixture[str]):
    assert gate("show", "security_scam") == 2
    assert "Did you mean security_scan?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "fix"), [("security_scam", "Did you mean security_scan?"), ("zzz", "`buildgate gate presets` lists")]
)
def test_word_that_is_neither_gate_file_nor_preset_names_the_nearest(
    word: str, fix: str, capsys: pytest.CaptureFixture[str]
):
    assert gate("check", "--gate", word, "junit.xml") == 2
    assert fix in capsys.readouterr().err


def test_file_of_a_presets_name_is_the_file(capsys: pytest.CaptureFixture[str]):
    Path("security_scan").write_text(GATE)

    assert gate("check", "--gate", "security_scan", "junit.xml") == 0
    assert capsys.readouterr().out.startswith("quality: PASS")


def test_schema_is_json(capsys: pytest.CaptureFixture[str]):
    assert gate("schema") == 0
    assert json.loads(capsys.readouterr().out)["$schema"].endswith("2020-12/schema")


def test_manual_gate_is_not_judged_here(capsys: pytest.CaptureFixture[str]):
    Path("gate.yaml").write_text("preset: architecture_review\n")

    assert check("junit.xml") == 2
    assert "is decided by people" in capsys.readouterr().err


def test_sources_are_not_asked_on_a_laptop_and_the_verdict_says_so(capsys: pytest.CaptureFixture[str]):
    text = "name: g\nobjectives: [{measurement: tests.failed, pass: ['<= 0']}]\nsources: [{from: ecr, image: shop}]\n"
    Path("gate.yaml").write_text(text)
    Path("m.json").write_text('{"measurements": {"tests.failed": 0}}')

    assert gate("check", "--gate", "gate.yaml", "m.json") == 0
    assert "sources are asked in pipelines only, not here: ecr" in capsys.readouterr().out
