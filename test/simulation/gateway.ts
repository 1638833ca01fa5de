// A gateway of the simulation: the services and loops of the real one, on the simulated database, clock and network.

import { AccountService } from '../../src/account/account.service.ts';
import { AlertService } from '../../src/alerts/alerts.service.ts';
import { LiveService } from '../../src/alerts/live.service.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { GatewayError } from '../../src/core/errors.ts';
import { databaseTrouble } from '../../src/db/trouble.ts';
import { AllocationsService } from '../../src/credits/allocations.service.ts';
import { CreditAccountService } from '../../src/credits/credit-account.service.ts';
import { Database } from '../../src/db/database.ts';
import { startJobs } from '../../src/db/job-runner.ts';
import { keepTime } from '../../src/db/keep-time.ts';
import { DeploymentService } from '../../src/deployments/deployments.service.ts';
import { DeliveryService } from '../../src/notifications/delivery.service.ts';
import { EmailService } from '../../src/notifications/emails.service.ts';
import { emailTasks } from '../../src/notifications/emails.tasks.ts';
import type { Mailer } from '../../src/notifications/mailer.client.ts';
import { WebhookDeliveryService } from '../../src/partners/delivery.service.ts';
import { WebhookOutbox } from '../../src/partners/outbox.service.ts';
import type { SecretBox } from '../../src/partners/secret-box.service.ts';
import type { Sender } from '../../src/partners/sender.client.ts';
import { sendWebhooksTask } from '../../src/partners/webhooks.tasks.ts';
import { EventsService } from '../../src/recording/events.service.ts';
import { IngestService } from '../../src/recording/ingest.service.ts';
import { DueLoop } from '../../src/settlement/due.loop.ts';
import { SettlementService } from '../../src/settlement/settlement.service.ts';
import type { Chance } from '../faults/chance.ts';
import type { Violations } from '../faults/violations.ts';
import { poolOf } from './connection.ts';
import { network } from './network.ts';
import { Process, pause, timeline } from './time.ts';

const POOL_SIZE = 4;
const JOBS_AT_ONCE = 8;
const RETRY_MS = 1_000;
const CALL_WITHIN_MS = 30_000;
const DRIFT_MAX = 200;
const STACKS_MAX = 3;

/** What a client can call. */
export interface Services {
  readonly accounts: CreditAccountService;
  readonly credits: AllocationsService;
  readonly deployments: DeploymentService;
  readonly events: EventsService;
  readonly ingest: IngestService;
  readonly live: LiveService;
}

/** How a call ended. */
export type Outcome<T> =
  | { readonly is: 'OK'; readonly value: T }
  | { readonly is: 'REFUSED'; readonly code: string }
  | { readonly is: 'UNKNOWN' };

interface GatewayOptions {
  readonly chance: Chance;
  readonly violations: Violations;
  readonly sender: Pick<Sender, 'send'>;
  readonly mailer: Mailer;
}

const box: Pick<SecretBox, 'open'> = {
  open: () => `whsec_${Buffer.alloc(32).toString('base64')}`,
};

export class Gateway {
  process: Process;
  private services: Services | null = null;
  /** Told when it dies. */
  private readonly open = new Set<() => void>();
  private starts = 0;
  private faults = 0;

  constructor(
    readonly name: string,
    private readonly options: GatewayOptions,
  ) {
    this.process = this.start();
  }

  kill(): void {
    this.process.isDead = true;
    this.services = null;
    for (const connection of network().of(this.process)) connection.cut();
    for (const tell of this.open) tell();
    this.open.clear();
  }

  start(): Process {
    const { chance } = this.options;
    this.starts += 1;
    const drift = chance.whole(-DRIFT_MAX, DRIFT_MAX) / 1_000_000;
    this.process = new Process(`${this.name}.${this.starts}`, drift);
    this.process.wallAheadMs = chance.whole(-3_600_000, 3_600_000);
    timeline().after(this.process, 1, () => void this.boot());
    return this.process;
  }

  /** Calls it over the network. */
  async call<T>(work: (services: Services) => Promise<T>): Promise<Outcome<T>> {
    return new Promise((resolve) => {
      const caller = timeline().current;
      const answer = (outcome: Outcome<T>): void => {
        tooLate.isCancelled = true;
        this.open.delete(isLost);
        timeline().after(caller, network().delayMs(), () => {
          resolve(outcome);
        });
      };
      const isLost = (): void => {
        answer({ is: 'UNKNOWN' });
      };
      this.open.add(isLost);
      const tooLate = timeline().after(caller, CALL_WITHIN_MS, isLost);
      timeline().after(this.process, network().delayMs(), () => {
        const { services } = this;
        if (services === null) isLost();
        else {
          work(services).then(
            (value) => {
              answer({ is: 'OK', value });
            },
            (error: unknown) => {
              answer(this.outcomeOf(error));
            },
          );
        }
      });
      if (this.process.isDead) isLost();
    });
  }

