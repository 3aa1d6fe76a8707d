"""Routes of pipelines, of the pushes that opened nothing, and of projects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from buildgate.domain.errors import NotFound, Rejected
from buildgate.inbound.pipeline_file import parse
from buildgate.inbound.pipeline_models import REPOSITORY_PATTERN
from buildgate.ports import PipelineHead
from buildgate.runtime.wiring import Wiring
from buildgate.usecases.open_run import Wish
from buildgate.web import lane_views, views
from buildgate.web.bodies import Apply, Start
from buildgate.web.http import Request
from buildgate.web.operations import NEXT, Operation, Text, limit
from buildgate.web.paging import Pager

if TYPE_CHECKING:
    from buildgate.web.answers import Applied, IgnoredPush, OpenedRun, PipelineList, PipelineView, ProjectList, PushList
    from buildgate.web.lane_answers import LaneList

_LISTED: Final = limit(500, 1000)
_PUSHES: Final = limit(20, 50)
_MOST_PUSHES: Final = 500
_REPOSITORY: Final = Text("repository", "Only pipelines that pushes to this repository start.")
_PREFIX: Final = Text("prefix", "Only names that begin so.")
_VERSION: Final = Text("version", "The version, or how its name begins; the current one when it is left out.")
_REF: Final = Text("ref", "Only pushes of this branch or tag.")


class PipelinesApi:
    """Pipelines by name, their versions, and what pushes did not start."""

    def __init__(self, wiring: Wiring, pager: Pager) -> None:
        self._w = wiring
        self._pager = pager

    def operations(self) -> Sequence[Operation]:
        listing = (_LISTED, NEXT)
        one = "/v1/pipelines/{name}"
        return (
            Operation("GET", "/v1/pipelines", self._pipelines, "List pipelines.", (_REPOSITORY, _PREFIX, *listing)),
            Operation("PUT", one, self._apply, "Apply a pipeline: store a version.", body=Apply, fails=(404, 409)),
            Operation("GET", one, self._pipeline, "Show a pipeline.", (_VERSION,), fails=(404,)),
            Operation("GET", f"{one}/lanes", self._lanes, "Show who is in its stages, and who waits.", fails=(404,)),
            Operation("POST", f"{one}/runs", self._start, "Start a run by hand.", body=Start, fails=(404, 409)),
            Operation(
                "GET",
                "/v1/pushes/{repository}",
                self._pushes,
                "List the pushes that opened no run.",
                (_REF, _PUSHES, NEXT),
            ),
            Operation(
                "GET", "/v1/projects", self._projects, "List projects with recorded builds.", (_PREFIX, *listing)
            ),
        )

    def head(self, name: str) -> PipelineHead:
        """Return a pipeline's head.

        Raises:
            NotFound: There is no such pipeline.
        """
        head = self._w.pipelines.head(name)
        if head is None:
            raise NotFound(f"there is no pipeline {name}", field="pipeline", fix="buildgate pipeline list")
        return head

    def _pipelines(self, request: Request, _: Mapping[str, str]) -> PipelineList:
        repository, prefix = _REPOSITORY.of(request), _PREFIX.of(request)
        found = [views.pipeline_head(head) for head in self._w.pipelines.heads() if head.name.startswith(prefix)]
        kept = [one for one in found if not repository or repository in one["repositories"]]
        page, following = self._pager.cut(request, kept, lambda one: one["name"], limit=_LISTED.of(request))
        return {"pipelines": list(page), "next": following}

    def _apply(self, request: Request, parameters: Mapping[str, str]) -> Applied:
        body = Apply.of(request)
        pipeline = parse(body.pipeline)
        if pipeline.name != parameters["name"]:
            raise Rejected(
                f"the pipeline is named {pipeline.name}, the address says {parameters['name']}", field="name"
            )
        applied = self._w.apply_pipeline(pipeline, actor=request.actor, is_dry_run=body.dry_run)
        return {
            "name": pipeline.name,
            "version": applied.version,
            "digest": applied.version,
            "created": applied.is_new and not body.dry_run,
            "changed": applied.is_new,
        }

    def _pipeline(self, request: Request, parameters: Mapping[str, str]) -> PipelineView:
        head = self.head(parameters["name"])
        versions = self._w.pipelines.versions(head.name)
        wanted = _VERSION.of(request) or head.version
        full = [one for one in versions if one.version.startswith(wanted)]
        if len(full) != 1:
            raise NotFound(f"{head.name} has {len(full)} versions that begin with {wanted}", field="version")
        pipeline = self._w.pipelines.version(head.name, full[0].version)
        if pipeline is None:
            raise NotFound(f"version {wanted} of {head.name} is gone")
        return {
            "pipeline": pipeline.to_data(),
            "version": full[0].version,
            "applied_at": views.moment(full[0].applied_at),
            "applied_by": full[0].applied_by,
            "current": head.version,
            "versions": [views.pipeline_version(one) for one in versions],
        }

    def _lanes(self, request: Request, parameters: Mapping[str, str]) -> LaneList:
        head = self.head(parameters["name"])
        pipeline = self._w.pipelines.version(head.name, head.version)
        keys = lane_views.keys_of(pipeline) if pipeline else {}
        return {"lanes": [lane_views.lane(self._w.lanes.lane(key), stages) for key, stages in keys.items()]}

    def _start(self, request: Request, parameters: Mapping[str, str]) -> OpenedRun:
        body = Start.of(request)
        ref_type, _, ref = (body.ref or "").partition(":")
        if not ref:
            ref_type, ref = "branch", ref_type
        wish = Wish(
            pipeline=parameters["name"],
            actor=request.actor,
            correlation_id=request.request_id,
            ref=ref,
            ref_type=ref_type,
            commit=body.commit or "",
        )
        return {"run": views.run(self._w.open_run.start(wish))}

    def _pushes(self, request: Request, parameters: Mapping[str, str]) -> PushList:
        if not re.fullmatch(REPOSITORY_PATTERN, parameters["repository"]):
            raise Rejected("no repository can have this name", field="repository")
        found = self._w.pushes.ignored(f"codecommit:{parameters['repository']}", limit=_MOST_PUSHES)
        wanted = _REF.of(request)
        kept = [(views.moment(at) or "", ref, sha, why) for at, ref, sha, why in found if wanted in ("", ref)]
        page, following = self._pager.cut(
            request, kept, lambda row: "#".join(row[:3]), limit=_PUSHES.of(request), is_falling=True
        )
        rows: list[IgnoredPush] = [{"at": at, "ref": ref, "commit": sha, "reason": why} for at, ref, sha, why in page]
        return {"ignored": rows, "next": following}

    def _projects(self, request: Request, _: Mapping[str, str]) -> ProjectList:
        prefix = _PREFIX.of(request)
        found = [name for name in self._w.records.projects() if name.startswith(prefix)]
        page, following = self._pager.cut(request, found, str, limit=_LISTED.of(request))
        return {"projects": list(page), "next": following}
