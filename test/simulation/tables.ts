// The rows that the simulated server keeps, by table.

import type { Account } from '../../src/account/account.ts';
import type { Alert } from '../../src/alerts/alert.ts';
import type { CreditPolicy } from '../../src/engine/limits.ts';
import type { AlertRule } from '../../src/engine/alert-rules.ts';
import type { Email } from '../../src/notifications/email.ts';
import type { PostedSegment } from '../../src/hosting/hosting.store.ts';
import type { WebhookDelivery } from '../../src/partners/webhook.ts';
import type { SealedEndpoint } from '../../src/partners/webhooks.store.ts';
import type { RecordedEvent } from '../../src/recording/event.ts';
import type { Resource } from '../../src/resources/resource.ts';
import type { CreditAllocation } from '../../src/settlement/allocation.ts';
import type { ChainedLine } from '../../src/settlement/ledger.store.ts';
import type { CycleRecord } from '../../src/settlement/state.store.ts';

/** The columns of `credit_state`. */
interface CreditState {
  readonly policy: CreditPolicy;
  readonly debtMicro: bigint;
  readonly runsDebtMicro: bigint;
  readonly hasCredits: boolean;
  readonly hasRuns: boolean;
  readonly balanceMicro: bigint;
  readonly cycleId: number;
  readonly lastLedgerSequence: number;
  readonly lastLedgerHash: string;
  readonly lastAlertSequence: number;
  readonly nextDueMs: number | null;
}

/** A job of graphile-worker. */
interface JobRow {
  readonly id: string;
  readonly task: string;
  readonly payload: object;
  readonly key: string | null;
  readonly runAtMs: number;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly lockedBy: string | null;
  readonly lockedAtMs: number | null;
}

export interface Tables {
  readonly account: Account & { readonly lastLocalId: number };
  readonly alert: Alert;
  readonly cycle: CycleRecord;
  readonly delivery: WebhookDelivery & { readonly claimedUntilMs: number | null };
  readonly email: Email;
  readonly endpoint: SealedEndpoint;
  readonly entry: ChainedLine;
  readonly event: RecordedEvent;
  /** The number of the event with an identity. */
  readonly identity: number;
  readonly job: JobRow;
  /** What a call made of a deployment, as the store was told. */
  readonly lifecycle: Pick<Resource, 'status' | 'lifecycleAtMs'> & { readonly callId: number };
  readonly lot: CreditAllocation;
  /** A policy that was set, and the account's now; null: it is not known yet. */
  readonly policy: {
    readonly callId: number;
    readonly policy: CreditPolicy;
    readonly atMs: number | null;
  };
  readonly request: {
    readonly body: string;
    readonly allocationId: number | null;
    readonly ledgerSequence: number | null;
  };
  readonly resource: Resource;
  readonly rule: AlertRule;
  readonly segment: PostedSegment & { readonly isVoided: boolean };
  readonly state: CreditState;
  /** When the clock stopped what ran, as the store was told. */
  readonly stop: { readonly atMs: number };
  /** When a gateway that runs jobs was last seen. */
  readonly worker: number;
}
