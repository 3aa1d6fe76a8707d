"""What a shell needs to reach the local cloud with other programs."""

import json
import shlex
import subprocess
from pathlib import Path

from cli_harness import Cli, write_cloud


def test_a_shell_that_evaluates_it_has_the_clouds_address_and_keys_and_no_profile(tmp_path: Path) -> None:
    write_cloud(tmp_path / "home", front="http://127.0.0.1:1", services="http://127.0.0.1:2")
    cli = Cli(tmp_path / "home")

    printed = cli("local", "env").stdout
    data = json.loads(cli("local", "env", "--json").stdout)
    script = f"AWS_PROFILE=work; eval {shlex.quote(printed)}; echo $AWS_ENDPOINT_URL_CODEBUILD [$AWS_PROFILE]; env"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )

    assert done.stdout.splitlines()[0] == "http://127.0.0.1:2 []"
    assert {f"{name}={value}" for name, value in data.items()} <= set(done.stdout.splitlines())
    assert data["AWS_DEFAULT_REGION"] == "us-east-1"


def test_without_a_cloud_it_says_how_to_start_one(tmp_path: Path) -> None:
    answer = Cli(tmp_path / "nowhere")("local", "env")

    assert answer.exit_code == 3
    assert "buildgate local up" in answer.stderr
