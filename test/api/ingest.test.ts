import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createAccount,
  createHardware,
  deploy,
  fund,
  numberOf,
  register,
} from '../support/account.ts';
import { sql } from '../../src/db/sql.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { itOnOneServer } from '../support/left-out.ts';

const NOW_MS = Date.parse('2026-03-10T12:00:00.000Z');
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const PAYLOAD = `accepted duplicates conflicts rejected results { index outcome code message }`;
const RECORD_USAGE = `mutation ($accountId: ID, $events: [UsageEventInput!]!) {
  payload: recordUsage(accountId: $accountId, events: $events) { ${PAYLOAD} }
}`;
const RECORD_HOSTING = `mutation ($accountId: ID, $periods: [HostingPeriodInput!]!) {
  payload: recordHosting(accountId: $accountId, periods: $periods) { ${PAYLOAD} }
}`;
const VOID = `mutation ($accountId: ID, $eventId: String!) {
  payload: voidUsage(accountId: $accountId, source: "meter", eventId: $eventId, reason: "wrong") { voided }
}`;
const EVENTS = `query ($id: ID, $range: DateRangeInput, $resourceId: ID, $modelId: ID, $source: String, $eventId: String, $first: Int, $after: String) {
  account(id: $id) {
    usageEvents(range: $range, resourceId: $resourceId, modelId: $modelId, source: $source, eventId: $eventId, first: $first, after: $after) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { id eventId type quantity unit credits occurredAt recordedAt voidedAt resource { externalId } model { externalId } }
    }
  }
}`;

interface Payload {
  readonly accepted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly rejected: number;
  readonly results: readonly { index: number; outcome: string; code: string; message: string }[];
}
interface EventNode {
  readonly id: string;
  readonly eventId: string;
  readonly voidedAt: string | null;
  readonly resource: { readonly externalId: string } | null;
  readonly model: { readonly externalId: string } | null;
}
interface EventList {
  readonly totalCount: number;
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  readonly nodes: readonly EventNode[];
}

/** Older than any event here. */
const LONG_KEPT = { createdAt: '2025-01-01T00:00:00Z' };

let gateway: TestGateway;
let accountId: string;
let otherId: string;
let ids: readonly string[];
let made = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await createAccount(gateway, LONG_KEPT);
  otherId = await createAccount(gateway, LONG_KEPT);
  await createHardware(gateway, 'gpu', '3.6', { effectiveFrom: '2026-01-01T00:00:00Z' });
  ids = await register(
    gateway,
    accountId,
    { kind: 'WORKFLOW', externalId: 'wf', name: 'wf' },
    { kind: 'GUARDRAIL', externalId: 'pii', name: 'pii' },
    {
      kind: 'MODEL_DEPLOYMENT',
      externalId: 'chat',
      name: 'chat',
      modelExternalId: 'llama',
      modelType: 'BASE',
    },
    { kind: 'BROWSER_POD', externalId: 'pod', name: 'pod' },
  );
});

afterAll(async () => {
  await gateway.close();
});

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

function anEvent(changes: object = {}): object {
  made += 1;
  return {
    source: 'meter',
    eventId: `e${made}`,
    type: 'PROCESSING',
    occurredAt: iso(NOW_MS),
    resourceKind: 'GUARDRAIL',
    resourceExternalId: 'pii',
    credits: '0.25',
    ...changes,
  };
}

function aPeriod(fromMs: number, toMs: number, changes: object = {}): object {
  made += 1;
  return {
    source: 'meter',
    eventId: `p${made}`,
    resourceKind: 'MODEL_DEPLOYMENT',
    resourceExternalId: 'chat',
    hardware: 'gpu',
    from: iso(fromMs),
    to: iso(toMs),
    ...changes,
  };
}

async function record(...events: readonly object[]): Promise<Payload> {
  const { data } = await gateway.query<{ payload: Payload }>(RECORD_USAGE, { accountId, events });
  return data.payload;
}

