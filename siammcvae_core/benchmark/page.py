# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark as a page of documentation: Markdown tables, and a picture beside it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from siammcvae_core.benchmark.plot import label, plot
from siammcvae_core.benchmark.targets import targets
from siammcvae_core.errors import InputError

PICTURE = 'pictures/benchmarks.png'
INTRODUCTION = """\
How long restoring a damaged frame takes: the drive model by the libraries for CPUs, and the
classical baselines, on the same frames in one run. Methods take turns in every repetition. A
restoration begins with the reference frames and the damaged one and ends with the lost pixels
pasted. What depends on the references alone is left out for every method: the encoding of the
newest and the flow between them (*encode*, *motion*). While damage lasts, the node's worker does
both when it is idle; a damaged frame after seconds without any waits for them.
"""
STAGES_NOTE = """\
Medians in milliseconds. *encode* and *motion*, optical flow between the references, are computed
ahead by the node. *features* are alignment and the network's features in OpenCV, *crop* prepares
the network's inputs, *composite* applies its prediction at native size. *floor* is the least the
network could take: its GFLOP, or its weights, inputs and outputs, at the ceilings above; *× floor*
is how much longer it takes. *MB* counts its weights and the frames, which have to be touched at
least. *peak* is the memory gained since before the method was loaded, at its highest in this case
and those above; libraries themselves (PyTorch, ..) are not counted.
"""
CAMERAS_NOTE = """\
Milliseconds for a round: a frame of each camera, one after another through one engine. Nothing is
batched.
"""

Row = Mapping[str, Any]


def write_page(folder: Path, report: Mapping[str, Any]) -> Path:
    """Write `benchmarks.md` and its picture; returns the page's path, raises InputError."""
    page = folder / 'benchmarks.md'
    try:
        plot(report['rows']).savefig(folder / PICTURE, dpi=110)
        page.write_text('\n'.join(_parts(report)), encoding='utf-8')
    except OSError as error:
        raise InputError(f'cannot write {page}: {error.strerror}') from error
    return page


def _parts(report: Mapping[str, Any]) -> Iterator[str]:
    rows, one = report['rows'], [row for row in report['rows'] if row['cameras'] == 1]
    yield f'# Benchmarks\n\n{INTRODUCTION}\nMeasured by\n\n    {report["command"]}\n'
    yield _machine(report)
    yield f'![Times by damage, stages, and time against quality]({PICTURE})\n'
    if targeted := list(targets(rows)):
        yield '## Targets\n'
        cells = ([t.what, t.target, t.measured, 'yes' if t.met else '**no**'] for t in targeted)
        yield _table(['', 'target', 'measured', 'met'], cells)
        yield 'What the node adds to all this: `python -m siammcvae_ros.tools.benchmark --help`.\n'
    for size in _sizes(one):
        own = [row for row in one if row['size'] == size]
        yield f'## {size}\n\np50 (p99) of {own[0]["rounds"]} rounds in ms; PSNR of lost pixels.\n'
        yield _by_damage(own, _speed_and_quality)
    modelled = [row for row in one if row['profile']]
    if modelled:
        yield f'## Stages of the drive model\n\n{STAGES_NOTE}'
    for size in _sizes(modelled):
        yield f'### {size}\n'
        yield _stages([row for row in modelled if row['size'] == size])
    if {row['cameras'] for row in rows} != {1}:
        yield f'## Cameras\n\n{CAMERAS_NOTE}'
    for count, size in dict.fromkeys((row['cameras'], row['size']) for row in rows):
        if count > 1:
            yield f'### {count} cameras, {size}\n'
            own = [row for row in rows if (row['cameras'], row['size']) == (count, size)]
            yield _by_damage(own, lambda row: f'{row["p50_ms"]:.1f} ({row["p99_ms"]:.1f})')
    if report['projection']:
        yield from _projection(report['projection'])


def _machine(report: Mapping[str, Any]) -> str:
    machine, ceilings = report['machine'], report['ceilings']
    limits = [f'{name} products {value:.0f} GFLOP/s' for name, value in ceilings['gflops'].items()]
    limits.append(f'copies {ceilings["copy_gbs"]:.1f} GB/s, read and written')
    facts = {
        'machine': f'{machine["cpu"]}, {machine["cores"]} cores, {machine["threads"]} used',
        'measured ceilings': '; '.join(limits),
        'software': f'{machine["system"]}, Python {machine["python"]}, OpenCV {machine["opencv"]}',
        'when': f'{machine["when"]}; load average {machine["load_before"]:.2f} before, '
        f'{machine["load_after"]:.2f} after',
    }
    return _table(['', ''], ([name, text] for name, text in facts.items()))


def _by_damage(rows: Sequence[Row], cell: Callable[[Row], str]) -> str:
    damages = list(dict.fromkeys(label(row) for row in rows))
    lines = []
    for method in dict.fromkeys(row['method'] for row in rows):
        own = {label(row): row for row in rows if row['method'] == method}
        lines.append([method, *(cell(own[damage]) for damage in damages)])
    return _table(['', *damages], lines)


def _speed_and_quality(row: Row) -> str:
    return f'{row["p50_ms"]:.1f} ({row["p99_ms"]:.1f}) · {row["psnr_lost"]:.2f} dB'


def _stages(rows: Sequence[Row]) -> str:
    names = list(rows[0]['stages_ms'])
    lines = []
    for row in rows:
        peak = '–' if row['peak_mb'] is None else f'{row["peak_mb"]:.0f}'
        lines.append([
            label(row), row['method'], *(f'{row["stages_ms"][name]:.1f}' for name in names),
            f'{row["gflop"]:.2f}', f'{row["floor_ms"]:.1f}', f'{row["over_floor"]:.1f}',
            f'{row["mb"]:.1f}', peak,
        ])  # fmt: skip
    return _table(['lost', '', *names, 'GFLOP', 'floor', '× floor', 'MB', 'peak MB'], lines)


def _projection(lines: Sequence[Row]) -> Iterator[str]:
    from siammcvae_core.benchmark.projection import ORIN, SOURCES

    share = f'{lines[0]["share"]:.0%}'
    yield '## Projection for Jetson Orin\n'
    yield ORIN.format(share=share)
    boards = list(dict.fromkeys(line['board'] for line in lines))
    heads = [f'{line["board"]}, {line["tflops"]:g} TFLOP/s, {line["gbs"]:g} GB/s' for line in lines]
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for line in lines:
        shown = f'{line["network_ms"]:.2f} ({line["bound_by"]})'
        cells.setdefault((line['size'], line['mask']), {})[line['board']] = shown
    yield _table(
        ['size', 'lost', *dict.fromkeys(heads)],
        ([*cell, *(shown[board] for board in boards)] for cell, shown in cells.items()),
    )
    yield 'Sources and what follows from them:\n'
    yield '\n'.join(f'- {source}' for source in SOURCES) + '\n'


def _sizes(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(row['size'] for row in rows))


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    shown = [head, ['---'] * len(head), *lines]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in shown) + '\n'
