"""Fixtures that tests of training share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def single_thread() -> None:
    """One thread is fastest for networks as small as those of the tests."""
    torch.set_num_threads(1)
