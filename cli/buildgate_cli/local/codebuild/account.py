"""What an account holds beside projects: source credentials, resource policies, webhooks, the list of images."""

import json
import secrets
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from buildgate_cli.local.codebuild.names import Clock, arn
from buildgate_cli.local.codebuild.projects import Projects
from buildgate_cli.local.codebuild.store import Store
from buildgate_cli.local.jsonservice import ServiceError

_CREDENTIALS = "source-credentials"
_POLICY = "resource-policy"
_KEPT_ELSEWHERE = frozenset({"CODECONNECTIONS", "SECRETS_MANAGER"})
"""Kinds of credentials whose `token` is the ARN of who keeps it."""
_WEBHOOK_SOURCES = frozenset({"GITHUB", "GITHUB_ENTERPRISE", "BITBUCKET", "GITLAB", "GITLAB_SELF_MANAGED"})
_WEBHOOK_MEMBERS = (
    "branchFilter",
    "filterGroups",
    "buildType",
    "manualCreation",
    "scopeConfiguration",
    "pullRequestBuildPolicy",
)


class Account:
    """The rest of CodeBuild's API. Tokens of source credentials are not kept: no build here uses them."""

    def __init__(self, store: Store, projects: Projects, now: Clock) -> None:
        self._store = store
        self._projects = projects
        self._now = now

    # Source credentials

    def import_credentials(self, request: Mapping[str, Any]) -> dict[str, Any]:
        key = arn("token", request["serverType"].lower().replace("_", "-"))
        if self._store.get(_CREDENTIALS, key) and not request.get("shouldOverwrite", True):
            raise ServiceError("ResourceAlreadyExistsException", f"Credentials for {request['serverType']} exist")
        kept = {"arn": key, "serverType": request["serverType"], "authType": request["authType"]}
        if request["authType"] in _KEPT_ELSEWHERE:
            kept["resource"] = request["token"]
        self._store.put(_CREDENTIALS, key, kept)
        return {"arn": key}

    def list_credentials(self) -> dict[str, Any]:
        keys = self._store.keys(_CREDENTIALS)
        return {"sourceCredentialsInfos": [self._store.get(_CREDENTIALS, key) for key in keys]}

    def delete_credentials(self, key: str) -> dict[str, Any]:
        if not self._store.delete(_CREDENTIALS, key):
            raise ServiceError("ResourceNotFoundException", f"Source credentials not found: {key}")
        return {"arn": key}

    # Resource policies

    def put_policy(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            json.loads(request["policy"])
        except ValueError:
            raise ServiceError("InvalidInputException", "The policy is not JSON") from None
        self._store.put(_POLICY, request["resourceArn"], {"policy": request["policy"]})
        return {"resourceArn": request["resourceArn"]}

    def get_policy(self, resource: str) -> dict[str, Any]:
        policy = self._store.get(_POLICY, resource)
        if policy is None:
            raise ServiceError("ResourceNotFoundException", f"No policy for {resource}")
        return policy

    def delete_policy(self, resource: str) -> dict[str, Any]:
        self._store.delete(_POLICY, resource)
        return {}

    # Projects seen from outside

    def set_visibility(self, request: Mapping[str, Any]) -> dict[str, Any]:
        project = self._projects.get(request["projectArn"])
        members = {"projectVisibility": request["projectVisibility"]}
        if "resourceAccessRole" in request:
            members["resourceAccessRole"] = request["resourceAccessRole"]
        self._projects.save(project | members)
        return {"projectArn": project["arn"], "projectVisibility": request["projectVisibility"]}

    # Webhooks

    def create_webhook(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Note a webhook at its project. Nothing is registered with the provider, and no delivery reaches a laptop."""
        project = self._projects.get(request["projectName"])
        if "webhook" in project:
            raise ServiceError("ResourceAlreadyExistsException", f"Project {project['name']} has a webhook")
        if project["source"]["type"] not in _WEBHOOK_SOURCES:
            raise ServiceError("InvalidInputException", f"No webhooks for {project['source']['type']} sources")
        own = {"payloadUrl": f"https://codebuild.invalid/webhooks/{project['name']}", "status": "ACTIVE"}
        members = {name: request[name] for name in _WEBHOOK_MEMBERS if name in request}
        webhook = {"url": project["source"]["location"], **own, **members}
        self._projects.save(project | {"webhook": webhook})
        return {"webhook": webhook | {"secret": secrets.token_urlsafe(24)}}

    def update_webhook(self, request: Mapping[str, Any]) -> dict[str, Any]:
        project = self._with_webhook(request["projectName"])
        members = {name: request[name] for name in _WEBHOOK_MEMBERS if name in request}
        webhook = project["webhook"] | members
        answer = dict(webhook)
        if request.get("rotateSecret"):
            webhook["lastModifiedSecret"] = self._now().timestamp()
            answer = webhook | {"secret": secrets.token_urlsafe(24)}
        self._projects.save(project | {"webhook": webhook})
        return {"webhook": answer}

    def delete_webhook(self, name: str) -> dict[str, Any]:
        project = self._with_webhook(name)
        del project["webhook"]
        self._projects.save(project)
        return {}

    def _with_webhook(self, name: str) -> dict[str, Any]:
        project = self._projects.get(name)
        if "webhook" not in project:
            raise ServiceError("ResourceNotFoundException", f"Project {name} has no webhook")
        return project


@cache
def curated_images() -> dict[str, Any]:
    """Return the images that CodeBuild offers, from a dated file."""
    text = resources.files("buildgate_cli.local.codebuild").joinpath("curated_images.json").read_text()
    return {"platforms": json.loads(text)["platforms"]}
