"""The archives of the experiments, made while the first steps run.

python -m lease.packs WORK
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.packs import Source, path_of
from experiments.plan import AUGMENTED, ORIGINAL

if __name__ == "__main__":
    work = Path(sys.argv[1])
    source = Source.of(work / "data")
    for name in (ORIGINAL, AUGMENTED):
        path_of(name, source, work / "experiments/packs")
    (work / "packs.done").touch()
