import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { exampleEmails } from '../../src/cli/emails/examples.ts';
import type { AlertKind, AlertRaised, CreditEvent } from '../../src/engine/credit-event.ts';
import type { AlertRuleMeasure } from '../../src/engine/alert-rules.ts';
import { contentOf } from '../../src/notifications/document.ts';
import { emailKinds, instantsOf } from '../../src/notifications/email.ts';
import { duration } from '../../src/notifications/facts.ts';
import { domainOf, failureText } from '../../src/notifications/mailer.client.ts';

const UNIT = { hasBegun: true, allocatedMicro: 0n, usedMicro: 0n, balanceMicro: 0n };

function alert(kind: AlertKind, atMs = 0, measure: AlertRuleMeasure = 'ZERO'): AlertRaised {
  const policy = { lowCreditMicro: 0n, negativeLimitMicro: 0n, fineTuningMinimumMicro: 0n };
  const position = {
    atMs,
    state: 'OK' as const,
    policy,
    credits: UNIT,
    runs: UNIT,
    stopsAtMs: null,
  };
  return {
    what: 'ALERT',
    atMs,
    kind,
    measure,
    position,
    sequence: 1,
    ruleId: 1,
    valueMicro: 0n,
    measuredMicro: null,
    stoppedResourceIds: [],
    resolves: null,
  };
}

function turn(
  what: 'DEPLOYMENT_STARTED' | 'DEPLOYMENT_CHANGED' | 'DEPLOYMENT_STOPPED',
  atMs = 0,
): CreditEvent {
  const turned = { atMs, resourceId: 1 };
  return what === 'DEPLOYMENT_STOPPED'
    ? { ...turned, what, cause: 'UNDEPLOYED' }
    : { ...turned, what };
}

const cycle = (atMs = 0): CreditEvent => {
  const sums = {
    carriedOverMicro: 0n,
    allocatedMicro: 0n,
    usedMicro: 0n,
    expiredMicro: 0n,
    adjustedMicro: 0n,
    closingMicro: 0n,
  };
  const running = { cycleId: 1, startMs: atMs - 1, endMs: atMs };
  return { what: 'CYCLE_CLOSED', atMs, cycle: running, credits: sums, runs: sums };
};

describe('the email of an instant', () => {
  // Each with what it is sent for alone, the gravest first.
  const alone: readonly [string, CreditEvent][] = [
    ['NEGATIVE_LIMIT_REACHED', alert('NEGATIVE_LIMIT_REACHED')],
    ['CREDITS_EXHAUSTED', alert('CREDITS_EXHAUSTED')],
    ['LOW_CREDITS', alert('LOW_CREDITS')],
    ['STOP_EXPECTED', alert('STOP_EXPECTED')],
    ['CREDIT_USAGE', alert('CREDIT_THRESHOLD')],
    ['CREDIT_USAGE', cycle()],
    ['RUN_USAGE', alert('RUN_THRESHOLD')],
    ['DEPLOYMENT_STOPPED', turn('DEPLOYMENT_STOPPED')],
    ['DEPLOYMENT_STARTED', turn('DEPLOYMENT_STARTED')],
    ['RESOLVED', alert('RESOLVED')],
  ];

  it.each(alone)('is %s for what makes that alone', (kind, creditEvent) => {
    expect(instantsOf([creditEvent])).toEqual([{ atMs: 0, kind, creditEvents: [creditEvent] }]);
  });

  it('is of the gravest kind, in whatever order things happened', () => {
    const creditEvents = alone.map(([, creditEvent]) => creditEvent);

    for (let from = 0; from < alone.length; from += 1) {
      const kind = alone[from]?.[0];
      expect(instantsOf(creditEvents.slice(from))).toMatchObject([{ kind }]);
      expect(instantsOf(creditEvents.slice(from).reverse())).toMatchObject([{ kind }]);
    }
  });

  it('is one for each instant, in the order of time, and none for scaling', () => {
    const creditEvents = [
      turn('DEPLOYMENT_CHANGED', 1),
      alert('LOW_CREDITS', 2),
      cycle(2),
      alert('RESOLVED', 3),
      turn('DEPLOYMENT_CHANGED', 3),
    ];

    expect(instantsOf(creditEvents).map(({ atMs, kind }) => [atMs, kind])).toEqual([
      [2, 'LOW_CREDITS'],
      [3, 'RESOLVED'],
    ]);
  });
});

