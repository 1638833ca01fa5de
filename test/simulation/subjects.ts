// Accounts of the simulation, their clients and their subscribers.

import type { Alert } from '../../src/alerts/alert.ts';
import type { LiveService } from '../../src/alerts/live.service.ts';
import { firstAccountCycle } from '../../src/account/cycle.ts';
import { encodeId } from '../../src/core/identity.ts';
import { formatMicro } from '../../src/core/micro.ts';
import type { Actor } from '../../src/core/identity.ts';
import type { CreditPolicy } from '../../src/engine/limits.ts';
import type { WebhookEvent } from '../../src/partners/webhook.ts';
import type { Resource } from '../../src/resources/resource.ts';
import { Books } from '../faults/books.ts';
import type { Chance } from '../faults/chance.ts';
import { HARDWARE, Rates } from '../faults/hardware.ts';
import type { Gateway, Outcome, Services } from './gateway.ts';
import { network } from './network.ts';
import type { Level, Levels } from './reckoning.ts';
import { View } from './server.ts';
import { Process, pause, timeline } from './time.ts';
import type { World } from './worlds.ts';

const MICRO = 1_000_000n;
const MINUTE_MS = 60_000;
/** By how much clocks may differ. */
const CLOCKS_MS = 1_000;
const SOURCE = 'simulation';
const HOSTED = 1;
const SUBSCRIBERS = 3;
/** One that comes back at once may meet the next alert on its way. */
const AGAIN_WITHIN_MS = [20, 5_000];
/** So many accounts of a world have subscribers of their balance: those cost something ten times a second. */
const WATCHED_ACCOUNTS = 3;
const EVERY_SECONDS = [1, 10, 60];
const EXPIRING = 0.5;
const PRIORITIES = [50, 100, 100];
/** A client that has its answer sends the same again now and then. */
const AGAIN = 0.1;
const CLIENTS = [1, 2, 6];
/** Less than a call takes. */
const ROUSED_WITHIN_MS = 20;
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

export interface Terms {
  readonly priority: number;
  /** Null: at once. */
  readonly effectiveAt: number | null;
  /** Null: never. */
  readonly expiresAt: number | null;
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

/** What one subscriber of a balance was told on one connection. */
export interface Watched {
  readonly updates: { readonly atMs: number; readonly micro: bigint }[];
  isOpen: boolean;
  /** How many updates were checked. */
  checked: number;
  /** By which commit the last checked one was true. */
  order: number;
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
  /** Those that it begins with. */
  readonly levels: Levels;
  readonly sinceMs = Math.floor(timeline().nowMs);
  readonly told: readonly Told[][] = Array.from({ length: SUBSCRIBERS }, () => []);
  /** What was asked for besides each amount, by its key. */
  readonly terms = new Map<string, Terms>();
  /** What answers told of deployments, and how many calls had none. */
  readonly deployments: Deployments = { begun: [], unknown: 0 };
  readonly undeployments: Undeployments = { endedMs: [], unknown: 0 };
  /** Policies of which an answer told that they are set. */
  readonly policies: CreditPolicy[] = [];
  readonly watched: Watched[] = [];
  /** How many clients are in the middle of a call. */
  calling = 0;
  private readonly process: Process;
  private readonly actor: Actor;
  private readonly chance: Chance;
  /** Of credits remaining, the highest first. */
  private readonly thresholds: readonly number[];
  private readonly policy: CreditPolicy;
  private readonly addresses: readonly string[];
  private calls = 0;
  /** Events that are recorded, and that nobody has voided yet. */
  private readonly recorded: string[] = [];
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
    this.thresholds = [chance.whole(30, 60), chance.whole(1, 29)];
    this.policy = this.anyPolicy();
    this.levels = this.levelsBy(this.policy);
    this.addresses = chance.happens(0.5) ? [`owner@${accountId}.example`] : [];
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
    if (this.accountId > WATCHED_ACCOUNTS) return;
    for (const everySeconds of EVERY_SECONDS) {
      timeline().after(this.process, this.chance.whole(0, 5_000), () => {
        this.watch(everySeconds);
      });
    }
  }

