// The live page. Lives here: what is on it, and when it is drawn. Each part has a file of its own.

import { backfill } from './backfill.js';
import { Lines } from './charts.js';
import { byId, mark, say } from './dom.js';
import { FAMILIES } from './families.js';
import { listen } from './feed.js';
import { row } from './figures.js';
import { Health } from './health.js';
import { Heatmap } from './heatmap.js';
import { Series } from './series.js';
import { State } from './state.js';
import { StreamDialog } from './stream.js';
import { Tiles } from './tiles.js';
import { Worst } from './worst.js';

const LINES = [
  {
    title: 'Packets', note: 'RTP, a second', kind: 'packets', missing: 'No RTP was received or sent.',
    lines: [{ name: 'inPackets', label: 'Received', colour: 's1', fill: true }, { name: 'outPackets', label: 'Sent', colour: 's2', dash: true }],
  },
  {
    title: 'Bitrate', note: 'RTP: header, payload, padding', kind: 'bits', missing: 'No RTP was received or sent.',
    lines: [{ name: 'inBits', label: 'Received', colour: 's1', fill: true }, { name: 'outBits', label: 'Sent', colour: 's2', dash: true }],
  },
  {
    title: 'Loss', note: 'of packets due', kind: 'ratio', least: 0.01, missing: 'No packet was due.',
    lines: [
      { name: 'loss', label: 'Received', colour: 's4', fill: true }, { name: 'lossWorst', label: 'Worst stream', colour: 's2' },
      { name: 'remoteLoss', label: 'At receivers', colour: 's5' },
    ],
  },
  {
    title: 'Jitter', note: 'over received streams, RFC 3550', kind: 'seconds', missing: 'No stream has traffic.',
    lines: [{ name: 'jitter50', label: 'Median', colour: 'q2' }, { name: 'jitter95', label: 'p95', colour: 'q4' }, { name: 'jitterMax', label: 'Highest', colour: 'q5' }],
  },
  {
    title: 'Forwarding time', note: 'from arrival to the last send', kind: 'seconds', log: true, missing: `Nothing was forwarded, or nobody measures it here (${FAMILIES.FORWARD_LATENCY}).`,
    lines: [
      { name: 'latency50', label: 'p50', colour: 'q1' }, { name: 'latency95', label: 'p95', colour: 'q3' },
      { name: 'latency99', label: 'p99', colour: 'q4' }, { name: 'latency999', label: 'p99.9', colour: 'q5' },
    ],
  },
  {
    heat: true, title: 'Forwarding times', note: 'how many packets took how long', name: 'heat',
    missing: `Nothing was forwarded, or nobody measures it here (${FAMILIES.FORWARD_LATENCY}).`,
  },
  {
    title: 'Quality score', note: 'above 80 excellent, above 40 good, above 20 poor', kind: 'score', fixed: [0, 100], points: true, missing: 'No stream is judged, or no window is over yet.',
    lines: [{ name: 'score50', label: 'Median', colour: 's3' }, { name: 'scoreMin', label: 'Lowest', colour: 's4' }],
  },
  {
    title: 'Round trip', note: 'to receivers, by their reports', kind: 'seconds', points: true, missing: 'No receiver’s report had a round trip in it.',
    lines: [{ name: 'roundTrip50', label: 'Median', colour: 's6' }, { name: 'roundTrip95', label: 'p95', colour: 's2' }],
  },
  {
    title: 'Merges', note: 'what the reporter needs, each interval', kind: 'seconds', log: true, missing: 'No reporter runs.',
    lines: [{ name: 'mergeMax', label: 'Took', colour: 's5' }, { name: 'lateMax', label: 'Late by', colour: 's2' }],
  },
];

const series = new Series();
const state = new State();
const tiles = new Tiles();
const health = new Health();
const dialog = new StreamDialog();
const worst = new Worst((stream) => dialog.open(stream));
const charts = LINES.map(({ heat, ...panel }) => (heat ? new Heatmap(byId('panels'), panel) : new Lines(byId('panels'), panel)));

/** Shortest time shown, in seconds. */
const SHORTEST = 60;

let newest;
let range = 300;
let drawn = -1;

/** Draws all there is to draw, if there is something new and nobody wants to look at what is. */
function draw(force = false) {
  if (!newest || (state.paused && !force)) return;
  if (drawn === series.version && !force) return;
  drawn = series.version;
  const until = series.last?.time ?? newest.time_ms / 1000;
  // Where there is nothing yet, nothing is shown of it.
  const since = Math.max(until - range, Math.min(series.rows[0]?.time ?? until, until - SHORTEST));
  for (const chart of charts) chart.draw(series, since, until);
  tiles.draw(newest);
  worst.draw(newest);
  health.draw(newest);
  mark(document.body, 'data-sequence', String(newest.sequence));
  mark(document.body, 'data-time', String(newest.time_ms));
}

let scheduled = false;
function soon() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    draw();
  });
}

/** What was before, and what was missed: wanted when the server is reached, until the flight recorder has something. */
let wanted = true;
async function fill(moment) {
  byId('no-history').hidden = moment.history;
  byId('downloads').hidden = !moment.history;
  const there = moment.history && (moment.exporter?.history_span_seconds ?? 1) > 0;
  if (!wanted || !there) return;
  wanted = false;
  try {
    for await (const rows of backfill(moment)) {
      series.add(rows);
      soon();
    }
    mark(document.body, 'data-filled', '');
  } catch {
    wanted = true; // the server went away meanwhile, most likely
  }
}

listen({
  onMoment(moment) {
    newest = moment;
    byId('boot').hidden = true;
    // One that is compared with nothing has no figures of its interval: the flight recorder knows them.
    if (moment.interval_seconds === null) wanted = true;
    else series.push(row(moment));
    void fill(moment);
    state.moment(moment.period_seconds || 1);
    if (!state.paused) void dialog.update();
    soon();
  },
  onConnection(reached, reason) {
    state.connection(reached, reason);
    wanted ||= reached;
    if (!reached) dialog.lost(reason);
  },
});

byId('pause').addEventListener('click', () => {
  state.pause(!state.paused);
  say(byId('pause'), state.paused ? 'Go on' : 'Pause');
  draw();
});

byId('range').addEventListener('change', (event) => {
  range = Number(event.target.value);
  draw(true);
});

// A menu closes as menus do.
const menu = byId('download');
document.addEventListener('click', (event) => { if (!menu.contains(event.target)) menu.open = false; });
menu.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !menu.open) return;
  menu.open = false;
  menu.querySelector('summary').focus();
});

say(byId('host'), location.host);
