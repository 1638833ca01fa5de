// What is personal of a closed account goes for good, from every table; what the books say stays and verifies.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AuditLogDocument,
  CloseAccountDocument,
  CreatePortalTokenDocument,
  CreateWebhookEndpointDocument,
  ErasePersonalDataDocument,
  UpdateAccountDocument,
} from '@billing-gateway/client/operations';
import { raw } from '../../src/db/sql.ts';
import { LedgerCheckService } from '../../src/recording/ledger-check.service.ts';
import { StatementCheckService } from '../../src/statements/check.service.ts';
import { readKeys, verifyStatements } from '../../src/statements/verify.service.ts';
import {
  ask,
  createAccount,
  createHardware,
  createKey,
  deploy,
  deployGuardrail,
  fund,
  moveClock,
  numberOf,
  registerGuardrail,
} from '../support/account.ts';
import { asOwner, codeOf, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { fourCycles, issued } from '../support/signed-statements.ts';

/** In every text that is planted, and nowhere else. */
const PLANTED = 'Zaphod';

let gateway: TestGateway;
let accountId: string;
let keySecret: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '3.6');
  accountId = await fourCycles(gateway, 'erased');
  ({ secret: keySecret } = await createKey(gateway, accountId, ['MANAGE', 'INGEST'], {
    name: `${PLANTED} key`,
  }));
  await plant();
});

afterAll(async () => {
  await gateway.close();
});

async function plant(): Promise<void> {
  const input = {
    accountId,
    name: `${PLANTED} Ltd`,
    notificationEmails: [`${PLANTED}@example.com`],
  };
  // With the account's own key, so that the entry has an address.
  await ask(gateway, UpdateAccountDocument, { input }, keySecret);
  await ask(gateway, CreateWebhookEndpointDocument, {
    input: {
      ...{ accountId, url: `http://127.0.0.1:9999/${PLANTED}` },
      events: ['ALERT_RAISED', 'DEPLOYMENT_STARTED', 'DEPLOYMENT_STOPPED', 'CYCLE_CLOSED'],
    },
  });
  await ask(gateway, CreatePortalTokenDocument, {
    accountId,
    origins: [`https://${PLANTED.toLowerCase()}.example.com`],
  });
  const id = await registerGuardrail(gateway, accountId, 'owned', { owner: `${PLANTED} B.` });
  await deploy(gateway, id, 'gpu', { endpointUrl: `https://${PLANTED}.example.com/${PLANTED}` });
  await ask(
    gateway,
    `mutation ($id: ID!, $message: String!) { deploymentFailed(id: $id, message: $message) { id } }`,
    { id, message: `${PLANTED} broke it` },
  );
  // An owner who was replaced is kept for a day, for pages of lists.
  await registerGuardrail(gateway, accountId, 'owned', { owner: `${PLANTED} C.` });
  await moveClock(gateway, accountId, '2026-08-01T00:00:00Z');
}

/** The columns of all tables in which a text stands. */
async function columnsWith(text: string): Promise<readonly string[]> {
  const tables = await asOwner(
    gateway.databaseUrl,
    `select table_schema || '.' || table_name as name,
       string_agg(format('bool_or(%I::text ilike %L) as %I', column_name, '%${text}%', column_name), ', ') as has
     from information_schema.columns join information_schema.tables using (table_schema, table_name)
     where table_schema in ('public', 'graphile_worker') and table_type = 'BASE TABLE' group by 1 order by 1`,
  );
  const found: string[] = [];
  for (const { name, has } of tables) {
    const [row = {}] = await asOwner(
      gateway.databaseUrl,
      `select ${String(has)} from ${String(name)}`,
    );
    const columns = Object.keys(row).filter((column) => row[column] === true);
    found.push(...columns.map((column) => `${String(name)}.${column}`));
  }
  return found.sort();
}

async function figures(): Promise<unknown> {
  return ask(
    gateway,
    `query ($id: ID!) { account(id: $id) {
       credits { asOf used remaining }
       ledger(first: 100) { nodes { id amount hash } }
       usage(range: { from: "2026-03-01T00:00:00Z", to: "2026-08-01T00:00:00Z" }) { credits { used } }
     } }`,
    { id: accountId },
  );
}

