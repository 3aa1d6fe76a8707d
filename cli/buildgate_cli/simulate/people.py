"""The people of a simulated day: they push, start builds, approve and reject, late, twice or never, and stop runs."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from buildgate.adapters.memory.timeline import START
from buildgate.domain.pushes import Matched, NeedsPaths, Push, match_paths, match_ref
from buildgate_cli.simulate.promises import PLANTED
from buildgate_cli.simulate.strangers import LOOSE_PROJECT, Strangers
from buildgate_cli.simulate.world import LINKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildgate.domain.pipelines import Pipeline, Trigger
    from buildgate_cli.simulate.watching import Watch
    from buildgate_cli.simulate.weather import Weather
    from buildgate_cli.simulate.world import World

_LINK: Final = re.compile(rf"{LINKS}(/approvals/(\S+)\?k=\S+)")

_MOODS: Final = ("later", "later", "later", "later", "reject", "twice", "both", "stale", "forwarded")


@dataclass(slots=True)
class People:
    """Everyone who works with one pipeline. On a good day they push once, and approve what they are asked for."""

    world: World
    pipeline: Pipeline | None
    weather: Weather
    watch: Watch
    tell: Callable[[str], object] = lambda _: None
    strangers: Strangers = field(init=False)
    _pushed: int = 0
    _forms: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.strangers = Strangers(self.world, self.weather, self.tell)
        self.weather.between = self.act_between

    def push(self) -> None:
        """Push to a branch that triggers the pipeline, or start it by hand where no push can."""
        if self.pipeline is None:
            return
        self._pushed += 1
        found = _triggering(self.pipeline)
        if found is None:
            self.tell(f"alice starts {self.pipeline.name} by hand")
            self.world.ask("POST", f"/v1/pipelines/{self.pipeline.name}/runs", {})
            return
        trigger, branch, path = found
        message = f"Change {self._pushed}\n\npassword={PLANTED['commit']} {PLANTED['key']}"
        aws = self.world.aws
        commit = aws.codecommit.push(trigger.repository, branch, {path: str(self._pushed)}, message=message)
        self.watch.newest[f"{trigger.repository}/{branch}"] = commit
        self.tell(f"alice pushes {commit[:8]} to {trigger.repository}/{branch}")

    def start_loose_build(self) -> None:
        """Start a build outside of any run, as people do in the console."""
        build = self.world.aws.codebuild.start_build(projectName=LOOSE_PROJECT)["build"]
        self.tell(f"alice starts build {build['id']} by hand")

    def act(self) -> None:
        """Do what people do now and then: push again, start a build, stop a run, and answer what they are asked."""
        if self.pipeline is None:
            return
        if self.weather.happens("alice pushes again", "people", 0.1):
            self.push()
        if self.weather.happens("alice starts another build", "people", 0.1):
            self.start_loose_build()
        if self.weather.happens("alice stops a run", "people", 0.03):
            self._stop()
        if self.weather.happens("alice stops a build", "people", 0.03):
            self._stop_build()
        for approval_id, asked in list(self.watch.asked.items()):
            for _, link in self._links(approval_id)[-1:]:
                self.strangers.try_link(approval_id, link)
            self._answer(approval_id, asked)
        self.strangers.claim_a_slot()

    def act_between(self) -> None:
        """Answer or stop a run at the very moment in which a function is at work on something."""
        for approval_id, asked in list(self.watch.asked.items())[:1]:
            if self.weather.happens(f"bob answers {asked['stage_name']} in between", "people", 0.3):
                for person in _deciders(asked):
                    self._decide(approval_id, asked, person, "approve", is_stale=False)
        if self.pipeline is not None and self.weather.happens("alice stops a run in between", "people", 0.01):
            self._stop()

    def _stop(self) -> None:
        rows = self.world.table.rows()
        run_ids = [row.item["run_id"]["S"] for row in rows if row.item["sk"]["S"] == "RUN"]
        for run_id in run_ids[-1:]:
            self.tell(f"alice stops run {run_id}")
            self.world.ask("POST", f"/v1/runs/{run_id}/stop", {"comment": f"token={PLANTED['comment']}"})

    def _stop_build(self) -> None:
        """Stop the newest build that runs in CodeBuild's console, where nobody knows of runs."""
        running = [build for build in self.world.aws.codebuild.builds() if not build.is_over]
        for build in running[-1:]:
            self.tell(f"alice stops build {build.build_id} by hand")
            self.world.aws.codebuild.stop_build(id=build.build_id)

    def _answer(self, approval_id: str, asked: Mapping[str, Any]) -> None:
        place = f"bob is asked for {asked['stage_name']}"
        mood = self._mood(place)
        if mood == "later":
            self._forms.update(self._opened(approval_id))
            return
        decision = "reject" if mood == "reject" else "approve"
        if mood == "both":
            self._forms.update(self._opened(approval_id))
        if mood == "forwarded":
            self._forward(approval_id, asked, _deciders(asked)[0])
        for person in _deciders(asked):
            for word in [decision, decision] if mood == "twice" else [decision]:
                self._decide(approval_id, asked, person, word, is_stale=mood == "stale")
        if mood == "both":
            self._decide(approval_id, asked, "carol@example.com", "reject", is_stale=True)

    def _mood(self, place: str) -> str:
        if not self.weather.happens(place, "people", 0.6):
            return "approve"
        return self.weather.fate.choose(f"{place}, and", _drawn_mood) or "later"

    def _decide(self, approval_id: str, asked: Mapping[str, Any], person: str, word: str, *, is_stale: bool) -> None:
        if word == "approve":
            self.watch.granted.add(approval_id)
        if asked["channel"] in {"iam", "oidc"}:
            data = {"decision": word, "comment": f"token={PLANTED['comment']}"}
            caller = person if person.startswith("arn:") else f"arn:aws:iam::{self.world.aws.account}:user/{person}"
            answer = self.world.ask("POST", f"/v1/approvals/{approval_id}/decision", data, caller=caller)
        else:
            link = self._link(approval_id, person if asked["channel"] == "mailbox" else "")
            if link is None:
                return
            form = self._forms.get(link) if is_stale else None
            answer = self.world.decide(link, word, person, form, f"secret={PLANTED['comment']}")
        self.tell(f"{person} says {word} to {asked['stage_name']}: {answer.status}")

    def _forward(self, approval_id: str, asked: Mapping[str, Any], owner: str) -> None:
        """Let dave decide by the link of somebody else, who decides by it afterwards: one link is one voice at most."""
        link = self._link(approval_id, owner if asked["channel"] == "mailbox" else "")
        if link is not None:
            self.watch.granted.add(approval_id)
            answer = self.world.decide(link, "approve", "dave@example.com")
            self.tell(f"dave@example.com says approve by the link of {owner}: {answer.status}")

    def _links(self, approval_id: str) -> list[tuple[str, str]]:
        """Return (approver, link) of every link sent for an approval, oldest first."""
        sent = [(one.attributes.get("approver", ""), one.text_for("email")) for one in self.world.aws.sns.published]
        found = [(to, match) for to, text in sent for match in _LINK.finditer(text)]
        return [(to, match[1]) for to, match in found if match[2].replace("%20", " ") == approval_id]

    def _link(self, approval_id: str, approver: str) -> str | None:
        return next((link for to, link in reversed(self._links(approval_id)) if to == approver), None)

    def _opened(self, approval_id: str) -> dict[str, Mapping[str, str]]:
        """Open the links without deciding, as people and mail scanners do."""
        links = [link for _, link in self._links(approval_id) if link not in self._forms]
        return {link: self.world.form(link) for link in links[-1:]}


