// Accounts are found by what the gateway folded, so the database's locale makes no difference.

import { describe, expect, it } from '@jest/globals';
import { entities, migrations } from '../../ormconfig.ts';
import {
  countAccounts,
  insertAccount,
  listAccounts,
  updateAccount,
} from '../../src/account/account.store.ts';
import { parseNewAccount } from '../../src/account/account.ts';
import { foldText } from '../../src/core/text.ts';
import { openDatabase } from '../../src/db/database.ts';
import { migrate, migrateDown } from '../../src/db/migrate.ts';
import { createDatabase } from '../support/databases.ts';

const NOW_MS = Date.UTC(2026, 2, 10);
const NAMES = ['Übung GmbH', 'Hauptstraße 7', 'IĞDIR A.Ş.', 'ΟΔΟΣ', 'Plain'];
const FIRST = { afterId: null, beforeId: null, limit: 10, isFromEnd: false };

describe.each([
  ['C', "locale 'C'"],
  ['ICU, any language', "locale 'C' locale_provider icu icu_locale 'und'"],
  ['ICU, Turkish', "locale 'C' locale_provider icu icu_locale 'tr-TR'"],
])('on a database whose locale is %s', (_, locale) => {
  it('accounts are found whatever the letter case, those that were there before too', async () => {
    const url = await createDatabase(`template template0 encoding 'UTF8' ${locale}`);
    await migrate({ url, migrations });
    const database = await openDatabase({ url, poolSize: 1, entities });
    const find = (search: string): Promise<readonly string[]> =>
      database.inTransaction('operator', async (tx) => {
        const found = await listAccounts(tx, { ...FIRST, search: foldText(search) });
        expect(await countAccounts(tx, foldText(search))).toBe(found.length);
        return found.map(({ name }) => name);
      });
    const expectAllFound = async (): Promise<void> => {
      expect(await find('übung')).toEqual(['Übung GmbH']);
      expect(await find('STRASSE')).toEqual(['Hauptstraße 7']);
      expect(await find('straße')).toEqual(['Hauptstraße 7']);
      expect(await find('iğdir')).toEqual(['IĞDIR A.Ş.']);
      expect(await find('δοσ')).toEqual(['ΟΔΟΣ']);
      expect(await find('ÇA-2')).toEqual(['IĞDIR A.Ş.']);
      expect(await find('')).toEqual(NAMES);
      expect(await find('ubung')).toEqual([]);
    };
    await database.inTransaction('operator', async (tx) => {
      for (const [index, name] of NAMES.entries()) {
        const account = parseNewAccount({ name, externalId: `Ça-${index}` }, NOW_MS);
        await insertAccount(tx, account, [{}]);
      }
    });
    await expectAllFound();

    // As the rows of an earlier version: the migration folds them.
    const since = migrations.findIndex(({ name }) => name.startsWith('FoldAccountNames'));
    await migrateDown({ url, migrations }, migrations.length - since);
    await migrate({ url, migrations });
    await expectAllFound();

    const [plain] = await database.inTransaction('operator', (tx) =>
      listAccounts(tx, { ...FIRST, search: 'plain' }),
    );
    await database.inTransaction('operator', (tx) =>
      updateAccount(tx, plain?.accountId ?? 0, {
        name: 'Öde',
        timeZone: null,
        notificationEmails: null,
      }),
    );
    expect(await find('öDE')).toEqual(['Öde']);
    expect(await find('plain')).toEqual([]);
    await database.close();
  });
});
