"""Where everything is: partition and sort keys of each kind of item."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buildgate.domain.approvals import ApprovalRef
    from buildgate.domain.builds import SlotRef
    from buildgate.domain.lanes import TurnRef

HEAD = "HEAD"
DETAIL = "DETAIL"
LANE = "LANE"
RUN = "RUN"
PIPELINES = "PIPELINES"
PROJECTS = "PROJECTS"
QUARANTINE = "QUARANTINE"
SCOPES = "SCOPES"
FOLDS = "FOLDS"

WORK_RUN = "WORK#RUN"
WORK_SLOT = "WORK#SLOT"
WORK_APPROVAL = "WORK#APPROVAL"
WORK_NOTICE = "WORK#NOTICE"
WORK_BUILD = "WORK#BUILD"
WORK_REPORTS = "WORK#REPORTS"
WORK_PUSH = "WORK#PUSH"
WORK_WAIVER = "WORK#WAIVER"
WORK_LANE = "WORK#LANE"


def run(run_id: str) -> str:
    return f"RUN#{run_id}"


def build(build_id: str) -> str:
    return f"BUILD#{build_id}"


def pipeline(name: str) -> str:
    return f"PIPELINE#{name}"


def project(name: str) -> str:
    return f"PROJECT#{name}"


def posture(project_name: str) -> str:
    return f"POSTURE#{project_name}"


def gates(pipeline_name: str) -> str:
    return f"GATES#{pipeline_name}"


def waivers(pipeline_name: str) -> str:
    return f"WAIVER#{pipeline_name}"


def lane(key: str) -> str:
    return f"LANE#{key}"


def repository(key: str) -> str:
    return f"REPO#{key}"


def event(event_id: str) -> str:
    return f"EVENT#{event_id}"


def stage(index: int, attempt: int) -> str:
    return f"S#{index:02d}#A{attempt}"


def slot(ref: SlotRef) -> tuple[str, str]:
    return run(ref.run_id), f"{stage(ref.stage, ref.attempt)}#B#{ref.name}"


def gate(index: int, attempt: int, name: str) -> str:
    return f"{stage(index, attempt)}#G#{name}"


def approval(ref: ApprovalRef) -> tuple[str, str]:
    return run(ref.run_id), f"{stage(ref.stage, ref.attempt)}#P#{ref.name}"


def ticket(ref: TurnRef) -> tuple[str, str]:
    return run(ref.run_id), f"{stage(ref.stage, ref.attempt)}#L"


def parse_stage(sk: str) -> tuple[int, int, str]:
    """Return stage index, attempt and name of the sort key of a slot, gate or approval."""
    _, index, attempt, _, name = sk.split("#", 4)
    return int(index), int(attempt[1:]), name
