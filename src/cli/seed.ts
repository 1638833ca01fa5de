// The demo account is lived: services of its own work under a clock that is moved from 13 months ago to now, so all that
// it shows came about as it would have for a real account.
//
// Its key is made last and says that the history is complete. A seed that was interrupted is lived again from the start,
// after the same plan (which follows from the day of the account's creation): what happened already is a duplicate,
// holds already, or is refused because the resource has moved on since, and changes nothing. So no call of its life waits
// for the disk; making the key does, and with it all that came before.

import { KeyService } from '../access/key.service.ts';
import { createApp, type App } from '../app.ts';
import { ManualClock, type Clock } from '../core/clock.ts';
import { ConflictError, invariant, NotFoundError } from '../core/errors.ts';
import { encodeId, type Actor } from '../core/identity.ts';
import type { Account } from '../account/account.ts';
import type { Database } from '../db/database.ts';
import type { RegisterRequest } from '../resources/registration.ts';
import { refKey, type ResourceRef } from '../resources/resource.ts';
import { DemoDays } from './seed/days.ts';
import { DEMO_EXTERNAL_ID, type Deed, demoAccount, planDemo } from './seed/plan.ts';

const OPERATOR: Actor = { keyId: 0, accountId: null, scopes: new Set(['OPERATOR']) };
/** Longer than the history: nothing in it is too old when it is lived again. */
const WINDOW_DAYS = 3_660;

export interface SeedOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Told why the account could not be completed; default: a sentence on stderr. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Makes the demo account, or completes one that was begun; on a database that has it complete (or an account of the same
 * externalId that is not the demo) it does nothing.
 * @returns the secret of the account's key when it was made now, else null
 */
export async function seedDemo({
  database,
  clock,
  onError = tellOnStderr,
}: SeedOptions): Promise<{ readonly key: string } | null> {
  try {
    return await new DemoLife(database, clock.nowMs()).live();
  } catch (error) {
    // The gateway is of use without its demo, and the next start tries again.
    onError(error);
    return null;
  }
}

class DemoLife {
  private readonly clock: ManualClock;
  private readonly app: App;
  private readonly ids = new Map<string, string>();

  constructor(
    private readonly database: Database,
    private readonly nowMs: number,
  ) {
    this.clock = new ManualClock(nowMs);
    this.app = createApp({
      database: database.withoutWaitingForDisk(),
      clock: this.clock,
      ingestWindowDays: WINDOW_DAYS,
      ingestAheadSeconds: 0,
      onError: (error) => {
        throw error;
      },
    });
  }

  async live(): Promise<{ readonly key: string } | null> {
    const earlier = await this.find();
    const days =
      earlier === null
        ? DemoDays.ofFirstStart(this.nowMs)
        : DemoDays.ofCreation(earlier.createdAtMs);
    if (earlier !== null && !(await this.isUnfinished(earlier, days))) return null;
    this.clock.moveTo(days.createdAtMs);
    const account = await this.app.creditAccounts.create(OPERATOR, demoAccount(days));
    const accountId = encodeId('Account', account.accountId, account.accountId);
    for (const deed of planDemo(days, Math.min(this.nowMs, days.endMs))) {
      this.clock.moveTo(deed.atMs);
      const done = this.perform(accountId, deed);
      await (earlier === null ? done : done.catch(passOver));
    }
    this.clock.moveTo(this.nowMs);
    const keys = new KeyService(this.database, this.clock, this.app.accounts);
    const { secret } = await keys.create(OPERATOR, {
      accountId,
      name: 'Demo',
      scopes: ['READ_USAGE', 'INGEST', 'MANAGE'],
    });
    return { key: secret };
  }

  private async find(): Promise<Account | null> {
    return this.database.inSnapshot(async (tx) => {
      try {
        return await this.app.accounts.find(OPERATOR, tx, { externalId: DEMO_EXTERNAL_ID });
      } catch (error) {
        if (error instanceof NotFoundError) return null;
        throw error;
      }
    });
  }

  private async isUnfinished(account: Account, days: DemoDays): Promise<boolean> {
    const isOurs = account.createdAtMs === days.createdAtMs && account.cycleDay === days.cycleDay;
    const accountId = encodeId('Account', account.accountId, account.accountId);
    const keys = await this.database.inSnapshot((tx) =>
      this.app.keys.list(OPERATOR, tx, { accountId }),
    );
    return isOurs && keys.length === 0;
  }

