// A backup is taken while a gateway records, and restored: into a folder of an embedded database, and into a PostgreSQL of one's own
// as an owner without rights beside. What was acknowledged is there, and a backup that is not whole is refused.

import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import {
  CreateWebhookEndpointDocument,
  ReportDocument,
  RotateWebhookSecretDocument,
} from '@billing-gateway/client/operations';
import { entities, migrations } from '../../ormconfig.ts';
import { type Manifest, sha256 } from '../../src/cli/backup/manifest.ts';
import { writeBackup } from '../../src/cli/backup/write.ts';
import { restore } from '../../src/cli/restore/run.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { isoInstant } from '../../src/core/range.ts';
import { loadConfig } from '../../src/config.ts';
import { openDatabase } from '../../src/db/database.ts';
import { startEmbedded } from '../../src/db/embedded.ts';
import { withDump } from '../../src/db/dump.ts';
import { BACKUP_LOCK, migrate } from '../../src/db/migrate.ts';
import { FoldingLoop } from '../../src/rollups/folding.loop.ts';
import {
  alertsOf,
  allocate,
  ask,
  createAccount,
  recordUsage,
  registerGuardrail,
} from '../support/account.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { asOwner, createDatabase, serverUrl } from '../support/databases.ts';
import { until } from '../support/eventually.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

const clock = new SystemClock();
const DATABASE_NAME = 'billing_gateway';
const PLAIN = `plain_owner_${process.pid}`;
const CREDITS = 0.25;
const MANIFEST = 'manifest.json';

let folder: string;
let source: string;
let backup: string;
let restored: string;
let accountId: string;
let said: string;
/** Ids of events. */
let acknowledgedBefore: readonly string[];
let acknowledgedAfter = 0;
let reportBefore: unknown;
let partitionsBefore: unknown;
let indexesBefore: unknown;
/** The only instants of the report. */
const DAY = { from: '2026-01-10T00:00:00Z', to: '2026-01-11T00:00:00Z' };

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-backup-'));
  // The user that runs the database has to enter it.
  await fs.chmod(folder, 0o755);
  [source, backup, restored] = ['source', 'backup', 'restored'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string];
  const gateway = await startGatewayProcess(null, OPERATOR_KEY, {
    DATA_DIR: source,
    WEBHOOK_ALLOW_LOOPBACK: 'true',
    INGEST_WINDOW_DAYS: '3660',
  });
  try {
    await live(gateway);
    await backUpWhileItRecords(gateway);
    reportBefore = await report(gateway);
  } finally {
    await gateway.stop();
  }
  partitionsBefore = await inDatabase(source, PARTITIONS);
  indexesBefore = await inDatabase(source, INDEXES);
});

afterAll(async () => {
  await fs.rm(folder, { recursive: true, force: true });
});

/** An account with history of one day, forty events that use up 1 % of its credits, and a webhook. */
async function live(gateway: GatewayProcess): Promise<void> {
  accountId = await createAccount(gateway, {
    externalId: 'acme',
    usageThresholds: ['1'],
    hoursToStop: [],
  });
  await allocate(gateway, accountId, '1000');
  await registerGuardrail(gateway, accountId, 'g');
  for (const [eventId, hour] of [
    ['history 1', '07'],
    ['history 2', '19'],
  ] as const) {
    await record(gateway, eventId, `2026-01-10T${hour}:30:00Z`);
  }
  // What is tampered with later has to be in rollups. The gateway itself would wait for a minute.
  await atDatabase(source, foldAll);
  const state = await inDatabase(source, 'select watermark::int from rollup_state');
  expect(state).toEqual([{ watermark: 2 }]);
  const { createWebhookEndpoint: webhook } = await ask(gateway, CreateWebhookEndpointDocument, {
    input: { accountId, url: 'http://127.0.0.1:1024/', events: ['DEPLOYMENT_STARTED'] },
  });
  await ask(gateway, RotateWebhookSecretDocument, { id: webhook.endpoint.id });
}

