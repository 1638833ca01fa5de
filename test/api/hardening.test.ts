// What a caller may send by mistake or in malice: each is answered with a code that says whose doing it is.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, createAccount, createHardware, numberOf, register } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { QUERY_LIMITS } from '../../src/graphql/documents.ts';
import {
  type Answer,
  type AnswerError,
  asOwner,
  startTestGateway,
  type TestGateway,
} from '../support/gateway.ts';
import { initialised, originOf } from '../support/live.ts';
import {
  CreateAccountDocument,
  type CreateAccountInput,
  type CreateAccountMutation,
  RecordUsageDocument,
  type UsageEventInput,
} from '@billing-gateway/client/operations';

let gateway: TestGateway;
let accountId: string;

const cursor = (value: unknown, id: number): string =>
  Buffer.from(JSON.stringify([value, id])).toString('base64url');
const id = (text: string): string => Buffer.from(text).toString('base64url');

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await createAccount(gateway, { externalId: 'first' });
  await register(
    gateway,
    accountId,
    { kind: 'WORKFLOW', externalId: 'w', name: 'W' },
    { kind: 'GUARDRAIL', externalId: 'g', name: 'G' },
  );
  for (const name of ['gpu', 'cpu']) await createHardware(gateway, name, '1');
});

afterAll(() => gateway.close());

describe('texts and cursors that no list gave', () => {
  it.each([
    ['{ account(externalId: "\\u0000") { id } }', ['externalId']],
    [
      '{ resource(kind: WORKFLOW, externalId: "\\u0000", accountId: "ACCOUNT") { id } }',
      ['externalId'],
    ],
    ['{ accounts(search: "\\u0000") { totalCount } }', ['search']],
    ['{ account(id: "ACCOUNT") { usageEvents(source: "\\u0000") { totalCount } } }', ['source']],
    ['{ account(id: "ACCOUNT") { usageEvents(eventId: "\\u0000") { totalCount } } }', ['eventId']],
    [`{ accounts(after: "${cursor(null, 2 ** 53 - 1)}") { nodes { id } } }`, ['after']],
    [`{ accounts(after: "${cursor('x', 1)}") { nodes { id } } }`, ['after']],
    [
      `{ account(id: "ACCOUNT") { usageEvents(after: "${cursor('x', 1)}") { nodes { id } } } }`,
      ['after'],
    ],
    [
      `{ account(id: "ACCOUNT") { usageEvents(after: "${cursor(1e300, 1)}") { nodes { id } } } }`,
      ['after'],
    ],
    [
      `{ account(id: "ACCOUNT") { usageEvents(after: "${cursor(null, 1)}") { nodes { id } } } }`,
      ['after'],
    ],
    [
      `{ account(id: "ACCOUNT") { allocations(after: "${cursor(1, 1)}") { nodes { id } } } }`,
      ['after'],
    ],
    [
      `{ account(id: "ACCOUNT") { usage { report(groupBy: [CATEGORY], after: "${cursor(null, 1)}") { totalCount } } } }`,
      ['after'],
    ],
  ])('are BAD_USER_INPUT: %s', async (query, path) => {
    const { errors } = await gateway.query(query.replace('ACCOUNT', accountId));

    expect(errors).toHaveLength(1);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', path });
  });

  it('leave the rest of the answer as it is', async () => {
    const { data, errors } = await gateway.query(
      `{ a: account(externalId: "\\u0000") { id } b: account(id: "${accountId}") { usage { credits { used } } } }`,
    );

    expect(data).toEqual({ a: null, b: { usage: { credits: { used: '0' } } } });
    expect(errors).toHaveLength(1);
  });
});