describe('erasing personal data', () => {
  it('is refused while the account is open, and to all but operators', async () => {
    const erase = (key?: string) =>
      codeOf(gateway.query(ErasePersonalDataDocument, { accountId }, key));

    expect(await erase()).toBe('CONFLICT');
    expect(await erase(keySecret)).toBe('FORBIDDEN');
  });

  it('leaves no planted text in any table but signed statements, and every figure as it was', async () => {
    const statements = await issued(gateway, accountId);
    const planted = await columnsWith(PLANTED);
    const missing = [
      'public.account.name',
      'public.account.folded_name',
      'public.account.notification_emails',
      'public.api_key.name',
      'public.api_key.origins',
      'public.audit_entry.changes',
      'public.audit_entry.summary',
      'public.email.text',
      'public.email.to_addresses',
      'public.former_row.former',
      'public.resource.endpoint_url',
      'public.resource.failure_message',
      'public.resource.owner',
      'public.statement.document',
      'public.webhook_delivery.payload',
      'public.webhook_endpoint.url',
    ].filter((column) => !planted.includes(column));
    expect(missing).toEqual([]);
    await ask(gateway, CloseAccountDocument, { accountId });
    const before = await figures();
    const { erasePersonalData } = await ask(gateway, ErasePersonalDataDocument, { accountId });

    expect(erasePersonalData).toMatchObject({ name: 'Erased', notificationEmails: [] });
    expect(await columnsWith(PLANTED)).toEqual(['public.statement.document']);
    expect(await figures()).toEqual(before);
    expect(await issued(gateway, accountId)).toEqual(statements);

    const number = numberOf(accountId);
    const keys = readKeys((await gateway.http.get('/.well-known/billing-keys.json')).body);
    const ledger = await new LedgerCheckService(gateway.database).check(number);
    const books = await new StatementCheckService(gateway.database).check(number, keys);
    expect([ledger?.faults, books?.faults]).toEqual([[], []]);
    expect(books?.statements).toBe(5);
    const files = statements.map((one, index) => ({
      name: `${index}`,
      value: one,
    }));
    expect(verifyStatements(files, keys).accounts.flatMap(({ faults }) => faults)).toEqual([]);
  });

  it('leaves of audit entries who did what to what and when', async () => {
    const { auditLog } = await ask(gateway, AuditLogDocument, { accountId, first: 500 });
    const [erased, ...earlier] = auditLog?.nodes ?? [];

    expect(erased).toMatchObject({
      action: 'erasePersonalData',
      summary: expect.stringMatching(/^Erase personal data: erasedAt 2026-.*\.$/),
      target: accountId,
    });
    expect(earlier.length).toBeGreaterThan(10);
    for (const { action, actor, summary, changes, address, requestId } of earlier) {
      expect(actor).toMatch(/^(key:\d+|gateway)$/);
      expect({ summary, changes, address, requestId }).toEqual({
        ...{ summary: `${action}.`, changes: [] },
        ...{ address: null, requestId: null },
      });
    }
  });

  it('waits for the statements of cycles that have ended, which name the account', async () => {
    const named = await createAccount(gateway, {
      name: 'Named Ltd',
      testClock: '2026-03-01T00:00:00Z',
    });
    await moveClock(gateway, named, '2026-04-02T00:00:00Z');
    await ask(gateway, CloseAccountDocument, { accountId: named });
    const erase = () => gateway.query(ErasePersonalDataDocument, { accountId: named });
    const before = await codeOf(erase());
    const [statement] = await issued(gateway, named);
    const after = await erase();

    expect(before).toBe('CONFLICT');
    expect(JSON.stringify(statement)).toContain('Named Ltd');
    expect(after.errors).toBeUndefined();
  });

  it('is the same when it is asked again, also at the same time', async () => {
    const other = await createAccount(gateway);
    await ask(gateway, CloseAccountDocument, { accountId: other });
    const erase = async () =>
      (await ask(gateway, ErasePersonalDataDocument, { accountId: other })).erasePersonalData;
    const [first, second] = await Promise.all([erase(), erase()]);
    gateway.clock.moveBy(1_000);

    expect([second, await erase()]).toEqual([first, first]);
    const { auditLog } = await ask(gateway, AuditLogDocument, {
      accountId: other,
      action: 'erasePersonalData',
    });
    expect(auditLog?.nodes).toHaveLength(1);
  });

  it('leaves other accounts alone, and open ones at the database too', async () => {
    const open = await createAccount(gateway, {
      name: 'Stays',
      notificationEmails: ['stays@example.com'],
    });
    await fund(gateway, open);
    await deployGuardrail(gateway, open, 'gpu');
    await createKey(gateway, open, ['MANAGE'], { name: 'Stays' });
    const asOperator = (text: string): Promise<unknown> =>
      gateway.database.inTransaction('operator', (tx) => tx.query(raw(text)));
    await asOperator(`select erase_guarded_texts(${numberOf(open)})`);
    const { auditLog } = await ask(gateway, AuditLogDocument, {
      accountId: open,
      action: 'createAccount',
    });
    const kept = await asOwner(
      gateway.databaseUrl,
      `select k.name, e.to_addresses from api_key k join email e using (account_id) where account_id = ${numberOf(open)} limit 1`,
    );

    expect(kept).toEqual([{ name: 'Stays', to_addresses: ['stays@example.com'] }]);
    for (const change of [`email set text = 'x'`, `api_key set name = 'x'`]) {
      await expect(asOperator(`update ${change}`)).rejects.toThrow(/permission denied/);
    }

    expect(auditLog?.nodes.map(({ summary }) => summary)).toEqual([
      expect.stringContaining('Stays'),
    ]);
  });
});
