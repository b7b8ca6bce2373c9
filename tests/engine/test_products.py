"""Products: edges of tiles and panels, strides, batches; NumPy in float64 judges."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import pieces, tiles

# Rows, columns and steps around the multiples of tiles, panels and pieces.
SIZES = [
    (8, 32, 32), (9, 33, 33), (7, 31, 257), (65, 17, 40), (3, 100, 120), (100, 3, 120),
    (1, 300, 200), (1, 517, 131), (3, 531, 70), (4, 256, 300), (2, 2100, 24), (517, 1, 300),
    (5, 16, 513), (6, 300, 130), (300, 7, 130), (8, 129, 270),
    (33, 130, 512), (40, 95, 1040), (1025, 65, 20), (70, 1100, 15), (2, 2, 9000),
]  # fmt: skip


def _drawn(shape, key):
    return np.random.default_rng(key).standard_normal(shape, np.float32)


def _close(found, a, b):
    exact = a.astype(np.float64) @ b.astype(np.float64)
    assert found.shape == exact.shape
    # Partial sums of normal numbers grow like a root, and each addition rounds: six deviations.
    # The result itself is rounded too.
    k = a.shape[-1]
    room = 2.0**-22 * min(k, pieces.SIZES.depth) * np.sqrt(max(1, k / pieces.SIZES.depth))
    room += 2.0**-24 * np.abs(exact).max()
    assert np.abs(found.numpy() - exact).max() <= room


@pytest.mark.parametrize("order", ["nn", "nt", "tn", "tt"])
def test_edges_of_tiles(device, order):
    for number, (m, n, k) in enumerate(SIZES):
        a = _drawn((k, m) if order[0] == "t" else (m, k), number)
        b = _drawn((n, k) if order[1] == "t" else (k, n), number + 100)
        x, y = jrk.tensor(a, device=device), jrk.tensor(b, device=device)
        x, a = (x.T, a.T) if order[0] == "t" else (x, a)
        y, b = (y.T, b.T) if order[1] == "t" else (y, b)
        _close(x @ y, a, b)


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ((1024, 256, 2048), 4),  # each piece copies what it needs of both operands
        ((768, 256, 2048), 6),  # as many for either core
        ((1024, 256, 512), 8),  # one copy serves pieces side by side
    ],
)
def test_long_sums_of_copied_rows_are_cut_into_few_pieces(sizes, wanted):
    cut = pieces.cut(1, sizes, (8, 32), True, 2, pieces.SIZES)
    assert cut.sizes["pieces"] == wanted
    assert cut.sizes["ROWS"] * cut.sizes["row_blocks"] >= sizes[0]
    assert cut.sizes["COLUMNS"] * cut.sizes["column_blocks"] >= sizes[1]


def test_a_stride_of_a_page(device):
    a, b, c = _drawn((96, 1024), 0), _drawn((1024, 96), 1), _drawn((96, 1024), 2)
    x, y, z = (jrk.tensor(v, device=device) for v in (a, b, c))
    _close(x @ y, a, b)
    _close(x.T @ z, a.T, c)
    _close(y.T @ x.T, b.T, a.T)


def test_strided_operands(device):
    a, b = _drawn((80, 90), 2), _drawn((120, 150), 3)
    x, y = jrk.tensor(a, device=device), jrk.tensor(b, device=device)
    _close(x[::2, 5:85] @ y[10:90, ::3], a[::2, 5:85], b[10:90, ::3])
    _close(x[3:60].T @ y[1:115:2, :70], a[3:60].T, b[1:115:2, :70])
    _close(jrk.flip(x, axis=0)[:, :40] @ y[:40], a[::-1, :40], b[:40])


def test_batches_that_broadcast(device):
    a, b, c = _drawn((3, 1, 33, 40), 4), _drawn((2, 40, 35), 5), _drawn((40, 33), 6)
    x, y, z = (jrk.tensor(v, device=device) for v in (a, b, c))
    _close(x @ y, a, b)
    _close(x @ y[0], a, b[0])
    _close(z @ x, c, a)


def test_sizes_of_zero(device):
    for m, n, k in [(0, 40, 40), (40, 0, 40), (40, 40, 0), (0, 0, 0)]:
        x, y = jrk.zeros((m, k), device=device), jrk.zeros((k, n), device=device)
        assert (x @ y).numpy().tolist() == np.zeros((m, n)).tolist()


def test_few_rows_read_any_matrix(device):
    a, b = _drawn((3, 2, 150), 18), _drawn((3, 150, 270), 19)
    x, y = jrk.tensor(a, device=device), jrk.tensor(b, device=device)
    _close(x @ y, a, b)
    _close(x[0, 0] @ y[0], a[0, 0], b[0])
    _close(y[0].T @ x[0, 0], b[0].T, a[0, 0])
    _close(x[0] @ jrk.maximum(y[0], 0.5), a[0], np.maximum(b[0], 0.5))
    _close(x[1] @ y[0, :, ::-1].T.T, a[1], b[0, :, ::-1])
    _close(x[1] @ jrk.maximum(y[1].T, 0).T[:, 7:], a[1], np.maximum(b[1], 0)[:, 7:])
    # No neighbours side by side in either direction.
    wide = jrk.concat([y[0], y[1]], axis=1)[::2, ::2]
    _close(x[2, :, ::2] @ wide, a[2, :, ::2], np.concatenate([b[0], b[1]], 1)[::2, ::2])
    found = jrk.maximum(x[0] @ y[0] + y[0, 0], 0) * 3
    assert np.abs(found.numpy() - np.maximum(a[0] @ b[0] + b[0, 0], 0) * 3).max() < 1e-4


def test_results_repeat_bit_for_bit(device):
    for m, n, k in [(64, 96, 2000), (40, 40, 9000), (300, 200, 100)]:
        x = jrk.tensor(_drawn((m, k), 6), device=device)
        y = jrk.tensor(_drawn((n, k), 7), device=device)
        first = (x @ y.T).numpy()
        for _ in range(4):
            assert np.array_equal((x @ y.T).numpy(), first)


def test_one_kernel_serves_all_sizes(device, monkeypatch):
    # A GPU takes a tile by the sizes, and has a kernel for each of a few tiles.
    monkeypatch.setattr(tiles, "choose", lambda *_: tiles.Choice(tiles.SMALLEST, 1))

    def compiled(size):
        x = jrk.tensor(_drawn((size, size), 8), device=device).realize()
        with jrk.profile() as p:
            (x[1:, 1:] @ x[1:, 2:]).numpy()
        return p.compiles

    compiled(48)
    assert [compiled(size) for size in (200, 1100)] == [0, 0]


def test_long_sums_lose_little(device):
    # As little as PyTorch loses: sums of blocks, added up.
    a, b = _drawn((64, 4096), 9), _drawn((4096, 64), 10)
    found = (jrk.tensor(a, device=device) @ jrk.tensor(b, device=device)).numpy()
    exact = a.astype(np.float64) @ b.astype(np.float64)
    assert np.abs(found - exact).max() / np.abs(exact).max() < 8e-7


def test_work_after_a_product_meets_every_edge(device):
    a, b, c = _drawn((37, 600), 11), _drawn((600, 51), 12), _drawn((51,), 13)
    x, y, z = (jrk.tensor(v, device=device) for v in (a, b, c))
    found = jrk.maximum(x @ y + z, 0.0) * 2
    exact = np.maximum(a.astype(np.float64) @ b + c, 0) * 2
    assert np.abs(found.numpy() - exact).max() < 1e-4


def test_a_product_used_the_other_way_around_is_computed_so(device):
    a, b, c = _drawn((64, 40), 14), _drawn((64, 50), 15), _drawn((50, 40), 16)
    x, y, z = (jrk.tensor(v, device=device).realize() for v in (a, b, c))
    with jrk.profile() as p:
        found = (z - (x.T @ y).T * 0.1).realize()
    assert np.abs(found.numpy() - (c - (a.T.astype(np.float64) @ b).T * 0.1)).max() < 2e-5
    assert device.is_reference or p.launches == 1
    # In batches, and where the product itself is wanted too.
    batch = jrk.stack([x, x + 1]).realize()
    _close((batch.mT @ y).mT, b.T, np.stack([a, a + 1]))
    both = x.T @ y
    turned = both.T + 0
    assert np.array_equal(both.numpy().T, turned.numpy())
    # A right operand that is not stored is still computed on the way.
    _close((x.T @ jrk.maximum(y, 0)).T, np.maximum(b, 0).T, a)


def test_an_update_joins_the_product_that_makes_its_gradient(device):
    if device.is_reference:
        pytest.skip("nothing is fused")
    layer = jrk.nn.Linear(48, 40)
    x = jrk.tensor(_drawn((64, 48), 17), device=device)
    optimizer = jrk.optim.Adam(lr=1e-2)

    @jrk.compile
    def step(x):
        loss = (layer(x) ** 2).mean()
        optimizer.update(layer, loss.backward(layer))
        return loss

    losses = [step(x).item() for _ in range(4)]
    with jrk.profile() as p:
        losses.append(step(x).item())
    assert losses == sorted(losses, reverse=True)
    assert any(k.name.startswith("gemm_") and "sqrt" in k.name for k in p.kernels)


def test_few_pieces_are_shared_evenly_by_two_cores():
    for m, n, k in [(256, 784, 128), (128, 784, 64), (512, 352, 96)]:
        sizes = pieces.cut(1, (m, n, k), (8, 32), True, 2, pieces.SIZES).sizes
        assert sizes["pieces"] % 2 == 0
        assert sizes["ROWS"] * sizes["row_blocks"] >= m
        assert sizes["COLUMNS"] * sizes["column_blocks"] >= n
