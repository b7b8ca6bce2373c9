"""The training loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jairika_nb.nn.losses import CrossEntropyLoss
from jairika_nb.nn.module import Module
from jairika_nb.optim import Adam, Optimizer
from jairika_nb.tensors.autograd import eval as compute
from jairika_nb.train.arguments import (
    check_loss,
    check_model,
    check_optimizer,
    check_sizes,
    check_trainable,
    count,
    optimizer_of,
)
from jairika_nb.train.batches import Batches
from jairika_nb.train.callbacks import Callbacks
from jairika_nb.train.claims import check_free, copied
from jairika_nb.train.evaluate import Evaluation
from jairika_nb.train.gradients import limit
from jairika_nb.train.initialising import initialised
from jairika_nb.train.job import Job
from jairika_nb.train.loop import Training
from jairika_nb.train.measures import Measures
from jairika_nb.train.objective import Objective
from jairika_nb.train.precision import check_precision
from jairika_nb.train.progress import Silent, choose
from jairika_nb.train.resume import resume as continue_from
from jairika_nb.train.step import Step
from jairika_nb.train.tally import Tally


def fit(
    model: Module,
    data: Any,
    *,
    epochs: int,
    optimizer: Optimizer | None = None,
    loss: Any = None,
    loss_weights: Any = None,
    metrics: Any = None,
    validation: Any = None,
    progress: bool | str | Silent = True,
    callbacks: Iterable[Any] = (),
    batch_size: int = 64,
    seed: int | None = None,
    schedule: Any = None,
    accumulate: int = 1,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    precision: Any = None,
    resume: Any = None,
    background: bool = False,
    initialise: Any = None,
    compiled: bool = True,
) -> Any:
    """Train a model and return the record of it, or a job that does it in the background.

    ``data`` is a DataLoader, a dataset, a tuple ``(inputs, targets)`` of arrays or of dicts of
    arrays, or any iterable of batches; ``batch_size`` and ``seed`` matter where it is not cut
    into batches yet. The last part of a batch is its target; in a batch that is a dict the
    entries that the model's ``forward`` names are inputs, the others targets. Float arrays are
    converted to the dtype of the model's parameters, and batches go to their device.

    ``optimizer`` defaults to ``Adam()``, ``loss`` to cross-entropy; any function of prediction
    and target will do. For a model with several outputs ``loss`` is a dict or list by output,
    and ``loss_weights`` likewise (default 1 each); the history then has each as ``loss_OUTPUT``
    beside their weighted sum ``loss``. ``metrics`` are streaming measures of ``jrk.metrics``
    (for several outputs: by output), taken of the training batches as they pass and of
    ``validation`` data after every epoch; without them validation has the accuracy where the
    loss is cross-entropy. ``callbacks`` are :class:`Callback` objects, or functions that are
    called with the history after every epoch. ``progress`` is True for what fits the place, or
    "notebook", "terminal", "log", "none".

    The optimiser takes a step of the gradients of ``accumulate`` batches, weighted by their
    samples as in one large batch, and of what is left at the end of an epoch. Gradients are cut to
    ``clip_value`` element by element, then scaled to a norm of ``clip_norm`` all together.
    ``precision`` "float16" or "bfloat16" computes the forward in 16 bits over weights in float32;
    in float16 the loss is scaled, and steps whose gradients overflow are skipped and counted.
    ``schedule`` is a learning-rate schedule of ``jrk.optim``, which is asked after each step or
    epoch as it says; those that need a measure get the validation's loss, or the loss.

    ``resume`` goes on with a run that a :class:`Checkpoint` kept: an iteration, a variant or model
    (their newest), or an address. Given the same arguments, the weights are then those of a run
    that was never interrupted, bit for bit on one device.

    ``background=True`` returns at once with a :class:`Job`, and trains while the notebook is used.
    ``initialise="lsuv"`` first fits the weights to the first batch (``nn.init.lsuv``: outputs of
    layers get mean 0.02 and variance 0.9, ``nn.Normalization`` layers the moments of the inputs);
    any function of model and inputs will do, as ``partial(nn.init.lsuv, mean=0, variance=1)``.

    Steps are compiled for replay (``jrk.compile``); a model that reads values on the host in
    ``forward`` cannot be, which a warning and ``history.uncompiled`` say. ``compiled=False``
    leaves it.

    Ctrl-C ends after the running step; the history then says ``interrupted``, and its last row
    holds the loss of the steps done. A loss that is NaN or infinite raises TrainingError naming
    epoch, step and what went first, and leaves the weights from before that step. Raises DataError
    for empty data or labels out of range, TrainingError for a model, an optimiser or a loss that
    is none, and for an optimiser that holds the moments of another network.

    >>> import numpy as np
    >>> import jairika_nb as jrk
    >>> from jairika_nb import nn, optim
    >>> jrk.random.seed(0)
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> line = nn.Linear(1, 1)
    >>> history = fit(line, (x, 3 * x + 1), epochs=50, optimizer=optim.SGD(lr=0.3),
    ...               loss=nn.MSELoss(), progress=False)
    >>> history.metrics["loss"] < 0.01
    True
    """
    check_model("fit", model)
    check_sizes(model)
    check_optimizer(optimizer)
    check_loss(loss)
    epochs, accumulate = count("epochs", epochs), count("accumulate", accumulate)
    clip_norm, clip_value = limit("clip_norm", clip_norm), limit("clip_value", clip_value)
    check_trainable(model)
    check_free(model, optimizer)
    given = model
    if background:
        compute(*model._tensors().values())
        model = copied(model)
    objective = Objective(CrossEntropyLoss() if loss is None else loss, loss_weights)
    measures = Measures([] if metrics is None else metrics, objective)
    batches = Batches(data, batch_size, shuffle=True, seed=seed, model=model)
    held_out = None
    if validation is not None:
        # 256 samples at a time, as `evaluate` has it.
        held_out = Evaluation(model, objective, metrics), Batches(validation, 256, model=model)
    if schedule is not None:
        optimizer = optimizer_of(schedule, optimizer)
    if optimizer is not None and resume is None:
        optimizer.check_belongs(given)
    if initialise is not None and resume is None:
        initialised(model, batches, initialise)
    step = Step(
        model,
        optimizer if optimizer is not None else Adam(),
        objective,
        gives_prediction=bool(measures),
        compiled=compiled,
        accumulate=accumulate,
        clip_norm=clip_norm,
        clip_value=clip_value,
        precision=check_precision(precision, model),
        schedule=schedule,
    )
    training = Training(
        step,
        batches,
        epochs,
        tally=Tally(objective, measures),
        validation=held_out,
        callbacks=Callbacks(callbacks),
        display=choose(progress),
    )
    if resume is not None:
        continue_from(training, resume)
    return Job(given, model, training).start() if background else training.go()
