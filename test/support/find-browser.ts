// Where Chromium is.

import { existsSync } from 'node:fs';
import sparticuz from '@sparticuz/chromium';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
];

/** From CHROMIUM_PATH, else a usual place, else the one among the packages, which is for Linux. @throws when there is none */
export async function findBrowser(): Promise<string> {
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
