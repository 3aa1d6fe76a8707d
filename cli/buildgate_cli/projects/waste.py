"""Rules about what does not do what its author meant, wastes money, or will break (PR3xx), and remarks (PR9xx)."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.builds.facts import prices
from buildgate_cli.human import dollars
from buildgate_cli.projects.extras import artifact_prefix
from buildgate_cli.projects.rule import Found, Project, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    image = project.text("environment", "image")
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
    if project.text("cache", "type") == "LOCAL" and project.at("vpcConfig"):
        message = "builds in a VPC run on other machines each time and find no local cache"
        yield Found(("cache", "type"), message, "use an S3 cache: {type: S3, location: bucket/prefix}")


def _docker_cache(project: Project) -> Iterator[Found]:
    modes = project.at("cache", "modes")
    has_layers = isinstance(modes, list) and "LOCAL_DOCKER_LAYER_CACHE" in modes
    if has_layers and project.at("environment", "privilegedMode") is not True:
        path = ("cache", "modes")
        yield Found(
            path, "the Docker layer cache works only in privileged mode", "add environment.privilegedMode: true"
        )


def _long_timeout(project: Project) -> Iterator[Found]:
    minutes = project.at("timeoutInMinutes")
    if not isinstance(minutes, int) or minutes <= LONG_MINUTES:
        return
    compute = project.text("environment", "computeType")
    cost = prices().cost_micro_usd(project.kind, compute, minutes * 60)
    worth = f" and cost {dollars(cost)}" if cost else ""
    message = f"a build that hangs would run {minutes // 60} hours{worth}"
    yield Found(("timeoutInMinutes",), message, "set it to a few times what a slow build takes")


def _no_log(project: Project) -> Iterator[Found]:
    watched = project.text("logsConfig", "cloudWatchLogs", "status")
    stored = project.text("logsConfig", "s3Logs", "status") or "DISABLED"
    if watched == "DISABLED" and stored == "DISABLED":
        yield Found(
            ("logsConfig",), "no build keeps a log", "enable cloudWatchLogs, which `buildgate build logs` reads"
        )


def _sidestepped_limit(project: Project) -> Iterator[Found]:
    limit = project.at("concurrentBuildLimit")
    if isinstance(limit, int) and limit > 0:
        message = f"with {limit} builds running, starting another is refused, not queued"
        yield Found(("concurrentBuildLimit",), message, "leave it out: builds then wait in the account's queue")


def _unpinned(project: Project) -> Iterator[Found]:
    image = project.text("environment", "image")
    if not image or image.startswith("aws/codebuild/") or "@sha256:" in image:
        return
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    if tag in {"", "latest"}:
        path = ("environment", "image")
        yield Found(path, f"{image} may be another image tomorrow", "name a version, or a digest with @sha256:")


def _no_owner(project: Project) -> Iterator[Found]:
    tags = project.at("tags")
    known = {str(one.get("key")).lower() for one in tags if isinstance(one, dict)} if isinstance(tags, list) else set()
    if "team" not in known or not known & set(COST_TAGS):
        lacking = " and no tag ".join(
            [*(["team"] if "team" not in known else []), *([] if known & set(COST_TAGS) else ["cost-centre"])]
        )
        fix = "add tags: [{key: team, value: shop}, {key: cost-centre, value: cc-42}]"
        yield Found(("tags",) if tags else (), f"nobody is shown its cost: it has no tag {lacking}", fix)


def _default_role(project: Project) -> Iterator[Found]:
    if not project.text("serviceRole"):
        message = "it names no role and gets the stack's own for builds: logs, source and reports, nothing else"
        yield Found((), message, "that is enough for tests; name a serviceRole for builds that deploy")


def _default_timeout(project: Project) -> Iterator[Found]:
    minutes: Any = project.at("timeoutInMinutes")
    if minutes is None and not project.is_lambda:
        yield Found((), "a build that hangs would run 60 minutes, the default", "add timeoutInMinutes: 15")


def _nothing_expires(project: Project) -> Iterator[Found]:
    cache, days = project.at("cache"), project.at("lifecycle", "cacheDays")
    in_s3 = isinstance(cache, dict) and cache.get("type") == "S3"
    if days and not (in_s3 and str(cache.get("location", "")).partition("/")[2].strip("/")):
        yield Found(
            ("lifecycle", "cacheDays"),
            "no S3 cache in a folder of its own: nothing expires",
            "set cache: {type: S3, location: bucket/prefix}",
        )
    if not project.at("lifecycle", "artifactsDays"):
        return
    places = [project.at("artifacts"), *(one for _, one in project.items("secondaryArtifacts"))]
    stored = [one for one in places if isinstance(one, dict) and one.get("type") == "S3"]
    if not any(artifact_prefix(project.data, one) for one in stored):
        yield Found(
            ("lifecycle", "artifactsDays"),
            "no artifacts in a folder of their own: nothing expires",
            "give the S3 artifacts a path, which the rule can name",
        )


def _no_commands(project: Project) -> Iterator[Found]:
    is_none = project.text("source", "type") == "NO_SOURCE"
    if is_none and not project.text("source", "buildspec") and not project.at("buildspec"):
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
        "The stack's role for builds is shared by all projects that name none.",
        _default_role,
        "serviceRole: null",
        "serviceRole: arn:aws:iam::111122223333:role/shop-build",
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
