"""What tests of training share."""

import pytest

import jairika_nb as jrk


@pytest.fixture
def reference():
    """The NumPy reference, where a test is about the host's part."""
    with jrk.device("reference"):
        yield
