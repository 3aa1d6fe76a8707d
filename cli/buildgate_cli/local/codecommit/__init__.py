"""CodeCommit on bare git repositories: the API, and the event behind every real push."""

from buildgate_cli.local.codecommit.service import LocalCodeCommit

__all__ = ["LocalCodeCommit"]
