"""Makes the oracles importable, and what the tests of decisions share with them, however pytest is started."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "core")]