async function backUpWhileItRecords(gateway: GatewayProcess): Promise<void> {
  const acknowledged: string[] = [];
  const over = new AbortController();
  const recording = (async () => {
    while (!over.signal.aborted) {
      const eventId = `live ${acknowledged.length}`;
      await record(gateway, eventId);
      acknowledged.push(eventId);
    }
  })();
  await until(() => acknowledged.length >= 40, 'the alert’s percent is used');
  acknowledgedBefore = [...acknowledged];
  const { status, output } = await command('backup', [backup], { DATA_DIR: source });
  acknowledgedAfter = acknowledged.length;
  over.abort();
  await recording;
  said = output;
  if (status !== 0) throw new Error(output);
}

async function record(
  gateway: Pick<GatewayProcess, 'query'>,
  eventId: string,
  occurredAt = isoInstant(clock.nowMs()),
): Promise<void> {
  await recordUsage(gateway, accountId, {
    ...{ eventId, occurredAt, credits: String(CREDITS), quantity: 3, unit: 'pages' },
    ...{ resourceKind: 'GUARDRAIL', resourceExternalId: 'g' },
  });
}

/** Figures of the history alone: whatever else an answer has, such as when something was used last, goes on meanwhile. */
async function report(gateway: Pick<GatewayProcess, 'query'>): Promise<unknown> {
  const of = { accountId, range: DAY, groupBy: ['CATEGORY'], granularity: 'HOUR' } as const;
  const { account } = await ask(gateway, ReportDocument, of);
  return [account?.usage.report.totals, account?.usage.report.nodes];
}

