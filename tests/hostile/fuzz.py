"""Two readers under Atheris: `python tests/hostile/fuzz.py configurations|documents [options of libFuzzer]` (`make fuzz`)."""

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))
with atheris.instrument_imports(include=["reconciler"]):
    import configurations
    import documents

FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-")


def read_configuration(content: bytes) -> None:
    READER.read("fuzzed", content)


def read_document(content: bytes) -> None:
    """The first byte chooses the document; the rest stands in its place."""
    keys = sorted(documents.OBJECTS)
    if content:
        documents.judge(keys[content[0] % len(keys)], content[1:])


READER = configurations.Reader(Path(FOLDER.name) / "plans.yaml")
TARGETS = {"configurations": read_configuration, "documents": read_document}
SEEDS = {
    "configurations": configurations.examples(),
    "documents": [bytes([at]) + documents.OBJECTS[key] for at, key in enumerate(sorted(documents.OBJECTS))],
}

if __name__ == "__main__":
    target, *options = sys.argv[1:]
    seeds = Path(FOLDER.name) / "seeds"
    seeds.mkdir()
    for at, content in enumerate(SEEDS[target]):
        (seeds / str(at)).write_bytes(content)
    configurations.SECONDS = 10  # instrumented, and beside other work
    atheris.Setup([sys.argv[0], str(seeds), "-timeout=10", "-rss_limit_mb=1024", *options], TARGETS[target])
    atheris.Fuzz()
