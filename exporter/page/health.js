// Whether what measures itself is well. Lives here: reporter, exporter and process in pairs of words and figures.

import { clock, text } from './format.js';
import { byId, make, mark, say } from './dom.js';

const some = (value) => value > 0;

/** `alarm`: when a figure is one to look at. */
const GROUPS = [
  ['Reporter', (m) => m.reporter, [
    ['Last merge took', (r) => text('seconds', r.merge_seconds?.max)],
    ['It began late by', (r) => text('seconds', r.late_seconds?.max)],
    ['Series', (r) => text('count', r.series)],
    ['Recording threads at once', (r) => text('count', r.shards)],
    ['Memory of cells and streams', (r) => text('bytes', r.memory_bytes)],
    ['Records dropped', (r) => text('count', r.records_dropped_total), (r) => some(r.records_dropped_total)],
    ['Streams refused', (r) => text('count', r.streams_refused_total), (r) => some(r.streams_refused_total)],
    ['Series folded into “other”', (r) => text('count', r.series_overflow_total), (r) => some(r.series_overflow_total)],
    ['Snapshots that sinks missed', (r) => text('count', r.sink_snapshots_dropped_total), (r) => some(r.sink_snapshots_dropped_total)],
  ]],
  ['Exporter', (m) => m.exporter, [
    ['Scrapes', (e) => text('count', e.scrapes_total)],
    ['Scraped', (e) => `${text('bytes', e.scrape_bytes_per_second)}/s`],
    ['Last encoding took', (e) => text('seconds', e.encode_seconds?.max)],
    ['Answers other than 2xx, 3xx', (e) => text('count', refused(e))],
    ['Connections refused or cut off', (e) => text('count', e.connections_rejected_total)],
    ['Live pages open', (e) => text('count', e.event_listeners)],
    ['Pushes: snapshots dropped', (e) => text('count', e.push_snapshots_dropped_total), (e) => some(e.push_snapshots_dropped_total)],
    ['Pushes: attempts repeated', (e) => text('count', e.push_retries_total)],
    ['Flight recorder reaches back', (e) => text('seconds', e.history_span_seconds)],
    ['Flight recorder takes', (e) => text('bytes', e.history_bytes)],
  ]],
  ['Process', (m) => m.process, [
    ['Processors in use', (p) => (p.cpu_seconds_per_second == null ? '–' : p.cpu_seconds_per_second.toFixed(2))],
    ['Memory', (p) => text('bytes', p.resident_memory_bytes)],
    ['Threads', (p) => text('count', p.threads)],
    ['Open files', (p) => text('count', p.open_fds)],
    ['Runs since', (p) => since(p.start_time_seconds)],
  ]],
];

function refused({ responses_total: all }) {
  if (!all) return null;
  return Object.entries(all).filter(([code]) => code >= '400').reduce((sum, [, n]) => sum + n, 0);
}

function since(seconds) {
  if (seconds == null) return '–';
  const day = new Date(seconds * 1000);
  const today = day.toDateString() === new Date().toDateString();
  return today ? clock(seconds) : `${day.toISOString().slice(0, 10)} ${clock(seconds)}`;
}

export class Health {
  constructor() {
    this.groups = GROUPS.map(([title, of, pairs]) => {
      const list = make('dl', { class: 'pairs' });
      const empty = make('p', { class: 'muted', text: 'Not measured here.' });
      byId('health').append(make('div', {}, make('h3', { text: title }), list, empty));
      const lines = pairs.map(([label, figure, alarm]) => {
        const value = make('dd');
        const line = make('div', {}, make('dt', { text: label }), value);
        list.append(line);
        return { figure, alarm, value, line };
      });
      return { of, lines, list, empty };
    });
  }

  draw(moment) {
    for (const { of, lines, list, empty } of this.groups) {
      const part = of(moment);
      list.hidden = !part;
      empty.hidden = Boolean(part);
      if (!part) continue;
      for (const { figure, alarm, value, line } of lines) {
        say(value, figure(part));
        mark(line, 'data-level', alarm?.(part) ? 'warn' : undefined);
      }
    }
  }
}
