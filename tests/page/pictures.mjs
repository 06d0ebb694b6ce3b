// Pictures of the live page, of real data: a minute and a half of the built-in streams.
//
//     pictures.mjs PACKAGES PROGRAM PAGE FOLDER     writes page-light.png and page-dark.png into FOLDER

import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { browser, live, open, program, until } from './stage.mjs';

/** How long streams run before they are shown, in milliseconds. */
const RUN = 90_000;

/** A picture in a README that is larger is too large. */
const MOST_BYTES = 300_000;

const [packages, executable, , folder] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const server = await program(executable, '127.0.0.1:0');
const { started } = await browser(packages);
let well = true;
try {
  await sleep(RUN);
  for (const colorScheme of ['light', 'dark']) {
    const { page, faults } = await open(started, `${server.url}/`, { colorScheme, viewport: { width: 1320, height: 1010 } });
    await live(page);
    await page.waitForSelector('body[data-filled]');
    // Scores come with windows, of five seconds each.
    await until('a score', () => page.evaluate(() => /\d/.test(document.querySelector('[data-tile=quality] .value').textContent)));
    const file = path.join(folder, `page-${colorScheme}.png`);
    await page.screenshot({ path: file });
    const { size } = await stat(file);
    console.log(`${file}: ${size} bytes`);
    for (const fault of faults) console.log(fault);
    well &&= faults.length === 0 && size < MOST_BYTES;
  }
} finally {
  await started.close();
  await server.stop();
}
process.exit(well ? 0 : 1);