async function recordHosting(...periods: readonly object[]): Promise<Payload> {
  const answer = await gateway.query<{ payload: Payload }>(RECORD_HOSTING, { accountId, periods });
  return answer.data.payload;
}

async function listEvents(variables: object): Promise<EventList> {
  const answer = await gateway.query<{ account: { usageEvents: EventList } }>(EVENTS, {
    id: accountId,
    ...variables,
  });
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return answer.data.account.usageEvents;
}

function codes(payload: Payload): readonly [number, string][] {
  return payload.results.map(({ index, code }) => [index, code]);
}

async function hostedMs(): Promise<unknown> {
  const rows = await asOwner(
    gateway.databaseUrl,
    `select coalesce(sum(extract(epoch from to_at - from_at) * 1000), 0)::bigint as ms from hosting_segment where voided_at is null`,
  );
  return rows[0]?.['ms'];
}

/** The sums that the account's limits are judged by. */
async function totals(): Promise<{ readonly quantity: bigint; readonly micro: bigint }> {
  const rows = await asOwner(
    gateway.databaseUrl,
    `select sum(recorded_quantity) as quantity, sum(recorded_credits_micro) as micro from account`,
  );
  return {
    quantity: BigInt(String(rows[0]?.['quantity'])),
    micro: BigInt(String(rows[0]?.['micro'])),
  };
}

