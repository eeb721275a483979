"""What tests everywhere start from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_idp import FakeIdp


@pytest.fixture
def idp() -> Iterator[FakeIdp]:
    """A provider that behaves until a test tells it otherwise."""
    with FakeIdp() as provider:
        yield provider
