# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A report as one self-contained HTML file: headline numbers, tables, plots and pictures inline."""

import base64
from collections.abc import Container, Iterable, Mapping, Sequence
import csv
from html import escape
import io
import json
import math
from pathlib import Path
from typing import Any

import cv2
from matplotlib.figure import Figure
import numpy as np

from siammcvae_core.errors import InputError

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 24px 20px 64px; color: #1c2430;
  background: #f6f7f9; font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; }
h1 { font-size: 26px; margin: 8px 0 4px; }
h2 { font-size: 19px; margin: 36px 0 8px; }
p { margin: 6px 0 12px; max-width: 80ch; }
.numbers { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr));
  margin: 18px 0; }
.numbers div { background: #fff; border: 1px solid #dfe3e8; border-radius: 8px;
  padding: 10px 14px; }
.numbers b { display: block; font-size: 20px; line-height: 1.3; overflow-wrap: anywhere; }
.numbers span { display: block; color: #57606a; font-size: 13px; }
.table { overflow-x: auto; }
table { border-collapse: collapse; background: #fff; margin: 8px 0 4px; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { border: 1px solid #dfe3e8; padding: 5px 12px; text-align: left; }
th { background: #eef1f4; font-weight: 600; }
td.number, th.number { text-align: right; }
.sortable td { white-space: nowrap; }
.sortable th, .sortable td { padding: 4px 6px; font-size: 12.5px; }
figure { margin: 12px 0 20px; }
figure img, figure svg { display: block; width: 100%; height: auto; border-radius: 6px; }
figcaption, .note { color: #57606a; font-size: 13px; margin-top: 4px; }
pre { background: #fff; border: 1px solid #dfe3e8; border-radius: 8px; padding: 12px 14px;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
.alarm { background: #fdecea; border: 1px solid #e5a49c; border-radius: 8px; padding: 10px 14px; }
summary { cursor: pointer; margin: 12px 0; }
th button { all: unset; cursor: pointer; }
th button:focus-visible { outline: 2px solid #1565c0; }
th button::after { content: '\\2195'; color: #8a939c; margin-left: 5px; }
th[aria-sort=ascending] button::after { content: '\\2191'; color: #1c2430; }
th[aria-sort=descending] button::after { content: '\\2193'; color: #1c2430; }
tr.foreign td { background: #fff8e6; }
.gallery { display: grid; gap: 4px 8px; margin: 8px 0 24px;
  grid-template-columns: repeat(auto-fill, minmax(255px, 1fr)); }
.gallery figure { margin: 0; }
"""

# Sorts the table around a clicked button: numbers by value, text by name, unknown cells last. The
# first click brings numbers down from the highest and text up from the first; the next one turns.
SCRIPT = """
document.addEventListener('click', event => {
  const button = event.target.closest('th button');
  if (!button) return;
  const head = button.parentElement, table = head.closest('table'), body = table.tBodies[0];
  const index = head.cellIndex, numeric = head.classList.contains('number');
  const before = head.ariaSort;
  const down = before ? before === 'ascending' : numeric;
  for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const value = row => {
    const cell = row.cells[index];
    if (!numeric) return cell.textContent;
    return cell.dataset.value === undefined ? NaN : Number(cell.dataset.value);
  };
  const compare = (a, b) => {
    if (!numeric) return a.localeCompare(b, 'en', { numeric: true });
    if (Number.isNaN(a) || Number.isNaN(b)) return 0;
    return a - b;
  };
  const rows = [...body.rows].map(row => [value(row), row]);
  rows.sort(([a], [b]) => {
    const unknown = Number.isNaN(a) - Number.isNaN(b);
    return unknown || (down ? -compare(a, b) : compare(a, b));
  });
  body.append(...rows.map(([, row]) => row));
});
"""


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
        (2 if not named), rows whose number is in `foreign` are tinted as numbers of others, and
        `folded` hides the table until the reader clicks on that text.
        """
        rows = [list(row) for row in rows]
        numeric = [all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
        decimals = [(digits or {}).get(column, 2) for column in columns]

        def head(column: str, right: bool) -> str:
            text = f'<button>{escape(column)}</button>' if sortable else escape(column)
            return f'<th{" class=number" if right else ""}>{text}</th>'

        def cell(value: Any, right: bool, places: int) -> str:
            known = sortable and right and value is not None and math.isfinite(value)
            exact = f' data-value={value:.9g}' if known else ''
            kind = ' class=number' if right else ''
            return f'<td{kind}{exact}>{escape(_shown(value, places))}</td>'

        heads = ''.join(head(*column) for column in zip(columns, numeric, strict=True))
        body = ''.join(
            f'<tr{" class=foreign" if number in foreign else ""}>'
            + ''.join(cell(*one) for one in zip(row, numeric, decimals, strict=True))
            + '</tr>'
            for number, row in enumerate(rows)
        )
        kind = ' class=sortable' if sortable else ''
        table = (
            f'<div class="table"><table{kind}><thead><tr>{heads}</tr></thead>'
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
        drawn = io.StringIO()
        figure.savefig(drawn, format='svg', bbox_inches='tight', metadata={'Date': None})
        svg = drawn.getvalue()
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
        script = f'<script>{SCRIPT}</script>\n' if self._sorts else ''
        _write(
            path,
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<title>{self._title}</title><style>{STYLE}</style></head>\n<body>\n{body}\n'
            f'{script}</body></html>\n',
        )

    def _figure(self, content: str, caption: str) -> None:
        text = f'<figcaption>{escape(caption)}</figcaption>' if caption else ''
        self._parts.append(f'<figure>{content}{text}</figure>')


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """Write the numbers of a report; what is not finite becomes null, as JSON knows no NaN.

    InputError if the file cannot be written.
    """
    _write(path, json.dumps(_plain(report), indent=2, allow_nan=False) + '\n')


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows under the keys of the first; None and what is not finite become empty cells.

    InputError if the file cannot be written.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator='\n')
    table.writeheader()
    table.writerows(_plain(row) for row in rows)
    _write(path, text.getvalue())


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding='utf-8')
    except OSError as error:
        raise InputError(f'cannot write {path}: {error.strerror}') from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_number(cell: Any) -> bool:
    return cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool))


def _shown(cell: Any, places: int) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return '–'
    return f'{cell:.{places}f}' if isinstance(cell, float) else str(cell)
