// Before the tests that need a browser: where the browser is, and the pages as they are now.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import sparticuz from '@sparticuz/chromium';
import { isWebFresh, root } from '../../scripts/dist.mjs';
import globalSetup from './global-setup.ts';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
];

/** From CHROMIUM_PATH, else a usual place, else the one among the packages, which is for Linux. */
async function browserPath(): Promise<string> {
  const found = process.env['CHROMIUM_PATH'] ?? PLACES.find((place) => existsSync(place));
  if (found !== undefined && existsSync(found)) return found;
  if (process.platform === 'linux' && process.arch === 'x64') {
    const packed = await sparticuz.executablePath().catch(() => null);
    if (packed !== null) return packed;
  }
  throw new Error(
    'There is no Chromium for the browser tests: run `apt-get install chromium`, set CHROMIUM_PATH, or leave them out by BROWSER_TESTS=off.',
  );
}

/** The setup of all tests, and a browser. */
export default async function browserSetup(): Promise<void> {
  process.env['CHROMIUM_PATH'] = await browserPath();
  if (!(await isWebFresh())) {
    execFileSync(process.execPath, ['scripts/build-web.mjs'], { cwd: root, stdio: 'inherit' });
  }
  await globalSetup();
}
