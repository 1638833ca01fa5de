// Accounts of the simulation, their clients, their subscribers, and the receiver of their webhooks.

import { firstAccountCycle } from '../../src/account/cycle.ts';
import { encodeId } from '../../src/core/identity.ts';
import { formatMicro } from '../../src/core/micro.ts';
import type { Actor } from '../../src/core/identity.ts';
import type { Message } from '../../src/partners/sender.client.ts';
import type { Answer, WebhookEvent } from '../../src/partners/webhook.ts';
import type { Resource } from '../../src/resources/resource.ts';
import { Books } from '../faults/books.ts';
import type { Chance } from '../faults/chance.ts';
import { HARDWARE, Rates } from '../faults/hardware.ts';
import type { Violations } from '../faults/violations.ts';
import type { Gateway, Outcome, Services } from './gateway.ts';
import { network } from './network.ts';
import type { Level } from './reckoning.ts';
import { View } from './server.ts';
import { Process, pause, timeline } from './time.ts';
import type { World } from './worlds.ts';

const MICRO = 1_000_000n;
const HOSTED = 1;
const SUBSCRIBERS = 3;
/** A client that has its answer sends the same again now and then. */
const AGAIN = 0.1;
const CLIENTS = [1, 2, 6];
const ZONES = ['UTC', 'Asia/Kolkata', 'America/New_York'] as const;
const EVENTS: readonly WebhookEvent[] = [
  'ALERT_RAISED',
  'DEPLOYMENT_STARTED',
  'DEPLOYMENT_STOPPED',
  'CYCLE_CLOSED',
];

/** An alert, as far as it is compared. */
interface Told {
  readonly sequence: number;
  readonly kind: string;
  readonly crossedAtMs: number;
}

interface Deployments {
  readonly begun: { readonly fromMs: number | null; readonly replicas: number }[];
  unknown: number;
}

interface Undeployments {
  /** By a call or by a stop before it. */
  readonly endedMs: (number | null)[];
  unknown: number;
}

/** What the clients and subscribers of accounts need. */
export interface Surroundings {
  readonly chance: Chance;
  readonly gateways: readonly Gateway[];
  readonly world: World;
  /** Whether clients are to begin anything new. */
  readonly isBusy: () => boolean;
  /** Told when one begins a call. */
  readonly onCall: () => void;
}

export class Subject {
  readonly books: Books;
  readonly levels: readonly Level[];
  readonly stopMicro: bigint;
  readonly sinceMs = Math.floor(timeline().nowMs);
  readonly told: readonly Told[][] = Array.from({ length: SUBSCRIBERS }, () => []);
  /** What answers told of deployments, and how many calls had none. */
  readonly deployments: Deployments = { begun: [], unknown: 0 };
  readonly undeployments: Undeployments = { endedMs: [], unknown: 0 };
  /** How many clients are in the middle of a call. */
  calling = 0;
  private readonly process: Process;
  private readonly actor: Actor;
  private readonly chance: Chance;
  private calls = 0;
  /** Wakes a client that pauses. */
  private readonly resting = new Set<() => void>();
  /** Where little is written, it is for the loops to find what time brings. */
  private readonly paceMs: number;

  constructor(
    readonly accountId: number,
    private readonly around: Surroundings,
  ) {
    const chance = around.chance.of(`account ${accountId}`);
    this.chance = chance;
    this.process = new Process(`clients of ${accountId}`);
    const name = `account ${accountId}`;
    this.books = new Books(
      encodeId('Account', accountId, accountId),
      name,
      null,
      new Rates(chance),
    );
    this.actor = { name: 'key:1', keyId: 1, accountId: null, scopes: new Set(['OPERATOR']) };
    this.paceMs = chance.oneOf(around.world.pausesMs);
    this.stopMicro = -MICRO * BigInt(chance.whole(1, 20));
    const threshold = (ruleId: number, credits: number): Level => ({
      ...{ ruleId, kind: 'CREDIT_THRESHOLD', micro: MICRO * BigInt(credits), isThreshold: true },
    });
    const limit = (ruleId: number, kind: string, micro: bigint): Level => ({
      ...{ ruleId, kind, micro, isThreshold: false },
    });
    this.levels = [
      threshold(5, chance.whole(30, 60)),
      threshold(4, chance.whole(1, 29)),
      limit(1, 'LOW_CREDITS', MICRO * BigInt(chance.whole(5, 30))),
      limit(2, 'CREDITS_EXHAUSTED', 0n),
      limit(3, 'NEGATIVE_LIMIT_REACHED', this.stopMicro),
    ];
    this.store();
  }

