"""The reference pages of gates that are written from the data: one for each preset, their index, and the measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildgate.domain.durations import text_of
from buildgate.domain.gates import Gate, Objective, parse, presets
from buildgate.domain.gates.criteria import number_text
from buildgate.domain.gates.objective import written
from buildgate.domain.gates.vocabulary import NAMES, OPEN_FAMILIES
from buildgate_cli.preset_samples import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "docs/reference"
_BETTER: Final = {-1: "less", 0: "-", 1: "more"}


def pages() -> dict[str, str]:
    """Return the text of every generated page by its path from the top of the repository."""
    found = {f"{FOLDER}/presets/{name}.md": preset_page(name) for name in presets.names()}
    found[f"{FOLDER}/presets/README.md"] = index_page()
    found[f"{FOLDER}/measurements.md"] = measurements_page()
    return found


def index_page() -> str:
    """Return the list of presets."""
    lines = [
        "# Presets",
        "",
        "Gates that come with Buildgate. `preset: NAME` in a pipeline's stage or a gate file takes one as it is; own keys",
        "beside it override, see [gates](../gates.md#presets).",
        "",
        "| preset | kind | effect | what it wants |",
        "|---|---|---|---|",
    ]
    for name in presets.names():
        data = presets.data_of(name)
        kind = "manual" if "manual" in data else "automated"
        effect = "blocking" if data.get("blocking", True) else "advisory"
        lines.append(f"| [{name}]({name}.md) | {kind} | {effect} | {data['description']} |")
    return "\n".join([*lines, ""])


def preset_page(name: str) -> str:
    """Return the page of one preset."""
    data, gate = presets.data_of(name), parse({"preset": name})
    lines = [f"# {data['title']} (`{name}`)", "", data["description"], ""]
    effect = "It is advisory: a failure is shown and the run goes on." if gate.is_advisory else "It blocks the run."
    lines += [effect, ""]
    lines += _manual(gate) if gate.manual is not None else _objectives(gate)
    lines += _scores(gate) + _controls(gate)
    lines += _trying(gate)
    lines += ["## Use", "", "```yaml", *_example(gate), "```", "", f"`buildgate gate show {name}` prints it whole.", ""]
    return "\n".join(lines)


def _objectives(gate: Gate) -> list[str]:
    lines = ["| objective | passes | warns | weight | fed by |", "|---|---|---|---|---|"]
    lines += [_objective(objective) for objective in gate.objectives]
    lines += ["", "An objective that no report feeds is an error, never a pass."]
    if gate.total_pass is not None:
        warns = "" if gate.total_warn is None else f", to warn {number_text(gate.total_warn)}"
        lines.append(f"The total score must be {number_text(gate.total_pass)} to pass{warns}.")
    if any(objective.is_key for objective in gate.objectives):
        lines.append("A **key** objective that fails makes the gate fail.")
    if any(objective.is_new_code for objective in gate.objectives):
        lines.append("Conditions on new code are ignored, visibly, under 20 changed lines.")
    return [*lines, ""]


def _objective(objective: Objective) -> str:
    name = f"`{objective.measurement}`" + (" **key**" if objective.is_key else "")
    passes, warns = written(objective.passes, None), written(objective.warns, None)
    fed = ", ".join(objective.fed_by)
    return f"| {name} | {passes} | {warns or '-'} | {number_text(objective.weight)} | {fed} |"


def _manual(gate: Gate) -> list[str]:
    manual = gate.manual
    if manual is None:
        return []
    lines = [
        f"People decide it: {manual.required} of {', '.join(manual.approvers)}, within {text_of(manual.timeout_minutes)}."
    ]
    lines += [
        "Without enough answers in time it expires, and the run stops. Name your own approvers; those above are roles.",
        "",
    ]
    lines += [manual.instructions, "", "Each approver confirms:", ""]
    return [*lines, *(f"- {item}" for item in manual.checklist), ""]


def _scores(gate: Gate) -> list[str]:
    lines: list[str] = []
    for score in gate.scores:
        terms = "".join(
            f" {'-' if figure < 0 else '+'} {number_text(abs(figure))} x {name}" for name, figure in score.per
        )
        formula = number_text(score.start) + terms
        bounds = [f"at least {number_text(score.at_least)}"] if score.at_least is not None else []
        bounds += [f"at most {number_text(score.at_most)}"] if score.at_most is not None else []
        lines += [f"`{score.name}` = {formula}" + (f" ({', '.join(bounds)})" if bounds else ""), ""]
    return lines


def _controls(gate: Gate) -> list[str]:
    lines: list[str] = []
    for found in gate.control_sets:
        lines += [f"## {found.title}", "", f"`compliance.{found.name}.failed`", ""]
        lines += ["| control | what | evidence (checks, `*` matches) |", "|---|---|---|"]
        for control in found.controls:
            evidence = ", ".join(f"`{pattern}`" for pattern in control.evidence)
            lines.append(f"| `{control.id}` | {control.title} | {evidence} |")
        lines.append("")
    return lines


def _trying(gate: Gate) -> list[str]:
    """Commands for reports that come with the sources."""
    samples = SAMPLES.get(gate.preset)
    if samples is None:
        return []
    command = f"buildgate gate check --gate {gate.preset}"
    given = " ".join(samples.passes)
    first = [f"{command} {given}"]
    if samples.needs_history:
        first = [f"{command} --save passed.json {given}", f"{command} --baseline passed.json {given}"]
    second = f"{command} {' '.join(samples.fails)}"
    said = "The first has nothing to compare with yet and warns; the second passes, " if samples.needs_history else ""
    return [
        "## Try it",
        "",
        f"With sample reports of a checkout. {said or 'The first passes, '}the last fails and says why:",
        "",
        "```sh",
        *first,
        second,
        "```",
        "",
    ]


def _example(gate: Gate) -> list[str]:
    if gate.manual is not None:
        people = ["  manual:", "    approvers: [alice@example.com, bob@example.com]"]
        return ["gates:", f"- preset: {gate.preset}", *people]
    label = gate.objectives[0].label
    override = ["  mode: observe", "  objectives:", f"  - {{measurement: {label}, weight: 2}}"]
    return ["gates:", f"- preset: {gate.preset}", *override]


def measurements_page() -> str:
    """Return the list of all names a gate may judge."""
    lines = [
        "# Measurements",
        "",
        "Every name a gate may judge. Readers of all formats measure in these terms.",
        "",
        "| name | meaning | better | values |",
        "|---|---|---|---|",
    ]
    for name, known in NAMES.items():
        low = "any" if known.at_least is None else number_text(known.at_least)
        values = (
            low
            if known.at_least is None
            else f"{low} to {number_text(known.at_most)}"
            if known.at_most
            else f"from {low}"
        )
        lines.append(f"| `{name}` | {known.meaning} | {_BETTER[known.better]} | {values} |")
    families = ", ".join(f"`{family}.*`" for family in OPEN_FAMILIES)
    lines += ["", f"The families {families} take any further name: the tool that measures chooses it.", ""]
    return "\n".join(lines)


def write(root: Path) -> list[str]:
    """Write every page below `root` (a path); return the paths of those that changed."""
    changed = []
    for place, text in pages().items():
        target = root / place
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            changed.append(place)
    return changed
