import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Account } from '../../src/account/account.ts';
import { ConflictError, UserInputError } from '../../src/core/errors.ts';
import type { AlertRaised, CreditEvent } from '../../src/engine/credit-event.ts';
import type { Position } from '../../src/engine/alert-rules.ts';
import { type Facts, PAYLOAD_BYTES_MAX, payloadOf } from '../../src/partners/payloads.ts';
import { SecretBox } from '../../src/partners/secret-box.service.ts';
import { isPrivateHost } from '../../src/partners/sender.client.ts';
import {
  type Answer,
  ATTEMPTS_MAX,
  attemptOutcome,
  parseEvents,
  parseKeepOldSeconds,
  parseWebhookUrl,
  requireRoom,
} from '../../src/partners/webhook.ts';
import type { Resource } from '../../src/resources/resource.ts';

const NOW_MS = Date.parse('2026-03-10T12:00:00.000Z');
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

function answered(status: number, retryAfter: string | null = null): Answer {
  return { status, retryAfter };
}

function judged(answer: Answer, number = 1, jitter = 0): ReturnType<typeof attemptOutcome> {
  return attemptOutcome(answer, { event: 'ALERT_RAISED', number, nowMs: NOW_MS, jitter });
}

describe('an attempt', () => {
  it.each([200, 201, 202, 204, 299])('that is answered %i delivers', (status) => {
    expect(judged(answered(status), ATTEMPTS_MAX)).toEqual({
      status: 'DELIVERED',
      responseCode: status,
      error: null,
      nextAttemptAtMs: null,
      pauseUntilMs: null,
      disablesEndpoint: false,
    });
  });

  it.each([100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 409, 429, 500, 502, 503, 504])(
    'that is answered %i is made again',
    (status) => {
      expect(judged(answered(status))).toMatchObject({
        status: 'PENDING',
        responseCode: status,
        nextAttemptAtMs: NOW_MS + 5 * SECOND_MS,
        disablesEndpoint: false,
      });
    },
  );

  it('that found nobody is made again, and says why', () => {
    const error = 'The message could not be sent (ECONNREFUSED).';

    expect(judged({ status: null, error })).toMatchObject({
      status: 'PENDING',
      responseCode: null,
      error,
    });
  });

  it.each([1, 5, ATTEMPTS_MAX])('number %i that is answered 410 is the last', (number) => {
    expect(judged(answered(410, '60'), number)).toMatchObject({
      status: 'FAILED',
      nextAttemptAtMs: null,
      disablesEndpoint: true,
    });
  });
});

describe('the attempt of a test message', () => {
  const tried = (status: number): ReturnType<typeof attemptOutcome> =>
    attemptOutcome(answered(status, '60'), {
      event: 'WEBHOOK_TEST',
      number: 1,
      nowMs: NOW_MS,
      jitter: 0,
    });

  it.each([302, 410, 429, 500, 503])('that is answered %i is the only one', (status) => {
    expect(tried(status)).toEqual({
      status: 'FAILED',
      responseCode: status,
      error: status === 302 ? 'Answered 302: redirects are not followed.' : `Answered ${status}.`,
      nextAttemptAtMs: null,
      pauseUntilMs: null,
      disablesEndpoint: false,
    });
  });

  it('that is answered 204 delivers', () => {
    expect(tried(204)).toMatchObject({ status: 'DELIVERED', error: null });
  });
});

describe('the schedule', () => {
  it('is that of Standard Webhooks: ten attempts over 75 hours, 35 minutes and 5 seconds', () => {
    // 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h after the first, as the specification lists them
    const waits = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

    const found = waits.map((_, index) => judged(answered(500), index + 1));
    const tenth = judged(answered(500), 10);

    expect(found.map(({ nextAttemptAtMs }) => ((nextAttemptAtMs ?? 0) - NOW_MS) / 1_000)).toEqual(
      waits,
    );
    expect(waits.reduce((sum, wait) => sum + wait)).toBe(75 * 3_600 + 35 * 60 + 5);
    expect(tenth).toMatchObject({ status: 'FAILED', disablesEndpoint: true });
  });

  it('is spread by up to a tenth, always later', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (number, jitter) => {
          const without = judged(answered(500), number).nextAttemptAtMs ?? 0;
          const withIt = judged(answered(500), number, jitter).nextAttemptAtMs ?? 0;
          const part = (withIt - NOW_MS) / (without - NOW_MS);

          return part >= 1 && part <= 1.1;
        },
      ),
    );
    expect(judged(answered(500), 9, 0.5).nextAttemptAtMs).toBe(NOW_MS + 24 * HOUR_MS * 1.05);
  });
});

