"""What the API's routes take and give: the router, its refusals and the published document read this one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from buildgate.domain.errors import Rejected
from buildgate.web.http import Request

Route = Callable[[Request, Mapping[str, str]], Mapping[str, Any]]
_SIGNATURE: Final = "x-amz-"
"""Parameters that carry a signature in the query; API Gateway has read them."""


@dataclass(frozen=True, slots=True)
class Text:
    """A query parameter of text; an empty one is as good as none."""

    name: str
    meaning: str
    choices: tuple[str, ...] = ()
    default: str = ""
    most: int = 500

    def of(self, request: Request) -> str:
        """Return what a request says.

        Raises:
            Rejected: It is none of the choices, or too long.
        """
        text = request.query.get(self.name) or self.default
        if self.choices and text and text not in self.choices:
            raise Rejected(f"{self.name} must be one of {', '.join(self.choices)}, not {text[:40]!r}", field=self.name)
        if len(text) > self.most:
            raise Rejected(f"{self.name} has more than {self.most} characters", field=self.name)
        return text

    @property
    def schema(self) -> dict[str, Any]:
        kind: dict[str, Any] = {"type": "string", "maxLength": self.most}
        if self.choices:
            kind = {"type": "string", "enum": ["", *self.choices]}
        return kind | ({"default": self.default} if self.default else {})


@dataclass(frozen=True, slots=True)
class Count:
    """A query parameter that is a whole number, written in the digits 0 to 9."""

    name: str
    meaning: str
    default: int
    most: int
    least: int = 1

    def of(self, request: Request) -> int:
        """Return what a request says.

        Raises:
            Rejected: It is no whole number within the bounds.
        """
        text = request.query.get(self.name, str(self.default))
        is_number = text.isascii() and text.isdecimal() and len(text) <= 9
        if not is_number or not self.least <= int(text) <= self.most:
            told = f"{self.name} must be a whole number from {self.least} to {self.most}, not {text[:40]!r}"
            raise Rejected(told, field=self.name)
        return int(text)

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most, "default": self.default}


Parameter = Text | Count


class Body(BaseModel):
    """What a request carries. Types are taken as they are, without conversion; unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", defer_build=True)

    @classmethod
    def of(cls, request: Request) -> Self:
        """Return the body of a request.

        Raises:
            Rejected: It is no JSON object, or a field is not what it should be; the field is named.
        """
        try:
            data = request.json
        except ValueError as error:
            raise Rejected(f"the body is not JSON: {error}") from error
        if not isinstance(data, dict):
            raise Rejected("the body must be a JSON object")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise Rejected(f"{place}: {first['msg']}", field=place) from error


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. Its answer is the type that ``answers`` names in ``metrics_answers``, or what ``does`` says
    it returns; ``fails`` are the statuses beyond the usual.

    ``does`` reads its query through ``takes`` and its body through ``body``, so that what is published is what is
    checked.
    """

    method: str
    path: str
    does: Route
    summary: str
    takes: tuple[Parameter, ...] = ()
    body: type[Body] | None = None
    fails: tuple[int, ...] = ()
    answers: str = ""

    @property
    def name(self) -> str:
        """What logs and metrics call it."""
        return f"{self.method} {self.path}"

    def check(self, request: Request) -> None:
        """Refuse what the operation does not take: a filter that is misspelt must not be a filter that is ignored.

        Raises:
            Rejected: A parameter is unknown, given twice, or not what it should be.
        """
        known = {one.name: one for one in self.takes}
        for name in request.query:
            if name not in known and not name.lower().startswith(_SIGNATURE):
                fix = f"It takes {', '.join(known)}." if known else "It takes none."
                raise Rejected(f"there is no parameter {name[:40]!r} here", field=name[:40], fix=fix)
        if request.repeated:
            raise Rejected(f"{request.repeated[0][:40]} is given more than once", field=request.repeated[0][:40])
        for one in self.takes:
            one.of(request)


MOST_OF_NAME: Final = 300
"""So many characters of anything that a path names."""
NEXT: Final = Text("next", "Continues a list: what the page before gave as `next`, with the same filters.", most=1000)


def limit(default: int, most: int) -> Count:
    """Return the parameter that bounds a page."""
    return Count("limit", "How many at most; `next` leads to more.", default, most)
