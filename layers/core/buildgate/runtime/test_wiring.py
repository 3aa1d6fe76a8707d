"""Composes what reading test reports needs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from buildgate.adapters.code_owners import RepositoryOwners
from buildgate.adapters.codebuild_reports import CodeBuildReports, S3TestCases
from buildgate.adapters.system import SystemClock
from buildgate.adapters.table.runs import TableRuns
from buildgate.adapters.table.table import Table
from buildgate.adapters.table.test_states import TableTestStates
from buildgate.usecases.collect_tests import CollectTests

if TYPE_CHECKING:
    from buildgate.ports import Clock
    from buildgate.runtime.clients import Aws


class TestWiring:
    """Ports for test cases, made when asked for."""

    __test__ = False

    def __init__(self, aws: Aws, *, table: str, report_bucket: str) -> None:
        self._aws = aws
        self._bucket = report_bucket
        self._table = Table(aws.client("dynamodb"), table)
        # A simulated cloud brings its own time.
        self.clock: Clock = getattr(aws, "clock", None) or SystemClock()

    @cached_property
    def states(self) -> TableTestStates:
        return TableTestStates(self._table)

    @cached_property
    def files(self) -> S3TestCases:
        return S3TestCases(self._aws.client("s3"), self._bucket)

    @cached_property
    def collect_tests(self) -> CollectTests:
        reports = CodeBuildReports(self._aws.client("codebuild"))
        owners = RepositoryOwners(self._aws.client("codecommit"), TableRuns(self._table))
        return CollectTests(reports, self.files, self.states, owners, self.clock)
