"""Those who are nobody's colleagues: scanners that post to every link, forgers of links, builds that claim a place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from buildgate.domain.approvals import form_token
from buildgate.domain.builds import SlotRef
from buildgate.domain.ids import place_text

if TYPE_CHECKING:
    from buildgate_cli.simulate.weather import Weather
    from buildgate_cli.simulate.world import World

LOOSE_PROJECT: Final = "by-hand"
_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_FORGED: Final = "A" * 43


@dataclass(slots=True)
class Strangers:
    """What strangers try; none of it may ever count."""

    world: World
    weather: Weather
    tell: Callable[[str], object]

    def try_link(self, approval_id: str, link: str) -> None:
        """Post to a link without having opened its page, and to one with a made-up capability."""
        if self.weather.happens("a scanner posts to a link", "strangers", 0.3):
            capability = parse_qs(urlsplit(link).query)["k"][0]
            self._post(link, {"k": capability, "decision": "approve", "name": "scanner"})
        if self.weather.happens("a link is forged", "strangers", 0.3):
            form = form_token(approval_id, _FORGED)
            self._post(
                link.split("?", maxsplit=1)[0], {"k": _FORGED, "form": form, "decision": "approve", "name": "mallory"}
            )

    def _post(self, url: str, fields: dict[str, str]) -> None:
        answer = self.world.deployment.http.request("POST", url, urlencode(fields), _FORM)
        self.tell(f"{fields['name']} posts approve without having been asked: {answer.status}")

    def claim_a_slot(self) -> None:
        """Start a build that says it is another's, without the nonce that proves it."""
        places = [ref for ref in map(_open_slot, self.world.table.rows()) if ref is not None]
        if not places or not self.weather.happens("a build claims a slot", "strangers", 0.3):
            return
        variables = [
            {"name": "BUILDGATE_SLOT", "value": places[-1].to_text(), "type": "PLAINTEXT"},
            {"name": "BUILDGATE_NONCE", "value": "0" * 64, "type": "PLAINTEXT"},
        ]
        started = self.world.aws.codebuild.start_build(
            projectName=LOOSE_PROJECT, environmentVariablesOverride=variables
        )
        self.tell(f"mallory starts {started['build']['id']}, which claims {places[-1].to_text()}")


def _open_slot(row: object) -> SlotRef | None:
    item = getattr(row, "item", {})
    sk = item["sk"]["S"]
    if "#B#" not in sk or item["state"]["S"] in {"SETTLED", "BOUND"}:
        return None
    _, index, attempt, _, name = sk.split("#", 4)
    return SlotRef.from_text(place_text(item["pk"]["S"].removeprefix("RUN#"), int(index), int(attempt[1:]), name))
