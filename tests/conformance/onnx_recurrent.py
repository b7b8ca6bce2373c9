"""ONNX's recurrent layers, its optimisers, and graphs inside operators."""

from __future__ import annotations

from onnx_elementwise import elu, hard_sigmoid, leaky_relu, softplus, softsign, thresholded_relu
from onnx_table import NotOffered, operator

import jairika_nb as jrk

_ACTIVATIONS = {
    "Relu": jrk.relu, "Tanh": jrk.tanh, "Sigmoid": jrk.sigmoid, "Affine": lambda x: x,
    "LeakyRelu": leaky_relu, "ThresholdedRelu": thresholded_relu, "HardSigmoid": hard_sigmoid,
    "Elu": elu, "Softsign": softsign, "Softplus": softplus,
}  # fmt: skip


def _recurrent(step, gates, defaults):
    """An adapter from what one step does: (x, state, weights, activations) -> state."""

    def adapter(x, w, r, b=None, lengths=None, h=None, c=None, p=None, layout=0, hidden_size=None,
                direction="forward", activations=None, clip=None, **options):  # fmt: skip
        if clip is not None or options.pop("activation_alpha", None) is not None:
            raise NotOffered("clipped or parametrised recurrences")
        x = x.permute(1, 0, 2) if layout else x
        states = [s if s is None or not layout else s.permute(1, 0, 2) for s in (h, c)]
        size, count = r.shape[2], r.shape[0]
        rows, finals = [], []
        for d in range(count):
            chosen = (activations or defaults * count)[d * len(defaults) : (d + 1) * len(defaults)]
            functions = [_ACTIVATIONS[name] for name in chosen]
            bias = jrk.zeros(2 * gates * size, dtype=x.dtype) if b is None else b[d]
            blank = jrk.zeros((x.shape[1], size), dtype=x.dtype)
            state = [blank if s is None else s[d] for s in states]
            weights = (w[d], r[d], bias, None if p is None else p[d])
            backwards = direction == "reverse" or d == 1
            order = range(x.shape[0])[:: -1 if backwards else 1]
            found = {}
            for t in order:
                new = step(x[t], state, weights, functions, size, **options)
                if lengths is not None:
                    live = (lengths > t).reshape(-1, 1)
                    new = [jrk.where(live, n, s) for n, s in zip(new, state, strict=False)]
                    found[t] = jrk.where(live, new[0], 0.0)
                else:
                    found[t] = new[0]
                state = [*new, *state[len(new) :]]
            rows.append(jrk.stack([found[t] for t in range(x.shape[0])]))
            finals.append(state)
        y = jrk.stack(rows, axis=1)
        last = [jrk.stack([state[i] for state in finals]) for i in range(2)]
        if layout:
            return y.permute(2, 0, 1, 3), *(s.permute(1, 0, 2) for s in last)
        return y, *last

    return adapter


def _parts(x, h, weights, size, count):
    """Each gate's share of the input and of the state, both with their bias."""
    w, r, b, _ = weights
    left, right = x @ w.T + b[: count * size], h @ r.T + b[count * size :]
    return [(left[:, i * size : (i + 1) * size], right[:, i * size : (i + 1) * size])
            for i in range(count)]  # fmt: skip


def _rnn_step(x, state, weights, functions, size):
    ((left, right),) = _parts(x, state[0], weights, size, 1)
    return [functions[0](left + right)]


def _gru_step(x, state, weights, functions, size, linear_before_reset=0):
    update, reset, new = _parts(x, state[0], weights, size, 3)
    z, r = functions[0](sum(update)), functions[0](sum(reset))
    if linear_before_reset:
        candidate = functions[1](new[0] + r * new[1])
    else:
        kernel, bias = weights[1][2 * size :], weights[2][5 * size :]
        candidate = functions[1](new[0] + (r * state[0]) @ kernel.T + bias)
    return [(1 - z) * candidate + z * state[0]]


