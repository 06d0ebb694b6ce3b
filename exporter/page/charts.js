// Lines over time, by uPlot. Lives here: axes, colours, the cursor that all charts share, legends. Not here: the frame
// (`panels`), data (`series`).

/* global uPlot */

import { axis, text } from './format.js';
import { make, say } from './dom.js';
import { Panel } from './panels.js';
import { colour, onChange } from './theme.js';

/** Between two marks of the time axis, in seconds. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300];

const FONT = '11px system-ui, sans-serif';

/** Charts of one page point at the same time. */
const CURSOR = { key: 'time', setSeries: false, scales: ['x', null] };

/** What all charts have in common. `values` writes the axis, `cursor` is told where the pointer is. */
export function options(plot, { values, splits, range, log = false, cursor, sync = true, series, hooks = {} }) {
  const line = { stroke: () => colour('grid'), width: 1 };
  const common = { stroke: () => colour('muted'), font: FONT, grid: line, ticks: { ...line, size: 4 } };
  const narrow = plot.clientWidth < 380;
  return {
    width: Math.max(plot.clientWidth, 80),
    height: Math.max(plot.clientHeight, 60),
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: sync ? CURSOR : undefined, points: { size: 6 } },
    scales: { x: { range: (u) => u.between ?? [0, 1] }, y: { range, distr: log ? 3 : 1 } },
    axes: [
      { ...common, size: 26, space: narrow ? 70 : 84, incrs: STEPS, values: (_, all) => all.map(tick) },
      { ...common, size: 68, space: 34, values: (_, all) => values(all), ...(splits ? { splits, filter: (_, all) => all } : {}) },
    ],
    series: [{}, ...series],
    hooks: { ...hooks, setCursor: [cursor] },
  };
}

function tick(seconds) {
  const at = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, '0');
  const minutes = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return at.getSeconds() === 0 ? minutes : `${minutes}:${two(at.getSeconds())}`;
}

/** Makes a chart fit its place, whatever becomes of that, and redraws it when colours change. */
export function settle(chart, plot) {
  new ResizeObserver(() => {
    const [width, height] = [plot.clientWidth, plot.clientHeight];
    if (width > 0 && height > 0 && (width !== chart.width || height !== chart.height)) chart.setSize({ width, height });
  }).observe(plot);
  onChange(() => chart.redraw());
}

/** The ends of an axis of powers of ten. */
const powers = (low, high) => (low > 0 ? [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high * 1.01))] : [1e-6, 1]);

/** The lines of such an axis. */
function marks(_, __, from, to) {
  const [first, last] = [from, to].map((end) => Math.round(Math.log10(end)));
  const each = last - first > 2 ? [1] : [1, 2, 5];
  const all = Array.from({ length: last - first + 1 }, (_one, i) => each.map((n) => n * 10 ** (first + i)));
  return all.flat().filter((mark) => mark <= to * 1.01);
}

/**
 * A panel with lines. `least`: the axis goes up to this at least; `fixed`: from and to where it always goes; `log`: in
 * powers of ten; `points`: figures that come now and then.
 */
export class Lines {
  constructor(into, { least = 0, fixed, log = false, points = false, sync = true, ...frame }) {
    this.panel = new Panel(into, frame);
    this.least = least;
    this.fixed = fixed;
    this.log = log;
    this.points = points;
    this.sync = sync;
    this.told = frame.lines.map(({ label, colour: name }) => {
      const value = make('b', { text: '–' });
      const swatch = make('span', { class: 'swatch', 'aria-hidden': 'true' });
      swatch.style.color = `var(--${name})`;
      this.panel.legend.append(make('li', {}, swatch, `${label} `, value));
      return value;
    });
  }

  draw(series, since, until) {
    this.panel.update(series, since, () => {
      const data = series.columns(this.panel.lines.map(({ name }) => name), since);
      this.chart ??= this.make(data);
      this.chart.between = [since, until];
      this.chart.setData(data);
      this.tell(this.chart);
    });
  }

  make(data) {
    const { plot, kind, lines } = this.panel;
    const { least, fixed, log } = this;
    const chart = new uPlot(options(plot, {
      values: (all) => (log ? all.flatMap((one) => axis(kind, [one])) : axis(kind, all)),
      splits: log ? marks : undefined,
      log,
      range: (_, low, high) => fixed ?? (log ? powers(low, high) : [0, Math.max((high ?? 0) * 1.1, least) || 1]),
      cursor: (u) => this.tell(u),
      sync: this.sync,
      series: lines.map(({ label, colour: name, fill, dash }) => ({
        label, stroke: () => colour(name), width: 1.6, spanGaps: this.points, dash: dash ? [5, 4] : undefined,
        fill: fill ? () => `color-mix(in srgb, ${colour(name)} 12%, transparent)` : undefined,
        points: { show: this.points, size: 5, fill: () => colour(name) },
      })),
    }), data, plot);
    settle(chart, plot);
    return chart;
  }

  /** The legend: figures at the cursor, else the newest. */
  tell(chart) {
    const at = chart.cursor.idx;
    const length = chart.data[0].length;
    this.told.forEach((value, i) => {
      const column = chart.data[i + 1];
      let place = at ?? length - 1;
      // Of figures that come now and then, the last one before.
      while (this.points && place > 0 && column[place] == null) place -= 1;
      say(value, text(this.panel.kind, column[place]));
    });
  }
}
