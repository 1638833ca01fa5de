// Old months of events leave for files and come back: whoever asks meanwhile gets what they got before, or is told what is missing.

import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  RecordHostingDocument,
  RecordUsageDocument,
  ReportDocument,
  UpdateAccountDocument,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';
import { findArchived } from '../../src/archives/archives.store.ts';
import { archiveBefore, attach } from '../../src/cli/archive/run.ts';
import { raw } from '../../src/db/sql.ts';
import { ArchivingService } from '../../src/recording/archiving.service.ts';
import { countEvents } from '../../src/recording/events.store.ts';
import { LedgerCheckService } from '../../src/recording/ledger-check.service.ts';
import { RollupCheckService, type RollupDifference } from '../../src/rollups/check.service.ts';
import { StatementCheckService } from '../../src/statements/check.service.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  moveClock,
  numberOf,
  recordUsage,
  registerGuardrail,
} from '../support/account.ts';
import { runCommand } from '../support/command.ts';
import { asOwner, codeOf, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { describeDistributed, describeOnOneServer } from '../support/left-out.ts';

let gateway: TestGateway;
let service: ArchivingService;
let folder: string;
let said: string[] = [];

const say = (line: string): void => void said.push(line);
const processing = { type: 'PROCESSING', source: 's', resourceKind: 'GUARDRAIL' } as const;
const A = {
  ...processing,
  ...{ eventId: 'a', resourceExternalId: 'g', credits: '3', quantity: 7, unit: 'pages' },
  occurredAt: '2026-01-10T10:20:00Z',
};
const P = {
  ...({ source: 's', eventId: 'p', resourceKind: 'GUARDRAIL', resourceExternalId: 'h' } as const),
  ...{ hardware: 'gpu', from: '2026-01-15T00:00:00Z', to: '2026-01-15T02:00:00Z' },
};
const JANUARY = { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' };

// Archiving takes the accounts of all other tests along, so each has a database of its own.
beforeEach(async () => {
  gateway = await startTestGateway();
  service = new ArchivingService(gateway.database);
  await createHardware(gateway, 'gpu', '3.6');
  said = [];
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'archive-'));
});

afterEach(async () => {
  await gateway.close();
  await fs.rm(folder, { recursive: true });
});

/**
 * An account with four events recorded in January, one of them voided and one a period of hosting (7.2 credits), and two recorded in
 * February, one of which happened in January. It stands in May, with all statements.
 */
async function lived({ now = '2026-05-10T00:00:00Z', hasStatements = true } = {}): Promise<string> {
  const id = await createAccount(gateway, { testClock: '2026-01-05T00:00:00Z' });
  await allocate(gateway, id, '1000');
  for (const name of ['g', 'h', 'k']) await registerGuardrail(gateway, id, name);
  await moveClock(gateway, id, '2026-01-20T12:00:00Z');
  const of = { ...processing, resourceExternalId: 'g' };
  await recordUsage(gateway, id, A);
  await recordUsage(gateway, id, {
    ...of,
    eventId: 'b',
    credits: '5',
    occurredAt: '2026-01-12T10:50:00Z',
  });
  await recordUsage(gateway, id, {
    ...of,
    eventId: 'c',
    credits: '2',
    occurredAt: '2026-01-12T11:10:00Z',
  });
  await ask(gateway, RecordHostingDocument, { accountId: id, periods: [P] });
  await takeBack(id, 'c');
  await moveClock(gateway, id, '2026-02-10T12:00:00Z');
  await recordUsage(gateway, id, {
    ...of,
    eventId: 'd',
    credits: '1',
    occurredAt: '2026-01-10T10:40:00Z',
  });
  await recordUsage(gateway, id, {
    ...of,
    eventId: 'e',
    credits: '4',
    occurredAt: '2026-02-10T09:30:00Z',
  });
  await moveClock(gateway, id, now);
  await gateway.fold();
  if (hasStatements) await gateway.app.issuing.issueAll();
  return id;
}

async function takeBack(accountId: string, eventId: string): Promise<unknown> {
  return ask(gateway, VoidUsageDocument, { accountId, source: 's', eventId, reason: 'r' });
}