describe('the examples', () => {
  it('are of every kind, and docs/emails.md shows each as it is written', () => {
    const docs = readFileSync(new URL('../../docs/emails.md', import.meta.url), 'utf8');
    const examples = exampleEmails();

    expect(new Set(examples.map(({ content }) => content.kind))).toEqual(
      new Set(Object.values(emailKinds)),
    );
    // Prettier takes the spaces at the ends of lines away.
    for (const { content } of examples)
      expect(docs).toContain(content.text.replace(/ +$/gm, '').trimEnd());
  });

  it('say the same in HTML, with styles in place and nothing to load', () => {
    for (const { content } of exampleEmails()) {
      const seen = content.html
        .replace(/<[^>]*>/g, '\n')
        .replaceAll('&#39;', "'")
        .replaceAll('&quot;', '"');
      const values = content.text.split('\n').flatMap((line) => {
        const row = /^[^:]+: +(.+)$/.exec(line)?.[1];
        return row === undefined ? [] : [row];
      });
      for (const value of values) expect(seen).toContain(value);
      expect(content.html).not.toMatch(/<style|<link|<img|<script|src=|class=/);
    }
  });
});

describe('a subject', () => {
  it.each([
    ['a\r\nBcc: b@c', 'a Bcc: b@c'],
    ['a\u0000\u0085\u2028b', 'a b'],
    ['x'.repeat(300), `${'x'.repeat(199)}…`],
    [`${'x'.repeat(198)}😀😀`, `${'x'.repeat(198)}…`],
  ])('%# is one line and not too long', (subject, shown) => {
    const content = contentOf({
      kind: 'RESOLVED',
      subject,
      sections: [],
      usageUrl: null,
      footer: '',
    });

    expect(content.subject).toBe(shown);
  });
});

describe('a link', () => {
  it.each([
    ['https://a.example/?b=1&c="2"', true],
    ['javascript:alert(1)', false],
  ])('to %s', (href, isLink) => {
    const rows = [{ label: 'Endpoint', value: href, href }];
    const { html } = contentOf({
      kind: 'RESOLVED',
      subject: '',
      sections: [{ title: '', rows }],
      usageUrl: null,
      footer: '',
    });

    expect(html.includes('<a href="https://a.example/?b=1&amp;c=&quot;2&quot;"')).toBe(isLink);
    expect(html).not.toContain('href="javascript');
  });
});

describe('the Usage page', () => {
  it.each([
    ['https://acme.example/a&b/usage', 'Usage page: https://acme.example/a&b/usage\n\n-- \nYou'],
    [null, undefined],
  ])('%s is linked to before the footer, in text and HTML', (usageUrl, inText) => {
    const { text, html } = contentOf({
      kind: 'RESOLVED',
      subject: 'All is well',
      sections: [],
      usageUrl,
      footer: 'You',
    });

    expect(text).toBe(`All is well\n\n${inText ?? '-- \nYou'}\n`);
    const links = [...html.matchAll(/<a href="([^"]*)"[^>]*>([^<]*)<\/a>/g)];
    const escaped = 'https://acme.example/a&amp;b/usage';
    expect(links.map(([, href, shown]) => [href, shown])).toEqual(
      usageUrl === null ? [] : [[escaped, escaped]],
    );
  });

  it('is linked to by every example', () => {
    for (const { content } of exampleEmails()) {
      expect(content.text).toContain('\nUsage page: https://billing.acme.example/usage\n');
      expect(content.html).toContain('<a href="https://billing.acme.example/usage"');
    }
  });
});

describe('a length of time', () => {
  it.each([
    [0, '0 seconds'],
    [1_000, '1 second'],
    [3_600_000, '1 hour'],
    [86_399_500, '23 hours 59 minutes 59.5 seconds'],
  ])('of %d ms is %s', (durationMs, text) => {
    expect(duration(durationMs)).toBe(text);
  });
});

describe('a failed attempt', () => {
  it('is told of without saying where the mail server is', () => {
    const unreachable = Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:25'), {
      code: 'ESOCKET',
      address: '10.0.0.7',
    });
    const login = Object.assign(new Error('Invalid login: 535 user billing'), {
      code: 'EAUTH',
      responseCode: 535,
      response: '535 user billing',
    });
    const refused = Object.assign(new Error('x'), {
      code: 'EENVELOPE',
      responseCode: 550,
      response: '550 no such user',
    });

    expect([unreachable, login, refused].map(failureText)).toEqual([
      'The mail server could not be reached (ESOCKET).',
      "The mail server refused the gateway's login.",
      'The mail server answered: 550 no such user',
    ]);
    expect(domainOf('Billing <billing@acme.example>')).toBe('acme.example');
  });
});
