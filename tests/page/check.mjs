// The live page in a real browser.
//
//     check.mjs PACKAGES PROGRAM PAGE     a line for each check; status 0 if all are well
//
// PACKAGES is the folder with the node_modules, PROGRAM the program media-metrics, PAGE the folder of the page's sources.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { browser, json, live, open, program, until } from './stage.mjs';

const [packages, executable, sources] = process.argv.slice(2);
const source = (name) => import(pathToFileURL(path.join(sources, name)));
const { ago, axis, ssrc, text } = await source('format.js');
const { SPAN, Series } = await source('series.js');
const { started, axe } = await browser(packages);
const folder = await mkdtemp(path.join(tmpdir(), 'live-page-'));
let server = await program(executable, '127.0.0.1:0');
const { page, faults, forgiven } = await open(started, `${server.url}/`);

const sequence = () => page.evaluate(() => Number(document.body.dataset.sequence));
/** What is drawn in each panel, by its title. */
const pictures = () => page.evaluate(() => Object.fromEntries([...document.querySelectorAll('#panels canvas')].map((canvas) => {
  const drawn = canvas.toDataURL();
  const sum = [...drawn].reduce((before, c) => (before * 31 + c.charCodeAt(0)) % 2147483647, 7);
  return [canvas.closest('.panel').querySelector('h2').textContent, `${drawn.length} ${sum}`];
})));
const advance = async (by) => {
  const from = await sequence();
  await until(`${by} more snapshots`, async () => (await sequence()) >= from + by);
};
const tile = (name) => page.evaluate((tileName) => {
  const at = document.querySelector(`[data-tile=${tileName}]`);
  return [Number(document.body.dataset.time), ['.value', '.unit'].map((part) => at.querySelector(part).textContent)];
}, name);
const joined = ([number, unit]) => (unit === '' ? number : unit.startsWith('/') ? number + unit : `${number}\u202f${unit}`);

/** Faults that somebody would be kept out by, in the page as it is. */
async function accessible(at, what) {
  await at.evaluate(axe);
  const { violations, passes } = await at.evaluate(() => globalThis.axe.run());
  assert.ok(passes.length > 20, `axe looked at ${passes.length} rules only`);
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(grave.map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map((node) => node.html)]), [], what);
}