  private async perform(accountId: string, deed: Deed): Promise<unknown> {
    const { app } = this;
    switch (deed.deed) {
      case 'PROFILE':
        return app.catalogue.createProfile(OPERATOR, deed.request);
      case 'RATE':
        return app.rates.setRate(OPERATOR, deed.request);
      case 'ALLOCATE':
        return app.credits.allocate(OPERATOR, { ...deed.request, accountId });
      case 'VOID_ALLOCATION':
        return this.voidAllocation(accountId, deed);
      case 'REGISTER':
        return this.register(accountId, deed.request);
      case 'TURN':
        return this.turn(deed);
      case 'WORKFLOW':
        return this.workflow(deed);
      case 'RECORD':
        return this.record(accountId, deed);
      case 'VOID':
        return app.events.voidUsage(OPERATOR, { ...deed, accountId });
    }
  }

  // Each call names its instant: lived again, one that the resource has passed is refused instead of moved to now.
  private async turn({ resource, turn, atMs }: Extract<Deed, { deed: 'TURN' }>): Promise<unknown> {
    const { deployments } = this.app;
    const target = { id: this.idOf(resource), at: atMs };
    switch (turn.call) {
      case 'DEPLOY':
        return deployments.deploy(OPERATOR, {
          ...turn,
          ...target,
          endpointUrl: endpointOf(resource),
        });
      case 'REQUEST':
        return deployments.deploy(OPERATOR, {
          ...turn,
          ...target,
          endpointUrl: endpointOf(resource),
          ready: false,
        });
      case 'READY':
        return deployments.ready(OPERATOR, target);
      case 'SCALE':
        return deployments.scale(OPERATOR, { ...turn, ...target });
      case 'UNDEPLOY':
        return deployments.undeploy(OPERATOR, target);
      case 'DELETE':
        return deployments.delete(OPERATOR, target);
      case 'FAIL':
        return deployments.fail(OPERATOR, { ...target, message: turn.message });
    }
  }

  private async workflow(deed: Extract<Deed, { deed: 'WORKFLOW' }>): Promise<unknown> {
    const { deployments } = this.app;
    const target = { id: this.idOf(deed.resource), at: deed.atMs };
    return deed.isDeployed
      ? deployments.deployWorkflow(OPERATOR, target)
      : deployments.undeployWorkflow(OPERATOR, target);
  }

  private async register(accountId: string, request: RegisterRequest): Promise<void> {
    const [id] = await this.app.resources.registerAll(OPERATOR, accountId, [request]);
    invariant(id !== undefined, 'an id for what was registered');
    this.ids.set(refKey(request), id);
  }

  private async voidAllocation(
    accountId: string,
    { request, reason }: Extract<Deed, { deed: 'VOID_ALLOCATION' }>,
  ): Promise<void> {
    // Asked for again, it is the allocation that was made.
    const made = await this.app.credits.allocate(OPERATOR, { ...request, accountId });
    const id = encodeId('CreditAllocation', made.accountId, made.allocationId);
    await this.app.credits.void(OPERATOR, { id, reason });
  }

  private async record(
    accountId: string,
    { reports }: Extract<Deed, { deed: 'RECORD' }>,
  ): Promise<void> {
    const result = await this.app.ingest.record(OPERATOR, { accountId, path: ['events'] }, reports);
    const [refused] = result.results.filter(({ outcome }) => outcome !== 'DUPLICATE');
    invariant(refused === undefined, 'the demo records what can be', { refused });
  }

  private idOf(resource: ResourceRef): string {
    const id = this.ids.get(refKey(resource));
    if (id !== undefined) return id;
    // Registering it was passed over, because it had been deleted: so its whole life is over.
    throw new ConflictError(`${refKey(resource)} is not registered.`);
  }
}

/** What an interrupted seed did already is refused when it is not the last thing that happened to the resource. */
function passOver(error: unknown): void {
  if (!(error instanceof ConflictError)) throw error;
}

function tellOnStderr(error: unknown): void {
  process.stderr.write(`The demo account could not be completed: ${String(error)}\n`);
}

function endpointOf({ externalId }: ResourceRef): string {
  return `https://${externalId}.nordlicht-versand.example/v1`;
}
