"""Terraform (and OpenTofu): `show -json` of a saved plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildgate.reports.json_values import at, listing, text
from buildgate.reports.refusal import Refuse
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head


class TerraformPlan:
    """Reader of `terraform show -json`."""

    name = "terraform-plan"
    title = "terraform show -json"
    reads = "changes"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A format version with planned values or changes; a state has `values` instead."""
        if head.is_array or not head.has("format_version"):
            return None
        if head.has("planned_values") or head.has("resource_changes"):
            return 95
        return 80 if head.has("terraform_version") else None

    def read(self, document: Document) -> None:
        """Count managed resources by what happens to them: replaced ones are neither created nor deleted."""
        plan = _Plan(document)
        follow(
            document,
            {
                "resource_changes[]": plan.change,
                "planned_values": plan.planned,
                "errored": plan.errored,
                "complete": plan.complete,
            },
        )
        plan.finish()


class _Plan:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.counts = dict.fromkeys(("created", "updated", "replaced", "deleted"), 0)
        self.is_plan = False

    def planned(self, _value: Any) -> None:
        self.is_plan = True

    def errored(self, value: Any) -> None:
        if value is True:
            raise Refuse("no_results", "terraform says that planning failed")

    def complete(self, value: Any) -> None:
        if value is False:
            self.document.warn("the plan is not complete: more changes will follow once it is applied")

    def change(self, value: Any) -> None:
        """Count one change; reading a data source, doing nothing and forgetting are none."""
        self.is_plan = True
        if at(value, "mode") == "data":
            return
        actions = {text(action) for action in listing(at(value, "change", "actions"))}
        if {"create", "delete"} <= actions:
            self.counts["replaced"] += 1
        elif "create" in actions:
            self.counts["created"] += 1
        elif "delete" in actions:
            self.counts["deleted"] += 1
        elif "update" in actions:
            self.counts["updated"] += 1
        elif "forget" in actions:
            self.document.warn(f"{text(at(value, 'address'))} is forgotten: it stays, unmanaged")

    def finish(self) -> None:
        if not self.is_plan:
            raise Refuse("no_results", "this is a state, not a plan: run `terraform show -json PLANFILE`")
        for name, count in self.counts.items():
            self.document.contents.measure(f"changes.{name}", count)
