import type { Account } from '../../src/account/account.ts';
import type { ManualClock } from '../../src/core/clock.ts';
import { encodeId } from '../../src/core/identity.ts';
import type { BenchGateway } from '../support/gateway.ts';

/** Of the account that both databases have. */
export const PROBE_EVENTS = 100_000;

/** A database with its gateway and the accounts that are measured. */
export interface Sized {
  readonly name: 'small' | 'large';
  readonly gateway: BenchGateway;
  readonly clock: ManualClock;
  readonly probe: Account;
  readonly largest: Account;
  readonly largestEvents: number;
}

/** The two, to be measured in turns. */
export interface Both {
  readonly small: Sized;
  readonly large: Sized;
}

/** An account as the API names it. */
export function apiId({ accountId }: Account): string {
  return encodeId('Account', accountId, accountId);
}