describe('cursors far outside every list', () => {
  const ends = [Number.MIN_SAFE_INTEGER, -(2 ** 31) - 1, -1, 2 ** 31, Number.MAX_SAFE_INTEGER];
  const values = [null, 0, 1, '', '\0', '1 [', -253_402_300_799_999, 253_402_300_799_999, 1e300];
  const ofAccount = (list: string): string => `account(id: "ACCOUNT") { ${list} }`;

  beforeAll(async () => {
    await gateway.query(
      `mutation ($a: ID!) { createWebhookEndpoint(input: { accountId: $a, url: "https://example.com/", events: [ALERT_RAISED] }) { secret } }`,
      { a: accountId },
    );
  });

  it.each([
    'accounts(after: "CURSOR") { nodes { id } }',
    'emails(accountId: "ACCOUNT", after: "CURSOR") { nodes { id } }',
    'webhookEndpoints(accountId: "ACCOUNT") { deliveries(after: "CURSOR") { nodes { id } } }',
    ofAccount('billingCycles(after: "CURSOR") { nodes { id } }'),
    ofAccount('ledger(after: "CURSOR") { nodes { id } }'),
    ofAccount('allocations(after: "CURSOR") { nodes { id } }'),
    ofAccount('usageEvents(after: "CURSOR") { nodes { id } }'),
    ofAccount('alerts(after: "CURSOR") { nodes { id } }'),
    ofAccount('alerts(before: "CURSOR") { nodes { id } }'),
    ofAccount('usage { workflows(after: "CURSOR") { totalCount } }'),
    ofAccount('usage { report(groupBy: [CATEGORY], after: "CURSOR") { totalCount } }'),
  ])('are answered, or refused as the caller`s: %s', async (list) => {
    const asked = list.replace('ACCOUNT', accountId);
    const fields = ends.flatMap((end) =>
      values.map((value) => ({
        isNegative: end < 0,
        field: asked.replace('CURSOR', cursor(value, end)),
      })),
    );

    const named = fields.map(({ field }, index) => `f${index}: ${field}`);
    const errors: AnswerError[] = [];
    for (let begin = 0; begin < named.length; begin += QUERY_LIMITS.rootFields) {
      const part = named.slice(begin, begin + QUERY_LIMITS.rootFields);
      errors.push(...((await gateway.query(`{ ${part.join('\n')} }`)).errors ?? []));
    }

    expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(
      new Set(['BAD_USER_INPUT']),
    );
    const refused = new Set(errors.map(({ path = [] }) => path[0]));
    const negative = fields.flatMap(({ isNegative }, index) => (isNegative ? [`f${index}`] : []));
    expect(negative.filter((name) => !refused.has(name))).toEqual([]);
    for (const { extensions } of errors) expect(extensions.path?.at(-1)).toMatch(/after|before/);
  });
});

describe('texts of blanks only', () => {
  const blanks = ['" "', '"\\t\\n"', '"\\u00a0\\u2003"', '"\\u200b\\ufeff"'];
  const calls: readonly (readonly [string, readonly (string | number)[]])[] = [
    ['createAccount(input: { name: B }) { id }', ['input', 'name']],
    ['createAccount(input: { name: "A", externalId: B }) { id }', ['input', 'externalId']],
    ['updateAccount(input: { accountId: "ACCOUNT", name: B }) { id }', ['input', 'name']],
    [
      'createApiKey(input: { accountId: "ACCOUNT", name: B, scopes: [INGEST] }) { secret }',
      ['input', 'name'],
    ],
    [
      'registerWorkflow(input: { accountId: "ACCOUNT", externalId: B, name: "N" }) { id }',
      ['input', 'externalId'],
    ],
    [
      'registerWorkflow(input: { accountId: "ACCOUNT", externalId: "n", name: B }) { id }',
      ['input', 'name'],
    ],
    [
      'registerModel(input: { accountId: "ACCOUNT", externalId: B, name: "N", type: BASE }) { id }',
      ['input', 'externalId'],
    ],
    [
      'registerResources(accountId: "ACCOUNT", resources: [{ kind: GUARDRAIL, externalId: "n", name: B }])',
      ['resources', 0, 'name'],
    ],
    [
      'createHardwareProfile(input: { name: B, kind: GPU, model: "T4", vcpus: 4, memoryGb: 16, creditsPerHour: "1" }) { id }',
      ['input', 'name'],
    ],
    [
      'allocate(input: { accountId: "ACCOUNT", amount: "1", idempotencyKey: B }) { id }',
      ['input', 'idempotencyKey'],
    ],
    [
      'adjustCredits(input: { accountId: "ACCOUNT", amount: "1", reason: "r", idempotencyKey: B }) { id }',
      ['input', 'idempotencyKey'],
    ],
    [
      'voidUsage(accountId: "ACCOUNT", source: "s", eventId: B, reason: "r") { voided }',
      ['eventId'],
    ],
  ];

  it.each(calls)('are refused like the empty one: %s', async (call, path) => {
    for (const blank of ['""', ...blanks]) {
      const asked = call.replace('ACCOUNT', accountId).replace(': B', `: ${blank}`);
      const { errors } = await gateway.query(`mutation { ${asked} }`);

      expect(errors?.[0]?.message).toMatch(/must not be empty|holds only blanks/);
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', path });
    }
  });

  it.each(['source', 'eventId', 'resourceExternalId'])(
    'are refused as %s of an event, alone',
    async (field) => {
      const event = {
        source: 's',
        type: 'WORKFLOW_RUN',
        occurredAt: '2026-03-10T11:00:00Z',
        resourceKind: 'WORKFLOW',
        resourceExternalId: 'w',
      };
      const events = [' ', '\u00a0', '\u200b', 'x y '].map((text, index) => ({
        ...event,
        eventId: `blank ${field} ${index}`,
        [field]: field === 'resourceExternalId' && text === 'x y ' ? 'w' : text,
      }));
      const { data } = await gateway.query(
        `mutation ($a: ID!, $events: [UsageEventInput!]!) { recordUsage(accountId: $a, events: $events) {
          accepted results { index code message } } }`,
        { a: accountId, events },
      );

      const message = `${field} holds only blanks; it must name something.`;
      expect(data).toEqual({
        recordUsage: {
          accepted: 1,
          results: [0, 1, 2].map((index) => ({ index, code: 'INVALID_EVENT', message })),
        },
      });
    },
  );

  it('are searched for like any other', async () => {
    const { data } = await gateway.query('{ accounts(search: "  ") { totalCount } }');

    expect(data).toEqual({ accounts: { totalCount: 0 } });
  });
});

