// Pictures of the Usage page of a gateway that runs with the demo: each tab, light and dark, wide and narrow. They go to
// .screenshots/, and the README's to docs/images/usage.png.
//
//   npm start
//   GATEWAY=http://localhost:4000 npm run screenshots

import { mkdir } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { NARROW, openBrowser, openPage, WIDE } from '../test/support/browser.ts';
import { findBrowser } from '../test/support/find-browser.ts';

const gateway = process.env['GATEWAY'] ?? 'http://localhost:4000';
const folder = '.screenshots';
const VIEWS = [
  'overview',
  'workflows',
  'models',
  'guardrails',
  'custom-scripts',
  'ocr',
  'browser-automation',
  'credits',
];

interface Shot {
  readonly view: string;
  readonly colorScheme: 'light' | 'dark';
  readonly viewport: typeof WIDE;
  readonly path: string;
  readonly fullPage: boolean;
}

async function shoot(browser: Browser, { path, fullPage, view, ...look }: Shot): Promise<void> {
  const { page, close } = await openPage(browser, { baseURL: gateway, ...look });
  await page.goto('/usage/demo');
  const tabs = page.getByRole('navigation', { name: 'Views' });
  await tabs.locator(`a[href^="/usage/${view}"]`).click();
  await page.waitForLoadState('networkidle');
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
  await page.screenshot({ path, fullPage });
  await close();
}

await mkdir(folder, { recursive: true });
const browser = await openBrowser(await findBrowser());
for (const view of VIEWS) {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of [WIDE, NARROW]) {
      const path = `${folder}/${view}-${colorScheme}-${viewport.width}.png`;
      await shoot(browser, { view, colorScheme, viewport, path, fullPage: true });
    }
  }
}
await shoot(browser, {
  view: 'overview',
  colorScheme: 'light',
  viewport: WIDE,
  path: 'docs/images/usage.png',
  fullPage: false,
});
await browser.close();
