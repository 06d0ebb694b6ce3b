// A dashboard, drawn by Grafana's own libraries: frame, lines, figures, units, thresholds, transformations. What Grafana
// keeps in its server's plugins is drawn plainly: tables as tables, heatmaps as cells.
import React from 'react';
import { createRoot } from 'react-dom/client';
import * as data from '@grafana/data';
import * as ui from '@grafana/ui';
import { LegendDisplayMode } from '@grafana/schema';

type Series = { metric: Record<string, string>; values?: [number, string][]; value?: [number, string] };
const asked = new URLSearchParams(location.search);
const theme = data.createTheme({ colors: { mode: 'dark' } });
const end = Math.floor(Date.now() / 1000);
const begin = end - Number(asked.get('seconds'));
const range = { from: data.dateTime(begin * 1000), to: data.dateTime(end * 1000), raw: { from: 'now', to: 'now' } };
const step = Math.max(1, Math.round((end - begin) / 300));

// What Grafana's own program registers when it starts.
const standard = ['unit', 'min', 'max', 'decimals', 'displayName', 'color', 'thresholds', 'mappings', 'noValue', 'links'].map(
  (id) => ({ id, path: id, name: id, process: (value: any) => value, shouldApply: () => true, getItemsCount: () => 0, editor: () => null, override: () => null }),
);
data.standardFieldConfigEditorRegistry.setInit(() => standard as any);
// Some are listed under two names.
const transformers = new Map(Object.values(data.standardTransformers).map((one: any) => [one.id, one]));
data.standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((one) => ({ id: one.id, name: one.name, transformation: async () => one, editor: () => null })) as any);
const registry = new data.FieldConfigOptionsRegistry(() => standard as any);

async function prometheus(path: string, query: Record<string, string>): Promise<Series[]> {
  const answer = await (await fetch(`/api/v1/${path}?${new URLSearchParams(query)}`)).json();
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data.result;
}

const inPlaceOfVariables = (expr: string) =>
  expr.replaceAll('$__rate_interval', '15s').replaceAll('$job', '.+').replaceAll('$instance', '.+');
const named = (legend: string, labels: Record<string, string>) => legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
const number = (text: string) => Number(text.replace('Inf', 'Infinity'));

// A column for each label, and one of values.
function table(target: any, series: Series[], many: boolean): data.DataFrame {
  const labels = [...new Set(series.flatMap((s) => Object.keys(s.metric)))];
  return data.toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: data.FieldType.time, values: series.map(() => end * 1000) },
      ...labels.map((name) => ({ name, type: data.FieldType.string, values: series.map((s) => s.metric[name] ?? '') })),
      { name: many ? `Value #${target.refId}` : 'Value', type: data.FieldType.number, values: series.map((s) => number(s.value![1])) },
    ],
  });
}

function line(target: any, { metric, values = [] }: Series): data.DataFrame {
  // As Grafana does: what is no number is a gap.
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  const at = new Map(values.map(([time, value]) => [Math.round(time), finite(number(value))]));
  const times = Array.from({ length: Math.floor((end - begin) / step) + 1 }, (_, i) => begin + i * step);
  const name = named(target.legendFormat, metric) || 'value';
  return data.toDataFrame({
    refId: target.refId, name,
    fields: [
      { name: 'Time', type: data.FieldType.time, values: times.map((time) => time * 1000) },
      { name: 'Value', type: data.FieldType.number, labels: metric, config: { displayNameFromDS: name }, values: times.map((time) => at.get(time) ?? null) },
    ],
  });
}

async function framesOf(panel: any): Promise<data.DataFrame[]> {
  const frames: data.DataFrame[] = [];
  for (const target of panel.targets) {
    const query = inPlaceOfVariables(target.expr);
    if (target.instant) frames.push(table(target, await prometheus('query', { query, time: String(end) }), panel.targets.length > 1));
    else {
      const series = await prometheus('query_range', { query, start: String(begin), end: String(end), step: String(step) });
      frames.push(...series.filter((s) => s.values).map((s) => line(target, s)));
    }
  }
  if (!panel.transformations) return frames;
  return new Promise((done) => data.transformDataFrame(panel.transformations, frames).subscribe(done));
}

// The least and the most bound of the buckets, at the edges of the panel; the darker, the more.
function Heatmap({ frames, width, height, unit }: any) {
  const rows = frames.map((frame: any) => ({ le: number(frame.name), counts: frame.fields[1].values as number[] }))
    .sort((a: any, b: any) => a.le - b.le);
  const cells = rows.map((row: any, i: number) => row.counts.map((count, t) => Math.max(0, (count ?? 0) - (rows[i - 1]?.counts[t] ?? 0))));
  const most = Math.max(1e-9, ...cells.flat());
  const left = 70, bottom = 20, w = (width - left) / (cells[0]?.length ?? 1), h = (height - bottom) / rows.length;
  const label = (le: number) => data.formattedValueToString(data.getValueFormat(unit)(le));
  const colour = (share: number) => `hsl(${40 - 30 * share} 95% ${25 + 40 * share}%)`;
  return <svg width={width} height={height} fill="currentColor" fontSize={12}>
    {cells.map((row: number[], i: number) => row.map((count, t) => count > 0 &&
      <rect key={`${i}-${t}`} x={left + t * w} y={height - bottom - (i + 1) * h} width={w + 0.5} height={h - 1} fill={colour(Math.sqrt(count / most))} />))}
    {rows.map((row: any, i: number) => <text key={i} x={4} y={height - bottom - i * h - h / 2 + 4}>{Number.isFinite(row.le) ? label(row.le) : '+Inf'}</text>)}
  </svg>;
}

