import { describe, expect, it } from '@jest/globals';
import { accountSetting, spansAccounts, type Whose, whoseOf } from '../../src/db/whose.ts';

describe('whose rows a transaction opens', () => {
  it('is said with BEGIN, by a number alone', () => {
    const textsOf = (whose: Whose): unknown => accountSetting(whose).map(({ text }) => text);

    expect(textsOf({ accountId: 7 })).toEqual(["set local billing.account_id = '7'"]);
    expect(textsOf('nobody')).toEqual(["set local billing.account_id = ''"]);
    expect(textsOf('operator')).toEqual([]);
    expect(textsOf('system')).toEqual([]);
  });

  it.each(["7'; drop table account; --", '7', 1.5, Number.NaN, -1, 2 ** 31, Infinity, null])(
    'is never %p',
    (accountId) => {
      expect(() => accountSetting({ accountId: accountId as number })).toThrow(
        'an account is a whole number',
      );
    },
  );

  it('is not said by the number of rows without an account, which are the operators’', () => {
    expect(accountSetting({ accountId: 0 })).toEqual(accountSetting('nobody'));
  });

  it('is all for a caller without an account, and the own for any other', () => {
    expect(whoseOf({ accountId: null })).toBe('operator');
    expect(whoseOf({ accountId: 7 })).toEqual({ accountId: 7 });
    expect((['operator', 'system'] as const).map(spansAccounts)).toEqual([true, true]);
    expect([{ accountId: 7 }, 'nobody' as const].map(spansAccounts)).toEqual([false, false]);
  });
});
