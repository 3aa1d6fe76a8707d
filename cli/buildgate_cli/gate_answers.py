"""Answers about verdicts: why a gate said what it said, what would have passed, and how it went over time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildgate.domain.gates import exports, judge
from buildgate.domain.gates import why_not as counterfactual
from buildgate.domain.gates.objective import shown
from buildgate.domain.gates.reconstruct import reconstruct
from buildgate_cli import gate_files, gate_runs
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import safe
from buildgate_cli.output import print_json, print_table, say, status_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate.domain.gates import Evidence, Gate, Verdict
    from buildgate.domain.gates.record import Judgement
    from buildgate.domain.gates.why_not import WhyNot
    from buildgate_cli.gate_runs import RunVerdict


def is_file(target: str) -> bool:
    """Tell a record from a run id: run ids hold neither dots nor slashes."""
    return "/" in target or "." in target or Path(target).exists()


def _print_verdict(verdict: Verdict) -> None:
    for line in exports.to_text(verdict).splitlines():
        say(safe(line))


def explain_record(record: Path, *, as_json: bool) -> bool:
    """Explain a saved judgement; return whether judging it again gives the same bytes."""
    return _explain(gate_files.read_record(record), as_json=as_json)


def _explain(found: Judgement, *, as_json: bool) -> bool:
    is_same = found.is_repeatable()
    if as_json:
        digest = found.evidence.digest()
        print_json({"verdict": found.verdict.to_data(), "evidence_digest": digest, "is_repeatable": is_same})
        return is_same
    _print_verdict(found.verdict)
    for pin in found.evidence.pins:
        version = f" version {pin.version}" if pin.version else ""
        say(safe(f"  judged {pin.file} sha256 {pin.sha256}{version}"))
    if is_same:
        say("  judged again: the same verdict, byte for byte")
    else:
        say("  judged again: ANOTHER verdict: the engine or the record has changed", "red")
    return is_same


def explain_run(run_id: str, name: str | None, *, as_json: bool) -> bool:
    """Explain every verdict of a run, or that of one gate; return whether each that is kept repeats itself."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer, only for runs

    client = connect()
    found = _named(gate_runs.verdicts_of_run(client, run_id), name)
    kept = [gate_runs.judgement_of(client, one) for one in found]
    repeats = [None if one is None else one.is_repeatable() for one in kept]
    if as_json:
        rows = [_row(one) | _proof(record) for one, record in zip(found, kept, strict=True)]
        print_json({"run_id": run_id, "verdicts": rows})
        return False not in repeats
    for one, record in zip(found, kept, strict=True):
        say(safe(f"stage {one.stage}"), "bold")
        if record is None:
            _print_verdict(one.verdict)
        else:
            _explain(record, as_json=False)
    return False not in repeats


def _proof(record: Judgement | None) -> dict[str, Any]:
    if record is None:
        return {}
    pins = [{"file": pin.file, "sha256": pin.sha256, "version": pin.version} for pin in record.evidence.pins]
    return {"evidence_digest": record.evidence.digest(), "is_repeatable": record.is_repeatable(), "pins": pins}


def _row(judged: RunVerdict) -> dict[str, Any]:
    about = {"run_id": judged.run_id, "started_at": judged.started_at, "stage": judged.stage}
    return about | judged.verdict.to_data()


def _named(found: list[RunVerdict], name: str | None) -> list[RunVerdict]:
    chosen = [one for one in found if name in {None, one.verdict.gate}]
    if not chosen:
        names = ", ".join(dict.fromkeys(safe(one.verdict.gate) for one in found))
        raise UserError(f"No gate called {safe(name)} has judged it.", f"There are: {names}.")
    return chosen


def why_not(target: str, name: str | None, *, as_json: bool) -> None:
    """Answer for a record, or for each verdict of a run that did not pass."""
    if is_file(target):
        record = gate_files.read_record(Path(target))
        answers = [counterfactual.why_not(record.gate, record.evidence)]
    else:
        answers = _of_run(target, name)
    if as_json:
        data = [_answer(answer) for answer in answers]
        print_json(data[0] if is_file(target) else {"run_id": target, "answers": data})
        return
    for answer in answers:
        _print_answer(answer)


def _of_run(run_id: str, name: str | None) -> list[WhyNot]:
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer, only for runs

    client = connect()
    found = _named(gate_runs.verdicts_of_run(client, run_id), name)
    asked = [one for one in found if one.verdict.status != "pass"] or found
    return [counterfactual.why_not(gate, evidence) for gate, evidence in (_inputs(client, one) for one in asked)]


def _inputs(client: Any, judged: RunVerdict) -> tuple[Gate, Evidence]:
    """Return the gate and its evidence as kept, or else what the verdict shows of it.

    Raises:
        UserError: What the verdict shows does not give the verdict.
    """
    kept = gate_runs.judgement_of(client, judged)
    if kept is not None:
        return kept.gate, kept.evidence
    gate, evidence = gate_runs.gate_of(client, judged), reconstruct(judged.verdict)
    if judge(gate, evidence).status != judged.verdict.status:
        message = f"The verdict of {safe(judged.verdict.gate)} does not show all it was based on."
        raise UserError(message, "Ask of a record that `gate check --save` wrote.", ExitCode.INCONCLUSIVE)
    return gate, evidence


def _answer(answer: WhyNot) -> dict[str, Any]:
    changes = [
        {"kind": c.kind, "subject": c.subject, "text": c.text, "before": c.before, "after": c.after}
        for c in answer.changes
    ]
    return {
        "gate": answer.before.gate,
        "before": answer.before.status,
        "after": answer.after.status,
        "changes": changes,
    }


def _print_answer(answer: WhyNot) -> None:
    say(safe(counterfactual.sentence(answer)))
    for change in answer.changes:
        say(safe(f"  {change.text}"))
    if "pass" not in {answer.before.status, answer.after.status}:
        for reason in answer.after.reasons:
            say(safe(f"  then still: {reason}"))


def show_history(
    pipeline: str, name: str | None, measurement: str | None, *, since: str, limit: int, as_json: bool
) -> None:
    """Print what a pipeline's gates said, newest first, with the trend of one measurement where it was asked for."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer

    found = gate_runs.history(connect(), pipeline, gate=name, since=since, limit=limit)
    if as_json:
        print_json({"pipeline": pipeline, "judgements": found})
        return
    columns = ["AT", "RUN", "BRANCH", "STAGE", "GATE", "STATUS", "SCORE"]
    extra = [] if measurement is None else [measurement, "CHANGE"]
    rows = [_cells(one, measurement, found[at + 1 :]) for at, one in enumerate(found)]
    empty = f"No gate of {safe(pipeline)} has judged anything in the last {safe(since)}."
    print_table([*columns, *extra], rows, empty=empty, right=("SCORE", *extra))


def _cells(judged: dict[str, Any], measurement: str | None, before: Sequence[dict[str, Any]]) -> Sequence[object]:
    score = "-" if judged["score"] is None else f"{judged['score']:.1f}"
    cells = [judged["at"], judged["run_id"], judged["branch"], judged["stage"], judged["gate"]]
    cells += [status_text(judged["status"]), score]
    if measurement is None:
        return cells
    value = judged["values"].get(measurement)
    if value is None:
        return [*cells, "-", "-"]
    place = ("stage", "gate", "branch")
    earlier = (one for one in before if all(one[key] == judged[key] for key in place))
    last = next((one["values"][measurement] for one in earlier if measurement in one["values"]), None)
    change = "-" if last is None else f"{value - last:+g}"
    return [*cells, shown(measurement, value), change]
