// Events by the ten thousand, put in past the gateway, which would take its time to judge each.

import { type Api, numberOf, recordUsage, registerGuardrail } from './account.ts';
import { asOwner } from './gateway.ts';

/**
 * Gives an account without any so many events of a guardrail, a second apart: of 1, 2, 3 … millionths of a credit. The ledger and
 * the rollups know the first alone.
 */
export async function putManyEvents(
  gateway: Api & { readonly databaseUrl: string },
  accountId: string,
  { count, from }: { readonly count: number; readonly from: string },
): Promise<void> {
  await registerGuardrail(gateway, accountId);
  await recordUsage(gateway, accountId, {
    ...{ occurredAt: from, credits: '0.000001' },
    ...{ resourceKind: 'GUARDRAIL', resourceExternalId: 'g' },
  });
  const account = `account_id = ${numberOf(accountId)}`;
  await asOwner(
    gateway.databaseUrl,
    `insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro, occurred_at, recorded_at)
     select account_id, n, repeat('s', 200), n::text, type, kind, subject_id, 1, n, occurred_at + n * interval '1 second', recorded_at
     from usage_event, generate_series(2, ${count}) n where ${account};
     update account set last_seq = ${count} where ${account}`,
  );
}
