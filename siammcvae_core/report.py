# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A report as one self-contained HTML file: headline numbers, tables, plots and pictures inline."""

import base64
from collections.abc import Iterable, Mapping, Sequence
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
body { margin: 0 auto; max-width: 1120px; padding: 24px 20px 64px; color: #1c2430;
  background: #f6f7f9; font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; }
h1 { font-size: 26px; margin: 8px 0 4px; }
h2 { font-size: 19px; margin: 36px 0 8px; }
p { margin: 6px 0 12px; max-width: 80ch; }
.numbers { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr));
  margin: 18px 0; }
.numbers div { background: #fff; border: 1px solid #dfe3e8; border-radius: 8px;
  padding: 10px 14px; }
.numbers b { display: block; font-size: 22px; line-height: 1.3; }
.numbers span { display: block; color: #57606a; font-size: 13px; }
.table { overflow-x: auto; }
table { border-collapse: collapse; background: #fff; margin: 8px 0 4px; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { border: 1px solid #dfe3e8; padding: 5px 12px; text-align: left; }
th { background: #eef1f4; font-weight: 600; }
td.number, th.number { text-align: right; }
figure { margin: 12px 0 20px; }
figure img, figure svg { display: block; width: 100%; height: auto; border-radius: 6px; }
figcaption, .note { color: #57606a; font-size: 13px; margin-top: 4px; }
pre { background: #fff; border: 1px solid #dfe3e8; border-radius: 8px; padding: 12px 14px;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
.alarm { background: #fdecea; border: 1px solid #e5a49c; border-radius: 8px; padding: 10px 14px; }
"""


class Page:
    """Collects the parts of a report in reading order; all text is escaped."""

    def __init__(self, title: str) -> None:
        self._title = escape(title)
        self._parts = [f'<h1>{self._title}</h1>']

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
        self, columns: Sequence[str], rows: Iterable[Sequence[Any]], note: str = ''
    ) -> None:
        """Add a table; columns whose cells are numbers (or None, shown as –) align right."""
        rows = [list(row) for row in rows]
        numeric = [all(_is_number(row[i]) for row in rows) for i in range(len(columns))]

        def line(tag: str, cells: Sequence[Any]) -> str:
            return '<tr>' + ''.join(
                f'<{tag}{" class=number" if right else ""}>{escape(_shown(cell))}</{tag}>'
                for cell, right in zip(cells, numeric, strict=True)
            ) + '</tr>'

        body = ''.join(line('td', row) for row in rows)
        self._parts.append(f'<div class="table"><table>{line("th", columns)}{body}</table></div>')
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

    def code(self, text: str) -> None:
        """Add commands or other preformatted text."""
        self._parts.append(f'<pre>{escape(text)}</pre>')

    def write(self, path: Path) -> None:
        """Write the page; InputError if the file cannot be written."""
        body = '\n'.join(self._parts)
        _write(
            path,
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<title>{self._title}</title><style>{STYLE}</style></head>\n<body>\n{body}\n'
            '</body></html>\n',
        )

    def _figure(self, content: str, caption: str) -> None:
        text = f'<figcaption>{escape(caption)}</figcaption>' if caption else ''
        self._parts.append(f'<figure>{content}{text}</figure>')


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """Write the numbers of a report; what is not finite becomes null, as JSON knows no NaN.

    InputError if the file cannot be written.
    """
    _write(path, json.dumps(_plain(report), indent=2, allow_nan=False) + '\n')


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


def _shown(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return '–'
    return f'{cell:.2f}' if isinstance(cell, float) else str(cell)
