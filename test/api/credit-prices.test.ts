// What a credit costs an account in money: prices from an instant on, which are only added.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AdvanceTestClockDocument,
  CreditPricesDocument,
  type CreditPricesQuery,
  SetCreditPriceDocument,
  type SetCreditPriceInput,
} from '@billing-gateway/client/operations';
import { sql } from '../../src/db/sql.ts';
import { ask, createAccount, createKey, numberOf } from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

const NOW = '2026-03-10T12:00:00.000Z';
const LATER = '2026-03-11T00:00:00.000Z';
const EARLIER = '2026-03-01T00:00:00.000Z';
const EURO = { currency: 'EUR', listPerCredit: '0.02', contractedPerCredit: '0.015' };
const DOLLAR = { currency: 'USD', listPerCredit: '0.025', contractedPerCredit: '0.02' };

type Prices = NonNullable<CreditPricesQuery['account']>['creditPrices'];

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(() => gateway.close());

/** An account whose time stands at NOW. */
function anAccount(): Promise<string> {
  return createAccount(gateway, { testClock: NOW });
}

async function set(accountId: string, input: Partial<SetCreditPriceInput> = {}): Promise<Prices> {
  const data = await ask(gateway, SetCreditPriceDocument, {
    input: { accountId, ...EURO, ...input },
  });
  return data.setCreditPrice.creditPrices;
}

async function refusal(
  accountId: string,
  input: Partial<SetCreditPriceInput>,
  key?: string,
): Promise<unknown> {
  const { errors } = await gateway.query(
    SetCreditPriceDocument,
    { input: { accountId, ...EURO, ...input } },
    key,
  );
  const [error] = errors ?? [];
  return { message: error?.message, ...error?.extensions };
}

describe('a credit price', () => {
  it('holds from now on, and is read with the scope READ_USAGE', async () => {
    const accountId = await anAccount();
    const reader = await createKey(gateway, accountId, ['READ_USAGE']);

    expect(await set(accountId)).toEqual([{ ...EURO, effectiveFrom: NOW }]);

    const { account } = await ask(gateway, CreditPricesDocument, { accountId }, reader.secret);
    expect(account?.creditPrices).toEqual([{ ...EURO, effectiveFrom: NOW }]);
  });

  it('is followed by another one, in another currency too', async () => {
    const accountId = await anAccount();
    await set(accountId);

    expect(await set(accountId, { ...DOLLAR, effectiveFrom: LATER })).toEqual([
      { ...EURO, effectiveFrom: NOW },
      { ...DOLLAR, effectiveFrom: LATER },
    ]);
  });

  it('is replaced while it is scheduled', async () => {
    const accountId = await anAccount();
    await set(accountId, { effectiveFrom: LATER });

    expect(await set(accountId, { ...DOLLAR, effectiveFrom: LATER })).toEqual([
      { ...DOLLAR, effectiveFrom: LATER },
    ]);
  });

  it('does not change once it has taken effect', async () => {
    const accountId = await anAccount();
    await set(accountId);
    await ask(gateway, AdvanceTestClockDocument, { accountId, to: '2026-03-10T12:00:01.000Z' });

    expect(await refusal(accountId, { ...DOLLAR, effectiveFrom: NOW })).toMatchObject({
      message: `effectiveFrom is ${NOW}; prices that have taken effect do not change, so it must be 2026-03-10T12:00:01.000Z (now) or later, or before the first price, which holds from ${NOW}.`,
      code: 'BAD_USER_INPUT',
      path: ['input', 'effectiveFrom'],
    });
  });

  it('may hold before the first one, where none did', async () => {
    const accountId = await anAccount();
    await set(accountId);

    expect(await set(accountId, { ...DOLLAR, effectiveFrom: EARLIER })).toEqual([
      { ...DOLLAR, effectiveFrom: EARLIER },
      { ...EURO, effectiveFrom: NOW },
    ]);
  });

  it('changes nothing where the same holds already, so that a call can be sent again', async () => {
    const accountId = await anAccount();
    await set(accountId);
    await ask(gateway, AdvanceTestClockDocument, { accountId, to: LATER });

    expect(await set(accountId)).toEqual([{ ...EURO, effectiveFrom: NOW }]);
  });

  it('is exact to six digits, from 0 to a million', async () => {
    const accountId = await anAccount();
    const bounds = { listPerCredit: '1000000', contractedPerCredit: '0' };

    expect(await set(accountId, bounds)).toMatchObject([bounds]);
    expect(await set(accountId, { ...bounds, contractedPerCredit: '0.000001' })).toMatchObject([
      { contractedPerCredit: '0.000001' },
    ]);
    for (const [field, value, code] of [
      ['listPerCredit', '1000000.000001', 'from 0 to 1000000'],
      ['contractedPerCredit', '-0.000001', 'from 0 to 1000000'],
      ['contractedPerCredit', '0.0000001', 'six'],
    ] as const) {
      expect(await refusal(accountId, { [field]: value })).toMatchObject({
        message: expect.stringContaining(code),
        code: 'BAD_USER_INPUT',
        path: expect.arrayContaining(['input', field]),
      });
    }
  });

  it.each([
    'XAU',
    'XDR',
    'XXX',
    'XTS',
    'XSU',
    'XUA',
    'CHE',
    'CLF',
    'MXV',
    'USN',
    'eur',
    'EURO',
    '',
  ])('is not in %p, which is no national currency', async (currency) => {
    expect(await refusal(await anAccount(), { currency })).toMatchObject({
      message: `currency is ${JSON.stringify(currency)}; it must be a national currency's code of ISO 4217 in capitals, such as "EUR" or "USD".`,
      code: 'BAD_USER_INPUT',
      path: ['input', 'currency'],
    });
  });

  it.each(['EUR', 'USD', 'JPY', 'KWD', 'XAF', 'XOF', 'XPF', 'XCD'])(
    'is in %s',
    async (currency) => {
      expect(await set(await anAccount(), { currency })).toMatchObject([{ currency }]);
    },
  );

  it('is set by operators alone', async () => {
    const accountId = await anAccount();
    const { secret } = await createKey(gateway, accountId, ['MANAGE']);

    expect(await refusal(accountId, {}, secret)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await refusal(accountId, { accountId: null })).toMatchObject({
      code: 'BAD_USER_INPUT',
      path: ['input', 'accountId'],
    });
  });

  it('stays as it was written: the gateway may add prices, not change or delete them', async () => {
    const accountId = await anAccount();
    await set(accountId);
    for (const whose of [{ accountId: numberOf(accountId) }, 'operator'] as const) {
      for (const statement of [
        sql`update credit_price set list_micro = 1`,
        sql`delete from credit_price`,
      ]) {
        await expect(
          gateway.database.inTransaction(whose, (tx) => tx.query(statement)),
        ).rejects.toMatchObject({ code: '42501' });
      }
    }
  });
});
