"""`buildgate repo`: CodeCommit repositories, on AWS or in the local cloud."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from buildgate_cli import cloud_context
from buildgate_cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(
    help="Create and list CodeCommit repositories, and see which pushes opened no run.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="Print data for programs.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the repository.")],
    description: Annotated[str, typer.Option(help="One sentence for people.")] = "",
    as_json: Json = False,
) -> None:
    """Create a repository and print how to push to it; one that exists is left as it is."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  # the SDK, only where AWS is called

    cloud = cloud_context.current()
    client = cloud.client("codecommit")
    is_new = True
    try:
        client.create_repository(repositoryName=name, repositoryDescription=description)
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNameExistsException":
            raise
        is_new = False
    found = client.get_repository(repositoryName=name)["repositoryMetadata"]
    if as_json:
        print_json({"created": is_new, "repository": _row(found)})
        return
    say(f"repository {name} {'created' if is_new else 'exists already'}", "green" if is_new else "yellow")
    say(f"  git remote add buildgate {found['cloneUrlHttp']}")
    say("  git push buildgate main")


@app.command("list")
def list_repositories(as_json: Json = False) -> None:
    """List the repositories."""
    rows = list(_repositories(cloud_context.current().client("codecommit")))
    if as_json:
        print_json({"repositories": rows})
        return
    cells = [[row["name"], row["default_branch"] or "-", row["clone_url"], row["description"] or ""] for row in rows]
    empty = "No repository yet. Create one with `buildgate repo create NAME`."
    print_table(["REPOSITORY", "BRANCH", "CLONE URL", "DESCRIPTION"], cells, empty=empty)


@app.command()
def pushes(
    name: Annotated[str, typer.Argument(help="Name of the repository.")],
    ref: Annotated[str | None, typer.Option(help="Of this branch or tag only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List the pushes that opened no run, and why: of another branch, a deletion, a commit that asks to skip."""
    from buildgate_cli.api_client import ApiClient  # noqa: PLC0415  # the SDK's signer
    from buildgate_cli.human import ago, safe  # noqa: PLC0415

    answer = ApiClient(cloud_context.current()).get("pushes", name, ref=ref, limit=limit)
    if as_json:
        print_json(answer)
        return
    now = datetime.now(UTC)
    cells = [
        [ago(one["at"], now), safe(one["ref"]), one["commit"][:8] or "-", safe(one["reason"])]
        for one in answer["ignored"]
    ]
    print_table(
        ["PUSHED", "REF", "COMMIT", "WHY NO RUN"], cells, empty=f"Every push to {name} that arrived opened a run."
    )


def _repositories(client: Any) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_repositories").paginate():
        names = [item["repositoryName"] for item in page["repositories"]]
        for start in range(0, len(names), 25):
            batch = client.batch_get_repositories(repositoryNames=names[start : start + 25])
            yield from (_row(found) for found in batch["repositories"])


def _row(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": found["repositoryName"],
        "arn": found.get("Arn"),
        "default_branch": found.get("defaultBranch"),
        "clone_url": found.get("cloneUrlHttp"),
        "description": found.get("repositoryDescription"),
    }
