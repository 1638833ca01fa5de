// Statements prove themselves: what is changed in a file, or by hand in the database, is found and named.

import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { raw, sql, type Sql } from '../../src/db/sql.ts';
import { canonicalText } from '../../src/statements/canonical.ts';
import { StatementCheckService } from '../../src/statements/check.service.ts';
import type { SignedStatement } from '../../src/statements/document.ts';
import {
  keyIdOf,
  newKeyPair,
  sha256Of,
  signText,
  type KeyPair,
} from '../../src/statements/signature.service.ts';
import { readKeys, verifyStatements } from '../../src/statements/verify.service.ts';
import { createHardware, numberOf } from '../support/account.ts';
import {
  asOwner,
  startTestGateway,
  type TestGateway,
  WEBHOOK_SECRET_KEY,
} from '../support/gateway.ts';
import { runCommand } from '../support/command.ts';
import { fourCycles, issued } from '../support/signed-statements.ts';
import { secretBox } from '../../src/partners/secret-box.service.ts';

let gateway: TestGateway;
let accountId: string;
let statements: readonly SignedStatement[] = [];
let keys: unknown;
let made = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '3.6');
  accountId = await fourCycles(gateway, 'acme');
  statements = await issued(gateway, accountId);
  keys = (await gateway.http.get('/.well-known/billing-keys.json').expect(200)).body;
});

afterAll(async () => {
  await gateway.close();
});

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends object | null ? Mutable<T[K]> : T[K] };

/** A copy of a statement with something changed in it. */
function changed(
  number: number,
  change: (copy: Mutable<SignedStatement>) => unknown,
): SignedStatement {
  const copy = structuredClone(statements[number - 1]) as Mutable<SignedStatement>;
  change(copy);
  return copy;
}

/** The same signed with a key, as somebody would who has it. */
function signedAgain(statement: SignedStatement, key: KeyPair): SignedStatement {
  const text = canonicalText(statement.document);
  return {
    document: statement.document,
    sha256: sha256Of(text),
    keyId: keyIdOf(key.publicKey),
    signature: signText(text, key),
  };
}

/** The key that signs at this gateway: whoever reads the database and knows WEBHOOK_SECRET_KEY has it. */
async function realKey(): Promise<KeyPair> {
  const [row] = await asOwner(gateway.databaseUrl, 'select public_key, sealed from statement_key');
  const sealed = row?.['sealed'];
  if (!Buffer.isBuffer(sealed)) throw new Error('there is a key');
  const privateKey = secretBox([WEBHOOK_SECRET_KEY])?.open(sealed, 0) ?? '';
  return { publicKey: String(row?.['public_key']), privateKey };
}

/** What is wrong with files, named 1 to 4 unless they are others. */
function faultsOf(files: readonly (SignedStatement | undefined)[]): readonly string[] {
  const claimed = files.flatMap((value, index) =>
    value === undefined ? [] : [{ name: `file ${index + 1}`, value }],
  );
  const { unreadable, accounts } = verifyStatements(claimed, readKeys(keys));
  return [...unreadable, ...accounts.flatMap(({ faults }) => faults)].map(
    ({ name, what }) => `${name}: ${what}`,
  );
}

