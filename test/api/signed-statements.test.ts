// Statements: what they say, worked out by hand, and that they prove themselves.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { calculateJwkThumbprint } from 'jose';
import { IssueStatements1770223000000 } from '../../migrations/1770223000000-issue-statements.ts';
import { migrations } from '../../ormconfig.ts';
import { encodeId } from '../../src/core/identity.ts';
import { migrate, migrateDown } from '../../src/db/migrate.ts';
import { sql } from '../../src/db/sql.ts';
import { secretBox } from '../../src/partners/secret-box.service.ts';
import { StatementKeys } from '../../src/statements/keys.service.ts';
import { readKeys, verifyStatements } from '../../src/statements/verify.service.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  createKey,
  moveClock,
  numberOf,
  registerGuardrail,
} from '../support/account.ts';
import { runCommand } from '../support/command.ts';
import { until } from '../support/eventually.ts';
import {
  asOwner,
  OPERATOR_KEY,
  startTestGateway,
  TEST_NOW,
  type TestGateway,
  WEBHOOK_SECRET_KEY,
} from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { itOnOneServer } from '../support/left-out.ts';
import { fourCycles, issued, statementsOf } from '../support/signed-statements.ts';
import {
  BillingCyclesDocument,
  CreatePortalTokenDocument,
  LedgerEntryDocument,
  StatementDocument,
  StatementsDocument,
} from '@billing-gateway/client/operations';

const KEYS = '/.well-known/billing-keys.json';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '3.6');
});

afterAll(async () => {
  await gateway.close();
});

describe('a statement', () => {
  it('closes the books of its cycle by what was booked in it', async () => {
    const id = await fourCycles(gateway, 'books');
    const statements = await issued(gateway, id);
    const books = statements.map(({ document: { number, cycle, credits } }) => ({
      number,
      from: cycle.from.slice(0, 10),
      to: cycle.to.slice(0, 10),
      ...credits,
    }));

    expect(books).toEqual([
      {
        ...{ number: 1, from: '2026-03-01', to: '2026-04-01', opening: '0', allocated: '150' },
        // 10 h at 3.6, two events of 1.5 of which one was taken back, and 4: 36 + 1.5 + 4. They came from the plan, as did the
        // adjustment: 100 - 41.5 - 2 expired.
        ...{ used: '41.5', expired: '56.5', adjusted: '-2', closing: '50' },
      },
      {
        // 160 + 2 - 1.5, of which 10.5 are debt.
        ...{ number: 2, from: '2026-04-01', to: '2026-05-01', opening: '50', allocated: '100' },
        ...{ used: '160.5', expired: '0', adjusted: '0', closing: '-10.5' },
      },
      {
        ...{ number: 3, from: '2026-05-01', to: '2026-06-01', opening: '-10.5', allocated: '100' },
        ...{ used: '0', expired: '89.5', adjusted: '0', closing: '0' },
      },
      {
        // 160 were given back: 50 to the top-up, the rest as a lot of its own, as the plan had spent nothing.
        ...{ number: 4, from: '2026-06-01', to: '2026-07-01', opening: '0', allocated: '100' },
        ...{ used: '-160', expired: '100', adjusted: '0', closing: '160' },
      },
    ]);
  });

  it('says what was used, of which category, component, hardware and resource', async () => {
    const id = await fourCycles(gateway, 'use');
    const [march, april, may] = (await issued(gateway, id)).map(({ document }) => document.used);
    const g = { kind: 'GUARDRAIL', name: 'g', externalId: 'g' };
    const m = { kind: 'MODEL', name: 'Model', externalId: 'm' };

    expect(march).toEqual({
      byCategory: [
        { category: 'MODELS', credits: '4' },
        { category: 'GUARDRAILS', credits: '37.5' },
      ],
      byComponent: [
        { component: 'HOSTING', credits: '36' },
        { component: 'FINE_TUNING', credits: '4' },
        { component: 'PROCESSING', credits: '1.5' },
      ],
      byHardware: [{ hardware: 'gpu', credits: '36' }],
      byResource: [
        expect.objectContaining({ ...g, credits: '37.5' }),
        expect.objectContaining({ ...m, credits: '4' }),
      ],
    });
    expect(april).toEqual({
      byCategory: [
        { category: 'MODELS', credits: '2' },
        { category: 'GUARDRAILS', credits: '158.5' },
      ],
      byComponent: [
        { component: 'STORAGE', credits: '2' },
        { component: 'PROCESSING', credits: '158.5' },
      ],
      byHardware: [],
      byResource: [
        expect.objectContaining({ ...g, credits: '158.5' }),
        expect.objectContaining({ ...m, credits: '2' }),
      ],
    });
    expect(may).toEqual({ byCategory: [], byComponent: [], byHardware: [], byResource: [] });
  });

  it('says what was left of each allocation', async () => {
    const id = await fourCycles(gateway, 'lots');
    const lots = (await issued(gateway, id)).map(({ document }) =>
      document.lots.map(({ source, amount, remaining }) => [source, amount, remaining]),
    );

    expect(lots).toEqual([
      [
        ['PLAN', '100', '0'],
        ['TOP_UP', '50', '50'],
      ],
      [
        ['PLAN', '100', '0'],
        ['TOP_UP', '50', '0'],
      ],
      [['PLAN', '100', '0']],
      [
        ['PLAN', '100', '0'],
        ['ADJUSTMENT', '110', '110'],
        ['TOP_UP', '50', '50'],
      ],
    ]);
  });

  it('has the figures of its billing cycle, and its place in the ledger', async () => {
    const id = await fourCycles(gateway, 'cycles');
    const statements = await issued(gateway, id);
    const { account } = await ask(gateway, BillingCyclesDocument, { accountId: id });
    const [, ...ended] = account?.billingCycles.nodes ?? [];
    const ranges = statements.map(({ document: { ledger } }) => ledger);

    expect(
      statements.map(({ document: { credits } }) => [credits.opening, credits.closing]),
    ).toEqual([...ended].reverse().map(({ carriedOver, closing }) => [carriedOver, closing]));
    expect(ranges[0]?.firstSequence).toBe(1);
    for (const [index, { firstSequence }] of ranges.slice(1).entries()) {
      expect(firstSequence).toBe((ranges[index]?.lastSequence ?? 0) + 1);
    }
  });

  it('names its account and itself', async () => {
    const id = await createAccount(gateway, {
      ...{ externalId: 'named', name: 'Näme', timeZone: 'Europe/Berlin' },
      testClock: '2026-03-01T00:00:00Z',
    });
    await registerGuardrail(gateway, id);
    await moveClock(gateway, id, '2026-04-02T00:00:00Z');
    const [first, ...others] = await issued(gateway, id);

    expect(others).toEqual([]);
    expect(first?.document).toMatchObject({
      type: 'billing-statement',
      version: 1,
      id: encodeId('Statement', numberOf(id), 1),
      issuer: 'Billing Gateway',
      account: { id, externalId: 'named', name: 'Näme', timeZone: 'Europe/Berlin' },
      // March in Berlin.
      cycle: { number: 1, from: '2026-02-28T23:00:00.000Z', to: '2026-03-31T22:00:00.000Z' },
      // The real time: the test account's clock is its own.
      issuedAt: '2026-03-10T12:00:00.000Z',
      lots: [],
      previousSha256: null,
    });
  });
});

