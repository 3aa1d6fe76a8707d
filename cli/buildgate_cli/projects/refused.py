"""Rules about what AWS refuses or never starts, beyond what the API's model says (PR1xx)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from buildgate_cli.projects.model import Cache, Project, Vpc
from buildgate_cli.projects.role import ROLE_WORDS
from buildgate_cli.projects.rule import Found, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_PRIVILEGES: Final = ("WINDOWS", "LAMBDA", "MAC_ARM")
_IMAGE_KINDS: Final = (
    ("lambda-standard", ("LINUX_LAMBDA_CONTAINER", "ARM_LAMBDA_CONTAINER")),
    ("aarch64", ("ARM_CONTAINER", "ARM_EC2", "ARM_LAMBDA_CONTAINER")),
    ("windows-base", ("WINDOWS_",)),
    ("macos", ("MAC_ARM",)),
    ("", ("LINUX_CONTAINER", "LINUX_GPU_CONTAINER", "LINUX_EC2", "LINUX_LAMBDA_CONTAINER")),
)
_ROLE: Final = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+\Z")
_WITHOUT_WEBHOOKS: Final = frozenset({"CODECOMMIT", "CODEPIPELINE", "S3", "NO_SOURCE"})
_NO_CACHE: Final = Cache(type="NO_CACHE")
_WITHOUT_LOCATION: Final = frozenset({"NO_SOURCE", "CODEPIPELINE"})


def _incomplete_vpc(project: Project) -> Iterator[Found]:
    vpc = project.vpc_config
    if vpc is None or vpc == Vpc():
        return
    members = {"vpcId": vpc.vpc_id, "subnets": vpc.subnets, "securityGroupIds": vpc.security_group_ids}
    missing = ", ".join(name for name, value in members.items() if not value)
    if missing:
        yield Found(("vpcConfig",), f"the VPC lacks {missing}", f"add {missing}, or remove vpcConfig")


def _privileged(project: Project) -> Iterator[Found]:
    kind = project.environment.type
    if project.environment.privileged_mode and any(word in kind for word in _NO_PRIVILEGES):
        path = ("environment", "privilegedMode")
        yield Found(path, f"{kind} has no privileged mode", "remove privilegedMode, or build on LINUX_CONTAINER")


def _image(project: Project) -> Iterator[Found]:
    environment = project.environment
    image, kind = environment.image, environment.type
    if not image.startswith("aws/codebuild/") or not kind:
        return
    kinds = next(kinds for part, kinds in _IMAGE_KINDS if part in image)
    is_lambda_image = "lambda-standard" in image
    fits = any(kind.startswith(one) for one in kinds) and is_lambda_image == environment.is_lambda
    if is_lambda_image and fits:
        fits = ("aarch64" in image) == kind.startswith("ARM")
    if not fits:
        path = ("environment", "image")
        yield Found(path, f"{image} does not run on {kind}", "choose an image of that environment type")


def _compute(project: Project) -> Iterator[Found]:
    environment = project.environment
    compute = environment.compute_type
    if compute and environment.type and compute.startswith("BUILD_LAMBDA_") != environment.is_lambda:
        path = ("environment", "computeType")
        wanted = "BUILD_LAMBDA_1GB or larger" if environment.is_lambda else "BUILD_GENERAL1_SMALL or larger"
        yield Found(path, f"{compute} does not exist on {environment.type}", f"choose {wanted}")


def _lambda_lacks(project: Project) -> Iterator[Found]:
    if not project.environment.is_lambda:
        return
    timeout = "a timeout of its own (builds end after 15 minutes)"
    lacking = (
        ("cache", (project.cache or _NO_CACHE).type != _NO_CACHE.type, "a cache"),
        ("vpcConfig", project.vpc_config not in (None, Vpc()), "a VPC"),
        ("fileSystemLocations", project.file_system_locations, "file systems"),
        ("badgeEnabled", project.badge_enabled, "a badge"),
        ("timeoutInMinutes", project.timeout_in_minutes, timeout),
        ("queuedTimeoutInMinutes", project.queued_timeout_in_minutes, "a queued timeout"),
    )
    for member, is_asked, words in lacking:
        if is_asked:
            yield Found((member,), f"Lambda compute does not offer {words}", f"remove {member}, or use EC2 compute")


def _source(project: Project) -> Iterator[Found]:
    for path, source in project.sources:
        if source.type and source.type not in _WITHOUT_LOCATION and not source.location:
            yield Found(path, f"a {source.type} source needs a location", "add location: ...")


def _identifiers(project: Project) -> Iterator[Found]:
    sources = [(path, one.source_identifier) for path, one in project.sources[1:]]
    outputs = [(path, one.artifact_identifier) for path, one in project.outputs[1:]]
    for key, named in (("sourceIdentifier", sources), ("artifactIdentifier", outputs)):
        seen: set[str] = set()
        for path, name in named:
            if not name:
                yield Found(path, f"it has no {key}", f"add {key}: name")
            elif name in seen:
                yield Found((*path, key), f"{name} is there twice", "give each its own identifier")
            seen.add(name or "")


def _places(project: Project) -> Iterator[Found]:
    for path, one in project.outputs:
        if one.type == "S3" and not one.location:
            yield Found(path, "S3 artifacts need a bucket", "add location: bucket-name")
    cache = project.cache or _NO_CACHE
    if cache.type == "S3" and not cache.location:
        yield Found(("cache",), "an S3 cache needs a bucket", "add location: bucket-name/prefix")
    if cache.type == "LOCAL" and not cache.modes:
        yield Found(("cache",), "a LOCAL cache needs modes", "add modes: [LOCAL_SOURCE_CACHE]")


def _registry(project: Project) -> Iterator[Found]:
    environment = project.environment
    if environment.registry_credential and environment.image_pull_credentials_type != "SERVICE_ROLE":
        path = ("environment", "registryCredential")
        message = "registry credentials are used only where the service role pulls the image"
        yield Found(path, message, "add imagePullCredentialsType: SERVICE_ROLE")


def _role(project: Project) -> Iterator[Found]:
    role = project.service_role
    if role and role not in ROLE_WORDS and not _ROLE.match(role):
        yield Found(
            ("serviceRole",), f"{role!r} is no role's ARN", "write own, shared or arn:aws:iam::ACCOUNT:role/NAME"
        )
    elif project.role_facts.is_missing:
        message = "there is no such role"
        yield Found(("serviceRole",), message, "create it, or leave serviceRole out for one that applying makes")


def _webhook(project: Project) -> Iterator[Found]:
    kind = project.source.type
    if project.webhook is not None and kind in _WITHOUT_WEBHOOKS:
        fix = "remove webhook" + (": a pipeline's trigger starts builds on pushes" if kind == "CODECOMMIT" else "")
        yield Found(("webhook",), f"{kind} sources have no webhooks", fix)


RULES: Final = (
    Rule(
        "PR101",
        "The VPC is incomplete",
        "CodeBuild takes a VPC with its subnets and security groups, or none.",
        _incomplete_vpc,
        "vpcConfig: {vpcId: vpc-1}",
        "vpcConfig: {vpcId: vpc-1, subnets: [subnet-1], securityGroupIds: [sg-1]}",
    ),
    Rule(
        "PR102",
        "Privileged mode where there is none",
        "Only Linux and ARM containers run Docker in privileged mode; Windows, macOS and Lambda compute do not.",
        _privileged,
        "environment: {type: WINDOWS_SERVER_2022_CONTAINER, image: 'aws/codebuild/windows-base:2022-1.0', "
        "computeType: BUILD_GENERAL1_MEDIUM, privilegedMode: true}",
        "environment: {type: LINUX_CONTAINER, image: 'aws/codebuild/standard:7.0', "
        "computeType: BUILD_GENERAL1_MEDIUM, privilegedMode: true}",
    ),
    Rule(
        "PR103",
        "Image and environment type do not fit",
        "An image of another processor or system does not start.",
        _image,
        "environment: {type: ARM_CONTAINER, image: 'aws/codebuild/standard:7.0', computeType: BUILD_GENERAL1_SMALL}",
        "environment: {type: ARM_CONTAINER, image: 'aws/codebuild/amazonlinux-aarch64-standard:3.0', "
        "computeType: BUILD_GENERAL1_SMALL}",
    ),
    Rule(
        "PR104",
        "Compute and environment type do not fit",
        "Lambda sizes exist on Lambda compute only, general ones elsewhere.",
        _compute,
        "environment: {type: LINUX_CONTAINER, image: 'aws/codebuild/standard:7.0', computeType: BUILD_LAMBDA_1GB}",
        "environment: {type: LINUX_CONTAINER, image: 'aws/codebuild/standard:7.0', computeType: BUILD_GENERAL1_SMALL}",
    ),
    Rule(
        "PR105",
        "Lambda compute lacks this",
        "Builds on Lambda have no cache, VPC, file systems, badge, or timeouts of their own.",
        _lambda_lacks,
        "environment: {type: LINUX_LAMBDA_CONTAINER, image: 'aws/codebuild/amazonlinux-x86_64-lambda-standard:python3.13', "
        "computeType: BUILD_LAMBDA_1GB}\ntimeoutInMinutes: 30",
        "environment: {type: LINUX_LAMBDA_CONTAINER, image: 'aws/codebuild/amazonlinux-x86_64-lambda-standard:python3.13', "
        "computeType: BUILD_LAMBDA_1GB}",
    ),
    Rule(
        "PR106",
        "The source is incomplete",
        "A source needs the place it is at.",
        _source,
        "source: {type: GITHUB}",
        "source: {type: GITHUB, location: 'https://github.com/example/shop.git'}",
    ),
    Rule(
        "PR107",
        "Secondary sources and artifacts need names",
        "A buildspec tells them apart by their identifiers.",
        _identifiers,
        "secondarySources: [{type: CODECOMMIT, location: tools}]",
        "secondarySources: [{type: CODECOMMIT, location: tools, sourceIdentifier: tools}]",
    ),
    Rule(
        "PR108",
        "Artifacts or cache have no place",
        "S3 artifacts and caches name a bucket, a LOCAL cache its modes.",
        _places,
        "artifacts: {type: S3}",
        "artifacts: {type: S3, location: example-artifacts}",
    ),
    Rule(
        "PR109",
        "Registry credentials are not used",
        "CodeBuild reads them only with imagePullCredentialsType SERVICE_ROLE.",
        _registry,
        "environment: {type: LINUX_CONTAINER, image: 'registry.example.com/ci:1', computeType: BUILD_GENERAL1_SMALL, "
        "registryCredential: {credential: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:hub', "
        "credentialProvider: SECRETS_MANAGER}}",
        "environment: {type: LINUX_CONTAINER, image: 'registry.example.com/ci:1', computeType: BUILD_GENERAL1_SMALL, "
        "imagePullCredentialsType: SERVICE_ROLE, registryCredential: {credential: "
        "'arn:aws:secretsmanager:us-east-1:111122223333:secret:hub', credentialProvider: SECRETS_MANAGER}}",
    ),
    Rule(
        "PR110",
        "The service role is missing",
        "CodeBuild acts with this role; without it nothing can be fetched or stored. `--role` looks it up in IAM.",
        _role,
        "serviceRole: shop-build",
        "serviceRole: arn:aws:iam::111122223333:role/shop-build",
    ),
    Rule(
        "PR111",
        "A webhook where there is none",
        "GitHub, GitHub Enterprise, GitLab and Bitbucket call webhooks; other sources have nobody who would.",
        _webhook,
        "source: {type: CODECOMMIT, location: shop}\nwebhook: {filterGroups: [[{type: EVENT, pattern: PUSH}]]}",
        "source: {type: GITHUB, location: 'https://github.com/example/shop.git'}\n"
        "webhook: {filterGroups: [[{type: EVENT, pattern: PUSH}]]}",
    ),
)