def _drawn_mood(dice: random.Random) -> str:
    return dice.choice(_MOODS)


def _deciders(asked: Mapping[str, Any]) -> list[str]:
    """Return as many people as it takes, approvers first."""
    known = [*asked.get("approvers", ()), *(f"person{number}@example.com" for number in range(asked["required"]))]
    return known[: asked["required"]]


def _triggering(pipeline: Pipeline) -> tuple[Trigger, str, str] | None:
    """Return a trigger, a branch and a path whose push triggers it; None when the pipeline has no such trigger."""
    for trigger in pipeline.triggers:
        branches = [_plain(glob) for glob in trigger.branches]
        paths = [_plain(glob) for glob in trigger.include] or ["src/change.py", "change", "docs/change.md"]
        for branch in branches:
            for path in paths:
                if _would_trigger(trigger, branch, path):
                    return trigger, branch, path
    return None


def _plain(glob: str) -> str:
    return glob.replace("**", "any").replace("*", "any").replace("?", "a")


def _would_trigger(trigger: Trigger, branch: str, path: str) -> bool:
    push = Push("", START, "codecommit", trigger.repository, "branch", branch, "0" * 40, "1" * 40, "")
    answer = match_ref(push, trigger)
    if isinstance(answer, NeedsPaths):
        return isinstance(match_paths([path], trigger), Matched)
    return isinstance(answer, Matched)
