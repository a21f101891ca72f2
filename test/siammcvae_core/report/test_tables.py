# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables that sort, fold, tint and scroll; galleries."""

import json
import math
from pathlib import Path
import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from siammcvae_core.report.page import Page

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
ROWS = [
    ['copy', 9.5, 4, 'gap 10'],
    ['Oracle', 100.25, None, 'gap 2'],
    ['block_match', math.nan, 16, 'gap 1'],
    ['telea', -3.125, 1, 'gap 4'],
]
COLUMNS = ['method', 'PSNR', 'n', 'gap']


def written(page: Page, folder: Path) -> str:
    path = folder / 'report.html'
    page.write(path)
    return path.read_text(encoding='utf-8')


def test_script_comes_with_the_first_sortable_table_only(tmp_path: Path) -> None:
    page = Page('tables')
    page.table(COLUMNS, ROWS)
    assert '<script' not in written(page, tmp_path)
    page.table(COLUMNS, ROWS, sortable=True)
    page.table(COLUMNS, ROWS, sortable=True)
    html = written(page, tmp_path)
    assert html.count('<script>') == 1
    assert html.count('<button>') == 8


def test_cells_show_few_digits_and_sort_by_all_of_them(tmp_path: Path) -> None:
    page = Page('digits')
    page.table(['SSIM', 'PSNR'], [[0.98765432, 31.23456]], sortable=True, digits={'SSIM': 4})
    html = written(page, tmp_path)
    assert '<td class=number data-value=0.98765432>0.9877</td>' in html
    assert '<td class=number data-value=31.23456>31.23</td>' in html


def test_foreign_rows_are_tinted_and_folded_tables_closed(tmp_path: Path) -> None:
    page = Page('kinds')
    page.table(COLUMNS, ROWS, foreign=[1, 2], folded='every <clip>')
    html = written(page, tmp_path)
    tinted = re.findall(r'<tr class=foreign><td>(\w+)', html)
    assert tinted == ['Oracle', 'block_match']
    assert '<details><summary>every &lt;clip&gt;</summary>' in html


def test_gallery_sets_pictures_beside_each_other(tmp_path: Path) -> None:
    jpeg = cv2.imencode('.jpg', np.zeros((4, 4), np.uint8))[1].tobytes()
    page = Page('gallery')
    page.gallery([(jpeg, 'one & two'), (jpeg, 'three')])
    html = written(page, tmp_path)
    gallery = html[html.index('<div class="gallery">') :]
    assert re.findall(r'<figcaption>(.*?)</figcaption>', gallery) == ['one &amp; two', 'three']


def test_a_wide_table_scrolls_in_its_own_box(tmp_path: Path) -> None:
    """Else a phone cuts it off, or the whole page moves sideways."""
    page = Page('wide')
    page.table(COLUMNS, ROWS)
    page.table(COLUMNS, ROWS, folded='more', sortable=True)
    html = written(page, tmp_path)
    assert html.count('<table') == len(re.findall(r'<div class="table" tabindex="0"><table', html))
    rules = dict(re.findall(r'^(\S+) \{(.*?)\}', html, re.MULTILINE | re.DOTALL))
    assert 'overflow-x: auto' in rules['.table']
    assert 'max-width: 100%' in rules['.table']


def test_a_browser_sorts_by_the_column_clicked(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip('no chromium is installed')
    page = Page('sorted')
    page.table(COLUMNS, ROWS, sortable=True)
    html = written(page, tmp_path)
    drive = """
      const seen = {};
      const note = key => seen[key] = [...document.querySelectorAll('tbody tr')]
        .map(row => row.cells[0].textContent);
      const click = (column, key) => {
        document.querySelectorAll('th button')[column].click();
        note(key);
      };
      click(1, 'psnr down'); click(1, 'psnr up'); click(2, 'n down');
      click(0, 'method up'); click(0, 'method down'); click(3, 'gap up');
      seen.aria = [...document.querySelectorAll('th')].map(head => head.getAttribute('aria-sort'));
      document.body.textContent = 'RESULT' + JSON.stringify(seen) + 'END';
    """
    driven = tmp_path / 'driven.html'
    driven.write_text(html.replace('</body>', f'<script>{drive}</script></body>'))
    dumped = subprocess.run(
        [
            browser, '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
            '--no-first-run', '--disable-background-networking', '--disable-component-update',
            '--disable-sync', f'--user-data-dir={tmp_path / "profile"}', '--dump-dom',
            driven.as_uri(),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    result = re.search('RESULT(.*)END', dumped)
    assert result, dumped[:500]
    assert json.loads(result[1]) == {
        'psnr down': ['Oracle', 'copy', 'telea', 'block_match'],
        'psnr up': ['telea', 'copy', 'Oracle', 'block_match'],
        'n down': ['block_match', 'copy', 'telea', 'Oracle'],
        'method up': ['block_match', 'copy', 'Oracle', 'telea'],
        'method down': ['telea', 'Oracle', 'copy', 'block_match'],
        'gap up': ['block_match', 'Oracle', 'telea', 'copy'],
        'aria': [None, None, None, 'ascending'],
    }
