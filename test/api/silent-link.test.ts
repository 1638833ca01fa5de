// The link between a gateway and its database falls silent: connections stay open and never answer. Each test has a gateway
// and a link of its own, and waits most of its time, so they run side by side.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ask, createAccount, NO_THRESHOLDS, registerGuardrail } from '../support/account.ts';
import { OPERATOR_KEY, startTestGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { RecordUsageDocument } from '@billing-gateway/client/operations';
import { openSilentProxy, type SilentProxy } from '../support/silent-proxy.ts';

/** What is promised, and some for a busy machine. */
const WRITES_WITHIN_MS = 15_000;
const STOPS_WITHIN_MS = 10_000;
const BUSY_MS = 5_000;

interface Linked {
  readonly proxy: SilentProxy;
  readonly gateway: GatewayProcess;
  readonly id: string;
  /** When its account was there. */
  readonly occurredAt: string;
}

const stops: (() => Promise<void>)[] = [];
const links: Linked[] = [];

beforeAll(async () => {
  for (let count = 0; count < 3; count += 1) links.push(await linked());
});

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

async function linked(): Promise<Linked> {
  const beside = await startTestGateway();
  stops.push(() => beside.close());
  const proxy = await openSilentProxy(beside.databaseUrl);
  stops.push(proxy.close);
  const gateway = await startGatewayProcess(proxy.url, OPERATOR_KEY);
  stops.push(gateway.kill);
  const id = await createAccount(gateway, NO_THRESHOLDS);
  await registerGuardrail(gateway, id);
  // What happened before the account began would be no matter of its credits.
  const occurredAt = new Date(await beside.database.clockMs()).toISOString();
  return { proxy, gateway, id, occurredAt };
}

function takeLink(): Linked {
  const link = links.pop();
  if (link === undefined) throw new Error('every link is taken');
  return link;
}

/** Records 1 credit of the account under an id of its own. @returns the code of a refusal, or null */
async function record(
  { gateway, id, occurredAt }: Linked,
  eventId: string,
): Promise<string | null> {
  const { errors } = await gateway.query(RecordUsageDocument, {
    accountId: id,
    events: [
      {
        source: 's',
        eventId,
        type: 'PROCESSING',
        occurredAt,
        resourceKind: 'GUARDRAIL',
        resourceExternalId: 'g',
        credits: '1',
      },
    ],
  });
  return errors?.[0]?.extensions.code ?? null;
}

it.concurrent.each([
  ['whose new connections work', false],
  ['that comes back after 3 seconds', true],
])('goes on writing on a link %s, with each event recorded once', async (_, alsoNew) => {
  const link = takeLink();
  const { proxy, gateway, id } = link;
  // Side by side, so that several connections lie idle when the link falls silent.
  await Promise.all(Array.from({ length: 5 }, (_unused, index) => record(link, `before ${index}`)));
  proxy.silence(alsoNew);
  const silentFromMs = performance.now();
  if (alsoNew) setTimeout(proxy.comeBack, 3_000);

  const codes = new Set<string | null>();
  // Sent again as a client does, until it is told that it is recorded.
  const send = async (eventId: string): Promise<void> => {
    for (;;) {
      const code = await record(link, eventId);
      codes.add(code);
      if (code === null) return;
      if (performance.now() - silentFromMs > 60_000) throw new Error('writes do not go on');
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_unused, index) => send(`after ${index}`)));
  const tookMs = performance.now() - silentFromMs;
  const data = await ask<unknown>(
    gateway,
    'query ($id: ID) { account(id: $id) { credits { used } usageEvents(first: 50) { totalCount } } }',
    { id },
  );

  // 5 before and 8 after, a credit each.
  expect(data).toMatchObject({ account: { credits: { used: '13' } } });
  expect([...codes].sort()).toEqual(['UNAVAILABLE', null]);
  expect(tookMs).toBeLessThan(WRITES_WITHIN_MS + BUSY_MS);
});

it.concurrent('ends within 10 seconds when it is asked to while calls hang', async () => {
  const link = takeLink();
  const { proxy, gateway } = link;
  proxy.silence(true);
  const hanging = record(link, 'hangs').catch(() => 'cut off');
  const askedMs = performance.now();

  const status = await gateway.stop();

  expect(status).toBe(0);
  expect(performance.now() - askedMs).toBeLessThan(STOPS_WITHIN_MS + BUSY_MS);
  await hanging;
});