const CHECKS = {
  'figures are written as people write them'() {
    const plain = (kind, value) => text(kind, value).replace('\u202f', ' ');
    for (const [kind, value, wanted] of [
      ['count', 7, '7'], ['count', 1234, '1.23 k'], ['count', 999_600, '1.00 M'], ['count', null, '–'], ['count', NaN, '–'],
      ['packets', 0, '0/s'], ['packets', 469.4, '469/s'], ['bits', 2_703_219, '2.70 Mbit/s'], ['bytes', 29_843_456, '29.8 MB'],
      ['ratio', 0, '0 %'], ['ratio', 0.00001, '< 0.01 %'], ['ratio', 0.0286, '2.86 %'], ['ratio', 0.25, '25.0 %'],
      ['seconds', 0.000_000_5, '500 ns'], ['seconds', 0.000_076, '76.0 µs'], ['seconds', 0.0123, '12.3 ms'], ['seconds', 0.9996, '1.00 s'],
      ['seconds', 145, '2 min 25 s'], ['seconds', 9_000, '2 h 30 min'], ['score', 86.46, '86.5'], ['mos', 4.254, '4.25'],
    ]) assert.equal(plain(kind, value), wanted, `${kind} ${value}`);
    assert.deepEqual(axis('bits', [0, 1e6, 2e6]), ['0', '1\u202fMbit/s', '2\u202fMbit/s']);
    assert.deepEqual(axis('ratio', [0, 0.005, 0.01]), ['0.0\u202f%', '0.5\u202f%', '1.0\u202f%']);
    assert.equal(ssrc(0x5eed), '0x00005eed');
    assert.deepEqual([59.9, 60, 3_700].map(ago), ['59 s', '1 min 0 s', '1 h 1 min']);
  },

  'the last minutes are bounded, a gap is one, and nothing is told twice'() {
    const series = new Series();
    const row = (time, a, length = 1) => ({ time, length, figures: { a } });
    for (let time = 0; time < 5 * SPAN; time += 0.1) series.push(row(time, time, 0.1));
    assert.ok(series.rows.length <= 3_000 && series.rows[0].time > 5 * SPAN - SPAN - 1, `${series.rows.length}`);
    const other = new Series();
    [10, 11, 20].forEach((time) => other.push(row(time, time)));
    assert.deepEqual(other.columns(['a'], 0), [[10, 11, 12, 20], [10, 11, null, 20]]);
    other.add([row(11.001, 7), { time: 12, length: 1, figures: { a: 12 } }, row(9, 9)]);
    assert.deepEqual(other.columns(['a'], 10), [[10, 11, 12, 13, 20], [10, 11, 12, null, 20]]);
    assert.deepEqual(other.summary('a', 0), { least: 9, most: 20, last: 20 });
    other.push(row(5, 5)); // the clock was set back
    assert.deepEqual(other.columns(['a'], 0), [[5], [5]]);
  },

  async 'it is live'() {
    await live(page);
    assert.match(await page.title(), /^media-metrics · 127\.0\.0\.1/);
    assert.equal(await page.locator('#boot').isVisible(), false);
  },

  async 'charts move'() {
    await advance(2);
    const before = await pictures();
    await advance(3);
    const after = await pictures();
    assert.ok(Object.keys(before).length >= 7, Object.keys(before).join());
    for (const [title, picture] of Object.entries(before)) assert.notEqual(after[title], picture, `${title} stands still`);
  },

  async 'figures are those of the flight recorder, which is asked apart'() {
    const families = 'family=media_rtp_packets_total&family=media_forward_latency_seconds&quantile=0.99&since=20s';
    for (const name of ['received', 'latency']) {
      await until(`the interval of the tile ${name}`, async () => {
        const [[time, shown], history] = [await tile(name), await json(`${server.url}/api/v1/history?${families}`)];
        const at = history.to.findIndex((to) => Math.abs(to * 1000 - time) < 2);
        if (at < 0) return false;
        const of = (family) => history.families.find((one) => one.name === family).series;
        const packets = of('media_rtp_packets_total').reduce((sum, one) => sum + one.rate[at], 0);
        const wanted = name === 'received' ? text('packets', packets) : text('seconds', of('media_forward_latency_seconds')[0].quantiles['0.99'][at]);
        assert.equal(joined(shown), wanted, `${name} at ${time}`);
        return true;
      });
    }
  },

  async 'what was before is read from the interval log, to the bucket'() {
    const rows = await page.evaluate(async () => {
      const { backfill } = await import('/page/backfill.js');
      const all = [];
      for await (const rows of backfill({ forwarding: {}, received: {} })) all.push(...rows);
      return all;
    });
    const history = await json(`${server.url}/api/v1/history?family=media_forward_latency_seconds&quantile=0.5&quantile=0.99&quantile=0.999`);
    const [latency] = history.families[0].series;
    let compared = 0;
    for (const row of rows) {
      const at = history.to.findIndex((to) => Math.abs(to - row.time) < 0.002);
      if (at < 0 || latency.count[at] === 0) continue;
      for (const [figure, quantile] of [['latency50', '0.5'], ['latency99', '0.99'], ['latency999', '0.999']]) {
        assert.equal(row.figures[figure], latency.quantiles[quantile][at], `${figure} at ${row.time}`);
      }
      assert.equal(row.figures.heat.reduce((sum, [, n]) => sum + n, 0), latency.count[at]);
      compared += 1;
    }
    assert.ok(compared >= 3, `${compared} intervals compared`);
  },

  async 'the worst streams are those of the server'() {
    await until('the same snapshot', async () => {
      const shown = await page.evaluate(() => {
        const body = document.querySelector('#worst-rows');
        return { sequence: Number(body.dataset.sequence), rows: [...body.rows].map((row) => [...row.cells].map((cell) => cell.textContent)) };
      });
      const worst = await json(`${server.url}/api/v1/worst`);
      if (worst.sequence !== shown.sequence) return false;
      const bits = (bytes) => (bytes === null ? null : bytes * 8);
      assert.deepEqual(shown.rows, worst.streams.map((s) => [
        ssrc(s.ssrc), s.direction, s.group, s.participant ?? '–', text('score', s.score), text('ratio', s.interval.lossRatio),
        text('seconds', s.interval.jitter), text('seconds', s.interval.roundTripTime), text('bits', bits(s.interval.bytesPerSecond)),
      ]));
      return shown.rows.length > 0;
    });
  },

  async 'a pause is one, and loses nothing'() {
    await page.click('#pause');
    await page.waitForSelector('#state[data-state=paused]');
    const [at, before] = [await sequence(), await pictures()];
    await until('three more snapshots of the server', async () => (await json(`${server.url}/api/v1/worst`)).sequence >= at + 3);
    assert.equal(await sequence(), at);
    assert.deepEqual(await pictures(), before);
    await page.click('#pause');
    await page.waitForSelector('#state[data-state=live]');
    await until('what came meanwhile', async () => (await sequence()) >= at + 3);
    await page.locator('.values summary').first().click();
    await until('the values of all that time', async () => {
      const times = await page.locator('.values tbody').first().locator('th').allTextContents();
      return new Set(times).size >= 5;
    });
    await page.locator('.values summary').first().click();
  },

  async 'a stream is opened by a click and shows what W3C names, as it goes on'() {
    const row = page.locator('#worst-rows tr', { hasText: 'incoming' }).first();
    const wanted = Number(await row.getByRole('button').textContent());
    await row.getByRole('button').click();
    const dialog = page.getByRole('dialog');
    const member = (name) => dialog.locator('tr', { has: page.locator('th', { hasText: new RegExp(`^${name}$`) }) }).locator('td').first();
    await until('its packets', async () => Number(await member('packetsReceived').textContent()) > 0);
    assert.equal(Number(await member('ssrc').textContent()), wanted);
    const first = Number(await member('packetsReceived').textContent());
    await until('more packets', async () => Number(await member('packetsReceived').textContent()) > first);
    const { streams } = await json(`${server.url}/api/v1/streams?ssrc=${wanted}&direction=incoming`);
    assert.ok(streams[0].packetsReceived >= first);
    await until('its history', () => dialog.locator('canvas').count());
    await accessible(page, 'with a stream open');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  },

  async 'keys are enough'() {
    await page.mouse.move(0, 0);
    await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
    await page.reload();
    await live(page);
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to the figures');
    await page.keyboard.press('Enter');
    assert.equal(await focused(), 'main');
    await page.reload();
    await live(page);
    const tabTo = async (wanted) => {
      for (let i = 0; i < 60; i += 1) {
        await page.keyboard.press('Tab');
        if (await page.evaluate(wanted)) return;
      }
      assert.fail(`no key leads to ${wanted}`);
    };
    await tabTo(() => document.activeElement.name === 'range');
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.evaluate(() => document.activeElement.value), '600');
    await tabTo(() => document.activeElement.id === 'pause');
    await page.keyboard.press('Space');
    await page.waitForSelector('#state[data-state=paused]');
    await page.keyboard.press('Space');
    await page.waitForSelector('#state[data-state=live]');
    await tabTo(() => document.activeElement.matches('#worst-rows button'));
    const outlined = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outlined, 'solid', 'one sees where one is');
    const stream = await focused();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    assert.ok((await page.locator('#stream-title').textContent()).includes(stream));
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.equal(await focused(), stream, 'back where one was');
  },

  async 'the flight recorder is downloaded'() {
    for (const [link, begins] of [['#download-hlog', '#[Histogram log format version 1.3]'], ['#download-json', '{"resolution_seconds":']]) {
      await page.click('#download summary');
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(link)]);
      const content = await readFile(await download.path(), 'utf8');
      assert.ok(content.startsWith(begins), content.slice(0, 80));
      await page.click('#download summary');
    }
  },

  async 'nothing keeps anybody out, in light and in dark'() {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await advance(1);
      await accessible(page, colorScheme);
    }
    await page.emulateMedia({ colorScheme: 'light' });
  },

  async 'a narrow page does not scroll sideways'() {
    for (const width of [360, 768, 1920]) {
      await page.setViewportSize({ width, height: 740 });
      await advance(1);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${wide} of ${width}`);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  },

  async 'a stopped server is shown as stopped'() {
    forgiven.unreachable = true;
    await server.stop();
    await page.waitForSelector('#state[data-state=stopped]');
    assert.match(await page.title(), /^Stopped/);
    const age = () => page.locator('#age').textContent();
    assert.match(await age(), /^last data \d+ s ago, retrying$/);
    const first = await age();
    await until('it grows older', async () => (await age()) !== first);
    const [at, before] = [await sequence(), await pictures()];
    await page.waitForTimeout(1500);
    assert.deepEqual([await sequence(), await pictures()], [at, before], 'the last figures stay');
    await accessible(page, 'stopped');
  },

  async 'it comes back by itself, and after a reload'() {
    server = await program(executable, server.address);
    await page.waitForSelector('#state[data-state=live]');
    await advance(2);
    forgiven.unreachable = false;
    await page.reload();
    await live(page);
    await advance(1);
  },

  async 'what others made is as they published it'() {
    for (const [ours, theirs] of [['uPlot.iife.min.js', 'dist/uPlot.iife.min.js'], ['uPlot.min.css', 'dist/uPlot.min.css'], ['LICENSE.txt', 'LICENSE']]) {
      const [here, there] = await Promise.all([path.join(sources, 'vendor/uplot', ours), path.join(packages, 'node_modules/uplot', theirs)].map((file) => readFile(file)));
      assert.ok(here.equals(there), `${ours} is not that of the package`);
    }
  },

  async 'nothing went wrong meanwhile'() {
    assert.deepEqual(faults, []);
  },

  async 'without a flight recorder it says so and goes on'() {
    const config = path.join(folder, 'config.yaml');
    await writeFile(config, 'history: {minutes: 0}\n');
    const plain = await program(executable, '127.0.0.1:0', ['--config', config]);
    const other = await open(started, `${plain.url}/`);
    await live(other.page);
    await other.page.click('#download summary');
    assert.ok(await other.page.locator('#no-history').isVisible());
    assert.deepEqual(other.faults, []);
    await plain.stop();
  },
};

let failed = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  try {
    await check();
    console.log(`ok: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`failed: ${name}: ${error.stack}`);
    for (const fault of faults) console.log(`  on the page: ${fault}`);
    break; // what comes next builds on it
  }
}
if (failed === 0) console.log('all is well');
await started.close();
await server.stop().catch(() => {});
await rm(folder, { recursive: true });
process.exit(failed === 0 ? 0 : 1);
