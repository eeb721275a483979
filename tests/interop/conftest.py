"""Stages for the journeys: each starts once for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.stages import Canaille, CertifiedProvider, Stage


@pytest.fixture(scope="module", params=[Canaille, CertifiedProvider], ids=["canaille", "oidc-provider"])
def on_stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A blog with each of the real providers in turn."""
    with request.param(tmp_path_factory.mktemp("stage")) as running:
        yield running