/** Runs a command as an operator would. */
function command(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ReturnType<typeof runCommand> {
  return runCommand(name, args, { env: { DATABASE_URL: '', ...env } });
}

/** What SQL answers in an embedded database, which is started for that if it does not run. */
async function inDatabase(dataDir: string, statement: string): Promise<readonly unknown[]> {
  return atDatabase(dataDir, (url) => asOwner(url, statement));
}

async function atDatabase<T>(dataDir: string, use: (url: string) => Promise<T>): Promise<T> {
  const server = await startEmbedded({
    dataDir,
    databaseName: DATABASE_NAME,
    log: () => undefined,
  });
  try {
    return await use(server.url);
  } finally {
    await server.stop();
  }
}

async function foldAll(url: string): Promise<void> {
  const database = await openDatabase({ url, poolSize: 1, entities });
  const faults: unknown[] = [];
  await new FoldingLoop(database, (error) => faults.push(error)).foldAll();
  await database.close();
  expect(faults).toEqual([]);
}

const PARTITIONS = `select c.relname, pg_get_expr(c.relpartbound, c.oid) as bound, c.reloptions
  from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'usage_event'::regclass order by 1`;

/** What holds the rows of the tables, but foreign keys, and how they are found. */
const INDEXES = `select schemaname, tablename, indexname, indexdef, pg_get_constraintdef(c.oid) as constraint
  from pg_indexes i left join pg_constraint c on c.conindid = format('%I.%I', schemaname, indexname)::regclass and c.contype <> 'f'
  where schemaname in ('public', 'graphile_worker') order by 1, 2, 3`;

async function manifestOf(backupFolder: string): Promise<Manifest> {
  return JSON.parse(await fs.readFile(path.join(backupFolder, MANIFEST), 'utf8')) as Manifest;
}

/** A copy of the backup in which something was done, and the manifest's hash written anew. */
async function changed(
  name: string,
  change: (copy: string, manifest: Manifest) => Promise<Manifest> | Manifest,
): Promise<string> {
  const copy = path.join(folder, name);
  await fs.cp(backup, copy, { recursive: true });
  const text = JSON.stringify(await change(copy, await manifestOf(copy)));
  await fs.writeFile(path.join(copy, MANIFEST), text);
  await fs.writeFile(path.join(copy, `${MANIFEST}.sha256`), `${sha256(text)}  ${MANIFEST}\n`);
  return copy;
}

/** Restores in this process. @returns what was said, the reason of a refusal last */
async function restoreInto(
  databaseUrl: string,
  from: string,
  { acceptsFaults = false } = {},
): Promise<string> {
  const lines: string[] = [];
  const options = { config: loadConfig({ DATABASE_URL: databaseUrl }), acceptsFaults };
  const say = (line: string): void => void lines.push(line);
  await restore(from, { ...options, say }).catch((error: unknown) => {
    say(String(error));
  });
  return lines.join('\n');
}

describe('a backup that is taken while events are recorded', () => {
  it('is a folder for its owner alone, and says what is in it and what is not', async () => {
    const { tables, keys } = await manifestOf(backup);
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    const modes = await Promise.all(
      [backup, path.join(backup, 'webhook-secret.key'), path.join(backup, MANIFEST)].map(
        async (name) => ((await fs.stat(name)).mode & 0o777).toString(8),
      ),
    );

    expect(modes).toEqual(['700', '600', '600']);
    expect(said).toContain(`${rows} rows of ${tables.length} tables`);
    expect(said).toContain('webhook-secret.key in it opens the secrets');
    expect(keys?.file).toBe('webhook-secret.key');
    expect(acknowledgedAfter).toBeGreaterThan(acknowledgedBefore.length);
    expect((await fs.readdir(folder)).sort()).toEqual(['backup', 'source']);
  });

  describe('restored into an empty folder', () => {
    let gateway: GatewayProcess;
    let output: string;

    beforeAll(async () => {
      await fs.rm(restored, { recursive: true, force: true });
      const run = await command('restore', [backup], { DATA_DIR: restored });
      output = run.output;
      if (run.status !== 0) throw new Error(output);
      gateway = await startGatewayProcess(null, OPERATOR_KEY, { DATA_DIR: restored });
    });

    afterAll(async () => {
      await gateway.stop();
    });

    it('is proven, and its sealed secrets open', async () => {
      const key = 'webhook-secret.key';

      expect(output).toContain('Proven of 1 accounts');
      expect(output).not.toContain('no key opens');
      expect(await fs.readFile(path.join(restored, key), 'utf8')).toBe(
        await fs.readFile(path.join(source, key), 'utf8'),
      );
    });

    it('has all that was acknowledged before, answers as before, and goes on with the next number', async () => {
      const ids = `select event_id from usage_event where event_id like 'live %'`;
      const found = (await inDatabase(restored, ids)) as { event_id: string }[];
      const there = new Set(found.map(({ event_id }) => event_id));
      expect(acknowledgedBefore.filter((id) => !there.has(id))).toEqual([]);

      expect(await report(gateway)).toEqual(reportBefore);
      const { account } = await ask<{ account: { credits: { used: string; remaining: string } } }>(
        gateway,
        'query ($id: ID) { account(id: $id) { credits { used remaining } } }',
        { id: accountId },
      );
      const used = there.size * CREDITS;
      expect(account.credits).toEqual({ used: String(used), remaining: String(1000 - used) });
      expect((await alertsOf(gateway, accountId)).map(({ kind }) => kind)).toEqual([
        'CREDIT_THRESHOLD',
      ]);

      await record(gateway, 'after');
      // Two of history came first.
      expect(
        await inDatabase(restored, `select seq::int from usage_event where event_id = 'after'`),
      ).toEqual([{ seq: there.size + 3 }]);
    });

    it('has the partitions that it had', async () => {
      expect(await inDatabase(restored, PARTITIONS)).toEqual(partitionsBefore);
    });

    it('has the indexes and keys that it had, by their names', async () => {
      const indexes = await inDatabase(restored, INDEXES);

      expect(indexes).toEqual(indexesBefore);
      expect(indexes).toContainEqual(
        expect.objectContaining({ indexname: 'usage_event_earlier_pkey' }),
      );
    });

    it('is right for the commands that check it', async () => {
      const env = { DATA_DIR: restored };
      const checks = [
        command('verify', ['--account', 'acme'], env),
        command('check-rollups', [], env),
      ];

      expect((await Promise.all(checks)).map(({ status }) => status)).toEqual([0, 0]);
    });

    it('is not restored over', async () => {
      const config = loadConfig({ DATA_DIR: restored });
      const again = restore(backup, { config, acceptsFaults: false, say: () => undefined });

      await expect(again).rejects.toThrow('The database is not empty');
    });
  });

  describe('restored by an owner who is no superuser', () => {
    let url: string;
    let output: string;

    beforeAll(async () => {
      await asOwner(serverUrl(), `create role ${PLAIN} login createrole password 'plain'`);
      await asOwner(
        serverUrl(),
        `grant billing_gateway, billing_operator to ${PLAIN} with admin option`,
      );
      const own = new URL(await createDatabase(`owner ${PLAIN}`));
      own.username = PLAIN;
      own.password = 'plain';
      url = own.href;
      output = await restoreInto(url, backup);
    });

    it('is proven, and told which keys gateways need', () => {
      expect(output).toContain('Proven of 1 accounts');
      expect(output).toContain('Start gateways with WEBHOOK_SECRET_KEY');
    });

    it('has every row, sequence and partition: a backup of it is the same, byte for byte', async () => {
      const again = path.join(folder, 'again');
      const { status } = await command('backup', [again], { DATABASE_URL: url });
      const [first, second] = [await manifestOf(backup), await manifestOf(again)];

      expect(status).toBe(0);
      expect(second).toEqual({
        ...first,
        takenAt: second.takenAt,
        postgres: second.postgres,
        keys: null,
      });
    });

    it('forces row policies and checks foreign keys as before', async () => {
      const state = `select (select count(*) from pg_class where relforcerowsecurity)::int as forced,
        (select count(*) from pg_constraint where contype = 'f' and convalidated)::int as keys,
        (select count(*) from pg_trigger where tgenabled = 'D')::int as disabled`;

      expect(await asOwner(url, state)).toEqual(await inDatabase(source, state));
    });

    it('tells of archived events that are not in it', async () => {
      await asOwner(
        url,
        `insert into usage_archive (account_id, month, first_seq, last_seq, events, voided, used_hours, counted_events,
           counted_quantity, counted_credits_micro, sha256, file, file_offset, file_bytes, archived_at)
         values (1, '2020-01-01', 1, 7, 7, 0, '{}', 7, 0, 0, '\\x00', 'usage-2020-01', 0, 1, now())`,
      );
      const { output } = await command('backup', [path.join(folder, 'with archives')], {
        DATABASE_URL: url,
        DATA_DIR: 'elsewhere',
      });

      expect(output).toContain('Not in it: 7 archived events.');
      expect(output).toContain(path.join('elsewhere', 'archive'));
    });
  });
});

describe('a backup of a database that is not as a first start makes it', () => {
  // As after the upgrade of a database with events, whose earlier ones reach to the end of the month.
  it('is restored in the month in which events were put into months', async () => {
    const copy = await changed(
      'upgraded',
      (_copy, { partitions: [earlier, month, ...later], ...rest }) => {
        if (earlier === undefined || month === undefined) throw new Error('there are months');
        return { ...rest, partitions: [{ ...earlier, to: month.to }, ...later] };
      },
    );
    const url = await createDatabase();

    expect(await restoreInto(url, copy)).toContain('Proven of 1 accounts');

    const partitions = await withDump(url, ({ head }) => Promise.resolve(head.partitions));
    expect(partitions).toEqual((await manifestOf(copy)).partitions);
  });

  it('is restored without the tables that no release makes, and without their sequences', async () => {
    const copy = await changed('with other tables', async (at, manifest) => {
      const file = 'public.theirs.copy.gz';
      const packed = gzipSync('1\n');
      await fs.writeFile(path.join(at, file), packed);
      const written = { file, bytes: packed.length, sha256: sha256(packed) };
      const theirs = { name: 'public.theirs', columns: ['id'], rows: 1, ...written };
      return {
        ...manifest,
        tables: [...manifest.tables, theirs],
        sequences: [...manifest.sequences, { name: 'public.theirs_id_seq', last: '1' }],
      };
    });

    const output = await restoreInto(await createDatabase(), copy);

    expect(output).toContain('Left out, since the gateway does not make it: public.theirs.');
  });
});

class Later1990000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table account add column later int');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table account drop column later');
  }
}

