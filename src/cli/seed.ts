// The demo accounts are simulated: private instances of the services work under a clock that is moved from months ago to now. So
// everything that the accounts show was made as for a real account.
//
// An account's key is made last and shows that its history is complete. If a seed was interrupted, it is run again from the
// start, with the same story (which follows from when the account was created). What happened already is a duplicate,
// already holds, or is refused because the resource has moved on since, and changes nothing. So no step waits
// for the disk. Making the key does, and all earlier steps are on disk with it.

import { KeyService } from '../access/key.service.ts';
import { createApp, type App } from '../app.ts';
import { ManualClock, type Clock } from '../core/clock.ts';
import { ConflictError, invariant, NotFoundError } from '../core/errors.ts';
import { encodeId, type Actor } from '../core/identity.ts';
import type { Account } from '../account/account.ts';
import { PricesService } from '../credits/prices.service.ts';
import type { Database } from '../db/database.ts';
import { AccountService } from '../account/account.service.ts';
import { secretBox } from '../partners/secret-box.service.ts';
import { WebhookService } from '../partners/webhooks.service.ts';
import type { RegisterRequest } from '../resources/registration.ts';
import { refKey, type ResourceRef } from '../resources/resource.ts';
import { BURNING } from './seed/burning.ts';
import { PAGE } from './seed/page.ts';
import { DEMO } from './seed/plan.ts';
import type { DemoStep, DemoTale } from './seed/tale.ts';

const OPERATOR: Actor = {
  name: 'gateway',
  keyId: 0,
  accountId: null,
  scopes: new Set(['OPERATOR']),
};
/** The first one makes the catalogue. */
const DEMO_TALES: readonly DemoTale[] = [DEMO, BURNING, PAGE];
/** Longer than any history, so that nothing in it is too old when it is run again. */
const WINDOW_DAYS = 3_660;

export interface SeedOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** The key that seals the secrets of webhooks; null: no account has a webhook. */
  readonly webhookKeys: readonly Buffer[];
  /** Receives the reason why the accounts could not be completed; default: a sentence on stderr. */
  readonly onError?: (error: unknown) => void;
}

/** A demo account that this start made. */
export interface SeededAccount {
  readonly name: string;
  /** What it shows, in a few words. */
  readonly shows: string;
  readonly key: string;
}

/**
 * Makes the demo accounts, or completes them. It leaves an account alone that is complete, or that has the same
 * externalId but is not the demo's.
 * @returns the accounts that were made now, each with the secret of its key
 */
export async function seedDemo(options: SeedOptions): Promise<readonly SeededAccount[]> {
  const { onError = tellOnStderr } = options;
  const made: SeededAccount[] = [];
  const gateway = new DemoGateway(options);
  try {
    for (const tale of DEMO_TALES) {
      const account = await new DemoLife(gateway, tale).live();
      if (account !== null) made.push(account);
    }
  } catch (error) {
    // The gateway is useful without its demo, and the next start tries again.
    onError(error);
  }
  return made;
}

/** The demo account to show first, if it is the demo's own and complete. @returns its id, or null */
export async function findDemoAccount(options: SeedOptions): Promise<string | null> {
  return new DemoLife(new DemoGateway(options), DEMO).completeAccount();
}

/** The account of a story in progress. */
interface Life {
  readonly accountId: string;
  readonly domain: string;
}

type OperatorStep = Step<'PROFILE' | 'RATE' | 'PRICE' | 'ALLOCATE' | 'VOID_ALLOCATION'>;

function isForOperators(step: DemoStep): step is OperatorStep {
  return ['PROFILE', 'RATE', 'PRICE', 'ALLOCATE', 'VOID_ALLOCATION'].includes(step.kind);
}

type Step<K extends DemoStep['kind']> = DemoStep & { readonly kind: K };

/** The services that run the stories, and their clock. */
class DemoGateway {
  readonly database: Database;
  readonly nowMs: number;
  readonly clock: ManualClock;
  readonly accounts: AccountService;
  readonly keys: KeyService;
  readonly prices: PricesService;
  readonly webhooks: WebhookService | null;
  private made: App | null = null;

