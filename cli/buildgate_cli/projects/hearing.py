"""Rules about what a webhook listens to. Source: WebhookFilter and CreateWebhook in CodeBuild's API model, by their words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from buildgate_cli.projects.rule import Found, Rule
from buildgate_cli.sdk_shapes import near

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate_cli.projects.model import Project

EVENTS: Final = (
    *("PUSH", "PULL_REQUEST_CREATED", "PULL_REQUEST_UPDATED", "PULL_REQUEST_CLOSED", "PULL_REQUEST_REOPENED"),
    *("PULL_REQUEST_MERGED", "RELEASED", "PRERELEASED", "WORKFLOW_JOB_QUEUED"),
)
_GITHUB: Final = "source: {type: GITHUB, location: 'https://github.com/example/shop.git'}\n"
_MAIN: Final = "{type: HEAD_REF, pattern: '^refs/heads/main$'}"


def _without_event(project: Project) -> Iterator[Found]:
    for index, group in enumerate((project.webhook and project.webhook.filter_groups) or ()):
        if not any(one.type == "EVENT" for one in group):
            path = ("webhook", "filterGroups", index)
            yield Found(path, "the group names no event", "add {type: EVENT, pattern: PUSH}")


def _unheard(project: Project) -> Iterator[Found]:
    for number, group in enumerate((project.webhook and project.webhook.filter_groups) or ()):
        for place, one in enumerate(group):
            path = ("webhook", "filterGroups", number, place, "pattern")
            for event in (word.strip() for word in one.pattern.split(",") if one.type == "EVENT"):
                if event not in EVENTS:
                    nearest = near(event, EVENTS)
                    fix = f"did you mean {nearest}?" if nearest else f"use {', '.join(EVENTS)}"
                    yield Found(path, f"{event or 'nothing'} is no event that CodeBuild knows", fix)
            if one.type != "EVENT" and (said := _broken(one.pattern)):
                yield Found(
                    path, f"{one.pattern} is no regular expression: {said}", "write ^refs/heads/main$, or the like"
                )


def _broken(pattern: str) -> str:
    """Return what is wrong with a regular expression, empty for nothing."""
    try:
        re.compile(pattern)
    except re.error as error:
        return error.msg
    return ""


REFUSED: Final = (
    Rule(
        "PR112",
        "A filter group without an event",
        "At least one filter of each group must be of type EVENT.",
        _without_event,
        f"{_GITHUB}webhook: {{filterGroups: [[{_MAIN}]]}}",
        f"{_GITHUB}webhook: {{filterGroups: [[{{type: EVENT, pattern: PUSH}}, {_MAIN}]]}}",
    ),
)
DEAF: Final = (
    Rule(
        "PR310",
        "A webhook filter that lets nothing through",
        "An event that CodeBuild does not know never comes, and a pattern that is no regular expression fits nothing.",
        _unheard,
        f"{_GITHUB}webhook: {{filterGroups: [[{{type: EVENT, pattern: PUSHED}}]]}}",
        f"{_GITHUB}webhook: {{filterGroups: [[{{type: EVENT, pattern: PUSH}}]]}}",
    ),
)