describe('recordUsage', () => {
  it('accepts each type where it belongs', async () => {
    const model = { resourceKind: null, resourceExternalId: null, modelExternalId: 'llama' };
    const run = { type: 'WORKFLOW_RUN', credits: null };

    const payload = await record(
      anEvent(),
      anEvent({ ...run, resourceKind: 'WORKFLOW', resourceExternalId: 'wf', quantity: 3 }),
      anEvent({ ...model, type: 'FINE_TUNING' }),
      anEvent({ ...model, type: 'STORAGE' }),
      anEvent({ resourceKind: null, resourceExternalId: null, resourceId: ids[3] }),
    );

    expect(payload).toMatchObject({ accepted: 5, results: [] });
  });

  it('answers the same again with DUPLICATE, and other content with CONFLICT', async () => {
    const event = anEvent({ eventId: 'retried' });
    await record(event);

    const payload = await record(event, { ...event, credits: '0.250001' }, event, anEvent());

    expect(payload).toMatchObject({ accepted: 1, duplicates: 2, conflicts: 1, rejected: 0 });
    expect(codes(payload)).toEqual([
      [0, 'DUPLICATE'],
      [1, 'CONFLICT'],
      [2, 'DUPLICATE'],
    ]);
    expect(payload.results[1]?.message).toContain('credits');
  });

  it('takes the unit as part of the content', async () => {
    const [pages, none] = [anEvent({ eventId: 'in pages', unit: 'pages' }), anEvent()];
    await record(pages, none);

    const payload = await record(
      { ...pages, unit: 'tokens' },
      { ...pages, unit: null },
      { ...none, unit: 'pages' },
      pages,
      none,
    );

    expect(codes(payload)).toEqual([
      [0, 'CONFLICT'],
      [1, 'CONFLICT'],
      [2, 'CONFLICT'],
      [3, 'DUPLICATE'],
      [4, 'DUPLICATE'],
    ]);
    expect(payload.results.slice(0, 3).every(({ message }) => message.includes('unit'))).toBe(true);
    expect((await listEvents({ eventId: 'in pages' })).nodes).toMatchObject([{ unit: 'pages' }]);
  });

  it('counts what of a batch is new, and only that, when the rest was recorded before', async () => {
    const known = [anEvent({ quantity: 5 }), anEvent({ quantity: 7 })];
    await record(...known);
    const before = await totals();

    const payload = await record(anEvent({ quantity: 2 }), ...known, anEvent({ quantity: 3 }));
    const again = await record(...known);

    expect(payload).toMatchObject({ accepted: 2, duplicates: 2 });
    expect(codes(payload)).toEqual([
      [1, 'DUPLICATE'],
      [2, 'DUPLICATE'],
    ]);
    expect(again).toMatchObject({ accepted: 0, duplicates: 2 });
    expect(await totals()).toEqual({
      quantity: before.quantity + 5n,
      micro: before.micro + 500_000n,
    });
  });

  itOnOneServer(
    'looks identities up before it inserts, once events come that were recorded before',
    async () => {
      const [first, second, third] = [anEvent(), anEvent(), anEvent()];
      await record(first);
      const steps: string[] = [];
      const stop = gateway.database.onStatement((text) => {
        const step = /\/\* usage\.(loadRecorded|insertEvents) \*\//.exec(text)?.[1];
        if (step !== undefined) steps.push(step);
      });
      const stepsOf = async (...events: readonly object[]): Promise<readonly string[]> => {
        steps.length = 0;
        await record(...events);
        return [...steps];
      };

      const found = await stepsOf(first, second);
      const expected = await stepsOf(second, third);
      const allNew = await stepsOf(anEvent());
      const thereafter = await stepsOf(anEvent());
      stop();

      expect(found).toEqual(['insertEvents', 'loadRecorded', 'insertEvents']);
      expect(expected).toEqual(['loadRecorded', 'insertEvents']);
      expect(allNew).toEqual(['loadRecorded', 'insertEvents']);
      expect(thereafter).toEqual(['insertEvents']);
    },
  );

  it('keeps texts to the letter', async () => {
    const texts = ['"', '\\', '\\"', '{a,b}', 'null', ' ', '\n\t', "'", 'é😀'].map(
      (text) => `k${text}`,
    );
    const events = texts.map((eventId) => anEvent({ eventId, source: eventId }));

    expect(await record(...events)).toMatchObject({ accepted: texts.length });
    expect(await record(...events)).toMatchObject({ duplicates: texts.length });
    for (const eventId of texts) {
      expect((await listEvents({ eventId })).nodes).toMatchObject([{ eventId }]);
    }
  });

  it('judges each event alone, and stores nothing of what it rejects', async () => {
    const late = anEvent({ occurredAt: iso(NOW_MS - 400 * DAY_MS - 1) });
    const payload = await record(
      anEvent(),
      anEvent({ resourceExternalId: 'nobody' }),
      anEvent({ resourceKind: 'WORKFLOW', resourceExternalId: 'wf' }),
      late,
      anEvent({ occurredAt: iso(NOW_MS + 300_001) }),
      anEvent({ eventId: 'half \ud83d' }),
      anEvent({ credits: '-1' }),
      anEvent({ credits: null }),
      anEvent({ occurredAt: iso(NOW_MS + 300_000) }),
    );

    expect(payload).toMatchObject({ accepted: 2, rejected: 7 });
    expect(codes(payload)).toEqual([
      [1, 'UNKNOWN_RESOURCE'],
      [2, 'WRONG_KIND'],
      [3, 'OUTSIDE_WINDOW'],
      [4, 'OUTSIDE_WINDOW'],
      [5, 'INVALID_EVENT'],
      [6, 'INVALID_EVENT'],
      [7, 'CREDITS_MISSING'],
    ]);
    expect(payload.results[0]?.message).toContain('"nobody"');
    // A rejected identity is still free.
    expect(await record({ ...late, occurredAt: iso(NOW_MS) })).toMatchObject({ accepted: 1 });
  });

  it('takes no event for another one whose identity has the same hash', async () => {
    await record(anEvent({ eventId: 'hash of its own' }));
    await asOwner(
      gateway.databaseUrl,
      sql`insert into usage_identity (account_id, content_hash, seq, hash)
       select account_id, content_hash, seq, usage_identity_hash('meter', 'the same hash') from usage_identity
       where account_id = ${numberOf(accountId)} and hash = usage_identity_hash('meter', 'hash of its own')`,
    );

    const payload = await record(
      anEvent({ eventId: 'the same hash' }),
      anEvent({ eventId: 'beside' }),
    );
    const voided = await gateway.query(VOID, { accountId, eventId: 'the same hash' });

    expect(payload).toMatchObject({ accepted: 1, conflicts: 1 });
    expect(payload.results[0]?.message).toContain('have the same hash as those of another');
    expect(voided.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    expect((await listEvents({ eventId: 'beside' })).totalCount).toBe(1);
    expect((await listEvents({ eventId: 'the same hash' })).totalCount).toBe(0);
  });

  it('answers a retry with DUPLICATE long after the window closed', async () => {
    // The first call is made long ago, as no gateway writes ahead of the database's clock.
    gateway.clock.moveTo(NOW_MS - 410 * DAY_MS);
    const later = await createAccount(gateway, LONG_KEPT);
    await register(
      gateway,
      later,
      { kind: 'WORKFLOW', externalId: 'wf', name: 'wf' },
      { kind: 'GUARDRAIL', externalId: 'pii', name: 'pii' },
    );
    const occurredAt = new Date(NOW_MS - 410 * DAY_MS).toISOString();
    const event = { ...anEvent(), occurredAt };
    const other = { ...anEvent(), occurredAt };
    const send = async (events: object[]): Promise<Payload> =>
      (await gateway.query<{ payload: Payload }>(RECORD_USAGE, { accountId: later, events })).data
        .payload;
    await send([event]);

    gateway.clock.moveTo(NOW_MS);
    const payload = await send([event, other]);

    expect(codes(payload)).toEqual([
      [0, 'DUPLICATE'],
      [1, 'OUTSIDE_WINDOW'],
    ]);
  });

  it.each([
    ['a seventh fraction digit', { credits: '0.1234567' }],
    ['2^63 micro-credits', { credits: '9223372036854.775808' }],
    ['NaN', { credits: 'NaN' }],
    ['2^53 runs', { quantity: 2 ** 53 }],
    ['a day that is none', { occurredAt: '2026-02-30T00:00:00Z' }],
  ])('refuses the whole call for %s', async (_what, changes) => {
    const good = anEvent();

    const refused = await gateway.query(RECORD_USAGE, {
      accountId,
      events: [good, anEvent(changes)],
    });

    expect(refused.errors?.[0]?.message).toBeDefined();
    expect(await record(good)).toMatchObject({ accepted: 1 });
  });

  it('takes 5,000 events and refuses 5,001', async () => {
    const events = Array.from({ length: 5_001 }, () => anEvent({ credits: '0' }));

    const refused = await gateway.query(RECORD_USAGE, { accountId, events });

    expect(refused.errors?.[0]).toMatchObject({
      message: expect.stringContaining('5001'),
      extensions: { code: 'BAD_USER_INPUT' },
    });
    expect(await record(...events.slice(1))).toMatchObject({ accepted: 5_000 });
  });

  it('does not know the resources of another account', async () => {
    const named = { resourceKind: null, resourceExternalId: null, resourceId: ids[1] };
    const answer = await gateway.query<{ payload: Payload }>(RECORD_USAGE, {
      accountId: otherId,
      events: [anEvent(), anEvent(named)],
    });

    expect(codes(answer.data.payload)).toEqual([
      [0, 'UNKNOWN_RESOURCE'],
      [1, 'UNKNOWN_RESOURCE'],
    ]);
  });

  it('gives each of many calls at once its own results, in a few transactions', async () => {
    let statements = 0;
    const stop = gateway.database.onStatement(() => (statements += 1));
    const doubled = anEvent();

    const payloads = await Promise.all(
      Array.from({ length: 60 }, (_, index) => record(index % 2 === 0 ? anEvent() : doubled)),
    );
    stop();

    const sum = (of: (payload: Payload) => number): number =>
      payloads.reduce((total, payload) => total + of(payload), 0);
    expect(sum((payload) => payload.accepted)).toBe(31);
    expect(sum((payload) => payload.duplicates)).toBe(29);
    // One by one they would be 60 transactions of a dozen statements each.
    expect(statements).toBeLessThan(100);
  });

  it('is told the account by an operator, and needs the scope INGEST', async () => {
    const unnamed = await gateway.query(RECORD_USAGE, { events: [] });
    const keyless = await gateway.query(RECORD_USAGE, { accountId, events: [] }, null);

    expect(unnamed.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(keyless.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});

describe('recordHosting', () => {
  it('records closed periods, refuses what overlaps, and takes a period back', async () => {
    const first = aPeriod(NOW_MS - 3 * HOUR_MS, NOW_MS - 2 * HOUR_MS, { replicas: 2 });
    const payload = await recordHosting(
      first,
      first,
      aPeriod(NOW_MS - 2 * HOUR_MS - 1, NOW_MS - HOUR_MS),
      aPeriod(NOW_MS - 2 * HOUR_MS, NOW_MS - HOUR_MS),
      aPeriod(NOW_MS - 1, NOW_MS + 1),
      aPeriod(NOW_MS - 1, NOW_MS, { hardware: 'tpu' }),
      aPeriod(NOW_MS - 1, NOW_MS, { resourceKind: 'WORKFLOW', resourceExternalId: 'wf' }),
      aPeriod(NOW_MS - 300 * DAY_MS, NOW_MS - 299 * DAY_MS),
    );

    expect(payload).toMatchObject({ accepted: 2, duplicates: 1, rejected: 5 });
    expect(codes(payload)).toEqual([
      [1, 'DUPLICATE'],
      [2, 'OVERLAP'],
      [4, 'OUTSIDE_WINDOW'],
      [5, 'UNKNOWN_HARDWARE'],
      [6, 'WRONG_KIND'],
      [7, 'NO_RATE'],
    ]);
    expect(await hostedMs()).toBe((2 * HOUR_MS).toString());

    const eventId = 'eventId' in first ? first.eventId : null;
    const voided = await gateway.query<{ payload: object }>(VOID, { accountId, eventId });
    const again = await recordHosting(first, aPeriod(NOW_MS - 3 * HOUR_MS, NOW_MS - 2 * HOUR_MS));

    expect(voided.data.payload).toEqual({ voided: true });
    expect(codes(again)).toEqual([[0, 'DUPLICATE']]);
    expect(again.accepted).toBe(1);
  });

  it('shares one space of identities with events', async () => {
    const event = anEvent();
    await record(event);
    const eventId = 'eventId' in event ? event.eventId : null;

    const payload = await recordHosting(aPeriod(NOW_MS - HOUR_MS, NOW_MS, { eventId }));

    expect(codes(payload)).toEqual([[0, 'CONFLICT']]);
  });

  it('refuses a period that overlaps a running deployment', async () => {
    await fund(gateway, accountId);
    await deploy(gateway, ids[3] ?? '', 'gpu', { at: '2026-03-10T11:00:00Z' });
    const pod = { resourceKind: 'BROWSER_POD', resourceExternalId: 'pod' };

    const payload = await recordHosting(
      aPeriod(NOW_MS - 2 * HOUR_MS, NOW_MS - HOUR_MS, pod),
      aPeriod(NOW_MS - HOUR_MS, NOW_MS - HOUR_MS + 1, pod),
    );

    expect(codes(payload)).toEqual([[1, 'OVERLAP']]);
    expect(payload.results[0]?.message).toContain('2026-03-10T11:00:00.000Z on, still running');
  });
});

describe('voidUsage', () => {
  it('takes an event back once, and keeps its identity', async () => {
    const event = anEvent({ eventId: 'to-void' });
    await record(event);

    const answers = [
      await gateway.query(VOID, { accountId, eventId: 'to-void' }),
      await gateway.query(VOID, { accountId, eventId: 'to-void' }),
    ];

    expect(answers.map(({ data }) => data)).toEqual([
      { payload: { voided: true } },
      { payload: { voided: false } },
    ]);
    expect(codes(await record(event))).toEqual([[0, 'DUPLICATE']]);
    const { nodes } = await listEvents({ eventId: 'to-void' });
    expect(nodes[0]?.voidedAt).toBe('2026-03-10T12:00:00.000Z');
  });

  it('does not find what was never recorded', async () => {
    const answer = await gateway.query(VOID, { accountId, eventId: 'never' });

    expect(answer.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  });
});

describe('usageEvents', () => {
  it('lists newest first, page by page, each event once while others arrive', async () => {
    const range = { from: '2026-02-01T00:00:00Z', to: '2026-02-02T00:00:00Z' };
    const noonMs = Date.parse('2026-02-01T12:00:00Z');
    await record(
      ...[1, 3, 2, 3].map((minutes, index) =>
        anEvent({ eventId: `list-${index}`, occurredAt: iso(noonMs + minutes * 60_000) }),
      ),
    );

    const first = await listEvents({ range, first: 2 });
    await record(anEvent({ eventId: 'list-new', occurredAt: iso(noonMs + 5 * 60_000) }));
    const second = await listEvents({ range, first: 2, after: first.pageInfo.endCursor });

    expect(first.nodes.map(({ eventId }) => eventId)).toEqual(['list-3', 'list-1']);
    expect(first).toMatchObject({ totalCount: 4, pageInfo: { hasNextPage: true } });
    expect(second.nodes.map(({ eventId }) => eventId)).toEqual(['list-2', 'list-0']);
    expect(second).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: false } });
  });

  it('divides many events of one instant into pages, the last recorded first', async () => {
    const atMs = Date.parse('2026-02-03T12:00:00Z');
    const range = { from: iso(atMs), to: iso(atMs + 1) };
    const ofInstant = [0, 1, 2, 3, 4].map((index) => `at-once-${index}`);
    await record(...ofInstant.map((eventId) => anEvent({ eventId, occurredAt: iso(atMs) })));
    await record(anEvent({ eventId: 'before', occurredAt: iso(atMs - 1) }));
    const walk = async (variables: object): Promise<readonly string[]> => {
      const ids: string[] = [];
      let after: string | null = null;
      do {
        const page: EventList = await listEvents({ ...variables, first: 2, after });
        ids.push(...page.nodes.map(({ eventId }) => eventId));
        after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
      } while (after !== null);
      return ids;
    };

    const within = await walk({ range });
    const wider = await walk({ range: { ...range, from: iso(atMs - 1_000) } });
    const ofSource = await walk({ range, source: 'meter' });

    expect(within).toEqual([...ofInstant].reverse());
    expect(wider).toEqual([...[...ofInstant].reverse(), 'before']);
    expect(ofSource).toEqual(within);
  });

  it('lists the events of one resource, of one model, and no periods', async () => {
    const ofWorkflow = await listEvents({ resourceId: ids[0] });
    const all = await listEvents({ first: 500 });
    const model = await gateway.query<{ resource: { model: { id: string } } }>(
      `query ($id: ID!) { resource(id: $id) { ... on ModelDeployment { model { id } } } }`,
      { id: ids[2] },
    );
    const ofModel = await listEvents({ modelId: model.data.resource.model.id });

    expect(ofWorkflow.nodes).toMatchObject([
      {
        type: 'WORKFLOW_RUN',
        quantity: 3,
        credits: '0',
        resource: { externalId: 'wf' },
        model: null,
      },
    ]);
    expect(ofModel.nodes.map((node) => [node.resource, node.model?.externalId])).toEqual([
      [null, 'llama'],
      [null, 'llama'],
    ]);
    expect(all.nodes.some(({ eventId }) => eventId.startsWith('p'))).toBe(false);
  });

  it('finds an event by its id, and the resources of a page in one statement', async () => {
    const [node] = (await listEvents({ first: 1 })).nodes;
    const found = await gateway.query<{ node: object }>(
      `query ($id: ID!) { node(id: $id) { ... on UsageEvent { eventId } } }`,
      { id: node?.id },
    );
    let reads = 0;
    const stop = gateway.database.onStatement((sql) => {
      if (sql.includes('resources.loadResources')) reads += 1;
    });
    await listEvents({ first: 100 });
    stop();

    expect(found.data.node).toEqual({ eventId: node?.eventId });
    expect(reads).toBe(1);
  });
});
