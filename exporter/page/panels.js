// The frame of a chart. Lives here: title, legend, the text instead of the picture, the values as a table. Not here:
// drawing (`charts`, `heatmap`).

import { clock, text } from './format.js';
import { make, mark, say } from './dom.js';

/** Rows of a table of values: the newest ones. */
const ROWS = 30;

let panels = 0;

/** A panel. `lines`: what it shows, `{name, label, colour}` each; `missing`: what is said if none of it is known. */
export class Panel {
  constructor(into, { title, note, kind, lines, missing, level = 'h2' }) {
    panels += 1;
    const id = `panel-${panels}`;
    this.kind = kind;
    this.lines = lines;
    this.title = title;
    this.legend = make('ul', { class: 'legend' });
    this.plot = make('div', { class: 'plot', role: 'img', 'aria-labelledby': id });
    this.empty = make('p', { class: 'empty', text: missing, hidden: true });
    this.body = make('tbody');
    const heads = [make('th', { scope: 'col', text: 'Time' }), ...lines.map(({ label }) => make('th', { scope: 'col', class: 'n', text: label }))];
    const table = make('table', {}, make('thead', {}, make('tr', {}, ...heads)), this.body);
    const scroll = make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `${title}, values` }, table);
    this.values = make('details', { class: 'values' }, make('summary', { text: 'Values' }), scroll);
    this.head = make('div', { class: 'head' }, make(level, { id, text: title }), make('p', { class: 'muted', text: note }));
    this.section = make('section', { class: 'panel', 'aria-labelledby': id }, this.head, this.legend, this.plot, this.empty, this.values);
    this.values.addEventListener('toggle', () => this.table());
    into.append(this.section);
  }

  /** Shows what there is of `series` since a time: its words here, and its picture in `draw`. */
  update(series, since, draw) {
    this.shown = [series, since];
    const summaries = this.lines.map(({ name }) => series.summary(name, since));
    const there = summaries.some((summary) => summary !== null) || this.hasMore?.(series, since);
    this.empty.hidden = there;
    for (const part of [this.plot, this.legend, this.values]) part.hidden = !there;
    if (!there) return;
    mark(this.plot, 'aria-label', this.inWords(summaries));
    if (this.plot.hasAttribute('aria-labelledby')) this.plot.removeAttribute('aria-labelledby');
    draw();
    this.table();
  }

  inWords(summaries) {
    const words = this.lines.map(({ label }, i) => {
      const summary = summaries[i];
      if (summary === null) return `${label}: nothing`;
      const [last, least, most] = [summary.last, summary.least, summary.most].map((v) => text(this.kind, v));
      return `${label}: now ${last}, lowest ${least}, highest ${most}`;
    });
    return `Chart: ${this.title}. ${words.join('; ')}.`;
  }

  table() {
    if (!this.values.open || !this.shown) return;
    const [series, since] = this.shown;
    const rows = series.rows.filter((row) => row.time >= since).slice(-ROWS).reverse();
    while (this.body.rows.length > rows.length) this.body.deleteRow(-1);
    rows.forEach((row, i) => {
      const line = this.body.rows[i] ?? this.body.insertRow();
      const cells = [clock(row.time), ...this.cells(row)];
      cells.forEach((cell, j) => {
        const there = line.cells[j] ?? line.appendChild(make(j === 0 ? 'th' : 'td', { class: j === 0 ? '' : 'n' }));
        say(there, cell);
      });
    });
  }

  cells(row) {
    return this.lines.map(({ name }) => text(this.kind, row.figures[name]));
  }
}
