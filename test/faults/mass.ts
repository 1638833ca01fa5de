// Very many events of one account, of which only numbers are kept.

import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateAccountDocument,
  GuardrailsTabDocument,
  OverviewDocument,
  RegisterResourcesDocument,
} from '@billing-gateway/client/operations';
import { ask } from '../support/account.ts';
import { asOwner } from '../support/databases.ts';
import { post } from '../support/post.ts';
import { clock } from './caller.ts';
import { iso, METERED } from './driver.ts';
import type { Violations } from './violations.ts';
import { KEY, type World } from './world.ts';

const BATCH = 100;
const CLIENTS = 8;
const TICK_MS = 5;
/** The latest times of batches that a percentile is of. */
const TIMES_KEPT = 2_000;

const READ_EVERY_MS = 100;

export class Mass {
  /** Events that were accepted. */
  accepted = 0;
  /** Views that were read, and those that were refused or failed. */
  read = 0;
  unread = 0;
  private sent = 0;
  private refused = 0;
  private timesMs: number[] = [];

  private constructor(
    private readonly world: World,
    private readonly accountId: string,
  ) {}

  static async open(world: World): Promise<Mass> {
    const gateway = world.places[0]?.gateway;
    if (gateway == null) throw new Error('no gateway runs');
    const input = { name: 'mass', externalId: 'mass' };
    const { createAccount } = await ask(gateway, CreateAccountDocument, { input });
    const resources = [{ kind: 'GUARDRAIL' as const, externalId: METERED, name: METERED }];
    await ask(gateway, RegisterResourcesDocument, { accountId: createAccount.id, resources });
    return new Mass(world, createAccount.id);
  }

  /** How many events a second are taken of clients that never wait. */
  async measure(lastsMs: number): Promise<number> {
    const [before, endMs] = [this.accepted, performance.now() + lastsMs];
    const work = async (): Promise<void> => {
      while (performance.now() < endMs) await this.sendBatch();
    };
    await Promise.all(Array.from({ length: CLIENTS }, work));
    return ((this.accepted - before) * 1_000) / lastsMs;
  }

  /** Sends so many events a second, whether or not they are answered in time. */
  async send(perSecond: number, ending: AbortSignal): Promise<void> {
    const startMs = performance.now();
    const sending = new Set<Promise<void>>();
    let batches = 0;
    while (!ending.aborted) {
      await delay(TICK_MS);
      const due = ((performance.now() - startMs) / 1_000) * (perSecond / BATCH);
      for (; batches < due; batches += 1) {
        const one: Promise<void> = this.sendBatch().finally(() => {
          sending.delete(one);
        });
        sending.add(one);
      }
    }
    await Promise.all(sending);
  }

  /** Reads the account's usage as its page does, again and again. */
  async readBy(ending: AbortSignal): Promise<void> {
    for (let reads = 0; !ending.aborted; reads += 1) {
      const place = this.world.places[reads % this.world.places.length];
      const document = reads % 2 === 0 ? OverviewDocument : GuardrailsTabDocument;
      const body = { query: document.text, variables: { accountId: this.accountId, first: 25 } };
      await post(place?.origin ?? '', '/graphql', { body, key: KEY })
        .then(async (response) => {
          if ((await response.text()).startsWith('{"data":')) this.read += 1;
          else this.unread += 1;
        })
        .catch(() => (this.unread += 1));
      await delay(READ_EVERY_MS);
    }
  }

  /** The 99th percentile of the latest batches' times, in milliseconds. */
  get batchP99Ms(): number {
    const sorted = this.timesMs.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  }

  /** What was accepted is there, once. */
  async check(databaseUrl: string, violations: Violations): Promise<void> {
    const [row = {}] = await asOwner(
      databaseUrl,
      `select count(*)::int as count from usage_event join account using (account_id) where external_id = 'mass'`,
    );
    const count = Number(row['count']);
    if (count < this.accepted || count > this.accepted + this.refused * BATCH)
      violations.add('what was acknowledged is there', `mass: ${count} of ${this.accepted}`);
  }

  private async sendBatch(): Promise<void> {
    this.sent += 1;
    const batch = this.sent;
    const place = this.world.places[batch % this.world.places.length];
    const time = iso(clock.nowMs() - 1_000);
    const body = Array.from({ length: BATCH }, (_, index) => ({
      ...{ specversion: '1.0', type: 'com.billing-gateway.processing', source: 'mass', time },
      ...{ id: `${batch}-${index}`, subject: `GUARDRAIL/${METERED}`, data: { credits: '0.001' } },
    }));
    const fromMs = performance.now();
    const path = `/v1/events?accountId=${encodeURIComponent(this.accountId)}`;
    const answer = await post(place?.origin ?? '', path, { body, key: KEY })
      .then(async (response) => (await response.json()) as { readonly accepted?: number })
      .catch(() => ({ accepted: undefined }));
    if (answer.accepted === undefined) this.refused += 1;
    this.accepted += answer.accepted ?? 0;
    this.timesMs.push(performance.now() - fromMs);
    if (this.timesMs.length > 2 * TIMES_KEPT) this.timesMs = this.timesMs.slice(-TIMES_KEPT);
  }
}
