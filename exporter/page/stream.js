// One stream: its figures since it was opened, and what W3C's webrtc-stats says of it. Lives here: the dialog. Not here:
// what the members mean, which is the standard's to say.

import { Lines } from './charts.js';
import { ssrc, text } from './format.js';
import { byId, make, say } from './dom.js';
import { Series } from './series.js';

const FACTS = [
  ['Group', (s) => s.mediaMetrics.group],
  ['Participant', (s) => s.mediaMetrics.participant ?? '–'],
  ['Score', (s) => `${text('score', s.mediaMetrics.score)}${s.mediaMetrics.rating ? ` ${s.mediaMetrics.rating.toLowerCase()}` : ''}`],
  ['MOS', (s) => text('mos', s.mediaMetrics.mos)],
  ['Loss since it began', (s) => text('ratio', s.mediaMetrics.lossRatio)],
  ['Clock rate', (s) => `${s.mediaMetrics.clockRate} Hz`],
];

const PANELS = [
  { title: 'Bitrate', kind: 'bits', lines: [{ name: 'bits', label: 'RTP', colour: 's1', fill: true }] },
  { title: 'Loss', kind: 'ratio', least: 0.01, lines: [{ name: 'loss', label: 'In the interval', colour: 's4', fill: true }] },
  { title: 'Jitter', kind: 'seconds', lines: [{ name: 'jitter', label: 'RFC 3550', colour: 's5', fill: true }] },
  { title: 'Round trip', kind: 'seconds', lines: [{ name: 'roundTrip', label: 'By reports', colour: 's6' }] },
];

/** Shortest time shown, in seconds. */
const SHOWN = 60;

/** How long an answer may take, in milliseconds. */
const PATIENCE = 10_000;

export class StreamDialog {
  constructor() {
    this.dialog = byId('stream');
    byId('stream-close').addEventListener('click', () => this.dialog.close());
    // A click beside the dialog is one on its backdrop.
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
    this.dialog.addEventListener('close', () => {
      this.stream = undefined;
      this.opener?.focus();
    });
  }

  /** Shows a stream, as /api/v1/worst names it. */
  open(stream) {
    this.stream = stream;
    this.opener = document.activeElement;
    this.series = new Series();
    say(byId('stream-title'), `Stream ${ssrc(stream.ssrc)}, ${stream.direction}`);
    say(byId('stream-note'), 'Asking for its figures.');
    for (const id of ['stream-facts', 'stream-panels', 'stream-stats']) byId(id).replaceChildren();
    this.charts = PANELS.map((panel) => new Lines(byId('stream-panels'), {
      ...panel, sync: false, level: 'h3', note: 'since you opened it', missing: 'Nobody measured it yet.',
    }));
    this.dialog.showModal();
    this.dialog.scrollTop = 0;
    this.update();
  }

  /** A new moment: there are new figures. */
  async update() {
    const { stream } = this;
    if (!stream || this.asking) return;
    this.asking = true;
    try {
      const answer = await fetch(`api/v1/streams?ssrc=${stream.ssrc}`, { signal: AbortSignal.timeout(PATIENCE) });
      if (!answer.ok) throw new Error(answer.status === 503 ? 'the server is busy' : `status ${answer.status}`);
      const told = await answer.json();
      if (this.stream === stream) this.draw(told);
    } catch (error) {
      if (this.stream === stream) say(byId('stream-note'), `No new figures: ${error.message}. These are the last ones.`);
    } finally {
      this.asking = false;
    }
  }

  /** The server can't be reached. */
  lost(reason) {
    if (this.stream) say(byId('stream-note'), `${reason}. These are the last figures.`);
  }

  draw({ streams, remote, timestamp, sequence }) {
    const found = streams.find((one) => one.mediaMetrics.id === this.stream.id);
    if (!found) {
      say(byId('stream-note'), 'This stream has ended. These are its last figures.');
      return;
    }
    say(byId('stream-note'), '');
    this.dialog.dataset.sequence = sequence;
    const { interval } = found.mediaMetrics;
    const bits = interval.bytesPerSecond == null ? null : interval.bytesPerSecond * 8;
    this.series.push({ time: timestamp / 1000, figures: { bits, loss: interval.lossRatio, jitter: interval.jitter, roundTrip: interval.roundTripTime } });
    const [first, last] = [this.series.rows[0].time, this.series.last.time];
    const since = Math.min(first, last - SHOWN);
    this.charts.forEach((chart) => chart.draw(this.series, since, Math.max(last, since + SHOWN)));
    this.facts(found);
    const peer = remote.find((one) => one.id === found.remoteId);
    this.stats([found, peer].filter(Boolean));
  }

  facts(found) {
    const list = byId('stream-facts');
    FACTS.forEach(([label, of], i) => {
      const tile = list.children[i] ?? list.appendChild(make('div', { class: 'tile' }, make('dt', { text: label }), make('dd', { class: 'value' })));
      say(tile.lastChild, of(found));
    });
  }

  /** The members as they are, in a table for each object. */
  stats(objects) {
    const into = byId('stream-stats');
    into.className = 'columns';
    objects.forEach((object, i) => {
      const place = into.children[i] ?? into.appendChild(make('section', {}, make('h3'), make('table', {}, make('tbody'))));
      say(place.firstChild, `W3C webrtc-stats: ${object.type}`);
      const body = place.querySelector('tbody');
      const members = Object.entries(object).filter(([name]) => name !== 'mediaMetrics');
      while (body.rows.length > members.length) body.deleteRow(-1);
      members.forEach(([name, value], j) => {
        const row = body.rows[j] ?? body.appendChild(make('tr', {}, make('th', { scope: 'row' }), make('td', { class: 'n' })));
        say(row.cells[0], name);
        say(row.cells[1], value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value ?? '–'));
      });
    });
    while (into.children.length > objects.length) into.lastChild.remove();
  }
}
