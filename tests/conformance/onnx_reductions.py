"""ONNX operators that reduce axes, or run along one."""

from __future__ import annotations

from onnx_table import operator, whole

import jairika_nb as jrk
from jairika_nb.engine.dtypes import is_float, limits
from jairika_nb.nn import functional as F


def _reduction(function, before=lambda x: x, after=lambda y: y):
    def adapter(x, axes=None, keepdims=1, noop_with_empty_axes=0):
        chosen = whole(axes)
        if not chosen and noop_with_empty_axes:
            return after(before(x))
        over = tuple(chosen) if chosen else None
        return after(function(before(x), axis=over, keepdims=bool(keepdims)))

    return adapter


def _total(x, axis, keepdims):
    return jrk.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)


def _product(x, axis, keepdims):
    return jrk.prod(x, axis=axis, keepdims=keepdims, dtype=x.dtype)


def _mean(x, axis, keepdims):
    return jrk.mean(x, axis=axis, keepdims=keepdims).astype(x.dtype)


def _root_of_sum(x, axis, keepdims):
    total = _total(jrk.square(x), axis, keepdims)
    return jrk.sqrt(total.astype("float32") if not is_float(x.dtype) else total).astype(x.dtype)


def _extreme(function, end):
    def found(x, axis, keepdims):
        if x.size:
            return function(x, axis=axis, keepdims=keepdims)
        # An empty axis has no extreme here; ONNX gives the bound of the type.
        blank = jrk.zeros(x.shape).sum(axis=axis, keepdims=keepdims)
        return jrk.full(blank.shape, limits(x.dtype)[end], dtype=x.dtype)

    return found


def _log_sum_exp(x, axis, keepdims):
    if not x.size:
        return jrk.log(_total(x, axis, keepdims))
    values = x if is_float(x.dtype) else x.astype("float64")
    return jrk.logsumexp(values, axis=axis, keepdims=keepdims).astype(x.dtype)


operator("ReduceSum")(_reduction(_total))
operator("ReduceProd")(_reduction(_product))
operator("ReduceMean")(_reduction(_mean))
operator("ReduceMax")(_reduction(_extreme(jrk.max, 0)))
operator("ReduceMin")(_reduction(_extreme(jrk.min, 1)))
operator("ReduceL1")(_reduction(_total, before=jrk.abs))
operator("ReduceL2")(_reduction(_root_of_sum))
operator("ReduceSumSquare")(_reduction(_total, before=jrk.square))
operator("ReduceLogSum")(_reduction(_total, after=jrk.log))
operator("ReduceLogSumExp")(_reduction(_log_sum_exp))


def _arg(function):
    def adapter(x, axis=0, keepdims=1, select_last_index=0):
        if not select_last_index:
            return function(x, axis=axis, keepdims=bool(keepdims)).astype("int64")
        found = function(jrk.flip(x, axis=axis), axis=axis, keepdims=bool(keepdims))
        return (x.shape[axis] - 1 - found).astype("int64")

    return adapter


operator("ArgMax")(_arg(jrk.argmax))
operator("ArgMin")(_arg(jrk.argmin))


@operator("Softmax")
def softmax(x, axis=-1):
    return jrk.softmax(x, axis=axis)


@operator("LogSoftmax")
def log_softmax(x, axis=-1):
    return jrk.log_softmax(x, axis=axis)


@operator("Hardmax")
def hardmax(x, axis=-1):
    best = jrk.argmax(x, axis=axis)
    hot = F.one_hot(best, x.shape[axis])
    return jrk.moveaxis(hot, -1, axis).astype(x.dtype)


def _running(function):
    def adapter(x, axis, exclusive=0, reverse=0):
        at = whole(axis)[0] % x.ndim
        y = jrk.flip(x, axis=at) if reverse else x
        if exclusive:
            y = function(y, axis=at, include_initial=True, dtype=x.dtype)
            y = y[(*(slice(None),) * at, slice(0, x.shape[at]))]
        else:
            y = function(y, axis=at, dtype=x.dtype)
        return jrk.flip(y, axis=at) if reverse else y

    return adapter


operator("CumSum")(_running(lambda *a, **k: jrk.cumulative_sum(*a, **k)))
operator("CumProd")(_running(lambda *a, **k: jrk.cumulative_prod(*a, **k)))


@operator("LpNormalization")
def lp_normalization(x, axis=-1, p=2):
    return F.normalize(x, p=float(p), axis=axis, eps=1e-38)


@operator("MeanVarianceNormalization")
def mean_variance_normalization(x, axes=(0, 2, 3)):
    centred = x - x.mean(axis=tuple(axes), keepdims=True)
    return centred / (jrk.sqrt(jrk.square(centred).mean(axis=tuple(axes), keepdims=True)) + 1e-9)
