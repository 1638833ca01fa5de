// The statements of the Credits tab: listed, opened, saved, and found by a link.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { StatementsDocument } from '@billing-gateway/client/operations';
import type { Locator, Page } from 'playwright-core';
import {
  allocate,
  ask,
  createAccount,
  moveClock,
  recordUsage,
  registerGuardrail,
} from '../support/account.ts';
import { faultsOfForm, jsonInPage, type Watched } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { shownFigures, wrongFigures } from '../support/shown-figures.ts';
import { usageToken } from '../support/usage-account.ts';
import { openUsagePages, type UsagePages } from '../support/usage-pages.ts';

let pages: UsagePages;
let accountId: string;
let token: string;

beforeAll(async () => {
  pages = await openUsagePages();
  const { gateway } = pages;
  accountId = await createAccount(gateway, { name: 'Books', testClock: '2023-01-01T00:00:00Z' });
  await allocate(gateway, accountId, '100');
  await registerGuardrail(gateway, accountId);
  await recordUsage(gateway, accountId, {
    ...{ occurredAt: '2023-01-01T00:00:00Z', credits: '1.5' },
    ...{ resourceKind: 'GUARDRAIL', resourceExternalId: 'g' },
  });
  // Three years and four months have ended: 40 cycles. The clock moves by two years at most.
  await moveClock(gateway, accountId, '2024-12-31T00:00:00Z');
  await moveClock(gateway, accountId, '2026-05-02T00:00:00Z');
  await gateway.app.issuing.issueAll();
  token = await usageToken(gateway, accountId);
});

afterEach(() => pages.leave());

afterAll(() => pages.close());

const visit = (query = ''): Promise<Watched> =>
  pages.visitSettled(`/usage/credits${query}`, { token });
const card = (page: Page): Locator => page.getByRole('region', { name: 'Statements' }).first();
const proofs = (page: Page): Locator => card(page).getByRole('button', { name: /^Proof/ });

async function statement(
  number: number,
): Promise<{ readonly id: string; readonly sha256: string }> {
  const { account } = await ask(pages.gateway, StatementsDocument, { accountId, first: 100 });
  const found = account?.statements.nodes.find((one) => one.number === number);
  if (found === undefined) throw new Error(`no statement ${number}`);
  return found;
}

async function saved(page: Page, name: string): Promise<{ name: string; bytes: Buffer }> {
  const coming = page.waitForEvent('download');
  await card(page).getByRole('button', { name, exact: true }).click();
  const download = await coming;
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

describe('the statements', () => {
  it('are listed, the newest first, with the closing balance of their cycle', async () => {
    const { page, answers, operations, complaints } = await visit();
    const rows = await card(page).getByRole('row').allInnerTexts();
    const figures = (await shownFigures(page)).filter(({ path }) => path.startsWith('statements.'));

    expect(rows[1]).toContain('40');
    expect(rows[1]).toContain('1 Apr 2026 – 1 May 2026');
    expect(figures.map(({ value }) => value)).toEqual(Array.from({ length: 6 }, () => '98.5'));
    expect(wrongFigures(figures, answers)).toEqual([]);
    expect({ operations, complaints }).toEqual({ operations: ['CreditsTab'], complaints: [] });
  });

  it('are shown further back; the focus is on the first of those', async () => {
    const { page } = await visit();
    await card(page).getByRole('button', { name: 'Show older statements' }).click();
    await eventually(async () => {
      expect(await proofs(page).count()).toBe(31);
    });
    expect(await page.locator(':focus').innerText()).toMatch(/\n34\s/);
  });

  it('are none before a cycle has ended', async () => {
    const { page } = await pages.visitSettled('/usage/credits');
    await page.getByText('The first statement is issued when a billing cycle ends.').waitFor();
    expect(await page.getByRole('button', { name: /^Proof/ }).count()).toBe(0);
  });

  it('are an operator’s to read too', async () => {
    const { page } = await pages.visitSettled(`/usage/credits?account=${accountId}`, {
      token: OPERATOR_KEY,
    });
    const { name, bytes } = await saved(page, 'Statement 40 as JSON');
    expect(name).toBe('statement-40.json');
    expect(JSON.parse(bytes.toString())).toMatchObject({ document: { number: 40 } });
  });

  it('are accessible with a proof opened, light and dark, wide and narrow', async () => {
    const { page, foreign, complaints } = await visit('?statement=39');
    expect(await faultsOfForm(page)).toEqual([]);
    expect({ foreign, complaints }).toEqual({ foreign: [], complaints: [] });
  });
});

describe('a link to a statement', () => {
  it('brings it into view with its proof, however old it is', async () => {
    const { page } = await visit('?statement=2');
    const proof = card(page).locator('.proof');
    await proof.waitFor();
    const { sha256 } = await statement(2);

    expect(await proof.innerText()).toContain(sha256);
    expect(await proof.innerText()).toContain((await statement(1)).sha256);
    await eventually(async () => {
      expect(await proofs(page).nth(38).getAttribute('aria-expanded')).toBe('true');
      expect(await jsonInPage(page, IS_IN_VIEW)).toBe(true);
    });
  });

  it('is made by opening the proof, and left by closing it', async () => {
    const { page } = await visit();
    const proof = card(page).getByRole('button', { name: 'Proof of statement 40' });
    await proof.click();
    await page.waitForURL('**/usage/credits?statement=40');
    await proof.click();
    await page.waitForURL('**/usage/credits');
    expect(await card(page).locator('.proof').count()).toBe(0);
  });
});

const IS_IN_VIEW = `(() => {
  const { top, bottom } = document.querySelector('.statements [aria-expanded="true"]').getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
})()`;

describe('a statement', () => {
  it('is saved as the JSON that was signed', async () => {
    const { page } = await visit();
    const { name, bytes } = await saved(page, 'Statement 40 as JSON');
    const text = bytes.toString();
    const [, document = ''] = /"document":(\{.*\}),"keyId"/.exec(text) ?? [];

    expect(name).toBe('statement-40.json');
    expect(createHash('sha256').update(document).digest('hex')).toBe((await statement(40)).sha256);
  });

  it('is saved as PDF, in the reader’s language', async () => {
    const { page } = await visit();
    const { name, bytes } = await saved(page, 'Statement 40 as PDF');

    expect(name).toBe('statement-40.pdf');
    expect(bytes.subarray(0, 5).toString()).toBe('%PDF-');
  });

  it('is opened in a tab of its own, with its style', async () => {
    const { page, complaints } = await visit();
    const opening = page.waitForEvent('popup');
    await card(page).getByRole('button', { name: 'Open statement 40' }).click();
    const tab = await opening;
    const told: string[] = [];
    tab.on('console', (message) => told.push(message.text()));
    await tab.getByText('98.5').first().waitFor();

    expect(await tab.title()).toContain('40');
    expect(new URL(tab.url()).protocol).toBe('blob:');
    // The style that it holds: a sheet of paper in the middle, whatever the theme.
    expect(
      await jsonInPage(tab, `getComputedStyle(document.querySelector('.sheet')).maxWidth`),
    ).toBe('860px');
    expect([...told, ...complaints]).toEqual([]);
  });

  it('that does not come is told of, and its tab closed', async () => {
    const { page } = await visit();
    await page.context().setOffline(true);
    const opening = page.waitForEvent('popup');
    await card(page).getByRole('button', { name: 'Open statement 40' }).click();
    const tab = await opening;
    await card(page).getByRole('alert').getByText('The gateway cannot be reached.').waitFor();
    expect(tab.isClosed()).toBe(true);
  });
});
