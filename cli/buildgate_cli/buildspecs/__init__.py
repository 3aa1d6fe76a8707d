"""Buildspecs: the files that tell CodeBuild what to run.

`load` gives the typed model that the local CodeBuild executes; `lint`, `generate`, `starters` and `fix` serve authors.
"""

from buildgate_cli.buildspecs.load import load, load_bytes
from buildgate_cli.buildspecs.model import (
    PHASE_NAMES,
    Artifact,
    Artifacts,
    Batch,
    BatchEnv,
    BatchFanout,
    BatchMatrix,
    BatchTask,
    Buildspec,
    BuildspecError,
    Cache,
    Env,
    OnFailure,
    Phase,
    Proxy,
    ReportGroup,
    SecretReference,
)

__all__ = [
    "PHASE_NAMES",
    "Artifact",
    "Artifacts",
    "Batch",
    "BatchEnv",
    "BatchFanout",
    "BatchMatrix",
    "BatchTask",
    "Buildspec",
    "BuildspecError",
    "Cache",
    "Env",
    "OnFailure",
    "Phase",
    "Proxy",
    "ReportGroup",
    "SecretReference",
    "load",
    "load_bytes",
]
