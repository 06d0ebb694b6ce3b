// Draws dashboards from a real Prometheus, with Grafana's own components in a browser.
//
// node draw.mjs PACKAGES PROMETHEUS SECONDS WIDTH DASHBOARD.json=PICTURE.png[=ROWS]…
// PACKAGES holds node_modules; of each dashboard its first ROWS rows of panels are drawn, or all. Prints a line for
// each panel that has no data, and for each error; status 1 if a panel could not be drawn.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const [packages, prometheus, seconds, width, ...jobs] = process.argv.slice(2);
const load = createRequire(path.join(packages, 'here.js'));
const here = path.dirname(fileURLToPath(import.meta.url));
const bundle = path.join(packages, 'bundle');

await load('esbuild').build({
  entryPoints: [path.join(here, 'page.tsx')], bundle: true, outfile: path.join(bundle, 'page.js'), format: 'iife',
  jsx: 'automatic', nodePaths: [path.join(packages, 'node_modules')], logLevel: 'error',
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'window' },
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl', '.wasm': 'empty' },
});

const page = `<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><style>
body{margin:0} table{border-collapse:collapse;width:100%;font-size:13px} td,th{text-align:left;padding:3px 8px;border-bottom:1px solid #8884}
.say{padding:12px;opacity:.7}</style><div id=root></div><link rel=stylesheet href=/page.css><script src=/page.js></script>`;

let dashboard = '';
const answer = (response, type, body) => response.writeHead(200, { 'content-type': type }).end(body);
const server = http.createServer(async (request, response) => {
  try {
    const { pathname, search } = new URL(request.url, 'http://here');
    if (pathname.startsWith('/api/')) {
      const asked = await fetch(prometheus + pathname + search);
      answer(response, 'application/json', Buffer.from(await asked.arrayBuffer()));
    } else if (pathname === '/dashboard.json') answer(response, 'application/json', fs.readFileSync(dashboard));
    else if (pathname === '/page.js') answer(response, 'text/javascript', fs.readFileSync(path.join(bundle, 'page.js')));
    else if (pathname === '/page.css') answer(response, 'text/css', fs.readFileSync(path.join(bundle, 'page.css')));
    else if (pathname === '/') answer(response, 'text/html', page);
    else response.writeHead(204).end(); // fonts, which Grafana's server has
  } catch (error) {
    response.writeHead(502).end(String(error));
  }
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));

const browser = await load('playwright-core').chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'],
});
let failed = false;
for (const job of jobs) {
  const [file, picture, rows] = job.split('=');
  dashboard = file;
  const tab = await browser.newPage({ viewport: { width: Number(width), height: 900 } });
  const errors = new Set();
  tab.on('pageerror', (error) => errors.add(error.message));
  tab.on('console', (message) => message.type() === 'error' && errors.add(message.text()));
  await tab.goto(`http://127.0.0.1:${server.address().port}/?seconds=${seconds}&rows=${rows ?? ''}`);
  await tab.waitForFunction(() => document.body.dataset.drawn !== undefined, null, { timeout: 120_000 })
    .catch((error) => errors.add(error.message));
  await tab.waitForTimeout(500);
  const panels = await tab.$$eval('[data-panel]', (all) => all.map((panel) => ({ ...panel.dataset })));
  const wrong = panels.filter((panel) => panel.error);
  wrong.forEach((panel) => console.log(`${file}: ${panel.panel}: ${panel.error}`));
  panels.filter((panel) => panel.series === '0').forEach((panel) => console.log(`${file}: ${panel.panel}: no data`));
  errors.forEach((error) => console.log(`${file}: ${error.slice(0, 300)}`));
  failed ||= wrong.length > 0 || errors.size > 0 || panels.length === 0;
  fs.mkdirSync(path.dirname(picture), { recursive: true });
  await tab.screenshot({ path: picture, fullPage: true });
  console.log(`${picture}: ${panels.length} panels, ${fs.statSync(picture).size} bytes`);
  await tab.close();
}
await browser.close();
server.close();
process.exit(failed ? 1 : 0);
