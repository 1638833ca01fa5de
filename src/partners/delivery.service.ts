// Sends the pending messages of an endpoint. An endpoint has one job for all of them: the job claims a few messages, sends
// them in parallel, writes their outcomes, and schedules itself for when the next one is due. So an endpoint never has more
// than a few messages in flight over all gateways, and a dead one costs one job however many messages are pending. Endpoints that
// were slow or failed share a part of this gateway's slots. The other slots stay free for those that answer.
//
// A message is claimed for a time. When its gateway dies, the job runs again and sends the message again under the same
// id; when a gateway was only suspended, its result no longer counts. Whoever decides when the next message is due holds the
// endpoint's lock, so a message that is written meanwhile cannot be overlooked.

import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Webhook } from 'standardwebhooks';
import type { Account } from '../account/account.ts';
import type { AccountService } from '../account/account.service.ts';
import type { Clock } from '../core/clock.ts';
import { AccountClosedError } from '../core/errors.ts';
import type { Database, Tx } from '../db/database.ts';
import { enqueueAll } from '../db/jobs.ts';
import { claimDue, type ClaimedDelivery, nextDueMs, saveOutcome } from './deliveries.store.ts';
import type { SecretBox } from './secret-box.service.ts';
import { SEND_TIMEOUT_MS, type Sender } from './sender.client.ts';
import {
  type Answer,
  type EndpointRef,
  attemptOutcome,
  type AttemptOutcome,
  isDelivered,
  type WebhookEndpoint,
} from './webhook.ts';
import {
  lockEndpoint,
  pauseEndpoint,
  saveEndpoint,
  type SealedEndpoint,
} from './webhooks.store.ts';

export const SEND_TASK = 'webhooks.send';
/** Messages of one endpoint that are sent at the same time, over all gateways. */
export const IN_FLIGHT_MAX = 8;
/** How long a claim lasts: longer than sending and storing the outcome take, shorter than a dead gateway's jobs wait. */
export const CLAIM_MS = SEND_TIMEOUT_MS + 20_000;
/** How many endpoints that were slow or failed last time this gateway sends to at the same time. */
export const SLOW_MAX = 10;
const SLOW_FROM_MS = 2_000;
const DEFER_MS = 1_000;
const REMEMBERED_ENDPOINTS = 10_000;

/** Called when an endpoint is disabled because its messages failed, in the transaction that disables it. */
export type OnDisabled = (
  tx: Tx,
  account: Account,
  endpoint: WebhookEndpoint,
  /** The receiver's last answer, in a sentence. */
  reason: string,
) => Promise<void>;

export interface DeliveryServices {
  readonly database: Database;
  readonly clock: Clock;
  readonly accounts: AccountService;
  readonly sender: Sender;
  /** Null: there is no key, so no endpoint can be signed for. */
  readonly box: SecretBox | null;
  readonly onDisabled: OnDisabled;
  /** Receives our faults. A message that a fault of ours kept from being sent is sent later; this is no attempt. */
  readonly onError: (error: unknown) => void;
}

/** Schedules endpoints' jobs for when their next message is due. The caller holds the endpoints' locks. */
export async function enqueueSending(
  tx: Tx,
  refs: readonly EndpointRef[],
  runAtMs: number,
): Promise<void> {
  await enqueueAll(
    tx,
    refs.map((ref) => ({
      task: SEND_TASK,
      payload: { accountId: ref.accountId, endpointId: ref.endpointId },
      jobKey: keyOf(ref),
      runAtMs,
    })),
  );
}

export class WebhookDeliveryService {
  private readonly slowOrFailing = new LRUCache<string, true>({ max: REMEMBERED_ENDPOINTS });
  private waitingForSlow = 0;

  constructor(private readonly services: DeliveryServices) {}

  /** Sends a few due messages of an endpoint. The others, and those that fail, are left to the endpoint's next job. */
  async send(ref: EndpointRef): Promise<void> {
    const isSlowOrFailing = this.slowOrFailing.has(keyOf(ref));
    if (isSlowOrFailing && this.waitingForSlow >= SLOW_MAX) {
      await this.reschedule(ref, this.services.clock.nowMs() + DEFER_MS);
      return;
    }
    if (isSlowOrFailing) this.waitingForSlow += 1;
    try {
      await this.sendDue(ref);
    } finally {
      if (isSlowOrFailing) this.waitingForSlow -= 1;
    }
  }

  private async sendDue(ref: EndpointRef): Promise<void> {
    const { database, clock, onError } = this.services;
    const claimed = await database.inTransaction(ref, (tx) => this.claim(tx, ref));
    if (claimed === null) return;
    const begunMs = performance.now();
    const attempts = claimed.deliveries.map((one) => this.attempt(claimed, one));
    const results = await Promise.allSettled(attempts);
    const isFine = results.every((one) => one.status === 'fulfilled' && one.value);
    if (!isFine || performance.now() - begunMs >= SLOW_FROM_MS) {
      this.slowOrFailing.set(keyOf(ref), true);
    } else if (results.length > 0) {
      this.slowOrFailing.delete(keyOf(ref));
    }
    // Not thrown: the endpoint's next job tries again when the claim ends.
    for (const result of results) if (result.status === 'rejected') onError(result.reason);
    await this.reschedule(ref, clock.nowMs());
  }

