import subprocess
import sys
from pathlib import Path

import pytest
import typer

from buildgate_cli import main as entry
from buildgate_cli.errors import UserError
from cli_harness import Cli

HEAVY = ("boto3", "botocore", "urllib3", "jinja2", "yaml", "ministack", "buildgate.inbound", "buildgate_cli.commands")


def loaded_by(*arguments: str) -> set[str]:
    """Return the heavy modules that a fresh interpreter has loaded after one command line."""
    program = (
        "import sys\n"
        "from buildgate_cli.main import main\n"
        f"main({list(arguments)!r})\n"
        f"print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("nonsense",)])
def test_help_version_and_typos_load_no_sdk_and_no_command(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) == set()


@pytest.mark.parametrize("noun", ["pipeline", "run", "approval", "metrics", "project", "repo", "init"])
def test_the_help_of_a_noun_loads_no_sdk(noun: str) -> None:
    assert loaded_by(noun, "--help") <= {"buildgate_cli.commands", "yaml"}


def test_every_noun_is_in_the_help_with_its_line(cli: Cli) -> None:
    shown = cli("--help").stdout

    for noun, entry_of in entry.NOUNS.items():
        assert noun in shown
        assert entry_of.help in shown


def test_a_terminal_without_our_signs_gets_others(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text("name: shop\nstages: [{name: x, größe: 1}]\n", encoding="utf-8")
    program = (
        "import sys; from buildgate_cli.main import main; sys.exit(main(['pipeline', 'validate', 'pipeline.yaml']))"
    )
    environment = {"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "ascii"}

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, cwd=tmp_path, env=environment, check=False, timeout=60
    )

    assert done.returncode == 1
    assert b"unknown key 'gr??e'" in done.stdout


def test_a_folder_is_no_file(cli: Cli, tmp_path: Path) -> None:
    answer = cli("pipeline", "validate", str(tmp_path))

    assert (answer.exit_code, answer.stderr) == (2, f"Error: {tmp_path} is a folder.\n  -> Name a file.\n")


def test_a_misspelt_noun_is_a_usage_error_that_names_the_nearest(cli: Cli) -> None:
    answer = cli("pipelin", "list")

    assert answer.exit_code == 2
    assert "pipeline" in answer.stderr


def test_the_version_is_the_packages(cli: Cli) -> None:
    assert cli("--version").stdout.startswith("buildgate 0.")


def test_a_users_mistake_is_one_line_a_fix_and_an_exit_code(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["pipeline", "apply", "/nowhere/pipeline.yaml"]) == 2

    shown = capsys.readouterr().err
    assert shown.splitlines() == ["Error: /nowhere/pipeline.yaml does not exist.", "  -> Check the path."]


def test_a_defect_is_one_line_and_code_5_and_the_traceback_only_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = typer.Typer()

    @broken.command()
    def fail() -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr(entry, "app", broken)

    assert entry.main([]) == 5
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: nobody foresaw this" in shown
    assert "Traceback" not in shown

    monkeypatch.setenv("BUILDGATE_TRACEBACK", "1")
    assert entry.main([]) == 5
    assert "Traceback" in capsys.readouterr().err


def test_a_command_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = entry.NOUNS["run"]._replace(module="buildgate_cli.commands.absent")
    monkeypatch.setitem(entry.NOUNS, "run", absent)

    with pytest.raises(UserError, match="`run` are not part of this installation"):
        entry.load("run")


def test_completion_scripts_are_offered_for_the_usual_shells(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    for shell in ("bash", "zsh", "fish"):
        answer = cli("--show-completion", shell)
        assert answer.exit_code == 0
        assert "_BUILDGATE_COMPLETE" in answer.stdout.upper()


def test_nouns_and_verbs_complete_without_a_cloud(tmp_path: Path) -> None:
    assert "pipeline" in complete(tmp_path, "buildgate pi")
    assert "reject" in complete(tmp_path, "buildgate approval re")


def complete(home: Path, line: str) -> str:
    """Ask for completions the way bash does."""
    environment = {
        "_BUILDGATE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1 + line.endswith(" ")),
        "BUILDGATE_HOME": str(home),
        "PATH": "/usr/bin:/bin",
    }
    program = "import sys; from buildgate_cli.main import main; sys.exit(main([]))"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment).stdout
