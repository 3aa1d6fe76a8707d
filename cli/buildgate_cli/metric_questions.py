"""What a question about metrics is about, as options of the command line and as a request to the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from buildgate_cli import completion
from buildgate_cli.errors import UserError
from buildgate_cli.output import print_json

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
    def is_folded(self) -> bool:
        """Whether its days are set by a schedule instead of with each build."""
        return self.project is None and self.pipeline is None

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
    when: Query
    part: Query = field(default_factory=dict)

    @property
    def query(self) -> Query:
        """The request's query: the part, and the window."""
        aside = {"pipeline": self.whose.pipeline} if self.whose.project is not None else {}
        return self.when | self.part | aside

    def ask(self, *view: str) -> Any:
        """Return the API's answer."""
        return ask(*self.whose.path, *view, **self.query)


@dataclass(frozen=True, kw_only=True)
class Period:
    """The window that a command is about."""

    days: Annotated[int, typer.Option(min=1, max=366, help="Whole UTC days, today included.")] = 30
    first: Annotated[
        str | None, typer.Option("--from", help="Exact window instead: start, as a date or a time (UTC).")
    ] = None
    last: Annotated[
        str | None, typer.Option("--to", help="Its end, not included; a date includes that day. Now if left out.")
    ] = None

    @property
    def window(self) -> Query:
        """The window as the API takes it.

        Raises:
            UserError: An end without a start.
        """
        if self.last and not self.first:
            raise UserError("--to needs --from.", "Say both, or neither and --days.")
        return {"from": self.first, "to": self.last} if self.first else {"days": self.days}


@dataclass(frozen=True, kw_only=True)
class Quarter(Period):
    """The window of what happens seldom."""

    days: Annotated[int, typer.Option(min=1, max=366, help="Whole UTC days, today included.")] = 90


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose builds a command is about."""

    project: Annotated[
        str | None,
        typer.Argument(help="CodeBuild project; or name a wider scope by option.", autocompletion=completion.projects),
    ] = None
    pipeline: Annotated[
        str | None,
        typer.Option(help="All builds of this pipeline; of a project only these.", autocompletion=completion.pipelines),
    ] = None
    team: Annotated[str | None, typer.Option(help="All projects of this team, by their tags.")] = None
    cost_centre: Annotated[str | None, typer.Option(help="All projects of this cost centre, by their tags.")] = None
    account: Annotated[bool, typer.Option("--account", help="All projects of the account.")] = False

    @property
    def whose(self) -> Whose:
        """The scope that is meant."""
        return Whose(self.project, self.pipeline, self.team, self.cost_centre, is_account=self.account)


@dataclass(frozen=True, kw_only=True)
class Builds(Scope):
    """Whose builds a command is about, and which part of them."""

    stage: Annotated[str | None, typer.Option(help="Only builds of this stage.")] = None
    branch: Annotated[str | None, typer.Option(help="Only builds of this branch or tag.")] = None
    compute: Annotated[str | None, typer.Option(help="Only builds on this compute type.")] = None

    def question(self, period: Period, **part: str | int | None) -> Question:
        """Return the question about them."""
        own: Query = {"stage": self.stage, "branch": self.branch, "compute": self.compute}
        return Question(self.whose, period.window, own | part)


@dataclass(frozen=True, kw_only=True)
class Printed:
    """How a command prints what it was told."""

    as_json: Annotated[bool, typer.Option("--json", help="Print data for programs.")] = False
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False

    @property
    def is_for_people(self) -> bool:
        """Whether people read it."""
        return not (self.as_json or self.as_csv)

    def show(self, answer: Any, view: str) -> None:
        """Print an answer as it was asked for."""
        if self.as_json:
            print_json(answer)
        elif self.as_csv:
            from buildgate_cli.metric_rows import write_view  # noqa: PLC0415  # loaded when rows are asked for

            write_view(view, answer)
        else:
            from buildgate_cli.metric_shown import show  # noqa: PLC0415  # tables are loaded when one is shown

            show(view, answer)


def ask(*path: str, **query: str | int | None) -> Any:
    """Return what lies at `/v1/metrics/<path>`."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer, only where the API is called

    return connect().get("metrics", *path, **query)
