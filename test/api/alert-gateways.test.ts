// Two gateways on one database raise alerts in turn, and subscribers move between them at random; then one is killed. Each
// subscriber has each alert once and in order.

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from 'graphql-ws';
import { type Chance, chanceOf } from '../../src/cli/seed/random.ts';
import { type Api } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import {
  type Answer,
  OPERATOR_KEY,
  startTestGateway,
  type TestGateway,
} from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { alarm, type Alarm, liveClient, originOf, subscribe } from '../support/live.ts';
import { CreditAlertsDocument, type Operation } from '@billing-gateway/client/operations';

const ACCOUNTS = 3;
const SUBSCRIBERS = 12;
const ROUNDS = 40;
const CURSOR_OF_NONE = Buffer.from('[null,0]').toString('base64url');

let gateway: TestGateway;
let other: GatewayProcess;
let followers: readonly Follower[] = [];
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  stops.push(() => gateway.close());
  other = await startGatewayProcess(gateway.databaseUrl, OPERATOR_KEY);
  stops.push(() => other.kill());
});

// Also after a failure: who still follows would connect for ever, and keep the gateways from closing.
afterEach(async () => {
  await Promise.all(followers.map((follower) => follower.stop()));
});

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

/** Who follows an account, and goes to another gateway every few alerts. */
class Follower {
  readonly seen: number[] = [];
  moves = 0;
  private cursor = CURSOR_OF_NONE;
  private client: Client | null = null;
  private isStopped = false;

  constructor(
    readonly account: Alarm,
    private readonly chance: Chance,
    private readonly origins: readonly string[],
  ) {}

  connect(): void {
    if (this.isStopped) return;
    this.moves += 1;
    const origin = this.origins[this.chance.whole(0, this.origins.length - 1)] ?? '';
    const client = liveClient(origin, OPERATOR_KEY);
    this.client = client;
    const staysFor = this.chance.whole(1, 6);
    let took = 0;
    const stream = subscribe(client, CreditAlertsDocument, {
      accountId: this.account.accountId,
      after: this.cursor,
    });
    const goOn = (): void => {
      if (this.client !== client) return;
      this.client = null;
      void leave(client);
      setImmediate(() => {
        this.connect();
      });
    };
    // Replaces what collects events: each is noted before the next may come.
    stream.events.push = (...events) => {
      for (const { creditAlerts } of events) {
        if (this.client !== client) return 0;
        this.seen.push(creditAlerts.sequence);
        this.cursor = creditAlerts.cursor;
        took += 1;
        if (took === staysFor) goOn();
      }
      return 0;
    };
    client.on('closed', goOn);
    client.on('error', goOn);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    const { client } = this;
    this.client = null;
    if (client !== null) await leave(client);
  }
}

/** Closes a client. One that tries to reach a gateway that was killed says so, though it is left. */
async function leave(client: Client): Promise<void> {
  await Promise.resolve(client.dispose()).catch(() => undefined);
}

/** The gateway of the other process; ours when that one is killed meanwhile. */
const throughOther: Api = {
  query: async (document: Operation<unknown, unknown> | string, variables?: unknown) => {
    const operation = document as Operation<unknown, unknown>;
    const answer = await other
      .query(operation, variables)
      .catch(() => gateway.query(operation, variables));
    return answer as Answer<never>;
  },
};

describe('two gateways', () => {
  it('lose, double and disorder nothing, though one is killed', async () => {
    const accounts: Alarm[] = [];
    for (let index = 0; index < ACCOUNTS; index += 1) {
      accounts.push(await alarm(gateway, `followed ${index}`));
    }
    const origins = [originOf(gateway), other.origin];
    followers = Array.from({ length: SUBSCRIBERS }, (_, index) => {
      const account = accounts[index % ACCOUNTS];
      if (account === undefined) throw new Error('no account');
      return new Follower(account, chanceOf(`follower ${index}`), origins);
    });
    for (const follower of followers) follower.connect();
    for (let round = 0; round < ROUNDS; round += 1) {
      const by = round % 2 === 0 ? undefined : throughOther;
      const raising = accounts.map((account) => account.raise(by));
      if (round === ROUNDS / 2) await other.kill();
      await Promise.all(raising);
    }
    const isDone = ({ seen }: Follower): boolean => seen.at(-1) === ROUNDS;
    await until(() => followers.every(isDone), 'every follower has the last alert');

    const all = Array.from({ length: ROUNDS }, (_, index) => index + 1);
    expect(followers.map(({ seen }) => seen)).toEqual(followers.map(() => all));
    expect(Math.min(...followers.map(({ moves }) => moves))).toBeGreaterThan(3);
  });
});
