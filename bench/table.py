"""The results as Markdown: ratios first, absolute figures after them."""

from collections.abc import Iterable, Iterator, Sequence

from case import Case, Run, Samples
from parquet_level import BASE, LEVELS, Copies
from spread import Judged, Spread, of, ratio, spread

HEAD = ("ours / it, wall", "ours / it, CPU", "n plans", "side", "wall", "CPU", "peak RSS", "rounds")
GOALS_HEAD = ("ratio", "at most", "met", "goal", "what")
LEVEL_HEAD = ("time / zstd 1", "size / zstd 1", "level", "wall", "CPU", "size", "rounds")


def facts(found: dict[str, str]) -> Iterator[str]:
    yield from (f"- {name}: {value}" for name, value in found.items())


def case(measured: Case, samples: Samples) -> Iterator[str]:
    """A row a side and size; each ratio is ours divided by that side's, in the same round."""
    yield from _table(HEAD, (
        _side(Run(measured.name, measured.command.name, size), Run(measured.name, side.name, size), samples)
        for size in measured.sizes for side in measured.sides
        if Run(measured.name, side.name, size) in samples
    ))  # fmt: skip


def goals(judged: Iterable[Judged]) -> Iterator[str]:
    yield from _table(GOALS_HEAD, (
        (_ratio(item.ratio), f"{item.goal.at_most:g}", "yes" if item.is_met else "**no**", item.goal.name,
         f"{_run(item.goal.ours)} / {_run(item.goal.other)}, {'wall' if item.goal.measure == 'wall_s' else 'RSS'}")
        for item in judged
    ))  # fmt: skip


def levels(copies: Copies) -> Iterator[str]:
    yield from _table(LEVEL_HEAD, (
        (_ratio(ratio(copies[level.name], copies[BASE], "wall_s")),
         f"{copies[level.name][0].size / copies[BASE][0].size:.3f}", level.name,
         _seconds(spread(item.wall_s for item in copies[level.name])),
         _seconds(spread(item.cpu_s for item in copies[level.name])),
         f"{copies[level.name][0].size / 2**20:.1f} MiB", str(len(copies[level.name])))
        for level in LEVELS
    ))  # fmt: skip


def _side(ours: Run, run: Run, samples: Samples) -> Sequence[str]:
    wall_ratio, cpu_ratio = (
        "1" if run == ours else _ratio(ratio(samples[ours], samples[run], measure))
        for measure in ("wall_s", "cpu_s")
    )
    wall, cpu, rss = (of(samples, run, measure) for measure in ("wall_s", "cpu_s", "rss_mib"))
    return (wall_ratio, cpu_ratio, f"{run.size:,}", run.side, _seconds(wall), _seconds(cpu),
            f"{rss.median:.1f} MiB", str(wall.count))  # fmt: skip


def _run(run: Run) -> str:
    return f"{run.side} {run.size:,}"


def _ratio(found: Spread) -> str:
    return f"{found.median:.3f} ({found.least:.3f} to {found.most:.3f})"


def _seconds(found: Spread) -> str:
    """`81 ms (79 to 90)`, or in seconds from one second on."""
    unit, factor, digits = ("ms", 1_000, 1) if found.median < 1 else ("s", 1, 2)
    median, least, most = (f"{value * factor:.{digits}f}" for value in found[:3])
    return f"{median} {unit} ({least} to {most})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
