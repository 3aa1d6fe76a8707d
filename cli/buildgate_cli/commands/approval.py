"""`buildgate approval`: what waits for a decision, and the decision, under the identity that signs the request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from buildgate_cli import completion, run_tree
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import ago
from buildgate_cli.output import print_facts, print_json, print_table, print_tree, say, status_text

if TYPE_CHECKING:
    from buildgate_cli.api_client import ApiClient

app = typer.Typer(help="See what waits for a decision, and decide.", no_args_is_help=True)

ApprovalId = Annotated[
    str,
    typer.Argument(
        help="Approval: its id, or the id of its run when one waits there.",
        autocompletion=completion.approvals,
        metavar="ID",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print data for programs.")]
Token = Annotated[
    str,
    typer.Option(
        envvar="BUILDGATE_TOKEN",
        help="Decide as whom a token of the stack's OIDC issuer names; better in the variable than on the command line.",
        show_default=False,
    ),
]


@app.command("list")
def list_approvals(as_json: Json = False) -> None:
    """List the approvals that wait for a decision."""
    answer = {"approvals": _client().every("approvals", status="waiting")}
    if as_json:
        print_json(answer)
        return
    now = datetime.now(UTC)
    rows = [
        [
            item["id"],
            item.get("pipeline", "-"),
            item.get("stage", "-"),
            status_text(item["status"]),
            item.get("decided_by") or f"{_approvers(item)} ({item.get('channel', 'link')})",
            ago(item.get("due_at"), now),
        ]
        for item in answer["approvals"]
    ]
    columns = ["APPROVAL", "PIPELINE", "STAGE", "STATUS", "WHO", "EXPIRES"]
    print_table(columns, rows, empty="Nothing waits for a decision.")


@app.command()
def show(approval_id: ApprovalId, as_json: Json = False) -> None:
    """Show an approval: what is asked, by when, what was decided, and its run: the change, the verdicts, what follows."""
    client = _client()
    answer = client.get("approvals", resolve(client, approval_id))
    if as_json:
        print_json(answer)
        return
    item, now = answer["approval"], datetime.now(UTC)
    print_facts(
        [
            ("approval", item["id"]),
            ("pipeline", item.get("pipeline")),
            ("stage", item.get("stage")),
            ("status", status_text(item["status"])),
            ("superseded by", item.get("superseded_by") or None),
            ("approvers", _approvers(item)),
            ("required", item.get("required")),
            ("channel", item.get("channel")),
            ("expires", ago(item.get("due_at"), now)),
            ("instructions", item.get("instructions") or None),
        ]
    )
    for decision in item.get("decisions", []):
        word = "approved" if decision.get("decision") == "approve" else "rejected"
        said = f": {decision['comment']}" if decision.get("comment") else ""
        when = ago(decision.get("at"), now)
        print_facts([(word, f"by {decision.get('actor')} ({decision.get('identity')}), {when}{said}")])
    if run_id := item.get("run_id"):
        print_tree(run_tree.tree(client.get("runs", run_id)["run"], now))


@app.command()
def approve(
    approval_id: ApprovalId,
    comment: Annotated[str, typer.Option(help="Kept with the decision.")] = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Approve: the stage begins once enough people have."""
    _decide(approval_id, "approve", comment, token, as_json=as_json)


@app.command()
def reject(
    approval_id: ApprovalId,
    comment: Annotated[str, typer.Option(help="Why; kept with the decision and quoted in the run.")],
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Reject: the run ends REJECTED."""
    if not comment.strip():
        raise UserError("A rejection needs a reason.", 'Add --comment "...".')
    _decide(approval_id, "reject", comment, token, as_json=as_json)


def _decide(approval_id: str, decision: str, comment: str, token: str, *, as_json: bool) -> None:
    client = _client(token)
    found = resolve(client, approval_id)
    answer = client.post("approvals", found, "decision", body={"decision": decision, "comment": comment})
    if as_json:
        print_json(answer)
        return
    word = "approved" if decision == "approve" else "rejected"
    said = answer.get("result")
    say(f"{word} {found}" + (f": {said}" if said else ""), "green" if decision == "approve" else "yellow")


def resolve(client: ApiClient, text: str) -> str:
    """Return the id of an approval from its id or from the (end of the) id of the run where one waits."""
    if "." in text:
        return text
    waiting = [item["id"] for item in client.every("approvals", status="waiting")]
    fitting = [found for found in waiting if found.split(".", 1)[0].endswith(text.lower())]
    if len(fitting) > 1:
        raise UserError(f"{text} fits {len(fitting)} approvals.", f"Name one: {', '.join(fitting[:3])}")
    if not fitting:
        raise UserError(f"No approval that waits fits {text}.", "See `buildgate approval list`.", ExitCode.REFUSED)
    return str(fitting[0])


def _approvers(item: dict[str, Any]) -> str:
    return ", ".join(item.get("approvers") or []) or "anyone"


def _client(token: str = "") -> ApiClient:
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer, only where the API is called

    return connect(token)
