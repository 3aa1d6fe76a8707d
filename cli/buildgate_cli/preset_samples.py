"""Which of the shipped sample reports make each preset pass, and which make it fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_REPORTS: Final = "tests/samples/reports"
_PRESETS: Final = "tests/samples/presets"


@dataclass(frozen=True, slots=True)
class Samples:
    """Files and folders from the top of the repository. With `needs_history` those that pass warn before any run has."""

    passes: tuple[str, ...]
    fails: tuple[str, ...]
    needs_history: bool = False


def _own(preset: str, *, needs_history: bool = True) -> Samples:
    return Samples((f"{_PRESETS}/{preset}/passes.json",), (f"{_PRESETS}/{preset}/fails.json",), needs_history)


SAMPLES: Final = {
    "code_quality": Samples(
        (f"{_REPORTS}/sonar-measures/component.json",),
        (f"{_PRESETS}/code_quality/fails.json",),
    ),
    "compliance_check": Samples((f"{_PRESETS}/compliance_check/passes",), (f"{_PRESETS}/compliance_check/fails",)),
    "data_quality": _own("data_quality"),
    "infrastructure_change": Samples(
        (f"{_PRESETS}/infrastructure_change/passes",), (f"{_PRESETS}/infrastructure_change/fails",)
    ),
    "model_quality": _own("model_quality"),
    "performance_test": Samples((f"{_PRESETS}/performance_test/passes.json",), (f"{_REPORTS}/k6/summary-export.json",)),
    "security_scan": Samples((f"{_REPORTS}/bandit/report.json",), (f"{_REPORTS}/trivy/schema-2.json",)),
    "sonar_way": _own("sonar_way", needs_history=False),
    "supply_chain": Samples(
        (f"{_PRESETS}/supply_chain/passes", f"{_REPORTS}/trivy/nothing.json"),
        (f"{_REPORTS}/cyclonedx/bom.json", f"{_REPORTS}/trivy/schema-2.json"),
        needs_history=True,
    ),
}
"""By preset; the manual ones are decided by people and read no report."""
