"""What every test may rely on: no account, no profile, no metadata address, and a clock that stands still."""

import gc
import os
import shutil
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

KEPT = ("BUILDGATE_PYTHON313", "BUILDGATE_FETCH_PYTHON")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# What is collected stays to the end: looking through it for garbage again and again took a third of collecting.
gc.disable()

# Before any test module is imported: some libraries read the environment at import.
for _name in list(os.environ):
    if _name in INHERITED or (_name.startswith(("AWS_ENDPOINT_URL_", "BUILDGATE_")) and _name not in KEPT):
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


def is_without_browser() -> bool:
    """Whether the tests of the pages have nothing to run in. A pipeline (CI is set) installs one, so there they fail."""
    return not os.environ.get("CI") and not any(shutil.which(name) for name in BROWSERS)


def pytest_collection_modifyitems(config, items) -> None:
    if is_without_browser():
        pages = [item for item in items if item.get_closest_marker("browser")]
        config.hook.pytest_deselected(items=pages)
        items[:] = [item for item in items if item not in pages]


def pytest_addoption(parser) -> None:
    parser.addoption("--write-weights", action="store_true", help="after a whole run: write down what takes long")


def pytest_configure(config) -> None:
    if config.getoption("write_weights") and not hasattr(config, "workerinput"):
        from groups import Stopwatch

        config.pluginmanager.register(Stopwatch(config.rootpath))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from groups import scheduler

    return scheduler(config, log)


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but not among modules and collected tests, which stay."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter) -> None:
    if is_without_browser():
        terminalreporter.write_line("No Chromium on this machine: tests that open pages in a browser were left out.")
