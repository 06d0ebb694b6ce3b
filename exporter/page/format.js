// Figures as text. Lives here: units, prefixes, digits; a figure that nobody knows is a dash.

const NONE = '–';
const UP = ['', 'k', 'M', 'G', 'T', 'P'];

const known = (value) => typeof value === 'number' && Number.isFinite(value);

/** Three digits that say something, as a number to read. */
function digits(value) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** A figure with its unit apart: `[ '1.24', 'kbit/s' ]`. */
function prefixed(value, unit) {
  let power = 0;
  let scaled = value;
  while (Math.abs(scaled) >= 999.5 && power < UP.length - 1) {
    scaled /= 1000;
    power += 1;
  }
  // Of things that are counted there is no half.
  const whole = power === 0 && Number.isInteger(value);
  return [whole ? String(value) : digits(scaled), UP[power] + unit];
}

/** How each kind of figure is written, in two parts: number and unit. */
const KINDS = {
  count: (v) => prefixed(v, ''),
  packets: (v) => prefixed(v, '/s'),
  bits: (v) => prefixed(v, 'bit/s'),
  bytes: (v) => prefixed(v, 'B'),
  ratio: (v) => [v === 0 ? '0' : v * 100 < 0.01 ? '< 0.01' : (v * 100).toFixed(v >= 0.0995 ? 1 : 2), '%'],
  score: (v) => [v.toFixed(1), ''],
  mos: (v) => [v.toFixed(2), ''],
  seconds: (v) => {
    const size = Math.abs(v);
    if (size === 0) return ['0', 'ms'];
    if (size < 1e-6) return [digits(v * 1e9), 'ns'];
    if (size < 0.9995e-3) return [digits(v * 1e6), 'µs'];
    if (size < 0.9995) return [digits(v * 1e3), 'ms'];
    if (size < 120) return [digits(v), 's'];
    const minutes = Math.floor(size / 60);
    if (minutes < 120) return [`${minutes} min ${Math.round(size % 60)}`, 's'];
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? [`${hours} h ${minutes % 60}`, 'min'] : [String(Math.floor(hours / 24)), 'days'];
  },
};

/** Number and unit of a figure. */
export function parts(kind, value) {
  return known(value) ? KINDS[kind](value) : [NONE, ''];
}

/** A figure as one text. */
export function text(kind, value) {
  const [number, unit] = parts(kind, value);
  return unit === '' ? number : unit.startsWith('/') ? number + unit : `${number}\u202f${unit}`;
}

/** An axis' texts, all in the unit of the largest. */
export function axis(kind, splits) {
  const largest = Math.max(...splits.filter(known).map(Math.abs));
  if (kind === 'ratio') {
    const steps = splits.length > 1 ? Math.abs(splits[1] - splits[0]) * 100 : 1;
    const places = steps >= 1 ? 0 : steps >= 0.1 ? 1 : steps >= 0.01 ? 2 : 3;
    return splits.map((v) => `${(v * 100).toFixed(places)}\u202f%`);
  }
  if (kind === 'score' || kind === 'mos') return splits.map((v) => String(Number(v.toFixed(2))));
  const [scale, unit] = kind === 'seconds' ? timeScale(largest) : countScale(largest, kind);
  return splits.map((v) => {
    if (v === 0) return '0';
    const number = String(Number((v / scale).toPrecision(4)));
    return unit === '' ? number : unit.startsWith('/') ? number + unit : `${number}\u202f${unit}`;
  });
}

function timeScale(largest) {
  if (largest < 1e-6) return [1e-9, 'ns'];
  if (largest < 1e-3) return [1e-6, 'µs'];
  return largest < 1 ? [1e-3, 'ms'] : [1, 's'];
}

function countScale(largest, kind) {
  const unit = { packets: '/s', bits: 'bit/s', bytes: 'B' }[kind] ?? '';
  let power = 0;
  while (largest >= 1000 && power < UP.length - 1) {
    largest /= 1000;
    power += 1;
  }
  return [1000 ** power, UP[power] + unit];
}

/** An SSRC as everybody writes it. */
export const ssrc = (number) => `0x${number.toString(16).padStart(8, '0')}`;

/** A time of day, from seconds since 1970. */
export function clock(seconds) {
  const at = new Date(seconds * 1000);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}

/** How long ago something was. */
export function ago(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