describe('while a backup runs', () => {
  it('gateways start, and a new release waits without a lock on any table', async () => {
    const url = await createDatabase();
    await migrate({ url, migrations });
    const locks = (what: string): Promise<readonly unknown[]> =>
      asOwner(
        url,
        `select from pg_locks where database = (select oid from pg_database where datname = current_database()) and ${what}`,
      );

    const upgraded = await withDump(url, async () => {
      expect(await migrate({ url, migrations })).toEqual([]);

      const upgrade = migrate({ url, migrations: [...migrations, Later1990000000000] });
      await until(async () => (await locks('not granted')).length > 0, 'the new release waits');
      expect(await locks(`not granted and locktype = 'relation'`)).toEqual([]);
      expect(await asOwner(url, 'select from account')).toEqual([]);
      return { upgrade };
    });

    expect(await upgraded.upgrade).toEqual(['Later1990000000000']);
  });
});

describe('a restore that was killed', () => {
  it('leaves what no gateway starts on, and the next restore clears it away', async () => {
    const url = await createDatabase();
    const name = new URL(url).pathname.slice(1);
    const { child, ended } = startCommand('restore', [backup], { env: { DATABASE_URL: url } });
    await until(async () => {
      const sessions = `select from pg_stat_activity where datname = '${name}' and application_name = 'billing-gateway-migrate'`;
      return (await asOwner(serverUrl(), sessions)).length > 0;
    }, 'it migrates');
    child.kill('SIGKILL');
    await ended;

    await expect(startGatewayProcess(url, OPERATOR_KEY)).rejects.toThrow(
      'A restore into this database has not ended',
    );
    expect(await restoreInto(url, backup)).toContain('Proven of 1 accounts');
    expect(await migrate({ url, migrations })).toEqual([]);
  });
});

