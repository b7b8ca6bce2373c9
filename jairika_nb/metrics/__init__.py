"""Measures of how good predictions are; each as a function and as a streaming object."""

from jairika_nb.metrics.accuracy import Accuracy, TopKAccuracy, accuracy, top_k_accuracy
from jairika_nb.metrics.bleu import Bleu, bleu
from jairika_nb.metrics.confusion import (
    BalancedAccuracy,
    CohenKappa,
    ConfusionMatrix,
    MatthewsCorrelation,
    balanced_accuracy,
    cohen_kappa,
    confusion_matrix,
    matthews_correlation,
)
from jairika_nb.metrics.curves import PrecisionRecallPoints, RocPoints
from jairika_nb.metrics.explained import R2, r2
from jairika_nb.metrics.likelihood import LogLoss, Perplexity, log_loss, perplexity
from jairika_nb.metrics.metric import Metric
from jairika_nb.metrics.overlap import (
    F1,
    FBeta,
    Jaccard,
    Precision,
    Recall,
    f1,
    fbeta,
    jaccard,
    precision,
    recall,
)
from jairika_nb.metrics.ranking import (
    AveragePrecision,
    PrecisionRecallCurve,
    RocAuc,
    RocCurve,
    average_precision,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)
from jairika_nb.metrics.records import from_json
from jairika_nb.metrics.regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    MedianAbsoluteError,
    RootMeanSquaredError,
    mean_absolute_error,
    mean_squared_error,
    median_absolute_error,
    root_mean_squared_error,
)

__all__ = [
    "F1",
    "R2",
    "Accuracy",
    "AveragePrecision",
    "BalancedAccuracy",
    "Bleu",
    "CohenKappa",
    "ConfusionMatrix",
    "FBeta",
    "Jaccard",
    "LogLoss",
    "MatthewsCorrelation",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MedianAbsoluteError",
    "Metric",
    "Perplexity",
    "Precision",
    "PrecisionRecallCurve",
    "PrecisionRecallPoints",
    "Recall",
    "RocAuc",
    "RocCurve",
    "RocPoints",
    "RootMeanSquaredError",
    "TopKAccuracy",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "bleu",
    "cohen_kappa",
    "confusion_matrix",
    "f1",
    "fbeta",
    "from_json",
    "jaccard",
    "log_loss",
    "matthews_correlation",
    "mean_absolute_error",
    "mean_squared_error",
    "median_absolute_error",
    "perplexity",
    "precision",
    "precision_recall_curve",
    "r2",
    "recall",
    "roc_auc",
    "roc_curve",
    "root_mean_squared_error",
    "top_k_accuracy",
]
