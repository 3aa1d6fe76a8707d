"""Templates and the words they use: figures as people read them, looks of statuses, the menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jinja2 import ChainableUndefined, Environment, PackageLoader, select_autoescape

from buildgate_cli import human
from buildgate_cli.console.badges import look
from buildgate_cli.console.marks import bar, share
from buildgate_cli.human import duration, percent

if TYPE_CHECKING:
    from datetime import datetime

MENU: Final = (
    ("Overview", "/"),
    ("Pipelines", "/pipelines"),
    ("Runs", "/runs"),
    ("Approvals", "/approvals"),
    ("Projects", "/projects"),
    ("Tests", "/tests"),
    ("Failures", "/failures"),
    ("Releases", "/releases"),
    ("Cost", "/cost"),
)

_WORDS: Final = {"APPROVED": "good", "WAITING": "warn", "IN_PROGRESS": "busy", "CARRIED": "good", "FAULT": "bad"}


def looks(state: str | None) -> str:
    """Return the class of a status: good, bad, warn, busy or idle."""
    word = str(state or "").upper()
    return _WORDS.get(word) or look(word)


def signed(seconds: float | None) -> str:
    """Return a duration with its sign, a dash for None."""
    if seconds is None:
        return "-"
    return f"-{duration(-seconds)}" if seconds < 0 else duration(seconds)


def price(micro_usd: float | None) -> str:
    """Return an amount as pages show it in passing: cents, and tenths of a cent below ten cents."""
    if micro_usd is None:
        return "-"
    usd = micro_usd / 1_000_000
    return f"${usd:,.3f}" if 0 < abs(usd) < 0.1 else f"${usd:,.2f}"


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
        dollars=price,
        duration=duration,
        percent=percent,
        signed=signed,
        measured=measured,
        share=share,
        bar=bar,
    )
    return environment


_TEMPLATES: Final = _environment()


class Page(str):
    """A page's text, and after how many seconds a browser is to ask for it again by itself; None for never.

    The seconds travel as a header, not in the text, and each page that has them has a link to do without
    (WCAG 2.2.1: people can turn off what happens to them on a clock).
    """

    __slots__ = ("refresh",)
    refresh: int | None


def page(
    template: str, *, cloud: str, here: str, title: str, now: datetime, is_still: bool = False, **values: Any
) -> Page:
    """Return a page as of a moment; every value is escaped but charts, which are made here.

    ``state`` among the values is how what the page is about stands: the tab's icon and title show it from afar.
    """

    def ago(at: object) -> str:
        return human.ago(at, now) if at else "-"

    def took(start: object, end: object) -> str:
        return human.duration(human.elapsed(start, end, now))

    text = _TEMPLATES.get_template(template).render(
        is_still=is_still,
        cloud=cloud,
        here=here,
        title=title,
        now=now.strftime("%Y-%m-%d %H:%M:%S"),
        ago=ago,
        took=took,
        **{"q": "", "refresh": None, "state": "", **values},
    )
    made = Page(text)
    made.refresh = None if is_still else values.get("refresh")
    return made