  private async claim(
    tx: Tx,
    ref: EndpointRef,
  ): Promise<(SealedEndpoint & { readonly deliveries: readonly ClaimedDelivery[] }) | null> {
    const sealed = await lockEndpoint(tx, ref);
    if (sealed?.endpoint.enabled !== true) return null;
    const nowMs = this.services.clock.nowMs();
    const isPaused = sealed.pausedUntilMs !== null && sealed.pausedUntilMs > nowMs;
    const claim = { nowMs, untilMs: nowMs + CLAIM_MS, inFlightMax: IN_FLIGHT_MAX };
    return { ...sealed, deliveries: isPaused ? [] : await claimDue(tx, ref, claim) };
  }

  /** @returns whether it was delivered */
  private async attempt(sealed: SealedEndpoint, delivery: ClaimedDelivery): Promise<boolean> {
    const { clock, sender } = this.services;
    const answer = await sender.send({
      url: sealed.endpoint.url,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'billing-gateway-webhooks/1',
        ...this.sign(sealed, delivery),
      },
      body: delivery.payload,
    });
    await this.record(sealed.endpoint, delivery, { answer, atMs: clock.nowMs() });
    return isDelivered(answer);
  }

  /** The headers of Standard Webhooks. Both secrets sign until the old one ends. */
  private sign(
    { endpoint, secret, previous }: SealedEndpoint,
    { webhookId, payload }: ClaimedDelivery,
  ): Readonly<Record<string, string>> {
    const { box, clock } = this.services;
    if (box === null) {
      throw new Error('Webhooks cannot be signed: WEBHOOK_SECRET_KEY is not set.');
    }
    const nowMs = clock.nowMs();
    const secrets =
      previous !== null && nowMs < previous.endsAtMs ? [secret, previous.secret] : [secret];
    const signatures = secrets.map((sealed) =>
      new Webhook(box.open(sealed, endpoint.accountId)).sign(webhookId, new Date(nowMs), payload),
    );
    return {
      'webhook-id': webhookId,
      'webhook-timestamp': Math.floor(nowMs / 1_000).toString(),
      'webhook-signature': signatures.join(' '),
    };
  }

  private async record(
    endpoint: WebhookEndpoint,
    delivery: ClaimedDelivery,
    { answer, atMs }: { readonly answer: Answer; readonly atMs: number },
  ): Promise<void> {
    const { database, accounts } = this.services;
    const outcome = attemptOutcome(answer, {
      event: delivery.event,
      number: delivery.attempts + 1,
      nowMs: atMs,
      jitter: randomInt(1_000_000) / 1_000_000,
    });
    if (!outcome.disablesEndpoint) {
      await database.inTransaction(endpoint, async (tx) => {
        if (outcome.pauseUntilMs !== null) await lockEndpoint(tx, endpoint);
        const isOurs = await saveOutcome(tx, delivery, { outcome, atMs });
        if (isOurs && outcome.pauseUntilMs !== null) {
          await pauseEndpoint(tx, endpoint, outcome.pauseUntilMs);
        }
      });
      return;
    }
    // The account's lock comes first, as everywhere, because `onDisabled` may write to the account.
    const failing = accounts.inAccount(endpoint.accountId, (tx, account) =>
      this.fail(tx, account, { endpoint, delivery, outcome, atMs }),
    );
    await failing.catch((error: unknown) => {
      // Closing it has ended the message and the endpoint already.
      if (!(error instanceof AccountClosedError)) throw error;
    });
  }

  private async fail(
    tx: Tx,
    account: Account,
    failed: {
      readonly endpoint: EndpointRef;
      readonly delivery: ClaimedDelivery;
      readonly outcome: AttemptOutcome;
      readonly atMs: number;
    },
  ): Promise<void> {
    const { delivery, outcome, atMs } = failed;
    const sealed = await lockEndpoint(tx, failed.endpoint);
    const isOurs = await saveOutcome(tx, delivery, { outcome, atMs });
    if (!isOurs || sealed?.endpoint.enabled !== true) return;
    const disabled = { ...sealed.endpoint, enabled: false, disabledAtMs: atMs };
    await saveEndpoint(tx, disabled);
    await this.services.onDisabled(tx, account, disabled, outcome.error ?? 'It failed.');
  }

  /** Schedules the endpoint's job for when its next message is due, but not before an instant. */
  private async reschedule(ref: EndpointRef, earliestMs: number): Promise<void> {
    await this.services.database.inTransaction(ref, async (tx) => {
      const sealed = await lockEndpoint(tx, ref);
      if (sealed?.endpoint.enabled !== true) return;
      const dueMs = await nextDueMs(tx, ref);
      if (dueMs === null) return;
      await enqueueSending(tx, [ref], Math.max(dueMs, earliestMs, sealed.pausedUntilMs ?? 0));
    });
  }
}

function keyOf({ accountId, endpointId }: EndpointRef): string {
  return `webhook:${accountId}:${endpointId}`;
}
