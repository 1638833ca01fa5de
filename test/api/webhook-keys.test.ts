// Replacing the key that seals webhook secrets: no receiver notices, and the old key is not needed afterwards.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CLAIM_MS } from '../../src/partners/delivery.service.ts';
import { resealedSentence, resealSecrets } from '../../src/partners/reseal.service.ts';
import { SecretBox } from '../../src/partners/secret-box.service.ts';
import { dataOf } from '../support/account.ts';
import {
  asOwner,
  OPERATOR_KEY,
  startTestGateway,
  type TestGateway,
  WEBHOOK_SECRET_KEY,
} from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { runDueJobs } from '../support/jobs.ts';
import { RotateWebhookSecretDocument } from '@billing-gateway/client/operations';
import { Receiver, verified } from '../support/receiver.ts';
import { AccountOfHooks } from '../support/webhook-account.ts';

const OLD = WEBHOOK_SECRET_KEY;
const NEW = Buffer.alloc(32, 'the next key');
const LOST = Buffer.alloc(32, 'a key that was lost');

let gateway: TestGateway;
let receiver: Receiver;
let account: AccountOfHooks;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(() => gateway.close());

beforeEach(async () => {
  receiver = await Receiver.listen();
  account = await AccountOfHooks.open(gateway);
});

afterEach(async () => {
  await receiver.close();
  await asOwner(gateway.databaseUrl, 'delete from webhook_delivery; delete from webhook_endpoint');
  await asOwner(gateway.databaseUrl, 'delete from graphile_worker._private_jobs');
});

/** Sends what is due, by a gateway with other keys. @returns its faults */
async function sendWith(secretKeys: readonly Buffer[]): Promise<readonly unknown[]> {
  const other = await startTestGateway({ beside: gateway, webhooks: { secretKeys } });
  await runDueJobs(other);
  const faults = other.takeFaults();
  await other.close();
  return faults;
}

function reseal(keys: readonly Buffer[]): ReturnType<typeof resealSecrets> {
  return resealSecrets(gateway.database, new SecretBox(keys), gateway.clock.nowMs());
}

function verifiedNow(index: number, secret: string): unknown {
  return verified(receiver.received[index], secret, gateway.clock.nowMs());
}

describe('a start with the next key before the old one', () => {
  it('lets the old one be dropped: messages go out with both, and with the next one alone', async () => {
    const { secret } = await account.endpoint(receiver.url());
    await account.raise();
    const both = await sendWith([NEW, OLD]);
    const resealed = await reseal([NEW, OLD]);
    const again = await reseal([NEW, OLD]);
    await account.useCredits('45');
    const alone = await sendWith([NEW]);

    expect([both, alone]).toEqual([[], []]);
    expect(resealed).toEqual({ resealed: 1, unreadable: 0 });
    expect(again).toEqual({ resealed: 0, unreadable: 0 });
    expect([verifiedNow(0, secret), verifiedNow(1, secret)]).toMatchObject([
      { type: 'ALERT_RAISED' },
      { type: 'ALERT_RAISED' },
    ]);
  });

  it('seals the secret of a rotation that still signs, too', async () => {
    const { endpoint, secret: first } = await account.endpoint(receiver.url());
    const { rotateWebhookSecret } = dataOf(
      await gateway.query(RotateWebhookSecretDocument, { id: endpoint.id }, account.key),
    );
    await reseal([NEW, OLD]);
    await account.raise();
    const faults = await sendWith([NEW]);

    expect(faults).toEqual([]);
    expect(verifiedNow(0, first)).toEqual(verifiedNow(0, rotateWebhookSecret.secret));
  });

  it('says it on standard error', async () => {
    const { secret } = await account.endpoint(receiver.url());
    const start = await startGatewayProcess(gateway.databaseUrl, OPERATOR_KEY, {
      WEBHOOK_SECRET_KEY: [NEW, OLD].map((key) => key.toString('base64')).join(),
    });
    const complaints = start.complaints();
    await start.stop();
    await account.raise();
    const faults = await sendWith([NEW]);

    expect(complaints).toContain(
      'Webhooks whose secrets were sealed anew with the first key: 1. No other key is needed any more.\n',
    );
    expect(faults).toEqual([]);
    expect(verifiedNow(0, secret)).toMatchObject({ type: 'ALERT_RAISED' });
  });
});

describe('a secret that no key opens', () => {
  it('is left as it is and told of, and its messages wait for its key', async () => {
    const { secret } = await account.endpoint(receiver.url());
    await account.raise();
    const resealed = await reseal([NEW, LOST]);
    const faults = await sendWith([NEW, LOST]);
    gateway.clock.moveBy(CLAIM_MS);
    await runDueJobs(gateway);

    expect(resealed).toEqual({ resealed: 0, unreadable: 1 });
    expect(resealedSentence(resealed)).toContain('Webhooks whose secrets no key opens: 1.');
    expect(faults.map(String)).toEqual([
      'Error: A webhook secret cannot be read: WEBHOOK_SECRET_KEY is not the key that it was sealed with.',
    ]);
    expect(verifiedNow(0, secret)).toMatchObject({ type: 'ALERT_RAISED' });
  });
});
