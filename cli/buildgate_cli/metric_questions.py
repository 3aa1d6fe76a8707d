"""What a question about metrics is about, as options of the command line and as a request to the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from buildgate_cli import completion
from buildgate_cli.errors import UserError

Project = Annotated[
    str | None,
    typer.Argument(help="CodeBuild project; or name a wider scope by option.", autocompletion=completion.projects),
]
Days = Annotated[int, typer.Option(min=1, max=366, help="Whole UTC days, today included.")]
From = Annotated[str | None, typer.Option("--from", help="Exact window instead: start, as a date or a time (UTC).")]
To = Annotated[
    str | None, typer.Option("--to", help="Its end, not included; a date includes that day. Now if left out.")
]
Pipeline = Annotated[
    str | None,
    typer.Option(help="All builds of this pipeline; of a project only these.", autocompletion=completion.pipelines),
]
Team = Annotated[str | None, typer.Option(help="All projects of this team, by their tags.")]
CostCentre = Annotated[str | None, typer.Option(help="All projects of this cost centre, by their tags.")]
Account = Annotated[bool, typer.Option("--account", help="All projects of the account.")]
Stage = Annotated[str | None, typer.Option(help="Only builds of this stage.")]
Branch = Annotated[str | None, typer.Option(help="Only builds of this branch or tag.")]
Compute = Annotated[str | None, typer.Option(help="Only builds on this compute type.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print data for programs.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]
Query = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose builds: a project, or a wider scope. A pipeline beside a project is a part of the project."""

    project: str | None = None
    pipeline: str | None = None
    team: str | None = None
    cost_centre: str | None = None
    is_account: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """The place in the API.

        Raises:
            UserError: Nobody is named, or more than one.
        """
        wide = {"teams": self.team, "cost-centres": self.cost_centre, "accounts": "all" if self.is_account else None}
        if self.project is None and self.pipeline is not None:
            wide["pipelines"] = self.pipeline
        named = [("scopes", kind, name) for kind, name in wide.items() if name]
        if self.project is not None:
            named.append(("projects", self.project, ""))
        if len(named) != 1:
            said = "Nothing says whose builds are meant." if not named else "More than one says whose builds are meant."
            raise UserError(said, "Name a project, or one of --pipeline, --team, --cost-centre and --account.")
        return tuple(part for part in named[0] if part)


@dataclass(frozen=True, slots=True)
class Question:
    """One question: whose builds, when, and which part of them."""

    whose: Whose
    days: int = 30
    first: str | None = None
    last: str | None = None
    part: Query = field(default_factory=dict)

    @property
    def query(self) -> Query:
        """The request's query: the part, and the window."""
        aside = {"pipeline": self.whose.pipeline} if self.whose.project is not None else {}
        return window(self.days, self.first, self.last) | self.part | aside

    def ask(self, *view: str) -> Any:
        """Return the API's answer."""
        return ask(*self.whose.path, *view, **self.query)


def ask(*path: str, **query: str | int | None) -> Any:
    """Return what lies at `/v1/metrics/<path>`."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer, only where the API is called

    return connect().get("metrics", *path, **query)


def window(days: int, first: str | None, last: str | None) -> Query:
    """Return the window as the API takes it.

    Raises:
        UserError: An end without a start.
    """
    if last and not first:
        raise UserError("--to needs --from.", "Say both, or neither and --days.")
    return {"from": first, "to": last} if first else {"days": days}