  /** Hears what is live, until the connection ends. @returns a function that ends it */
  hear<T>(
    subscribe: (live: LiveService, onSlow: () => void) => Promise<AsyncGenerator<T>>,
    heard: { readonly onEach: (one: T) => void; readonly onEnd: () => void },
  ): () => void {
    const listener = timeline().current;
    let isOpen = true;
    let stream: AsyncGenerator<T> | null = null;
    let lastMs = 0;
    // As over TCP: nothing overtakes what was sent before.
    const tell = (act: () => void): void => {
      lastMs = Math.max(lastMs, timeline().nowMs + network().delayMs());
      timeline().after(listener, lastMs - timeline().nowMs, () => {
        if (isOpen) act();
      });
    };
    const onEnd = (): void => {
      this.open.delete(onEnd);
      tell(() => {
        isOpen = false;
        heard.onEnd();
      });
    };
    const listen = async (): Promise<void> => {
      if (this.services === null) return;
      stream = await subscribe(this.services.live, onEnd);
      for await (const one of stream) {
        tell(() => {
          heard.onEach(one);
        });
      }
    };
    this.open.add(onEnd);
    timeline().after(this.process, network().delayMs(), () => {
      void listen()
        .catch((error: unknown) => this.outcomeOf(error))
        .finally(onEnd);
    });
    if (this.process.isDead) onEnd();
    return () => {
      isOpen = false;
      this.open.delete(onEnd);
      timeline().after(this.process, network().delayMs(), () => void stream?.return(undefined));
    };
  }

  private async boot(): Promise<void> {
    const { process } = this;
    const { violations, sender, mailer } = this.options;
    const onError = (error: unknown): void => {
      this.outcomeOf(error);
    };
    const pools = { accounts: poolOf(POOL_SIZE), operators: poolOf(POOL_SIZE), long: poolOf(1) };
    const access = { url: '', poolSize: POOL_SIZE, isDistributed: false };
    const database = new Database(pools, access);
    const clock = new SystemClock();
    await untilDone(() => keepTime(clock, database, () => undefined));
    const accounts = new AccountService(database, clock);
    const sent = { domain: 'simulation.example', isSending: true, usageUrl: null };
    const subscribers = [new AlertService(), new EmailService(accounts, sent), new WebhookOutbox()];
    const settlements = new SettlementService(accounts, subscribers);
    const deliveries = new WebhookDeliveryService({
      ...{ database, clock, accounts, onError },
      sender: sender as Sender,
      box: box as SecretBox,
      onDisabled: (_tx, _account, { endpointId }, reason) => {
        violations.add('no endpoint is given up', `endpoint ${endpointId}: ${reason}`);
        return Promise.resolve();
      },
    });
    const live = new LiveService(database, clock, onError);
    live.start();
    new DueLoop(database, clock, settlements, onError).start();
    const window = { windowDays: 400, aheadSeconds: 300, onRecorded: () => undefined };
    // What a mail server does wrong is no fault of the gateway.
    const emails = new DeliveryService(database, clock, { mailer, onError: () => undefined });
    const tasks = [sendWebhooksTask(deliveries), ...emailTasks(emails)];
    await untilDone(() => startJobs({ url: '', tasks, concurrency: JOBS_AT_ONCE, onError }));
    if (process.isDead) return;
    this.services = {
      accounts: new CreditAccountService(database, accounts, settlements),
      credits: new AllocationsService(accounts, settlements),
      deployments: new DeploymentService(settlements, { ingestWindowDays: 400 }),
      events: new EventsService(settlements),
      ingest: new IngestService(settlements, window),
      live,
    };
  }

  /** What a caller learns of an error. One that is no trouble of the database is a fault of the gateway. */
  private outcomeOf(error: unknown): Outcome<never> {
    if (error instanceof GatewayError) {
      return error.code === 'UNAVAILABLE' ? { is: 'UNKNOWN' } : { is: 'REFUSED', code: error.code };
    }
    if (databaseTrouble(error) === null) {
      this.faults += 1;
      // Where it comes from takes long to find in the sources, and a broken account breaks every call.
      const stack = error instanceof Error && this.faults <= STACKS_MAX ? error.stack : undefined;
      const said = `${this.name}: ${stack ?? String(error)}`;
      this.options.violations.add('no gateway meets a fault of its own', said);
    }
    return { is: 'UNKNOWN' };
  }
}

/** A gateway that cannot begin tries again, as one that is started again does. */
async function untilDone(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch {
      await pause(RETRY_MS);
    }
  }
}
