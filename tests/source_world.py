"""What tests of sources of evidence stand on: clients by name, the facts of a run, and what was fetched."""

import boto3

from buildgate.domain.builds import Build, BuildStatus, SlotClaim, SlotRef
from buildgate.domain.gates.sources import Source
from buildgate.usecases.gate_ports import SourceFacts
from run_records import NOON, RUN_ID, run

COMMIT = "b" * 40
BUILD = Build(
    "shop-unit:1", "shop-unit", BuildStatus.SUCCEEDED, NOON, claim=SlotClaim(SlotRef(RUN_ID, 0, 1, "unit"), "n")
)
FACTS = SourceFacts(run(), "quality", [BUILD], NOON)
JUNIT = b'<testsuite name="t" tests="2"><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>'


class Clients:
    """Clients by name, as a session gives them."""

    def __init__(self, **clients):
        self._clients = clients

    def client(self, service):
        return self._clients.get(service) or boto3.client(service, region_name="us-east-1")


def source(kind, **options):
    return Source(kind, tuple(sorted(options.items())))


def measured(fetched):
    return {
        name: value for one in fetched for report in one.read.reports for name, value in report.measurements.items()
    }


def refusals(fetched):
    return [(one.read.refusal.file, one.read.refusal.reason_code) for one in fetched if one.read.refusal]


def no_pause(_):
    """Wait no time."""
