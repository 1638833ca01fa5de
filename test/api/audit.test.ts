// The audit log: every mutation of the schema writes exactly one entry when it changes something, and none otherwise.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getNamedType, isCompositeType, isObjectType } from 'graphql';
import { auditedActions, changesOf, unauditedMutations } from '../../src/audit/audit.ts';
import { isoInstant } from '../../src/core/range.ts';
import { sql } from '../../src/db/sql.ts';
import { ask, createAccount, createHardware, createKey, numberOf } from '../support/account.ts';
import {
  apiSchema,
  EXAMPLE_HARDWARE,
  ExampleAccount,
  operationOf,
  rootField,
  type Variables,
} from '../support/examples.ts';
import {
  type Answer,
  asOwner,
  codeOf,
  OPERATOR_KEY,
  startTestGateway,
  TEST_NOW,
  type TestGateway,
} from '../support/gateway.ts';
import { liveClient, originOf } from '../support/live.ts';
import {
  AuditEntryByIdDocument,
  AuditLogDocument,
  type AuditLogQuery,
  type AuditLogQueryVariables,
  CloseAccountDocument,
  CreateApiKeyDocument,
  SetCreditPolicyDocument,
  UpdateAccountDocument,
} from '@billing-gateway/client/operations';

const HOUR = 3_600_000;
const mutations = Object.keys(apiSchema.getMutationType()?.getFields() ?? {});

/** Those that change something again when the same call is sent again. */
const changingAgain = new Set([
  ...['createApiKey', 'createPortalToken', 'createWebhookEndpoint', 'redeliverWebhook'],
  ...['rotateWebhookSecret', 'sendTestWebhook'],
]);

/** A call of a mutation that selects the secret that it makes, if it makes one. */
function documentOf(name: string, variables: Variables): string {
  const type = getNamedType(rootField(name).type);
  if (!isCompositeType(type)) return operationOf(name, variables, '');
  const fields = isObjectType(type) ? Object.keys(type.getFields()) : [];
  const secret = fields.find((field) => field === 'secret' || field === 'token') ?? '';
  return operationOf(name, variables, `{ __typename ${secret} }`);
}

