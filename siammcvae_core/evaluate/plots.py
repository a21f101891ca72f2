# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The curves of a report: every method over mask ratio, over gap, and cell by cell."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter

from siammcvae_core.baselines.classical import UPPER_BOUNDS
from siammcvae_core.evaluate.plan import EvaluationPlan, spec_of
from siammcvae_core.evaluate.summary import overall, Row

SHOWN = 'psnr_lost'
LABEL = 'PSNR of lost pixels, dB'
WIDTH, HEIGHT = 11, 4.2  # inches
ACROSS = 3  # plots side by side

Colours = Mapping[str, tuple[float, ...]]


def plots(plan: EvaluationPlan, rows: Sequence[Row]) -> Iterator[tuple[Figure, str]]:
    """Draw the curves that the plan has more than one point for; figures with their captions.

    `rows` are all rows of the report.
    """
    totals = overall(rows)
    methods = list(dict.fromkeys(row['method'] for row in totals))
    colours = {m: colormaps['tab20'](number % 20) for number, m in enumerate(methods)}
    ratios: dict[str, list[float]] = {}
    for row in totals:
        ratios.setdefault(row['mask'], [])
        if row['ratio'] not in ratios[row['mask']]:
            ratios[row['mask']].append(row['ratio'])
    note = 'Means over clips; bars are 95 % intervals.'
    for mask, shares in ratios.items():
        if len(shares) > 1:
            figure = Figure(figsize=(WIDTH, HEIGHT * _lines(len(plan.gaps))))
            for axes, gap in zip(_grid(figure, len(plan.gaps)), _gaps(totals), strict=True):
                chosen = [r for r in totals if r['mask'] == mask and r['gap'] == gap]
                _curves(axes, chosen, 'ratio', colours, f'gap {gap}', f'share lost ({mask})')
            _legend(figure, methods)
            yield figure, f'By the share of pixels lost, masks: {mask}. {note}'
    if len(plan.gaps) > 1 and all(isinstance(row['gap'], int) for row in totals):
        figure = Figure(figsize=(WIDTH, HEIGHT * _lines(len(plan.masks))))
        for axes, spec in zip(_grid(figure, len(plan.masks)), plan.masks, strict=True):
            _curves(axes, overall(rows, spec), 'gap', colours, spec, 'gap in frames')
        _legend(figure, methods)
        yield figure, f'By the gap to the newest reference. {note}'
    yield _bars(totals, methods, colours), f'Every mask and gap. {note}'


def _curves(
    axes: Axes, rows: Sequence[Row], key: str, colours: Colours, title: str,
    label: str,
) -> None:  # fmt: skip
    places = sorted({row[key] for row in rows})
    for method, colour in colours.items():
        own = sorted((row for row in rows if row['method'] == method), key=lambda row: row[key])
        axes.errorbar(
            [row[key] for row in own], [row[SHOWN] for row in own], yerr=_bounds(own),
            marker='o', markersize=4, capsize=2, linewidth=1.4, elinewidth=0.7, color=colour,
            label=method, linestyle='--' if method in UPPER_BOUNDS else '-',
        )  # fmt: skip
    if key == 'gap':
        axes.set_xscale('log', base=2)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(places)
    axes.set_title(title)
    axes.set_xlabel(label)
    axes.set_ylabel(LABEL)
    axes.grid(alpha=0.3)


def _bars(rows: Sequence[Row], methods: Sequence[str], colours: Colours) -> Figure:
    cells = list(dict.fromkeys((spec_of(r['mask'], r['ratio']), r['gap']) for r in rows))
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.subplots()
    width = 0.8 / len(methods)
    for number, method in enumerate(methods):
        own = [row for row in rows if row['method'] == method]
        places = [cell + (number - (len(methods) - 1) / 2) * width for cell in range(len(own))]
        axes.bar(
            places, [row[SHOWN] for row in own], width, yerr=_bounds(own), color=colours[method],
            label=method, hatch='//' if method in UPPER_BOUNDS else None,
            error_kw={'linewidth': 0.7},
        )  # fmt: skip
    values = [row[f'{SHOWN}_low'] or row[SHOWN] for row in rows]
    axes.set_ylim(bottom=max(0, min(values) - 2))
    axes.set_xticks(range(len(cells)), [f'{spec}, gap {gap}' for spec, gap in cells])
    axes.tick_params(axis='x', rotation=15 if len(cells) > 4 else 0)
    axes.set_ylabel(LABEL)
    axes.grid(axis='y', alpha=0.3)
    _legend(figure, methods)
    return figure


def _bounds(rows: Sequence[Row]) -> list[list[float]] | None:
    """How far the intervals reach down and up, never negative."""
    if any(row[f'{SHOWN}_low'] is None for row in rows):
        return None
    down = [max(0.0, row[SHOWN] - row[f'{SHOWN}_low']) for row in rows]
    up = [max(0.0, row[f'{SHOWN}_high'] - row[SHOWN]) for row in rows]
    return [down, up]


def _gaps(rows: Sequence[Row]) -> list[object]:
    return list(dict.fromkeys(row['gap'] for row in rows))


def _lines(count: int) -> int:
    return -(-count // ACROSS)


def _grid(figure: Figure, count: int) -> list[Axes]:
    lines = _lines(count)
    grid = figure.subplots(lines, min(count, ACROSS), squeeze=False, sharey=True).ravel()
    for spare in grid[count:]:
        spare.set_axis_off()
    figure.subplots_adjust(hspace=0.45)
    return list(grid[:count])


def _legend(figure: Figure, methods: Sequence[str]) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='lower center', ncols=min(6, len(methods)), frameon=False,
                  bbox_to_anchor=(0.5, 0.93))  # fmt: skip