describe('statements in files', () => {
  it('verify by the public keys alone, in any order, and from any one on', () => {
    const [first, second, third, fourth] = statements;

    expect(faultsOf(statements)).toEqual([]);
    expect(faultsOf([fourth, second, first, third])).toEqual([]);
    expect(faultsOf([undefined, undefined, third, fourth])).toEqual([]);
    expect(faultsOf([second])).toEqual([]);
  });

  it('verify whatever the blanks and the order of their names', () => {
    const [first] = statements;
    const pretty = JSON.stringify(
      Object.fromEntries(Object.entries(first ?? {}).reverse()),
      undefined,
      2,
    );

    expect(faultsOf([JSON.parse(pretty) as SignedStatement])).toEqual([]);
  });

  it('are refused where a figure was changed', () => {
    const one = changed(2, ({ document }) => (document.credits.used = '160.4'));

    expect(faultsOf([statements[0], one, ...statements.slice(2)])).toEqual([
      expect.stringMatching(/^file 2: Its document was changed: the SHA-256 is [\da-f]{64}, not/),
      expect.stringMatching(/^file 2: Its signature is not one of the key/),
      // 50 + 100 - 160.4
      'file 2: opening + allocated - used - expired + adjusted comes to -10.4, not -10.5.',
      'file 2: used.byCategory comes to 160.5, not 160.4.',
      'file 2: used.byComponent comes to 160.5, not 160.4.',
      'file 2: used.byResource comes to 160.5, not 160.4.',
    ]);
  });

  it.each<[string, (copy: Mutable<SignedStatement>) => unknown]>([
    ['a name', ({ document }) => (document.account.name = 'Other')],
    ['the issuer', ({ document }) => (document.issuer = 'Other')],
    ['a hash of the ledger', ({ document }) => (document.ledger.lastHash = '0'.repeat(64))],
    ['something that is added', ({ document }) => Object.assign(document, { note: 'paid' })],
  ])('are refused where %s was changed, which no sum shows', (_what, change) => {
    expect(faultsOf([changed(1, change)])).toEqual([
      expect.stringContaining('Its document was changed'),
      expect.stringContaining('Its signature is not one of the key'),
    ]);
  });

  it('are refused where the hash was computed anew, because nobody else can sign it', () => {
    const one = changed(1, (copy) => {
      copy.document.account.name = 'Other';
      copy.sha256 = sha256Of(canonicalText(copy.document));
    });

    expect(faultsOf([one, statements[1]])).toEqual([
      expect.stringMatching(/^file 1: Its signature is not one of the key/),
      'file 2: It follows another statement 1 than file 1: one of the two was replaced.',
    ]);
  });

  it('are refused where another key signed them', () => {
    const other = newKeyPair();
    const one = signedAgain(
      changed(4, () => undefined),
      other,
    );

    expect(faultsOf([one])).toEqual([
      `file 1: It names the key ${keyIdOf(other.publicKey)}, which is none of the public keys.`,
    ]);
    const named = changed(4, (copy) => {
      Object.assign(copy, { ...one, keyId: copy.keyId });
    });
    expect(faultsOf([named])).toEqual([
      expect.stringMatching(/^file 1: Its signature is not one of the key/),
    ]);
  });

  it('are missed where one between them is not there', () => {
    expect(faultsOf([statements[0], undefined, statements[2]])).toEqual([
      'file 3: Statement 2 before it is missing.',
    ]);
    expect(faultsOf([statements[0], undefined, undefined, statements[3]])).toEqual([
      'file 4: Statements 2 to 3 before it are missing.',
    ]);
  });

  it('are refused where one was replaced by another that the real key signed', async () => {
    const one = signedAgain(
      changed(2, ({ document }) => (document.account.name = 'Other')),
      await realKey(),
    );

    expect(faultsOf([statements[0], one, ...statements.slice(2)])).toEqual([
      'file 3: It follows another statement 2 than file 2: one of the two was replaced.',
    ]);
    expect(faultsOf([statements[1], one])).toEqual([
      "file 2: It is another statement 2 than file 1: one of the two was put in the other's place.",
    ]);
  });

  it('are refused where they do not go on where the one before ended', async () => {
    const key = await realKey();
    const first = signedAgain(
      changed(3, ({ document }) => {
        document.cycle.to = '2026-05-31T00:00:00.000Z';
        document.ledger.lastSequence -= 1;
        document.credits.closing = '1';
        document.credits.adjusted = '1';
        for (const lot of document.lots) lot.remaining = '1';
      }),
      key,
    );
    const next = signedAgain(
      changed(4, ({ document }) => (document.previousSha256 = first.sha256)),
      key,
    );

    expect(faultsOf([first, next])).toEqual([
      'file 2: Its cycle begins at 2026-06-01T00:00:00.000Z, the one before ends at 2026-05-31T00:00:00.000Z.',
      'file 2: It opens with 0, the one before closes with 1.',
      expect.stringMatching(/^file 2: It begins with entry \d+, the one before ends with entry/),
    ]);
  });

  it('are refused where they were issued outside the time of their key', async () => {
    const one = signedAgain(
      changed(1, ({ document }) => (document.issuedAt = '2026-03-10T11:59:59.999Z')),
      await realKey(),
    );

    expect(faultsOf([one])).toEqual([
      'file 1: It was issued at 2026-03-10T11:59:59.999Z, but its key signs from 2026-03-10T12:00:00.000Z.',
    ]);
  });

  it('are judged account by account', async () => {
    const others = await issued(gateway, await fourCycles(gateway, 'other'));
    const mixed = [...statements, ...others].sort((a, b) => a.document.number - b.document.number);

    expect(faultsOf(mixed)).toEqual([]);
    // One of the other account instead of one's own.
    expect(faultsOf([statements[0], others[1], statements[2]])).toEqual([
      'file 3: Statement 2 before it is missing.',
    ]);
    const key = await realKey();
    const stolen = signedAgain(
      changed(
        2,
        ({ document }) => (document.account = others[1]?.document.account ?? document.account),
      ),
      key,
    );
    expect(faultsOf([stolen])).toEqual([
      `file 1: Its id is not that of statement 2 of the account ${others[1]?.document.account.id ?? ''}.`,
    ]);
  });

  it.each<[unknown, string]>([
    [null, 'It is not an object of JSON.'],
    [{}, 'document is not an object of JSON.'],
    [{ document: { type: 'invoice' } }, 'document.account is not an object of JSON.'],
  ])('%j is none', (value, reason) => {
    const { unreadable, accounts } = verifyStatements([{ name: 'x', value }], readKeys(keys));

    expect(accounts).toEqual([]);
    expect(unreadable).toEqual([{ name: 'x', what: `It is no statement: ${reason}` }]);
  });

  it.each<[string, (copy: Mutable<SignedStatement>) => unknown, string]>([
    ['number', ({ document }) => (document.number = 1.5), 'document.number is not a whole number.'],
    [
      'amount',
      ({ document }) => (document.credits.used = '1e3'),
      '"1e3" is not a decimal number like "212.16" (digits, at most six after the point, no exponent).',
    ],
    [
      'row',
      ({ document }) => (document.used.byResource = [{}] as never),
      'document.used.byResource[0].id is not a text.',
    ],
    [
      'signature',
      (copy) => (copy.signature = 'AAAA'),
      'signature is not a text of the form /^[\\d+/A-Za-z]{86}==$/.',
    ],
  ])('with a wrong %s are told what was expected', (_what, change, reason) => {
    expect(faultsOf([changed(1, change)])).toEqual([`file 1: It is no statement: ${reason}`]);
  });
});