describe('a command that is interrupted', () => {
  it('stops the database that only it uses', async () => {
    const server = await startEmbedded({
      dataDir: source,
      databaseName: DATABASE_NAME,
      log: () => undefined,
    });
    const holder = new pg.Client(server.url);
    // It is ended with the server.
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query(`select pg_advisory_lock(${BACKUP_LOCK})`);
    const { child, ended } = startCommand('backup', [path.join(folder, 'interrupted')], {
      env: { DATABASE_URL: '', DATA_DIR: source },
    });
    await until(async () => {
      const { rows } = await holder.query('select from pg_locks where not granted');
      return rows.length > 0;
    }, 'it waits for the lock');
    await server.stop();
    child.kill('SIGINT');

    expect((await ended).status).toBe(130);
    await expect(fs.stat(path.join(source, 'postgres', 'data', 'postmaster.pid'))).rejects.toThrow(
      'ENOENT',
    );
  });
});

describe('what is refused', () => {
  it('is a backup into a folder that is not empty', async () => {
    const options = { url: 'postgres://nobody@127.0.0.1:1/none', keys: null };

    await expect(writeBackup(backup, options)).rejects.toThrow(`${backup} is not empty`);
  });

  it('is a backup into what it cannot replace, before any work is done', async () => {
    const empty = path.join(folder, 'empty');
    const link = path.join(folder, 'link to empty');
    await fs.mkdir(empty);
    await fs.symlink(empty, link);
    const options = { url: 'postgres://nobody@127.0.0.1:1/none', keys: null };

    await expect(writeBackup(link, options)).rejects.toThrow(`${link} cannot be replaced`);
  });

  it.each([
    ['backup', ['unused']],
    ['archive', ['--before', '2026-02']],
    ['check-rollups', []],
    ['rotate-statement-key', []],
    ['verify', ['--account', 'acme']],
  ])('is a %s of a folder without a database, which stays without one', async (name, args) => {
    const nowhere = path.join(folder, 'nowhere');
    const { status, output } = await command(name, args, { DATA_DIR: nowhere });

    expect({ status, output }).toEqual({
      status: 1,
      output: `There is no database in ${nowhere}: set DATA_DIR or DATABASE_URL.\n`,
    });
    await expect(fs.stat(nowhere)).rejects.toThrow('ENOENT');
  });

  it.each([
    [
      'a file that was cut off',
      'public.account.copy.gz was changed or cut off',
      async (file: string) => {
        await fs.truncate(file, 20);
      },
    ],
    [
      'a file with one other byte',
      'public.account.copy.gz was changed or cut off',
      async (file: string) => {
        const content = await fs.readFile(file);
        content[30] = (content[30] ?? 0) ^ 1;
        await fs.writeFile(file, content);
      },
    ],
    ['a file that is missing', 'public.account.copy.gz is missing', (file: string) => fs.rm(file)],
    [
      'a changed manifest',
      'manifest.json was changed',
      (file: string) => fs.appendFile(path.join(path.dirname(file), MANIFEST), ' '),
    ],
    [
      'no manifest',
      'manifest.json is missing',
      (file: string) => fs.rm(path.join(path.dirname(file), MANIFEST)),
    ],
  ])('is %s, before a database is made', async (what, reason, change) => {
    const copy = path.join(folder, `copy with ${what}`);
    const dataDir = path.join(folder, `data of ${what}`);
    await fs.cp(backup, copy, { recursive: true });
    await change(path.join(copy, 'public.account.copy.gz'));

    const options = { acceptsFaults: false, say: () => undefined };
    const restoring = restore(copy, { ...options, config: loadConfig({ DATA_DIR: dataDir }) });

    await expect(restoring).rejects.toThrow(reason);
    await expect(fs.stat(dataDir)).rejects.toThrow('ENOENT');
  });

  it('is a backup of a newer release', async () => {
    const copy = await changed('newer', (_copy, manifest) => ({
      ...manifest,
      release: '9.0.0',
      migrations: [...manifest.migrations, 'Later1990000000000'],
    }));

    expect(await restoreInto('postgres://nobody@127.0.0.1:1/none', copy)).toContain(
      'The backup is of a newer release (9.0.0): this one does not know its migrations Later1990000000000.',
    );
  });

  it('is a database that is empty but used', async () => {
    const url = await createDatabase();
    const other = new pg.Client({ connectionString: url });
    await other.connect();

    expect(await restoreInto(url, backup)).toContain('Somebody else uses the database');

    await other.end();
  });

  it('is a database whose secrets no key opens, and no key is made for it', async () => {
    const copy = await changed('without keys', (_copy, manifest) => ({ ...manifest, keys: null }));
    const { tables } = await manifestOf(copy);
    const statementKeys = tables.find(({ name }) => name === 'public.statement_key')?.rows ?? 0;
    const dataDir = path.join(folder, 'without keys restored');
    const lines: string[] = [];
    const options = {
      config: loadConfig({ DATA_DIR: dataDir }),
      say: (line: string): void => void lines.push(line),
    };

    await expect(restore(copy, { ...options, acceptsFaults: false })).rejects.toThrow(
      '--accept-faults',
    );
    // A webhook has its secret and the one before.
    expect(lines.join('\n')).toContain(`that no key opens: ${statementKeys + 2}.`);
    expect(await fs.readdir(dataDir)).not.toContain('webhook-secret.key');

    await restore(copy, { ...options, acceptsFaults: true });
    expect(lines.join('\n')).toContain('The database is that of');
  });

  it('is what was wrong already, unless it is taken as it is', async () => {
    // One event of history has four pages where it had three.
    const copy = await changed('wrong', async (at, manifest) => {
      const file = path.join(at, 'public.usage_event.copy.gz');
      const rows = gunzipSync(await fs.readFile(file)).toString();
      const column = manifest.tables
        .find(({ name }) => name === 'public.usage_event')
        ?.columns.indexOf('quantity');
      const lines = rows.split('\n').map((line) => line.split('\t'));
      const line = lines.find((one) => one.includes('history 1')) ?? [];
      line[column ?? -1] = '4';
      const packed = gzipSync(lines.map((one) => one.join('\t')).join('\n'));
      await fs.writeFile(file, packed);
      const tables = manifest.tables.map((table) =>
        table.name === 'public.usage_event'
          ? { ...table, bytes: packed.length, sha256: sha256(packed) }
          : table,
      );
      return { ...manifest, tables };
    });
    const url = await createDatabase();

    const refused = await restoreInto(url, copy);
    expect(refused).toContain('Account 1: Its rollups are not those of its events.');
    expect(refused).toContain('--accept-faults');
    await expect(migrate({ url, migrations })).rejects.toThrow('has not ended');
    // Its rows are all there, so it could be found right, and be written to.
    const commands = [
      command('archive', ['--before', '2026-02'], { DATABASE_URL: url }),
      command('verify', ['--account', 'acme'], { DATABASE_URL: url }),
    ];
    for (const { status, output } of await Promise.all(commands)) {
      expect([status, output]).toEqual([1, expect.stringContaining('has not ended')]);
    }

    await restoreInto(url, copy, { acceptsFaults: true });
    expect(await migrate({ url, migrations })).toEqual([]);
  });
});
