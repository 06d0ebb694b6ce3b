// What a test of the live page needs: the program, a browser, and waiting with a deadline.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long anything may take that ought to take a second or two. In milliseconds. */
export const PATIENCE = 60_000;

/** Asks `look` until it is content; then what it gave. `look` throws, or returns something false, if it is not. */
export async function until(what, look, limit = PATIENCE) {
  const deadline = Date.now() + limit;
  let seen;
  for (;;) {
    try {
      const found = await look();
      if (found) return found;
      seen = found;
    } catch (error) {
      seen = error.message;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limit / 1000} s; last seen: ${seen}`);
    await sleep(50);
  }
}

/** The program with built-in streams; `metrics` is where it serves. It ends with this process, however that ends. */
export async function program(path, metrics, more = []) {
  const arguments_ = ['--pdeathsig', 'KILL', '--', path, 'forward', '--synthetic', '6', '--metrics', metrics, ...more];
  const child = spawn('setpriv', arguments_, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = [];
  for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (text) => lines.push(String(text)));
  const ended = new Promise((done) => { child.on('exit', (code) => done(code)); });
  const url = await until('the program says where it serves', () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${lines.join('')}`);
    return /(http:\/\/[0-9.:]+)\/metrics/.exec(lines.join(''))?.[1];
  });
  return {
    url,
    address: url.slice('http://'.length),
    /** As a service manager ends it. */
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`the program ended with ${code}: ${lines.join('')}`);
    },
  };
}

/** A browser, and axe's source. `packages` has the node_modules. */
export async function browser(packages) {
  const require = createRequire(`${packages}/`);
  const { chromium } = require('playwright-core');
  // Debian's. As root it runs without a sandbox, on pages of our own alone.
  const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const started = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
  return { started, axe: require('axe-core').source };
}

/** A page that keeps account of what goes wrong on it. */
export async function open(started, url, settings = {}) {
  const context = await started.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', ...settings });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const faults = [];
  const forgiven = { unreachable: false };
  const host = new URL(url).host;
  page.on('pageerror', (error) => faults.push(`error: ${error.stack}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    // While the server is down, a browser notes each attempt to reach it.
    if (forgiven.unreachable && /ERR_(CONNECTION|INCOMPLETE|EMPTY)/.test(message.text())) return;
    faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const at = new URL(request.url());
    if (at.protocol !== 'blob:' && at.protocol !== 'data:' && at.host !== host) faults.push(`a request to another host: ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(url);
  return { page, faults, forgiven, context };
}

/** Waits until the page shows figures that are compared with earlier ones. */
export async function live(page) {
  await page.waitForSelector('#state[data-state=live]');
  await until('figures', () => page.evaluate(() => document.querySelector('[data-tile=received] .value')?.textContent.match(/\d/)));
}

/** JSON of the server. */
export async function json(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}: ${await answer.text()}`);
  return answer.json();
}
