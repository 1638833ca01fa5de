// Exports over real HTTP: read back by an independent parser, and laid beside what GraphQL says of the same range.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import {
  allocate,
  ask,
  createAccount,
  createKey,
  moveClock,
  numberOf,
  recordUsage,
  register,
} from '../support/account.ts';
import { eventually } from '../support/eventually.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';
import { putManyEvents } from '../support/many-events.ts';
import { VoidAllocationDocument, VoidUsageDocument } from '@billing-gateway/client/operations';
import { openUsageAccount, usageToken } from '../support/usage-account.ts';

const RANGE = 'from=2026-03-01T00:00:00Z&to=2026-03-11T00:00:00Z';
const NAMES = ['usage', 'events', 'segments', 'ledger', 'allocations', 'alerts'] as const;
const DAY_MS = 86_400_000;
/** What usage is of. */
const SUBJECT_COLUMNS = [
  ...['resourceKind', 'resourceExternalId', 'resourceName', 'owner'],
  ...['modelExternalId', 'modelName'],
];

type Record_ = Readonly<Record<string, string>>;
type Line = Readonly<Record<string, unknown>>;

let gateway: TestGateway;
let accountId: string;
let key: string;
let theirKey: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await openUsageAccount(gateway);
  ({ secret: key } = await createKey(gateway, accountId, ['READ_USAGE']));
  const theirs = await createAccount(gateway, { name: 'B' });
  ({ secret: theirKey } = await createKey(gateway, theirs, ['READ_USAGE']));
});

afterAll(() => gateway.close());

function get(
  path: string,
  {
    secret = key,
    accept,
    of = gateway,
  }: { secret?: string | null; accept?: string; of?: TestGateway } = {},
): Promise<Response> {
  return fetch(`${originOf(of)}/v1/exports/${path}`, {
    headers: {
      ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
      ...(accept === undefined ? {} : { accept }),
    },
  });
}

async function csv(path: string): Promise<readonly Record_[]> {
  const response = await get(path);
  return parse(await response.text(), { columns: true });
}

async function lines(path: string): Promise<readonly Line[]> {
  const text = await (await get(path)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** As a cell of CSV has it. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '').replaceAll('"', '');
}

/** Exact, in millionths. */
function micro(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.replace('-', '').split('.');
  const value = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return decimal.startsWith('-') ? -value : value;
}

function sum(rows: readonly Line[], column: string): bigint {
  return rows.reduce((total, row) => total + micro(String(row[column])), 0n);
}

function rowsOf(all: readonly Line[]): readonly Line[] {
  return all.filter(({ type }) => type === 'row');
}

async function errorOf(response: Promise<Response>): Promise<unknown> {
  const answer = await response;
  const body = (await answer.json()) as { errors: [{ message: string; extensions: object }] };
  return { status: answer.status, ...body.errors[0] };
}