function Table({ frame, width, height, options }: any) {
  const by = frame.fields.find((field: any) => data.getFieldDisplayName(field, frame) === options.sortBy[0]?.displayName);
  const order = Array.from({ length: frame.length }, (_, row) => row).sort((a, b) => (by ? String(by.values[a]).localeCompare(String(by.values[b])) : a - b));
  const text = (field: any, row: number) => field.display(field.values[row]);
  return <div style={{ width, height, overflow: 'hidden' }}><table>
    <thead><tr>{frame.fields.map((f: any) => <th key={f.name}>{data.getFieldDisplayName(f, frame)}</th>)}</tr></thead>
    <tbody>{order.map((row) => <tr key={row}>{frame.fields.map((f: any) => {
      const shown = text(f, row);
      const coloured = f.config.thresholds?.steps.length > 1;
      return <td key={f.name} style={coloured ? { color: shown.color } : {}}>{f.values[row] == null ? '' : data.formattedValueToString(shown)}</td>;
    })}</tr>)}</tbody></table></div>;
}

function Content({ panel, frames, width, height }: any) {
  const defaults = panel.fieldConfig.defaults;
  const shown = data.applyFieldOverrides({
    data: frames, fieldConfig: { ...panel.fieldConfig, defaults: { ...defaults, custom: {} } },
    replaceVariables: (text: string) => text, theme, timeZone: 'utc', fieldConfigRegistry: registry,
  });
  for (const field of shown.flatMap((frame) => frame.fields)) field.config.custom = { ...defaults.custom, ...field.config.custom };
  if (!frames.length) return <div className="say">{defaults.noValue}</div>;
  if (panel.type === 'stat') {
    const [first] = data.getFieldDisplayValues({
      data: shown, fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables: (text: string) => text, theme, timeZone: 'utc', sparkline: true,
    });
    return <ui.BigValue width={width} height={height} value={first.display} theme={theme} sparkline={first.sparkline}
      colorMode={panel.options.colorMode} graphMode={panel.options.graphMode} textMode={'value' as any} />;
  }
  if (panel.type === 'table') return <Table frame={shown[0]} options={panel.options} width={width} height={height} />;
  if (panel.type === 'heatmap') return <Heatmap frames={shown} width={width} height={height} unit={defaults.unit} />;
  const legend = { calcs: [], showLegend: true, displayMode: LegendDisplayMode.List, placement: 'bottom' as const };
  return <ui.TimeSeries frames={shown} width={width} height={height} timeRange={range} timeZone="utc" structureRev={1} legend={legend} options={panel.options}>{() => null}</ui.TimeSeries>;
}

class Caught extends React.Component<any, { error?: Error }> {
  state: { error?: Error } = {};
  static getDerivedStateFromError(error: Error) { return { error }; }
  componentDidCatch(error: Error) { console.error(`${this.props.name}: ${error.message}`); }
  render() { return this.state.error ? <div className="say">{this.state.error.message}</div> : this.props.children; }
}

type Drawn = { panel: any; frames: data.DataFrame[]; error: string };

function Panel({ panel, frames, error, cell, top }: Drawn & { cell: { w: number; h: number }; top: number }) {
  const { x, y, w, h } = panel.gridPos;
  const place = { position: 'absolute' as const, left: x * cell.w + 4, top: (y - top) * cell.h + 4 };
  return <div style={place} data-panel={panel.title} data-series={frames.length} data-error={error}>
    <ui.PanelChrome title={panel.title} width={w * cell.w - 8} height={h * cell.h - 8}>{(width: number, height: number) =>
      <Caught name={panel.title}>{error ? <div className="say">{error}</div> : <Content {...{ panel, frames, width, height }} />}</Caught>}
    </ui.PanelChrome></div>;
}

async function main() {
  const dashboard = await (await fetch('/dashboard.json')).json();
  const rows = Number(asked.get('rows')) || Infinity;
  const headings = dashboard.panels.filter((panel: any) => panel.type === 'row');
  const below = headings[rows]?.gridPos.y ?? Infinity;
  const panels = dashboard.panels.flatMap((panel: any) => [panel, ...(panel.panels ?? [])]).filter((panel: any) => panel.gridPos.y < below);
  const cell = { w: (innerWidth - 8) / 24, h: 34 };
  const drawn: Drawn[] = await Promise.all(panels.filter((panel: any) => panel.type !== 'row').map(async (panel: any) => {
    try { return { panel, frames: await framesOf(panel), error: '' }; } catch (error) { return { panel, frames: [], error: String(error) }; }
  }));
  const height = Math.max(...panels.map((panel: any) => panel.gridPos.y + panel.gridPos.h)) * cell.h + 8;
  createRoot(document.getElementById('root')!).render(<data.ThemeContext.Provider value={theme}><ui.GlobalStyles />
    <h1 style={{ padding: '10px 10px 2px', fontSize: 20 }}>{dashboard.title}</h1>
    <div style={{ position: 'relative', height }}>
      {panels.filter((panel: any) => panel.type === 'row').map((row: any) =>
        <div key={row.id} style={{ position: 'absolute', left: 10, top: row.gridPos.y * cell.h + 8, fontSize: 16 }}>{row.title}</div>)}
      {drawn.map((one) => <Panel key={one.panel.id} {...one} cell={cell} top={0} />)}
    </div></data.ThemeContext.Provider>);
  setTimeout(() => { document.body.dataset.drawn = ''; }, 1500);
}
main().catch((error) => { console.error(error); document.body.dataset.drawn = ''; });
