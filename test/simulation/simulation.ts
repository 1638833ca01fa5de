// One seed's world: accounts and their clients, gateways, one database, and what goes wrong between them. It lives in rounds: a while
// of faults, then rest, in which all that is late has to arrive, and then everything is checked.

import { createHash } from 'node:crypto';
import { Chance } from '../faults/chance.ts';
import { Violations, type Violation } from '../faults/violations.ts';
import { checkDeliveries, checkEmails, checkJobs, checkSubject } from './checks.ts';
import { Gateway } from './gateway.ts';
import { connect, type Network } from './network.ts';
import { MailServer, Receiver } from './receivers.ts';
import { Subject } from './subjects.ts';
import { begin, pause, Process, type Timeline } from './time.ts';
import { type World, type WorldName, worldNames, WORLDS } from './worlds.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Of each promise. */
const SHOWN_MAX = 3;
/** How long nothing goes wrong after that: a dead gateway's jobs are taken over within a minute; a message that failed twice waits for more than five. */
const CALM_MS = 4 * MINUTE_MS;
/** Busy accounts grow, and each of their writes with them. */
const ROUNDS_MAX = 4;
/** How long a world that is broken is waited for. */
const BROKEN_MS = 20_000;
/** Within so long of what is under way a fault strikes it. */
const NEAR_MS = 400;
/** How many accounts' clients call at once in a burst, at most. */
const ROUSED_MAX = 6;
const DELIVERED_WITHIN_MS = 3 * HOUR_MS;

/** What happens to a world, by name; how often. */
type Happened = Map<string, number>;

export interface Lived {
  readonly seed: string;
  readonly world: WorldName;
  /** Of all accounts together, the rest after each round of faults among them. */
  readonly accountHours: number;
  /** Of all rows in the end, and of all that subscribers and the receiver of webhooks got. */
  readonly hash: string;
  readonly happened: Readonly<Record<string, number>>;
  readonly alerts: number;
  readonly commits: number;
  readonly messages: number;
  readonly emails: number;
  /** Of balances. */
  readonly updates: number;
  readonly wakeups: number;
  readonly violations: readonly Violation[];
}

/**
 * Lives through some hours of account life. The same seed makes the same life.
 * @param accountHours after how many it ends, unless ROUNDS_MAX rounds end before
 * @param world null: whichever the seed decides
 */
export async function live(
  seed: string,
  accountHours: number,
  world: WorldName | null = null,
): Promise<Lived> {
  const chance = new Chance(`simulation ${seed}`);
  const drawn = chance.oneOf(worldNames);
  const simulation = new Simulation(chance, WORLDS[world ?? drawn]);
  return { seed, world: world ?? drawn, ...(await simulation.live(accountHours)) };
}

/** The first ones of each promise. */
function shown(found: readonly Violation[]): readonly Violation[] {
  const times = new Map<string, number>();
  return found.filter(({ promise }) => {
    times.set(promise, (times.get(promise) ?? 0) + 1);
    return (times.get(promise) ?? 0) <= SHOWN_MAX;
  });
}

class Simulation {
  private readonly violations = new Violations();
  private readonly happened: Happened = new Map();
  private readonly timeline: Timeline;
  private readonly network: Network;
  private readonly gateways: readonly Gateway[];
  private readonly receiver: Receiver;
  private readonly mailer: MailServer;
  private readonly subjects: readonly Subject[];
  private readonly fate = new Process('fate');
  private isBusy = false;
  /** Told when a client begins a call. */
  private onCall: () => void = () => undefined;

  constructor(
    private readonly chance: Chance,
    private readonly world: World,
  ) {
    this.timeline = begin(chance.of('timers'));
    this.network = connect(chance.of('network'));
    this.receiver = new Receiver(chance.of('receiver'), this.violations);
    this.mailer = new MailServer(chance.of('mail server'));
    const { violations, receiver: sender, mailer } = this;
    this.gateways = ['a', 'b', 'c'].slice(0, chance.whole(2, 3)).map((name) => {
      return new Gateway(name, { chance: chance.of(name), violations, sender, mailer });
    });
    const around = {
      ...{ chance, gateways: this.gateways, world },
      isBusy: () => this.isBusy,
      onCall: () => {
        this.onCall();
      },
    };
    this.subjects = Array.from(
      { length: world.accounts },
      (_, index) => new Subject(index + 1, around),
    );
  }

