// The pool of a real gateway logs in as a role that can do nothing but act as billing_gateway.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { loginOf, loginUrl } from '../../src/db/login.ts';
import { sql } from '../../src/db/sql.ts';
import { ask, createAccount, register } from '../support/account.ts';
import { RecordUsageDocument } from '../support/operations.ts';
import { asOwner, TEST_NOW, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

const OPERATOR_KEY = 'operator-key-of-the-login-tests';

let beside: TestGateway;
let gateway: GatewayProcess;

beforeAll(async () => {
  beside = await startTestGateway();
  const accountId = await createAccount(beside);
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

async function asLogin(statements: readonly string[]): Promise<unknown> {
  const { databaseUrl } = beside;
  const client = new pg.Client({ connectionString: loginUrl(databaseUrl, loginOf(databaseUrl)) });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
    return 'done';
  } catch (error) {
    return (error as { code?: unknown }).code;
  } finally {
    await client.end();
  }
}

describe('the login of the pool', () => {
  it('is that of every session of the gateway, jobs and listener too', async () => {
    const sessions = await asOwner(
      beside.databaseUrl,
      sql`select distinct usename, usesuper from pg_stat_activity join pg_user using (usename)
        where datname = current_database() and usename <> current_user`,
    );
    expect(sessions).toEqual([{ usename: loginOf(beside.databaseUrl).user, usesuper: false }]);
  });

  it.each([
    ['read accounts', ['select from account']],
    [
      'read accounts when it has left the role',
      ['set role billing_gateway', 'set role none', 'select from account'],
    ],
    ['become the owner', ['set role postgres']],
    ['become an operator', ['set role billing_operator']],
    ['give itself rights', ['grant select on account to current_user']],
    ['make roles', ['create role another']],
    ['drop a table', ['drop table usage_event']],
    [
      'change what was used',
      ['set role billing_gateway', 'update usage_event set credits_micro = 0'],
    ],
    [
      'give a key more scopes',
      ['set role billing_gateway', `update api_key set scopes = '{OPERATOR}'`],
    ],
    ['let a key live longer', ['set role billing_gateway', 'update api_key set expires_at = null']],
    [
      'change the amount of an allocation',
      ['set role billing_gateway', 'update credit_allocation set amount_micro = 1'],
    ],
    ['delete a rate', ['set role billing_gateway', 'delete from hardware_rate']],
    ['change the ledger', ['set role billing_gateway', 'update ledger_entry set amount_micro = 1']],
    [
      'take a void back',
      [
        'set role billing_gateway',
        `update usage_event set voided_at = now()`,
        `update usage_event set voided_at = null`,
      ],
    ],
    ['delete what was used', ['set role billing_gateway', 'delete from usage_event']],
  ])('may not %s', async (_what, statements) => {
    expect(await asLogin(statements)).toBe('42501');
  });

  it('may act as the gateway', async () => {
    expect(await asLogin(['set role billing_gateway', 'select from account'])).toBe('done');
  });

  it('is not the owner', async () => {
    const start = startGatewayProcess(beside.databaseUrl, OPERATOR_KEY, {
      DATABASE_LOGIN_URL: beside.databaseUrl,
    });
    await expect(start).rejects.toThrow(
      'The gateway does not log in as "postgres", which is a superuser',
    );
  });

  it('is made by nobody without a password to derive it from', () => {
    expect(() => loginOf('postgres://owner@db/billing')).toThrow('DATABASE_LOGIN_URL');
  });

  it('has a name of its own for each database, however long that name is', () => {
    const of = (name: string): string => loginOf(`postgres://o:p@db/${name}`).user;
    expect(of('billing')).toBe('gateway_of_billing');
    expect(of('b'.repeat(63))).toHaveLength(43);
    expect(of(`${'b'.repeat(62)}c`)).not.toBe(of('b'.repeat(63)));
  });
});
