// What the page downloads: the figures of a file are those on the screen, and what broke off is never called whole.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SetCreditPriceDocument } from '@billing-gateway/client/operations';
import { parse } from 'csv-parse/sync';
import type { Download, Locator, Page } from 'playwright-core';
import { allocate, type Api, ask, createAccount } from '../support/account.ts';
import { faultsOfForm, jsonInPage, openPage, type Watched } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { asOwner, OPERATOR_KEY, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { originOf } from '../support/live.ts';
import { putManyEvents } from '../support/many-events.ts';
import { shownFigures } from '../support/shown-figures.ts';
import { usageToken } from '../support/usage-account.ts';
import { openUsagePages, type UsagePages } from '../support/usage-pages.ts';

let pages: UsagePages;
/** An account with more events than fit between a gateway and a page that takes none. */
let large: string;
const opened: Watched[] = [];

beforeAll(async () => {
  pages = await openUsagePages();
  large = await createAccount(pages.gateway, { name: 'Large', createdAt: '2026-01-01T00:00:00Z' });
  await putManyEvents(pages.gateway, large, { count: 40_000, from: '2026-03-01T00:00:00Z' });
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

afterAll(() => pages.close());

/** Firefox and Safari let no page choose a place on the disk. */
const NO_PICKER = 'delete window.showSaveFilePicker';

/** Whoever chooses the first place that is offered. It is the disk of the origin. Nothing is written before `release()`. */
const PICKER = `
const gate = new Promise((resolve) => (window.release = resolve));
window.showSaveFilePicker = async ({ suggestedName }) => {
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle(suggestedName, { create: true });
  const create = handle.createWritable.bind(handle);
  handle.createWritable = async () => {
    const stream = await create();
    const write = stream.write.bind(stream);
    stream.write = (chunk) => gate.then(() => write(chunk));
    return stream;
  };
  return handle;
};`;
const release = (page: Page): Promise<unknown> => jsonInPage(page, 'window.release()');

/** What lies on the disk, by name. */
function onDisk(page: Page): Promise<unknown> {
  return jsonInPage(
    page,
    `(async () => {
      const files = {};
      for await (const [name, file] of await navigator.storage.getDirectory()) files[name] = await (await file.getFile()).text();
      return files;
    })()`,
  );
}

interface Opening {
  readonly token?: string;
  readonly gateway?: string;
  readonly script?: string;
  readonly locale?: string;
}

async function open(address: string, opening: Opening = {}): Promise<Watched> {
  const { token = pages.token, gateway = originOf(pages.gateway), script = NO_PICKER } = opening;
  const watched = await openPage(pages.browser, {
    baseURL: gateway,
    ...(opening.locale === undefined ? {} : { locale: opening.locale }),
  });
  opened.push(watched);
  await watched.page.addInitScript(script);
  await watched.page.goto(`${address}#token=${token}`);
  return watched;
}

const menu = (page: Page): Locator => page.getByRole('dialog', { name: 'Export' });
const start = (page: Page): Locator => menu(page).getByRole('button', { name: 'Download' });

/** Once the account is known. */
function exportButton(page: Page): Locator {
  return page.locator('button:enabled').and(page.getByRole('button', { name: 'Export' }));
}

async function openMenu(page: Page): Promise<void> {
  await exportButton(page).click();
  await menu(page).waitFor();
}

async function downloaded(page: Page): Promise<{ readonly name: string; readonly text: string }> {
  const coming = page.waitForEvent('download');
  await start(page).click();
  const download: Download = await coming;
  const text = await readFile(await download.path(), 'utf8');
  return { name: download.suggestedFilename(), text };
}

interface Line {
  readonly type: string;
  readonly credits?: string;
  readonly allocated?: string;
  readonly rows?: number;
  readonly [field: string]: unknown;
}

function linesOf(text: string): readonly Line[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** The sum of decimals, in millionths. */
function microOf(decimals: readonly string[]): bigint {
  return decimals.reduce((sum, decimal) => {
    const [whole = '', digits = ''] = decimal.split('.');
    return sum + BigInt(whole + digits.padEnd(6, '0'));
  }, 0n);
}

async function shown(page: Page, figure: string): Promise<string | null | undefined> {
  return (await shownFigures(page)).find(({ path }) => path === figure)?.value;
}

describe('a file', () => {
  it('of usage as CSV adds up to the credits that the Overview shows', async () => {
    const { page } = await open('/usage/overview');
    await openMenu(page);
    await menu(page)
      .getByText(
        'Usage day by day, by category, component and resource, of Acme: 9 Feb 2026, 00:00 – now, Europe/Berlin, as CSV.',
      )
      .waitFor();
    const { name, text } = await downloaded(page);
    const rows = parse<Record<string, string>>(text, { columns: true });

    expect(name).toBe('usage-2026-02-09-2026-03-10.csv');
    expect(await shown(page, 'credits.used')).toBe('344.5663');
    expect(microOf(rows.map(({ credits = '' }) => credits))).toBe(344_566_300n);
    const done = menu(page).getByRole('status');
    const sentence = `${name} is whole: ${rows.length} rows. 344.5663 credits were used.`;
    await done.getByText(sentence).waitFor();
    expect(await done.innerText()).toContain(createHash('sha256').update(text).digest('hex'));
  });

  it('of usage as NDJSON has the range, the zone and the grouping of the view', async () => {
    const { page } = await open(
      '/usage/models?range=2026-03-08..2026-03-08&tz=Pacific/Kiritimati&q=Summ',
    );
    await openMenu(page);
    await menu(page).getByLabel('A row for each').selectOption('Whole range');
    await menu(page).getByLabel('Component').uncheck();
    await menu(page).getByLabel('NDJSON').check();
    await menu(page)
      .getByText(
        'Usage over the whole range, by category and resource, of Acme: 8 Mar 2026, Pacific/Kiritimati, as NDJSON.',
      )
      .waitFor();
    await menu(page).getByText('the filters of this view do not apply').waitFor();
    const lines = linesOf((await downloaded(page)).text);
    const rows = lines.filter(({ type }) => type === 'row');

    // 10 of the 60 hours of hosting: 36 for the model, 1.23457 a replica for the rest; and the storage of 0.755.
    expect(lines.at(-1)).toMatchObject({ type: 'end', rows: rows.length, credits: '55.27355' });
    const models = rows.filter(({ category }) => category === 'MODELS');
    expect(models.map(({ resourceName, credits }) => [resourceName, credits])).toEqual(
      expect.arrayContaining([['Summaries, live', '36']]),
    );
    expect(rows.every(({ component }) => component === null)).toBe(true);
  });

  it('of an account that an operator looks at is that account’s', async () => {
    const { page } = await open(`/usage/overview?account=${pages.accountId}`, {
      token: OPERATOR_KEY,
    });
    await openMenu(page);
    await menu(page).getByLabel('What').selectOption('Allocations');
    await menu(page).getByLabel('NDJSON').check();
    const lines = linesOf((await downloaded(page)).text);

    expect(await shown(page, 'credits.allocated')).toBe('1600');
    expect(lines.at(-1)).toMatchObject({ rows: 2, credits: '1600' });
  });

  it('of costs is offered once credits have a price, and not for a time before it', async () => {
    const priced = await createAccount(pages.gateway, {
      name: 'Acme',
      createdAt: '2026-02-01T00:00:00Z',
    });
    const { page } = await open(`/usage/overview?account=${priced}&range=30d`, {
      token: OPERATOR_KEY,
    });
    await openMenu(page);
    expect(await menu(page).getByLabel('What').innerText()).not.toContain('FOCUS');
    await page.keyboard.press('Escape');
    await allocate(pages.gateway, priced, '200', { source: 'TOP_UP' });
    await ask(pages.gateway, SetCreditPriceDocument, {
      input: {
        ...{
          accountId: priced,
          currency: 'EUR',
          listPerCredit: '0.02',
          contractedPerCredit: '0.015',
        },
        effectiveFrom: '2026-03-01T00:00:00Z',
      },
    });

    // A range that ends now is without what was booked at this instant.
    pages.gateway.clock.moveBy(1_000);
    await page.reload();
    await openMenu(page);
    await menu(page).getByLabel('What').selectOption('Costs (FOCUS)');
    await menu(page).getByLabel('1.3').check();
    await start(page).click();
    await menu(page).getByRole('alert').getByText('Choose a later range.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: '7 days' }).click();
    await openMenu(page);
    await menu(page).getByLabel('What').selectOption('Costs (FOCUS)');
    await menu(page).getByLabel('1.3').check();
    await menu(page).getByText('Costs by FOCUS 1.3, day by day, of Acme').waitFor();
    const [row, ...others] = parse<Record<string, string>>((await downloaded(page)).text, {
      columns: true,
    });

    // 200 × 0.015
    expect(row).toMatchObject({
      ChargeCategory: 'Purchase',
      BilledCost: '3',
      BillingCurrency: 'EUR',
    });
    expect(row).toHaveProperty('ServiceProviderName');
    expect(others).toEqual([]);
  });

  it('is written to the place that was chosen, once it is whole', async () => {
    const { page } = await open('/usage/credits', { script: PICKER });
    await openMenu(page);
    await start(page).click();
    await menu(page).getByText('so far').waitFor();
    expect(await onDisk(page)).toMatchObject({ 'ledger-2026-02-09-2026-03-10.csv': '' });

    await release(page);
    await menu(page).getByText('ledger-2026-02-09-2026-03-10.csv is whole').waitFor();
    const files = (await onDisk(page)) as Record<string, string>;
    const text = files['ledger-2026-02-09-2026-03-10.csv'] ?? '';
    expect(await menu(page).getByRole('status').innerText()).toContain(
      createHash('sha256').update(text).digest('hex'),
    );
    expect(parse<Record<string, string>>(text, { columns: true })[0]).toMatchObject({
      kind: 'ALLOCATION',
      amount: '1600',
    });
  });
});

/** Begins with the events of the large account, of which the page takes none yet. */
async function beginLarge(gateway: Api, origin: string): Promise<Page> {
  const token = await usageToken(gateway, large);
  const { page } = await open('/usage/overview?range=2026-03-01..2026-03-02', {
    gateway: origin,
    token,
    script: PICKER,
  });
  await openMenu(page);
  await menu(page).getByLabel('What').selectOption('Usage events');
  const answered = page.waitForResponse('**/v1/exports/events?**');
  await start(page).click();
  await answered;
  return page;
}

describe('a download that does not end', () => {
  const processes: GatewayProcess[] = [];

  afterEach(async () => {
    for (const process of processes.splice(0)) await process.kill();
  });

  it('is cancelled: nothing is left of it, and the gateway stops too', async () => {
    const page = await beginLarge(pages.gateway, originOf(pages.gateway));
    await menu(page).getByRole('button', { name: 'Cancel' }).click();
    await release(page);

    await menu(page).getByText('Cancelled. Nothing was saved.').waitFor();
    expect(await onDisk(page)).toEqual({});
    await eventually(async () => {
      const states = await asOwner(
        pages.gateway.databaseUrl,
        'select state from export_run order by started_at desc limit 1',
      );
      expect(states).toEqual([{ state: 'ABORTED' }]);
    });
  });

  it('because the gateway was killed is told, and nothing is left of it', async () => {
    const process = await startGatewayProcess(pages.gateway.databaseUrl, OPERATOR_KEY);
    processes.push(process);
    const page = await beginLarge(process, process.origin);
    await process.kill();
    await release(page);
    await menu(page)
      .getByRole('alert')
      .getByText(/^The download broke off after [\d.]+ (kB|MB)\. Nothing was saved\.$/)
      .waitFor();
    expect(await onDisk(page)).toEqual({});
    expect(await menu(page).getByText(' is whole: ').count()).toBe(0);
  });

  it('because something on the way cut it short is told, though the answer ended well', async () => {
    const { page } = await open('/usage/overview');
    await page.route('**/v1/exports/usage?**', async (route) => {
      const response = await route.fetch();
      const whole = await response.text();
      await route.fulfill({ response, body: whole.slice(0, whole.lastIndexOf('\r\n', -3)) });
    });
    await openMenu(page);
    await start(page).click();

    await menu(page).getByRole('alert').getByText('The download broke off').waitFor();
    expect(await menu(page).getByText(' is whole: ').count()).toBe(0);
  });

  it('goes on while the menu is closed; its button says how it ended', async () => {
    const page = await beginLarge(pages.gateway, originOf(pages.gateway));
    await page.keyboard.press('Escape');
    await menu(page).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Export: running' }).waitFor();
    await page.getByRole('link', { name: 'Models', exact: true }).click();
    await release(page);

    await page.getByRole('button', { name: 'Export: done' }).click();

    await menu(page).getByText('40,000 rows').waitFor();
    // 1 + 2 + … + 40,000 millionths.
    expect(await shown(page, 'export.credits')).toBe('800.02');
  });
});

describe('a refusal', () => {
  const beside: TestGateway[] = [];

  afterEach(async () => {
    for (const one of beside.splice(0)) await one.close();
  });

  async function refused(limits: object): Promise<Page> {
    const gateway = await startTestGateway({
      beside: pages.gateway,
      app: { exportLimits: limits },
    });
    beside.push(gateway);
    const { page } = await open('/usage/overview', { gateway: originOf(gateway) });
    await openMenu(page);
    await start(page).click();
    return page;
  }

  it('because as many run as may says when to try again', async () => {
    const page = await refused({ perAccount: 0 });
    await menu(page).getByRole('alert').getByText('Please try again in 10 s.').waitFor();
    expect(await start(page).isEnabled()).toBe(true);
  });

  it('because it is too much says so, and how to split it', async () => {
    const page = await refused({ days: 7 });
    const alert = menu(page).getByRole('alert');
    await alert.getByText('Choose a shorter range.').waitFor();
    expect(await alert.innerText()).toContain(
      '2026-02-08T23:00:00.000Z to 2026-02-15T23:00:00.000Z',
    );
  });

  it('of the token ends the session', async () => {
    const { page } = await open('/usage/overview', {
      token: await usageToken(pages.gateway, pages.accountId, { expiresInSeconds: 60 }),
    });
    await page.routeWebSocket('**/graphql', (socket) => socket.close());
    await openMenu(page);
    await page.route('**/v1/exports/**', (route) =>
      route.fulfill({ status: 401, json: { errors: [{ message: 'x', extensions: {} }] } }),
    );
    await start(page).click();
    await page.getByRole('heading', { name: 'The session has ended' }).waitFor();
    expect(await menu(page).count()).toBe(0);
  });
});

describe('the menu', () => {
  it('is used by keyboard alone, and gives the focus back', async () => {
    const { page } = await open('/usage/overview');
    const button = exportButton(page);
    await button.focus();
    await page.keyboard.press('Enter');
    await menu(page).waitFor();
    await menu(page).getByLabel('What').focus();
    await page.keyboard.press('A');
    expect(await menu(page).getByLabel('What').inputValue()).toBe('allocations');
    // To the format, which has one stop, and to the button.
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    expect(await menu(page).getByLabel('NDJSON').isChecked()).toBe(true);
    await page.keyboard.press('Tab');
    const coming = page.waitForEvent('download');
    await page.keyboard.press('Enter');
    expect((await coming).suggestedFilename()).toBe('allocations-2026-02-09-2026-03-10.ndjson');
    await menu(page).getByText(' is whole: ').waitFor();
    expect(await page.locator(':focus').innerText()).toBe('Download');

    await page.keyboard.press('Escape');
    await menu(page).waitFor({ state: 'detached' });
    await page.locator(':focus').and(button).waitFor();
  });

  it('is accessible, light and dark, wide and narrow, before and after', async () => {
    const { page, foreign, complaints } = await open('/usage/overview');
    await openMenu(page);
    expect(await faultsOfForm(page)).toEqual([]);
    await downloaded(page);
    await menu(page).getByText(' is whole: ').waitFor();

    expect(await faultsOfForm(page)).toEqual([]);
    expect({ foreign, complaints }).toEqual({ foreign: [], complaints: [] });
  });

  it('speaks German to who prefers it', async () => {
    const { page } = await open('/usage/credits', { locale: 'de-DE' });
    await page.getByRole('button', { name: 'Exportieren' }).click();
    const dialog = page.getByRole('dialog', { name: 'Exportieren' });
    await dialog
      .getByText('Buchungen, Acme: 9. Feb. 2026, 00:00 – jetzt, Europe/Berlin, als CSV.')
      .waitFor();
    const coming = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Herunterladen' }).click();
    expect((await coming).suggestedFilename()).toBe('ledger-2026-02-09-2026-03-10.csv');
    await dialog.getByText(/ist vollständig: \d+ Zeile/).waitFor();
  });
});