  async live(accountHours: number): Promise<Omit<Lived, 'seed' | 'world'>> {
    const begunMs = this.timeline.nowMs;
    await this.pass(5_000);
    for (const subject of this.subjects) subject.start();
    this.timeline.after(this.fate, 1, () => void this.strike());
    let lived = 0;
    for (let round = 0; round < ROUNDS_MAX && lived < accountHours; round += 1) {
      await this.round();
      lived = ((this.timeline.nowMs - begunMs) / HOUR_MS) * this.subjects.length;
      if (this.violations.found.length > 0) break;
    }
    if (this.violations.found.length === 0) await this.untilDelivered();
    const view = this.network.server.read();
    const alerts = view.accountsIn('alert').flatMap((id) => view.all('alert', id)).length;
    const { commits } = this.network.server;
    this.happened.set('lost answer to COMMIT', this.network.lostCommits);
    this.happened.set('other lost answer', this.network.lostAnswers);
    return {
      ...{ accountHours: lived, hash: this.hash() },
      happened: Object.fromEntries(this.happened),
      ...{ alerts, commits, messages: this.receiver.byId.size, emails: this.mailer.came.size },
      updates: this.subjects.reduce((sum, { updates }) => sum + updates, 0),
      wakeups: this.timeline.wakeups,
      violations: shown(this.violations.found),
    };
  }

