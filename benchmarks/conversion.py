"""What it takes to convert and load a MagicLens checkpoint of the published base size.

    python -m benchmarks.conversion [--keep FOLDER]

Makes a checkpoint of random weights in the published tree (0.67 GB), then converts it and loads it,
each in a process of its own: seconds, and the most memory that the process held.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.models.magiclens_checkpoints import BASE, save_random

CONVERT = "from models.magiclens.folder import convert; run = lambda: convert(Path(a), Path(b))"
LOAD = (
    "from models.load import load_encoder; from models.device import choose_placement; "
    "run = lambda: load_encoder(b, choose_placement('cpu', {dtype!r}), print)"
)
PROGRAM = """
import resource, sys, time
from pathlib import Path
a, b = sys.argv[1:]
{prepare}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.perf_counter()
run()
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(f"{{seconds:.1f}} s, peak {{peak / 2**20:.2f}} GiB ({{before / 2**20:.2f}} after imports)")
"""


def measured(prepare: str, checkpoint: Path, out: Path) -> str:
    program = PROGRAM.format(prepare=prepare)
    command = [sys.executable, "-c", program, str(checkpoint), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="where to leave the converted model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        checkpoint = Path(place) / "base.pkl"
        out = options.keep or Path(place) / "base"
        save_random(checkpoint, BASE)
        print(f"checkpoint: {checkpoint.stat().st_size / 2**30:.2f} GiB")
        print("convert:", measured(CONVERT, checkpoint, out))
        for dtype in ("float32", "bfloat16"):
            print(f"load in {dtype}:", measured(LOAD.format(dtype=dtype), checkpoint, out))


if __name__ == "__main__":
    main()
