// A real browser, where the machine has one.

import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Where the browser is, from CHROMIUM_PATH or a usual place; null when there is none. */
export function browserPath(): string | null {
  const named = process.env['CHROMIUM_PATH'];
  return named ?? PLACES.find((place) => existsSync(place)) ?? null;
}

/** Starts it; the caller closes it. */
export async function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
