// The last minutes, column by column. Lives here: rows by time, bounded; gaps. Not here: where rows come from.

/** Seconds kept, and rows kept at most. */
export const SPAN = 600;
const MOST = 3000;

/** Columns over time. A row is a time (seconds since 1970) and figures by name; what is not there is null. */
export class Series {
  constructor() {
    this.rows = [];
    /** Raised with each change. */
    this.version = 0;
  }

  /** Adds rows, in any order. Of two of the same time the one that was there stays, and takes over what it lacks. */
  add(rows) {
    const all = [...this.rows, ...rows.map((row) => ({ ...row, added: true }))].sort((a, b) => a.time - b.time);
    const merged = [];
    for (const row of all) {
      const last = merged.at(-1);
      if (last === undefined || row.time - last.time > Math.min(0.25, (row.length ?? 1) / 2)) {
        merged.push(row);
        continue;
      }
      // One interval told twice: by an event, and by the flight recorder.
      const [stays, goes] = last.added ? [row, last] : [last, row];
      merged[merged.length - 1] = { time: stays.time, figures: fill(stays.figures, goes.figures), length: stays.length ?? goes.length };
    }
    for (const row of merged) delete row.added;
    this.rows = merged;
    this.trim();
  }

  /** Adds the newest row. */
  push(row) {
    const last = this.rows.at(-1);
    if (last !== undefined && row.time <= last.time) {
      // The clock was set back: what was before is of no time that could be shown.
      this.rows = this.rows.filter((old) => old.time < row.time);
    }
    this.rows.push(row);
    this.trim();
  }

  trim() {
    const end = this.rows.at(-1)?.time ?? 0;
    const from = this.rows.findIndex((row) => row.time > end - SPAN);
    if (from > 0) this.rows.splice(0, from);
    if (this.rows.length > MOST) this.rows.splice(0, this.rows.length - MOST);
    this.version += 1;
  }

  get last() {
    return this.rows.at(-1);
  }

  /** Times and columns of these names since a time, with a row of nothing in each gap: as uPlot takes them. */
  columns(names, since) {
    const columns = [[], ...names.map(() => [])];
    let before;
    for (const row of this.rows) {
      if (row.time < since) continue;
      const length = row.length ?? 1;
      if (before !== undefined && row.time - before > 2.5 * length) {
        columns[0].push(before + length);
        names.forEach((_, i) => columns[i + 1].push(null));
      }
      columns[0].push(row.time);
      names.forEach((name, i) => columns[i + 1].push(row.figures[name] ?? null));
      before = row.time;
    }
    return columns;
  }

  /** Least, most and last of a column since a time. */
  summary(name, since) {
    let [least, most, last] = [Infinity, -Infinity, null];
    for (const row of this.rows) {
      const value = row.figures[name];
      if (row.time < since || typeof value !== 'number') continue;
      least = Math.min(least, value);
      most = Math.max(most, value);
      last = value;
    }
    return last === null ? null : { least, most, last };
  }
}

function fill(figures, more) {
  const all = { ...more };
  for (const [name, value] of Object.entries(figures)) {
    if (value !== null && value !== undefined) all[name] = value;
  }
  return all;
}
