"""Templates and the words they use: figures as people read them, looks of statuses, the menu."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from jinja2 import ChainableUndefined, Environment, PackageLoader, select_autoescape

from buildgate_cli import human
from buildgate_cli.console.badges import look
from buildgate_cli.human import dollars, duration, percent

MENU: Final = (
    ("Overview", "/"),
    ("Pipelines", "/pipelines"),
    ("Runs", "/runs"),
    ("Approvals", "/approvals"),
    ("Projects", "/projects"),
    ("Releases", "/releases"),
    ("Cost", "/cost"),
)

_WORDS: Final = {"APPROVED": "good", "WAITING": "busy", "IN_PROGRESS": "busy", "CARRIED": "good", "FAULT": "bad"}


def looks(state: str | None) -> str:
    """Return the class of a status: good, bad, warn, busy or idle."""
    word = str(state or "").upper()
    return _WORDS.get(word) or look(word)


def signed(seconds: float | None) -> str:
    """Return a duration with its sign, a dash for None."""
    if seconds is None:
        return "-"
    return f"-{duration(-seconds)}" if seconds < 0 else duration(seconds)


def measured(one: dict[str, Any]) -> str:
    """Return one of DORA's values in its unit."""
    value, unit = one["value"], one["unit"]
    if value is None:
        return "-"
    if unit == "ratio":
        return percent(value)
    return duration(value * 3600) if unit == "hours" else f"{value:g} {unit}"


def _environment() -> Environment:
    """Return the templates' environment; a field that an answer leaves out shows nothing."""
    environment = Environment(
        loader=PackageLoader("buildgate_cli.console"),
        autoescape=select_autoescape(["html"], default=True),
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        menu=MENU,
        look=looks,
        dollars=dollars,
        duration=duration,
        percent=percent,
        signed=signed,
        measured=measured,
    )
    return environment


_TEMPLATES: Final = _environment()


def page(template: str, *, cloud: str, here: str, title: str, refresh: int | None = None, **values: Any) -> str:
    """Return a page; every value is escaped but charts, which are made here."""
    now = datetime.now(UTC)

    def ago(at: object) -> str:
        return human.ago(at, now) if at else "-"

    def took(start: object, end: object) -> str:
        return human.duration(human.elapsed(start, end, now))

    return _TEMPLATES.get_template(template).render(
        cloud=cloud,
        here=here,
        title=title,
        refresh=refresh,
        now=now.strftime("%Y-%m-%d %H:%M:%S"),
        ago=ago,
        took=took,
        **{"q": "", **values},
    )