async function archive(before = '2026-02'): Promise<void> {
  await archiveBefore(service, before, { folder, say });
}

/** Runs the command as an operator would. */
function command(...args: readonly string[]): ReturnType<typeof runCommand> {
  return runCommand('archive', args, { env: { DATABASE_URL: gateway.databaseUrl } });
}

/** The rows of an account as the database has them. */
async function rowsOf(accountId: string): Promise<unknown> {
  return asOwner(
    gateway.databaseUrl,
    `select tableoid::regclass::text, e::text from usage_event e where account_id = ${numberOf(accountId)} order by seq`,
  );
}

async function isArchived(accountId: string): Promise<boolean> {
  const found = await asOwner(
    gateway.databaseUrl,
    `select from usage_archive where account_id = ${numberOf(accountId)}`,
  );
  return found.length > 0;
}

/** The credits of a range. */
async function creditsOf(accountId: string, from: string, to: string): Promise<string | undefined> {
  const range = { from, to };
  const { account } = await ask(gateway, ReportDocument, { accountId, range, groupBy: [] });
  return account?.usage.report.totals.credits;
}

async function differencesOf(accountId: string): Promise<readonly RollupDifference[]> {
  const found: RollupDifference[] = [];
  const checks = new RollupCheckService(gateway.database).check([numberOf(accountId)]);
  for await (const { differences } of checks) found.push(...differences);
  return found;
}

/** What whoever asks about whole hours and days is answered. */
async function answersOf(accountId: string): Promise<unknown> {
  const months = { from: '2026-01-01T00:00:00Z', to: '2026-05-01T00:00:00Z' };
  const reports = [
    { granularity: 'DAY', groupBy: ['RESOURCE'] },
    { granularity: 'HOUR', groupBy: [], range: { fromDay: '2026-01-10', toDay: '2026-01-15' } },
    { granularity: 'MONTH', groupBy: ['UNIT', 'COMPONENT'] },
  ] as const;
  const answers: unknown[] = [];
  for (const report of reports) {
    answers.push(
      await ask(gateway, ReportDocument, { accountId, range: months, first: 500, ...report }),
    );
  }
  answers.push(
    await ask(gateway, `query ($id: ID) { account(id: $id) { firstUsedAt } }`, { id: accountId }),
    await exported('usage', accountId, '2026-01-01', '2026-02-28'),
  );
  return answers;
}

async function exported(
  name: string,
  accountId: string,
  fromDay: string,
  toDay: string,
): Promise<unknown> {
  const { status, text } = await gateway.http
    .get(`/v1/exports/${name}`)
    .query({
      accountId,
      fromDay,
      toDay,
      format: 'csv',
      ...(name === 'usage' ? { granularity: 'DAY' } : {}),
    })
    .set('authorization', `Bearer ${gateway.operatorKey}`);
  return { status, text };
}

const EVENTS = `query ($id: ID, $range: DateRangeInput, $resourceId: ID, $source: String, $eventId: String, $first: Int, $after: String) {
  account(id: $id) { usageEvents(range: $range, resourceId: $resourceId, source: $source, eventId: $eventId, first: $first, after: $after) {
    nodes { id eventId } pageInfo { hasNextPage endCursor } } } }`;

interface Events {
  readonly account: {
    readonly usageEvents: {
      readonly nodes: readonly { readonly id: string; readonly eventId: string }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    };
  };
}

async function eventsOf(id: string, more: object = {}): Promise<Events['account']['usageEvents']> {
  const answer = await gateway.query<Events>(EVENTS, { id, ...more });
  if (answer.errors !== undefined) throw new Error(answer.errors[0]?.extensions.code);
  return answer.data.account.usageEvents;
}

