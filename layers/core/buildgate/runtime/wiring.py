"""Composes ports and use cases over AWS clients, for the functions' composition roots to pick from."""

from __future__ import annotations

from functools import cached_property

from buildgate.adapters.cloudwatch import CloudWatchUtilisation
from buildgate.adapters.codebuild import CodeBuildLauncher
from buildgate.adapters.codebuild_projects import CodeBuildProjects
from buildgate.adapters.codecommit import CodeCommitRepositories
from buildgate.adapters.iam import IamRoles
from buildgate.adapters.reminders import LambdaReminders
from buildgate.adapters.table.approvals import TableApprovals
from buildgate.adapters.table.judgements import StoredJudgements
from buildgate.adapters.table.lanes import TableLanes
from buildgate.adapters.table.pipelines import TablePipelines
from buildgate.adapters.table.postures import TablePostures
from buildgate.adapters.table.pushes import TablePushes
from buildgate.adapters.table.runs import TableRuns
from buildgate.adapters.table.totals import TableTotals
from buildgate.adapters.table.waivers import TableWaivers
from buildgate.adapters.table.work import TableWork
from buildgate.runtime.build_wiring import BuildWiring
from buildgate.usecases.analyse_builds import AnalyseBuilds
from buildgate.usecases.analyse_releases import AnalyseReleases
from buildgate.usecases.apply_pipeline import ApplyPipeline
from buildgate.usecases.close_run import CloseRun
from buildgate.usecases.decide_approval import DecideApproval
from buildgate.usecases.deliver import Delivery
from buildgate.usecases.expire_waivers import ExpireWaivers
from buildgate.usecases.fold_days import FoldDays
from buildgate.usecases.grant_waiver import GrantWaiver
from buildgate.usecases.heal_lanes import HealLanes
from buildgate.usecases.judge_posture import JudgePosture
from buildgate.usecases.list_judgements import ListJudgements
from buildgate.usecases.look_at_builds import LookAtBuilds
from buildgate.usecases.make_up_pushes import LostPushes
from buildgate.usecases.next_step import NextStep
from buildgate.usecases.open_run import OpenRun
from buildgate.usecases.recall_builds import RecallBuilds, VerifyTotals
from buildgate.usecases.reconcile import Reconcile
from buildgate.usecases.request_approval import RequestApproval
from buildgate.usecases.settle_build import SettleBuild
from buildgate.usecases.start_build import StartBuild
from buildgate.usecases.start_run import StartRun
from buildgate.usecases.stop_run import StopRun
from buildgate.usecases.take_turns import TakeTurns