describe('Retry-After', () => {
  it.each([429, 503])('of %i in seconds puts off the next attempt, and all else', (status) => {
    const atMs = NOW_MS + 120 * SECOND_MS;

    expect(judged(answered(status, '120'))).toMatchObject({
      nextAttemptAtMs: atMs,
      pauseUntilMs: atMs,
    });
  });

  it('as a date is honoured', () => {
    const verdict = judged(answered(429, 'Tue, 10 Mar 2026 12:30:00 GMT'));

    expect(verdict.nextAttemptAtMs).toBe(NOW_MS + 30 * 60 * SECOND_MS);
  });

  it('of another status puts off its own message only', () => {
    expect(judged(answered(500, '120'))).toMatchObject({
      nextAttemptAtMs: NOW_MS + 120 * SECOND_MS,
      pauseUntilMs: null,
    });
  });

  it('never shortens a wait', () => {
    expect(judged(answered(429, '1'), 3).nextAttemptAtMs).toBe(NOW_MS + 30 * 60 * SECOND_MS);
  });

  it('is held to a day', () => {
    expect(judged(answered(503, '999999999')).nextAttemptAtMs).toBe(NOW_MS + 24 * HOUR_MS);
  });

  it.each(['', 'soon', '-5', '1.5', '2026-03-10T12:30:00Z', 'Tue, 10 Mar 2020 12:30:00 GMT'])(
    'that says %j counts for nothing',
    (retryAfter) => {
      expect(judged(answered(429, retryAfter))).toMatchObject({
        nextAttemptAtMs: NOW_MS + 5 * SECOND_MS,
        pauseUntilMs: null,
      });
    },
  );
});

