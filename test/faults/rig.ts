// The rig: rounds of load and faults on the same accounts, and after each one a check of everything.

import { setTimeout as delay } from 'node:timers/promises';
import {
  AllocateDocument,
  CreateAccountDocument,
  CreateHardwareProfileDocument,
  CreateWebhookEndpointDocument,
  RegisterResourcesDocument,
  SetHardwareRateDocument,
} from '@billing-gateway/client/operations';
import { formatMicro } from '../../src/core/micro.ts';
import { Books } from './books.ts';
import { Caller, clock as realClock } from './caller.ts';
import type { Chance } from './chance.ts';
import { check } from './checks.ts';
import { beginCrossing, type Crossing, type CrossingAccount, levelsOf } from './crossings.ts';
import {
  type Actor,
  type Acting,
  crossLimit,
  host,
  HOSTED,
  iso,
  METERED,
  moveClock,
  moveCredits,
  readBalance,
  recordEvents,
  voidEvents,
} from './driver.ts';
import { type Fault, FULL_DISK } from './faults.ts';
import { FIRST_MICRO_PER_HOUR, HARDWARE, Rates } from './hardware.ts';
import type { History } from './history.ts';
import { Mails, Subscriber, WebhookReceiver } from './listeners.ts';
import { Opened } from './opened.ts';
import type { Violations } from './violations.ts';
import { type GatewayRun, KEY, World } from './world.ts';

const FUNDED_MICRO = 100_000_000n * 1_000_000n;
/** What the driver allocates comes before it: accounts spend what they get, as real ones do. */
const FUNDED_PRIORITY = 200;
const PAUSE_MS = 100;
const CROSSED_WITHIN_MS = 60_000;
/** Between two faults. */
const PAUSE_LEAST_MS = 200;
const PAUSE_MOST_MS = 3_000;
/** How old accounts are: older than any event. */
const OLD_DAYS = 4;
/** A second fault happens while the first one lasts. */
const PAIRED = 0.4;

export interface RigOptions {
  readonly folder: string;
  readonly chance: Chance;
  /** Those that happen; none: load only. */
  readonly faults: readonly Fault[];
  /** How long faults begin in a round. */
  readonly roundMs: number;
  /** Between two faults, at most; default: three seconds. */
  readonly pauseMostMs?: number;
  readonly history: History;
  readonly violations: Violations;
  /** What each gateway gets besides. */
  readonly env: Readonly<Record<string, string>>;
  /** The gateways; default: two, as they are. */
  readonly runs?: readonly GatewayRun[];
  /** How long what comes late is waited for after a round. */
  readonly deliveredWithinMs?: number;
  readonly say: (line: string) => void;
}

/** What belongs to one account: its books, the actors on it, and its resources. */
interface Subject {
  readonly books: Books;
  readonly actors: readonly Actor[];
  readonly resourceIds: ReadonlyMap<string, string>;
}

export class Rig {
  /** How often each fault happened. */
  readonly happened = new Map<string, number>();
  readonly subjects: Subject[] = [];
  readonly crossings: Crossing[] = [];
  readonly subscribers: { of: Books | Crossing; by: Subscriber }[] = [];
  private rounds = 0;
  private readonly rates: Rates;
  private readonly caller: Caller;
  private readonly impatient: Caller;

  private constructor(
    private readonly opened: Opened,
    readonly world: World,
    private readonly listening: { readonly receiver: WebhookReceiver; readonly mails: Mails },
    private readonly options: RigOptions,
  ) {
    const { history, violations, chance } = options;
    this.rates = new Rates(chance.of('rates'));
    const ways = chance.of('ways');
    const origin = (): string => ways.oneOf(world.places).origin;
    const deps = { origin, key: KEY, history, violations };
    this.caller = new Caller({ ...deps, pauseMs: PAUSE_MS });
    this.impatient = new Caller({ ...deps, pauseMs: 0 });
  }

  static async open(options: RigOptions): Promise<Rig> {
    const opened = new Opened();
    return opened.orClose(async () => {
      const { folder, chance, violations, runs = [{}, {}] } = options;
      const receiver = await WebhookReceiver.listen(chance.of('receiver'), violations);
      opened.push(() => {
        receiver.close();
      });
      const mails = await Mails.open();
      opened.push(() => mails.close());
      const env = {
        ...options.env,
        SMTP_URL: mails.url,
        WEBHOOK_ALLOW_LOOPBACK: 'true',
        WEBHOOK_SECRET_KEY: Buffer.alloc(32, 'faults').toString('base64'),
        NODE_OPTIONS: `--import ${new URL('../support/stepping-wall-clock.mjs', import.meta.url).href}`,
      };
      const hasOwnDisk = options.faults.some(({ name }) => name === FULL_DISK);
      const world = await World.open({ folder, runs, env, violations, hasOwnDisk, opened });
      const rig = new Rig(opened, world, { receiver, mails }, options);
      await rig.prepare();
      return rig;
    });
  }

