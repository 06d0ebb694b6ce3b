// The worst streams of the last interval. Lives here: the table. Not here: the order, which is the server's.

import { ssrc, text } from './format.js';
import { byId, make, mark, say } from './dom.js';
import { LEVELS } from './tiles.js';

/** `spare`: left away where there is little room. */
const COLUMNS = [
  { spare: true, of: (s) => s.direction },
  { of: (s) => s.group },
  { spare: true, of: (s) => s.participant ?? '–' },
  { kind: 'score', of: (s) => s.score, level: LEVELS.score },
  { kind: 'ratio', of: (s) => s.interval.lossRatio, level: LEVELS.loss },
  { kind: 'seconds', of: (s) => s.interval.jitter, level: LEVELS.jitter },
  { kind: 'seconds', of: (s) => s.interval.roundTripTime },
  { kind: 'bits', of: (s) => (s.interval.bytesPerSecond == null ? null : s.interval.bytesPerSecond * 8) },
];

export class Worst {
  /** `open` is called with a stream that somebody wants to see. */
  constructor(open) {
    this.body = byId('worst-rows');
    this.rows = [];
    this.open = open;
  }

  draw(moment) {
    const { worst } = moment;
    if (!worst) {
      this.fit(0);
      say(byId('worst-note'), 'This server knows snapshots alone, and no single streams.');
      return;
    }
    // Under a pointer or the focus rows keep still: so that nobody opens another stream than the one they saw.
    const still = this.body.matches(':hover') || this.body.contains(document.activeElement);
    const streams = still ? this.held(worst.streams) : worst.streams;
    const { length } = streams;
    const note = length === 0 ? 'No stream has traffic.' : `The ${length === 1 ? 'one' : length} worst of the last interval, by score, then loss, then jitter.`;
    say(byId('worst-note'), still && length ? 'The order is held while you are here.' : note);
    mark(this.body, 'data-sequence', String(worst.sequence));
    mark(this.body, 'data-still', still ? '' : null);
    this.fit(length);
    streams.forEach((stream, i) => this.row(this.rows[i], stream));
  }

  /** The streams that are shown, with new figures if they are still among the worst. */
  held(streams) {
    const known = new Map(streams.map((stream) => [stream.id, stream]));
    return this.rows.map(({ stream }) => known.get(stream.id) ?? stream);
  }

  fit(length) {
    while (this.rows.length > length) {
      this.rows.pop();
      this.body.deleteRow(-1);
    }
    while (this.rows.length < length) {
      const button = make('button', { type: 'button', class: 'link' });
      const cells = COLUMNS.map(({ kind, spare }) => make('td', { class: kind ? 'n' : spare ? 'spare' : '' }, make('span', { class: 'mark-level' })));
      const line = make('tr', {}, make('th', { scope: 'row' }, button), ...cells);
      const row = { line, button, cells, stream: undefined };
      button.addEventListener('click', () => this.open(row.stream));
      this.rows.push(row);
      this.body.append(line);
    }
  }

  row(row, stream) {
    row.stream = stream;
    say(row.button, ssrc(stream.ssrc));
    mark(row.button, 'aria-label', `Stream ${ssrc(stream.ssrc)}, ${stream.direction}: show`);
    mark(row.line, 'data-id', String(stream.id));
    COLUMNS.forEach(({ kind, of, level }, i) => {
      const value = of(stream);
      say(row.cells[i].firstChild, kind ? text(kind, value) : value);
      mark(row.cells[i], 'data-level', value == null ? undefined : level?.(value));
    });
  }
}
