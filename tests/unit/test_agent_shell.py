"""What survives from command to command, and what a command sees."""

from pathlib import Path

import pytest

from agent_harness import run_buildspec


def commands(*lines: str, with_shell: str = "", version: str = "0.2") -> str:
    body = "".join("      - |\n" + "".join(f"        {part}\n" for part in line.split("\n")) for line in lines)
    env = f"env:\n  shell: {with_shell}\n" if with_shell else ""
    return f"version: {version}\n{env}phases:\n  build:\n    commands:\n{body}"


def test_folder_and_variables_survive_commands_and_phases(tmp_path: Path) -> None:
    done = run_buildspec(
        tmp_path,
        """
        version: 0.2
        phases:
          install:
            commands:
              - mkdir -p deep/er && cd deep
              - cd er
              - A="it's \\"$HOME\\" 2 lines"
              - export B='x
                y'
          build:
            commands:
              - basename "$(pwd)"
              - echo "$A|$B"
              - unset A
              - echo "${A-gone}"
        """,
        base_variables={"PATH": "/usr/bin:/bin", "HOME": "/h"},
    )

    assert done.heard.output == ["er", 'it\'s "/h" 2 lines|x y', "gone"]


@pytest.mark.parametrize("shell", ["", "bash", "/bin/sh"])
def test_functions_aliases_options_and_traps_do_not_survive(tmp_path: Path, shell: str) -> None:
    done = run_buildspec(
        tmp_path,
        commands(
            "set -e; f() { echo function; }; alias x='echo alias'; trap 'echo trapped' EXIT",
            "false; echo no set -e",
            "f 2>/dev/null || echo no function",
            with_shell=shell,
        ),
    )

    assert done.heard.output == ["trapped", "no set -e", "no function"]


def test_exit_ends_only_its_command_and_saves_nothing(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, commands("A=1; cd /; exit 0", 'echo "${A-unset} $(basename "$(pwd)")"'))

    assert done.outcome.status == "SUCCEEDED"
    assert done.heard.output == ["unset src"]


def test_a_block_fails_only_by_its_last_command_unless_it_says_set_e(tmp_path: Path) -> None:
    assert run_buildspec(tmp_path / "1", commands("false\ntrue")).outcome.status == "SUCCEEDED"
    assert run_buildspec(tmp_path / "2", commands("set -e\nfalse\ntrue")).outcome.status == "FAILED"


def test_the_default_shell_is_sh_and_bash_is_there_when_asked_for(tmp_path: Path) -> None:
    text = "[[ a == a ]] && echo bash"

    assert run_buildspec(tmp_path / "1", commands(text, with_shell="bash")).heard.output == ["bash"]
    plain = run_buildspec(tmp_path / "2", commands('echo "${BASH_VERSION:-no bash}"'))
    assert plain.heard.output == ["no bash"]


def test_version_0_1_carries_nothing(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, commands("A=1; cd /", 'echo "${A-unset} $(basename "$(pwd)")"', version="0.1"))

    assert done.heard.output == ["unset src"]


def test_a_shell_this_machine_cannot_run_is_refused(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, commands("dir", with_shell="cmd.exe"))

    assert done.outcome.status == "FAILED"
    assert "cmd.exe" in done.context("DOWNLOAD_SOURCE")[1]


def test_variables_are_literal_and_a_start_wins_over_the_project_and_the_buildspec(tmp_path: Path) -> None:
    done = run_buildspec(
        tmp_path,
        """
        version: 0.2
        env:
          variables: {A: spec, B: spec, C: "$(date)$PATH", CODEBUILD_BUILD_ID: mine}
        phases:
          build:
            commands:
              - echo "$A $B $C $CODEBUILD_BUILD_ID"
        """,
        variables={"B": "start"},
        system_variables={"CODEBUILD_BUILD_ID": "p:1"},
    )

    assert done.heard.output in (["spec start $(date)$PATH p:1"], [])
    if not done.heard.output:
        assert "CODEBUILD_" in done.context("DOWNLOAD_SOURCE")[1]


def test_hostile_values_reach_the_command_unharmed(tmp_path: Path) -> None:
    value = '\'; touch pwned; echo "$(touch pwned)" `touch pwned` \\ \n\t*'

    done = run_buildspec(tmp_path, commands('printf "%s" "$V" | od -An -c | tr -d " \\n"'), variables={"V": value})

    plain = done.heard.output[0]
    assert "touchpwned" in plain
    assert not list(tmp_path.rglob("pwned"))


def test_parameters_and_secrets_are_there_and_masked_in_the_log(tmp_path: Path) -> None:
    done = run_buildspec(
        tmp_path,
        """
        version: 0.2
        env:
          parameter-store: {P: /shop/p}
          secrets-manager: {S: "shop/s:key"}
        phases:
          build:
            commands:
              - echo "$P/$S/${#P}"
              - test "$P" = "parameter value" && test "$S" = hunter22
        """,
        known={"/shop/p": "parameter value", "shop/s:key": "hunter22"},
    )

    assert done.outcome.status == "SUCCEEDED"
    assert done.heard.output == ["***/***/15"]


def test_secrets_and_aws_variables_are_not_exported_and_key_ids_are_masked(tmp_path: Path) -> None:
    key = "AKIA" + "ABCDEFGH12345678"
    spec = f"""\
        version: 0.2
        env:
          parameter-store: {{P: /shop/p}}
          exported-variables: [P, AWS_REGION, A]
        phases:
          build: {{commands: ["A=1; echo key {key} and x{key}"]}}
        """

    done = run_buildspec(tmp_path, spec, known={"/shop/p": "value-of-p"})

    assert done.outcome.exported == {"A": "1"}
    assert done.heard.output == [f"key *** and x{key}"]
    assert "Not exported, for they are secret or AWS's own: P, AWS_REGION" in done.heard.said


def test_exported_variables_are_read_when_the_commands_are_done(tmp_path: Path) -> None:
    done = run_buildspec(
        tmp_path,
        """
        version: 0.2
        env:
          exported-variables: [A, MULTI, ABSENT, EMPTY]
        phases:
          install: {commands: [A=1]}
          post_build:
            commands:
              - A=2; EMPTY=
              - MULTI="$(printf 'x\\ny=z')"
        """,
    )

    assert done.outcome.exported == {"A": "2", "MULTI": "x\ny=z", "EMPTY": ""}


def test_a_folder_that_is_gone_does_not_break_the_agent(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, commands("mkdir x && cd x && rmdir ../x", "echo still here"))

    assert done.heard.output[-1] == "still here"


def test_output_that_is_not_utf_8_or_not_ended_is_still_logged(tmp_path: Path) -> None:
    done = run_buildspec(tmp_path, commands("printf '\\377abc\\r\\nlast'"))

    assert done.heard.output == ["\ufffdabc", "last"]
