"""What corrects an exported net's answers: a bias of each class, and a temperature, fitted on the calibration
split."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from expression.measure import scores

BIAS_WEIGHTS = (100.0, 3.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.06, 0.03, 0.01, 0.003)
"""Of the penalty on biases, from hardly any bias on."""
ACCURACY_GIVEN = 0.003
"""What macro recall may cost: a net that hardly says disgust or fear is a little more accurate, but not on
other people's pictures."""
TEMPERATURES = np.round(np.arange(0.4, 2.51, 0.02), 2)


def fit_bias(
    logits: np.ndarray, truth: np.ndarray, accuracy_given: float = ACCURACY_GIVEN
) -> tuple[float, np.ndarray]:
    """How firmly biases were held back, and what to add to each class's logit [7]: of bias-corrected
    temperature scaling (Alexandari et al. 2020) under each of BIAS_WEIGHTS, the one of the best macro recall,
    the mildest of equals, that is at most `accuracy_given` less accurate than the most accurate."""
    biases = {weight: likeliest_bias(logits, truth, weight) for weight in BIAS_WEIGHTS}
    reached = {weight: scores(logits + bias, truth) for weight, bias in biases.items()}
    least = max(of.accuracy for of in reached.values()) - accuracy_given
    accurate = [weight for weight, of in reached.items() if of.accuracy >= least]
    chosen = max(accurate, key=lambda weight: reached[weight].macro_recall)
    return chosen, biases[chosen]


def likeliest_bias(logits: np.ndarray, truth: np.ndarray, weight: float) -> np.ndarray:
    """Biases [7] that, together with a temperature, make the truth most likely, less `weight` times the sum
    of their squares."""
    rows = np.arange(len(truth))

    def loss(values: np.ndarray) -> float:
        bias, scale = values[:-1], np.exp(values[-1])
        log_p = log_softmax((logits + bias) * scale, axis=1)
        return float(-log_p[rows, truth].mean() + weight * (bias**2).sum())

    return minimize(loss, np.zeros(logits.shape[1] + 1), method="L-BFGS-B").x[:-1].astype(np.float32)


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The temperature with the least negative log likelihood."""
    return float(min(TEMPERATURES, key=lambda t: scores(logits / t, truth).nll))
