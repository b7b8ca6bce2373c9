"""What the system tells of the processor's caches."""

import pytest

import jairika_nb as jrk
from jairika_nb.engine import caches


@pytest.mark.parametrize(
    ("text", "size"),
    [("32768K\n", 32 << 20), ("8M", 8 << 20), ("512", 0), ("K", 0), ("", 0), ("many", 0)],
)
def test_sizes_are_read_or_unknown(tmp_path, monkeypatch, text, size):
    place = tmp_path / "size"
    place.write_text(text)
    monkeypatch.setattr(caches, "CACHE", place)
    assert caches.last_cache() == size


def test_a_system_that_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(caches, "CACHE", tmp_path / "nothing")
    assert caches.last_cache() == 0


def test_a_processor_has_the_larger_of_what_driver_and_system_tell(device):
    if device.is_reference or device.kind != "cpu":
        pytest.skip("about processors that a driver drives")
    found = jrk.zeros((1,), device=device).device.last_cache
    assert found == max(device.handle.global_mem_cache_size, caches.last_cache())
