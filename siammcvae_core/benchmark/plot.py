# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark as one picture: time by damage at each size, stages, and time against quality."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from siammcvae_core.faults.masks import WHOLE

Row = Mapping[str, Any]
Colours = Mapping[str, tuple[float, ...]]
LEAST = 1.0  # ms shown: what takes less is as good as free
TICKS = (0.01, 0.1, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def label(row: Row) -> str:
    """Name the damage of a row, such as 'random 75 %' or 'full'."""
    return row['mask'] if row['mask'] in WHOLE else f'{row["mask"]} {100 * row["ratio"]:g} %'


def plot(rows: Sequence[Row]) -> Figure:
    """Draw the rows of one camera, or of the fewest there are."""
    fewest = min(row['cameras'] for row in rows)
    rows = [row for row in rows if row['cameras'] == fewest]
    sizes = list(dict.fromkeys(row['size'] for row in rows))
    methods = list(dict.fromkeys(row['method'] for row in rows))
    colours = {name: colormaps['tab10'](number % 10) for number, name in enumerate(methods)}
    shown = _hardest(rows)
    figure = Figure(figsize=(max(11, 4.2 * len(sizes)), 9), layout='constrained')
    grid = figure.add_gridspec(2, 1)
    above, below = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    panels = above.subplots(1, len(sizes), squeeze=False, sharey=True)[0]
    most = max(10 * LEAST, 1.3 * max(row['p50_ms'] for row in rows))
    for axes, size in zip(panels, sizes, strict=True):
        axes.set(title=size, yscale='log', ylim=(LEAST, most))
        _times(axes, [row for row in rows if row['size'] == size], colours)
    panels[0].set_ylabel('restoring a frame: median, ms')
    handles, names = panels[0].get_legend_handles_labels()
    above.legend(handles, names, loc='outside lower center', ncols=5, frameon=False)
    left, right = below.subplots(1, 2)
    _stages(left, [row for row in shown if len(row['stages_ms']) > 2] or shown)
    _quality(right, shown, colours)
    below.suptitle(f'{shown[0]["size"]}, {label(shown[0])}', fontsize='large')
    return figure


def _hardest(rows: Sequence[Row]) -> list[Row]:
    """Choose the size in the middle, and the damage next to the most: where methods differ."""
    sizes = list(dict.fromkeys(row['size'] for row in rows))
    size = sizes[len(sizes) // 2]
    damages = sorted({(row['ratio'], row['mask']) for row in rows})
    damage = damages[-2] if len(damages) > 1 else damages[0]
    return [row for row in rows if row['size'] == size and (row['ratio'], row['mask']) == damage]


def _times(axes: Axes, rows: Sequence[Row], colours: Colours) -> None:
    damages = list(dict.fromkeys(label(row) for row in rows))
    for method, colour in colours.items():
        own = [row for row in rows if row['method'] == method]
        free = all(row['p50_ms'] < LEAST for row in own)
        axes.plot(
            [damages.index(label(row)) for row in own], [row['p50_ms'] for row in own],
            marker='o', markersize=5, color=colour, linestyle='-' if own[0]['profile'] else '--',
            label=f'{method} (below {LEAST:g} ms)' if free else method,
        )  # fmt: skip
    axes.set_xticks(range(len(damages)), damages, fontsize='small')
    _ticks(axes, axes.yaxis)


def _stages(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw a bar for each method, cut into its stages."""
    names = list(dict.fromkeys(name for row in rows for name in row['stages_ms']))
    greys = colormaps['Set2']
    left = [0.0] * len(rows)
    for number, name in enumerate(names):
        widths = [row['stages_ms'].get(name, 0.0) for row in rows]
        axes.barh(range(len(rows)), widths, left=left, color=greys(number), label=name)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(rows)), [row['method'] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel('median of each stage, ms (encode, motion: ahead)')
    axes.grid(axis='x', alpha=0.3)
    axes.legend(ncols=3, frameon=False, loc='upper center', bbox_to_anchor=(0.5, -0.15))


def _quality(axes: Axes, rows: Sequence[Row], colours: Colours) -> None:
    for row in rows:
        axes.plot(
            row['p50_ms'], row['psnr_lost'], 'o' if row['profile'] else 's', markersize=8,
            color=colours[row['method']],
        )  # fmt: skip
    axes.set(xlabel='restoring a frame: median, ms', ylabel='PSNR of lost pixels, dB')
    axes.set_title('squares are classical, colours as above', fontsize='small')
    axes.set_xscale('log')
    _ticks(axes, axes.xaxis)


def _ticks(axes: Axes, axis: Axis) -> None:
    """Write the milliseconds of a logarithmic axis as plain numbers."""
    low, high = axis.get_view_interval()
    axis.set_ticks([tick for tick in TICKS if low <= tick <= high])
    axis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
    axis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