/** The columns of a table of docs/exports.md, as CSV has them. */
async function documentedColumns(name: string): Promise<readonly string[]> {
  const docs = await readFile('docs/exports.md', 'utf8');
  const section = docs.split(`\n### ${name}\n`)[1]?.split('\n#')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => {
    const [, first = '', kind = ''] = row.split('|').map((cell) => cell.trim());
    const named = first.match(/`[^`]+`/g)?.map((column) => column.slice(1, -1)) ?? [];
    const columns = first === '`resourceKind` to `modelName`' ? SUBJECT_COLUMNS : named;
    return columns.flatMap((column) =>
      kind === 'instant' ? [column, `${column}_local`] : [column],
    );
  });
}

interface View {
  readonly account: {
    readonly usage: {
      readonly credits: {
        readonly used: string;
        readonly allocated: string;
        readonly byComponent: readonly { readonly component: string; readonly credits: string }[];
      };
      readonly workflowRuns: { readonly used: number };
    };
    readonly ledger: {
      readonly nodes: readonly { readonly id: string; readonly amount: string }[];
    };
    readonly alerts: {
      readonly nodes: readonly { readonly id: string; readonly message: string }[];
    };
  };
}

async function view(): Promise<View['account']> {
  const range = '{ from: "2026-03-01T00:00:00Z", to: "2026-03-11T00:00:00Z" }';
  const data = await ask<View>(
    gateway,
    `query($id: ID) { account(id: $id) {
       usage(range: ${range}) { credits { used allocated byComponent { component credits } } workflowRuns { used } }
       ledger(range: ${range}, first: 500) { nodes { id amount } } alerts(first: 500) { nodes { id message } } } }`,
    { id: accountId },
  );
  return data.account;
}

describe('an export', () => {
  it.each(NAMES)('of %s is the same rows as CSV and as NDJSON', async (name) => {
    const asCsv = await csv(`${name}?${RANGE}&format=csv`);
    const asLines = rowsOf(await lines(`${name}?${RANGE}&format=ndjson`));
    const plain = asLines.map((row) =>
      Object.fromEntries(
        Object.entries(row)
          .filter(([column]) => column !== 'type' && column !== 'cursor')
          .map(([column, value]) => [column, shown(value)]),
      ),
    );
    const withoutLocal = asCsv.map((row) =>
      Object.fromEntries(Object.entries(row).filter(([column]) => !column.endsWith('_local'))),
    );

    expect(withoutLocal.length).toBeGreaterThan(0);
    expect(withoutLocal).toEqual(plain);
  });

  it.each(NAMES)(
    'of %s has the columns that docs/exports.md lists, in their order',
    async (name) => {
      const response = await get(`${name}?${RANGE}`);
      const [names = ''] = (await response.text()).split('\r\n');

      expect(names.split(',')).toEqual(await documentedColumns(name));
    },
  );

  it('adds up to what GraphQL says of the range', async () => {
    const { usage, ledger, alerts } = await view();
    const component = (name: string): bigint =>
      micro(usage.credits.byComponent.find((one) => one.component === name)?.credits ?? '');
    const rows = async (name: string): Promise<readonly Line[]> => csv(`${name}?${RANGE}`);
    const allocations = await rows('allocations');

    expect(sum(await rows('usage'), 'credits')).toBe(micro(usage.credits.used));
    expect(sum(await rows('segments'), 'credits')).toBe(component('HOSTING'));
    expect(sum(await rows('events'), 'credits')).toBe(
      component('FINE_TUNING') + component('STORAGE') + component('PROCESSING'),
    );
    expect(
      sum(
        allocations.filter(({ unit }) => unit === 'CREDITS'),
        'allocated',
      ),
    ).toBe(micro(usage.credits.allocated));
    expect((await rows('ledger')).map(({ id, amount }) => ({ id, amount }))).toEqual(ledger.nodes);
    expect((await rows('alerts')).map(({ id, message }) => ({ id, message }))).toEqual(
      alerts.nodes,
    );
    expect((await rows('usage')).reduce((runs, row) => runs + Number(row['runs']), 0)).toBe(
      usage.workflowRuns.used,
    );
  });

  it.each([
    '',
    '&granularity=HOUR&groupBy=RESOURCE',
    '&granularity=NONE&groupBy=',
    '&granularity=AUTO&groupBy=MODEL,UNIT',
  ])('of usage comes to the same however it is grouped (%s)', async (grouping) => {
    const { usage } = await view();
    const all = await lines(`usage?${RANGE}&format=ndjson${grouping}`);

    expect(sum(rowsOf(all), 'credits')).toBe(micro(usage.credits.used));
    expect(all.at(-1)).toMatchObject({ creditsMicro: micro(usage.credits.used).toString() });
  });

  it('says first what it is and last what it comes to', async () => {
    const all = await lines(`events?${RANGE}&format=ndjson`);

    expect(all[0]).toMatchObject({
      type: 'start',
      export: 'events',
      from: '2026-03-01T00:00:00.000Z',
      to: '2026-03-11T00:00:00.000Z',
      timeZone: 'Europe/Berlin',
      now: '2026-03-10T12:00:00.000Z',
    });
    // 14.2 + 0.755 + 2.5, and 30 workflows.
    expect(all.at(-1)).toEqual({
      ...{ type: 'end', rows: 33, creditsMicro: '17455000', credits: '17.455' },
    });
  });

  it('has instants in UTC and in the zone that is asked for', async () => {
    const [row] = await csv(`events?${RANGE}&timeZone=America/New_York`);

    expect(row).toMatchObject({
      occurredAt: '2026-03-02T09:00:00.000Z',
      occurredAt_local: '2026-03-02T04:00:00.000-05:00',
    });
  });

  it('is a file that is not kept, with a mark of its encoding only if asked for', async () => {
    const response = await get(`ledger?fromDay=2026-03-01&toDay=2026-03-10&bom=true`);
    const bytes = Buffer.from(await response.arrayBuffer());

    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-disposition')).toBe(
      'attachment; filename="ledger-2026-03-01-2026-03-10.csv"',
    );
    expect(bytes.subarray(0, 5).toString('hex')).toBe('efbbbf6964');
    expect(bytes.subarray(-2).toString()).toBe('\r\n');
  });

  it('is what is accepted, or what format says', async () => {
    const typeOf = async (path: string, accept: string): Promise<string | null> => {
      const response = await get(path, { accept });
      // An export has its place until all of it is sent.
      await response.arrayBuffer();
      return response.headers.get('content-type');
    };

    expect(await typeOf(`alerts?${RANGE}`, 'application/x-ndjson')).toMatch('application/x-ndjson');
    expect(await typeOf(`alerts?${RANGE}`, 'text/html,*/*;q=0.8')).toMatch('text/csv');
    expect(await typeOf(`alerts?${RANGE}`, 'text/*;q=0.1,application/x-ndjson')).toMatch(
      'x-ndjson',
    );
    expect(await typeOf(`alerts?${RANGE}&format=csv`, 'application/x-ndjson')).toMatch('text/csv');
    expect(await errorOf(get(`alerts?${RANGE}`, { accept: 'application/pdf' }))).toMatchObject({
      status: 406,
      extensions: { code: 'BAD_USER_INPUT', path: ['format'] },
    });
  });

  it('marks a text that begins like a formula, and no number', async () => {
    await register(gateway, accountId, {
      ...{ kind: 'GUARDRAIL', externalId: 'evil', name: '=HYPERLINK("http://x")', owner: ' ＋x' },
    });
    await recordUsage(gateway, accountId, {
      ...{ occurredAt: '2026-02-10T10:00:00Z', credits: '1.5', source: '-s' },
      ...{ resourceKind: 'GUARDRAIL', resourceExternalId: 'evil' },
    });
    const range = 'from=2026-02-10T00:00:00Z&to=2026-02-11T00:00:00Z';
    const [row] = await csv(`events?${range}`);
    const [, line] = await lines(`events?${range}&format=ndjson`);
    const ledger = await csv(`ledger?${RANGE}`);

    expect(row).toMatchObject({
      resourceName: '\'=HYPERLINK("http://x")',
      owner: "' ＋x",
      source: "'-s",
    });
    expect(line).toMatchObject({ resourceName: '=HYPERLINK("http://x")', source: '-s' });
    expect(ledger.some(({ amount = '' }) => amount.startsWith('-'))).toBe(true);
  });
});

describe('who asks', () => {
  it('may have a portal token', async () => {
    const secret = await usageToken(gateway, accountId);

    expect((await get(`usage?${RANGE}`, { secret })).status).toBe(200);
  });

  it('needs a key that may read usage', async () => {
    const { secret } = await createKey(gateway, accountId, ['INGEST']);

    expect(await errorOf(get(`usage?${RANGE}`, { secret: null }))).toMatchObject({ status: 401 });
    expect(await errorOf(get(`usage?${RANGE}`, { secret }))).toMatchObject({ status: 403 });
  });

  it('gets nothing of another account, nor learns of its exports', async () => {
    const ours = await get(`ledger?${RANGE}`);
    await ours.text();
    const run = `runs/${ours.headers.get('x-export-id') ?? ''}`;

    expect((await get(run)).status).toBe(200);
    expect((await get(run, { secret: gateway.operatorKey })).status).toBe(200);
    expect(await errorOf(get(run, { secret: theirKey }))).toMatchObject({ status: 404 });
    expect(await errorOf(get('runs/nothing'))).toMatchObject({ status: 404 });
    for (const name of NAMES) {
      const path = `${name}?${RANGE}&format=ndjson`;
      const theirs = await (await get(path, { secret: theirKey })).text();

      expect(theirs.split('\n').filter((line) => line.includes('"type":"row"'))).toEqual([]);
      expect(
        await errorOf(get(`${path}&accountId=${accountId}`, { secret: theirKey })),
      ).toMatchObject({ status: 404, extensions: { path: ['accountId'] } });
    }
  });

  it('names the account as an operator', async () => {
    const secret = gateway.operatorKey;

    expect(await errorOf(get(`usage?${RANGE}`, { secret }))).toMatchObject({
      status: 400,
      extensions: { path: ['accountId'] },
    });
    expect((await get(`usage?${RANGE}&accountId=${accountId}`, { secret })).status).toBe(200);
  });

  it.each([
    ['', 'A range is given by preset', []],
    ['?from=yesterday&to=2026-03-11T00:00:00Z', 'is not an instant', ['from']],
    ['?preset=LAST_YEAR', 'must be one of LAST_24_HOURS', ['preset']],
    [`?${RANGE}&timeZone=Mars`, 'IANA time zone', ['timeZone']],
    [`?${RANGE}&granularity=MINUTE`, 'must be one of AUTO', ['granularity']],
    [`?${RANGE}&groupBy=COLOUR`, 'of CATEGORY, COMPONENT', ['groupBy']],
    [`?${RANGE}&format=xlsx`, 'must be one of csv, ndjson', ['format']],
    [`?${RANGE}&form=csv`, 'it has accountId', ['form']],
    [`?${RANGE}&format=csv&format=csv`, 'more than once', ['format']],
    [`?${RANGE}&format=ndjson&after=x`, 'asOf', ['asOf']],
    [`?${RANGE}&format=ndjson&after=x&asOf=x`, 'not a cursor', ['after']],
    [`?${RANGE}&format=ndjson&after=W251bGwsMV0&asOf=x`, 'first line', ['asOf']],
  ])('is told what is wrong with %s', async (query, words, path) => {
    expect(await errorOf(get(`usage${query}`))).toMatchObject({
      status: 400,
      message: expect.stringContaining(words),
      extensions: { code: 'BAD_USER_INPUT', ...(path.length === 0 ? {} : { path }) },
    });
  });

  it('is told which exports there are', async () => {
    expect(await errorOf(get(`invoices?${RANGE}`))).toMatchObject({
      status: 404,
      message: expect.stringContaining('usage, events, segments'),
    });
  });
});

describe('what it came to', () => {
  it('is known when it has ended, with the hash of all that was sent', async () => {
    const response = await get(`events?${RANGE}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    const run = await (await get(`runs/${response.headers.get('x-export-id') ?? ''}`)).json();

    expect(run).toMatchObject({
      ...{ export: 'events', format: 'csv', state: 'COMPLETE', rows: 33, credits: '17.455' },
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  });
});

