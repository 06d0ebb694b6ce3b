// Figures of now. Lives here: which, what is much, and how that is shown. Not here: how figures are written (`format`).

import { parts, text } from './format.js';
import { byId, make, mark, say } from './dom.js';

/** What a level is called: nobody has to see a colour to know. */
const FLAGS = { warn: 'high', bad: 'very high' };

/** The level of a figure for which more is worse. */
const above = (warn, bad) => (value) => (value > bad ? 'bad' : value > warn ? 'warn' : undefined);

/** Thresholds: where people begin to notice, and where calls fall apart. Ratings are those of the score. */
export const LEVELS = {
  loss: above(0.01, 0.05),
  jitter: above(0.03, 0.1),
  latency: above(0.02, 0.1),
  score: (value) => (value <= 40 ? 'bad' : value <= 80 ? 'warn' : undefined),
};

const sum = (one, two) => (one == null && two == null ? null : (one ?? 0) + (two ?? 0));

const TILES = [
  { name: 'received', label: 'Received', kind: 'packets', of: (m) => m.received?.packets_per_second, more: (m) => text('bits', m.received?.bits_per_second) },
  { name: 'sent', label: 'Sent', kind: 'packets', of: (m) => m.sent?.packets_per_second, more: (m) => text('bits', m.sent?.bits_per_second) },
  { name: 'streams', label: 'Streams', kind: 'count', of: (m) => sum(m.received?.streams, m.sent?.streams), more: (m) => `${text('count', m.received?.streams)} in, ${text('count', m.sent?.streams)} out` },
  { name: 'loss', label: 'Loss', kind: 'ratio', of: (m) => m.received?.loss_ratio, level: LEVELS.loss, more: (m) => `worst stream ${text('ratio', m.received?.stream_loss_ratio?.max)}` },
  { name: 'jitter', label: 'Jitter, p95', kind: 'seconds', of: (m) => m.received?.stream_jitter_seconds?.p95, level: LEVELS.jitter, more: (m) => `median ${text('seconds', m.received?.stream_jitter_seconds?.p50)}` },
  { name: 'latency', label: 'Forwarding, p99', kind: 'seconds', of: (m) => m.forwarding?.latency_seconds?.p99, level: LEVELS.latency, more: (m) => `median ${text('seconds', m.forwarding?.latency_seconds?.p50)}` },
  { name: 'quality', label: 'Quality score', kind: 'score', keep: true, of: (m) => m.quality?.score?.p50, level: LEVELS.score, flags: { warn: 'low', bad: 'very low' }, more: (m) => `MOS ${text('mos', m.quality?.mos?.p50)}, lowest ${text('score', m.quality?.score?.min)}` },
];

export class Tiles {
  constructor() {
    this.tiles = TILES.map((tile) => {
      const value = make('span', { class: 'value' });
      const unit = make('span', { class: 'unit' });
      const flag = make('span', { class: 'flag' });
      const more = make('dd', { class: 'more' });
      const element = make('div', { class: 'tile', 'data-tile': tile.name }, make('dt', {}, tile.label, flag), make('dd', {}, value, ' ', unit), more);
      byId('tiles').append(element);
      return { ...tile, element, value, unit, flag, more, say: tile.more };
    });
  }

  draw(moment) {
    for (const tile of this.tiles) {
      const value = tile.of(moment);
      // Scores come with windows, every few seconds: the last one holds until the next.
      if (tile.keep && value == null && tile.shown) continue;
      tile.shown = value != null;
      const [number, unit] = parts(tile.kind, value);
      say(tile.value, number);
      say(tile.unit, unit);
      say(tile.more, tile.say(moment));
      const level = value == null ? undefined : tile.level?.(value);
      mark(tile.element, 'data-level', level);
      say(tile.flag, level ? (tile.flags ?? FLAGS)[level] : '');
    }
  }
}
