// What the explorer asks the gateway for: an answer to its first tab, and what fields cost.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FIRST_QUERY } from '../../web/explorer/first-query.ts';
import { allocate, createAccount, createKey } from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';

describe('the explorer', () => {
  let gateway: TestGateway;
  let key: string;

  beforeAll(async () => {
    gateway = await startTestGateway();
    const accountId = await createAccount(gateway, { name: 'Acme' });
    await allocate(gateway, accountId, '300');
    key = (await createKey(gateway, accountId, ['READ_USAGE'])).secret;
  });

  afterAll(async () => {
    await gateway.close();
  });

  function costs(headers: Record<string, string>): Promise<Response> {
    return fetch(`${originOf(gateway)}/graphiql/costs`, { headers });
  }

  it('has a first query that answers with an account`s key', async () => {
    const { data, errors } = await gateway.query(FIRST_QUERY, {}, key);

    expect(errors).toBeUndefined();
    expect(data).toMatchObject({
      account: {
        name: 'Acme',
        credits: { state: 'OK', remaining: '300', burnRatePerHour: '0' },
        usage: { credits: { used: '0' } },
      },
    });
  });

  // By hand, from the tables in docs/limits.md.
  it.each([
    ['AccountUsage.previous', '2 points'],
    ['AccountUsage.hardware', '5 points, and 10 × the fields below it'],
    [
      'AccountUsage.guardrails',
      '30 points, and rows × the fields of nodes and edges (25 rows unless `first` or `last` says)',
    ],
    ['AccountUsage.trend', '0 points, and more by its arguments'],
    ['AccountUsage.range', '1 point'],
    ['Mutation.deploy', '20 points'],
    ['CreditBalance.stopsAt', '25 points'],
    ['Account.name', undefined],
  ])('shows what %s costs', async (field, cost) => {
    const answer = await costs({ authorization: `Bearer ${key}` });

    expect(answer.status).toBe(200);
    expect(((await answer.json()) as Record<string, string>)[field]).toBe(cost);
  });

  it('shows it to nobody without a key, as the schema itself', async () => {
    expect((await costs({})).status).toBe(401);
  });
});
