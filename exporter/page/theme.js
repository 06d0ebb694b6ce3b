// Colours, as the style sheet has them. Lives here: reading them, and telling when they change. Not here: which is which.

const DARK = matchMedia('(prefers-color-scheme: dark)');

/** The colour of that name, now. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Calls `redraw` when the colours have changed. */
export const onChange = (redraw) => DARK.addEventListener('change', redraw);

const RAMPS = {
  light: [[222, 235, 250], [127, 176, 234], [11, 95, 201], [7, 47, 107]],
  dark: [[26, 42, 64], [38, 92, 158], [108, 176, 255], [235, 245, 255]],
};

/** A heatmap's colour for a share from 0 to 1. */
export function heat(share) {
  const stops = RAMPS[DARK.matches ? 'dark' : 'light'];
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const [from, part] = [Math.min(Math.floor(at), stops.length - 2), at - Math.min(Math.floor(at), stops.length - 2)];
  const mixed = stops[from].map((v, i) => Math.round(v + (stops[from + 1][i] - v) * part));
  return `rgb(${mixed.join(' ')})`;
}
