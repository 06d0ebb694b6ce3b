// Forwarding times as a heatmap: a column for each interval, a cell for each bucket, the darker the more packets.
// Lives here: cells, their colours, what the pointer is at. Not here: axes and cursor (`charts`), buckets (the server, `hlog`).

/* global uPlot */

import { axis, clock, text } from './format.js';
import { options, settle } from './charts.js';
import { make, say } from './dom.js';
import { PER_DOUBLING } from './figures.js';
import { Panel } from './panels.js';
import { heat, onChange } from './theme.js';

/** The height of a bucket, in powers of ten. */
const STEP = Math.log10(2) / PER_DOUBLING;

/** Bounds of a bucket in seconds. */
const bounds = (index) => [2 ** ((index - 1) / PER_DOUBLING), 2 ** (index / PER_DOUBLING)];

/** A panel with a heatmap of the column `name`. */
export class Heatmap {
  constructor(into, { name, ...frame }) {
    this.name = name;
    this.panel = new Panel(into, { ...frame, kind: 'count', lines: [{ name, label: 'Packets, most of them between' }] });
    this.panel.hasMore = (series, since) => series.rows.some((row) => row.time >= since && row.figures[name]?.length);
    this.panel.cells = (row) => [inWords(row.figures[name])];
    this.panel.inWords = () => `Heatmap: ${this.panel.title}. In the last interval: ${inWords(this.rows.at(-1)?.figures[name])}.`;
    this.ramp = make('span', { class: 'ramp', 'aria-hidden': 'true' });
    this.most = make('span');
    this.told = make('span');
    this.panel.legend.append(make('li', {}, '1 ', this.ramp, this.most), make('li', {}, this.told));
    this.paintRamp();
    onChange(() => this.paintRamp());
    this.rows = [];
  }

  paintRamp() {
    this.ramp.style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map(heat).join(', ')})`;
  }

  draw(series, since, until) {
    this.rows = series.rows.filter((row) => row.time >= since && row.figures[this.name]);
    this.panel.update(series, since, () => {
      const all = this.rows.flatMap((row) => row.figures[this.name]);
      this.highest = Math.max(1, ...all.map(([, n]) => n));
      const indexes = all.map(([index]) => index);
      this.range = [(Math.min(...indexes) - 3) * STEP, (Math.max(...indexes) + 2) * STEP];
      say(this.most, ` ${text('count', this.highest)} packets`);
      const data = [this.rows.map((row) => row.time), this.rows.map(() => null)];
      this.chart ??= this.make(data);
      this.chart.between = [since, until];
      this.chart.setData(data);
      this.tell(this.chart);
    });
  }

  make(data) {
    const { plot } = this.panel;
    const chart = new uPlot(options(plot, {
      values: (all) => all.map((power) => axis('seconds', [10 ** power])[0]),
      splits: (_, __, from, to) => decades(from, to),
      range: () => this.range,
      cursor: (u) => this.tell(u),
      series: [{ stroke: 'transparent', points: { show: false } }],
      hooks: { draw: [(u) => this.paint(u)] },
    }), data, plot);
    settle(chart, plot);
    return chart;
  }

  paint(u) {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const row of this.rows) {
      const x0 = Math.floor(u.valToPos(row.time - (row.length ?? 1), 'x', true));
      const x1 = Math.ceil(u.valToPos(row.time, 'x', true));
      for (const [index, n] of row.figures[this.name]) {
        const y0 = Math.floor(u.valToPos(index * STEP, 'y', true));
        const y1 = Math.ceil(u.valToPos((index - 1) * STEP, 'y', true));
        // Counts span decades: by their logarithm, so that a single late packet is still seen.
        ctx.fillStyle = heat(0.12 + 0.88 * (Math.log(n) / Math.log(Math.max(this.highest, 2))));
        ctx.fillRect(x0, y0, Math.max(x1 - x0, 1), Math.max(y1 - y0, 1));
      }
    }
    ctx.restore();
  }

  /** What is at the cursor; else the newest interval. */
  tell(u) {
    const at = u.cursor.idx;
    const row = this.rows[at ?? this.rows.length - 1];
    say(this.told, row ? `${clock(row.time)}: ${inWords(row.figures[this.name])}` : '');
  }
}

function decades(from, to) {
  const first = Math.ceil(from);
  const all = Array.from({ length: Math.max(Math.floor(to) - first + 1, 0) }, (_, i) => first + i);
  return all.length > 1 ? all : [from, (from + to) / 2, to];
}

/** Where most samples of a column are: the middle nine tenths. */
function inWords(column) {
  if (!column?.length) return 'no packets';
  const sorted = [...column].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, n]) => sum + n, 0);
  const at = (share) => {
    let seen = 0;
    return sorted.find(([, n]) => { seen += n; return seen >= share * total; })[0];
  };
  const [low, high] = [bounds(at(0.05))[0], bounds(at(0.95))[1]].map((v) => text('seconds', v));
  return `${text('count', total)} packets, most from ${low} to ${high}`;
}
