// The link between a gateway and its database falls silent: connections stay open and never answer.

import { afterEach, expect, it } from '@jest/globals';
import { ask, createAccount, NO_THRESHOLDS, registerGuardrail } from '../support/account.ts';
import { OPERATOR_KEY, startTestGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { RecordUsageDocument } from '../support/operations.ts';
import { openSilentProxy, type SilentProxy } from '../support/silent-proxy.ts';

/** What is promised, and some for a busy machine. */
const WRITES_WITHIN_MS = 15_000;
const STOPS_WITHIN_MS = 10_000;
const BUSY_MS = 5_000;

let occurredAt = '';
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function linked(): Promise<{
  proxy: SilentProxy;
  gateway: GatewayProcess;
  id: string;
}> {
  const beside = await startTestGateway();
  stops.push(() => beside.close());
  const proxy = await openSilentProxy(beside.databaseUrl);
  stops.push(proxy.close);
  const gateway = await startGatewayProcess(proxy.url, OPERATOR_KEY);
  stops.push(gateway.kill);
  const id = await createAccount(gateway, NO_THRESHOLDS);
  await registerGuardrail(gateway, id);
  // What happened before the account began would be no matter of its credits.
  occurredAt = new Date(await beside.database.clockMs()).toISOString();
  return { proxy, gateway, id };
}

/** Records 1 credit of the account under an id of its own. @returns the code of a refusal, or null */
async function record(
  gateway: GatewayProcess,
  id: string,
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

it.each([
  ['whose new connections work', false],
  ['that comes back after 3 seconds', true],
])(
  'goes on writing on a link %s, with each event recorded once',
  async (_, alsoNew) => {
    const { proxy, gateway, id } = await linked();
    // Side by side, so that several connections lie idle when the link falls silent.
    await Promise.all(
      Array.from({ length: 5 }, (_unused, index) => record(gateway, id, `before ${index}`)),
    );
    proxy.silence(alsoNew);
    const silentFromMs = performance.now();
    if (alsoNew) setTimeout(proxy.comeBack, 3_000);

    const codes = new Set<string | null>();
    // Sent again as a client does, until it is told that it is recorded.
    const send = async (eventId: string): Promise<void> => {
      for (;;) {
        const code = await record(gateway, id, eventId);
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
  },
  120_000,
);

it('ends within 10 seconds when it is asked to while calls hang', async () => {
  const { proxy, gateway, id } = await linked();
  proxy.silence(true);
  const hanging = record(gateway, id, 'hangs').catch(() => 'cut off');
  const askedMs = performance.now();

  const status = await gateway.stop();

  expect(status).toBe(0);
  expect(performance.now() - askedMs).toBeLessThan(STOPS_WITHIN_MS + BUSY_MS);
  await hanging;
}, 120_000);
