// A real browser. The run's setup says where it is (browser-setup.ts); each page that a test opens has a new profile.

import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** What keeps a browser from asking anything by itself, and lets it run where there is no display. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 360, height: 800 };

/** Starts it, where the run's setup found it unless a path is given; the caller closes it. */
export async function openBrowser(executablePath = process.env['CHROMIUM_PATH']): Promise<Browser> {
  if (executablePath === undefined) throw new Error('CHROMIUM_PATH is not set.');
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A page, and what was seen of it since it was opened. */
export interface Watched {
  readonly page: Page;
  /** Operations that were posted, by name, in their order. */
  readonly operations: string[];
  /** What they were answered. */
  readonly answers: unknown[];
  /** Requests to other origins than the page's. */
  readonly foreign: string[];
  /** Errors and warnings of the console, faults of scripts, and violations of the policy. */
  readonly complaints: string[];
  readonly close: () => Promise<void>;
}

export type PageOptions = Pick<
  BrowserContextOptions,
  'locale' | 'timezoneId' | 'viewport' | 'colorScheme' | 'reducedMotion' | 'baseURL'
> & {
  /** What the browser takes for the time, which `page.clock` can then hold. Leaves out the page's policy, which forbids that. */
  readonly now?: string;
  /** The browser refuses the page its storage, as it may in a frame of another site. */
  readonly isWithoutStorage?: boolean;
};

/** Opens an empty page for addresses of `baseURL`: English, in UTC, light, wide and without motion unless it says otherwise. */
export async function openPage(
  browser: Browser,
  { now, isWithoutStorage = false, ...options }: PageOptions,
): Promise<Watched> {
  const context = await browser.newContext({
    locale: 'en-GB',
    timezoneId: 'UTC',
    viewport: WIDE,
    colorScheme: 'light',
    reducedMotion: 'reduce',
    bypassCSP: now !== undefined,
    ...options,
  });
  const page = await context.newPage();
  if (now !== undefined) await page.clock.install({ time: now });
  if (isWithoutStorage) await page.addInitScript(REFUSE_STORAGE);
  const seen: Pick<Watched, 'operations' | 'answers' | 'foreign' | 'complaints'> = {
    operations: [],
    answers: [],
    foreign: [],
    complaints: [],
  };
  page.on('request', (request) => {
    const { protocol, origin, pathname } = new URL(request.url());
    if (['data:', 'blob:'].includes(protocol)) return;
    if (origin !== options.baseURL) seen.foreign.push(request.url());
    else if (pathname === '/graphql') seen.operations.push(operationOf(request.postData()));
  });
  page.on('response', (response) => {
    if (!response.url().endsWith('/graphql')) return;
    // A page that is closed takes answers with it.
    response.json().then(
      (answer: unknown) => seen.answers.push(answer),
      () => undefined,
    );
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) seen.complaints.push(message.text());
  });
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  return { page, ...seen, close: () => context.close() };
}

const REFUSE_STORAGE = `for (const name of ['localStorage', 'sessionStorage']) {
  Object.defineProperty(window, name, {
    get() {
      throw new DOMException('refused', 'SecurityError');
    },
  });
}`;

function operationOf(body: string | null): string {
  const [, name = ''] = /"operationName":"(\w+)"/.exec(body ?? '') ?? [];
  return name;
}

/** Whether the page, not a part of it, scrolls sideways. */
async function scrollsSideways(page: Page): Promise<boolean> {
  return (await inPage(page, WIDTHS)) === true;
}

const WIDTHS = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';

/** What an expression is in the page. By the debugger, which the page's policy does not bind. */
async function inPage(page: Page, ...expressions: readonly string[]): Promise<unknown> {
  const session = await page.context().newCDPSession(page);
  let value: unknown;
  for (const expression of expressions) {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
    value = result.value;
  }
  await session.detach();
  return value;
}

/** What an expression is in the page, or becomes if it is a promise, as JSON can say it. */
export async function jsonInPage(page: Page, expression: string): Promise<unknown> {
  const json = `(async () => JSON.stringify((await (${expression})) ?? null))()`;
  return JSON.parse(String(await inPage(page, json)));
}

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** What axe finds against WCAG 2.2 AA: each rule with the elements that break it. */
export async function axeViolations(page: Page): Promise<readonly string[]> {
  const found = await inPage(page, `${axe.source};0`, FIND_VIOLATIONS);
  return JSON.parse(String(found)) as readonly string[];
}

/** What axe finds, and whether the page scrolls sideways: light and dark, wide and narrow. Nothing is to be found. */
export async function faultsOfForm(page: Page): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of [WIDE, NARROW]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      const found = [...(await axeViolations(page))];
      if (await scrollsSideways(page)) found.push('the page scrolls sideways');
      faults.push(...found.map((fault) => `${colorScheme}, ${viewport.width} px: ${fault}`));
    }
  }
  return faults;
}

const FIND_VIOLATIONS = `axe.run({ runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) => JSON.stringify(
  violations.flatMap(({ id, nodes }) => nodes.map(({ target, any, all, none }) =>
    [id, target.join(' '), ...[...any, ...all, ...none].map(({ message }) => message)].join(': ')))))`;