describe('the entries of mutations', () => {
  let gateway: TestGateway;
  let example: ExampleAccount;
  let otherKey = '';
  const secrets: string[] = [OPERATOR_KEY];

  beforeAll(async () => {
    gateway = await startTestGateway();
    await createHardware(gateway, EXAMPLE_HARDWARE, '1');
    example = await ExampleAccount.open(gateway, { name: 'audited', rows: 2 });
    const other = await createAccount(gateway, { name: 'Other' });
    ({ secret: otherKey } = await createKey(gateway, other, ['READ_USAGE']));
  });

  afterAll(async () => {
    await gateway.close();
  });

  /** Calls of a mutation that succeed. */
  async function callsOf(mutation: string): Promise<readonly Variables[]> {
    if (mutation === 'advanceTestClock') {
      const accountId = await createAccount(gateway, { testClock: TEST_NOW });
      return [{ accountId, to: isoInstant(Date.parse(TEST_NOW) + HOUR) }];
    }
    if (mutation === 'closeAccount') return [{ accountId: await createAccount(gateway) }];
    if (mutation === 'erasePersonalData') {
      const accountId = await createAccount(gateway);
      await ask(gateway, CloseAccountDocument, { accountId });
      return [{ accountId }];
    }
    const made: Variables[] = [];
    for (const call of example.fields[mutation]?.calls ?? []) made.push(await call());
    return made;
  }

  /** Sends a call, and keeps what is secret of it and of its answer. */
  async function send(
    mutation: string,
    variables: Variables,
    key = OPERATOR_KEY,
  ): Promise<Answer<Record<string, unknown>>> {
    const answer = await gateway.query(documentOf(mutation, variables), variables, key);
    for (const [, text = ''] of JSON.stringify([variables, answer]).matchAll(
      /(?:token=|"secret":"|"token":")([\w-]+)/g,
    )) {
      secrets.push(text);
    }
    return answer;
  }

  /** The entries that a call wrote. */
  async function writtenBy(call: () => Promise<unknown>): Promise<readonly Variables[]> {
    const [last] = await asOwner(
      gateway.databaseUrl,
      'select coalesce(max(entry_id), 0) as id from audit_entry',
    );
    await call();
    return asOwner(
      gateway.databaseUrl,
      sql`select * from audit_entry where entry_id > ${last?.['id']} order by entry_id`,
    );
  }

  it('are known for every mutation of the schema', () => {
    const known = [...Object.keys(auditedActions), ...unauditedMutations].sort();
    expect(known).toEqual([...mutations].sort());
  });

  it.each(mutations)('are one or none for %s', async (mutation) => {
    const isAudited = mutation in auditedActions;
    for (const call of await callsOf(mutation)) {
      const refused = await writtenBy(async () => {
        const { errors } = await send(mutation, call, otherKey);
        expect(errors).toBeDefined();
      });
      const first = await writtenBy(async () => {
        const { errors } = await send(mutation, call);
        expect(errors).toBeUndefined();
      });
      const second = await writtenBy(() => send(mutation, call));

      expect(refused).toEqual([]);
      expect(first.map((entry) => entry['action'])).toEqual(isAudited ? [mutation] : []);
      expect(second).toHaveLength(changingAgain.has(mutation) ? 1 : 0);
      for (const entry of first) {
        expect(entry).toMatchObject({
          actor: 'key:1',
          is_operator: true,
          target: expect.any(String),
          summary: expect.stringMatching(/^[A-Z].*\.$/s),
          request_id: expect.any(String),
          address: expect.stringContaining('127.0.0.1'),
        });
        expect(entry['changes']).not.toEqual([]);
      }
    }
  });

  it('are sentences that name what changed', async () => {
    const rows = await asOwner(
      gateway.databaseUrl,
      `select distinct on (action) action, summary, account_id from audit_entry
       where account_id in (0, ${numberOf(example.accountId)}) order by action, entry_id desc`,
    );
    const summaries = new Map(rows.map((row) => [row['action'], row['summary']]));
    expect(summaries.get('setCreditPolicy')).toMatch(
      /^Set credit policy of audited[\w ]*: lowCredit from 0 to 1\.$/,
    );
    expect(summaries.get('scale')).toMatch(
      /^Scale of audited GUARDRAIL \d+: replicas from 1 to 2\.$/,
    );
    expect(summaries.get('revokeApiKey')).toBe(`Revoke API key of key: revokedAt ${TEST_NOW}.`);
    const ofNoAccount = rows.filter((row) => row['account_id'] === 0);
    expect(ofNoAccount.map((row) => row['action'])).toEqual([
      'createHardwareProfile',
      'setHardwareRate',
    ]);
  });

  it('hold no secret', async () => {
    const all = JSON.stringify(await asOwner(gateway.databaseUrl, 'select * from audit_entry'));
    expect(secrets.length).toBeGreaterThan(10);
    for (const secret of secrets) expect(all).not.toContain(secret);
  });

  it.each([
    [{ accountId: 1 }, [sql`delete from audit_entry`]],
    // What is older than thirty days may go (retention.test.ts).
    ['operator', []],
  ] as const)('can only be added by %p', async (whose, more) => {
    for (const statement of [
      sql`update audit_entry set actor = 'nobody'`,
      sql`truncate audit_entry`,
      ...more,
    ]) {
      await expect(
        gateway.database.inTransaction(whose, (tx) => tx.query(statement)),
      ).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('take one statement for each change of credits and deployments', async () => {
    const calls = { allocate: await callsOf('allocate'), deploy: await callsOf('deploy') };
    const statements: string[] = [];
    const stop = gateway.database.onStatement((text) => statements.push(text));
    for (const [mutation, [call = {}]] of Object.entries(calls)) await send(mutation, call);
    stop();
    const audits = statements.filter((text) => text.includes('audit_entry'));
    expect(audits).toHaveLength(2);
  });
});

it('tells the fields that differ, in their units', () => {
  expect(
    changesOf(
      { a: 1, levelMicro: 1_500_000n, sinceMs: 0, list: ['x', 'y'], same: true, gone: 'x' },
      { a: 2, levelMicro: -1n, sinceMs: 1, list: ['x'], same: true, new: false },
    ),
  ).toEqual([
    { field: 'a', from: '1', to: '2' },
    { field: 'level', from: '1.5', to: '-0.000001' },
    { field: 'since', from: '1970-01-01T00:00:00.000Z', to: '1970-01-01T00:00:00.001Z' },
    { field: 'list', from: 'x, y', to: 'x' },
    { field: 'gone', from: 'x', to: null },
    { field: 'new', from: null, to: 'false' },
  ]);
});

it('shows of a URL nothing that may be a secret', () => {
  expect(
    changesOf(
      {
        url: 'https://me:pass@example.com/x?a=b#c',
        endpointUrl: 'https://example.com/y#secret?',
        tokenUrl: 'https://example.com/?one',
      },
      {
        url: 'https://example.com/x@y',
        endpointUrl: null,
        tokenUrl: 'https://example.com/?two',
      },
    ),
  ).toEqual([
    { field: 'url', from: 'https://…@example.com/x?…#…', to: 'https://example.com/x@y' },
    { field: 'endpointUrl', from: 'https://example.com/y#…', to: null },
    { field: 'tokenUrl', from: 'https://example.com/?…', to: 'https://example.com/?…' },
  ]);
});

describe('auditLog', () => {
  let gateway: TestGateway;
  let accountId = '';
  let otherId = '';
  let manager = '';
  let managerId = '';
  let reader = '';

  beforeAll(async () => {
    gateway = await startTestGateway();
    accountId = await createAccount(gateway, { name: 'Acme', timeZone: 'Europe/Berlin' });
    otherId = await createAccount(gateway, { name: 'Other' });
    const keyOf = async (scope: 'MANAGE' | 'READ_USAGE'): Promise<[string, string]> => {
      const { createApiKey } = await ask(gateway, CreateApiKeyDocument, {
        input: { accountId, name: scope, scopes: [scope] },
      });
      return [createApiKey.secret, createApiKey.apiKey.id];
    };
    [manager, managerId] = await keyOf('MANAGE');
    [reader] = await keyOf('READ_USAGE');
    // Two of these share an instant.
    for (const [index, name] of ['B', 'C', 'D', 'E'].entries()) {
      if (index !== 2) gateway.clock.moveBy(1_000);
      await ask(gateway, UpdateAccountDocument, { input: { name } }, manager);
    }
    await ask(gateway, SetCreditPolicyDocument, { input: { accountId, lowCredit: '1' } });
  });

  afterAll(async () => {
    await gateway.close();
  });

  type Log = NonNullable<AuditLogQuery['auditLog']>;

  async function log(variables: AuditLogQueryVariables, key?: string): Promise<Log> {
    const { auditLog } = await ask(gateway, AuditLogDocument, variables, key);
    if (auditLog === null) throw new Error('there is a log');
    return auditLog;
  }

  async function actions(variables: AuditLogQueryVariables, key?: string): Promise<string[]> {
    return (await log(variables, key)).nodes.map(({ action }) => action);
  }

  it('is the account’s own, newest first', async () => {
    const { nodes, totalCount } = await log({}, manager);
    expect(nodes.map(({ action }) => action)).toEqual([
      'setCreditPolicy',
      ...Array.from({ length: 4 }, () => 'updateAccount'),
      'createApiKey',
      'createApiKey',
      'createAccount',
    ]);
    expect(totalCount).toBe(8);
    expect(nodes[1]).toMatchObject({
      target: accountId,
      actorId: managerId,
      summary: 'Update account of D: name from D to E.',
      changes: [{ field: 'name', from: 'D', to: 'E' }],
    });
  });

  it('shows accounts the addresses of their own callers, and operators all', async () => {
    const [ofOperator, ofManager] = (await log({}, manager)).nodes;
    const [seen] = (await log({ accountId })).nodes;
    expect(ofOperator).toMatchObject({ actor: 'key:1', address: null });
    expect(ofManager?.address).toContain('127.0.0.1');
    expect(seen?.address).toContain('127.0.0.1');
  });

  it('is for those who manage the account, and operators', async () => {
    expect(await codeOf(gateway.query(AuditLogDocument, {}, reader))).toBe('FORBIDDEN');
    expect(await codeOf(gateway.query(AuditLogDocument, { accountId: otherId }, manager))).toBe(
      'NOT_FOUND',
    );
    expect(await actions({ accountId: otherId })).toEqual(['createAccount']);
    expect(await actions({})).toHaveLength(9);
  });

  it('is searched by actor, action, target and range', async () => {
    const [newest] = (await log({ actor: managerId })).nodes;
    expect(await actions({ actor: newest?.actor ?? '' })).toHaveLength(4);
    expect(await actions({ actor: managerId, accountId: otherId })).toEqual([]);
    expect(await actions({ action: 'createAccount' })).toHaveLength(2);
    expect(await actions({ action: 'createAccount', accountId })).toHaveLength(1);
    expect(await actions({ target: managerId })).toEqual(['createApiKey']);
    const from = isoInstant(Date.parse(TEST_NOW) + 1_000);
    const to = isoInstant(Date.parse(TEST_NOW) + 3_000);
    expect(await actions({ range: { from, to } })).toHaveLength(3);
    expect(await actions({ range: { fromDay: '2026-03-10', toDay: '2026-03-10' } })).toHaveLength(
      9,
    );
    expect(await actions({ accountId, range: { preset: 'LAST_7_DAYS' } })).toHaveLength(6);
  });

  it('names what it cannot search for', async () => {
    for (const [variables, path] of [
      [{ action: 'dance' }, ['action']],
      [{ first: 501 }, ['first']],
      [{ after: 'x' }, ['after']],
      [{ after: Buffer.from('[1e300,1]').toString('base64url') }, ['after']],
      [{ range: { from: TEST_NOW } }, ['range']],
    ] as const) {
      const { errors } = await gateway.query(AuditLogDocument, variables);
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', path });
    }
  });

  it('has pages that neither repeat nor miss an entry while others are written', async () => {
    const before = (await log({ accountId })).nodes.map(({ id }) => id);
    const pages: string[] = [];
    let after: string | null = null;
    do {
      const page: Log = await log({ accountId, first: 2, after });
      pages.push(...page.nodes.map(({ id }) => id));
      after = page.pageInfo.hasNextPage ? (page.pageInfo.endCursor ?? null) : null;
      gateway.clock.moveBy(1);
      await ask(gateway, UpdateAccountDocument, {
        input: { accountId, name: `page ${pages.length}` },
      });
    } while (after !== null);
    expect(pages).toEqual(before);
  });

  it('has entries that are found by their ids', async () => {
    const { nodes } = await log({ accountId }, manager);
    const { node } = await ask(
      gateway,
      AuditEntryByIdDocument,
      { id: nodes[0]?.id ?? '' },
      manager,
    );
    expect(node).toEqual(nodes[0]);
    const [ofOther] = (await log({ accountId: otherId })).nodes;
    const foreign = { id: ofOther?.id ?? '' };
    expect(await codeOf(gateway.query(AuditEntryByIdDocument, foreign, manager))).toBe('NOT_FOUND');
    expect(
      await codeOf(gateway.query(AuditEntryByIdDocument, { id: nodes[0]?.id ?? '' }, reader)),
    ).toBe('FORBIDDEN');
  });

  it('tells the request that a caller sent', async () => {
    await gateway.http
      .post('/graphql')
      .set('authorization', `Bearer ${manager}`)
      .set('x-request-id', 'my-own-id')
      .send({ query: 'mutation { updateAccount(input: { name: "Z" }) { id } }' });
    expect((await log({}, manager)).nodes[0]).toMatchObject({ requestId: 'my-own-id' });
  });

  it('keeps no text that a caller sent for an address', async () => {
    const proxied = await startTestGateway({ beside: gateway, http: { trustProxy: 1 } });
    const addressOf = async (forwardedFor: string): Promise<unknown> => {
      made += 1;
      await proxied.http
        .post('/graphql')
        .set('authorization', `Bearer ${manager}`)
        .set('x-forwarded-for', forwardedFor)
        .send({ query: `mutation { updateAccount(input: { name: "Z${made}" }) { id } }` });
      return (await log({}, manager)).nodes[0]?.address;
    };
    let made = 0;
    const addresses = [await addressOf('203.0.113.7:4000'), await addressOf('x'.repeat(9_000))];
    await proxied.close();

    expect(addresses).toEqual(['203.0.113.7', null]);
  });

  it('tells the address and the request of a socket', async () => {
    const client = liveClient(originOf(gateway), manager);
    const query = 'mutation { updateAccount(input: { name: "by socket" }) { id } }';
    await new Promise<void>((resolve, reject) => {
      client.subscribe({ query }, { next: () => undefined, error: reject, complete: resolve });
    });
    await client.dispose();
    expect((await log({}, manager)).nodes[0]).toMatchObject({
      changes: [{ field: 'name', to: 'by socket' }],
      requestId: expect.any(String),
      address: expect.stringContaining('127.0.0.1'),
    });
  });
});
