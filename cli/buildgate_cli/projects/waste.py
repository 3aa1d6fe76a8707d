"""Rules about what does not do what its author meant, wastes money, or will break (PR3xx), and remarks (PR9xx)."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from buildgate_cli.builds.facts import prices
from buildgate_cli.human import dollars
from buildgate_cli.projects.places import artifact_prefix, cache_place
from buildgate_cli.projects.role import OWN_ROLE, SHARED_ROLE
from buildgate_cli.projects.rule import Found, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate_cli.projects.model import Project

LONG_MINUTES: Final = 480
COST_TAGS: Final = ("cost-centre", "cost-center", "costcentre", "costcenter")
_VERSIONED: Final = re.compile(r"\Aaws/codebuild/(?P<family>[^:]+):(?P<version>.+)\Z")
_SHORTEST_USEFUL_MINUTES: Final = 5


@cache
def curated() -> tuple[str, frozenset[str]]:
    """Return the day of the list of images that CodeBuild offers, and the images."""
    text = resources.files("buildgate_cli.local.codebuild").joinpath("curated_images.json").read_text("utf-8")
    data = json.loads(text)
    languages = (language for platform in data["platforms"] for language in platform["languages"])
    return data["as_of"], frozenset(image["name"] for language in languages for image in language["images"])


def _old_image(project: Project) -> Iterator[Found]:
    image = project.environment.image
    as_of, offered = curated()
    if not _VERSIONED.match(image) or image in offered or "lambda-standard" in image or "macos" in image:
        return
    message = f"{image} is not among the images that CodeBuild keeps up to date ({as_of})"
    yield Found(("environment", "image"), message, f"move to {_newest_like(image, offered)}")


def _newest_like(image: str, offered: frozenset[str]) -> str:
    part = next((one for one in ("aarch64", "windows", "amazonlinux") if one in image), "standard")
    fitting = [one for one in offered if part in one and (part != "amazonlinux" or "x86_64" in one)]
    if part == "standard":
        fitting = [one for one in offered if one.startswith("aws/codebuild/standard:")]
    return max(fitting, default="an image of aws codebuild list-curated-environment-images")


def _local_cache_in_vpc(project: Project) -> Iterator[Found]:
    if project.cache and project.cache.type == "LOCAL" and project.vpc_config:
        message = "builds in a VPC run on other machines each time and find no local cache"
        yield Found(("cache", "type"), message, "use an S3 cache: {type: S3, location: bucket/prefix}")


def _docker_cache(project: Project) -> Iterator[Found]:
    modes = (project.cache.modes if project.cache else None) or ()
    if "LOCAL_DOCKER_LAYER_CACHE" in modes and not project.environment.privileged_mode:
        message = "the Docker layer cache works only in privileged mode"
        yield Found(("cache", "modes"), message, "add environment.privilegedMode: true")


def _long_timeout(project: Project) -> Iterator[Found]:
    minutes = project.timeout_in_minutes or 0
    if minutes <= LONG_MINUTES:
        return
    cost = prices().cost_micro_usd(project.environment.type, project.environment.compute_type, minutes * 60)
    worth = f" and cost {dollars(cost)}" if cost else ""
    message = f"a build that hangs would run {minutes // 60} hours{worth}"
    yield Found(("timeoutInMinutes",), message, "set it to a few times what a slow build takes")


def _no_log(project: Project) -> Iterator[Found]:
    logs = project.logs_config
    watched = logs.cloud_watch_logs.status if logs and logs.cloud_watch_logs else ""
    stored = logs.s3_logs.status if logs and logs.s3_logs else "DISABLED"
    if watched == "DISABLED" and stored == "DISABLED":
        fix = "enable cloudWatchLogs, which `buildgate build logs` reads"
        yield Found(("logsConfig",), "no build keeps a log", fix)


def _sidestepped_limit(project: Project) -> Iterator[Found]:
    limit = project.concurrent_build_limit or 0
    if limit > 0:
        message = f"with {limit} builds running, starting another is refused, not queued"
        yield Found(("concurrentBuildLimit",), message, "leave it out: builds then wait in the account's queue")


def _unpinned(project: Project) -> Iterator[Found]:
    image = project.environment.image
    if not image or image.startswith("aws/codebuild/") or "@sha256:" in image:
        return
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    if tag in {"", "latest"}:
        path = ("environment", "image")
        yield Found(path, f"{image} may be another image tomorrow", "name a version, or a digest with @sha256:")


def _no_owner(project: Project) -> Iterator[Found]:
    known = {(tag.key or "").lower() for tag in project.tags or ()}
    if "team" not in known or not known & set(COST_TAGS):
        lacking = " and no tag ".join(
            [*(["team"] if "team" not in known else []), *([] if known & set(COST_TAGS) else ["cost-centre"])]
        )
        fix = "add tags: [{key: team, value: shop}, {key: cost-centre, value: cc-42}]"
        yield Found(("tags",) if project.tags else (), f"nobody is shown its cost: it has no tag {lacking}", fix)


def _batches_without_role(project: Project) -> Iterator[Found]:
    config = project.build_batch_config
    if config is not None and not config.service_role and project.service_role not in {OWN_ROLE, ""}:
        message = "AWS starts the builds of a batch in a role that may start them, and none is named"
        fix = "add serviceRole: arn:aws:iam::... (codebuild:StartBuild, StopBuild, RetryBuild), or run in serviceRole: own"
        yield Found(("buildBatchConfig", "serviceRole"), message, fix)


def _shared_role(project: Project) -> Iterator[Found]:
    if project.service_role == SHARED_ROLE:
        message = "its builds run in the stack's role, which may write the reports of any project that shares it"
        yield Found(("serviceRole",), message, "leave serviceRole out, or write own")


def _default_timeout(project: Project) -> Iterator[Found]:
    if project.timeout_in_minutes is None and not project.environment.is_lambda:
        yield Found((), "a build that hangs would run 60 minutes, the default", "add timeoutInMinutes: 15")


def _nothing_expires(project: Project) -> Iterator[Found]:
    wanted, place = project.lifecycle, cache_place(project)
    if wanted and wanted.cache_days and not (place and place.prefix):
        message = "no S3 cache in a folder of its own: nothing expires"
        yield Found(("lifecycle", "cacheDays"), message, "set cache: {type: S3, location: bucket/prefix}")
    stored = [one for _, one in project.outputs if one.type == "S3"]
    if wanted and wanted.artifacts_days and not any(artifact_prefix(project, one) for one in stored):
        message = "no artifacts in a folder of their own: nothing expires"
        yield Found(("lifecycle", "artifactsDays"), message, "give the S3 artifacts a path, which the rule can name")


def _no_commands(project: Project) -> Iterator[Found]:
    if project.source.type == "NO_SOURCE" and not project.source.buildspec and not project.buildspec:
        message = "it has no source and no buildspec, and gets a generated one that runs no command of its own"
        yield Found(("source",), message, "declare `buildspec: {build: [...]}`, or start it with --buildspec")


_LINUX: Final = "type: LINUX_CONTAINER, image: 'aws/codebuild/standard:7.0', computeType: BUILD_GENERAL1_SMALL"
_VPC: Final = "vpcConfig: {vpcId: vpc-1, subnets: [subnet-1], securityGroupIds: [sg-1]}\n"

RULES: Final = (
    Rule(
        "PR301",
        "The image is at the end of its life",
        "Images that CodeBuild no longer offers get no updates and are not cached: slower starts, open holes.",
        _old_image,
        "environment: {type: LINUX_CONTAINER, image: 'aws/codebuild/amazonlinux2-x86_64-standard:3.0', "
        "computeType: BUILD_GENERAL1_SMALL}",
        "environment: {type: LINUX_CONTAINER, image: 'aws/codebuild/amazonlinux-x86_64-standard:6.0', "
        "computeType: BUILD_GENERAL1_SMALL}",
    ),
    Rule(
        "PR302",
        "A LOCAL cache in a VPC",
        "Local caches live on the machine of an earlier build; in a VPC no build meets them again.",
        _local_cache_in_vpc,
        f"{_VPC}cache: {{type: LOCAL, modes: [LOCAL_SOURCE_CACHE]}}",
        f"{_VPC}cache: {{type: S3, location: example-cache/shop}}",
    ),
    Rule(
        "PR303",
        "A Docker layer cache without privileges",
        "Docker runs in privileged mode only, and so does its cache.",
        _docker_cache,
        "cache: {type: LOCAL, modes: [LOCAL_DOCKER_LAYER_CACHE]}",
        f"environment: {{{_LINUX}, privilegedMode: true}}\ncache: {{type: LOCAL, modes: [LOCAL_DOCKER_LAYER_CACHE]}}",
    ),
    Rule(
        "PR304",
        "The timeout is very long",
        "Up to 36 hours are allowed; a build that waits for input uses them all.",
        _long_timeout,
        "timeoutInMinutes: 2160",
        "timeoutInMinutes: 30",
    ),
    Rule(
        "PR305",
        "No log is kept",
        "Without a log a failed build cannot be understood.",
        _no_log,
        "logsConfig: {cloudWatchLogs: {status: DISABLED}}",
        "logsConfig: {cloudWatchLogs: {status: ENABLED}}",
    ),
    Rule(
        "PR306",
        "A limit that refuses builds",
        "With a project limit StartBuild fails when it is reached; without one builds queue.",
        _sidestepped_limit,
        "concurrentBuildLimit: 1",
        "concurrentBuildLimit: null",
    ),
    Rule(
        "PR307",
        "The image is not pinned",
        "A tag that moves changes builds without a commit.",
        _unpinned,
        "environment: {type: LINUX_CONTAINER, image: 'registry.example.com/ci:latest', computeType: BUILD_GENERAL1_SMALL}",
        "environment: {type: LINUX_CONTAINER, image: 'registry.example.com/ci:4.2', computeType: BUILD_GENERAL1_SMALL}",
    ),
    Rule(
        "PR308",
        "A lifecycle that expires nothing",
        "A rule of a bucket needs a folder: without one it would expire what others keep there, so none is made.",
        _nothing_expires,
        "artifacts: {type: S3, location: example-artifacts, namespaceType: BUILD_ID}\nlifecycle: {artifactsDays: 30}",
        "artifacts: {type: S3, location: example-artifacts, namespaceType: BUILD_ID, path: shop}\n"
        "lifecycle: {artifactsDays: 30}",
    ),
    Rule(
        "PR309",
        "Batches have no role",
        "A batch needs a role that may start, stop and retry the project's builds; a role of the project's own may.",
        _batches_without_role,
        "serviceRole: arn:aws:iam::111122223333:role/builds\nbuildBatchConfig: {timeoutInMins: 60}",
        "serviceRole: arn:aws:iam::111122223333:role/builds\n"
        "buildBatchConfig: {timeoutInMins: 60, serviceRole: 'arn:aws:iam::111122223333:role/batches'}",
    ),
    Rule(
        "PR901",
        "Nobody is shown its cost",
        "Costs are attributed by the tags `team` and `cost-centre` of the project.",
        _no_owner,
        "tags: []",
        "tags: [{key: team, value: shop}, {key: cost-centre, value: cc-42}]",
    ),
    Rule(
        "PR902",
        "The project has no role of its own",
        "Builds in the stack's role can put reports below the prefix of every project, and so speak for it at gates.",
        _shared_role,
        "serviceRole: shared",
        "serviceRole: own",
    ),
    Rule(
        "PR903",
        "The timeout is the default",
        "The default of 60 minutes is long for most builds.",
        _default_timeout,
        "timeoutInMinutes: null",
        "timeoutInMinutes: 15",
    ),
    Rule(
        "PR904",
        "Nothing to build",
        "Without a source and a buildspec there are no commands; builds that bring their own buildspec are what is left.",
        _no_commands,
        "source: {type: NO_SOURCE}",
        "source: {type: NO_SOURCE}\nbuildspec: {build: [make report]}",
    ),
)
