// Interval logs of HdrHistogram, as the flight recorder gives them. Lives here: lines, the encoding V2 (deflated), and what
// the samples of an interval amount to. Not here: asking for a log.
//
// Format: github.com/HdrHistogram, "Histogram log format version 1.3", encoding "V2".

const COMPRESSED = 0x1c849304;
const PLAIN = 0x1c849303;

/** The intervals of a log: `{family, from, to, perUnit, buckets}`, times in seconds since 1970, buckets by index. */
export async function intervals(log) {
  const perUnit = new Map();
  const found = [];
  for (const line of log.split('\n')) {
    const unit = /^#\[(\S+): values are \S+ times ([0-9.e+]+)\]/.exec(line);
    if (unit) perUnit.set(unit[1], Number(unit[2]));
    const told = /^Tag=([^,]*),([0-9.]+),([0-9.]+),[^,]*,(\S+)$/.exec(line);
    if (!told) continue;
    const [, tag, from, length, coded] = told;
    const family = tag.split(';', 1)[0];
    found.push(decode(coded).then(({ magnitude, counts }) => ({
      family, magnitude, counts, perUnit: perUnit.get(family) ?? 1, from: Number(from), to: Number(from) + Number(length),
    })));
  }
  return Promise.all(found);
}

/** One histogram: counts by index, and the layout's half-count magnitude. */
async function decode(coded) {
  const bytes = Uint8Array.from(atob(coded), (c) => c.charCodeAt(0));
  const outer = new DataView(bytes.buffer);
  if ((outer.getInt32(0) & ~0xf0) !== COMPRESSED) throw new Error('the log has an encoding other than V2');
  const deflated = new Blob([bytes.subarray(8, 8 + outer.getInt32(4))]).stream();
  const plain = await new Response(deflated.pipeThrough(new DecompressionStream('deflate'))).arrayBuffer();
  const view = new DataView(plain);
  if ((view.getInt32(0) & ~0xf0) !== PLAIN) throw new Error('the log has an encoding other than V2');
  const digits = view.getInt32(12);
  const magnitude = Math.ceil(Math.log2(2 * 10 ** digits)) - 1;
  const counts = new Map();
  let index = 0;
  for (const number of numbers(new Uint8Array(plain, 40, view.getInt32(4)))) {
    // A number below 0 is that many empty buckets.
    if (number < 0) index -= number;
    else {
      if (number > 0) counts.set(index, number);
      index += 1;
    }
  }
  return { magnitude, counts };
}

/** Zigzag LEB128, of nine bytes at most. */
function* numbers(bytes) {
  let at = 0;
  while (at < bytes.length) {
    let [value, scale] = [0, 1];
    for (let i = 0; ; i += 1) {
      const byte = bytes[at];
      at += 1;
      // The ninth byte has eight bits of its own.
      value += (i < 8 ? byte & 0x7f : byte) * scale;
      scale *= 128;
      if (byte < 0x80 || i === 8 || at >= bytes.length) break;
    }
    yield value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** The lowest and highest value of a bucket. */
function edges(index, magnitude) {
  const half = 2 ** magnitude;
  if (index < 2 * half) return [index, index];
  const shift = Math.floor(index / half) - 1;
  const low = ((index % half) + half) * 2 ** shift;
  return [low, low + 2 ** shift - 1];
}

/** What the samples of several histograms of one family, all of one interval, amount to, in exposed units. */
export function amount(parts, perDoubling) {
  const all = new Map();
  let total = 0;
  for (const { counts } of parts) {
    for (const [index, n] of counts) {
      all.set(index, (all.get(index) ?? 0) + n);
      total += n;
    }
  }
  const { magnitude, perUnit } = parts[0];
  const buckets = [...all].sort(([a], [b]) => a - b).map(([index, n]) => [...edges(index, magnitude), n]);
  const column = new Map();
  let sum = 0;
  for (const [low, high, n] of buckets) {
    sum += ((low + high) / 2) * n;
    const index = Math.ceil(Math.log2(Math.max(low, 1) / perUnit) * perDoubling);
    column.set(index, (column.get(index) ?? 0) + n);
  }
  const quantile = (q) => {
    const rank = Math.max(1, Math.ceil(q * total));
    let seen = 0;
    for (const [, high, n] of buckets) {
      seen += n;
      if (seen >= rank) return high / perUnit;
    }
    return null;
  };
  return {
    p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), p999: quantile(0.999), max: quantile(1),
    min: buckets[0][0] / perUnit, mean: sum / total / perUnit, column: [...column],
  };
}
