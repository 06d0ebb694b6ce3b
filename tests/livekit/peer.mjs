// LiveKit's JavaScript messages as a peer: writes random packets, and reads ours.
//
//     peer.mjs PACKAGES make SEED COUNT OUT   a line of JSON for each message: its kind, bytes in hex, content
//     peer.mjs PACKAGES read IN OUT           for each line `kind hex` a line of JSON with the content
//     peer.mjs PACKAGES labels OUT            the enum MetricLabel as a JSON object
//
// PACKAGES is the folder with the node_modules. Numbers of 64 bits are strings, a float is its 32 bits as a
// number, what is not set is null.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [packages, command, ...rest] = process.argv.slice(2);
const out = rest.pop();
const require = createRequire(`${packages}/`);
const { DataPacket, EventMetric, MetricLabel, MetricSample, MetricsBatch, TimeSeriesMetric } =
  require("@livekit/protocol");
const { Timestamp } = require("@bufbuild/protobuf");

const INT64 = [0n, 1n, -1n, -7n, 2n ** 63n - 1n, -(2n ** 63n), 1_700_000_010_000n];
const LABELS = [0, 2, 3, 16, 17, 19, 20, 3000, 4095, 4096, 4097, 5000, 2 ** 32 - 1];
const INDEXES = [0, 0, 1, 4095, 4096, 4097, 4098, 4200, 2 ** 32 - 1];
const TEXTS = ["", "PA_1", "PA_2", "TR_1", "q", "CustomMetric", "żółć", "\0", "x".repeat(200)];

// A generator with a seed (mulberry32); the language has none.
let state = 0;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (n) => Math.floor(random() * n);
const choice = (all) => all[below(all.length)];
const several = (most, one) => Array.from({ length: below(most) }, one);
const int64 = () => (random() < 0.4 ? choice(INT64) : BigInt(below(2 ** 46)) - 2n ** 45n);

function time() {
  if (random() < 0.2) return undefined;
  const seconds = choice([0n, -1n, -62135596800n, 1_700_000_010n, BigInt(below(2 ** 33))]);
  return new Timestamp({ seconds, nanos: choice([0, 1, 999_999_999, 500_000_000]) });
}

const row = () => ({
  label: choice(LABELS),
  participantIdentity: choice(INDEXES),
  trackSid: choice(INDEXES),
  rid: choice(INDEXES),
});

const sample = () =>
  new MetricSample({
    timestampMs: int64(),
    normalizedTimestamp: time(),
    value: Math.fround(choice([0, -1.5, 1e-45, 3.4e38, random() * 2e3 - 1e3])),
  });

const series = () => new TimeSeriesMetric({ ...row(), samples: several(4, sample) });

const event = () =>
  new EventMetric({
    ...row(),
    startTimestampMs: int64(),
    endTimestampMs: choice([undefined, 0n, int64()]),
    normalizedStartTimestamp: time(),
    normalizedEndTimestamp: time(),
    metadata: choice(TEXTS),
  });

const packet = () =>
  new DataPacket({
    participantIdentity: choice(TEXTS),
    value: {
      case: "metrics",
      value: new MetricsBatch({
        timestampMs: int64(),
        normalizedTimestamp: time(),
        strData: several(5, () => choice(TEXTS)),
        timeSeries: several(5, series),
        events: several(3, event),
      }),
    },
    sequence: choice([0, 1, 2 ** 32 - 1]),
    participantSid: choice(TEXTS),
  });

const timeContent = (t) => (t ? { seconds: t.seconds.toString(), nanos: t.nanos } : null);
const rowContent = (r) => ({
  label: r.label,
  participant_identity: r.participantIdentity,
  track_sid: r.trackSid,
  rid: r.rid,
});
const sampleContent = (s) => ({
  timestamp_ms: s.timestampMs.toString(),
  normalized_timestamp: timeContent(s.normalizedTimestamp),
  value: new Uint32Array(Float32Array.of(s.value).buffer)[0],
});
const seriesContent = (s) => ({ ...rowContent(s), samples: s.samples.map(sampleContent) });
const eventContent = (e) => ({
  ...rowContent(e),
  start_timestamp_ms: e.startTimestampMs.toString(),
  end_timestamp_ms: e.endTimestampMs?.toString() ?? null,
  normalized_start_timestamp: timeContent(e.normalizedStartTimestamp),
  normalized_end_timestamp: timeContent(e.normalizedEndTimestamp),
  metadata: e.metadata,
});
const batchContent = (b) => ({
  timestamp_ms: b.timestampMs.toString(),
  normalized_timestamp: timeContent(b.normalizedTimestamp),
  str_data: b.strData,
  time_series: b.timeSeries.map(seriesContent),
  events: b.events.map(eventContent),
});
const packetContent = (p) => ({
  participant_identity: p.participantIdentity,
  sequence: p.sequence,
  participant_sid: p.participantSid,
  metrics: p.value.case === "metrics" ? batchContent(p.value.value) : null,
});

const commands = {
  make(seed, count) {
    state = Number(seed);
    return Array.from({ length: Number(count) }, () => {
      const message = packet();
      const hex = Buffer.from(message.toBinary()).toString("hex");
      return { kind: "packet", hex, content: packetContent(message) };
    });
  },
  read(path) {
    const lines = readFileSync(path, "ascii").split("\n").slice(0, -1);
    return lines.map((line) => {
      const [kind, hex] = line.split(" ");
      if (kind !== "packet") throw new Error(`this package has no ${kind}`);
      return packetContent(DataPacket.fromBinary(Buffer.from(hex, "hex")));
    });
  },
  labels() {
    return [Object.fromEntries(Object.entries(MetricLabel).filter(([name]) => isNaN(name)))];
  },
};

const lines = commands[command](...rest).map((line) => `${JSON.stringify(line)}\n`);
writeFileSync(out, lines.join(""));