describe('the statements of an account', () => {
  it('are listed newest first, page by page, and found by their ids', async () => {
    const id = await fourCycles(gateway, 'listed');
    await issued(gateway, id);
    const page = async (after?: string) =>
      (await ask(gateway, StatementsDocument, { accountId: id, first: 3, after })).account
        ?.statements;
    const first = await page();
    const second = await page(first?.pageInfo.endCursor ?? '');
    const [newest] = first?.nodes ?? [];
    const { node } = await ask(gateway, StatementDocument, { id: newest?.id ?? '' });

    expect([first, second].map((one) => one?.nodes.map(({ number }) => number))).toEqual([
      [4, 3, 2],
      [1],
    ]);
    expect([first, second].map((one) => one?.pageInfo.hasNextPage)).toEqual([true, false]);
    expect(first?.totalCount).toBe(4);
    expect(node).toEqual(newest);
    expect(newest).toMatchObject({
      cycle: { startsAt: '2026-06-01T00:00:00.000Z', closing: '160' },
      url: `/v1/statements/${newest?.id ?? ''}.json`,
    });
  });

  it('agree with what is handed out', async () => {
    const id = await fourCycles(gateway, 'agreeing');
    const signed = await issued(gateway, id);
    const listed = [...(await statementsOf(gateway, id))].reverse();

    expect(listed.map((one) => [one.sha256, one.previousSha256, one.signature, one.keyId])).toEqual(
      signed.map((one) => [one.sha256, one.document.previousSha256, one.signature, one.keyId]),
    );
    expect(listed.map(({ lastLedgerHash }) => lastLedgerHash)).toEqual(
      signed.map(({ document }) => document.ledger.lastHash),
    );
    const last = await ask(gateway, LedgerEntryDocument, {
      id: encodeId('LedgerEntry', numberOf(id), listed[0]?.lastLedgerSequence ?? 0),
    });
    expect(last.node).toMatchObject({ kind: 'CARRY_OVER', hash: listed[0]?.lastLedgerHash });
  });

  it('have whole addresses where the gateway knows its own', async () => {
    const own = await startTestGateway({
      beside: gateway,
      mail: { smtpUrl: null, from: 'a@b.example', publicUrl: 'https://billing.example.com' },
    });
    const id = await fourCycles(gateway, 'addressed');
    await issued(gateway, id);
    const [newest] = await statementsOf(own, id);

    expect(newest?.url).toBe(`https://billing.example.com/v1/statements/${newest?.id ?? ''}.json`);
    await own.close();
  });

  it('are issued once, whoever does it and however often at the same time', async () => {
    const other = await startTestGateway({ beside: gateway });
    const id = await fourCycles(gateway, 'twice');
    await Promise.all([gateway, other, gateway, other].map((one) => one.app.issuing.issueAll()));
    const statements = await issued(other, id);
    const { accounts } = verifyStatements(
      statements.map((value, index) => ({ name: String(index), value })),
      readKeys((await gateway.http.get(KEYS)).body),
    );

    expect(accounts).toEqual([
      expect.objectContaining({ firstNumber: 1, lastNumber: 4, faults: [] }),
    ]);
    expect([...gateway.takeFaults(), ...other.takeFaults()]).toEqual([]);
    await other.close();
  });

  it('are issued by a running gateway soon after their cycles have ended', async () => {
    const id = await fourCycles(gateway, 'by itself');
    const running = await startTestGateway({ beside: gateway });
    running.app.issuing.start();
    await until(async () => (await statementsOf(gateway, id)).length === 4, 'four statements');
    await running.app.issuing.stop();
    await running.close();

    expect((await statementsOf(gateway, id)).map(({ number }) => number)).toEqual([4, 3, 2, 1]);
  });

  it('are issued later by another gateway where one fails in the middle', async () => {
    const id = await fourCycles(gateway, 'interrupted');
    const other = await startTestGateway({
      beside: gateway,
      webhooks: { secretKeys: [Buffer.alloc(32, 'another key')] },
    });
    await other.app.issuing.issueAll();

    expect(await statementsOf(gateway, id)).toEqual([]);
    expect(String(other.takeFaults()[0])).toMatch(
      /The key [\w-]{43} of statements cannot be read: WEBHOOK_SECRET_KEY is not the key/,
    );
    expect(await issued(gateway, id)).toHaveLength(4);
    await other.close();
  });

  it('are issued after a kill between the end of a cycle and its statement', async () => {
    const beside = await startTestGateway({ webhooks: { secretKeys: [] } });
    // Without the key it ends cycles and issues nothing.
    const killed = await startGatewayProcess(beside.databaseUrl, OPERATOR_KEY);
    const id = await createAccount(killed, { testClock: '2026-03-01T00:00:00Z' });
    await allocate(killed, id, '100', { everyCycle: true });
    await moveClock(killed, id, '2026-05-01T00:00:00Z');
    await killed.kill();
    const next = await startGatewayProcess(beside.databaseUrl, OPERATOR_KEY, {
      WEBHOOK_SECRET_KEY: WEBHOOK_SECRET_KEY.toString('base64'),
      ISSUER_NAME: 'Acme Billing Ltd.',
    });
    await until(async () => (await statementsOf(beside, id)).length === 2, 'two statements');
    const statements = await issued(beside, id);

    expect(
      statements.map(({ document: { issuer, credits } }) => [issuer, credits.expired]),
    ).toEqual([
      ['Acme Billing Ltd.', '100'],
      ['Acme Billing Ltd.', '100'],
    ]);
    await next.stop();
    await beside.close();
  });

  it('are not issued while something does not add up', async () => {
    const own = await startTestGateway();
    await createHardware(own, 'gpu', '3.6');
    const id = await fourCycles(own, 'wrong');
    await asOwner(
      own.databaseUrl,
      sql`update usage_event set credits_micro = 3000000 where account_id = ${numberOf(id)} and event_id = 'b'`,
    );

    expect(await issued(own, id)).toEqual([]);
    expect(own.takeFaults().map(String)).toEqual([
      'Error: Statement 1 of account 1 is not issued. used.byCategory comes to 43, not 41.5. used.byComponent comes to 43, not 41.5. used.byResource comes to 43, not 41.5. Run: npm run verify -- --account wrong',
    ]);
    await own.close();
  });

  itOnOneServer('are the same of cycles that ended before there were statements', async () => {
    const own = await startTestGateway();
    await createHardware(own, 'gpu', '3.6');
    const id = await fourCycles(own, 'earlier');
    const before = (await issued(own, id)).map(({ sha256 }) => sha256);
    const url = own.databaseUrl;
    const after = migrations.length - migrations.indexOf(IssueStatements1770223000000);
    await migrateDown({ url, migrations }, after);
    await migrate({ url, migrations });

    expect((await issued(own, id)).map(({ sha256 }) => sha256)).toEqual(before);
    await own.close();
  });

  it('have the books of any account', async () => {
    const id = await createAccount(gateway, { testClock: '2026-03-01T00:00:00Z', cycleDay: 15 });
    await moveClock(gateway, id, '2026-04-20T00:00:00Z');
    const statements = await issued(gateway, id);

    // Nothing happened in either.
    expect(
      statements.map(({ document: { credits } }) => Object.values<string>({ ...credits })),
    ).toEqual([
      ['0', '0', '0', '0', '0', '0'],
      ['0', '0', '0', '0', '0', '0'],
    ]);
  });
});