  constructor({ database, clock, webhookKeys }: SeedOptions) {
    this.database = database;
    this.nowMs = clock.nowMs();
    this.clock = new ManualClock(this.nowMs);
    this.accounts = new AccountService(database, this.clock);
    this.keys = new KeyService(database, this.clock, this.accounts);
    this.prices = new PricesService(this.accounts);
    const box = secretBox(webhookKeys);
    this.webhooks =
      box === null ? null : new WebhookService(this.accounts, { allowLoopback: false, box });
  }

  /** Made on first use: a start that finds all accounts complete does not need it. */
  get app(): App {
    this.made ??= createApp({
      database: this.database.withoutWaitingForDisk(),
      clock: this.clock,
      ingestWindowDays: WINDOW_DAYS,
      ingestAheadSeconds: 0,
      onError: (error) => {
        throw error;
      },
    });
    return this.made;
  }
}

class DemoLife {
  private readonly ids = new Map<string, string>();

  constructor(
    private readonly gateway: DemoGateway,
    private readonly tale: DemoTale,
  ) {}

  async live(): Promise<SeededAccount | null> {
    const { tale } = this;
    const { clock, nowMs, keys } = this.gateway;
    const earlier = await this.find();
    const firstStartMs = earlier === null ? nowMs : tale.firstStartOf(earlier.createdAtMs);
    const story = tale.storyOf(firstStartMs, nowMs);
    if (earlier !== null && (!this.isOurs(earlier) || (await this.hasKey(earlier)))) return null;
    const { app } = this.gateway;
    clock.moveTo(story.account.createdAt);
    const account = await app.creditAccounts.create(OPERATOR, story.account);
    const life = {
      accountId: idOf(account),
      domain: story.domain,
    };
    for (const step of story.steps()) {
      clock.moveTo(step.atMs);
      const done = this.perform(life, step);
      await (earlier === null ? done : done.catch(passOver));
    }
    clock.moveTo(nowMs);
    const { secret } = await keys.create(OPERATOR, {
      accountId: life.accountId,
      name: 'Demo',
      scopes: ['READ_USAGE', 'INGEST', 'MANAGE'],
    });
    return { name: account.name, shows: tale.shows, key: secret };
  }

  async completeAccount(): Promise<string | null> {
    const account = await this.find();
    if (account?.closedAtMs !== null || !this.isOurs(account)) return null;
    return (await this.hasKey(account)) ? idOf(account) : null;
  }

  private async find(): Promise<Account | null> {
    const { externalId } = this.tale;
    const { database, accounts } = this.gateway;
    return database.inSnapshot('operator', async (tx) => {
      try {
        return await accounts.find(OPERATOR, tx, { externalId });
      } catch (error) {
        if (error instanceof NotFoundError) return null;
        throw error;
      }
    });
  }

  private isOurs({ createdAtMs, cycleDay }: Account): boolean {
    const { tale, gateway } = this;
    const ours = tale.storyOf(tale.firstStartOf(createdAtMs), gateway.nowMs).account;
    return createdAtMs === ours.createdAt && cycleDay === ours.cycleDay;
  }

  private async hasKey(account: Account): Promise<boolean> {
    const { database, keys } = this.gateway;
    const made = await database.inSnapshot('operator', (tx) =>
      keys.list(OPERATOR, tx, { accountId: idOf(account) }),
    );
    return made.length > 0;
  }

  private async perform(life: Life, step: DemoStep): Promise<unknown> {
    const { accountId } = life;
    if (isForOperators(step)) return this.performForOperators(accountId, step);
    switch (step.kind) {
      case 'REGISTER':
        return this.register(accountId, step.requests);
      case 'TURN':
        return this.turn(life, step);
      case 'WORKFLOW':
        return this.workflow(step);
      case 'RECORD':
        return this.record(accountId, step);
      case 'VOID':
        return this.gateway.app.events.voidUsage(OPERATOR, { ...step, accountId });
      case 'WEBHOOK':
        return this.webhook(accountId, step);
    }
  }

