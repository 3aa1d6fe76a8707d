"""What `record_build` costs before it sees its first event, against two other ways to write the same handler.

Every case runs in a process of its own, with the same interpreter (Lambda's Python where this machine has one) and the
same botocore: the two peers and our source on the packages as published, the artefact on its own layers, trimmed and
compiled, as Lambda loads them. The clients that every build event needs are made in all of them. Start of the interpreter
is taken off. Instructions are asserted where valgrind is installed; times depend on the machine and are only printed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Case, instructions, processor_seconds

from layer_build import interpreter

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).parent / "peers"
REQUIREMENTS = ROOT / "layers/deps/requirements.txt"
ROUNDS = 11
PYTHON = str(interpreter.find() or sys.executable)
PROMISES = [
    ("source", "six clients", 0.80, 0.80),
    ("artefact", "six clients", 0.55, 0.55),
    ("artefact", "typical handler", 0.25, 0.25),
]
"""Case, peer, the most of the peer's instructions it may retire (asserted), and the share of its time that we aim at."""
LAMBDA = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "record_build",
    "LAMBDA_TASK_ROOT": "/var/task",
    "POWERTOOLS_SERVICE_NAME": "buildgate",
    "POWERTOOLS_METRICS_NAMESPACE": "Buildgate",
    "BUILDGATE_STAGE": "dev",
    "BUILDGATE_TABLE": "buildgate",
    "BUILDGATE_ACCOUNT": "123456789012",
    "SUCCESS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:success",
    "FAILURE_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:failure",
}


def published(cache: Path) -> Path:
    """Return a folder with the packages as published, at the layers' versions, and boto3 and the tracer for the peers."""
    pinned = REQUIREMENTS.read_text(encoding="utf-8")
    pins = [line.split()[0] for line in pinned.splitlines() if "==" in line]
    folder = cache / hashlib.sha256(f"{PYTHON}{pins}".encode()).hexdigest()[:16]
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=cache) as place:
            target = Path(place) / "packages"
            command = ["uv", "pip", "install", "--quiet", "--python", PYTHON, "--target", str(target)]
            subprocess.run([*command, *pins, "boto3", "aws-lambda-powertools[tracer]"], check=True)
            compiled(target)
            target.rename(folder)
    return folder


def compiled(folder: Path) -> Path:
    """Compile for the interpreter that measures, as the layers are compiled for Lambda's."""
    command = [PYTHON, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder)]
    subprocess.run(command, check=True)
    return folder


def artefact(place: Path) -> list[Path]:
    """Build both layers as `sam build` does and return the folders that Lambda puts on its path."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers")}
    layers = {name: place / name for name in ("deps", "core")}
    for name, folder in layers.items():
        command = [sys.executable, "-m", "layer_build", name, str(folder)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    function = shutil.copytree(ROOT / "functions/record_build", place / "record_build")
    return [compiled(folder) for folder in (function, layers["deps"] / "python", layers["core"] / "python")]


def case(module: str, *path: Path) -> Case:
    environment = {**LAMBDA, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    return Case((PYTHON, "-S", "-c", f"import {module}" if module else "pass"), environment)


def cases(place: Path, cache: Path) -> dict[str, Case]:
    packages = published(cache)
    peers = compiled(shutil.copytree(PEERS, place / "peers"))
    source = [
        shutil.copytree(ROOT / name, place / "source" / name) for name in ("functions/record_build", "layers/core")
    ]
    return {
        "interpreter": case("", packages),
        "six clients": case("six_clients", peers, packages),
        "typical handler": case("typical", peers, packages),
        "source": case("app", *map(compiled, source), packages),
        "artefact": case("app", *artefact(place)),
    }


def main() -> int:
    """Return 1 when a promise is broken."""
    cache = Path(os.environ.get("UV_CACHE_DIR", ROOT / ".venv/.cache/uv")).parent / "bench"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        measured = cases(Path(place), cache)
        counted = {name: instructions(one) for name, one in measured.items()}
        seconds = processor_seconds(measured, rounds=ROUNDS)
    return report(counted, seconds)


def report(counted: dict[str, int | None], seconds: dict[str, float]) -> int:
    base = "interpreter"
    with_counts = counted[base] is not None
    print(f"{PYTHON}; net of the interpreter's own start; {ROUNDS} interleaved rounds")
    print(f"{'':16} {'million instructions':>20} {'processor ms':>14}")
    for name, own in seconds.items():
        millions = f"{(counted[name] - counted[base]) / 1e6:,.0f}" if with_counts else "no valgrind"
        print(f"{name:16} {millions:>20} {(own - seconds[base]) * 1000:>14.0f}")
    broken = 0
    for name, peer, limit, aim in PROMISES:
        by_time = (seconds[name] - seconds[base]) / (seconds[peer] - seconds[base])
        line = f"{name} / {peer}: {by_time:.2f} of its time (aim {aim:.2f})"
        if with_counts:
            by_count = (counted[name] - counted[base]) / (counted[peer] - counted[base])
            broken += by_count > limit
            line += f", {by_count:.3f} of its instructions (at most {limit:.2f}: {'BROKEN' if by_count > limit else 'kept'})"
        print(line)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
