"""Templates and the words they use: figures as people read them, looks of statuses, the menu."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from jinja2 import ChainableUndefined, Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

from buildgate_cli import human
from buildgate_cli.console.badges import look
from buildgate_cli.console.marks import bar, history, share, stretch
from buildgate_cli.human import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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
    ("Security", "/security"),
)

_LOG_BYTES: Final = 64_000
"""So much of a log is shown: the page around it takes less than the rest of 100 kB."""
_LONGEST_LINE: Final = 8_000
_DAYS_ALONE: Final = 2
"""From so many days on hours do not matter."""
NOTHING: Final = "\N{EN DASH}"
_WORDS: Final = {"APPROVED": "good", "WAITING": "warn", "IN_PROGRESS": "busy", "CARRIED": "good", "FAULT": "bad"}


def looks(state: str | None) -> str:
    """Return the class of a status: good, bad, warn, busy or idle."""
    word = str(state or "").upper()
    return _WORDS.get(word) or look(word)


def signed(seconds: float | None) -> str:
    """Return a duration with its sign, a dash for None."""
    if seconds is None:
        return NOTHING
    return f"-{duration(-seconds)}" if seconds < 0 else duration(seconds)


def price(micro_usd: float | None) -> str:
    """Return an amount as pages show it in passing: cents, and tenths of a cent below ten cents."""
    if micro_usd is None:
        return NOTHING
    usd = micro_usd / 1_000_000
    return f"${usd:,.3f}" if 0 < abs(usd) < 0.1 else f"${usd:,.2f}"


def percent(ratio: float | None) -> str:
    """Return a ratio as a percentage, with a decimal only where there is one."""
    return NOTHING if ratio is None else human.percent(ratio).replace(".0%", "%")


def lasting(seconds: float | None) -> str:
    """Return a duration as people read it."""
    return NOTHING if seconds is None else duration(seconds)


def when(at: object, now: datetime) -> Markup:
    """Return how long ago a moment is, in days from two days on; the moment itself is in the element."""
    exact = human.moment(at)
    if exact is None:
        return escape(NOTHING)
    words = human.ago(at, now)
    if abs((now - exact).days) >= _DAYS_ALONE:
        days, sign = words.split(" ")[0 if words.endswith("ago") else 1], words.startswith("in")
        words = f"in {days}" if sign else f"{days} ago"
    told = f"{exact:%Y-%m-%d %H:%M} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(exact.isoformat(timespec="seconds"), told, words)


def counted(names: Iterable[str]) -> list[tuple[str, int]]:
    """Return each name with how often it comes, the most frequent first."""
    return Counter(names).most_common()


def logged(lines: Sequence[str]) -> tuple[Markup, bool]:
    """Return the end of a log, as much as a page holds, and whether something is missing before it.

    Lines of the build's own container are set off from what the commands said.
    """
    shown: list[Markup] = []
    room = _LOG_BYTES
    for line in reversed(lines):
        words = escape(line[-_LONGEST_LINE:])
        made = Markup("<i>{}</i>").format(words) if line.startswith("[Container]") else words
        room -= len(made.encode()) + 1
        if room < 0:
            break
        shown.append(made)
    return Markup("\n").join(reversed(shown)), len(shown) < len(lines)


def measured(one: dict[str, Any]) -> str:
    """Return one of DORA's values in its unit."""
    value, unit = one["value"], one["unit"]
    if value is None:
        return NOTHING
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
        duration=lasting,
        percent=percent,
        signed=signed,
        measured=measured,
        share=share,
        bar=bar,
        stretch=stretch,
        history=history,
    )
    environment.filters["counted"] = counted
    return environment


_TEMPLATES: Final = _environment()


class Page(str):
    """A page's text, and after how many seconds it is brought up to date by itself; None for never.

    A script does it in place; where scripts do not run, a browser loads the page again. Each page that has seconds has
    a link to do without (WCAG 2.2.1: people can turn off what happens to them on a clock).
    """

    __slots__ = ("refresh",)
    refresh: int | None


def page(
    template: str, *, cloud: str, here: str, title: str, now: datetime, is_still: bool = False, **values: Any
) -> Page:
    """Return a page as of a moment; every value is escaped but charts, which are made here.

    ``state`` among the values is how what the page is about stands: the tab's icon and title show it from afar.
    """

    def ago(at: object) -> Markup:
        return when(at, now)

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
