// Row-level policies: a transaction of an account finds its rows alone, whatever its statements say.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { entities, migrations } from '../../ormconfig.ts';
import { encodeId } from '../../src/core/identity.ts';
import { type Database, openDatabase, type Tx } from '../../src/db/database.ts';
import { sqlState } from '../../src/db/sql-state.ts';
import { loginOf, loginUrl } from '../../src/db/login.ts';
import { migrate } from '../../src/db/migrate.ts';
import { raw, sql } from '../../src/db/sql.ts';
import type { Whose } from '../../src/db/whose.ts';
import { resolveResourceRefs } from '../../src/resources/resources.store.ts';
import { foldTogether } from '../../src/rollups/fold.store.ts';
import { loadTailActivity } from '../../src/views/tail.store.ts';
import { ask, numberOf, recordUsage, register } from '../support/account.ts';
import { serverOwner } from '../support/databases.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { itOnOneServer } from '../support/left-out.ts';
import {
  AllocateDocument,
  CreateWebhookEndpointDocument,
  SetCreditPriceDocument,
  UpdateAccountDocument,
} from '@billing-gateway/client/operations';
import { AccountOfHooks, TEST_CLOCK } from '../support/webhook-account.ts';

const PROTECTED = `select c.oid, c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'public'::regnamespace and c.relkind not in ('i', 'I') and a.attname = 'account_id'
    and not a.attisdropped and not c.relispartition`;

const OF_ACCOUNT = `(account_id = (NULLIF(current_setting('billing.account_id'::text, true), ''::text))::integer)`;

const AN_HOUR_LATER = new Date(Date.parse(TEST_CLOCK) + 3_600_000).toISOString();
const NEXT_MONTH = new Date(Date.parse(TEST_CLOCK) + 32 * 86_400_000).toISOString();

let gateway: TestGateway;
/** One connection of each pool, by the logins of a real gateway. */
let database: Database;
let tables: readonly string[] = [];
let [ours, theirs] = [0, 0];

beforeAll(async () => {
  gateway = await startTestGateway();
  const url = gateway.databaseUrl;
  const logins = [loginOf(url, 'billing_gateway'), loginOf(url, 'billing_operator')] as const;
  await migrate({ url, migrations, logins });
  database = await openDatabase({
    url: loginUrl(url, logins[0]),
    operatorUrl: loginUrl(url, logins[1]),
    poolSize: 1,
    entities,
  });
  ours = await accountWithRows('ours');
  theirs = await accountWithRows('theirs');
  await gateway.fold();
  // What a month without any events would leave.
  await asOwner(
    url,
    `with a as (select account_id, date '2000-01-01' as month from account),
     s as (insert into usage_archive_subject (account_id, month, subject_id) select account_id, month, 1 from a)
     insert into usage_archive (account_id, month, first_seq, last_seq, events, voided, used_hours, counted_events, counted_quantity,
       counted_credits_micro, sha256, file, file_offset, file_bytes, archived_at)
     select account_id, month, 0, 0, 0, 0, '{}', 0, 0, 0, '', '', 0, 0, now() from a`,
  );
  tables = (await asOwner(url, `${PROTECTED} order by name`)).map(({ name }) => String(name));
});

afterAll(async () => {
  await database.close();
  await gateway.close();
});