describe('the URL of an endpoint', () => {
  const path = ['input', 'url'];
  const parse = (url: string, allowLoopback = false): string =>
    parseWebhookUrl(url, isPrivateHost, { allowLoopback, path });

  it.each([
    'https://example.com/hooks',
    'https://example.com:8443/a?b=c',
    'https://93.184.216.34/',
    'https://[2606:2800:220:1:248:1893:25c8:1946]/',
    'https://localhost.example.com/',
    'https://10.example.com/',
  ])('may be %s', (url) => {
    expect(parse(url)).toBe(url);
  });

  it.each([
    'http://example.com/',
    'ftp://example.com/',
    'https://user@example.com/',
    'https://user:secret@example.com/',
    'https://:secret@example.com/',
    '/hooks',
    'https://localhost/',
    'https://LOCALHOST./',
    'https://a.localhost/',
    'https://printer.local/',
    'https://metadata.google.internal/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://0.0.0.0/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://100.64.0.1/',
    'https://100.100.100.200/',
    'https://168.63.129.16/',
    'https://198.18.0.1/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::7f00:1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:8.8.8.8]/',
    'https://[fd00::1]/',
    'https://[fe80::1]/',
    'https://[fec0::1]/',
    'https://[ff02::1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001::1]/',
  ])('may not be %s', (url) => {
    expect(() => parse(url)).toThrow(UserInputError);
  });

  it.each(['172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '11.0.0.0'])(
    'may be %s, just outside a private range',
    (address) => {
      expect(parse(`https://${address}/`)).toBe(`https://${address}/`);
    },
  );

  it('may be this machine, by http, only where that is allowed', () => {
    const urls = ['http://localhost/', 'http://127.0.0.1:8080/', 'http://[::1]:1024/'];

    expect(urls.map((url) => parse(url, true))).toEqual(urls);
    for (const url of urls) expect(() => parse(url)).toThrow('must begin with https://');
    expect(() => parse('http://10.0.0.1/', true)).toThrow('must begin with https://');
    expect(() => parse('https://10.0.0.1/', true)).toThrow('not on the public internet');
  });

  it.each([0, 21, 22, 23, 25, 53, 80, 110, 143, 444, 465, 993, 1_023])(
    'may not name port %i, which is of another service',
    (port) => {
      const fault = { message: expect.stringContaining(`port ${port};`), argumentPath: path };

      expect(() => parse(`https://example.com:${port}/`)).toThrow(expect.objectContaining(fault));
      expect(() => parse(`https://example.com:${port}/`, true)).toThrow(`port ${port};`);
    },
  );

  it('may not name such a port of this machine either, but that of http', () => {
    expect(() => parse('http://127.0.0.1:22/', true)).toThrow('port 22;');
    expect(parse('http://127.0.0.1:80/', true)).toBe('http://127.0.0.1/');
  });

  it.each([1_024, 3_000, 8_443, 65_535])('may name port %i', (port) => {
    expect(parse(`https://example.com:${port}/`)).toBe(`https://example.com:${port}/`);
  });

  it.each([
    ['https://x.example.com/\r\nX: y', 'https://x.example.com/X:%20y'],
    [' https://x.example.com:443/a b ', 'https://x.example.com/a%20b'],
    ['HTTPS://X.Example.COM', 'https://x.example.com/'],
    ['https://bücher.example/ü', 'https://xn--bcher-kva.example/%C3%BC'],
  ])('is kept as it is sent to: %j', (sent, kept) => {
    expect(parse(sent)).toBe(kept);
  });

  it.each(['https://example.com/\0', 'https://example.com/\ud83d', ' ', ''])(
    'may not be %j, which is no text to keep',
    (url) => {
      expect(() => parse(url)).toThrow(expect.objectContaining({ argumentPath: path }));
    },
  );

  it('has at most 2,048 characters, also as it is sent to', () => {
    expect(() => parse(`https://example.com/${'ü'.repeat(400)}`)).toThrow('2420 characters');
    const longest = `https://example.com/${'a'.repeat(2_028)}`;

    expect(parse(longest)).toHaveLength(2_048);
    expect(() => parse(`${longest}a`)).toThrow('2049 characters');
  });
});

describe('an endpoint', () => {
  it('is told of each event once, in their own order', () => {
    const path = ['events'];

    expect(parseEvents(['CYCLE_CLOSED', 'ALERT_RAISED', 'CYCLE_CLOSED'], path)).toEqual([
      'ALERT_RAISED',
      'CYCLE_CLOSED',
    ]);
    expect(() => parseEvents([], path)).toThrow(UserInputError);
  });

  it('keeps its old secret for up to 30 days', () => {
    const path = ['keepOldSeconds'];

    expect(parseKeepOldSeconds(null, path)).toBe(86_400);
    expect(parseKeepOldSeconds(0, path)).toBe(0);
    expect(parseKeepOldSeconds(2_592_000, path)).toBe(2_592_000);
    expect(() => parseKeepOldSeconds(-1, path)).toThrow(UserInputError);
    expect(() => parseKeepOldSeconds(2_592_001, path)).toThrow(UserInputError);
  });

  it('is one of twenty at most', () => {
    expect(() => {
      requireRoom(19);
    }).not.toThrow();
    expect(() => {
      requireRoom(20);
    }).toThrow(ConflictError);
  });
});

describe('a sealed secret', () => {
  const box = new SecretBox([Buffer.alloc(32, 1)]);

  it('opens with its key, for its account', () => {
    const sealed = box.seal('whsec_secret', 7);

    expect(box.open(sealed, 7)).toBe('whsec_secret');
    expect(sealed.includes('secret')).toBe(false);
    expect(box.seal('whsec_secret', 7).equals(sealed)).toBe(false);
  });

  it('opens with no other key, for no other account, and not once it was changed', () => {
    const sealed = box.seal('whsec_secret', 7);
    const changed = Buffer.from(sealed);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;

    expect(() => new SecretBox([Buffer.alloc(32, 2)]).open(sealed, 7)).toThrow(
      'WEBHOOK_SECRET_KEY',
    );
    expect(() => box.open(sealed, 8)).toThrow('WEBHOOK_SECRET_KEY');
    expect(() => box.open(changed, 7)).toThrow('WEBHOOK_SECRET_KEY');
  });
});

describe('a box with several keys', () => {
  const [next, old] = [Buffer.alloc(32, 2), Buffer.alloc(32, 1)];
  const box = new SecretBox([next, old]);

  it('seals with the first one, and opens with each', () => {
    const sealed = box.seal('whsec_secret', 7);
    const before = new SecretBox([old]).seal('whsec_old', 7);

    expect(new SecretBox([next]).open(sealed, 7)).toBe('whsec_secret');
    expect(box.open(before, 7)).toBe('whsec_old');
    expect([sealed, before].map((one) => box.isCurrent(one, 7))).toEqual([true, false]);
    expect([box.opens(before, 7), box.opens(before, 8)]).toEqual([true, false]);
  });
});

describe('a message', () => {
  it('stays under 20 kB, and says how many deployments it leaves out', () => {
    // Each character takes six bytes in JSON.
    const longest = '\u0001'.repeat(255);
    const ids = Array.from({ length: 300 }, (_, index) => index + 1);
    const facts = someFacts(ids.map((id) => aResource(id, longest)));

    const payload = payloadOf(anAlert(ids), facts);

    const said = JSON.parse(payload) as {
      data: { alert: { stoppedCount: number; stopped: unknown[] } };
    };
    expect(Buffer.byteLength(payload)).toBeLessThan(PAYLOAD_BYTES_MAX);
    expect(said.data.alert.stoppedCount).toBe(300);
    expect(said.data.alert.stopped.length).toBeGreaterThan(2);
  });

  it('lists all deployments that were stopped where they fit', () => {
    const ids = [1, 2, 3];

    const payload = payloadOf(anAlert(ids), someFacts(ids.map((id) => aResource(id, `g-${id}`))));

    expect(payload.match(/"externalId":"g-\d"/g)).toHaveLength(3);
  });
});

function someFacts(resources: readonly Resource[]): Facts {
  const account: Account = {
    accountId: 1,
    externalId: null,
    name: 'Acme',
    timeZone: 'UTC',
    cycleDay: 1,
    notificationEmails: [],
    createdAtMs: 0,
    creditsFromMs: 0,
    isTest: false,
    closedAtMs: null,
    erasedAtMs: null,
    settledAtMs: NOW_MS,
    cycle: { startMs: 0, endMs: NOW_MS + 1, earlierStartsMs: [] },
    recorded: { lastSeq: 0, quantity: 0n, creditsMicro: 0n },
  };
  return {
    account,
    recordedAtMs: NOW_MS,
    resources: new Map(resources.map((resource) => [resource.resourceId, resource])),
    hosting: new Map(),
    labels: new Map(),
  };
}

function aResource(resourceId: number, text: string): Resource {
  return {
    accountId: 1,
    resourceId,
    kind: 'GUARDRAIL',
    externalId: text,
    name: text,
    owner: null,
    createdAtMs: 0,
    modelId: null,
    language: null,
    languageVersion: null,
    ocrModel: null,
    status: 'UNDEPLOYED',
    endpointUrl: null,
    failureMessage: null,
    requestedHardwareId: null,
    requestedReplicas: null,
    lifecycleAtMs: null,
    deployedAtMs: null,
    changedAtMs: null,
    stoppedAtMs: null,
    lastDeployedAtMs: null,
    lastLifecycleActivityAtMs: null,
    lastEventAtMs: null,
  };
}

function anAlert(stoppedResourceIds: readonly number[]): CreditEvent {
  const unit = { hasBegun: true, allocatedMicro: 100n, usedMicro: 100n, balanceMicro: 0n };
  const position: Position = {
    atMs: NOW_MS,
    state: 'STOPPED',
    policy: { lowCreditMicro: 0n, negativeLimitMicro: 0n, fineTuningMinimumMicro: 0n },
    credits: unit,
    runs: unit,
    stopsAtMs: null,
  };
  const raised: AlertRaised = {
    what: 'ALERT',
    atMs: NOW_MS,
    sequence: 4,
    kind: 'NEGATIVE_LIMIT_REACHED',
    ruleId: 3,
    measure: 'NEGATIVE_LIMIT',
    valueMicro: 0n,
    measuredMicro: null,
    position,
    stoppedResourceIds,
    resolves: null,
  };
  return raised;
}
