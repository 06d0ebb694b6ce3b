// What was before the page was opened. Lives here: asking the flight recorder, and rows of what it tells. Not here: what
// becomes of them (`series`).

import { FIGURES, PER_DOUBLING } from './figures.js';
import { amount, intervals } from './hlog.js';

/** Shortest steps first: longer ones are asked for if there are too many series for an answer. */
const STEPS = [[], [['step', '5s']], [['step', '30s']]];

/** Seconds that are asked for one after another, the newest first: so that the first are there at once. */
const CHUNKS = [60, 120, 120, 300];

/** Seconds since 1970 between which two ends are one. */
const SAME = 0.25;

/** The rows of the last ten minutes, chunk by chunk, with figures of those parts that this moment has. */
export async function* backfill(moment) {
  const figures = Object.entries(FIGURES).filter(([, { part }]) => moment[part]);
  let until;
  for (const seconds of CHUNKS) {
    const when = until === undefined
      ? [['since', `${seconds}s`]]
      : [['since', (until - seconds).toFixed(3)], ['until', until.toFixed(3)]];
    const rows = await chunk(when, figures);
    if (rows.length === 0) return;
    yield rows;
    until = rows[0].time - rows[0].length;
  }
}

async function chunk(when, figures) {
  const counted = await counters(when, figures);
  const rows = counted.to.map((time, i) => ({ time, length: time - counted.from[i], figures: {} }));
  for (const [name, figure] of figures) {
    const column = fromCounters(counted, figure);
    if (column) rows.forEach((row, i) => { row.figures[name] = column[i]; });
  }
  if (rows.length === 0) return rows;
  // The very same intervals: another may have ended meanwhile.
  const [from, to] = [rows[0].time - rows[0].length, rows.at(-1).time];
  await histograms([['since', from.toFixed(3)], ['until', to.toFixed(3)]], figures, rows);
  return rows;
}

/** Names of the families that figures are of, each once. */
const families = (figures, of) => [...new Set(figures.flatMap(([, figure]) => of(figure)).filter(Boolean))];

/** An answer about all families; if one of them is not recorded, an answer about each that is. */
async function ask(path, names, more) {
  if (names.length === 0) return [];
  const get = (some) => fetch(`${path}?${new URLSearchParams([...some.map((name) => ['family', name]), ...more])}`);
  const whole = await get(names);
  if (whole.ok) return [whole];
  const found = [];
  // One after another: these pages have few places.
  for (const name of names) found.push(await get([name]));
  return found.filter((answer) => answer.ok);
}

/** Counters' families by name, and the ends of the intervals. */
async function counters(when, figures) {
  const names = families(figures, ({ rate, share = [] }) => [rate, ...share]);
  for (const step of STEPS) {
    const answers = await ask('api/v1/history', names, [...when, ...step]);
    const all = await Promise.all(answers.map((answer) => answer.json()));
    if (all.length === 0) return { from: [], to: [], families: new Map() };
    if (all.some((one) => one.series_left_out > 0)) continue;
    const { from, to } = all[0];
    // Between two questions an interval may have ended.
    const told = all.filter((one) => one.to.length === to.length).flatMap((one) => one.families);
    return { from, to, families: new Map(told.map((family) => [family.name, family.series])) };
  }
  return { from: [], to: [], families: new Map() };
}

/** A column of all series together; undefined if it is none of counters, or its families are not there. */
function fromCounters({ to, families: told }, figure) {
  const sums = (name, what) => {
    const series = told.get(name);
    return series && to.map((_, i) => {
      const all = series.map((one) => one[what][i]).filter((v) => v !== null);
      return all.length ? all.reduce((a, b) => a + b) : null;
    });
  };
  if (figure.rate) return sums(figure.rate, 'rate')?.map((v) => (v === null ? null : v * (figure.times ?? 1)));
  if (!figure.share) return undefined;
  const [part, whole] = figure.share.map((name) => sums(name, 'increase'));
  return part && whole && part.map((v, i) => (v === null || !(whole[i] > 0) ? null : Math.min(v / whole[i], 1)));
}

/** Interval logs of all series of these families; none if there are too many series. */
async function logs(when, names) {
  for (const step of STEPS) {
    const answers = await ask('api/v1/history.hlog', names, [...when, ...step]);
    const all = await Promise.all(answers.map((answer) => answer.text()));
    if (!all.some((log) => /^#\[[0-9]+ series left out/m.test(log))) return all;
  }
  return [];
}

/** Adds figures of histograms to rows. */
async function histograms(when, figures, rows) {
  const parts = new Map();
  for (const log of await logs(when, families(figures, ({ spread }) => [spread]))) {
    for (const one of await intervals(log)) {
      const key = `${one.family} ${one.to.toFixed(3)}`;
      if (!parts.has(key)) parts.set(key, []);
      parts.get(key).push(one);
    }
  }
  let at = 0;
  for (const all of [...parts.values()].sort(([a], [b]) => a.to - b.to)) {
    while (at < rows.length && rows[at].time < all[0].to - SAME) at += 1;
    const row = rows[at];
    if (row === undefined || Math.abs(row.time - all[0].to) > SAME) continue;
    const told = amount(all, PER_DOUBLING);
    for (const [name, figure] of figures) {
      if (figure.spread === all[0].family) row.figures[name] = told[figure.figure];
    }
  }
}
