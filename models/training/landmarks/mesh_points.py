"""Points of MediaPipe's face mesh -> the 68 points of the iBUG scheme.

The mesh has a point near each of the 68, but not where annotators put theirs: the jaw above all differs. What
is left is a ridge regression, learned on the photographs of landmarks68 that are trained on.
"""

import numpy as np

# The mesh's point nearest to each of the 68: jaw, brows, nose, eyes, lips.
NEAREST = np.array(
    [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389]
    + [71, 63, 105, 66, 107, 336, 296, 334, 293, 301]
    + [168, 197, 5, 4, 75, 97, 2, 326, 305]
    + [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]
    + [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87]
)
# Weight of the regression's weights against its errors, which are in parts of the face's size.
RIDGE = 0.03


def frame_of(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a face is, how it is turned and sized: its middle [2] and the matrix [2, 2] to the picture."""
    middle = points.mean(0)
    across = points[NEAREST[42:48]].mean(0) - points[NEAREST[36:42]].mean(0)
    down = points[NEAREST[8]] - points[NEAREST[27]]
    x = across / np.linalg.norm(across)
    size = (np.linalg.norm(across) + np.linalg.norm(down)) / 2
    return middle, size * np.array([[x[0], -x[1]], [x[1], x[0]]])


def features(points: np.ndarray) -> np.ndarray:
    """The mesh in the face's own frame, flat, with a one behind it."""
    middle, matrix = frame_of(points)
    own = (points[NEAREST] - middle) @ np.linalg.inv(matrix).T
    return np.append(own.ravel(), 1.0)


class Translation:
    """From the mesh to the 68 points."""

    def __init__(self, meshes: list[np.ndarray], truths: list[np.ndarray]) -> None:
        """Learns from faces whose mesh [478, 2] and true points [68, 2] are known."""
        inputs = np.array([features(mesh) for mesh in meshes])
        off = []
        for mesh, truth in zip(meshes, truths, strict=True):
            _, matrix = frame_of(mesh)
            off.append(((truth - mesh[NEAREST]) @ np.linalg.inv(matrix).T).ravel())
        gram = inputs.T @ inputs + RIDGE * len(inputs) / 100 * np.eye(inputs.shape[1])
        self.weights = np.linalg.solve(gram, inputs.T @ np.array(off))

    def __call__(self, mesh: np.ndarray) -> np.ndarray:
        """The 68 points of a face."""
        _, matrix = frame_of(mesh)
        return mesh[NEAREST] + (features(mesh) @ self.weights).reshape(68, 2) @ matrix.T