/** An account with rows in every table. @returns its number */
async function accountWithRows(name: string): Promise<number> {
  const account = await AccountOfHooks.open(gateway, name);
  await ask(gateway, UpdateAccountDocument, {
    input: { accountId: account.id, notificationEmails: ['billing@example.com'] },
  });
  await ask(
    gateway,
    CreateWebhookEndpointDocument,
    { input: { url: 'http://127.0.0.1:1024/hook', events: ['ALERT_RAISED'] } },
    account.key,
  );
  const deployment = { kind: 'MODEL_DEPLOYMENT', modelExternalId: 'm', modelType: 'BASE' } as const;
  for (const named of ['M', 'M2']) {
    await register(gateway, account.id, { ...deployment, externalId: 'd', name: named });
  }
  await account.deploy(1);
  await account.raise();
  await account.advanceTo(AN_HOUR_LATER);
  await account.undeploy();
  await recordUsage(gateway, account.id, {
    ...{ occurredAt: TEST_CLOCK, quantity: 12, unit: 'pages', credits: '1' },
    ...{ resourceKind: 'MODEL_DEPLOYMENT', resourceExternalId: 'd' },
  });
  await ask(gateway, SetCreditPriceDocument, {
    input: { accountId: account.id, currency: 'EUR', listPerCredit: '1', contractedPerCredit: '1' },
  });
  await gateway.http
    .get('/v1/exports/ledger')
    .query({ preset: 'LAST_24_HOURS', accountId: account.id })
    .set('authorization', `Bearer ${gateway.operatorKey}`)
    .expect(200);
  await account.advanceTo(NEXT_MONTH);
  await gateway.app.issuing.issueAll();
  return numberOf(account.id);
}

function query(whose: Whose, text: string): Promise<readonly object[]> {
  return database.inTransaction(whose, (tx) => tx.query(raw(text)));
}

async function accountsIn(whose: Whose, table: string): Promise<readonly number[]> {
  const rows = await query(whose, `select distinct account_id as id from ${table} order by 1`);
  return rows.map((row) => Number(Reflect.get(row, 'id')));
}

/** How a store's statement is carried out. */
async function planOf(tx: Tx, run: (tx: Tx) => Promise<unknown>): Promise<string> {
  const lines: unknown[] = [];
  await run({
    ...tx,
    query: async (statement) => {
      const rows = await tx.query(sql`explain ${statement}`);
      lines.push(...rows.map((row) => row['QUERY PLAN']));
      return [];
    },
  });
  return lines.join('\n');
}

describe('every table with account_id', () => {
  it('has forced policies: one for an account, one for operators, one for the owner', async () => {
    const found = await asOwner(
      gateway.databaseUrl,
      `select t.name, c.relkind = any('{r,p}') and c.relrowsecurity and c.relforcerowsecurity as is_forced,
         (select json_agg(json_build_array(p.policyname, p.roles, p.permissive, p.cmd, p.qual, p.with_check) order by p.policyname)
          from pg_policies p where p.schemaname = 'public' and p.tablename = t.name) as policies
       from (${PROTECTED}) t join pg_class c using (oid) order by 1`,
    );

    const [{ owner = '' } = {}] = await asOwner(
      gateway.databaseUrl,
      'select current_user as owner',
    );
    const policies = [
      ['of_account', ['billing_gateway'], 'PERMISSIVE', 'ALL', OF_ACCOUNT, OF_ACCOUNT],
      ['of_operators', ['billing_operator'], 'PERMISSIVE', 'ALL', 'true', 'true'],
      ['of_owner', [owner], 'PERMISSIVE', 'ALL', 'true', 'true'],
    ];
    const [ofAccount, , ofOwner] = policies;
    // None restricts: Citus would copy one that does as one that permits.
    const guarded = (deletable: string): unknown => [
      ofAccount,
      ['of_operators_delete', ['billing_operator'], 'PERMISSIVE', 'DELETE', deletable, null],
      ['of_operators_insert', ['billing_operator'], 'PERMISSIVE', 'INSERT', null, 'true'],
      ['of_operators_select', ['billing_operator'], 'PERMISSIVE', 'SELECT', 'true', null],
      ['of_operators_update', ['billing_operator'], 'PERMISSIVE', 'UPDATE', 'true', 'true'],
      ofOwner,
    ];
    const others = new Map([
      ['audit_entry', guarded("(at < (now() - '30 days'::interval))")],
      ['email', guarded("(status <> 'PENDING'::email_status)")],
      ['webhook_delivery', guarded("(status <> 'PENDING'::webhook_delivery_status)")],
    ]);
    expect(found.length).toBeGreaterThan(20);
    expect(found).toEqual(
      tables.map((name) => ({
        name,
        is_forced: true,
        policies: others.get(name) ?? policies,
      })),
    );
  });

  it('shows an account its own rows, nobody none, and operators all', async () => {
    for (const table of tables) {
      const seen = {
        account: await accountsIn({ accountId: ours }, table),
        nobody: await accountsIn('nobody', table),
        unknown: await accountsIn({ accountId: 2 ** 31 - 1 }, table),
        noAccount: await accountsIn({ accountId: 0 }, table),
      };
      expect({ table, ...seen }).toEqual({
        ...{ table, account: [ours], nobody: [], unknown: [], noAccount: [] },
      });
      for (const whose of ['operator', 'system'] as const) {
        expect(await accountsIn(whose, table)).toEqual(expect.arrayContaining([ours, theirs]));
      }
    }
  });

  it('lets an account change and remove no rows but its own', async () => {
    const whose = { accountId: ours };
    const changed = await query(whose, `update model set name = 'X' returning account_id as id`);
    const removed = await query(
      whose,
      `delete from former_row where account_id = ${theirs} returning account_id`,
    );
    expect(changed).toEqual([{ id: ours }]);
    expect(removed).toEqual([]);
  });

  it('refuses an insert of a row for another account', async () => {
    for (const whose of [{ accountId: ours }, 'nobody'] as const) {
      const outcome = await query(
        whose,
        `insert into model (account_id, model_id, external_id, name, type, created_at)
         values (${theirs}, 999, 'x', 'x', 'BASE', now())`,
      ).catch(sqlState);
      expect(outcome).toBe('42501');
    }
  });

  // Where tables are distributed nobody can move a row to another account.
  itOnOneServer('refuses an update of a row for another account', async () => {
    const text = `update model set account_id = ${theirs}, model_id = 999`;
    expect(await query({ accountId: ours }, text).catch(sqlState)).toBe('42501');
    expect(await query('nobody', text)).toEqual([]);
  });
});