describe('GET /v1/statements', () => {
  const get = (url: string, key?: string) => {
    const asked = gateway.http.get(url);
    return key === undefined ? asked : asked.set('authorization', `Bearer ${key}`);
  };

  it('hands out the bytes that were signed', async () => {
    const id = await fourCycles(gateway, 'bytes');
    await issued(gateway, id);
    const [newest] = await statementsOf(gateway, id);
    const { secret } = await createKey(gateway, id, ['READ_USAGE']);
    const answer = await get(newest?.url ?? '', secret).expect(200);
    const [, text = '', keyId] =
      /^\{"document":(.*),"keyId":"([\w-]+)","sha256":"[\da-f]+","signature":"[^"]+"\}$/.exec(
        answer.text,
      ) ?? [];

    expect(createHash('sha256').update(text).digest('hex')).toBe(newest?.sha256);
    expect(keyId).toBe(newest?.keyId);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-disposition': 'attachment; filename="statement-4.json"',
      'cache-control': 'no-store',
    });
  });

  it('shows nothing to other accounts, not even that it is there', async () => {
    const id = await fourCycles(gateway, 'secret');
    await issued(gateway, id);
    const [newest] = await statementsOf(gateway, id);
    const other = await createAccount(gateway);
    const { secret } = await createKey(gateway, other, ['READ_USAGE']);
    const nobodys = encodeId('Statement', numberOf(id), 5);

    const theirs = await get(newest?.url ?? '', secret).expect(404);
    const none = await get(`/v1/statements/${nobodys}.json`, secret).expect(404);
    const asked = (text: string): string => text.replace(/id \S+/, '').replace(/"reference.*/, '');
    expect(asked(theirs.text)).toBe(asked(none.text));
    await get(newest?.url ?? '').expect(401);
  });

  it('needs READ_USAGE, which a portal token has', async () => {
    const id = await fourCycles(gateway, 'scoped');
    await issued(gateway, id);
    const [newest] = await statementsOf(gateway, id);
    const { secret } = await createKey(gateway, id, ['INGEST']);
    const manager = await createKey(gateway, id, ['MANAGE']);
    const { createPortalToken } = await ask(gateway, CreatePortalTokenDocument, {}, manager.secret);

    await get(newest?.url ?? '', secret).expect(403);
    const answer = await get(newest?.url ?? '', createPortalToken.token).expect(200);
    expect(answer.body).toMatchObject({ document: { number: 4 } });
  });

  it.each(['x.json', 'x', 'x.xml', 'x.json.json', '.json'])('finds nothing at %s', async (file) => {
    const { status } = await get(`/v1/statements/${file}`, gateway.operatorKey);

    expect(status).toBe(404);
  });
});

