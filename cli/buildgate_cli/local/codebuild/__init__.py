"""CodeBuild on this machine: the API, and builds that really run."""

from buildgate_cli.local.codebuild.service import LocalCodeBuild
from buildgate_cli.local.codebuild.settings import Settings

__all__ = ["LocalCodeBuild", "Settings"]