  /** Where alerts are raised by a policy. */
  levelsBy({ lowCreditMicro, negativeLimitMicro }: CreditPolicy): Levels {
    const thresholds = this.thresholds.map((credits, index) => ({
      ...{ ruleId: 5 - index, kind: 'CREDIT_THRESHOLD', micro: MICRO * BigInt(credits) },
      isThreshold: true,
    }));
    const limit = (ruleId: number, kind: string, micro: bigint): Level => ({
      ...{ ruleId, kind, micro, isThreshold: false },
    });
    const limits = [
      limit(1, 'LOW_CREDITS', lowCreditMicro),
      limit(2, 'CREDITS_EXHAUSTED', 0n),
      limit(3, 'NEGATIVE_LIMIT_REACHED', negativeLimitMicro),
    ];
    return { levels: [...thresholds, ...limits], stopMicro: negativeLimitMicro };
  }

  /** How often its balance was told. */
  get updates(): number {
    return this.watched.reduce((sum, { updates }) => sum + updates.length, 0);
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
        timeline().after(this.process, this.chance.whole(0, ROUSED_WITHIN_MS), resolve);
      };
      this.resting.add(wake);
    });
  }

  private act(): Promise<void> {
    const draw = this.chance.whole(1, 100);
    if (draw <= 52) return this.record();
    if (draw <= 60) return this.void();
    if (draw <= 75) return this.allocate();
    if (draw <= 78) return this.setPolicy();
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
        ...{ source: SOURCE, eventId, type: 'PROCESSING', occurredAt },
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
      if (sent === undefined || sent.recorded === 'YES') continue;
      sent.recorded = isFine ? 'YES' : 'NO';
      if (isFine) this.recorded.push(id);
    }
  }

  private async allocate(): Promise<void> {
    this.calls += 1;
    const idempotencyKey = `credits ${this.calls}`;
    const amountMicro = BigInt(this.chance.whole(1, this.around.world.allocationMicroMax));
    const inAWhile = Math.floor(timeline().nowMs) + this.chance.whole(1_000, this.paceMs);
    const effectiveAt = this.chance.happens(0.3) ? inAWhile : null;
    const lastsMs = MINUTE_MS + this.chance.whole(1, 4 * this.paceMs);
    const from = effectiveAt ?? Math.floor(timeline().nowMs);
    const expiresAt = this.chance.happens(EXPIRING) ? from + lastsMs : null;
    const priority = this.chance.oneOf(PRIORITIES);
    this.books.amounts.set(idempotencyKey, { amountMicro, booked: 'UNKNOWN' });
    this.terms.set(idempotencyKey, { priority, effectiveAt, expiresAt });
    const { accountId } = this.books;
    const amount = formatMicro(amountMicro);
    const send = async (): Promise<void> => {
      const request = { accountId, amount, idempotencyKey, effectiveAt, expiresAt, priority };
      const outcome = await this.ask(({ credits }) => credits.allocate(this.actor, request));
      const sent = this.books.amounts.get(idempotencyKey);
      if (outcome.is === 'UNKNOWN') this.books.unsettled.push(send);
      // A call that arrives only now may be too late.
      else if (outcome.is === 'REFUSED' && (expiresAt ?? Infinity) <= timeline().nowMs + CLOCKS_MS)
        this.books.amounts.delete(idempotencyKey);
      else if (sent !== undefined) sent.booked = outcome.is === 'OK' ? 'YES' : 'NO';
    };
    await send();
    if (this.chance.happens(AGAIN)) await send();
  }

  private async void(): Promise<void> {
    const { recorded } = this;
    const [eventId] = recorded.splice(this.chance.whole(0, recorded.length - 1), 1);
    const sent = this.books.events.get(eventId ?? '');
    if (eventId === undefined || sent === undefined) return;
    sent.voided = 'UNKNOWN';
    const { accountId } = this.books;
    const request = { accountId, source: SOURCE, eventId, reason: 'simulated' };
    const send = async (): Promise<void> => {
      const outcome = await this.ask(({ events }) => events.voidUsage(this.actor, request));
      if (outcome.is === 'UNKNOWN') this.books.unsettled.push(send);
      else if (sent.voided !== 'YES') sent.voided = outcome.is === 'OK' ? 'YES' : 'NO';
    };
    // At once: whoever comes second is to find that it is done.
    await Promise.all(this.chance.happens(AGAIN) ? [send(), send()] : [send()]);
  }

  private anyPolicy(): CreditPolicy {
    return {
      lowCreditMicro: MICRO * BigInt(this.chance.whole(5, 30)),
      negativeLimitMicro: -MICRO * BigInt(this.chance.whole(1, 20)),
      fineTuningMinimumMicro: 0n,
    };
  }

  // It is not sent again: another policy may have been set meanwhile.
  private async setPolicy(): Promise<void> {
    const policy = this.anyPolicy();
    const { accountId } = this.books;
    const lowCredit = formatMicro(policy.lowCreditMicro);
    const negativeLimit = formatMicro(policy.negativeLimitMicro);
    const request = { accountId, lowCredit, negativeLimit };
    const outcome = await this.ask(({ accounts }) => accounts.setPolicy(this.actor, request));
    if (outcome.is === 'OK') this.policies.push(policy);
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
    const after = told.at(-1)?.sequence ?? 0;
    const again = (): void => {
      timeline().after(
        this.process,
        this.chance.whole(1, this.chance.oneOf(AGAIN_WITHIN_MS)),
        () => {
          this.subscribe(told);
        },
      );
    };
    const alerts = (live: LiveService, onSlow: () => void): Promise<AsyncGenerator<Alert>> =>
      live.alerts(this.subscriber, { accountId: null, after, kinds: null, onSlow });
    const close = gateway.hear(alerts, {
      onEach: ({ sequence, kind, crossedAtMs }) => {
        told.push({ sequence, kind, crossedAtMs });
        if (!network().isFaulty || !this.chance.happens(0.25)) return;
        close();
        again();
      },
      onEnd: again,
    });
  }

  private watch(everySeconds: number): void {
    const gateway = this.chance.oneOf(this.around.gateways);
    const watched: Watched = { updates: [], isOpen: true, checked: 0, order: 0 };
    this.watched.push(watched);
    const request = { accountId: null, everySeconds, withForecast: this.chance.happens(0.5) };
    const end = (): void => {
      watched.isOpen = false;
      timeline().after(this.process, this.chance.whole(100, 5_000), () => {
        this.watch(everySeconds);
      });
    };
    const close = gateway.hear((live) => live.balances(this.subscriber, request), {
      onEach: ({ position: { atMs, credits } }) => {
        watched.updates.push({ atMs, micro: credits.balanceMicro });
        if (!network().isFaulty || !this.chance.happens(0.02)) return;
        close();
        end();
      },
      onEnd: end,
    });
  }

  private get subscriber(): Actor {
    const { accountId } = this;
    return { name: 'key:1', keyId: 1, accountId, scopes: new Set(['READ_USAGE']) };
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
      ...{
        notificationEmails: this.addresses,
        createdAtMs: sinceMs,
        creditsFromMs: sinceMs,
        isTest: false,
      },
      ...{ settledAtMs: sinceMs, recorded: { lastSeq: 0, quantity: 0n, creditsMicro: 0n } },
      ...{ closedAtMs: null, erasedAtMs: null, lastLocalId: 100 },
    });
    view.put('state', accountId, 0, {
      policy: this.policy,
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
    this.levels.levels.forEach(({ ruleId, micro, isThreshold }, index) => {
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
