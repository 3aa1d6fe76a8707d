"""The layer of third-party packages: pinned by hash, for Lambda's Python and processor, trimmed and compiled."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from layer_build import botocore_data, docstrings, late_dates, own_typing, patterns, unused_http2, unused_services
from layer_build.bytecode import LayerBuildError, compile_layer
from layer_build.target import PLATFORM, PYTHON

HOT = ("codebuild", "dynamodb")
"""The services whose clients every build event needs."""
UNUSED = ("bin", ".lock", "*.dist-info/sboms")


def build(layers: Path, artifact: Path) -> None:
    """Install the locked wheels under `artifact`/python, keep of botocore what is in use, and compile."""
    folder = artifact / "python"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _install(layers / "deps" / "requirements.txt", folder)
    for pattern in UNUSED:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    used = json.loads((layers / "deps" / "services.json").read_text(encoding="utf-8"))
    unused_services.trim(folder / "botocore", used)
    botocore_data.trim(folder / "botocore" / "data", used)
    docstrings.trim(folder / "botocore" / "docs")
    unused_http2.trim(folder / "urllib3" / "http2")
    late_dates.trim(folder / "dateutil" / "parser")
    own_typing.trim(folder / "aws_lambda_powertools")
    patterns.write(folder, layers / "core", HOT)
    compile_layer(artifact, name="deps")


def _install(requirements: Path, folder: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise LayerBuildError("uv is needed to build layers/deps: run `make build`, or `pip install uv` first")
    target = ["--target", str(folder), "--python-platform", PLATFORM, "--python-version", PYTHON]
    strict = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--link-mode", "copy", "--no-config"]
    command = [uv, "pip", "install", "--quiet", "--python", sys.executable, *target, *strict, "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LayerBuildError(f"uv could not install layers/deps/requirements.txt: {done.stderr.strip()}")
