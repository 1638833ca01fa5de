// The client's verification of webhooks, of messages that the library of Standard Webhooks signs.

import { describe, expect, it } from '@jest/globals';
import { verify, WebhookError, type WebhookHeaders } from '@billing-gateway/client/webhooks';
import { Webhook } from 'standardwebhooks';

const SECRET = `whsec_${Buffer.from('a secret of 32 bytes for a test.').toString('base64')}`;
const OLD_SECRET = `whsec_${Buffer.from('another one, which has not ended').toString('base64')}`;
const AT = new Date('2026-03-10T12:00:00.000Z');
const nowMs = AT.getTime();
const BODY = JSON.stringify({
  type: 'ALERT_RAISED',
  timestamp: '2026-03-10T11:59:59.000Z',
  data: { account: { id: 'a', externalId: null }, alert: { message: 'Zu Ende: 0 €' } },
});

function headersOf(body: string, secret = SECRET, at = AT): Record<string, string> {
  return {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign('msg_1', at, body),
  };
}

async function refusal(
  body: string,
  headers: WebhookHeaders,
  options: Parameters<typeof verify>[3] = { nowMs },
): Promise<string> {
  const error: unknown = await verify(body, headers, SECRET, options).catch(
    (thrown: unknown) => thrown,
  );
  if (error instanceof WebhookError) return error.message;
  throw new Error(`not refused: ${JSON.stringify(error)}`);
}

describe('a message', () => {
  it.each([
    ['a text', BODY],
    ['bytes', new Uint8Array(Buffer.from(BODY))],
    ['a Buffer', Buffer.from(BODY)],
  ])('that came as %s is read, with its id', async (_as, body) => {
    const message = await verify(body, headersOf(BODY), SECRET, { nowMs });

    expect(message).toEqual({ id: 'msg_1', ...(JSON.parse(BODY) as object) });
    const text = message.type === 'ALERT_RAISED' ? message.data.alert.message : null;
    expect(text).toBe('Zu Ende: 0 €');
  });

  it('is taken with the headers of a Request as well', async () => {
    const message = await verify(BODY, new Headers(headersOf(BODY)), SECRET, { nowMs });

    expect(message.id).toBe('msg_1');
  });

  it('is taken while secrets change: by either side’s two secrets', async () => {
    const headers = headersOf(BODY);
    const signature = `${headersOf(BODY, OLD_SECRET)['webhook-signature'] ?? ''} ${headers['webhook-signature'] ?? ''}`;

    const ofBoth = { ...headers, 'webhook-signature': signature };
    expect((await verify(BODY, ofBoth, SECRET, { nowMs })).id).toBe('msg_1');
    expect((await verify(BODY, headers, [OLD_SECRET, SECRET], { nowMs })).id).toBe('msg_1');
  });

  it('is refused when a byte of the body, the id or the time was changed', async () => {
    const headers = headersOf(BODY);
    const wrong = 'webhook-signature does not fit the body and the secret.';

    expect(await refusal(BODY.replace('ALERT', 'alert'), headers)).toBe(wrong);
    expect(await refusal(BODY, { ...headers, 'webhook-id': 'msg_2' })).toBe(wrong);
    expect(await refusal(BODY, { ...headers, 'webhook-timestamp': '1773144001' })).toBe(wrong);
    expect(await refusal(BODY, headersOf(BODY, OLD_SECRET))).toBe(wrong);
    expect(await refusal(BODY, { ...headers, 'webhook-signature': 'v1,%% v1 v2,AAAA' })).toBe(
      wrong,
    );
  });

  it.each([300, -300])(
    'is taken %s seconds away from now, and not one second more',
    async (away) => {
      const at = new Date(nowMs - away * 1_000);
      const further = new Date(nowMs - (away + Math.sign(away)) * 1_000);

      expect((await verify(BODY, headersOf(BODY, SECRET, at), SECRET, { nowMs })).id).toBe('msg_1');
      expect(await refusal(BODY, headersOf(BODY, SECRET, further))).toContain(
        'it must be within 300 seconds of now.',
      );
      expect(
        await refusal(BODY, headersOf(BODY, SECRET, at), { nowMs, toleranceSeconds: 299 }),
      ).toContain('within 299 seconds');
    },
  );

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'is refused without the header %s',
    async (name) => {
      const headers = { ...headersOf(BODY), [name]: '' };

      expect(await refusal(BODY, headers)).toBe(`The header ${name} is missing.`);
    },
  );

  it('is refused when it is signed but no message', async () => {
    for (const body of ['', 'null', '{"type":"ALERT_RAISED"}']) {
      expect(await refusal(body, headersOf(body))).toBe(
        'The body is not a message: it needs type, timestamp and data.',
      );
    }
  });
});

it.each(['', 'whsec_', 'a secret'])(
  'a secret that is none (%j) is told apart from a forgery',
  async (secret) => {
    await expect(verify(BODY, headersOf(BODY), secret, { nowMs })).rejects.toThrow(
      new TypeError('A secret is not valid: it must begin with whsec_.'),
    );
  },
);
