// Which figures are kept over time. Lives here: where each is found, in a moment (/api/v1/events) and in the flight
// recorder (/api/v1/history), which tell the same of the same families. Not here: asking for them.

import { FAMILIES } from './families.js';

/**
 * `of`: from that part of a moment. `rate`, `share`: from the flight recorder's counters, a second or one in the other. `spread`: from
 * its histograms, `figure` of all samples of an interval.
 */
export const FIGURES = {
  inPackets: { part: 'received', of: (p) => p.packets_per_second, rate: FAMILIES.RTP_PACKETS },
  inBits: { part: 'received', of: (p) => p.bits_per_second, rate: FAMILIES.RTP_BYTES, times: 8 },
  outPackets: { part: 'sent', of: (p) => p.packets_per_second, rate: FAMILIES.RTP_SENT_PACKETS },
  outBits: { part: 'sent', of: (p) => p.bits_per_second, rate: FAMILIES.RTP_SENT_BYTES, times: 8 },
  loss: { part: 'received', of: (p) => p.loss_ratio, share: [FAMILIES.RTP_LOST, FAMILIES.RTP_EXPECTED] },
  lossWorst: { part: 'received', of: (p) => p.stream_loss_ratio?.max, spread: FAMILIES.RTP_INTERVAL_LOSS, figure: 'max' },
  remoteLoss: { part: 'sent', of: (p) => p.remote_loss_ratio?.mean, spread: FAMILIES.RTP_REMOTE_FRACTION_LOST, figure: 'mean' },
  jitter50: { part: 'received', of: (p) => p.stream_jitter_seconds?.p50, spread: FAMILIES.RTP_INTERVAL_JITTER, figure: 'p50' },
  jitter95: { part: 'received', of: (p) => p.stream_jitter_seconds?.p95, spread: FAMILIES.RTP_INTERVAL_JITTER, figure: 'p95' },
  jitterMax: { part: 'received', of: (p) => p.stream_jitter_seconds?.max, spread: FAMILIES.RTP_INTERVAL_JITTER, figure: 'max' },
  roundTrip50: { part: 'sent', of: (p) => p.round_trip_seconds?.p50, spread: FAMILIES.RTP_REMOTE_RTT, figure: 'p50' },
  roundTrip95: { part: 'sent', of: (p) => p.round_trip_seconds?.p95, spread: FAMILIES.RTP_REMOTE_RTT, figure: 'p95' },
  latency50: { part: 'forwarding', of: (p) => p.latency_seconds?.p50, spread: FAMILIES.FORWARD_LATENCY, figure: 'p50' },
  latency95: { part: 'forwarding', of: (p) => p.latency_seconds?.p95, spread: FAMILIES.FORWARD_LATENCY, figure: 'p95' },
  latency99: { part: 'forwarding', of: (p) => p.latency_seconds?.p99, spread: FAMILIES.FORWARD_LATENCY, figure: 'p99' },
  latency999: { part: 'forwarding', of: (p) => p.latency_seconds?.p999, spread: FAMILIES.FORWARD_LATENCY, figure: 'p999' },
  heat: { part: 'forwarding', of: (p) => p.latency_buckets, spread: FAMILIES.FORWARD_LATENCY, figure: 'column' },
  score50: { part: 'quality', of: (p) => p.score?.p50, spread: FAMILIES.RTP_QUALITY_SCORE, figure: 'p50' },
  scoreMin: { part: 'quality', of: (p) => p.score?.min, spread: FAMILIES.RTP_QUALITY_SCORE, figure: 'min' },
  mergeMax: { part: 'reporter', of: (p) => p.merge_seconds?.max, spread: FAMILIES.REPORTER_TICK, figure: 'max' },
  lateMax: { part: 'reporter', of: (p) => p.late_seconds?.max, spread: FAMILIES.REPORTER_LATE, figure: 'max' },
};

/** A row of a moment. */
export function row(moment) {
  const figures = {};
  for (const [name, { part, of }] of Object.entries(FIGURES)) figures[name] = (moment[part] && of(moment[part])) ?? null;
  return { time: moment.time_ms / 1000, length: moment.interval_seconds ?? moment.period_seconds, figures };
}

/** Buckets of a heatmap's column for each doubling. */
export const PER_DOUBLING = 4;
