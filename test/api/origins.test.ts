// Who may call from a browser: pages of listed origins, and of the gateway's own.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf, upgradeStatus } from '../support/live.ts';
import { post } from '../support/post.ts';

const LISTED = 'https://app.example.com';
const OTHER = 'https://evil.example.com';
const QUERY = { query: '{ hardwareProfiles { id } }' };

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway({ http: { corsOrigins: [LISTED] } });
});

afterAll(() => gateway.close());

/** A call from a page, with the operator's key. */
function call(path: string, origin: string): Promise<Response> {
  const key = gateway.operatorKey;
  return post(originOf(gateway), path, { body: QUERY, key, headers: { origin } });
}

describe('a browser that asks', () => {
  it.each(['/graphql', '/graphql/stream', '/v1/events'])(
    'is let in to %s from a listed origin',
    async (path) => {
      const { status, headers } = await gateway.http
        .options(path)
        .set('origin', LISTED)
        .set('access-control-request-method', 'POST')
        .set('access-control-request-headers', 'authorization,content-type');

      expect(status).toBe(204);
      expect(headers).toMatchObject({
        'access-control-allow-origin': LISTED,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'authorization,content-type',
        'access-control-max-age': '600',
      });
      expect(headers['vary']).toMatch(/Origin/i);
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    },
  );

  it.each([OTHER, 'null', `${LISTED}.evil.example`, 'http://app.example.com', `${LISTED}:8443`])(
    'is not let in from %s',
    async (origin) => {
      const { status, headers } = await gateway.http
        .options('/graphql')
        .set('origin', origin)
        .set('access-control-request-method', 'POST');

      expect(status).toBe(204);
      expect(headers).not.toHaveProperty('access-control-allow-origin');
      expect(headers['vary']).toMatch(/Origin/i);
    },
  );

  it('is let in nowhere else', async () => {
    const { headers } = await gateway.http
      .options('/metrics')
      .set('origin', LISTED)
      .set('access-control-request-method', 'GET');

    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('an answer', () => {
  it('may be read by a page of a listed origin, with its request id and without a key too', async () => {
    const answered = await gateway.http
      .post('/graphql')
      .set('origin', LISTED)
      .set('authorization', `Bearer ${gateway.operatorKey}`)
      .send(QUERY);
    const refused = await gateway.http.post('/graphql').set('origin', LISTED).send(QUERY);

    expect([answered.status, refused.status]).toEqual([200, 401]);
    for (const { headers } of [answered, refused]) {
      expect(headers).toMatchObject({
        'access-control-allow-origin': LISTED,
        'access-control-expose-headers':
          'x-request-id, retry-after, content-disposition, x-export-id, x-read-after',
      });
      expect(headers['vary']).toMatch(/Origin/i);
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    }
  });

  it('may not be read by other pages', async () => {
    const { headers } = await gateway.http.post('/graphql').set('origin', OTHER).send(QUERY);

    expect(headers).not.toHaveProperty('access-control-allow-origin');
    expect(headers['vary']).toMatch(/Origin/i);
  });
});

describe('a key', () => {
  it('is used by pages of listed origins and of this gateway only, by every transport', async () => {
    const own = originOf(gateway);
    const origins = [
      LISTED,
      own,
      own.replace('http:', 'https:'),
      OTHER,
      'null',
      'http://127.0.0.1',
    ];
    const sockets = await Promise.all(origins.map((origin) => upgradeStatus(own, { origin })));
    const callAll = async (path: string): Promise<Response[]> =>
      Promise.all(origins.map((origin) => call(path, origin)));
    const calls = await callAll('/graphql');
    const streams = await callAll('/graphql/stream');
    const events = await callAll('/v1/events');

    expect(sockets).toEqual([101, 101, 101, 403, 403, 403]);
    expect(calls.map(({ status }) => status)).toEqual([200, 200, 200, 403, 403, 403]);
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 403, 403, 403]);
    // An operator who names no account: past the key.
    expect(events.map(({ status }) => status)).toEqual([400, 400, 400, 403, 403, 403]);
    expect(await streams[3]?.json()).toEqual({
      errors: [
        {
          message: `Pages of "${OTHER}" may not call this gateway, or not with this key.`,
          extensions: { code: 'FORBIDDEN' },
        },
      ],
    });
    expect(streams[0]?.headers.get('access-control-allow-origin')).toBe(LISTED);
  });
});