describe('what is nested 9,000 deep', () => {
  const nested = '['.repeat(9_000) + ']'.repeat(9_000);
  const record = `mutation ($e: [UsageEventInput!]!) { recordUsage(events: $e) { accepted } }`;
  const event = '{"source":"s","eventId":"1","type":"STORAGE","occurredAt":"2026-03-10T11:00:00Z"';
  const bodies: readonly (readonly [string, string])[] = [
    ['a query', JSON.stringify({ query: '{a'.repeat(9_000) + '}'.repeat(9_000) })],
    ['a literal', JSON.stringify({ query: `{ accounts(search: ${nested}) { totalCount } }` })],
    ['Credits', variables(record, `{"e":[${event},"credits":${nested}}]}`)],
    ['a SafeInt', variables(record, `{"e":[${event},"quantity":${nested}}]}`)],
    ['a DateTime', variables(record, `{"e":[{"occurredAt":${nested}}]}`)],
    ['a list', variables(record, `{"e":${nested}}`)],
    [
      'an address',
      variables(
        'mutation ($i: UpdateAccountInput!) { updateAccount(input: $i) { id } }',
        `{"i":{"notificationEmails":${nested}}}`,
      ),
    ],
    [
      'a text',
      variables('query ($s: String) { accounts(search: $s) { totalCount } }', `{"s":${nested}}`),
    ],
  ];

  function variables(query: string, json: string): string {
    return `{"query":${JSON.stringify(query)},"variables":${json}}`;
  }

  it.each(bodies)('in %s is the caller`s fault', async (_where, body) => {
    const answer = await gateway.http
      .post('/graphql')
      .set('authorization', `Bearer ${gateway.operatorKey}`)
      .set('content-type', 'application/json')
      .send(body);

    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(/BAD_USER_INPUT|QUERY_TOO_COSTLY/);
    expect(answer.text).not.toContain('INTERNAL_SERVER_ERROR');
  });

  it.each(bodies)('in %s is the caller`s fault on a socket too', async (_where, body) => {
    const socket = await initialised(originOf(gateway), gateway.operatorKey);
    socket.socket.send(`{"type":"subscribe","id":"1","payload":${body}}`);

    await until(() => socket.messages.length > 1, 'the answer');
    socket.socket.close();

    const told = JSON.stringify(socket.messages[1]);
    expect(told).toMatch(/BAD_USER_INPUT|QUERY_TOO_COSTLY/);
    expect(told).not.toContain('INTERNAL_SERVER_ERROR');
  });

  it('in a CloudEvent is refused with the event', async () => {
    const answer = await gateway.http
      .post(`/v1/events?accountId=${accountId}`)
      .set('authorization', `Bearer ${gateway.operatorKey}`)
      .set('content-type', 'application/cloudevents-batch+json')
      .send(
        `[${nested}, {"specversion":"1.0","type":${nested}}, {"specversion":"1.0","data":${nested}}]`,
      );

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ accepted: 0, rejected: 3 });
  });
});