describe('statements in the database', () => {
  let [id, number] = ['', 0];

  beforeEach(async () => {
    made += 1;
    id = await fourCycles(gateway, `checked ${made}`);
    number = numberOf(id);
    await issued(gateway, id);
  });

  it('are as they were issued', async () => {
    expect(await check()).toEqual([]);
  });

  async function check(): Promise<readonly string[]> {
    const checked = await new StatementCheckService(gateway.database).check(number, null);
    if (checked === null) throw new Error('there is such an account');
    return checked.faults.map(({ name, what }) => `${name}: ${what}`);
  }

  /** As the owner of the database, who can switch the trigger off. */
  async function byHand(statement: Sql): Promise<void> {
    await asOwner(gateway.databaseUrl, 'alter table statement disable trigger user');
    await asOwner(gateway.databaseUrl, statement);
    await asOwner(gateway.databaseUrl, 'alter table statement enable trigger user');
  }

  it.each(["update statement set document = '{}'", 'delete from statement', 'truncate statement'])(
    'are final, even for the owner: %s',
    async (text) => {
      await expect(asOwner(gateway.databaseUrl, text)).rejects.toThrow('a statement is final');

      expect(await check()).toEqual([]);
    },
  );

  it('are found where their text was changed', async () => {
    await byHand(sql`update statement set document = replace(document, '"used":"160.5"', '"used":"160.4"')
      where account_id = ${number} and number = 2`);

    const faults = await check();

    expect(faults[0]).toMatch(/^Statement 2: Its document was changed/);
    expect(faults).toContain(
      'Statement 2: It says credits.used "160.4", its rows come to "160.5".',
    );
  });

  it('are missed where they were deleted: first, between and last', async () => {
    await byHand(sql`delete from statement where account_id = ${number} and number in (1, 3, 4)`);

    expect(await check()).toEqual([
      'Statement 1: It was deleted.',
      'Statement 3: It was deleted.',
      'Statement 4: It was deleted.',
    ]);
    await byHand(sql`delete from statement where account_id = ${number}`);
    expect(await check()).toHaveLength(4);
  });

  it('are missed where one between was deleted', async () => {
    await byHand(sql`delete from statement where account_id = ${number} and number = 2`);

    expect(await check()).toEqual(['Statement 3: Statement 2 before it is missing.']);
  });

  it('are found where they were inserted', async () => {
    await byHand(sql`insert into statement select account_id, 5, document, sha256, key_id, signature, issued_at, previous_sha256,
      last_sequence, last_hash from statement where account_id = ${number} and number = 4`);

    expect(await check()).toContain(
      "Statement 5: It was inserted: the account's row names statement 4 as the last one.",
    );
  });

  it('are found where two were exchanged', async () => {
    await byHand(
      sql`update statement set number = number + 10 where account_id = ${number} and number in (2, 3)`,
    );
    await byHand(sql`update statement set number = case when number = 12 then 3 else 2 end
      where account_id = ${number} and number in (12, 13)`);

    expect(await check()).toEqual(
      expect.arrayContaining([
        'Statement 2: Its row says something else than its document.',
        'Statement 3: Its row says something else than its document.',
      ]),
    );
  });

  /** Puts a statement with other content into the place of one, signed by the key of the gateway itself. */
  async function replace(which: number, from: string, to: string): Promise<void> {
    const [row] = await asOwner(
      gateway.databaseUrl,
      sql`select document from statement where account_id = ${number} and number = ${which}`,
    );
    const text = String(row?.['document']).replaceAll(from, to);
    expect(text).not.toBe(row?.['document']);
    const signature = Buffer.from(signText(text, await realKey()), 'base64');
    await byHand(sql`update statement set document = ${text}, sha256 = ${Buffer.from(sha256Of(text), 'hex')},
      signature = ${signature} where account_id = ${number} and number = ${which}`);
  }

  it('are found where the last one alone was replaced by one that the real key signed', async () => {
    // Everything of it adds up: the plan of 100 is called one of 90, of which 90 expired.
    await replace(4, '"100"', '"90"');

    const faults = await check();

    expect(faults[0]).toMatch(
      /^Statement 4: It is the last one, but not the one that was issued: the account's row names another SHA-256/,
    );
    expect(faults.slice(1)).toEqual([
      'Statement 4: It says credits.allocated "90", its rows come to "100".',
      'Statement 4: It says credits.expired "90", its rows come to "100".',
      'Statement 4: It says lots[0].amount "90", its rows come to "100".',
    ]);
  });

  it('are found where the last one was replaced in what the rows do not say', async () => {
    await replace(4, '"issuer":"Billing Gateway"', '"issuer":"Somebody"');

    expect(await check()).toEqual([
      expect.stringMatching(/^Statement 4: It is the last one, but not the one that was issued/),
    ]);
  });

  it('are found where one between was replaced by one that the real key signed', async () => {
    await replace(2, '"issuer":"Billing Gateway"', '"issuer":"Somebody"');

    expect(await check()).toEqual([
      'Statement 3: It follows another statement 2 than Statement 2: one of the two was replaced.',
    ]);
  });

  it.each([
    [
      'a charge',
      sql`update usage_event set credits_micro = 3000000`,
      sql`event_id = 'b'`,
      // What was charged in March is given back in April.
      ['Statement 1: It says used.byCategory[1].credits "37.5", its rows come to "39".'],
    ],
    [
      'an entry',
      sql`update ledger_entry set amount_micro = -1000000`,
      sql`kind = 'ADJUSTMENT'`,
      // 57.5 would have been left to expire.
      [
        'Statement 1: The rows of its cycle contradict each other. This does not hold: an entry takes back what is left of its allocation.',
      ],
    ],
    [
      'the sums of a cycle',
      sql`update billing_cycle set expired_micro = 0`,
      sql`cycle_id = 1`,
      ["Statement 1: The cycle's row has 0 expired, its entries 56.5."],
    ],
    [
      'the hash of an entry',
      sql`update ledger_entry set hash = sha256('x')`,
      sql`kind = 'CARRY_OVER' and cycle_id = 1`,
      [expect.stringMatching(/^Statement 1: It says ledger.lastHash "[\da-f]{64}", its rows/)],
    ],
  ])('differ from the rows where %s was changed', async (_what, update, where, expected) => {
    await byHand(sql`${update} where account_id = ${number} and ${where}`);

    expect(await check()).toEqual(expect.arrayContaining(expected));
  });

  it('are of no account that is not there', async () => {
    const service = new StatementCheckService(gateway.database);

    expect(await service.check(99_999, null)).toBeNull();
  });

  it('are judged by keys from elsewhere, if they are given', async () => {
    const service = new StatementCheckService(gateway.database);
    const checked = await service.check(number, []);

    expect(checked?.faults).toHaveLength(4);
    expect(checked?.faults[0]?.what).toMatch(/which is none of the public keys/);
  });

  it('are none yet of a cycle that has just ended', async () => {
    await asOwner(gateway.databaseUrl, raw('alter table statement disable trigger user'));
    await byHand(sql`delete from statement where account_id = ${number} and number = 4`);
    await byHand(sql`update credit_state c set last_statement = 3, last_statement_sha256 = s.sha256
      from statement s where s.account_id = c.account_id and s.number = 3 and c.account_id = ${number}`);
    const checked = await new StatementCheckService(gateway.database).check(number, null);

    expect(checked).toEqual({ statements: 3, archived: 0, pending: 1, faults: [] });
  });
});

