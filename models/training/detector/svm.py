"""Linear SVMs with a squared hinge loss, several at once on the same samples."""

import numpy as np
from scipy.optimize import minimize


def fit(
    samples: np.ndarray, targets: np.ndarray, cost: float, start: np.ndarray | None, steps: int
) -> np.ndarray:
    """Weights and, last, bias of each SVM, float32 [SVMs, values + 1].

    samples: float32 [n, values]. targets: [n, SVMs], 1 a face of this SVM's kind, -1 no face, 0 not this
    SVM's business. Every SVM sees the same negatives, so one product with the samples serves all of them.
    """
    values, count = samples.shape[1], targets.shape[1]
    signs = targets.astype(np.float32)
    weight = cost * (signs != 0).astype(np.float32)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        svms = flat.reshape(count, values + 1).astype(np.float32)
        weights = svms[:, :-1]
        short = np.maximum(0, 1 - signs * (samples @ weights.T + svms[:, -1]))
        slope = -2 * weight * signs * short
        loss = (weight * short**2).sum(dtype=np.float64) + 0.5 * (weights.astype(np.float64) ** 2).sum()
        gradient = np.hstack([slope.T @ samples + weights, slope.sum(0)[:, None]])
        return float(loss), gradient.astype(np.float64).ravel()

    first = np.zeros((count, values + 1)) if start is None else start.astype(np.float64)
    options = {"maxiter": steps, "maxcor": 12}
    result = minimize(objective, first.ravel(), jac=True, method="L-BFGS-B", options=options)
    return result.x.reshape(count, values + 1).astype(np.float32)