describe('an export of usage that may have too many rows', () => {
  const GROUPINGS = [
    '',
    '&granularity=HOUR&groupBy=RESOURCE,COMPONENT,UNIT',
    '&granularity=WEEK&groupBy=OWNER',
    '&granularity=NONE',
    '&granularity=AUTO&groupBy=',
  ];

  /** The status of an export where no more than `rows` are allowed, and how many came. */
  async function within(rows: number, path: string): Promise<{ status: number; rows: number }> {
    const beside = await startTestGateway({ beside: gateway, app: { exportLimits: { rows } } });
    const response = await get(path, { of: beside });
    const text = await response.text();
    await beside.close();
    return { status: response.status, rows: text.split('"type":"row"').length - 1 };
  }

  it.each(GROUPINGS)('is refused before its first row (%s)', async (grouping) => {
    const path = `usage?${RANGE}&format=ndjson${grouping}`;
    const rows = rowsOf(await lines(path)).length;
    // No group has more than a row in each of the 240 hours.
    const enough = await within(rows * 240, path);

    expect(enough).toEqual({ status: 200, rows });
    expect(await within(rows - 1, path)).toEqual({ status: 413, rows: 0 });
    // It is a bound, so as many as there are may be too many already; but never is it found out on the way.
    expect([413, 200]).toContain((await within(rows, path)).status);
  });

  it('is judged exactly where each row covers the range', async () => {
    const path = `usage?${RANGE}&format=ndjson&granularity=NONE`;
    const rows = rowsOf(await lines(path)).length;

    expect(await within(rows, path)).toEqual({ status: 200, rows });
  });
});