describe('a connection of the pool', () => {
  it('serves one account after another, and nobody, each with its own rows', async () => {
    const pids = new Set<unknown>();
    const seen: unknown[] = [];
    for (const whose of [
      { accountId: ours },
      { accountId: theirs },
      'nobody',
      { accountId: ours },
    ] as const) {
      const rows = await database.inSnapshot(whose, (tx) =>
        tx.query(
          sql`select pg_backend_pid() as pid, (select array_agg(account_id) from account) as ids`,
        ),
      );
      pids.add(rows[0]?.['pid']);
      seen.push(rows[0]?.['ids']);
    }
    expect(pids.size).toBe(1);
    expect(seen).toEqual([[ours], [theirs], null, [ours]]);
  });

  it('serves as before after a transaction that failed', async () => {
    await query({ accountId: theirs }, 'select 1 / 0').catch(() => undefined);
    expect(await accountsIn('nobody', 'account')).toEqual([]);
    expect(await accountsIn({ accountId: ours }, 'account')).toEqual([ours]);
  });

  it('takes no account from what an earlier transaction left behind', async () => {
    await query({ accountId: ours }, `set session billing.account_id = '${theirs}'`);
    expect(await accountsIn('nobody', 'account')).toEqual([]);
    expect(await accountsIn({ accountId: ours }, 'account')).toEqual([ours]);
  });
});

describe('a statement in a transaction of an account', () => {
  it.each([
    ['become an operator', 'set role billing_operator'],
    ['become the owner', `set role ${serverOwner()}`],
    ['leave its role', 'set role none'],
    ['log in anew', `set session authorization ${serverOwner()}`],
    ['do without policies', 'set local row_security = off'],
    ['switch policies off', 'alter table account disable row level security'],
  ])('cannot %s and see more', async (_what, text) => {
    const outcome = await database
      .inTransaction({ accountId: ours }, async (tx) => {
        await tx.query(raw(text));
        return tx.query(sql`select account_id from account`);
      })
      .catch(sqlState);
    expect(outcome).toBe('42501');
    // What it set ended with it.
    expect(await accountsIn({ accountId: ours }, 'account')).toEqual([ours]);
  });

  it('sees its own rows alone when it resets its role', async () => {
    const rows = await database.inTransaction({ accountId: ours }, async (tx) => {
      await tx.query(sql`reset role`);
      return tx.query(sql`select account_id from account`);
    });
    expect(rows).toEqual([{ account_id: ours }]);
  });
});

