"""The layer with the package that every function shares."""

from __future__ import annotations

import shutil
from pathlib import Path

from layer_build.bytecode import compile_layer

NOT_SHIPPED = ("__pycache__", "*.pyc", "memory", ".*")
"""`adapters/memory` is for tests and the local cloud; nothing on Lambda imports it."""


def build(layers: Path, artifact: Path) -> None:
    source = layers / "core" / "buildgate"
    target = artifact / "python" / "buildgate"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_SHIPPED))
    compile_layer(artifact, name="core")
