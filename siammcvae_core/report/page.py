# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A report as one self-contained HTML file: headline numbers, tables, plots and pictures inline."""

import base64
from collections.abc import Container, Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
import io
import math
from pathlib import Path
from typing import Any

import cv2
from matplotlib.figure import Figure
import numpy as np

from siammcvae_core.report.json_csv import write_text


class Page:
    """Collects the parts of a report in reading order; all text is escaped."""

    def __init__(self, title: str) -> None:
        self._title = escape(title)
        self._parts = [f'<h1>{self._title}</h1>']
        self._sorts = False

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f'<h2>{escape(text)}</h2>')

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(f'<p>{escape(text)}</p>')

    def alarm(self, text: str) -> None:
        """Add a paragraph that says what went wrong."""
        self._parts.append(f'<p class="alarm">{escape(text)}</p>')

    def numbers(self, cards: Iterable[tuple[str, str, str]]) -> None:
        """Add headline numbers: (value, what it is, a remark) each."""
        boxes = ''.join(
            f'<div><span>{escape(what)}</span><b>{escape(value)}</b>'
            f'<span>{escape(remark)}</span></div>'
            for value, what, remark in cards
        )
        self._parts.append(f'<div class="numbers">{boxes}</div>')

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        note: str = '',
        *,
        sortable: bool = False,
        digits: Mapping[str, int] | None = None,
        foreign: Container[int] = (),
        folded: str = '',
    ) -> None:
        """Add a table; columns whose cells are numbers (or None, shown as –) align right.

        `sortable` lets readers order the rows by a column, `digits` are the decimals of a column
        (2 if not named), rows whose index is in `foreign` are tinted as figures from elsewhere,
        and `folded` hides the table until the reader clicks on that text. A table wider than the
        screen scrolls sideways.
        """
        rows = [list(row) for row in rows]
        numeric = [all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
        decimals = [(digits or {}).get(column, 2) for column in columns]
        heads = ''.join(
            _head(column, right, sortable) for column, right in zip(columns, numeric, strict=True)
        )
        body = ''.join(
            f'<tr{" class=foreign" if index in foreign else ""}>'
            + ''.join(
                _cell(value, right, places, sortable)
                for value, right, places in zip(row, numeric, decimals, strict=True)
            )
            + '</tr>'
            for index, row in enumerate(rows)
        )
        kind = ' class=sortable' if sortable else ''
        table = (
            f'<div class="table" tabindex="0"><table{kind}><thead><tr>{heads}</tr></thead>'
            f'<tbody>{body}</tbody></table></div>'
        )
        if folded:
            table = f'<details><summary>{escape(folded)}</summary>{table}</details>'
        self._parts.append(table)
        self._sorts = self._sorts or sortable
        if note:
            self._parts.append(f'<p class="note">{escape(note)}</p>')

    def plot(self, figure: Figure, caption: str = '') -> None:
        """Add a matplotlib figure as inline SVG."""
        file = io.StringIO()
        figure.savefig(file, format='svg', bbox_inches='tight', metadata={'Date': None})
        svg = file.getvalue()
        self._figure(svg[svg.index('<svg') :], caption)

    def picture(self, image: np.ndarray, caption: str = '', quality: int = 88) -> None:
        """Add an image, uint8 (H, W, 3) BGR or (H, W), as JPEG of the given quality."""
        _, jpeg = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))
        self.jpeg(jpeg.tobytes(), caption)

    def jpeg(self, data: bytes, caption: str = '') -> None:
        """Add a picture that is JPEG already."""
        text = base64.b64encode(data).decode()
        self._figure(f'<img alt="" src="data:image/jpeg;base64,{text}">', caption)

    def gallery(self, pictures: Iterable[tuple[bytes, str]]) -> None:
        """Add small pictures beside each other: (JPEG, caption) each."""
        self._parts.append('<div class="gallery">')
        for data, caption in pictures:
            self.jpeg(data, caption)
        self._parts.append('</div>')

    def code(self, text: str) -> None:
        """Add commands or other preformatted text."""
        self._parts.append(f'<pre>{escape(text)}</pre>')

    def write(self, path: Path) -> None:
        """Write the page; InputError if the file cannot be written."""
        body = '\n'.join(self._parts)
        style, script = _resource('style.css'), ''
        if self._sorts:
            script = f'<script>\n{_resource("script.js")}</script>\n'
        write_text(
            path,
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<title>{self._title}</title><style>\n{style}</style></head>\n<body>\n{body}\n'
            f'{script}</body></html>\n',
        )

    def _figure(self, content: str, caption: str) -> None:
        text = f'<figcaption>{escape(caption)}</figcaption>' if caption else ''
        self._parts.append(f'<figure>{content}{text}</figure>')


def _resource(name: str) -> str:
    """Read a file that is installed beside this module."""
    return (files('siammcvae_core.report') / name).read_text(encoding='utf-8')


def _head(column: str, right: bool, sortable: bool) -> str:
    text = f'<button>{escape(column)}</button>' if sortable else escape(column)
    return f'<th{" class=number" if right else ""}>{text}</th>'


def _cell(value: Any, right: bool, places: int, sortable: bool) -> str:
    finite = sortable and right and value is not None and math.isfinite(value)
    exact = f' data-value={value:.9g}' if finite else ''  # the script sorts by it
    kind = ' class=number' if right else ''
    return f'<td{kind}{exact}>{escape(_text(value, places))}</td>'


def _is_number(cell: Any) -> bool:
    return cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool))


def _text(cell: Any, places: int) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return '–'
    return f'{cell:.{places}f}' if isinstance(cell, float) else str(cell)
