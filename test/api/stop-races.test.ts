// Undeploys that race with the stop at the negative limit, with usage and with one another, over two gateways: each is judged
// where its turn came, and what it was answered is what was charged.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  dataOf,
  deploy,
  NO_THRESHOLDS,
} from '../support/account.ts';
import { asOwner, startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import {
  type RegisterAnyInput,
  RegisterResourcesDocument,
} from '@billing-gateway/client/operations';
import { sql } from '../../src/db/sql.ts';

const DEPLOYMENTS = 50;
const BEGAN_MS = Date.parse(TEST_NOW);
const STOPPED_MESSAGE =
  "You've used all your available credits. Please add more credits to your account to continue.";

let gateway: TestGateway;
let other: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  other = await startTestGateway({ beside: gateway });
  // Ten micro-credits a millisecond: no figure is rounded.
  await createHardware(gateway, 'h', '36');
});

afterAll(async () => {
  await other.close();
  await gateway.close();
});

// A call that waits too long in the crowd is refused undone, and sent again, as its error says.
async function insist<T>(
  by: TestGateway,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<T> {
  const answer = await by.query<T>(query, variables);
  const isUndone = answer.errors?.[0]?.extensions.code === 'UNAVAILABLE';
  return isUndone ? insist(by, query, variables) : dataOf(answer);
}

/** An account with 100 credits and 50 deployments that began together; its limit is at -5. */
async function anAccount(name: string): Promise<{ id: string; deployments: readonly string[] }> {
  gateway.clock.moveTo(BEGAN_MS);
  const id = await createAccount(gateway, { name, negativeLimit: '-5', ...NO_THRESHOLDS });
  await allocate(gateway, id, '100');
  const { registerResources: deployments } = await ask(gateway, RegisterResourcesDocument, {
    accountId: id,
    resources: Array.from({ length: DEPLOYMENTS }, (_, index): RegisterAnyInput => ({
      kind: 'GUARDRAIL',
      externalId: `g-${index}`,
      name: `G ${index}`,
    })),
  });
  for (const one of deployments) await deploy(gateway, one, 'h');
  return { id, deployments };
}

interface Undeployed {
  readonly id: string;
  readonly status: string;
  readonly failureMessage: string | null;
}

/** Through one gateway and the other in turn. */
async function undeploy(id: string, index: number, atMs?: number): Promise<Undeployed> {
  const { undeploy: answer } = await insist<{ undeploy: Undeployed }>(
    index % 2 === 0 ? gateway : other,
    `mutation ($id: ID!, $at: DateTime) { undeploy(id: $id, at: $at) {
      id status ... on HostedResource { failureMessage } } }`,
    { id, at: atMs === undefined ? null : new Date(atMs).toISOString() },
  );
  return answer;
}

async function recordUsage(accountId: string, credits: string): Promise<void> {
  await insist(
    other,
    `mutation ($id: ID!, $event: UsageEventInput!) { recordUsage(accountId: $id, events: [$event]) { accepted } }`,
    {
      id: accountId,
      event: {
        source: 's',
        eventId: credits,
        type: 'PROCESSING',
        resourceKind: 'GUARDRAIL',
        resourceExternalId: 'g-0',
        occurredAt: new Date(gateway.clock.nowMs()).toISOString(),
        credits,
      },
    },
  );
}

interface Entry {
  readonly kind: string;
  readonly amount: string;
  readonly charges: {
    readonly nodes: readonly {
      readonly credits: string;
      readonly event: { readonly id: string } | null;
      readonly resource: { readonly id: string };
    }[];
  };
}

interface Shown {
  readonly credits: { readonly remaining: string; readonly burnRatePerHour: string };
  readonly alerts: {
    readonly nodes: readonly {
      readonly kind: string;
      readonly crossedAt: string;
      readonly stopped: readonly { readonly id: string }[];
    }[];
  };
  readonly ledger: { readonly nodes: readonly Entry[] };
}

async function show(id: string): Promise<Shown> {
  const { account } = await ask<{ account: Shown }>(
    gateway,
    `query ($id: ID) { account(id: $id) { credits { remaining burnRatePerHour }
      alerts(first: 100) { nodes { kind crossedAt stopped { id } } }
      ledger(first: 200) { nodes { kind amount charges(first: 100) { nodes { credits event { id } resource { id } } } } } } }`,
    { id },
  );
  return account;
}

const micro = (credits: string): bigint => BigInt(Math.round(Number(credits) * 1_000_000));
const ids = (list: readonly { readonly id: string }[]): string[] => list.map(({ id }) => id).sort();

/** How long each deployment of an account ran, ms, and what the ledger has charged for it: by its external id. */
async function hostingOf(
  name: string,
): Promise<readonly { deployment: string; ranMs: number; chargedMicro: number }[]> {
  const rows = await asOwner(
    gateway.databaseUrl,
    sql`select r.external_id as deployment, (extract(epoch from s.to_at - s.from_at) * 1000)::float8 as ran_ms,
       (select sum(c.charged_micro)::float8 from ledger_charge c
        where c.account_id = s.account_id and c.segment_id = s.segment_id) as charged_micro
     from hosting_segment s join resource r using (account_id, resource_id) join account a using (account_id)
     where a.name = ${name} and s.voided_at is null order by r.resource_id`,
  );
  return rows.map((row) => ({
    deployment: String(row['deployment']),
    ranMs: Number(row['ran_ms']),
    chargedMicro: Number(row['charged_micro']),
  }));
}

describe('50 undeploys at once', () => {
  it('come before or after the stop that usage brings about, and are answered and charged accordingly', async () => {
    const { id, deployments } = await anAccount('usage');
    gateway.clock.moveBy(10_000);

    const send = (one: string, index: number): Promise<Undeployed> => undeploy(one, index);
    // One comes before the stop and one after it, however the race ends.
    const before = await send(deployments[0] ?? '', 0);
    const first = deployments.slice(1, DEPLOYMENTS / 2).map(send);
    // 120 of 100 credits: whatever runs by then is stopped.
    const usage = recordUsage(id, '120');
    const last = deployments.slice(DEPLOYMENTS / 2, -1).map(send);
    const again = deployments.slice(0, 5).map(send);
    await usage;
    const after = await send(deployments.at(-1) ?? '', DEPLOYMENTS - 1);
    const answered = [before, ...(await Promise.all([...first, ...last])), after];
    const answeredAgain = await Promise.all(again);
    const { alerts, credits, ledger } = await show(id);

    const undeployed = answered.filter(({ failureMessage }) => failureMessage === null);
    const stopped = answered.filter(({ failureMessage }) => failureMessage === STOPPED_MESSAGE);
    const all = [...answered, ...answeredAgain];
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set(['UNDEPLOYED']));
    expect(undeployed.length).toBeGreaterThan(0);
    expect(stopped.length).toBeGreaterThan(0);
    expect(ids([...undeployed, ...stopped])).toEqual([...deployments].sort());
    const stop = alerts.nodes.find(({ kind }) => kind === 'NEGATIVE_LIMIT_REACHED');
    expect(ids(stop?.stopped ?? [])).toEqual(ids(stopped));
    // In the order of the ledger: each undeploy charges its own deployment, then comes the usage, then all the rest at once.
    const charged = ledger.nodes.slice(1).map(({ charges }) => charges.nodes);
    const usageAt = charged.findIndex(([first]) => first?.event != null);
    expect(usageAt).toBe(undeployed.length);
    expect(charged.slice(0, usageAt).map((nodes) => nodes.length)).toEqual(undeployed.map(() => 1));
    expect(ids(charged.slice(0, usageAt).flatMap((nodes) => nodes.map((n) => n.resource)))).toEqual(
      ids(undeployed),
    );
    expect(charged.slice(usageAt + 1).map((nodes) => ids(nodes.map((n) => n.resource)))).toEqual([
      ids(stopped),
    ]);
    // 10 s at 10 micro-credits a millisecond are 0.1 each, so 100 - 120 - 50 x 0.1 is left.
    const hosting = await hostingOf('usage');
    expect(hosting.map(({ ranMs, chargedMicro }) => [ranMs, chargedMicro])).toEqual(
      deployments.map(() => [10_000, 100_000]),
    );
    expect(credits).toEqual({ remaining: '-25', burnRatePerHour: '0' });
  });

  it('end what they say ended before the stop, and nothing that it stopped is charged past it', async () => {
    const { id, deployments } = await anAccount('time');
    // 50 deployments cost 500 micro-credits a millisecond: 105 credits last for 210 s.
    const stopMs = BEGAN_MS + 210_000;
    gateway.clock.moveTo(stopMs + 60_000);

    // Every second one says an instant before the stop, each 100 ms earlier than the last; the others one after it.
    const atOf = (index: number): number =>
      index % 2 === 0 ? stopMs - 100 * (index + 1) : stopMs + 100 * index;
    const [answers] = await Promise.all([
      Promise.all(deployments.map((one, index) => undeploy(one, index, atOf(index)))),
      gateway.app.due.settleDue(),
      other.app.due.settleDue(),
      recordUsage(id, '1'),
      // Sent again: the same answer, and nothing more is charged or given back.
      ...deployments.map((one, index) => undeploy(one, index + 1, atOf(index))),
    ]);
    const { alerts, credits, ledger } = await show(id);

    expect(answers.map(({ status, failureMessage }) => [status, failureMessage])).toEqual(
      deployments.map((_, index) => ['UNDEPLOYED', index % 2 === 0 ? null : STOPPED_MESSAGE]),
    );
    // What is given back may lift the balance over the limit until the usage is booked: that stops nothing more.
    const stops = alerts.nodes.filter(({ stopped }) => stopped.length > 0);
    expect(stops.map((stop) => [stop.kind, stop.crossedAt, ids(stop.stopped)])).toEqual([
      ['NEGATIVE_LIMIT_REACHED', new Date(stopMs).toISOString(), [...deployments].sort()],
    ]);
    const hosting = await hostingOf('time');
    expect(hosting).toEqual(
      deployments.map((_, index) => {
        const ranMs = Math.min(atOf(index), stopMs) - BEGAN_MS;
        return { deployment: `g-${index}`, ranMs, chargedMicro: ranMs * 10 };
      }),
    );
    // -5 at the stop, less the 1 that was used; 25 undeploys give back 100, 300, 500 … 4,900 ms: 62,500 ms at 0.00001.
    expect(credits).toEqual({ remaining: '-5.375', burnRatePerHour: '0' });
    expect(ledger.nodes.filter(({ kind }) => kind === 'REVERSAL')).toHaveLength(25);
    expect(ledger.nodes.reduce((sum, { amount }) => sum + micro(amount), 0n)).toBe(-5_375_000n);
  });
});