describe('the keys of statements', () => {
  it('are public, for pages too, and named by their thumbprints', async () => {
    await gateway.app.issuing.issueAll();
    const answer = await gateway.http.get(KEYS).expect(200);
    const [key] = (answer.body as { keys: Record<string, string>[] }).keys;

    expect(answer.headers).toMatchObject({
      'cache-control': 'public, max-age=60',
      'access-control-allow-origin': '*',
    });
    expect(key).toEqual({
      ...{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', x: expect.any(String) },
      kid: await calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x: key?.['x'] ?? '' }),
      ...{ notBefore: TEST_NOW, notAfter: null },
    });
  });

  it('are kept by nobody when they could not be read', async () => {
    const broken = jest
      .spyOn(gateway.database, 'inSnapshot')
      .mockRejectedValueOnce(new Error('the database is away'));
    const answer = await gateway.http.get(KEYS).expect(500);
    broken.mockRestore();

    expect(answer.headers['cache-control']).toBe('no-store');
    await gateway.http.get(KEYS).expect(200);
  });

  it('are replaced without breaking earlier statements', async () => {
    const own = await startTestGateway();
    await createHardware(own, 'gpu', '3.6');
    const id = await createAccount(own, { testClock: '2026-03-01T00:00:00Z' });
    const keyOfNext = async (cycleEnd: string): Promise<string> => {
      await moveClock(own, id, cycleEnd);
      return (await issued(own, id)).at(-1)?.keyId ?? '';
    };
    const first = await keyOfNext('2026-04-01T00:00:00Z');
    const { keyId: second } = await own.app.statements.keys.rotate();
    const refused = own.app.statements.keys.rotate();
    await expect(refused).rejects.toThrow(
      `The key ${second} is new already: it signs from 2026-03-10T12:01:00.000Z on.`,
    );
    // It signs from a minute later on.
    own.clock.moveBy(59_999);
    const stillFirst = await keyOfNext('2026-05-01T00:00:00Z');
    own.clock.moveBy(1);
    const nowSecond = await keyOfNext('2026-06-01T00:00:00Z');

    expect([first, stillFirst, nowSecond]).toEqual([first, first, second]);
    expect(second).not.toBe(first);
    const listed = await own.http.get(KEYS).expect(200);
    expect(listed.body).toMatchObject({
      keys: [
        { kid: first, notBefore: TEST_NOW, notAfter: '2026-03-10T12:01:00.000Z' },
        { kid: second, notBefore: '2026-03-10T12:01:00.000Z', notAfter: null },
      ],
    });
    const statements = await issued(own, id);
    const { accounts } = verifyStatements(
      statements.map((value, index) => ({ name: String(index), value })),
      readKeys(listed.body),
    );
    expect(accounts[0]).toMatchObject({ lastNumber: 3, faults: [] });
    await own.close();
  });

  it('are replaced by a command, while gateways run', async () => {
    const own = await startTestGateway();
    await own.app.statements.keys.ensureFirst();
    const run = async (key = WEBHOOK_SECRET_KEY.toString('base64')): Promise<string> => {
      const env = { DATABASE_URL: own.databaseUrl, WEBHOOK_SECRET_KEY: key };
      return (await runCommand('rotate-statement-key', [], { env })).output;
    };

    expect(await run('')).toMatch(/^Statements cannot be signed: WEBHOOK_/);
    expect(await run()).toMatch(/^The key [\w-]{43} signs statements from \S+Z on\.\n$/);
    expect(await run()).toMatch(/is new already/);
    expect(await own.app.statements.keys.list()).toHaveLength(2);
    await own.close();
  });

  it('are sealed anew with another WEBHOOK_SECRET_KEY', async () => {
    const own = await startTestGateway();
    await createHardware(own, 'gpu', '3.6');
    const id = await fourCycles(own, 'sealed');
    await own.app.statements.keys.ensureFirst();
    const next = Buffer.alloc(32, 'the next key');
    const both = secretBox([next, WEBHOOK_SECRET_KEY]);
    const keys = new StatementKeys({ database: own.database, clock: own.clock, box: both });

    expect(await keys.reseal()).toBe(1);
    expect(await keys.reseal()).toBe(0);
    const later = await startTestGateway({ beside: own, webhooks: { secretKeys: [next] } });
    expect(await issued(later, id)).toHaveLength(4);
    await later.close();
    await own.close();
  });

  it('are not there without WEBHOOK_SECRET_KEY, and no statement is', async () => {
    const own = await startTestGateway({ webhooks: { secretKeys: [] } });
    const id = await createAccount(own, { testClock: '2026-03-01T00:00:00Z' });
    await moveClock(own, id, '2026-04-01T00:00:00Z');
    own.app.issuing.start();

    expect((await own.http.get(KEYS).expect(200)).body).toEqual({ keys: [] });
    expect(await statementsOf(own, id)).toEqual([]);
    expect(own.takeFaults()).toEqual([]);
    await own.close();
  });
});