  /** Load and faults for a while, and then the check. */
  async round(): Promise<void> {
    this.rounds += 1;
    const { violations, say } = this.options;
    const before = violations.found.length;
    const chance = this.options.chance.of(`round ${this.rounds}`);
    const name = `r${this.rounds}`;
    await this.planRates();
    await this.beginCrossings(chance, name);
    const stopping = new AbortController();
    const acting = this.subjects.flatMap((subject) => this.act(subject, name, stopping.signal));
    const [faults] = await Promise.all([
      this.makeFaults(chance.of('faults'), name),
      this.world.upgrade(),
    ]);
    stopping.abort();
    const mended = this.world.mend();
    // What an actor has begun it ends: it is certain of it then.
    await Promise.all(acting);
    const mendedMs = Math.round(await mended);
    const unsettled = this.subjects.reduce((sum, { books }) => sum + books.unsettled.length, 0);
    for (const { books } of this.subjects) await books.settle();
    await this.check();
    const { OK, REFUSED, UNKNOWN } = this.caller.counted;
    say(
      `round ${this.rounds}: ${faults.join(', ')}; ready after ${mendedMs} ms; so far ${OK} ok, ${REFUSED} refused, ${UNKNOWN} unknown; ${unsettled} settled; ${violations.found.length - before} violations`,
    );
  }

  /** Compares everything with the books. */
  async check(deliveredWithinMs = this.options.deliveredWithinMs): Promise<void> {
    const { caller, crossings, subscribers, listening } = this;
    await check({
      ...{ caller, crossings, subscribers, ...listening },
      databaseUrl: this.world.databaseUrl,
      backs: this.world.places.map(({ back }) => back),
      books: this.subjects.map(({ books }) => books),
      violations: this.options.violations,
      ...(deliveredWithinMs === undefined ? {} : { deliveredWithinMs }),
    });
  }

  /** Ends all that it opened. */
  close(): Promise<void> {
    return this.opened.close();
  }

  // ---- what is there before the first fault

  private async prepare(): Promise<void> {
    const creditsPerHour = formatMicro(FIRST_MICRO_PER_HOUR);
    const shape = { kind: 'GPU', model: 'M', vcpus: 1, gpus: 1, memoryGb: 1 } as const;
    await this.caller.ask(CreateHardwareProfileDocument, {
      input: { name: HARDWARE, creditsPerHour, ...shape },
    });
    const events: readonly Actor[] = [
      recordEvents,
      recordEvents,
      voidEvents,
      moveCredits,
      readBalance,
    ];
    const hosting: readonly Actor[] = HOSTED.map((externalId) => host(externalId));
    await this.addSubject('busy', null, [...events, recordEvents, ...hosting]);
    await this.addSubject('second', null, [...events, ...hosting]);
    await this.addSubject('watched', null, [recordEvents, crossLimit, moveCredits]);
    const clock = { ms: Date.parse('2026-02-26T00:00:00Z') };
    await this.addSubject('test', clock, [recordEvents, voidEvents, moveCredits, moveClock(clock)]);
    // The rate must be in force before hosting begins.
    await delay(1_500);
  }

  /** Who many clients at once send to. */
  private get crowded(): Subject {
    const subject = this.subjects.find(({ books }) => books.name === 'second');
    if (subject === undefined) throw new Error('nothing is prepared');
    return subject;
  }

  private async addSubject(
    name: string,
    clock: { ms: number } | null,
    actors: readonly Actor[],
  ): Promise<void> {
    const accountId = await this.createAccount(name, clock, { lowMicro: 0n, negativeMicro: 0n });
    const books = new Books(accountId, name, clock, this.rates);
    const amount = formatMicro(FUNDED_MICRO);
    const input = { accountId, amount, priority: FUNDED_PRIORITY, idempotencyKey: 'funds' };
    await this.caller.ask(AllocateDocument, { input });
    books.amounts.set('funds', { amountMicro: FUNDED_MICRO, booked: 'YES' });
    const externalIds = [METERED, ...HOSTED];
    const ids = await this.register(accountId, externalIds);
    const resourceIds = new Map(
      externalIds.map((externalId, index) => [externalId, ids[index] ?? '']),
    );
    this.subjects.push({ books, actors, resourceIds });
    this.subscribe(books);
  }

