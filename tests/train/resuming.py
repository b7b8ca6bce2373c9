"""One run in pieces, as a program: trains, is stopped somewhere, goes on from the model file.

``python resuming.py MODEL OUT PLAN`` where PLAN is JSON: ``options`` for the run, ``stop`` the call
of the loss in which Ctrl-C comes, ``die`` the optimiser step after which the process is gone,
``resume`` whether to go on, ``save`` the options of the checkpoint. Writes weights, optimiser,
history and random stream to OUT as ``.npz``.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import numpy as np

import jairika_nb as jrk
from jairika_nb import data, nn, optim
from jairika_nb.metrics import Accuracy
from jairika_nb.train import Callback, Checkpoint, EarlyStopping

RNG = np.random.default_rng(7)
X = RNG.normal(size=(44, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


class StopAt:
    """A loss that presses Ctrl-C in one of its calls."""

    def __init__(self, call):
        self.call, self.calls = call, 0

    def __call__(self, prediction, target):
        self.calls += 1
        if self.calls == self.call:
            signal.raise_signal(signal.SIGINT)
        return nn.functional.cross_entropy(prediction, target)


class DieAt(Callback):
    """Ends the process, without a farewell, after some of its optimiser steps."""

    def __init__(self, steps):
        self.steps, self.count = steps, 0

    def on_step(self, training):
        self.count += 1
        if self.count == self.steps:
            os._exit(9)

    def state_dict(self):
        return {}


def network():
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)
    )


def run(path: str, plan: dict) -> dict[str, np.ndarray]:
    jrk.random.seed(plan.get("seed", 5))
    net, opt = network(), getattr(optim, plan.get("optimizer", "Adam"))(lr=0.02)
    model = jrk.open(path, mode="a") if plan["resume"] else jrk.init(path)
    ema = optim.EMA(net, 0.9)
    callbacks = [ema, EarlyStopping("val_loss", patience=50), DieAt(plan.get("die", 0))]
    if plan.get("save") is not None:
        callbacks.append(Checkpoint(model, **plan["save"]))
    schedule = optim.CosineAnnealingLR(opt, T_max=30, every="step")
    training, held_out = data.TensorDataset(X, Y), (X[:20], Y[:20])
    loader = data.DataLoader(training, 8, shuffle=True)
    loss = nn.CrossEntropyLoss()
    compiled = True
    if plan.get("stop"):
        # It counts, so it is not compiled.
        loss, compiled = StopAt(plan["stop"]), False
    history = jrk.fit(
        net, loader, epochs=plan["epochs"], optimizer=opt, loss=loss, validation=held_out,
        metrics=[Accuracy()], callbacks=callbacks, schedule=schedule, progress=False,
        clip_norm=1.0, resume=model if plan["resume"] else None, compiled=compiled,
        **plan.get("options", {}),
    )  # fmt: skip
    kept = {k: v for k, v in opt.state_dict().items() if not isinstance(v, str)}
    found = {f"net {k}": v.numpy() for k, v in net.state_dict().items()}
    found |= {f"opt {k}": np.asarray(v) for k, v in kept.items()}
    found |= {f"ema {k}": v.numpy() for k, v in ema.average.items()}
    found["random"] = np.array(jrk.random.state())
    found["counts"] = np.array([history.steps, history.updates, history.skipped])
    found["history"] = np.frombuffer(json.dumps(history.epochs).encode(), np.uint8)
    found["lr"] = np.array(opt.lr)
    return found


if __name__ == "__main__":
    np.savez(sys.argv[2], **run(sys.argv[1], json.loads(sys.argv[3])))