describeOnOneServer('a month that is archived', () => {
  it('answers whole hours and days as before, and refuses what needs its events', async () => {
    const id = await lived();
    const [before, rows] = [await answersOf(id), await rowsOf(id)];
    const whole = await eventsOf(id);
    const idOfA = whole.nodes.find(({ eventId }) => eventId === 'a')?.id;
    expect(whole.nodes.map(({ eventId }) => eventId)).toEqual(['e', 'c', 'b', 'd', 'a']);

    await archive();

    expect(said).toContainEqual(
      expect.stringMatching(/^2026-01: 4 events of 1 account are now in usage-2026-01-/),
    );
    expect(await answersOf(id)).toEqual(before);
    expect(await creditsOf(id, JANUARY.from, JANUARY.to)).toBe('16.2');
    expect(await differencesOf(id)).toEqual([]);
    // 10:25 cuts an hour with archived events; 13:25 one without any; 09:25 one with others.
    await expect(creditsOf(id, '2026-01-10T00:00:00Z', '2026-01-10T10:25:00Z')).rejects.toThrow(
      '"ARCHIVED","months":["2026-01"]',
    );
    expect(await creditsOf(id, '2026-01-10T00:00:00Z', '2026-01-10T13:25:00Z')).toBe('4');
    expect(await creditsOf(id, '2026-02-10T09:25:00Z', '2026-02-10T09:35:00Z')).toBe('4');
    expect(
      await codeOf(gateway.query('query ($id: ID!) { node(id: $id) { id } }', { id: idOfA })),
    ).toBe('ARCHIVED');
    const charges = `query ($id: ID) { account(id: $id) { ledger(first: 20) { nodes { kind charges { nodes { credits } } } } } }`;
    expect(await codeOf(gateway.query(charges, { id }))).toBe('ARCHIVED');
    expect(await exported('events', id, '2026-01-01', '2026-01-31')).toMatchObject({
      status: 409,
      text: expect.stringContaining('ARCHIVED') as unknown,
    });
    expect(await exported('events', id, '2026-02-01', '2026-02-28')).toMatchObject({ status: 200 });

    expect(await attach(service, '2026-01', { folder, say })).toBe(true);

    expect(await rowsOf(id)).toEqual(rows);
    expect(await answersOf(id)).toEqual(before);
    expect(await eventsOf(id)).toEqual(whole);
    expect(await creditsOf(id, '2026-01-10T00:00:00Z', '2026-01-10T10:25:00Z')).toBe('3');
    expect(await differencesOf(id)).toEqual([]);
  });

  it('ends the list of events with a page that says so', async () => {
    const id = await lived();
    const [g, k] = await Promise.all(
      ['g', 'k'].map((name) => registerGuardrail(gateway, id, name)),
    );
    await archive();

    const page = await eventsOf(id);
    expect(page.nodes.map(({ eventId }) => eventId)).toEqual(['e']);
    expect(page.pageInfo.hasNextPage).toBe(true);
    await expect(eventsOf(id, { after: page.pageInfo.endCursor })).rejects.toThrow('ARCHIVED');

    await expect(eventsOf(id, { range: JANUARY })).rejects.toThrow('ARCHIVED');
    await expect(eventsOf(id, { resourceId: g, range: JANUARY })).rejects.toThrow('ARCHIVED');
    await expect(eventsOf(id, { source: 's', eventId: 'a' })).rejects.toThrow('ARCHIVED');
    const none = { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } };
    expect(await eventsOf(id, { resourceId: k })).toEqual(none);
    expect(await eventsOf(id, { source: 's', eventId: 'unknown' })).toEqual(none);
    // The cursor lies before the range: there is nothing between them.
    const end = { from: '2026-02-20T00:00:00Z', to: '2026-03-01T00:00:00Z' };
    expect(await eventsOf(id, { after: page.pageInfo.endCursor, range: end })).toEqual(none);
    expect((await eventsOf(id, { source: 's', eventId: 'd' })).nodes).toHaveLength(1);
    const later = await eventsOf(id, {
      range: { from: '2026-01-13T00:00:00Z', to: '2026-03-01T00:00:00Z' },
    });
    expect(later).toMatchObject({ nodes: [{ eventId: 'e' }], pageInfo: { hasNextPage: false } });
    const total = `query ($id: ID) { account(id: $id) { usageEvents { totalCount } } }`;
    expect(await codeOf(gateway.query(total, { id }))).toBe('ARCHIVED');
  });

  it('knows its events when they are sent again, and does not void them', async () => {
    const id = await lived();
    await archive();

    const events = [
      A,
      { ...A, credits: '3.5' },
      { ...A, eventId: 'new', occurredAt: '2026-05-09T00:00:00Z' },
    ];
    const { recordUsage: sent } = await ask(gateway, RecordUsageDocument, {
      accountId: id,
      events,
    });
    expect(sent).toMatchObject({ accepted: 1, duplicates: 1, conflicts: 1, rejected: 0 });
    for (const [event, outcome] of [
      [A, 'DUPLICATE'],
      [{ ...A, unit: null }, 'CONFLICT'],
    ] as const) {
      const { recordUsage: again } = await ask(gateway, RecordUsageDocument, {
        accountId: id,
        events: [event],
      });
      expect(again.results).toMatchObject([{ index: 0, outcome }]);
    }
    for (const [period, outcome] of [
      [P, 'DUPLICATE'],
      [{ ...P, replicas: 2 }, 'CONFLICT'],
    ] as const) {
      const { recordHosting } = await ask(gateway, RecordHostingDocument, {
        accountId: id,
        periods: [period],
      });
      expect(recordHosting.results).toMatchObject([{ outcome }]);
    }

    await expect(takeBack(id, 'a')).rejects.toThrow('ARCHIVED');
    await expect(takeBack(id, 'never')).rejects.toThrow('NOT_FOUND');
    // The guardrail's last event is voided: the one before it is archived.
    await takeBack(id, 'new');
    await takeBack(id, 'e');
    const last = await asOwner(
      gateway.databaseUrl,
      `select last_event_at from resource where account_id = ${numberOf(id)} and external_id = 'g'`,
    );
    expect(last).toEqual([{ last_event_at: new Date('2026-01-12T10:50:00Z') }]);
    expect(await creditsOf(id, JANUARY.from, '2026-03-01T00:00:00Z')).toBe('16.2');
  });

  it('leaves ledger and statements verified, but for what it charged', async () => {
    const id = await lived();
    const [ledgers, statements] = [
      new LedgerCheckService(gateway.database),
      new StatementCheckService(gateway.database),
    ];
    const [ledger, books] = [
      await ledgers.check(numberOf(id)),
      await statements.check(numberOf(id), null),
    ];
    expect([ledger, books]).toMatchObject([
      { faults: [], archived: 0 },
      { statements: 4, faults: [], archived: 0 },
    ]);
    await archive();

    // Of a, b, c and p, and the reversal of c; all in the first cycle.
    expect(await ledgers.check(numberOf(id))).toEqual({ ...ledger, archived: 5 });
    expect(await statements.check(numberOf(id), null)).toEqual({ ...books, archived: 1 });

    await asOwner(
      gateway.databaseUrl,
      `update usage_by_account set credits_micro = credits_micro + 7
      where account_id = ${numberOf(id)} and tier = 4 and bucket = 319 and type = 'PROCESSING'`,
    );
    expect(await differencesOf(id)).toMatchObject([
      {
        table: 'usage_by_account',
        tier: 4,
        bucket: null,
        stored: { creditsMicro: 13_000_007n },
        raw: { creditsMicro: 13_000_000n },
      },
    ]);
  });

  it('keeps the days of the former zone until it is back', async () => {
    const id = await lived();
    await archive();
    const timeZone = 'America/New_York';
    await ask(gateway, UpdateAccountDocument, { input: { accountId: id, timeZone } });
    await recordUsage(gateway, id, { ...A, eventId: 'moved', occurredAt: '2026-05-09T12:00:00Z' });
    await gateway.fold();

    const zone = async (): Promise<unknown> =>
      asOwner(
        gateway.databaseUrl,
        `select s.time_zone, s.watermark = a.last_seq as is_folded, u.time_zone as of_units
        from rollup_state s join account a using (account_id) join unit_rollup_state u using (account_id) where account_id = ${numberOf(id)}`,
      );
    expect(await zone()).toEqual([{ time_zone: 'UTC', is_folded: true, of_units: timeZone }]);
    // From January's first midnight there to May's: all six but the voided one, and the new one on 9 May.
    expect(await creditsOf(id, '2026-01-01T05:00:00Z', '2026-05-10T04:00:00Z')).toBe('23.2');
    expect(await differencesOf(id)).toEqual([]);

    await attach(service, '2026-01', { folder, say });
    await gateway.fold();
    expect(await zone()).toEqual([{ time_zone: timeZone, is_folded: true, of_units: timeZone }]);
    expect(await creditsOf(id, '2026-01-01T05:00:00Z', '2026-05-10T04:00:00Z')).toBe('23.2');
    expect(await differencesOf(id)).toEqual([]);
  });
});