def _lstm_step(x, state, weights, functions, size, input_forget=0):
    h, c = state
    i, o, f, new = (sum(pair) for pair in _parts(x, h, weights, size, 4))
    peep = weights[3]
    if peep is not None:
        i, f = i + peep[:size] * c, f + peep[2 * size :] * c
    i = functions[0](i)
    f = 1 - i if input_forget else functions[0](f)
    c = f * c + i * functions[1](new)
    o = o if peep is None else o + peep[size : 2 * size] * c
    return [functions[0](o) * functions[2](c), c]


operator("RNN")(_recurrent(_rnn_step, 1, ["Tanh"]))
operator("GRU")(_recurrent(_gru_step, 3, ["Sigmoid", "Tanh"]))
operator("LSTM")(_recurrent(_lstm_step, 4, ["Sigmoid", "Tanh", "Tanh"]))


def _optimiser(parts, step):
    """An adapter from one tensor's update: all of them come as x1, x2, .., g1, g2, .., state."""

    def adapter(rate, count, *tensors, **options):
        n = len(tensors) // parts
        rows = [step(rate, count, *tensors[i::n], **options) for i in range(n)]
        return [row[k] for k in range(parts - 1) for row in rows]

    return adapter


def _adagrad(rate, count, x, g, h, decay_factor=0.0, epsilon=1e-6, norm_coefficient=0.0):
    g = g + norm_coefficient * x
    h = h + g * g
    rate = rate / (1 + count.astype(x.dtype) * decay_factor)
    return x - rate * g / (jrk.sqrt(h) + epsilon), h


def _adam(rate, count, x, g, v, h, alpha=0.9, beta=0.999, epsilon=1e-6, norm_coefficient=0.0,
          norm_coefficient_post=0.0):  # fmt: skip
    g = g + norm_coefficient * x
    v, h = alpha * v + (1 - alpha) * g, beta * h + (1 - beta) * g * g
    t = count.item()
    factor = (1 - beta**t) ** 0.5 / (1 - alpha**t) if t > 0 else 1.0
    x = x - rate * factor * v / (jrk.sqrt(h) + epsilon)
    return (1 - norm_coefficient_post) * x, v, h


def _momentum(rate, count, x, g, v, alpha, beta, mode, norm_coefficient):
    g = g + norm_coefficient * x
    v = alpha * v + (beta if count.item() > 0 else 1.0) * g
    return x - rate * (g + alpha * v if mode == "nesterov" else v), v


operator("Adagrad")(_optimiser(3, _adagrad))
operator("Adam")(_optimiser(4, _adam))
operator("Momentum")(_optimiser(3, _momentum))


@operator("If")
def branch(condition, then_branch, else_branch):
    return then_branch() if condition.item() else else_branch()


@operator("Loop")
def loop(most, condition, *state, body):
    """The body until its condition fails; what it gives beyond its state is stacked."""
    state, rows = list(state), []
    goes_on = condition is None or bool(condition.item())
    limit = most.item() if most is not None else 2**31
    step = 0
    while goes_on and step < limit:
        again, *found = body(jrk.tensor(step, dtype="int64"), jrk.tensor(True), *state)
        state, extra = found[: len(state)], found[len(state) :]
        rows.append(extra)
        goes_on, step = bool(again.item()), step + 1
    return *state, *(jrk.stack(column) for column in zip(*rows, strict=True))


@operator("Scan")
def scan(*inputs, body, num_scan_inputs, **options):
    if any(any(v) for v in options.values()) or inputs[0] is None:
        raise NotOffered("scans along other axes or from behind")
    count = len(inputs) - num_scan_inputs
    state, sequences, rows = list(inputs[:count]), inputs[count:], []
    for t in range(sequences[0].shape[0]):
        found = body(*state, *(s[t] for s in sequences))
        state = list(found[:count])
        rows.append(found[count:])
    return *state, *(jrk.stack(column) for column in zip(*rows, strict=True))
