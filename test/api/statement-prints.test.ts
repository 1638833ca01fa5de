// Statements as HTML and PDF over HTTP: by whom, in which language, and that they say what the signed statement says.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Test } from 'supertest';
import { StatementsDocument } from '@billing-gateway/client/operations';
import { languageOf } from '../../src/http/statement-forms.ts';
import {
  allocate,
  ask,
  createAccount,
  createKey,
  moveClock,
  recordUsage,
  registerGuardrail,
} from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { textOfPages } from '../support/pdf-text.ts';

let gateway: TestGateway;
let key: string;
let base: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  const accountId = await createAccount(gateway, {
    externalId: 'prints',
    name: 'Größe & Söhne',
    testClock: '2026-03-01T00:00:00Z',
  });
  key = (await createKey(gateway, accountId, ['READ_USAGE'])).secret;
  await allocate(gateway, accountId, '1500.5', { source: 'PLAN' });
  await registerGuardrail(gateway, accountId);
  await recordUsage(gateway, accountId, {
    resourceKind: 'GUARDRAIL',
    resourceExternalId: 'g',
    credits: '1234.000001',
    occurredAt: '2026-03-01T00:00:00Z',
  });
  await moveClock(gateway, accountId, '2026-04-01T00:00:00Z');
  await gateway.app.issuing.issueAll();
  const { account } = await ask(gateway, StatementsDocument, { accountId, first: 1 });
  const [statement] = account?.statements.nodes ?? [];
  base = statement?.url.replace(/\.json$/, '') ?? '';
});

afterAll(async () => {
  await gateway.close();
});

const get = (path: string, secret = key): Test =>
  gateway.http.get(`${base}${path}`).set('authorization', `Bearer ${secret}`);

describe('a printed statement', () => {
  it('is HTML that may load and run nothing', async () => {
    const answer = await get('.html').expect(200);

    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-disposition': 'inline; filename="statement-1.html"',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    // 1500.5 - 1234.000001
    expect(answer.text).toContain('<data value="266.499999">266.499999</data>');
    expect(answer.text).toContain('Größe &amp; Söhne');
  });

  it('is a PDF with the same figures', async () => {
    const answer = await get('.pdf?lang=de').buffer(true).expect(200);
    const text = (await textOfPages(answer.body as Buffer)).join('\n').split('\n');

    expect(answer.headers).toMatchObject({
      'content-type': 'application/pdf',
      'content-disposition': 'inline; filename="statement-1.pdf"',
    });
    expect(text).toEqual(
      expect.arrayContaining([
        'Zugeteilt +1.500,500000',
        'Verbraucht -1.234,000001',
        'Endstand 266,499999',
        'Größe & Söhne',
      ]),
    );
  });

  it('is kept as a file where the address says so', async () => {
    const answer = await get('.pdf?download=true').expect(200);

    expect(answer.headers['content-disposition']).toBe('attachment; filename="statement-1.pdf"');
  });

  it('has what proves the signed statement', async () => {
    const [signed, print] = [await get('.json').expect(200), await get('.html').expect(200)];
    const { sha256, signature, keyId } = JSON.parse(signed.text) as Record<string, string>;

    for (const part of [sha256, signature, keyId]) expect(print.text).toContain(part);
  });

  it('is for those alone who may read the account', async () => {
    const other = await createAccount(gateway, { externalId: 'others' });
    const { secret } = await createKey(gateway, other, ['READ_USAGE']);
    for (const form of ['.html', '.pdf']) {
      expect((await get(form, secret)).status).toBe(404);
      expect((await gateway.http.get(`${base}${form}`)).status).toBe(401);
    }
    expect((await get('.docx')).text).toContain('.json or .html or .pdf');
  });
});

describe('the language of a print', () => {
  const wished = (acceptLanguage?: string, lang?: string): string =>
    languageOf({ acceptLanguage, parameters: lang === undefined ? {} : { lang } });

  it('is what the caller’s browser prefers, of those that there are', () => {
    expect(wished('de-AT,en;q=0.9')).toBe('de');
    expect(wished('en;q=0.5, de-DE;q=0.7')).toBe('de');
    expect(wished('fr, en-GB;q=0.8, de;q=0.7')).toBe('en');
    expect(wished('de;q=0, fr')).toBe('en');
    expect(wished('fr')).toBe('en');
    expect(wished()).toBe('en');
  });

  it('is what the address says, whatever the browser prefers', async () => {
    expect(wished('de', 'en')).toBe('en');
    const answer = await get('.html?lang=de').set('accept-language', 'en').expect(200);

    expect(answer.text).toContain('<html lang="de">');
    expect(answer.headers['vary']).toContain('accept-language');
  });

  it('is refused by name where there is no such', async () => {
    const answer = await get('.html?lang=fr').expect(400);

    expect(answer.text).toContain('lang is \\"fr\\"; it must be one of en, de.');
    await get('.pdf?download=yes').expect(400);
  });
});
