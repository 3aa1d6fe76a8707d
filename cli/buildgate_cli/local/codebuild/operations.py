"""Which operation of the API is answered by what."""

from collections.abc import Callable, Mapping
from typing import Any

from buildgate_cli.local.codebuild.account import Account, curated_images
from buildgate_cli.local.codebuild.batches import Batches
from buildgate_cli.local.codebuild.builds import Builds
from buildgate_cli.local.codebuild.names import name_from_arn
from buildgate_cli.local.codebuild.projects import Projects
from buildgate_cli.local.codebuild.reportgroups import ReportGroups
from buildgate_cli.local.codebuild.trends import trend
from buildgate_cli.local.jsonservice import Caller

Operation = Callable[[dict[str, Any], Caller], dict[str, Any]]


def project_operations(projects: Projects, drop_cache: Callable[[str], None]) -> Mapping[str, Operation]:
    def delete(request: dict[str, Any], _: Caller) -> dict[str, Any]:
        projects.delete(request["name"])
        drop_cache(name_from_arn("project", request["name"]))
        return {}

    def invalidate_cache(request: dict[str, Any], _: Caller) -> dict[str, Any]:
        drop_cache(projects.get(request["projectName"])["name"])
        return {}

    return {
        "CreateProject": lambda request, _: {"project": projects.create(request)},
        "UpdateProject": lambda request, _: {"project": projects.update(request)},
        "DeleteProject": delete,
        "BatchGetProjects": lambda request, _: projects.batch_get(request["names"]),
        "ListProjects": lambda request, _: projects.listed(request),
        "InvalidateProjectCache": invalidate_cache,
    }


def build_operations(builds: Builds) -> Mapping[str, Operation]:
    return {
        "StartBuild": lambda request, caller: {"build": builds.start(request, caller)},
        "RetryBuild": lambda request, caller: {"build": builds.retry(request, caller)},
        "StopBuild": lambda request, _: {"build": builds.stop(request["id"])},
        "BatchGetBuilds": lambda request, _: builds.batch_get(request["ids"]),
        "BatchDeleteBuilds": lambda request, _: builds.batch_delete(request["ids"]),
        "ListBuilds": lambda request, _: builds.listed(request),
        "ListBuildsForProject": lambda request, _: builds.listed(request, request["projectName"]),
    }


def batch_operations(batches: Batches) -> Mapping[str, Operation]:
    return {
        "StartBuildBatch": lambda request, caller: {"buildBatch": batches.start(request, caller)},
        "RetryBuildBatch": lambda request, caller: {"buildBatch": batches.retry(request, caller)},
        "StopBuildBatch": lambda request, _: {"buildBatch": batches.stop(request["id"])},
        "BatchGetBuildBatches": lambda request, _: batches.batch_get(request["ids"]),
        "DeleteBuildBatch": lambda request, _: batches.delete(request["id"]),
        "ListBuildBatches": lambda request, _: batches.listed(request),
        "ListBuildBatchesForProject": lambda request, _: batches.listed(request, request.get("projectName")),
    }


def report_operations(groups: ReportGroups) -> Mapping[str, Operation]:
    def delete_group(request: dict[str, Any], _: Caller) -> dict[str, Any]:
        groups.delete(request["arn"], with_reports=request.get("deleteReports", False))
        return {}

    def delete_report(request: dict[str, Any], _: Caller) -> dict[str, Any]:
        groups.delete_report(request["arn"])
        return {}

    return {
        "CreateReportGroup": lambda request, _: {"reportGroup": groups.create(request)},
        "UpdateReportGroup": lambda request, _: {"reportGroup": groups.update(request)},
        "DeleteReportGroup": delete_group,
        "BatchGetReportGroups": lambda request, _: groups.batch_get(request["reportGroupArns"]),
        "ListReportGroups": lambda request, _: groups.listed(request),
        "ListSharedReportGroups": lambda *_: {"reportGroups": []},
        "BatchGetReports": lambda request, _: groups.batch_get_reports(request["reportArns"]),
        "ListReports": lambda request, _: groups.list_reports(request),
        "ListReportsForReportGroup": lambda request, _: groups.list_reports(request, request["reportGroupArn"]),
        "DeleteReport": delete_report,
        "DescribeTestCases": lambda request, _: groups.test_cases(request),
        "DescribeCodeCoverages": lambda request, _: groups.coverages(request),
        "GetReportGroupTrend": lambda request, _: trend(groups, request),
    }


def account_operations(account: Account) -> Mapping[str, Operation]:
    return {
        "ImportSourceCredentials": lambda request, _: account.import_credentials(request),
        "ListSourceCredentials": lambda *_: account.list_credentials(),
        "DeleteSourceCredentials": lambda request, _: account.delete_credentials(request["arn"]),
        "PutResourcePolicy": lambda request, _: account.put_policy(request),
        "GetResourcePolicy": lambda request, _: account.get_policy(request["resourceArn"]),
        "DeleteResourcePolicy": lambda request, _: account.delete_policy(request["resourceArn"]),
        "UpdateProjectVisibility": lambda request, _: account.set_visibility(request),
        "ListSharedProjects": lambda *_: {"projects": []},
        "CreateWebhook": lambda request, _: account.create_webhook(request),
        "UpdateWebhook": lambda request, _: account.update_webhook(request),
        "DeleteWebhook": lambda request, _: account.delete_webhook(request["projectName"]),
        "ListCuratedEnvironmentImages": lambda *_: curated_images(),
    }
