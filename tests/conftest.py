"""What every test may rely on: no account, no profile, no metadata address, and a clock that stands still."""

import os
from datetime import UTC, datetime, timedelta

import pytest

DUMMY_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "POWERTOOLS_METRICS_NAMESPACE": "Buildgate",
    "POWERTOOLS_SERVICE_NAME": "buildgate",
    "SAM_CLI_TELEMETRY": "0",
}
INHERITED = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")

# Before any test module is imported: some libraries read the environment at import.
for _name in [name for name in os.environ if name in INHERITED or name.startswith(("AWS_ENDPOINT_URL_", "BUILDGATE_"))]:
    del os.environ[_name]
os.environ.update(DUMMY_AWS)


class FixedClock:
    """A clock that moves only when a test moves it; it starts on 22 November 2026 at noon, UTC."""

    def __init__(self, at: datetime = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **duration: float) -> datetime:
        """Move on by what `timedelta` accepts (`seconds=5`, `hours=24`) and return the new time."""
        self.at += timedelta(**duration)
        return self.at


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()
