"""A world of its own for each test of what is served."""

import pytest

from core_world import CoreWorld


@pytest.fixture
def world() -> CoreWorld:
    return CoreWorld(checks_parameters=False)