describeOnOneServer('archiving', () => {
  it('shows a snapshot that began before it all events, and one that begins after it none', async () => {
    const id = await lived();
    const accountId = numberOf(id);
    const filter = { range: null, resourceId: null, modelId: null, source: null, eventId: null };
    const seqs = { first: 1, last: 100 };
    const before = await gateway.database.openSnapshot({ accountId });
    await before.tx.query(raw('select 1'));

    await archive();

    expect(await findArchived(before.tx, [{ accountId, seqs }])).toEqual([[]]);
    expect(await countEvents(before.tx, accountId, filter)).toBe(5);
    await before.close();
    await gateway.database.inSnapshot({ accountId }, async (tx) => {
      expect(await findArchived(tx, [{ accountId, seqs }])).toEqual([['2026-01']]);
      expect(await countEvents(tx, accountId, filter)).toBe(2);
    });
  });

  it('leaves accounts that are not done with a month, and says why', async () => {
    // Until 3 April a month that ended on 31 January stays.
    const recent = await lived({ now: '2026-04-03T00:00:00Z' });
    const unfolded = await lived();
    const unstated = await lived({ hasStatements: false });
    await asOwner(
      gateway.databaseUrl,
      `update rollup_state set watermark = 2 where account_id = ${numberOf(unfolded)}`,
    );
    await archive();

    expect(said).toEqual(
      expect.arrayContaining([
        '  Left of 1 account: it ended less than 62 days ago.',
        '  Left of 1 account: its events are not folded yet.',
        '  Left of 1 account: a cycle in which they were charged or voided has no statement yet.',
      ]),
    );
    expect(await Promise.all([recent, unfolded, unstated].map(isArchived))).toEqual([
      false,
      false,
      false,
    ]);
    await asOwner(
      gateway.databaseUrl,
      `update rollup_state set watermark = 6 where account_id = ${numberOf(unfolded)}`,
    );
    await gateway.app.issuing.issueAll();
    await moveClock(gateway, recent, '2026-04-04T00:00:00Z');
    await archive();
    expect(await Promise.all([recent, unfolded, unstated].map(isArchived))).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('leaves an account of which an event was voided since it was read', async () => {
    const id = await lived();
    const voiding = new ArchivingService(gateway.database);
    voiding.takeOut = async (read, archived) => {
      if (read.accountId === numberOf(id)) await takeBack(id, 'b');
      return service.takeOut(read, archived);
    };
    const rows = await rowsOf(id);
    await archiveBefore(voiding, '2026-02', { folder, say });

    expect(said).toContain('  Left of 1 account: changed meanwhile, so run it again.');
    expect(await isArchived(id)).toBe(false);
    expect(await rowsOf(id)).not.toEqual(rows);
    // The reversal is in the running cycle.
    await moveClock(gateway, id, '2026-06-01T00:00:00Z');
    await gateway.fold();
    await gateway.app.issuing.issueAll();
    await archive();
    expect(await isArchived(id)).toBe(true);
    expect(await creditsOf(id, JANUARY.from, JANUARY.to)).toBe('11.2');
  });

  it('can be ended at any moment and gone on with', async () => {
    const [first, second] = [await lived(), await lived()];
    const rows = [await rowsOf(first), await rowsOf(second)];
    const dying = new ArchivingService(gateway.database);
    dying.read = (month, keep) =>
      service.read(month, (lines) =>
        keep(
          (async function* () {
            for await (const batch of lines) {
              yield batch.slice(0, 5);
              throw new Error('killed');
            }
          })(),
        ),
      );
    await expect(archiveBefore(dying, '2026-02', { folder, say })).rejects.toThrow('killed');
    expect(await fs.readdir(folder)).toEqual([]);
    expect([await rowsOf(first), await rowsOf(second)]).toEqual(rows);

    const dyingLater = new ArchivingService(gateway.database);
    dyingLater.takeOut = async (read, archived) => {
      if (read.accountId === numberOf(second)) throw new Error('killed');
      return service.takeOut(read, archived);
    };
    await expect(archiveBefore(dyingLater, '2026-02', { folder, say })).rejects.toThrow('killed');
    expect([await isArchived(first), await isArchived(second)]).toEqual([true, false]);
    expect(await rowsOf(second)).toEqual(rows[1]);

    await archive();
    expect([await isArchived(first), await isArchived(second)]).toEqual([true, true]);
    await attach(service, '2026-01', { folder, say });
    expect([await rowsOf(first), await rowsOf(second)]).toEqual(rows);
  });

  it('is a command', async () => {
    const id = await lived();
    const rows = await rowsOf(id);

    const archived = await command('--before', '2026-02', '--folder', folder);
    expect(archived).toMatchObject({
      status: 0,
      output: expect.stringContaining(
        '2026-01: 4 events of 1 account are now in usage-2026-01-',
      ) as unknown,
    });
    expect(await isArchived(id)).toBe(true);
    const files = await fs.readdir(folder);
    const modes = files.map(async (file) => (await fs.stat(path.join(folder, file))).mode & 0o777);
    expect(await Promise.all(modes)).toEqual([0o600, 0o600]);
    const attached = await command('--attach', '2026-01', '--folder', folder);
    expect(attached).toEqual({ status: 0, output: '2026-01: 4 events of 1 account are back.\n' });
    expect(await rowsOf(id)).toEqual(rows);

    for (const flag of ['--before', '--attach']) {
      expect(await command(flag, '2026-13')).toMatchObject({
        status: 2,
        output: expect.stringContaining(`${flag} is "2026-13"; a month such as`) as unknown,
      });
    }
  });

  it('brings nothing back from a file that was changed, or is not there', async () => {
    const id = await lived();
    const rows = await rowsOf(id);
    await archive();
    const name = (await fs.readdir(folder)).find((file) => file.endsWith('.gz')) ?? '';
    const file = path.join(folder, name);
    const whole = await fs.readFile(file);
    const left = await rowsOf(id);
    const refused = async (bytes: Buffer): Promise<void> => {
      await fs.writeFile(file, bytes);
      expect(await attach(service, file, { folder, say })).toBe(false);
      expect(said.at(-1)).toMatch(new RegExp(`^Account ${numberOf(id)} stays archived: `));
      expect([await rowsOf(id), await isArchived(id)]).toEqual([left, true]);
    };
    const text = gunzipSync(whole).toString();
    expect(text.split('\n').map((line) => line && (JSON.parse(line) as unknown))).toMatchObject([
      {
        event_id: 'a',
        quantity: 7,
        unit: 'pages',
        credits_micro: 3_000_000,
        occurred_at: '2026-01-10T10:20:00+00:00',
      },
      { event_id: 'b' },
      { event_id: 'c', void_reason: 'r' },
      { event_id: 'p', hardware_id: expect.any(Number) as unknown },
      '',
    ]);

    await refused(gzipSync(text.replace('"credits_micro":3000000', '"credits_micro":3000001')));
    await refused(gzipSync(text.slice(0, text.indexOf('\n') + 1)));
    await refused(whole.subarray(0, whole.length - 20));
    await refused(Buffer.alloc(0));
    await fs.rm(file);
    expect(await attach(service, '2026-01', { folder, say })).toBe(false);

    await fs.writeFile(file, whole);
    expect(await attach(service, file, { folder, say })).toBe(true);
    expect(await rowsOf(id)).toEqual(rows);
  });
});

describeDistributed('archiving distributed tables', () => {
  it('is refused', async () => {
    await expect(service.listMonths('2026-05')).rejects.toThrow(
      'Archiving is not supported where the tables are distributed.',
    );
  });
});