describe('an answer that broke off', () => {
  const PATH = `?${RANGE}&format=ndjson`;
  const befores = new Map<string, readonly Line[]>();

  beforeAll(async () => {
    for (const name of NAMES) befores.set(name, await lines(`${name}${PATH}`));
    const of = { resourceKind: 'OCR_DEPLOYMENT', resourceExternalId: 'scans' } as const;
    await recordUsage(gateway, accountId, {
      ...of,
      occurredAt: '2026-03-04T00:00:00Z',
      credits: '7',
    });
    const events = befores.get('events') ?? [];
    const eventId = String(events.find(({ usageType }) => usageType === 'PROCESSING')?.['eventId']);
    await ask(gateway, VoidUsageDocument, { accountId, source: 's', eventId, reason: 'wrong' });
    const id = await allocate(gateway, accountId, '5');
    await ask(gateway, VoidAllocationDocument, { id, reason: 'wrong' });
    const [, first] = befores.get('allocations') ?? [];
    await ask(gateway, VoidAllocationDocument, { id: String(first?.['id']), reason: 'wrong' });
    await moveClock(gateway, accountId, '2026-03-10T18:00:00Z');
    await gateway.fold();
  });

  it.each(NAMES)('goes on with the same rows after anything was written: %s', async (name) => {
    const before = befores.get(name) ?? [];
    const asOf = String(before[0]?.['asOf']);
    const rows = rowsOf(before);

    expect(rows.length).toBeGreaterThan(0);

    for (const index of [0, Math.floor(rows.length / 2), rows.length - 1]) {
      const after = encodeURIComponent(String(rows[index]?.['cursor']));
      const rest = await lines(`${name}${PATH}&after=${after}&asOf=${asOf}`);

      expect(rowsOf(rest)).toEqual(rows.slice(index + 1));
      expect(rest[0]?.['asOf']).toBe(asOf);
      expect(rest.at(-1)).toMatchObject({ type: 'end', rows: rows.length - index - 1 });
    }

    expect(rowsOf(await lines(`${name}${PATH}`))).not.toEqual(rows);
  });
});