  private async createAccount(
    name: string,
    clock: { readonly ms: number } | null,
    { lowMicro, negativeMicro }: Pick<CrossingAccount, 'lowMicro' | 'negativeMicro'>,
  ): Promise<string> {
    const data = await this.caller.ask(CreateAccountDocument, {
      input: {
        ...{ name, externalId: name, usageThresholds: [], hoursToStop: [] },
        ...sinceDays(clock?.ms ?? realClock.nowMs()),
        ...{ lowCredit: formatMicro(lowMicro), negativeLimit: formatMicro(negativeMicro) },
        notificationEmails: [`${name}@example.com`],
        ...(clock === null ? {} : { testClock: iso(clock.ms) }),
      },
    });
    const accountId = data.createAccount.id;
    await this.caller.ask(CreateWebhookEndpointDocument, {
      input: {
        accountId,
        url: this.listening.receiver.url,
        events: ['ALERT_RAISED', 'DEPLOYMENT_CHANGED'],
      },
    });
    return accountId;
  }

  private async register(
    accountId: string,
    externalIds: readonly string[],
  ): Promise<readonly string[]> {
    const data = await this.caller.ask(RegisterResourcesDocument, {
      accountId,
      resources: externalIds.map((externalId) => ({
        ...{ kind: 'GUARDRAIL' as const, externalId, name: externalId },
      })),
    });
    return data.registerResources;
  }

  private subscribe(of: Books | Crossing): void {
    const { violations } = this.options;
    for (const { index, origin } of this.world.places) {
      const connection = { origin, key: KEY, accountId: of.accountId };
      const by = new Subscriber(`subscriber ${index}`, connection, violations);
      this.opened.push(() => {
        by.stop();
      });
      this.subscribers.push({ of, by });
    }
  }

  // ---- a round

  private async planRates(): Promise<void> {
    for (const { fromMs, microPerHour } of this.rates.plan(realClock.nowMs())) {
      const creditsPerHour = formatMicro(microPerHour);
      await this.caller.ask(SetHardwareRateDocument, {
        input: { hardware: HARDWARE, creditsPerHour, effectiveFrom: iso(fromMs) },
      });
    }
  }

  private async beginCrossings(chance: Chance, round: string): Promise<void> {
    const withinMs = Math.min(this.options.roundMs, CROSSED_WITHIN_MS);
    for (const index of [0, 1]) {
      const name = `${round}-crossing-${index}`;
      const levels = levelsOf(chance);
      const accountId = await this.createAccount(name, null, levels);
      const [resourceId = ''] = await this.register(accountId, [HOSTED[0]]);
      const account = { accountId, name, resourceId, rates: this.rates, ...levels };
      const crossing = await beginCrossing(this.caller, chance, account, withinMs);
      this.crossings.push(crossing);
      this.subscribe(crossing);
    }
  }

  private act(subject: Subject, round: string, stopping: AbortSignal): readonly Promise<void>[] {
    return subject.actors.map(async (actor, index) => {
      const next = actor(this.acting(subject, `${round}-${index}`));
      while (!stopping.aborted) await next();
    });
  }

  private acting({ books, resourceIds }: Subject, round: string): Acting {
    const { chance, violations } = this.options;
    return {
      ...{ books, resourceIds, violations, round, caller: this.caller },
      chance: chance.of(`${round} ${books.name}`),
      nowMs: () => books.clock?.ms ?? realClock.nowMs(),
    };
  }

  private async makeFaults(chance: Chance, round: string): Promise<readonly string[]> {
    const { world } = this;
    const { faults, violations, roundMs, pauseMostMs = PAUSE_MOST_MS } = this.options;
    const made: string[] = [];
    const make = async (fault: Fault, of: Chance, isAlone: boolean): Promise<void> => {
      made.push(fault.name);
      this.happened.set(fault.name, (this.happened.get(fault.name) ?? 0) + 1);
      const crowd = this.acting(this.crowded, `${round}-crowd-${made.length}`);
      const acting = { ...crowd, caller: this.impatient };
      await fault.happen({ world, acting, chance: of, isAlone }).catch((error: unknown) => {
        violations.add('a fault can be made', `${fault.name}: ${String(error)}`);
      });
    };
    if (faults.length === 0) await delay(roundMs);
    const endMs = performance.now() + (faults.length === 0 ? 0 : roundMs);
    while (performance.now() < endMs) {
      await delay(chance.whole(PAUSE_LEAST_MS, Math.max(PAUSE_LEAST_MS, pauseMostMs)));
      const pair = chance.happens(PAIRED) ? 2 : 1;
      await Promise.all(
        Array.from({ length: pair }, () =>
          make(chance.oneOf(faults), chance.of(String(chance.whole(0, 1_000_000))), pair === 1),
        ),
      );
    }
    return made;
  }
}

/** An account whose credits count events of some days before `nowMs`, and whose cycle does not end in the next weeks. */
function sinceDays(nowMs: number): { createdAt: string; creditsFrom: string; cycleDay: number } {
  const createdAt = iso(nowMs - OLD_DAYS * 86_400_000);
  const cycleDay = Math.min(28, new Date(createdAt).getUTCDate());
  return { createdAt, creditsFrom: createdAt, cycleDay };
}
