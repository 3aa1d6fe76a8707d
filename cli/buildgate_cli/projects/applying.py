"""Making one project on AWS what its file says, with what stands beside it; a repeat changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from buildgate_cli.project_file import as_created, changes, completed, creatable
from buildgate_cli.projects import extras, groups, on_aws, own_role
from buildgate_cli.projects.advice import Advice, advise, recent
from buildgate_cli.projects.inline import inlined
from buildgate_cli.projects.model import Project

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.project_file import Change, ProjectFile
    from buildgate_cli.projects.model import Tag


POLICY: Final = "policy"
"""Who asks for a change that the file does not name."""


@dataclass(frozen=True)
class Applied:
    """What applying a file did, or would do: `outcome` is created, updated or unchanged.

    `given_tags` are those that it newly has from the policy, as `key=value`. `groups` are report groups that were made, `beside` is in words, `said` is about the buildspec, None for nothing.
    `advice` is what the builds of a project that was there before suggest about it as it is now.
    """

    name: str
    outcome: str
    is_dry_run: bool
    changes: tuple[Change, ...]
    groups: tuple[str, ...]
    beside: tuple[str, ...]
    said: str | None
    advice: tuple[Advice, ...] = ()
    given_tags: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        fields = [
            {"field": one.field, "before": one.before, "after": one.after, **({"by": one.by} if one.by else {})}
            for one in self.changes
        ]
        answer = {"name": self.name, "outcome": self.outcome, "dry_run": self.is_dry_run, "changes": fields}
        answer |= {"report_groups": [*self.groups], "beside": [*self.beside], "buildspec": self.said}
        answer |= {"tags_by_policy": [*self.given_tags]}
        return {**answer, "advice": [one.to_data() for one in self.advice]}


def apply(cloud: CloudContext, file: ProjectFile, *, now: datetime, is_dry_run: bool) -> Applied:
    """Create or update a project. What stands beside it is planned before the first call, and changed after."""
    client = cloud.client("codebuild")
    model = client.meta.service_model
    found = on_aws.find(client, file.name)
    before = Project.of_aws(found) if found else None
    wanted = completed(file, cloud)
    spec = inlined(cloud, wanted, before)
    if spec.buildspec is not None:
        wanted = replace(wanted, source=replace(wanted.source, buildspec=spec.buildspec))
    steps, grouped = extras.plan(cloud, file, before), groups.plan(cloud, file)
    roles = own_role.planned(cloud, wanted, before)
    held, imported = _credentials(cloud, file, before, is_dry_run=is_dry_run)
    roles = roles if is_dry_run else own_role.given(roles, before)
    tags = (*(wanted.tags or ()), *extras.beside_tag(file, before), *held)
    wanted = replace(roles.project, tags=tags)
    asked = creatable(wanted, model)
    known = None if before is None else {**before.to_data(), **as_created(before, model)}
    differing = by_policy(file, changes(known, asked))
    if differing and not is_dry_run:
        own_role.patiently(client.create_project if before is None else client.update_project, asked, roles)
    for step in (*grouped.steps, *steps, *roles.after) if not is_dry_run else ():
        step.call()
    outcome = "created" if before is None else "updated" if differing else "unchanged"
    beside = (*imported, *roles.words, *grouped.mended, *(step.what for step in steps))
    advice = _advice(cloud, wanted, now) if before is not None else ()
    given = tuple(_given(file, before, wanted))
    return Applied(file.name, outcome, is_dry_run, tuple(differing), grouped.made, beside, spec.said, advice, given)


@dataclass(frozen=True)
class Surroundings:
    """What stands beside a project and is not as its file says: what applying `would` do, and what it leaves as it is."""

    would: tuple[str, ...]
    remarks: tuple[str, ...]


def surroundings(cloud: CloudContext, file: ProjectFile, found: Project | None) -> Surroundings:
    """Compare with a file what applying sets up beside its project, build roles apart; reads only."""
    grouped, asked = groups.plan(cloud, file), file.project.source_credentials
    imported = extras.plan_credentials(cloud, asked) if asked is not None else []
    made = (f"report group {name} created" for name in grouped.made)
    around = (step.what for step in extras.plan(cloud, file, found))
    would = (*(step.what for step in imported), *made, *grouped.mended, *around)
    return Surroundings(would, (*grouped.remarks, *extras.foreign_credentials(cloud, asked)))


def by_policy(file: ProjectFile, differing: Iterable[Change]) -> list[Change]:
    """Return changes with those marked that the policy asks for and not the file."""
    fields = {f"tags[{key}]" for key in file.given_tags}
    return [replace(one, by=POLICY) if one.field in fields else one for one in differing]


def _given(file: ProjectFile, before: Project | None, wanted: Project) -> Iterator[str]:
    for tag in wanted.tags or ():
        if tag.key in file.given_tags and (before is None or before.tag(tag.key) != tag.value):
            yield f"{tag.key}={tag.value}"


def _advice(cloud: CloudContext, project: Project, now: datetime) -> tuple[Advice, ...]:
    """Return what recent builds suggest; nothing where they cannot be read: applying does not depend on it."""
    try:
        builds, used = recent(cloud, project.name, now)
    except (BotoCoreError, ClientError):
        return ()
    return tuple(advise(project, builds, used))


def _credentials(
    cloud: CloudContext, file: ProjectFile, before: Project | None, *, is_dry_run: bool
) -> tuple[list[Tag], list[str]]:
    """Import the source credentials that a file asks for; return the tags that hold on to them, and what was done.

    Credentials that somebody else imported are used, not held: they do not go with the last project.
    """
    asked = file.project.source_credentials
    if asked is None:
        return ([] if "sourceCredentials" in file.sections else extras.held_credentials(before)), []
    steps = extras.plan_credentials(cloud, asked)
    for step in steps if not is_dry_run else ():
        step.call()
    tag = extras.credentials_tag(cloud, asked)
    is_ours = tag is not None and (steps or _is_held(cloud, tag))
    return ([tag] if tag is not None and is_ours else []), [step.what for step in steps]


def _is_held(cloud: CloudContext, tag: Tag) -> bool:
    wanted = tag.to_data()
    return any(wanted in one.get("tags", []) for one in on_aws.every(cloud.client("codebuild")))