describe('an export of many rows', () => {
  const EVENTS = 40_000;
  const ALL = 'from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z';
  let many: TestGateway;
  let account: number;
  let secret: string;
  let started: AbortController[] = [];

  beforeAll(async () => {
    many = await startTestGateway({ app: { exportLimits: { rows: EVENTS } } });
    const id = await createAccount(many, { createdAt: '2026-01-01T00:00:00Z' });
    account = numberOf(id);
    ({ secret } = await createKey(many, id, ['READ_USAGE']));
    await putManyEvents(many, id, { count: EVENTS, from: '2026-01-02T00:00:00Z' });
  });

  beforeEach(() => {
    started = [];
  });

  afterAll(() => many.close());

  /** Begins an export whose answer is not read. */
  async function begin(query = ALL, of = many): Promise<Response> {
    const controller = new AbortController();
    started.push(controller);
    return fetch(`${originOf(of)}/v1/exports/events?${query}&format=ndjson`, {
      headers: { authorization: `Bearer ${secret}` },
      signal: controller.signal,
    });
  }

  async function stateOf(response: Response): Promise<unknown> {
    const id = response.headers.get('x-export-id') ?? '';
    const run = (await (await get(`runs/${id}`, { secret, of: many })).json()) as { state: string };
    return run.state;
  }

  function openCursors(): Promise<readonly object[]> {
    return asOwner(
      many.databaseUrl,
      `select pid from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'
         and query like '%batches%'`,
    );
  }

  it('has all rows, and their exact sum', async () => {
    const response = await begin();
    const all = (await response.text()).trimEnd().split('\n');

    expect(all).toHaveLength(EVENTS + 2);
    expect(JSON.parse(all.at(-1) ?? '')).toMatchObject({
      rows: EVENTS,
      creditsMicro: String((EVENTS * (EVENTS + 1)) / 2),
    });
  });

  it('waits for its reader, and ends with its caller', async () => {
    const response = await begin();

    await eventually(async () => {
      expect(await openCursors()).toHaveLength(1);
    });
    expect(await stateOf(response)).toBe('RUNNING');

    started[0]?.abort();
    await eventually(async () => {
      expect(await stateOf(response)).toBe('ABORTED');
      expect(await openCursors()).toEqual([]);
    });
  });

  it('is one of two of its account', async () => {
    const running = [await begin(), await begin()];
    const third = await begin();

    expect(third.status).toBe(429);
    expect(third.headers.get('retry-after')).toBe('10');
    expect(await third.text()).toContain('2 exports of this account run');

    for (const controller of started) controller.abort();
    await eventually(async () => {
      expect(await Promise.all(running.map(stateOf))).toEqual(['ABORTED', 'ABORTED']);
    });
    expect((await (await begin()).text()).length).toBeGreaterThan(0);
  });

  it('is one of as many as its gateway runs', async () => {
    const limits = { app: { exportLimits: { perGateway: 1 } } };
    const beside = await startTestGateway({ beside: many, ...limits });
    const one = await begin(ALL, beside);
    const another = await begin(ALL, beside);

    expect(another.status).toBe(429);
    expect(await another.text()).toContain('This gateway runs 1 exports');

    for (const controller of started) controller.abort();
    await eventually(async () => {
      expect(await stateOf(one)).toBe('ABORTED');
    });
    await beside.close();
  });

  it('frees the place of one whose gateway has died', async () => {
    const [one, two] = [await begin(), await begin()];
    await asOwner(
      many.databaseUrl,
      `update export_run set seen_at = now() - interval '1 hour' where state = 'RUNNING'`,
    );

    expect(await stateOf(one)).toBe('FAILED');

    const beside = await startTestGateway({ beside: many });
    const fourth = await get(`events?${ALL}`, { secret, of: beside });

    expect(fourth.status).toBe(200);

    await fourth.text();
    await beside.close();
    for (const controller of started) controller.abort();
    await eventually(async () => {
      expect(await stateOf(two)).toBe('ABORTED');
    });
  });

  it('goes on where it broke off, with the rows that there were', async () => {
    const response = await begin();
    const all = (await response.text()).trimEnd().split('\n');
    const { asOf } = JSON.parse(all[0] ?? '') as { asOf: string };
    const { cursor } = JSON.parse(all[30_000] ?? '') as { cursor: string };
    await asOwner(
      many.databaseUrl,
      `insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro, occurred_at, recorded_at)
       select account_id, ${EVENTS + 1}, 'late', 'late', type, kind, subject_id, 1, 1, occurred_at + interval '35000.5 seconds', recorded_at
       from usage_event where account_id = ${account} and seq = 1;
       update account set last_seq = ${EVENTS + 1}, last_change = last_change + 1 where account_id = ${account};
       update usage_event set voided_at = now(), void_reason = 'wrong',
         void_change = (select last_change from account where account_id = ${account})
       where account_id = ${account} and seq = 36000`,
    );
    const rest = await begin(`${ALL}&after=${cursor}&asOf=${asOf}`);
    const others = (await rest.text()).trimEnd().split('\n');

    expect(others.slice(1, -1)).toEqual(all.slice(30_001, -1));
    expect(JSON.parse(others.at(-1) ?? '')).toMatchObject({ rows: EVENTS - 30_000 });

    const other = await begin(`${ALL.replace('02-01', '01-31')}&after=${cursor}&asOf=${asOf}`);

    expect(await other.text()).toContain('asOf is not what the first line');
  });

  it('is refused when it has more rows than are allowed, or covers more days', async () => {
    const tooMany = await begin();
    const tooLong = await begin('from=2025-01-01T00:00:00Z&to=2026-02-01T00:00:00Z');

    expect(tooMany.status).toBe(413);
    expect(await tooMany.text()).toContain(
      'in parts, such as from 2026-01-01T00:00:00.000Z to 2026-01-16T12:00:00.000Z and from there',
    );
    expect(tooLong.status).toBe(413);
    expect(await tooLong.text()).toContain(
      `to ${new Date(Date.UTC(2025, 0, 1) + 366 * DAY_MS).toISOString()}`,
    );
  });
});