  private hash(): string {
    const hash = createHash('sha256');
    const add = (what: unknown): void =>
      void hash.update(
        JSON.stringify(what, (_key, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        ),
      );
    for (const [name, byAccount] of this.network.server.tables) {
      for (const [accountId, { rows }] of byAccount) add([name, accountId, ...rows]);
    }
    add([...this.receiver.byId, ...this.mailer.came]);
    for (const { told, watched } of this.subjects) add([told, watched]);
    return hash.digest('hex');
  }

  private async round(): Promise<void> {
    this.isBusy = true;
    this.network.isFaulty = true;
    await this.pass(this.world.faultyMs);
    this.isBusy = false;
    this.network.isFaulty = false;
    for (const gateway of this.gateways) {
      if (gateway.process.isDead) gateway.start();
    }
    await this.settle();
    await this.pass(CALM_MS);
    this.check();
  }

  /** Until all clients know how their calls ended. */
  private async settle(): Promise<void> {
    const settled = { is: false };
    const settle = async (): Promise<void> => {
      while (this.subjects.some(({ calling }) => calling > 0)) await pause(100);
      await Promise.all(this.subjects.map((subject) => subject.settle()));
      settled.is = true;
    };
    this.timeline.after(this.fate, 1, () => void settle());
    // An account that is broken already refuses everything, again and again.
    const isBroken = this.violations.found.length > 0;
    const endMs = this.timeline.nowMs + (isBroken ? BROKEN_MS : CALM_MS);
    while (!settled.is && this.timeline.nowMs < endMs) await this.pass(1_000);
    if (!settled.is && !isBroken)
      this.violations.add('nobody waits for ever', 'a client has no answer');
  }

  private check(): void {
    const view = this.network.server.read();
    for (const subject of this.subjects) checkSubject(this.violations, subject, view);
    checkDeliveries(this.violations, this.receiver, view);
    checkEmails(this.violations, this.mailer, view);
    checkJobs(this.violations, view);
  }

  private async untilDelivered(): Promise<void> {
    const endMs = this.timeline.nowMs + DELIVERED_WITHIN_MS;
    const view = this.network.server.read();
    const isWaiting = (): boolean =>
      view
        .accountsIn('delivery')
        .some((id) => view.all('delivery', id).some(({ status }) => status === 'PENDING'));
    while (isWaiting() && this.timeline.nowMs < endMs) await this.pass(10_000);
    if (isWaiting()) this.violations.add('each webhook comes at least once', 'some wait');
    this.check();
  }

  private pass(durationMs: number): Promise<void> {
    return this.timeline.run(this.timeline.nowMs + durationMs);
  }

  // ---- what goes wrong

  private async strike(): Promise<void> {
    for (;;) {
      // Two at about the same time do what neither does alone.
      const isPair = this.chance.happens(0.3);
      await pause(isPair ? this.chance.whole(1, 500) : this.chance.whole(...this.world.apartMs));
      if (!isPair) await this.untilMoment();
      const living = this.gateways.filter(({ process }) => !process.isDead);
      if (!this.isBusy || living.length === 0) continue;
      const [name, fault] = this.chance.oneOf(this.faults);
      this.happened.set(name, (this.happened.get(name) ?? 0) + 1);
      fault(this.chance.oneOf(living));
    }
  }

  /** However quiet a world is, faults are to meet what goes on in it: most strike while something is under way. */
  private async untilMoment(): Promise<void> {
    const moment = this.chance.oneOf(['ANY', 'CALL', 'DUE', 'BURST'] as const);
    switch (moment) {
      case 'ANY':
        return;
      case 'CALL':
        await this.nextCall();
        break;
      case 'DUE':
        await this.nextDue();
        break;
      case 'BURST':
        for (let roused = this.chance.whole(1, ROUSED_MAX); roused > 0; roused -= 1) {
          this.chance.oneOf(this.subjects).rouse();
        }
        break;
    }
    await pause(this.chance.whole(1, NEAR_MS));
  }

  private nextCall(): Promise<void> {
    return new Promise((resolve) => {
      this.onCall = () => {
        this.onCall = () => undefined;
        this.timeline.after(this.fate, 0, resolve);
      };
    });
  }

  /** Until shortly before time brings something to an account. */
  private async nextDue(): Promise<void> {
    const { nowMs } = this.timeline;
    let dueMs = Infinity;
    this.network.server.read().each('state', (_accountId, { nextDueMs }) => {
      if (nextDueMs !== null && nextDueMs > nowMs) dueMs = Math.min(dueMs, nextDueMs);
    });
    const [, mostMs] = this.world.apartMs;
    if (dueMs - nowMs <= mostMs) await pause(dueMs - nowMs - NEAR_MS / 4);
  }

  private readonly faults: readonly (readonly [string, (gateway: Gateway) => void])[] = [
    [
      'kill',
      (gateway) => {
        gateway.kill();
        this.timeline.after(this.fate, this.chance.whole(100, 20_000), () => {
          if (gateway.process.isDead) gateway.start();
        });
      },
    ],
    [
      'freeze',
      ({ process }) => {
        const untilMs = this.timeline.nowMs + this.chance.whole(1_000, 90_000);
        // Never sooner than before: what it was to do waits until then, and nothing is to overtake it.
        process.frozenUntilMs = Math.max(process.frozenUntilMs, untilMs);
      },
    ],
    [
      'cut',
      ({ process }) => {
        for (const connection of this.network.of(process)) connection.cut();
      },
    ],
    [
      'cut one',
      () => {
        const all = this.network.of(null);
        if (all.length > 0) this.chance.oneOf(all).cut();
      },
    ],
    [
      'silence',
      ({ process }) => {
        this.network.cutOffFor(process, this.chance.whole(1_000, 40_000));
        for (const connection of this.network.of(process)) connection.fallSilent();
      },
    ],
    [
      'crash of the database',
      () => {
        for (const connection of this.network.of(null)) connection.cut();
      },
    ],
    [
      'slow network',
      () => {
        this.network.slowUntilMs = this.timeline.nowMs + this.chance.whole(1_000, 30_000);
      },
    ],
    [
      'step of a wall clock',
      ({ process }) => {
        process.wallAheadMs += this.chance.whole(-7_200_000, 7_200_000);
      },
    ],
    [
      'receiver down',
      () => {
        this.receiver.downUntilMs = this.timeline.nowMs + this.chance.whole(1_000, 25_000);
      },
    ],
  ];
}
