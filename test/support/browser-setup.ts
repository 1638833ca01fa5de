// Before the tests that need a browser: where it is, and the pages as they are now.

import { execFileSync } from 'node:child_process';
import { isWebFresh, root } from '../../scripts/dist.mjs';
import { findBrowser } from './find-browser.ts';
import globalSetup from './global-setup.ts';

/** The setup of all tests, and a browser. */
export default async function browserSetup(): Promise<void> {
  process.env['CHROMIUM_PATH'] = await findBrowser();
  if (!(await isWebFresh())) {
    execFileSync(process.execPath, ['scripts/build-web.mjs'], { cwd: root, stdio: 'inherit' });
  }
  await globalSetup();
}