describe('the command', () => {
  function verify(...args: readonly string[]): ReturnType<typeof runCommand> {
    return runCommand('verify', args, { env: { DATABASE_URL: gateway.databaseUrl } });
  }

  it('verifies a folder with a file of the keys, or by their address, without a database', async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'statements-'));
    const file = (name: string): string => path.join(folder, name);
    for (const one of statements) {
      await fs.writeFile(file(`statement-${one.document.number}.json`), JSON.stringify(one));
    }
    await fs.writeFile(file('keys.json'), JSON.stringify(keys));
    const address = gateway.server.server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const url = `http://127.0.0.1:${port ?? 0}/.well-known/billing-keys.json`;

    const right = { status: 0, output: 'acme: statements 1 to 4 are as they were issued.\n' };
    expect(await verify(folder, '--keys', file('keys.json'))).toEqual(right);
    const some = [file('statement-1.json'), file('statement-2.json')];
    expect(await verify(...some, '--keys', url)).toEqual({
      status: 0,
      output: 'acme: statements 1 to 2 are as they were issued.\n',
    });

    await fs.rm(file('statement-2.json'));
    await fs.writeFile(file('statement-4.json'), '{');
    expect(await verify(folder, '--keys', file('keys.json'))).toEqual({
      status: 1,
      output: `acme: statements 1 to 3: not everything is as it was issued.
  ${file('statement-3.json')}: Statement 2 before it is missing.
Not all files are statements.
  ${file('statement-4.json')}: It is no statement: It is not an object of JSON.
`,
    });
    await fs.rm(folder, { recursive: true });
  });

  it('of the docs verifies them by Node alone', async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'statements-'));
    const file = (name: string): string => path.join(folder, name);
    const docs = await fs.readFile('docs/statements.md', 'utf8');
    const [, script = ''] = /```js\n(.*?)```/s.exec(docs) ?? [];
    await fs.writeFile(file('verify.mjs'), script);
    await fs.writeFile(file('billing-keys.json'), JSON.stringify(keys));
    const other = changed(3, ({ document }) => (document.account.name = 'Other'));
    for (const [index, one] of [...statements, other].entries()) {
      await fs.writeFile(file(`statement-${index + 1}.json`), JSON.stringify(one));
    }
    const run = (...numbers: readonly number[]): Promise<readonly [unknown, string]> =>
      new Promise((resolve) => {
        const files = numbers.map((number) => `statement-${number}.json`);
        const args = ['verify.mjs', 'billing-keys.json', ...files];
        const env = { ...process.env, NODE_OPTIONS: '' };
        execFile(process.execPath, args, { cwd: folder, env }, (error, stdout) => {
          resolve([error?.code ?? 0, stdout]);
        });
      });

    expect(await run(1, 2, 3, 4)).toEqual([
      0,
      [1, 2, 3, 4].map((number) => `Statement ${number}: verified\n`).join(''),
    ]);
    expect(await run(2, 5)).toEqual([
      1,
      'Statement 2: verified\nStatement 3: NOT AS IT WAS ISSUED\n',
    ]);
    // One between them is not there.
    expect(await run(1, 3)).toEqual([
      1,
      'Statement 1: verified\nStatement 3: NOT AS IT WAS ISSUED\n',
    ]);
    await fs.rm(folder, { recursive: true });
  });

  it('verifies an account, its ledger and its statements', async () => {
    const { status, output } = await verify('--account', 'acme');

    expect(output).toMatch(/^acme: all \d+ entries and 4 statements are as they were written\.\n$/);
    expect(status).toBe(0);
  });

  it.each<[readonly string[], RegExp]>([
    [[], /^Name files or folders of statements, or accounts by --account\.\n$/],
    [['package.json'], /^Name the public keys: --keys /],
    [
      ['package.json', '--keys', 'package.json'],
      /^The public keys cannot be read from package.json: keys is not a list\.\n$/,
    ],
    [['docs', '--keys', 'nowhere.json'], /^The public keys cannot be read from nowhere.json: /],
  ])('called with %j says what it needs', async (args, expected) => {
    const { status, output } = await verify(...args);

    expect(output).toMatch(expected);
    expect(status).toBe(1);
  });
});
