"""Ordinary HDF5 programs see the same numbers; unchanged layers cost no room."""

from __future__ import annotations

import h5py
import numpy as np
from states import arrays

from jairika_nb import store
from jairika_nb.store import slots


def test_h5py_alone_reads_the_same_values(model):
    model.derive("lstm")
    with h5py.File(model.path) as file:
        for variant in model.variants:
            for name in model[variant].iterations:
                group = file["variants"][variant][name]
                for key, value in model[variant][name].arrays().items():
                    layer, _, parameter = key.rpartition(".")
                    found = group[layer][parameter]
                    assert found.dtype == value.dtype and np.array_equal(found[()], value)
                assert group.attrs["id"].decode() == model[variant][name].id


def test_every_hdf5_object_is_plain(model):
    """The subset the format promises: contiguous numbers, fixed-length attributes, no filters."""
    seen = []

    def look(name, found):
        seen.append(name)
        for key in found.attrs:
            kind = h5py.h5a.open(found.id, key.encode()).get_type()
            assert not (isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str())
        if isinstance(found, h5py.Dataset):
            plan = found.id.get_create_plist()
            assert plan.get_layout() == h5py.h5d.CONTIGUOUS and plan.get_nfilters() == 0
            assert not plan.get_external_count() and found.dtype.kind in "biuf"

    with h5py.File(model.path) as file:
        file.visititems(look)
        assert file["root"].id.get_offset() == slots.PAGE_OFFSET
    assert len(seen) > 20


def test_a_derived_variant_copies_no_tensor(path):
    big = {"0.weight": np.random.default_rng(0).standard_normal((1000, 500)).astype(np.float32)}
    with store.init(path, big) as model:
        before = path.stat().st_size
        model.derive("copy")
        assert path.stat().st_size - before < 8192
        assert np.array_equal(model["copy"].head.arrays()["0.weight"], big["0.weight"])


def test_an_unchanged_layer_is_not_written_again(path):
    random = np.random.default_rng(0)
    state = {f"{i}.weight": random.standard_normal(50_000).astype(np.float32) for i in range(10)}
    with store.init(path, state) as model:
        before = path.stat().st_size
        for step in range(10):
            state[f"{step}.weight"] = state[f"{step}.weight"] + 1
            model.commit(state)
        grown = path.stat().st_size - before
    assert 10 * 200_000 <= grown < 1.06 * 10 * 200_000


def test_values_are_aligned_for_mapping(model):
    iteration = model.commit({**arrays(2), "big.weight": np.ones(1000, np.float32)})
    places = model._reader.locations(iteration._row, iteration._manifest)
    offsets = [offset for offset, length in places if length >= 256]
    assert offsets and all(offset % 64 == 0 for offset in offsets)


def test_verify_reads_everything_and_the_view(model):
    report = model.verify()
    assert report.ok and report.iterations == 2 and not report.problems
    assert report.objects == 8 and "all whole" in str(report)
