// Copyright 2026 The siammcvae_ros authors
// SPDX-License-Identifier: Apache-2.0
// Sorts the table around a clicked button: numbers by value, text by name, unknown cells last. The
// first click orders numbers from the highest and text from the first; the next click reverses it.
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