describe('ids', () => {
  it.each([
    `{ account(id: "${id('Account.1.99')}") { id } }`,
    `{ node(id: "${id('Account.1.99')}") { id } }`,
    `{ node(id: "${id('HardwareProfile.77.1')}") { id } }`,
    `{ node(id: "${id('Account.999999999999.999999999999')}") { id } }`,
    `{ node(id: "${id('Workflow.1.999999')}") { id } }`,
    `{ account(id: "ACCOUNT") { usageEvents(resourceId: "${id('Workflow.1.999999')}") { nodes { id } } } }`,
    `{ account(id: "ACCOUNT") { usageEvents(resourceId: "${id('Guardrail.1.1')}") { nodes { id } } } }`,
    `{ account(id: "ACCOUNT") { usageEvents(modelId: "${id('Model.1.1')}") { nodes { id } } } }`,
  ])('of nothing are NOT_FOUND: %s', async (query) => {
    const { errors } = await gateway.query(query.replace('ACCOUNT', accountId));

    expect(errors?.map((error) => error.extensions.code)).toEqual(['NOT_FOUND']);
  });
});

describe('values that no type takes', () => {
  const event = (quantity: string): string =>
    `mutation { recordUsage(accountId: "${accountId}", events: [{ source: "s", eventId: "1", type: WORKFLOW_RUN,
      occurredAt: "2026-03-10T11:00:00Z", resourceKind: WORKFLOW, resourceExternalId: "w", quantity: ${quantity} }]) { accepted } }`;

  it.each(['9007199254740992', '1.5', '"7"', '-9007199254740992'])(
    'are named by their place in the query: quantity %s',
    async (quantity) => {
      const { status, errors } = await gateway.query(event(quantity));

      expect(status).toBe(400);
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'BAD_USER_INPUT',
        path: ['events', 0, 'quantity'],
      });
    },
  );

  it('are named by their argument when they come in a variable of another name', async () => {
    const { errors } = await gateway.query(
      `mutation ($e: [UsageEventInput!]!) { recordUsage(accountId: "${accountId}", events: $e) { accepted } }`,
      {
        e: [
          {
            source: 's',
            eventId: '1',
            type: 'STORAGE',
            occurredAt: '2026-03-10T24:00:00Z',
            quantity: 2 ** 53,
          },
        ],
      },
    );

    expect(errors?.map((error) => error.extensions.path)).toEqual(
      expect.arrayContaining([
        ['events', 0, 'quantity'],
        ['events', 0, 'occurredAt'],
      ]),
    );
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'are refused as names of fields: %s',
    async (name) => {
      const { errors } = await gateway.query(`{ ${name}: accounts { totalCount } }`);

      expect(errors?.map((error) => error.extensions.code)).toEqual(['BAD_USER_INPUT']);
    },
  );
});

describe('createAccount sent again', () => {
  it('is the first account, whether what is left out is absent, null or the default', async () => {
    const create = (input: Partial<CreateAccountInput>): Promise<Answer<CreateAccountMutation>> =>
      gateway.query(CreateAccountDocument, { input: { name: 'V', externalId: 'v', ...input } });

    const first = await create({});
    const again = await create({
      timeZone: null,
      createdAt: null,
      cycleDay: 1,
      notificationEmails: [],
    });
    const other = await create({ timeZone: 'Asia/Kolkata' });

    expect(again.data).toEqual(first.data);
    expect(other.errors?.[0]?.extensions.code).toBe('CONFLICT');
  });
});