class Wiring(BuildWiring):
    """Everything a function may need, made when it is asked for: a function pays for what it uses."""

    @cached_property
    def runs(self) -> TableRuns:
        return TableRuns(self.table)

    @cached_property
    def approvals(self) -> TableApprovals:
        return TableApprovals(self.table)

    @cached_property
    def delivery(self) -> Delivery:
        return Delivery(self.runs, self.executions, self.approvals)

    @cached_property
    def lanes(self) -> TableLanes:
        return TableLanes(self.table)

    @cached_property
    def take_turns(self) -> TakeTurns:
        return TakeTurns(self.lanes, self.pipelines, self.runs, self.approvals, self.executions, self.clock)

    @cached_property
    def pipelines(self) -> TablePipelines:
        return TablePipelines(self.table)

    @cached_property
    def pushes(self) -> TablePushes:
        return TablePushes(self.table)

    @cached_property
    def work(self) -> TableWork:
        return TableWork(self.table)

    @cached_property
    def judgements(self) -> StoredJudgements:
        return StoredJudgements(self.table, self._aws.client("s3"), self._report_bucket)

    @cached_property
    def list_judgements(self) -> ListJudgements:
        return ListJudgements(self.judgements, self.runs)

    @cached_property
    def waivers(self) -> TableWaivers:
        return TableWaivers(self.table)

    @cached_property
    def grant_waiver(self) -> GrantWaiver:
        return GrantWaiver(self.pipelines, self.waivers, self.clock)

    @cached_property
    def totals(self) -> TableTotals:
        return TableTotals(self.table)

    @cached_property
    def projects(self) -> CodeBuildProjects:
        return CodeBuildProjects(self._aws.client("codebuild"))

    @cached_property
    def fold_days(self) -> FoldDays:
        return FoldDays(self.records, self.totals, self.projects, self.pipelines, self.clock, self.judge_posture)

    @cached_property
    def postures(self) -> TablePostures:
        return TablePostures(self.table)

    @cached_property
    def utilisation(self) -> CloudWatchUtilisation:
        return CloudWatchUtilisation(self._aws.client("cloudwatch"))

    @cached_property
    def judge_posture(self) -> JudgePosture:
        roles = IamRoles(self._aws.client("iam"))
        return JudgePosture(self.projects, roles, self.postures, self.clock)

    @cached_property
    def analyse_builds(self) -> AnalyseBuilds:
        return AnalyseBuilds(self.records, self.totals, self.pipelines, self.clock)

    @cached_property
    def analyse_releases(self) -> AnalyseReleases:
        return AnalyseReleases(self.runs, self.pipelines, self.records, self.clock, self.look_at_builds)

    @cached_property
    def look_at_builds(self) -> LookAtBuilds:
        """Looks only: what cannot be true is left to those who record."""
        launcher = CodeBuildLauncher(self._aws.client("codebuild"), quarantine=lambda _: None)
        return LookAtBuilds(launcher, self.clock)

    @cached_property
    def recall_builds(self) -> RecallBuilds:
        return RecallBuilds(self.launcher, self.records, self.record_build, self.clock)

    @cached_property
    def verify_totals(self) -> VerifyTotals:
        return VerifyTotals(self.records, self.totals, self.pipelines, self.clock)

    @cached_property
    def repositories(self) -> CodeCommitRepositories:
        return CodeCommitRepositories(self._aws.client("codecommit"))

    @cached_property
    def close_run(self) -> CloseRun:
        return CloseRun(
            pipelines=self.pipelines,
            runs=self.runs,
            approvals=self.approvals,
            launcher=self.launcher,
            executions=self.executions,
            turns=self.take_turns,
            send=self.send,
            clock=self.clock,
        )

    @cached_property
    def start_run(self) -> StartRun:
        return StartRun(
            pipelines=self.pipelines,
            pushes=self.pushes,
            runs=self.runs,
            repositories=self.repositories,
            executions=self.executions,
            clock=self.clock,
            randomness=self.randomness,
        )

    @cached_property
    def open_run(self) -> OpenRun:
        return OpenRun(
            pipelines=self.pipelines,
            runs=self.runs,
            repositories=self.repositories,
            executions=self.executions,
            clock=self.clock,
            randomness=self.randomness,
        )

    @cached_property
    def stop_run(self) -> StopRun:
        return StopRun(self.runs, self.launcher, self.executions, self.clock)

    @cached_property
    def settle_build(self) -> SettleBuild:
        return SettleBuild(self.runs, self.launcher, self.clock)

    @cached_property
    def decide_approval(self) -> DecideApproval:
        return DecideApproval(self.approvals, self.delivery, self.runs)

    @cached_property
    def apply_pipeline(self) -> ApplyPipeline:
        return ApplyPipeline(self.pipelines, self.pushes, self.launcher, self.repositories, self.clock)

    def next_step(self, *, time_scale: float) -> NextStep:
        return NextStep(
            pipelines=self.pipelines,
            runs=self.runs,
            approvals=self.approvals,
            executions=self.executions,
            judgements=self.judgements,
            turns=self.take_turns,
            clock=self.clock,
            time_scale=time_scale,
        )

    def start_build(self, *, report_bucket: str) -> StartBuild:
        return StartBuild(
            pipelines=self.pipelines,
            runs=self.runs,
            launcher=self.launcher,
            record=self.record_build,
            clock=self.clock,
            randomness=self.randomness,
            report_bucket=report_bucket,
        )

    def request_approval(self, *, link_base_url: str, time_scale: float) -> RequestApproval:
        return RequestApproval(
            pipelines=self.pipelines,
            runs=self.runs,
            approvals=self.approvals,
            delivery=self.delivery,
            turns=self.take_turns,
            outbox=self.outbox,
            send=self.send,
            clock=self.clock,
            randomness=self.randomness,
            link_base_url=link_base_url.rstrip("/"),
            time_scale=time_scale,
        )

    def reconcile(self, *, reminder_function: str, time_scale: float = 1.0) -> Reconcile:
        return Reconcile(
            work=self.work,
            runs=self.runs,
            approvals=self.approvals,
            records=self.records,
            pipelines=self.pipelines,
            launcher=self.launcher,
            executions=self.executions,
            reminders=LambdaReminders(self._aws.client("lambda"), reminder_function),
            record=self.record_build,
            close=self.close_run,
            lost_pushes=LostPushes(self.pushes, self.repositories, self.start_run, self.clock, time_scale),
            delivery=self.delivery,
            expire_waivers=ExpireWaivers(self.waivers, self.topics, self.clock),
            heal_lanes=HealLanes(self.lanes, self.take_turns, self.runs, self.launcher, self.clock),
            clock=self.clock,
            time_scale=time_scale,
        )
