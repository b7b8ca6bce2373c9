"""Attention of several heads and transformers against PyTorch; positions against formulas."""

import json

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import ArchitectureError, ShapeError

torch = pytest.importorskip("torch")
F = nn.functional
N, L, S, E = 3, 4, 5, 8


def pair(kind, *args, **kwargs):
    """A layer of ours and one of PyTorch's with the same weights, none of them plain."""
    torch.manual_seed(1)
    theirs = getattr(torch.nn, kind)(*args, **kwargs)
    with torch.no_grad():
        for p in theirs.parameters():
            p += 0.1 * torch.randn(p.shape)
    ours = getattr(nn, kind)(*args, **kwargs)
    ours.load_state_dict(theirs.state_dict())
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]
    return ours, theirs


def close(ours, theirs, tolerance=5e-6):
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=3e-5, atol=tolerance)


def tensors(options, make):
    return {k: make(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


def compare(ours, theirs, inputs, **options):
    """Results, and gradients of inputs and parameters under one random upstream."""
    theirs.zero_grad()
    a = [jrk.tensor(v) for v in inputs]
    b = [torch.tensor(v, requires_grad=True) for v in inputs]
    y, z = ours(*a, **tensors(options, jrk.tensor)), theirs(*b, **tensors(options, torch.tensor))
    y, z = ([v] if not isinstance(v, tuple) else [t for t in v if t is not None] for v in (y, z))
    assert len(y) == len(z)
    rng = np.random.default_rng(5)
    upstream = [rng.normal(size=tuple(t.shape)).astype(np.float32) for t in z]
    total = sum((t * jrk.tensor(u)).sum() for t, u in zip(y, upstream, strict=True))
    sum((t * torch.tensor(u)).sum() for t, u in zip(z, upstream, strict=True)).backward()
    names = dict(ours.named_parameters())
    grads = jrk.grad(total, [*a, *names.values()])
    jrk.eval(*y, *grads)
    for one, other in zip(y, z, strict=True):
        close(one, other)
    wanted = [v.grad for v in b] + [dict(theirs.named_parameters())[n].grad for n in names]
    for g, w in zip(grads, wanted, strict=True):
        close(g, w, 5e-5)


def rows(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def trio(kdim=E, vdim=E):
    return [rows(L, N, E), rows(S, N, kdim), rows(S, N, vdim)]


PADDING = np.array(
    [[False] * 5, [False, False, True, False, True], [True, False, False, False, False]]
)
BANNED = np.triu(np.ones((L, S), bool), 2)
FLOATS = np.where(BANNED, -1.5, 0.25).astype(np.float32)
HEADS = np.random.default_rng(0).random((N * 2, L, S)) < 0.3
HEADS[..., 1] = False
OPTIONS = [
    ({}, {}),
    ({"bias": False}, {"need_weights": False}),
    ({"add_bias_kv": True}, {"key_padding_mask": PADDING}),
    ({"add_zero_attn": True}, {"key_padding_mask": PADDING, "attn_mask": BANNED}),
    ({"add_bias_kv": True, "add_zero_attn": True}, {"attn_mask": FLOATS, "need_weights": False}),
    ({"kdim": 6, "vdim": 7}, {"average_attn_weights": False}),
    ({"kdim": 6}, {"attn_mask": HEADS, "average_attn_weights": False}),
    ({}, {"attn_mask": FLOATS, "key_padding_mask": np.where(PADDING, -2, 0).astype(np.float32)}),
    ({}, {"attn_mask": BANNED, "key_padding_mask": PADDING, "need_weights": False}),
]  # fmt: skip


@pytest.mark.parametrize(("made", "asked"), OPTIONS)
def test_attention_with_every_argument(made, asked):
    with jrk.device("reference"):
        ours, theirs = pair("MultiheadAttention", E, 2, **made)
        compare(ours, theirs, trio(made.get("kdim", E), made.get("vdim", E)), **asked)


@pytest.mark.parametrize("options", [OPTIONS[3], OPTIONS[8]])
def test_attention_on_every_device(device, options):
    made, asked = options
    ours, theirs = pair("MultiheadAttention", E, 2, **made)
    compare(ours, theirs, trio(), **asked)


def test_attention_with_batches_first_and_without_batches():
    with jrk.device("reference"):
        ours, theirs = pair("MultiheadAttention", E, 2, batch_first=True, add_bias_kv=True)
        compare(ours, theirs, [x.transpose(1, 0, 2) for x in trio()], key_padding_mask=PADDING)
        single = [x[:, 0] for x in trio()]
        compare(ours, theirs, single, key_padding_mask=PADDING[1], attn_mask=BANNED)
        compare(ours, theirs, single, average_attn_weights=False)


def test_self_attention_and_causality():
    with jrk.device("reference"):
        ours, theirs = pair("MultiheadAttention", E, 2)
        later = np.triu(np.ones((L, L), bool), 1)
        x = rows(L, N, E)
        with torch.no_grad():
            wanted, weights = theirs(*[torch.tensor(x)] * 3, attn_mask=torch.tensor(later))
        for need in (True, False):
            y, shown = ours(*[jrk.tensor(x)] * 3, is_causal=True, need_weights=need)
            close(y, wanted)
            assert shown is None or close(shown, weights) is None
        y, _ = ours(*[jrk.tensor(x)] * 3, is_causal=True, need_weights=False,
                    key_padding_mask=np.zeros((N, L), bool))  # fmt: skip
        close(y, wanted)


def test_given_keys_and_values():
    with jrk.device("reference"):
        ours, theirs = pair("MultiheadAttention", E, 2)
        static = [rows(N * 2, 6, E // 2) for _ in "kv"]

        def run(function, layer, make):
            q, k, v = (make(x) for x in trio())
            return function(
                q, k, v, E, 2, layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0,
                layer.out_proj.weight, layer.out_proj.bias,
                static_k=make(static[0]), static_v=make(static[1]),
            )  # fmt: skip

        y = run(F.multi_head_attention_forward, ours, jrk.tensor)
        z = run(torch.nn.functional.multi_head_attention_forward, theirs, torch.tensor)
        for one, other in zip(y, z, strict=True):
            close(one, other)


def test_a_query_without_keys_gives_the_bias_alone():
    with jrk.device("reference"):
        net = nn.MultiheadAttention(E, 2)
        net.out_proj.bias = jrk.ones((E,))
        hidden = np.ones((L, S), bool)
        for need in (True, False):
            y, _ = net(*(jrk.tensor(x) for x in trio()), attn_mask=hidden, need_weights=need)
            np.testing.assert_array_equal(y.numpy(), np.ones((L, N, E), np.float32))


def test_dropout_of_weights_in_training():
    with jrk.device("reference"):
        jrk.random.seed(1)
        net = nn.MultiheadAttention(E, 2, dropout=0.5)
        x = [jrk.tensor(v) for v in trio()]
        shown = net(*x, average_attn_weights=False)[1].numpy()
        assert 0.3 < (shown == 0).mean() < 0.7
        plain = net.eval()(*x, average_attn_weights=False)[1].numpy()
        kept = shown != 0
        np.testing.assert_allclose(shown[kept], 2 * plain[kept], rtol=1e-6)


LAYER = {"d_model": E, "nhead": 2, "dim_feedforward": 12}
LAYERS = [
    {},
    {"norm_first": True, "activation": "gelu"},
    {"bias": False, "batch_first": True, "layer_norm_eps": 0.1},
]


@pytest.mark.parametrize("options", LAYERS)
def test_encoder_layer(options):
    with jrk.device("reference"):
        ours, theirs = pair("TransformerEncoderLayer", **LAYER, **options)
        x = rows(N, S, E) if "batch_first" in options else rows(S, N, E)
        mask = np.triu(np.ones((S, S), bool), 1)
        compare(ours.eval(), theirs.eval(), [x], src_mask=mask)
        theirs.train()
        for part in (*theirs.modules(), *ours.train().modules()):
            if hasattr(part, "p"):
                part.p = 0.0
            if hasattr(part, "in_proj_weight"):
                part.dropout = 0.0
        compare(ours, theirs, [x], src_key_padding_mask=PADDING)


@pytest.mark.parametrize("options", LAYERS)
def test_decoder_layer(options):
    with jrk.device("reference"):
        ours, theirs = pair("TransformerDecoderLayer", **LAYER, **options)
        x, memory = rows(L, N, E), rows(S, N, E)
        if "batch_first" in options:
            x, memory = x.transpose(1, 0, 2), memory.transpose(1, 0, 2)
        compare(
            ours.eval(), theirs.eval(), [x, memory], tgt_mask=np.triu(np.ones((L, L), bool), 1),
            memory_mask=FLOATS, memory_key_padding_mask=np.where(PADDING, -3.0, 0).astype("f"),
        )  # fmt: skip


def test_encoder_on_every_device(device):
    def net(library):
        layer = library.TransformerEncoderLayer(E, 2, 12, norm_first=True)
        return library.TransformerEncoder(layer, 1, library.LayerNorm(E))

    theirs, ours = net(torch.nn), net(nn)
    ours.load_state_dict(theirs.state_dict())
    compare(ours.eval(), theirs.eval(), [rows(S, N, E)], src_key_padding_mask=PADDING)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_transformer():
    with jrk.device("reference"):
        ours, theirs = pair("Transformer", E, 2, 2, 2, 12, activation="gelu")
        mask = nn.Transformer.generate_square_subsequent_mask(L)
        close(mask, torch.nn.Transformer.generate_square_subsequent_mask(L))
        compare(
            ours.eval(), theirs.eval(), [rows(S, N, E), rows(L, N, E)], tgt_mask=mask.numpy(),
            src_key_padding_mask=PADDING, memory_key_padding_mask=PADDING,
        )  # fmt: skip
        y = ours(jrk.tensor(rows(S, N, E)), jrk.tensor(rows(L, N, E)), tgt_is_causal=True)
        z = ours(jrk.tensor(rows(S, N, E)), jrk.tensor(rows(L, N, E)), tgt_mask=mask)
        np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=1e-5, atol=1e-6)


def test_initial_weights():
    with jrk.device("reference"):
        jrk.random.seed(2)
        net = nn.MultiheadAttention(64, 2, add_bias_kv=True)
        bound = np.sqrt(6 / (64 + 192))
        assert 0.95 * bound < np.abs(net.in_proj_weight.numpy()).max() <= bound
        assert not net.in_proj_bias.numpy().any() and not net.out_proj.bias.numpy().any()
        assert 0.09 < net.bias_k.numpy().std() < 0.16
        whole = nn.Transformer(32, 2, 1, 1, 64)
        bound = np.sqrt(6 / 96)
        assert 0.95 * bound < np.abs(whole.encoder.layers[0].linear1.weight.numpy()).max() <= bound


def test_layers_come_back_from_their_architecture():
    with jrk.device("reference"):
        layer = nn.TransformerEncoderLayer(E, 2, 12, 0.1, F.gelu)
        nets = [
            nn.MultiheadAttention(E, 2, kdim=3, batch_first=True, add_bias_kv=True),
            layer, nn.TransformerDecoderLayer(E, 2, 12, activation=nn.ELU(0.5)),
            nn.TransformerEncoder(layer, 2, nn.LayerNorm(E)),
            nn.TransformerDecoder(nn.TransformerDecoderLayer(E, 2, 12), 2),
            nn.Transformer(E, 2, 1, 1, 12, activation="silu"),
            nn.SinusoidalPositionalEncoding(E, 0.1), nn.LearnedPositionalEncoding(6, E, True),
            nn.RotaryEncoding(E, interleaved=False),
        ]  # fmt: skip
        for net in nets:
            again = nn.build(json.loads(json.dumps(net.architecture())))
            again.load_state_dict(net.state_dict())
            assert again.architecture() == net.architecture()
            assert repr(again) == repr(net)
        changed = nets[3]
        changed.layers.append(nn.Identity())
        changed.norm = nn.RMSNorm(E)
        assert repr(nn.build(changed.architecture())) == repr(changed)
        odd = nn.TransformerEncoderLayer(E, 2, 12, activation=lambda x: x)
        with pytest.raises(ArchitectureError, match="argument activation is a function"):
            odd.architecture()


def test_sines_of_positions():
    with jrk.device("reference"):
        p, i = np.arange(7)[:, None], np.arange(9)
        angles = p / 100.0 ** (2 * (i // 2) / 9)
        wanted = np.where(i % 2, np.cos(angles), np.sin(angles))
        np.testing.assert_allclose(F.sinusoidal_positions(7, 9, 100.0).numpy(), wanted, atol=2e-6)
        net = nn.SinusoidalPositionalEncoding(9, base=100.0)
        x = rows(7, 2, 9)
        np.testing.assert_allclose(net(x).numpy(), x + wanted[:, None], atol=2e-6)
        net.batch_first = True
        turned = net(x.transpose(1, 0, 2)).numpy()
        np.testing.assert_allclose(turned, (x + wanted[:, None]).transpose(1, 0, 2), atol=2e-6)
        with pytest.raises(ShapeError, match=r"\(7, 2, 8\).*T, N, 9"):
            net(x[..., :8])


@pytest.mark.parametrize("interleaved", [True, False])
def test_rotation_is_multiplication_by_a_complex_number(device, interleaved):
    x = rows(2, 5, 6)
    parts = (x[..., :4:2], x[..., 1:4:2]) if interleaved else (x[..., :2], x[..., 2:4])
    angles = (np.arange(5) + 3)[:, None] / 50.0 ** (np.arange(2) / 2)
    turned = (parts[0] + 1j * parts[1]) * np.exp(1j * angles)
    pair = (turned.real, turned.imag)
    wanted = np.stack(pair, -1).reshape(2, 5, 4) if interleaved else np.concatenate(pair, -1)
    y = nn.RotaryEncoding(4, 50.0, interleaved)(jrk.tensor(x), offset=3)
    np.testing.assert_allclose(y.numpy()[..., :4], wanted, rtol=1e-5, atol=2e-6)
    np.testing.assert_array_equal(y.numpy()[..., 4:], x[..., 4:])


def test_learned_positions():
    with jrk.device("reference"):
        net, x = nn.LearnedPositionalEncoding(6, E), rows(S, N, E)
        np.testing.assert_allclose(net(x).numpy(), x + net.weight.numpy()[:S, None], rtol=1e-6)
        with pytest.raises(ShapeError, match="7 positions, but there are 6 rows"):
            net(rows(7, N, E))


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: nn.MultiheadAttention(7, 2), ArchitectureError, "embed_dim=7 must be a multiple"),
        (lambda: nn.MultiheadAttention(8, 2, dropout=3), ArchitectureError, "no probability"),
        (lambda: nn.TransformerEncoderLayer(8, 2, activation="no"), ArchitectureError, "one of"),
        (lambda: nn.TransformerEncoder(3, 2), ArchitectureError, "must be a layer"),
        (lambda: nn.Transformer(8, 2, 10**9), ArchitectureError, "more than 1000 layers"),
        (lambda: nn.RotaryEncoding(5), ArchitectureError, "dim=5 must be even"),
        (lambda: F.rotary_embedding(jrk.zeros((2, 3))), ShapeError, "even size"),
        (lambda: nn.MultiheadAttention(E, 2)(*map(jrk.tensor, trio(6))), ShapeError, "8, 8, 8"),
        (
            lambda: nn.MultiheadAttention(E, 2)(*map(jrk.tensor, trio()), attn_mask=BANNED.T),
            ShapeError,
            r"attn_mask \(5, 4\) must be \(4, 5\) or \(6, 4, 5\)",
        ),
        (
            lambda: nn.MultiheadAttention(E, 2)(*map(jrk.tensor, trio()), key_padding_mask=BANNED),
            ShapeError,
            r"key_padding_mask \(4, 5\) must be \(3, 5\)",
        ),
    ],
)
def test_what_does_not_fit_is_told(ask, error, words):
    with jrk.device("reference"), pytest.raises(error, match=words):
        ask()


@pytest.mark.parametrize("asked", [False, True])
def test_unless_weights_are_read_no_scores_are_stored(device, asked):
    if device.is_reference or device.kind == "gpu":
        pytest.skip("attention in one launch is how CPUs run it")
    net = nn.MultiheadAttention(32, 2)
    x = jrk.random.normal((64, 2, 32)).realize()
    jrk.eval(*net.parameters())
    with jrk.profile() as p:
        y = net(x, x, x, need_weights=asked, is_causal=True)[0].realize()
    assert sum(k.name.startswith("attention") for k in p.kernels) == 1
    _, weights = net(x, x, x, is_causal=True, average_attn_weights=False)
    value = x @ net.in_proj_weight[64:].T + net.in_proj_bias[64:]
    heads = value.reshape((64, 2, 2, 16)).permute((1, 2, 0, 3))
    joined = (weights @ heads).permute((2, 0, 1, 3)).reshape((64, 2, 32))
    np.testing.assert_allclose(y.numpy(), net.out_proj(joined).numpy(), rtol=1e-4, atol=1e-5)
