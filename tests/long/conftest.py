"""Puts the programs of this folder and the servers where the tests import them from."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "processes"))
