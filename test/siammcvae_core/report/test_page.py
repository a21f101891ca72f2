# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reports as one file: self-contained and escaped."""

import base64
from pathlib import Path
import re
import xml.etree.ElementTree

import cv2
from matplotlib.figure import Figure
import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.report.page import Page


def written(page: Page, folder: Path) -> str:
    path = folder / 'report.html'
    page.write(path)
    return path.read_text(encoding='utf-8')


def test_text_of_users_cannot_become_markup(tmp_path: Path) -> None:
    hostile = '<script>alert("1&2")</script>'
    page = Page(hostile)
    page.heading(hostile)
    page.text(hostile)
    page.alarm(hostile)
    page.numbers([(hostile, hostile, hostile)])
    page.table([hostile], [[hostile]], note=hostile)
    page.picture(np.zeros((4, 4), np.uint8), hostile)
    page.code(hostile)
    html = written(page, tmp_path)
    assert '<script' not in html
    assert html.count('&lt;script&gt;') == 13


def test_page_needs_no_other_file(tmp_path: Path) -> None:
    page = Page('alone')
    figure = Figure()
    figure.subplots().plot([1, 3, 2])
    page.plot(figure, 'a curve')
    page.picture(np.zeros((8, 8, 3), np.uint8))
    html = written(page, tmp_path)
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', html) == []
    drawing = html[html.index('<svg') : html.index('</svg>') + len('</svg>')]
    assert xml.etree.ElementTree.fromstring(drawing).tag.endswith('svg')


def test_picture_shows_the_image(tmp_path: Path) -> None:
    image = np.zeros((16, 24, 3), np.uint8)
    image[:, 12:] = (0, 128, 255)
    page = Page('picture')
    page.picture(image, quality=95)
    found = re.search(r'base64,([^"]+)"', written(page, tmp_path))
    assert found
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(found[1]), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == image.shape
    assert np.abs(shown[:, :8].astype(int)).mean() < 4
    assert np.abs(shown[:, 18:] - np.array([0, 128, 255])).mean() < 4


def test_table_aligns_numbers_and_shows_gaps(tmp_path: Path) -> None:
    page = Page('table')
    page.table(['name', 'score'], [['a', 1.23456], ['b', None], ['c', float('nan')], ['d', 7]])
    html = written(page, tmp_path)
    assert '<th>name</th><th class=number>score</th>' in html
    assert re.findall(r'<td class=number>(.*?)</td>', html) == ['1.23', '–', '–', '7']


def test_an_unwritable_file_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'^cannot write .*nowhere.*$'):
        Page('x').write(tmp_path / 'nowhere' / 'report')