  /** Its clients and subscribers begin. */
  start(): void {
    const clients = this.chance.oneOf(CLIENTS);
    for (let client = 0; client < clients; client += 1) {
      timeline().after(this.process, this.chance.whole(0, 5_000), () => void this.live());
    }
    for (const told of this.told) {
      timeline().after(this.process, this.chance.whole(0, 5_000), () => {
        this.subscribe(told);
      });
    }
  }

  /** All its clients call at once, or nearly. */
  rouse(): void {
    for (const wake of [...this.resting]) wake();
  }

  /** Sends again what nobody knows of, until all is known. */
  async settle(): Promise<void> {
    while (this.books.unsettled.length > 0) {
      await this.books.settle();
      await pause(1_000);
    }
  }

  private async live(): Promise<void> {
    for (;;) {
      await this.rest(this.chance.whole(200, this.chance.happens(0.2) ? 500 : this.paceMs));
      if (!this.around.isBusy()) continue;
      this.calling += 1;
      this.around.onCall();
      await this.act();
      this.calling -= 1;
    }
  }

  /** Pauses, unless it is roused. */
  private rest(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wakeup = timeline().after(this.process, durationMs, () => {
        this.resting.delete(wake);
        resolve();
      });
      const wake = (): void => {
        wakeup.isCancelled = true;
        this.resting.delete(wake);
        timeline().after(this.process, this.chance.whole(0, 200), resolve);
      };
      this.resting.add(wake);
    });
  }

  private act(): Promise<void> {
    const draw = this.chance.whole(1, 100);
    if (draw <= 60) return this.record();
    if (draw <= 75) return this.allocate();
    if (draw <= 95) return this.deploy();
    return this.undeploy();
  }

  private async ask<T>(work: (services: Services) => Promise<T>): Promise<Outcome<T>> {
    return this.chance.oneOf(this.around.gateways).call(work);
  }

  private async record(): Promise<void> {
    this.calls += 1;
    const ids = Array.from(
      { length: this.chance.whole(1, 4) },
      (_, index) => `${this.calls}-${index}`,
    );
    for (const id of ids) {
      const creditsMicro = BigInt(this.chance.whole(1, 3_000_000));
      this.books.events.set(id, { creditsMicro, recorded: 'UNKNOWN', voided: 'NO' });
    }
    const occurredAt = Math.floor(timeline().nowMs);
    await this.send(ids, occurredAt);
    if (this.chance.happens(AGAIN)) await this.send(ids, occurredAt);
  }

  private async send(ids: readonly string[], occurredAt: number): Promise<void> {
    const reports = ids.map((eventId) => ({
      as: 'event' as const,
      fields: {
        ...{ source: 'simulation', eventId, type: 'PROCESSING', occurredAt },
        ...{ resourceKind: 'GUARDRAIL', resourceExternalId: 'hosted' },
        credits: formatMicro(this.books.events.get(eventId)?.creditsMicro ?? 0n),
      },
    }));
    const named = { accountId: this.books.accountId, path: ['events'] };
    const outcome = await this.ask(({ ingest }) => ingest.record(this.actor, named, reports));
    const again = (): void => void this.books.unsettled.push(() => this.send(ids, occurredAt));
    if (outcome.is === 'UNKNOWN') {
      again();
      return;
    }
    const isFine = outcome.is === 'OK' && outcome.value.conflicts + outcome.value.rejected === 0;
    for (const id of ids) {
      const sent = this.books.events.get(id);
      if (sent !== undefined && (isFine || sent.recorded !== 'YES'))
        sent.recorded = isFine ? 'YES' : 'NO';
    }
  }

  private async allocate(): Promise<void> {
    this.calls += 1;
    const idempotencyKey = `credits ${this.calls}`;
    const amountMicro = BigInt(this.chance.whole(1, this.around.world.allocationMicroMax));
    const inAWhile = Math.floor(timeline().nowMs) + this.chance.whole(1_000, this.paceMs);
    const effectiveAt = this.chance.happens(0.3) ? inAWhile : null;
    this.books.amounts.set(idempotencyKey, { amountMicro, booked: 'UNKNOWN' });
    const { accountId } = this.books;
    const amount = formatMicro(amountMicro);
    const send = async (): Promise<void> => {
      const request = { accountId, amount, idempotencyKey, effectiveAt };
      const outcome = await this.ask(({ credits }) => credits.allocate(this.actor, request));
      const sent = this.books.amounts.get(idempotencyKey);
      if (outcome.is === 'UNKNOWN') this.books.unsettled.push(send);
      else if (sent !== undefined) sent.booked = outcome.is === 'OK' ? 'YES' : 'NO';
    };
    await send();
    if (this.chance.happens(AGAIN)) await send();
  }

  // What nobody knows of is not sent again: a retry may find that it has been stopped meanwhile, and begin anew.
  private async deploy(): Promise<void> {
    const replicas = this.chance.whole(1, 3);
    const request = { id: this.resource, hardware: HARDWARE, replicas };
    const outcome = await this.ask(({ deployments }) => deployments.deploy(this.actor, request));
    if (outcome.is === 'UNKNOWN') this.deployments.unknown += 1;
    if (outcome.is !== 'OK') return;
    this.deployments.begun.push({ fromMs: outcome.value.deployedAtMs, replicas });
  }

  private async undeploy(): Promise<void> {
    const target = { id: this.resource };
    const outcome = await this.ask(({ deployments }) => deployments.undeploy(this.actor, target));
    if (outcome.is === 'UNKNOWN') this.undeployments.unknown += 1;
    if (outcome.is !== 'OK' || outcome.value.deployedAtMs === null) return;
    this.undeployments.endedMs.push(outcome.value.stoppedAtMs ?? outcome.value.lifecycleAtMs);
  }

  private get resource(): string {
    return encodeId('Guardrail', this.accountId, HOSTED);
  }

  private subscribe(told: Told[]): void {
    const gateway = this.chance.oneOf(this.around.gateways);
    const request = { accountId: this.accountId, after: told.at(-1)?.sequence ?? 0 };
    const again = (): void => {
      timeline().after(this.process, this.chance.whole(100, 5_000), () => {
        this.subscribe(told);
      });
    };
    const close = gateway.hear(request, {
      onAlert: ({ sequence, kind, crossedAtMs }) => {
        told.push({ sequence, kind, crossedAtMs });
        if (!network().isFaulty || !this.chance.happens(0.25)) return;
        close();
        again();
      },
      onEnd: again,
    });
  }

  private store(): void {
    const { accountId, sinceMs, chance } = this;
    const view = new View(network().server, false);
    const calendar = { timeZone: chance.oneOf(ZONES), cycleDay: 1 };
    const cycle = firstAccountCycle(calendar, sinceMs);
    const none = {
      carriedOverMicro: 0n,
      allocatedMicro: 0n,
      usedMicro: 0n,
      expiredMicro: 0n,
      adjustedMicro: 0n,
    };
    view.put('account', accountId, 0, {
      ...{ accountId, externalId: this.books.name, name: this.books.name, ...calendar, cycle },
      ...{ notificationEmails: [], createdAtMs: sinceMs, creditsFromMs: sinceMs, isTest: false },
      ...{ settledAtMs: sinceMs, recorded: { lastSeq: 0, quantity: 0n, creditsMicro: 0n } },
      ...{ closedAtMs: null, erasedAtMs: null, lastLocalId: 100 },
    });
    view.put('state', accountId, 0, {
      policy: {
        lowCreditMicro: this.levels[2]?.micro ?? 0n,
        negativeLimitMicro: this.stopMicro,
        fineTuningMinimumMicro: 0n,
      },
      ...{ debtMicro: 0n, runsDebtMicro: 0n, hasCredits: false, hasRuns: false, balanceMicro: 0n },
      ...{
        cycleId: 1,
        lastLedgerSequence: 0,
        lastLedgerHash: '00'.repeat(32),
        lastAlertSequence: 0,
      },
      nextDueMs: cycle.endMs,
    });
    const { startMs, endMs } = cycle;
    view.put('cycle', accountId, 1, {
      accountId,
      cycleId: 1,
      startMs,
      endMs,
      credits: none,
      runs: none,
    });
    const measures = [
      'CREDITS_REMAINING',
      'CREDITS_REMAINING',
      'LOW_CREDIT',
      'ZERO',
      'NEGATIVE_LIMIT',
    ] as const;
    this.levels.forEach(({ ruleId, micro, isThreshold }, index) => {
      const measure = measures[index] ?? 'ZERO';
      const valueMicro = isThreshold ? micro : 0n;
      const silent = { isReached: false, openAlert: null, lastFiredAtMs: null };
      view.put('rule', accountId, ruleId, { ruleId, measure, valueMicro, ...silent });
    });
    view.put('resource', accountId, HOSTED, resourceOf(accountId, sinceMs));
    const endpointId = accountId;
    const named = { accountId, endpointId, url: 'https://receiver.example/', events: EVENTS };
    view.put('endpoint', accountId, endpointId, {
      endpoint: { ...named, enabled: true, createdAtMs: sinceMs, disabledAtMs: null },
      ...{ secret: Buffer.alloc(1), previous: null, pausedUntilMs: null },
    });
    view.commit();
  }
}

