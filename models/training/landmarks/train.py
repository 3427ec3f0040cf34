"""Grows the 68-point landmark trees: `python -m landmarks.train --data DATA --meshes FILE --out RUN`.

An ensemble of regression trees (Kazemi and Sullivan, CVPR 2014), grown by dlib's trainer into
RUN/landmarks.dat; landmarks.pack makes the model that ships of it. All draws come from --seed.
"""

import argparse
from itertools import chain
from pathlib import Path

import dlib
import numpy as np

from landmarks.samples import Sample, annotated_faces, cabin_faces, mirrored, news_faces, turned_faces, varied

# How many samples are made of an annotated or a driver's face and of its mirror image; of the others one, of
# either.
COPIES = 2


def rectangle(sample: Sample) -> dlib.rectangle:
    """The box as dlib takes it: whole pixels, the last one included."""
    x, y, side = sample.box
    left, top, side = round(x - side / 2), round(y - side / 2), round(side)
    return dlib.rectangle(left, top, left + side - 1, top + side - 1)


def detection(sample: Sample) -> dlib.full_object_detection:
    """A box with its points."""
    points = [dlib.point(round(x), round(y)) for x, y in sample.points]
    return dlib.full_object_detection(rectangle(sample), points)


def options(seed: int, starts: int) -> dlib.shape_predictor_training_options:
    """What the trees are like."""
    chosen = dlib.shape_predictor_training_options()
    chosen.cascade_depth = 10
    chosen.num_trees_per_cascade_level = 400
    chosen.tree_depth = 4
    chosen.nu = 0.1
    chosen.feature_pool_size = 400
    chosen.num_test_splits = 20
    chosen.lambda_param = 0.1
    # Samples differ by augmentation already; each starts from a few other faces' shapes as well.
    chosen.oversampling_amount = starts
    chosen.random_seed = str(seed)
    chosen.num_threads = 2
    chosen.be_verbose = True
    return chosen


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with landmarks68, faces and cabin")
    parser.add_argument("--meshes", type=Path, required=True, help="what landmarks.mesh wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--starts", type=int, default=3, help="shapes that each sample is started from")
    parser.add_argument("--without", nargs="*", default=[], help="cabin clips left out, to be judged on")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    stored = np.load(arguments.meshes)
    meshes = dict(zip(stored["names"], stored["points"], strict=True))
    samples = []
    rare = [annotated_faces(arguments.data), cabin_faces(arguments.data, meshes, arguments.without)]
    for face in chain(*rare):
        samples += [varied(one, rng) for one in (face, mirrored(face)) for _ in range(COPIES)]
    for face in chain(news_faces(arguments.data, meshes), turned_faces(arguments.data, meshes, rng)):
        samples.append(varied(face if rng.random() < 0.5 else mirrored(face), rng))
    print(f"{len(samples)} samples", flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    model = dlib.train_shape_predictor(
        [s.picture for s in samples],
        [[detection(s)] for s in samples],
        options(arguments.seed, arguments.starts),
    )
    model.save(str(arguments.out / "landmarks.dat"))


if __name__ == "__main__":
    main()
