"""Whose test cases are, by the CODEOWNERS file of the repository that a run built, else by the project's team."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from buildgate.adapters.aws_errors import calling
from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.metrics.code_owners import PLACES, Rule, owner_of, read

if TYPE_CHECKING:
    from buildgate.adapters.table.runs import TableRuns
    from buildgate.domain.builds import BuildHead


class RepositoryOwners:
    """Reads the file at the commit that a build built, so that ownership is what it was then."""

    def __init__(self, codecommit: Any, runs: TableRuns) -> None:
        self._codecommit = codecommit
        self._runs = runs

    def of(self, head: BuildHead, cases: Sequence[str]) -> Mapping[str, str]:
        """Return the owners of those cases that have one."""
        rules = self._rules(head)
        found = {case: owner_of(case, rules) or head.owner.team for case in cases}
        return {case: owner for case, owner in found.items() if owner}

    def _rules(self, head: BuildHead) -> tuple[Rule, ...]:
        run = self._runs.run(head.slot.run_id) if head.slot else None
        if run is None or run.source.provider != "codecommit" or not run.source.commit:
            return ()
        for place in PLACES:
            try:
                with calling("CodeCommit GetFile"):
                    answer = self._codecommit.get_file(
                        repositoryName=run.source.repository, commitSpecifier=run.source.commit, filePath=place
                    )
            except (NotFound, Rejected):  # not there, or too large to be such a file
                continue
            return read(answer["fileContent"].decode("utf-8", "replace"))
        return ()