describe('folding', () => {
  it('takes smaller steps where one takes too long', async () => {
    const account = await createAccount(gateway, { externalId: 'busy' });
    await register(gateway, account, { kind: 'WORKFLOW', externalId: 'w', name: 'W' });
    const { recordUsage } = await ask(gateway, RecordUsageDocument, {
      accountId: account,
      events: Array.from({ length: 3_000 }, (_, index): UsageEventInput => ({
        source: 's',
        eventId: `${index}`,
        type: 'WORKFLOW_RUN',
        occurredAt: '2026-03-10T11:00:00Z',
        resourceKind: 'WORKFLOW',
        resourceExternalId: 'w',
      })),
    });
    expect(recordUsage.accepted).toBe(3_000);
    // Stands for a database on which more than a thousand events in one step meet the statement timeout.
    await asOwner(
      gateway.databaseUrl,
      `create function too_long() returns trigger language plpgsql as $$ begin
         if new.watermark - old.watermark > 1000 then
           raise exception 'canceling statement due to statement timeout' using errcode = '57014';
         end if;
         return new;
       end $$`,
    );
    await asOwner(
      gateway.databaseUrl,
      'create trigger too_long before update on rollup_state for each row execute function too_long()',
    );

    await gateway.fold();

    await asOwner(gateway.databaseUrl, 'drop trigger too_long on rollup_state');
    const rows = await asOwner(
      gateway.databaseUrl,
      `select watermark, (select sum(quantity) from usage_by_account where account_id = ${numberOf(account)} and tier = 0) as runs
       from rollup_state where account_id = ${numberOf(account)}`,
    );
    expect(rows).toEqual([{ watermark: '3000', runs: '3000' }]);
  });

  it('goes on with other accounts when one cannot be folded', async () => {
    const broken = await createAccount(gateway, { externalId: 'broken' });
    const healthy = await createAccount(gateway, { externalId: 'healthy' });
    const record = (account: string, eventId: string): Promise<unknown> =>
      gateway.query(
        `mutation ($a: ID!, $e: String!) {
          registerResources(accountId: $a, resources: [{ kind: WORKFLOW, externalId: "w", name: "W" }])
          recordUsage(accountId: $a, events: [{ source: "s", eventId: $e, type: WORKFLOW_RUN,
            occurredAt: "2026-03-10T11:00:00Z", resourceKind: WORKFLOW, resourceExternalId: "w" }]) { accepted }
        }`,
        { a: account, e: eventId },
      );
    for (const account of [broken, healthy]) await record(account, '1');
    await gateway.fold();
    // Stands for any fault that comes again at each try.
    await asOwner(
      gateway.databaseUrl,
      `update usage_by_account set quantity = 9223372036854775807 where account_id = ${numberOf(broken)}`,
    );
    for (const account of [broken, healthy]) await record(account, '2');

    await gateway.fold().catch(() => undefined);

    const rows = await asOwner(
      gateway.databaseUrl,
      `select external_id, last_seq - watermark as behind from account join rollup_state using (account_id)
       where external_id in ('broken', 'healthy') order by 1`,
    );
    expect(rows).toEqual([
      { external_id: 'broken', behind: '1' },
      { external_id: 'healthy', behind: '0' },
    ]);
  });
});

describe('the hardware filter of a tab', () => {
  it('selects what ran on the hardware within the range, folded or not, and not what was voided', async () => {
    const periods = [
      {
        source: 'h',
        eventId: 'on-gpu',
        hardware: 'gpu',
        from: '2026-03-05T01:00:00Z',
        to: '2026-03-05T02:00:00Z',
      },
      {
        source: 'h',
        eventId: 'on-cpu',
        hardware: 'cpu',
        from: '2026-03-05T04:00:00Z',
        to: '2026-03-05T05:00:00Z',
      },
    ].map((period) => ({ ...period, resourceKind: 'GUARDRAIL', resourceExternalId: 'g' }));
    await gateway.query(
      `mutation ($a: ID!, $p: [HostingPeriodInput!]!) { recordHosting(accountId: $a, periods: $p) { accepted } }`,
      { a: accountId, p: periods },
    );
    const rowsFrom = async (from: string): Promise<unknown> => {
      const { data } = await gateway.query<{
        account: { usage: { guardrails: { totalCount: number } } };
      }>(
        `query ($a: ID!, $from: DateTime!) { account(id: $a) { usage(range: { from: $from, to: "2026-03-07T00:00:00Z" }) {
          guardrails(filter: { hardware: ["gpu"] }) { totalCount } } } }`,
        { a: accountId, from },
      );
      return data.account.usage.guardrails.totalCount;
    };

    const before = [await rowsFrom('2026-03-05T00:00:00Z'), await rowsFrom('2026-03-05T03:00:00Z')];
    await gateway.fold().catch(() => undefined);
    const after = [await rowsFrom('2026-03-05T00:00:00Z'), await rowsFrom('2026-03-05T03:00:00Z')];
    await gateway.query(
      `mutation ($a: ID!) { voidUsage(accountId: $a, source: "h", eventId: "on-gpu", reason: "test") { voided } }`,
      { a: accountId },
    );
    const voided = await rowsFrom('2026-03-05T00:00:00Z');

    expect(before).toEqual([1, 0]);
    expect(after).toEqual([1, 0]);
    expect(voided).toBe(0);
  });
});

describe('the range before', () => {
  it('is refused where it would begin before any that can be asked for', async () => {
    const { errors } = await gateway.query(
      `{ account(id: "${accountId}") { usage(range: { fromDay: "1990-06-01", toDay: "2020-05-31" }) { previous { range { from } } } } }`,
    );

    expect(errors?.map((error) => error.extensions.code)).toEqual(['BAD_USER_INPUT']);
  });
});