function resourceOf(accountId: number, createdAtMs: number): Resource {
  return {
    ...{ accountId, resourceId: HOSTED, kind: 'GUARDRAIL', externalId: 'hosted', name: 'hosted' },
    ...{ owner: null, createdAtMs, modelId: null, language: null, languageVersion: null },
    ...{ ocrModel: null, status: 'IN_DEVELOPMENT', endpointUrl: null, failureMessage: null },
    ...{ requestedHardwareId: null, requestedReplicas: null, lifecycleAtMs: null },
    ...{ deployedAtMs: null, changedAtMs: null, stoppedAtMs: null, lastDeployedAtMs: null },
    ...{ lastLifecycleActivityAtMs: null, lastEventAtMs: null },
  };
}

const SEND_WITHIN_MS = 15_000;

/** Who gets the webhooks. */
export class Receiver {
  readonly byId = new Map<string, { readonly body: string; times: number }>();
  /** Until then nothing is answered. */
  downUntilMs = 0;
  private readonly process = new Process('receiver');

  constructor(
    private readonly chance: Chance,
    private readonly violations: Violations,
  ) {}

  /** Takes the place of a gateway's sender. */
  send({ headers, body }: Message): Promise<Answer> {
    return new Promise((resolve) => {
      const sender = timeline().current;
      const tooLate = timeline().after(sender, SEND_WITHIN_MS, () => {
        resolve({ status: null, error: 'It did not answer in time.' });
      });
      timeline().after(this.process, network().delayMs(), () => {
        const status = this.take(String(headers['webhook-id']), body);
        const slowMs = this.fails(0.2) ? this.chance.whole(1_000, 40_000) : 0;
        if (status === null) return;
        timeline().after(sender, network().delayMs() + slowMs, () => {
          tooLate.isCancelled = true;
          resolve({ status, retryAfter: null });
        });
      });
    });
  }

  private take(id: string, body: string): number | null {
    if (timeline().nowMs < this.downUntilMs) return null;
    if (this.fails(0.03)) return 503;
    const known = this.byId.get(id);
    if (known !== undefined && known.body !== body) {
      this.violations.add('a message has one id and one body', id);
    }
    this.byId.set(id, { body: known?.body ?? body, times: (known?.times ?? 0) + 1 });
    return this.fails(0.03) ? null : 204;
  }

  private fails(probability: number): boolean {
    return network().isFaulty && this.chance.happens(probability);
  }
}
