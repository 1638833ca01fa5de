// The pools of a real gateway log in as roles that can do nothing but act as billing_gateway, or as billing_operator.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { loginOf, loginUrl } from '../../src/db/login.ts';
import { sql } from '../../src/db/sql.ts';
import { ask, createAccount, numberOf, register } from '../support/account.ts';
import { RecordUsageDocument } from '@billing-gateway/client/operations';
import { serverOwner } from '../support/databases.ts';
import { asOwner, TEST_NOW, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

const OPERATOR_KEY = 'operator-key-of-the-login-tests';

let beside: TestGateway;
let account = 0;
let gateway: GatewayProcess;

beforeAll(async () => {
  beside = await startTestGateway();
  const accountId = await createAccount(beside);
  account = numberOf(accountId);
  const [id = ''] = await register(beside, accountId, {
    kind: 'WORKFLOW',
    externalId: 'w',
    name: 'W',
  });
  await ask(beside, RecordUsageDocument, {
    accountId,
    events: [
      { source: 's', eventId: 'e', type: 'WORKFLOW_RUN', resourceId: id, occurredAt: TEST_NOW },
    ],
  });
  gateway = await startGatewayProcess(beside.databaseUrl, OPERATOR_KEY);
});

afterAll(async () => {
  await gateway.stop();
  await beside.close();
});

const ROLES = ['billing_gateway', 'billing_operator'] as const;
type LoginRole = (typeof ROLES)[number];

function urlOf(role: LoginRole): string {
  return loginUrl(beside.databaseUrl, loginOf(beside.databaseUrl, role));
}

async function asLogin(role: LoginRole, statements: readonly string[]): Promise<unknown> {
  const client = new pg.Client({ connectionString: urlOf(role) });
  await client.connect();
  try {
    // An account's rows are there to be touched. Only what a transaction sets reaches other servers.
    await client.query(`begin; set local billing.account_id = '${account}'`);
    for (const statement of statements) await client.query(statement);
    return 'done';
  } catch (error) {
    return (error as { code?: unknown }).code;
  } finally {
    await client.end();
  }
}

describe('the logins of the pools', () => {
  it('are those of every session of the gateway, jobs and listener too', async () => {
    const sessions = await asOwner(
      beside.databaseUrl,
      sql`select distinct usename, usesuper from pg_stat_activity join pg_user using (usename)
        where datname = current_database() and usename <> current_user order by usename`,
    );
    expect(sessions).toEqual(
      ROLES.map((role) => ({ usename: loginOf(beside.databaseUrl, role).user, usesuper: false })),
    );
  });

  it('cannot act for the other pool', async () => {
    expect(await asLogin('billing_gateway', ['set role billing_operator'])).toBe('42501');
    expect(await asLogin('billing_operator', ['set role billing_gateway'])).toBe('42501');
  });
});

describe.each(ROLES)('the login that acts as %s', (role) => {
  it.each([
    ['read accounts', ['select from account']],
    [
      'read accounts when it has left the role',
      [`set role ${role}`, 'set role none', 'select from account'],
    ],
    ['become the owner', [`set role ${serverOwner()}`]],
    ['give itself rights', ['grant select on account to current_user']],
    ['make roles', ['create role another']],
    ['drop a table', ['drop table usage_event']],
    ['change what was used', [`set role ${role}`, 'update usage_event set credits_micro = 0']],
    ['give a key more scopes', [`set role ${role}`, `update api_key set scopes = '{OPERATOR}'`]],
    ['let a key live longer', [`set role ${role}`, 'update api_key set expires_at = null']],
    [
      'change the amount of an allocation',
      [`set role ${role}`, 'update credit_allocation set amount_micro = 1'],
    ],
    ['delete a rate', [`set role ${role}`, 'delete from hardware_rate']],
    ['change the ledger', [`set role ${role}`, 'update ledger_entry set amount_micro = 1']],
    [
      'take a void back',
      [
        `set role ${role}`,
        `update usage_event set voided_at = now()`,
        `update usage_event set voided_at = null`,
      ],
    ],
    ['delete what was used', [`set role ${role}`, 'delete from usage_event']],
  ])('may not %s', async (_what, statements) => {
    expect(await asLogin(role, statements)).toBe('42501');
  });

  it('may act in its role', async () => {
    expect(await asLogin(role, [`set role ${role}`, 'select from account'])).toBe('done');
  });
});

describe('a gateway with logins of its own', () => {
  const starting = async (logins: {
    readonly accounts: string;
    readonly operators: string;
  }): Promise<unknown> => {
    try {
      const started = await startGatewayProcess(beside.databaseUrl, OPERATOR_KEY, {
        DATABASE_LOGIN_URL: logins.accounts,
        DATABASE_OPERATOR_LOGIN_URL: logins.operators,
      });
      await started.stop();
      return 'started';
    } catch (error) {
      return String(error);
    }
  };

  it('starts with one for each role', async () => {
    const [accounts, operators] = [urlOf('billing_gateway'), urlOf('billing_operator')];
    expect(await starting({ accounts, operators })).toBe('started');
  });

  it('takes neither for the owner', async () => {
    const [owner, accounts] = [beside.databaseUrl, urlOf('billing_gateway')];
    const refusal = 'The gateway does not log in as "postgres", which is a superuser';
    const told = await starting({ accounts: owner, operators: urlOf('billing_operator') });
    expect(told).toContain(refusal);
    expect(told).toContain('leave DATABASE_LOGIN_URL out');
    expect(await starting({ accounts, operators: owner })).toContain(refusal);
  });

  it('takes no login for accounts that may become an operator', async () => {
    const [name, password] = ['both_of_the_login_tests', 'secret-of-both'];
    await asOwner(
      beside.databaseUrl,
      `create role ${name} login noinherit password '${password}'; grant billing_gateway, billing_operator to ${name}`,
    );
    const both = loginUrl(beside.databaseUrl, { user: name, password, role: 'billing_gateway' });

    const told = await starting({ accounts: both, operators: both });

    await asOwner(beside.databaseUrl, `drop role ${name}`);
    expect(told).toContain(
      `as "${name}", which may act as billing_operator: leave DATABASE_LOGIN_URL out`,
    );
  });
});

describe('the name of a login', () => {
  it('is made by nobody without a password to derive the login from', () => {
    expect(() => loginOf('postgres://owner@db/billing', 'billing_gateway')).toThrow(
      'DATABASE_LOGIN_URL',
    );
  });

  it('is its own for each role and database, however long that name is', () => {
    const of = (name: string): string =>
      loginOf(`postgres://o:p@db/${name}`, 'billing_gateway').user;
    expect(loginOf('postgres://o:p@db/billing', 'billing_operator').user).toBe(
      'operator_of_billing',
    );
    expect(of('billing')).toBe('gateway_of_billing');
    expect(of('b'.repeat(63))).toHaveLength(43);
    expect(of(`${'b'.repeat(62)}c`)).not.toBe(of('b'.repeat(63)));
  });
});