describe('a statement of an account', () => {
  beforeAll(async () => {
    const many = Array.from({ length: 500 }, (_, index) => `w${index}`);
    const accountId = encodeId('Account', ours, ours);
    await register(
      gateway,
      accountId,
      ...many.map((name) => ({ kind: 'WORKFLOW', externalId: name, name }) as const),
    );
    await asOwner(gateway.databaseUrl, 'analyze resource');
  });

  // A condition that is not leakproof would be judged for every row of the account instead.
  itOnOneServer.each([
    [
      'resources by their identity',
      (tx: Tx) => resolveResourceRefs(tx, ours, [{ kind: 'GUARDRAIL', externalId: 'pii' }]),
      /Index Cond: .*external_id = /,
    ],
    [
      'the events that are not folded',
      (tx: Tx) => loadTailActivity(tx, [ours]),
      /Index Cond: .*seq > .*watermark.*seq <= /,
    ],
    [
      'the events of a chunk to fold',
      (tx: Tx) => foldTogether(tx, [ours]),
      /Index Cond: .*seq > .*watermark.*seq <= .*to_seq/,
    ],
  ])('finds %s by an index', async (_what, run, condition) => {
    const plan = await database.inTransaction({ accountId: ours }, async (tx) => {
      await tx.query(sql`set local enable_seqscan = off`);
      await tx.query(sql`set local enable_bitmapscan = off`);
      return planOf(tx, run);
    });
    expect(plan).toMatch(condition);
  });
});

describe('an account', () => {
  it.each([
    'insert into account default values',
    'insert into hardware_profile default values',
    'insert into hardware_rate default values',
    'update hardware_rate set rate_micro_per_hour = 0',
    'delete from api_key',
    // Its rows are of several accounts each.
    'select from fleet_view',
  ])('has no right to %s', async (text) => {
    expect(await query({ accountId: ours }, text).catch(sqlState)).toBe('42501');
  });
});

describe('a key', () => {
  it('is found by its secret before it is known whose it is, and by nothing else', async () => {
    const [{ hash, id } = {}] = await asOwner(
      gateway.databaseUrl,
      `select secret_sha256 as hash, key_id as id from api_key where account_id = ${ours}`,
    );
    const found = await database.inSnapshot('nobody', (tx) =>
      tx.query(sql`select account_id, key_id from key_by_secret(${hash})`),
    );
    const none = await query('nobody', `select from key_by_secret('\\x00')`);
    expect(found).toEqual([{ account_id: ours, key_id: id }]);
    expect(none).toEqual([]);
  });

  it('is looked up by a function that passes the policies by; others make months and erase personal texts, for operators', async () => {
    const definers = await asOwner(
      gateway.databaseUrl,
      `select proname, proconfig, array(select grantee::regrole::text from aclexplode(proacl) where privilege_type = 'EXECUTE' and grantee <> proowner) as granted
       from pg_proc where prosecdef and pronamespace = 'public'::regnamespace order by 1`,
    );
    expect(definers).toEqual([
      {
        proname: 'erase_guarded_texts',
        proconfig: ['search_path=pg_catalog, pg_temp'],
        granted: ['billing_operator'],
      },
      {
        proname: 'key_by_secret',
        proconfig: ['search_path=pg_catalog, pg_temp'],
        granted: ['billing_gateway'],
      },
      {
        proname: 'make_usage_months',
        proconfig: ['search_path=public, pg_temp', 'TimeZone=UTC'],
        granted: ['billing_operator'],
      },
    ]);
  });
});

describe('an id that names no account', () => {
  it('is one that an operator finds nothing under', async () => {
    const accountId = Buffer.from('Account.0.0').toString('base64url');
    const { errors } = await gateway.query(AllocateDocument, {
      input: { accountId, amount: '1', idempotencyKey: 'none' },
    });
    expect(errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  });
});