  private async performForOperators(accountId: string, step: OperatorStep): Promise<unknown> {
    const { catalogue, rates, credits } = this.gateway.app;
    switch (step.kind) {
      case 'PROFILE':
        return catalogue.createProfile(OPERATOR, step.request);
      case 'RATE':
        return rates.setRate(OPERATOR, step.request);
      case 'PRICE':
        return this.gateway.prices.setPrice(OPERATOR, { ...step.request, accountId });
      case 'ALLOCATE':
        return credits.allocate(OPERATOR, { ...step.request, accountId });
      case 'VOID_ALLOCATION':
        return this.voidAllocation(accountId, step);
    }
  }

  // Each call gives its instant. In a second run, a call that the resource has passed is refused instead of moved to now.
  private async turn({ domain }: Life, { resource, turn, atMs }: Step<'TURN'>): Promise<unknown> {
    const { deployments } = this.gateway.app;
    const target = { id: this.idOf(resource), at: atMs };
    const endpointUrl = `https://${resource.externalId}.${domain}/v1`;
    switch (turn.call) {
      case 'DEPLOY':
        return deployments.deploy(OPERATOR, { ...turn, ...target, endpointUrl });
      case 'REQUEST':
        return deployments.deploy(OPERATOR, { ...turn, ...target, endpointUrl, ready: false });
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

  private async workflow({ resource, isDeployed, atMs }: Step<'WORKFLOW'>): Promise<unknown> {
    const { deployments } = this.gateway.app;
    const target = { id: this.idOf(resource), at: atMs };
    return isDeployed
      ? deployments.deployWorkflow(OPERATOR, target)
      : deployments.undeployWorkflow(OPERATOR, target);
  }

  private async register(accountId: string, requests: readonly RegisterRequest[]): Promise<void> {
    const ids = await this.gateway.app.resources.registerAll(OPERATOR, accountId, requests);
    for (const [index, request] of requests.entries()) {
      const id = ids[index];
      invariant(id !== undefined, 'an id for what was registered');
      this.ids.set(refKey(request), id);
    }
  }

  private async voidAllocation(
    accountId: string,
    { request, reason }: Step<'VOID_ALLOCATION'>,
  ): Promise<void> {
    // In a second run, this returns the allocation that was made in the first.
    const made = await this.gateway.app.credits.allocate(OPERATOR, { ...request, accountId });
    const id = encodeId('CreditAllocation', made.accountId, made.allocationId);
    await this.gateway.app.credits.void(OPERATOR, { id, reason });
  }

  private async record(accountId: string, { reports }: Step<'RECORD'>): Promise<void> {
    const result = await this.gateway.app.ingest.record(
      OPERATOR,
      { accountId, path: ['events'] },
      reports,
    );
    const [refused] = result.results.filter(({ outcome }) => outcome !== 'DUPLICATE');
    invariant(refused === undefined, 'the demo records what can be', { refused });
  }

  private async webhook(accountId: string, { url, events }: Step<'WEBHOOK'>): Promise<void> {
    const { database, webhooks } = this.gateway;
    if (webhooks === null) return;
    const made = await database.inSnapshot('operator', (tx) =>
      webhooks.list(OPERATOR, tx, { accountId }),
    );
    // In a second run, it exists already.
    if (made.length === 0) await webhooks.create(OPERATOR, { accountId, url, events });
  }

  private idOf(resource: ResourceRef): string {
    const id = this.ids.get(refKey(resource));
    if (id !== undefined) return id;
    // Its registration was skipped because it has been deleted, so its whole story is over.
    throw new ConflictError(`${refKey(resource)} is not registered.`);
  }
}

function idOf({ accountId }: Pick<Account, 'accountId'>): string {
  return encodeId('Account', accountId, accountId);
}

/** Ignores refusals of what an interrupted seed did already, when it is not the last thing that happened to the resource. */
function passOver(error: unknown): void {
  if (!(error instanceof ConflictError)) throw error;
}

function tellOnStderr(error: unknown): void {
  process.stderr.write(`The demo accounts could not be completed: ${String(error)}\n`);
}
