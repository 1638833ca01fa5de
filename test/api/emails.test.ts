import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ParsedMail } from 'mailparser';
import type { MailOptions } from '../../src/app.ts';
import { startJobs } from '../../src/db/job-runner.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  createKey,
  deploy,
  moveClock,
  NO_THRESHOLDS,
  numberOf,
  recordUsage,
  register,
  registerGuardrail,
  undeploy,
} from '../support/account.ts';
import { eventually } from '../support/eventually.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type Mailbox, openMailbox } from '../support/mailbox.ts';
import {
  PastAlertsDocument,
  type CreateAccountInput,
  CreateThresholdDocument,
  DeleteResourceDocument,
  DeploymentFailedDocument,
  EmailByIdDocument,
  type EmailFieldsFragment,
  EmailsDocument,
  type EmailsQuery,
  ScaleDocument,
  type Scope,
  StatementsDocument,
} from '@billing-gateway/client/operations';
import { sql } from '../../src/db/sql.ts';

const START = '2026-03-10T12:00:00.000Z';
const FAST = { heartbeatMs: 1_000, silentAfterMs: 10_000, pollMs: 50, stopWithinMs: 500 };
/** So many attempts at once that a test need not wait for the next one. */
const AT_ONCE: readonly number[] = Array.from({ length: 10_000 }, () => 0);

/** What a test works with; most share one. */
let gateway: TestGateway;
let mailbox: Mailbox;
let shared: { readonly gateway: TestGateway; readonly mailbox: Mailbox };
const toEnd: (() => Promise<unknown>)[] = [];

async function openGateway(mail: Partial<MailOptions> = {}): Promise<TestGateway> {
  const opened = await startTestGateway({
    mail: {
      smtpUrl: `smtp://127.0.0.1:${mailbox.port}`,
      from: 'Billing, Acme <billing@example.com>',
      retryDelaysMs: AT_ONCE,
      ...mail,
    },
  });
  await createHardware(opened, 'gpu-a100', '3.6');
  return opened;
}

/** A gateway and a mail server for one test alone. */
async function startOwn(
  mail: Partial<MailOptions> = {},
  server: Parameters<typeof openMailbox>[0] = {},
): Promise<void> {
  mailbox = await openMailbox(server);
  toEnd.push(() => mailbox.close());
  gateway = await openGateway(mail);
  toEnd.push(() => gateway.close());
}

beforeAll(async () => {
  mailbox = await openMailbox();
  shared = { mailbox, gateway: await openGateway() };
});

afterAll(async () => {
  await shared.gateway.close();
  await shared.mailbox.close();
});

async function runJobs(): Promise<{ stop(): Promise<void> }> {
  const jobs = await startJobs({
    url: gateway.databaseUrl,
    tasks: gateway.app.tasks,
    concurrency: 2,
    onError: () => undefined,
    timing: FAST,
  });
  toEnd.unshift(() => jobs.stop());
  return jobs;
}

beforeEach(() => {
  ({ gateway, mailbox } = shared);
  mailbox.clear();
});

// What was not sent is forgotten: the next test begins without it.
afterEach(async () => {
  for (const end of toEnd.splice(0)) await end();
  await asOwner(shared.gateway.databaseUrl, 'delete from graphile_worker._private_jobs');
});

/** A test account that stands at START, with thresholds only where they are asked for. */
async function anAccount(values: Partial<CreateAccountInput> = {}): Promise<string> {
  return createAccount(gateway, {
    name: 'Acme',
    notificationEmails: ['ops@acme.example'],
    testClock: START,
    ...NO_THRESHOLDS,
    ...values,
  });
}

async function aGuardrail(accountId: string, name = 'scorer'): Promise<string> {
  return registerGuardrail(gateway, accountId, 'scorer-1', { name, createdAt: START });
}

async function deployed(id: string, replicas = 1): Promise<void> {
  const endpointUrl = 'https://api.acme.example/scorer';
  await deploy(gateway, id, 'gpu-a100', { replicas, endpointUrl });
}

async function use(accountId: string, resourceId: string, credits: string): Promise<void> {
  await recordUsage(gateway, accountId, { occurredAt: START, resourceId, credits });
}

async function run(accountId: string, quantity: number): Promise<void> {
  const flow = { kind: 'WORKFLOW', externalId: 'flow', name: 'flow', createdAt: START } as const;
  const [resourceId = ''] = await register(gateway, accountId, flow);
  await recordUsage(gateway, accountId, {
    type: 'WORKFLOW_RUN',
    occurredAt: START,
    resourceId,
    quantity,
  });
}

/** The emails of an account, the oldest first. */
async function emails(accountId: string): Promise<readonly EmailFieldsFragment[]> {
  const { data } = await gateway.query(EmailsDocument, { accountId, first: 100 });
  return [...(data.emails?.nodes ?? [])].reverse();
}

/** The mails that came, once there are so many. */
async function received(count: number): Promise<readonly ParsedMail[]> {
  await eventually(() => {
    expect(mailbox.mails).toHaveLength(count);
  });
  return mailbox.mails;
}

/** The last one; there must be one. */
function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1);
  if (last === undefined) throw new Error('there is none');
  return last;
}

/** The only one. */
function only<T>(list: readonly T[]): T {
  expect(list).toHaveLength(1);
  return lastOf(list);
}

/** The value behind a label in a plain text. */
function figure(text: string | undefined, label: string): string | undefined {
  return new RegExp(`^${label}: +(.*)$`, 'm').exec(text ?? '')?.[1];
}

describe('an email', () => {
  it('arrives, as text and HTML, from the sender to every address, and is DELIVERED', async () => {
    await runJobs();
    const accountId = await anAccount({
      notificationEmails: ['ops@acme.example', 'cfo@acme.example'],
      lowCredit: '10',
    });
    await allocate(gateway, accountId, '100');
    const id = await aGuardrail(accountId);
    await use(accountId, id, '92.5');

    const mail = only(await received(1));
    await eventually(async () => {
      expect(await emails(accountId)).toMatchObject([
        { kind: 'LOW_CREDITS', status: 'DELIVERED', attempts: 1, lastError: null },
      ]);
    });

    // 100 - 92.5 = 7.5
    expect(mail.subject).toBe('Acme is low on credits: 7.5 credits left');
    expect(mail.from?.text).toBe('"Billing, Acme" <billing@example.com>');
    expect(mail.to).toMatchObject({ text: 'ops@acme.example, cfo@acme.example' });
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    expect(figure(mail.text, 'Credits remaining')).toBe('7.5');
    expect(figure(mail.text, 'Credits used')).toBe('92.5 (92.5 %)');
    expect(mail.html).toContain('>7.5</td>');
    expect(mail.text).toContain(
      'the low-credit level of 10 credits at 2026-03-10 12:00:00 UTC (UTC+00:00)',
    );
    const email = only(await emails(accountId));
    expect(email.text.trim()).toBe(mail.text?.trim());
    expect(email.to).toEqual(['ops@acme.example', 'cfo@acme.example']);
    expect(email.deliveredAt).toBe(START);
  });

  it.each([
    [undefined, undefined],
    ['https://acme.example/billing', 'https://acme.example/billing/usage'],
  ])('with PUBLIC_URL %s links to %s', async (publicUrl, usageUrl) => {
    if (publicUrl !== undefined) await startOwn({ publicUrl });
    await runJobs();
    const accountId = await anAccount({ lowCredit: '10' });
    await allocate(gateway, accountId, '20');
    await use(accountId, await aGuardrail(accountId), '15');

    const mail = only(await received(1));

    expect(figure(mail.text, 'Usage page')).toBe(usageUrl);
    const html = typeof mail.html === 'string' ? mail.html : '';
    expect(/<a href="([^"]*)"/.exec(html)?.[1]).toBe(usageUrl);
  });

  it('at the end of a cycle links to its statement on the page, which is issued afterwards', async () => {
    await startOwn({ publicUrl: 'https://acme.example/billing' });
    await runJobs();
    const accountId = await anAccount();
    await allocate(gateway, accountId, '20');
    await moveClock(gateway, accountId, '2026-04-01T00:00:00Z');
    const mail = only(await received(1));

    const link = figure(mail.text, 'Statement No. 1');
    expect(link).toBe('https://acme.example/billing/usage/credits?statement=1');
    expect(mail.html).toContain(`<a href="${link}"`);
    await gateway.app.issuing.issueAll();
    const { account } = await ask(gateway, StatementsDocument, { accountId, first: 5 });
    expect(account?.statements.nodes.map(({ number }) => number)).toEqual([1]);
  });

  it('writes figures for people, and the alert keeps the exact ones', async () => {
    const accountId = await anAccount({ usageThresholds: ['50'] });
    await allocate(gateway, accountId, '12345');
    await use(accountId, await aGuardrail(accountId), '6255.220611');

    // 6255.220611 of 12,345 are 50.670074 %; 12,345 - 6,255.220611 = 6,089.779389.
    const email = only(await emails(accountId));
    expect(email.subject).toBe('Acme has used 50.67 % of its credits');
    expect(figure(email.text, '50 % of credits used')).toBe('50.67 % used');
    expect(figure(email.text, 'Credits remaining')).toBe('6,089.78');
    expect(figure(email.text, 'Credits of this cycle')).toBe('12,345');
    expect(figure(email.text, 'Credits used')).toBe('6,255.22 (50.67 %)');
    const { data } = await gateway.query(PastAlertsDocument, { accountId });
    expect(data.account?.alerts.edges.map(({ node }) => node)).toMatchObject([
      {
        message:
          'Credits used are 50.67 % (6,255.22 of 12,345), at or above the threshold of 50 %; 6,089.78 remain.',
        measured: '50.670074',
        percentUsed: 50.6701,
        remaining: '6089.779389',
      },
    ]);
  });

  it('is one for all that an instant raises, of the gravest kind', async () => {
    const accountId = await anAccount({
      usageThresholds: ['50', '90'],
      lowCredit: '10',
      negativeLimit: '-5',
    });
    await allocate(gateway, accountId, '40');
    const id = await aGuardrail(accountId);
    await use(accountId, id, '40');

    // 50 %, 90 %, low and exhausted at one instant.
    const email = only(await emails(accountId));
    expect(email.kind).toBe('CREDITS_EXHAUSTED');
    expect(email.subject).toBe('Acme has used up its credits');
    expect(figure(email.text, '50 % of credits used')).toBe('100 % used');
    expect(figure(email.text, '90 % of credits used')).toBe('100 % used');
    expect(email.text).toContain('low-credit level of 10 credits');
    expect(email.text).toContain('reaches the negative limit of -5 credits; then they are stopped');
  });

  it('is written for each of two instants', async () => {
    const accountId = await anAccount({ usageThresholds: ['50', '75'] });
    await allocate(gateway, accountId, '36');
    await deployed(await aGuardrail(accountId));
    // 3.6 credits an hour: 18 credits after 5 hours, 27 after 7.5.
    await moveClock(gateway, accountId, '2026-03-10T20:00:00Z');

    expect((await emails(accountId)).map(({ kind, subject }) => [kind, subject])).toEqual([
      ['DEPLOYMENT_STARTED', 'Acme: scorer (guardrail) was deployed'],
      ['CREDIT_USAGE', 'Acme has used 50 % of its credits'],
      ['CREDIT_USAGE', 'Acme has used 75 % of its credits'],
    ]);
  });

  it('is kept and shown without a mail server, and without addresses there is none', async () => {
    gateway = await startTestGateway();
    toEnd.push(() => gateway.close());
    const told = await anAccount({ lowCredit: '10' });
    const untold = await anAccount({ lowCredit: '10', notificationEmails: [] });
    for (const accountId of [told, untold]) {
      await allocate(gateway, accountId, '20');
      await use(accountId, await aGuardrail(accountId), '15');
    }

    expect(gateway.app.tasks.map(({ name }) => name)).not.toContain('send-email');
    expect(await emails(told)).toMatchObject([{ kind: 'LOW_CREDITS', status: 'PENDING' }]);
    expect(await emails(untold)).toEqual([]);
    expect(await asOwner(gateway.databaseUrl, 'select * from graphile_worker.jobs')).toEqual([]);
  });
});

describe('the email of', () => {
  it('a negative limit lists what was stopped, with the message, at the exact instant', async () => {
    const accountId = await anAccount({
      timeZone: 'Europe/Berlin',
      negativeLimit: '-1.8',
      lowCredit: '5',
    });
    await allocate(gateway, accountId, '7.2');
    await deployed(await aGuardrail(accountId), 2);
    // 2 x 3.6 = 7.2 credits an hour: 5 left at 12:18:20, 0 at 13:00:00, -1.8 at 13:15:00 UTC.
    await moveClock(gateway, accountId, '2026-03-11T00:00:00Z');

    const all = await emails(accountId);
    const [, low, exhausted] = all;
    const limit = lastOf(all);
    expect(all.map((email) => email.kind)).toEqual([
      'DEPLOYMENT_STARTED',
      'LOW_CREDITS',
      'CREDITS_EXHAUSTED',
      'NEGATIVE_LIMIT_REACHED',
    ]);
    expect(low?.text).toContain('at 2026-03-10 13:18:20 Europe/Berlin (UTC+01:00)');
    expect(exhausted?.text).toContain('at 2026-03-10 14:00:00 Europe/Berlin (UTC+01:00)');
    expect(limit.subject).toBe('Acme has reached its negative limit: 1 deployment was stopped');
    expect(limit.text).toContain('at 2026-03-10 14:15:00 Europe/Berlin (UTC+01:00)');
    expect(limit.text).toContain(
      "You've used all your available credits. Please add more credits to your account to continue.",
    );
    expect(limit.text).toContain('- scorer (guardrail): 2 x gpu-a100, 7.2 credits an hour');
    expect(figure(limit.text, 'Credits remaining')).toBe('-1.8');
  });

  it('a stop that is expected says when, what runs, and what to add', async () => {
    const accountId = await anAccount({ hoursToStop: ['24'] });
    await allocate(gateway, accountId, '360');
    await deployed(await aGuardrail(accountId), 2);
    // 360 credits at 7.2 an hour last 50 hours, until 2026-03-12T14:00Z; 24 hours before that is 2026-03-11T14:00Z.
    await moveClock(gateway, accountId, '2026-03-11T14:00:00Z');

    const email = lastOf(await emails(accountId));
    expect(email.kind).toBe('STOP_EXPECTED');
    expect(email.subject).toBe(
      'Potential interruption: deployments of Acme will be stopped at 2026-03-12 14:00:00 UTC (UTC+00:00)',
    );
    expect(figure(email.text, 'Will be stopped at')).toBe('2026-03-12 14:00:00 UTC (UTC+00:00)');
    expect(figure(email.text, 'That is in')).toBe('24 hours');
    expect(figure(email.text, 'All running cost')).toBe('7.2 credits an hour');
    // 7.2 x 24 and 7.2 x 24 x 30
    expect(figure(email.text, 'To run a day longer')).toBe('add 172.8 credits');
    expect(figure(email.text, 'To run 30 days longer')).toBe('add 5,184 credits');
    expect(email.text).toContain('- scorer (guardrail): 2 x gpu-a100, 7.2 credits an hour');
    // 26 hours x 7.2 = 187.2 of 360
    expect(figure(email.text, 'Credits remaining')).toBe('172.8');
    expect(figure(email.text, 'Credits used')).toBe('187.2 (52 %)');
  });

  it("a cycle's end sums it up", async () => {
    const accountId = await anAccount({ timeZone: 'America/New_York' });
    await allocate(gateway, accountId, '100', { expiresAt: '2026-03-20T00:00:00Z' });
    await allocate(gateway, accountId, '50');
    await allocate(gateway, accountId, '1000', { unit: 'WORKFLOW_RUNS' });
    await use(accountId, await aGuardrail(accountId), '30.5');
    await run(accountId, 7);
    await moveClock(gateway, accountId, '2026-04-01T04:00:00Z');

    const email = only(await emails(accountId));
    expect(email.kind).toBe('CREDIT_USAGE');
    expect(email.subject).toBe(
      'Acme used 30.5 credits in the billing cycle that ended at 2026-04-01 00:00:00 America/New_York (UTC-04:00)',
    );
    expect(figure(email.text, 'From')).toBe('2026-03-01 00:00:00 America/New_York (UTC-05:00)');
    // The lot that expires is spent first: 100 - 30.5 = 69.5 expire, 50 stay.
    const credits = ['carried over', 'allocated', 'used', 'expired', 'adjusted', 'left at the end'];
    expect(credits.map((label) => figure(email.text, `Credits ${label}`))).toEqual([
      '0',
      '150',
      '30.5',
      '69.5',
      '0',
      '50',
    ]);
    expect(figure(email.text, 'Workflow runs used')).toBe('7');
    expect(figure(email.text, 'Workflow runs left at the end')).toBe('993');
  });

  it('runs says how many are left, and a label names its threshold', async () => {
    const accountId = await anAccount();
    await ask(gateway, CreateThresholdDocument, {
      input: { accountId, measure: 'RUNS_USED_PERCENT', value: '0.4', label: 'Plan <b>' },
    });
    await allocate(gateway, accountId, '10000', { unit: 'WORKFLOW_RUNS' });
    await run(accountId, 45);

    // 45 of 10,000
    expect(await emails(accountId)).toMatchObject([
      { kind: 'RUN_USAGE', subject: 'Acme has used 0.45 % of its workflow runs' },
    ]);
    const email = only(await emails(accountId));
    expect(figure(email.text, 'Workflow runs remaining')).toBe('9,955');
    expect(email.text).toContain('Plan <b> (0.4 % of workflow runs used): 0.45 % used');
  });

  it('credits remaining says how many are left', async () => {
    const accountId = await anAccount();
    await ask(gateway, CreateThresholdDocument, {
      input: { accountId, measure: 'CREDITS_REMAINING', value: '25' },
    });
    await allocate(gateway, accountId, '75');
    await use(accountId, await aGuardrail(accountId), '50.000001');

    // 75 - 50.000001 = 24.999999, to two decimals.
    expect(await emails(accountId)).toMatchObject([
      { kind: 'CREDIT_USAGE', subject: 'Acme has 25 credits left' },
    ]);
  });

  it('a deployment says what it costs, what is left and where it answers; scaling makes none', async () => {
    const accountId = await anAccount();
    await allocate(gateway, accountId, '300');
    const id = await aGuardrail(accountId);
    await use(accountId, id, '212.16');
    await deployed(id, 2);
    await moveClock(gateway, accountId, '2026-03-10T13:00:00Z');
    await ask(gateway, ScaleDocument, {
      input: { id, replicas: 1 },
    });
    await moveClock(gateway, accountId, '2026-03-10T14:00:00Z');
    await undeploy(gateway, id);

    const all = await emails(accountId);
    expect(all.map((email) => email.kind)).toEqual(['DEPLOYMENT_STARTED', 'DEPLOYMENT_STOPPED']);
    const [started] = all;
    const stopped = lastOf(all);
    expect(
      ['Kind', 'External id', 'Hardware', 'Replicas', 'Costs', 'Runs since', 'API endpoint'].map(
        (label) => figure(started?.text, label),
      ),
    ).toEqual([
      'guardrail',
      'scorer-1',
      'gpu-a100',
      '2',
      '7.2 credits an hour',
      '2026-03-10 12:00:00 UTC (UTC+00:00)',
      'https://api.acme.example/scorer',
    ]);
    // 300 - 212.16; it lasts 87.84 / 7.2 = 12.2 hours.
    expect(figure(started?.text, 'Credits remaining')).toBe('87.84');
    expect(figure(started?.text, 'Credits of this cycle')).toBe('300');
    expect(figure(started?.text, 'Credits used')).toBe('212.16 (70.72 %)');
    expect(figure(started?.text, 'Deployments will stop at')).toBe(
      '2026-03-11 00:12:00 UTC (UTC+00:00)',
    );
    expect(stopped.subject).toBe('Acme: scorer (guardrail) was undeployed');
    expect(figure(stopped.text, 'Costs')).toBe('3.6 credits an hour');
    expect(figure(stopped.text, 'Charged until')).toBe('2026-03-10 14:00:00 UTC (UTC+00:00)');
    // 87.84 - 7.2 - 3.6
    expect(figure(stopped.text, 'Credits remaining')).toBe('77.04');
    expect(stopped.text).not.toContain('Deployments will stop');
  });

  it.each([
    ['deleteResource', (id: string) => ask(gateway, DeleteResourceDocument, { id }), 'was deleted'],
    [
      'deploymentFailed',
      (id: string) => ask(gateway, DeploymentFailedDocument, { id, message: 'Out of memory' }),
      'failed',
    ],
  ])('%s says so', async (_name, end, verb) => {
    const accountId = await anAccount();
    await allocate(gateway, accountId, '300');
    const id = await aGuardrail(accountId);
    await deployed(id);
    await end(id);

    const email = lastOf(await emails(accountId));
    expect(email.kind).toBe('DEPLOYMENT_STOPPED');
    expect(email.subject).toBe(`Acme: scorer (guardrail) ${verb}`);
    expect(figure(email.text, 'Message')).toBe(verb === 'failed' ? 'Out of memory' : undefined);
  });

  it('what no longer holds says what', async () => {
    const accountId = await anAccount({ lowCredit: '10', usageThresholds: ['50'] });
    await allocate(gateway, accountId, '20');
    await use(accountId, await aGuardrail(accountId), '15');
    await allocate(gateway, accountId, '100');

    const email = lastOf(await emails(accountId));
    expect(email.kind).toBe('RESOLVED');
    expect(email.subject).toBe('Resolved: Acme has 105 credits left');
    expect(email.text).toContain('- Low on credits');
    expect(email.text).toContain('- 50 % of credits used');
  });
});

describe('a mail server', () => {
  it('that is not there loses nothing and holds up nothing', async () => {
    await startOwn();
    await mailbox.close();
    await runJobs();
    const accountId = await anAccount({ lowCredit: '10' });
    await allocate(gateway, accountId, '20');
    await use(accountId, await aGuardrail(accountId), '15');
    await eventually(async () => {
      const email = only(await emails(accountId));
      expect(email.attempts).toBeGreaterThan(1);
    });
    const [waiting] = await emails(accountId);

    mailbox = await openMailbox({ port: mailbox.port });
    toEnd.push(() => mailbox.close());

    const mail = only(await received(1));
    expect(mail.subject).toBe('Acme is low on credits: 5 credits left');
    expect(waiting?.status).toBe('PENDING');
    expect(waiting?.lastError).toBe('The mail server could not be reached (ESOCKET).');
    await eventually(async () => {
      expect(await emails(accountId)).toMatchObject([{ status: 'DELIVERED', lastError: null }]);
    });
    expect(mailbox.mails).toHaveLength(1);
  });

  it('that breaks off after it took the mail gets it again under the same Message-ID', async () => {
    await startOwn({}, { breakAfter: 1 });
    await runJobs();
    const accountId = await anAccount({ lowCredit: '10' });
    await allocate(gateway, accountId, '20');
    await use(accountId, await aGuardrail(accountId), '15');

    const mails = await received(2);

    const ids = new Set(mails.map((mail) => mail.messageId));
    expect(ids.size).toBe(1);
    expect([...ids][0]).toMatch(/^<\d+\.\d+\.[0-9a-z]+@example\.com>$/);
    expect(new Set(mails.map((mail) => mail.date?.toISOString()))).toEqual(new Set([START]));
    await eventually(async () => {
      expect(await emails(accountId)).toMatchObject([{ status: 'DELIVERED', attempts: 2 }]);
    });
  });

  it('that never takes it leads to FAILED after the last attempt', async () => {
    await startOwn({ retryDelaysMs: [0, 0] }, { refuse: ['ops@acme.example'] });
    await runJobs();
    const accountId = await anAccount({ lowCredit: '10' });
    await allocate(gateway, accountId, '20');
    await use(accountId, await aGuardrail(accountId), '15');

    await eventually(async () => {
      expect(await emails(accountId)).toMatchObject([{ status: 'FAILED', attempts: 3 }]);
    });
    const email = only(await emails(accountId));
    expect(email.lastError).toContain('nobody is called ops@acme.example');
    expect(email.deliveredAt).toBeNull();
    await eventually(async () => {
      expect(await asOwner(gateway.databaseUrl, 'select * from graphile_worker.jobs')).toEqual([]);
    });
  });

  it('that refuses one address is asked for the others, and which one is told', async () => {
    await startOwn({}, { refuse: ['gone@acme.example'] });
    await runJobs();
    const accountId = await anAccount({
      lowCredit: '10',
      notificationEmails: ['gone@acme.example', 'ops@acme.example'],
    });
    await allocate(gateway, accountId, '20');
    await use(accountId, await aGuardrail(accountId), '15');

    await received(1);
    await eventually(async () => {
      expect(await emails(accountId)).toMatchObject([
        { status: 'DELIVERED', lastError: 'The mail server refused gone@acme.example.' },
      ]);
    });
  });

  it('gets each email once, however often its job runs', async () => {
    await runJobs();
    const accountId = await anAccount({ lowCredit: '10' });
    await allocate(gateway, accountId, '20');
    await use(accountId, await aGuardrail(accountId), '15');
    await received(1);
    await eventually(async () => {
      expect(await emails(accountId)).toMatchObject([{ status: 'DELIVERED' }]);
    });

    const ofAccount = numberOf(accountId);
    const [row] = await asOwner(
      gateway.databaseUrl,
      sql`select email_id from email where account_id = ${ofAccount}`,
    );
    const payload = { accountId: ofAccount, emailId: Number(row?.['email_id']) };
    await asOwner(
      gateway.databaseUrl,
      sql`select graphile_worker.add_job('sendEmail', ${JSON.stringify(payload)}::json)`,
    );
    await eventually(async () => {
      expect(await asOwner(gateway.databaseUrl, 'select * from graphile_worker.jobs')).toEqual([]);
    });

    expect(mailbox.mails).toHaveLength(1);
    expect(await emails(accountId)).toMatchObject([{ attempts: 1 }]);
  });
});

describe('names from outside', () => {
  it('add no header and no line', async () => {
    await runJobs();
    const accountId = await anAccount({
      name: 'Acme\r\nBcc: spy@evil.example\r\n\r\nHello',
      lowCredit: '10',
    });
    await allocate(gateway, accountId, '20');
    await use(accountId, await aGuardrail(accountId), '15');

    const mail = only(await received(1));

    expect(mail.subject).toBe('Acme Bcc: spy@evil.example Hello is low on credits: 5 credits left');
    expect(mail.bcc).toBeUndefined();
    expect(mailbox.raw[0]).not.toMatch(/^bcc:/im);
    expect(mail.to).toMatchObject({ text: 'ops@acme.example' });
  });

  it('are text in HTML', async () => {
    await runJobs();
    const accountId = await anAccount({ name: '<img src=x onerror="alert(1)">' });
    await allocate(gateway, accountId, '300');
    await deployed(await aGuardrail(accountId, `a"b'c<script>&`));

    const mail = only(await received(1));

    const html = String(mail.html);
    expect(html).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;');
    expect(html).toContain('a&quot;b&#39;c&lt;script&gt;&amp;');
    expect(html).not.toMatch(/<img|<script/);
    expect(html).toContain('<a href="https://api.acme.example/scorer"');
    expect(mail.text).toContain(`a"b'c<script>& (guardrail) was deployed`);
  });
});

describe('the list of emails', () => {
  it('has the newest first, in pages, and each under its id', async () => {
    const accountId = await anAccount({ usageThresholds: ['10', '20', '30'] });
    await allocate(gateway, accountId, '100');
    const id = await aGuardrail(accountId);
    for (const credits of ['10', '10', '10']) await use(accountId, id, credits);

    const pageAfter = async (after: string | null): Promise<EmailsQuery['emails']> => {
      const { data } = await gateway.query(EmailsDocument, { accountId, first: 2, after });
      return data.emails;
    };
    const first = await pageAfter(null);
    const second = await pageAfter(first?.pageInfo.endCursor ?? null);

    expect([first, second]).toMatchObject([
      {
        nodes: [
          { subject: 'Acme has used 30 % of its credits' },
          { subject: 'Acme has used 20 % of its credits' },
        ],
        totalCount: 3,
        pageInfo: { hasNextPage: true },
      },
      {
        nodes: [{ subject: 'Acme has used 10 % of its credits' }],
        pageInfo: { hasNextPage: false },
      },
    ]);
    const email = lastOf(first?.nodes ?? []);
    const byId = await gateway.query(EmailByIdDocument, { id: email.id });
    expect(byId.data.node).toEqual(email);
  });

  it("is for keys that manage, and never another account's", async () => {
    const accountId = await anAccount({ lowCredit: '10' });
    const otherId = await anAccount({ name: 'Other' });
    await allocate(gateway, accountId, '20');
    await use(accountId, await aGuardrail(accountId), '15');
    const email = only(await emails(accountId));
    const keyOf = async (account: string, scopes: readonly Scope[]): Promise<string> =>
      (await createKey(gateway, account, scopes)).secret;
    const manager = await keyOf(accountId, ['MANAGE']);
    const reader = await keyOf(accountId, ['READ_USAGE', 'INGEST']);
    const stranger = await keyOf(otherId, ['MANAGE']);

    const own = await gateway.query(EmailsDocument, {}, manager);
    const read = await gateway.query(EmailsDocument, {}, reader);
    const readNode = await gateway.query(EmailByIdDocument, { id: email.id }, reader);
    const strange = await gateway.query(EmailsDocument, { accountId }, stranger);
    const strangeNode = await gateway.query(EmailByIdDocument, { id: email.id }, stranger);

    expect(own.data.emails?.totalCount).toBe(1);
    expect([read, readNode].map((answer) => answer.errors?.[0]?.extensions.code)).toEqual([
      'FORBIDDEN',
      'FORBIDDEN',
    ]);
    expect([strange, strangeNode].map((answer) => answer.errors?.[0]?.extensions.code)).toEqual([
      'NOT_FOUND',
      'NOT_FOUND',
    ]);
  });
});

describe('an account that is written to without end', () => {
  it('gets 500 emails in 24 hours; what comes beyond is kept and says why', async () => {
    const accountId = await anAccount({ usageThresholds: ['10', '20'] });
    await allocate(gateway, accountId, '100');
    const id = await aGuardrail(accountId);
    await asOwner(
      gateway.databaseUrl,
      sql`insert into email (account_id, kind, to_addresses, subject, text, html, message_id, created_at)
       select account_id, 'RESOLVED', '{}', '', '', '', '', ${START}::timestamptz - interval '23 hours'
       from account, generate_series(1, 499) where account_id = ${numberOf(accountId)}`,
    );
    await use(accountId, id, '10');
    await use(accountId, id, '10');

    const { data } = await gateway.query(EmailsDocument, { accountId, first: 2 });

    expect(data.emails?.nodes).toMatchObject([
      {
        status: 'FAILED',
        lastError: 'Not sent: the account already got 500 emails within 24 hours.',
      },
      { status: 'PENDING', lastError: null },
    ]);
  });

  it('is sent emails again when fewer than 500 were sent, however many were not', async () => {
    const accountId = await anAccount({ usageThresholds: ['10', '20'] });
    await allocate(gateway, accountId, '100');
    const id = await aGuardrail(accountId);
    await asOwner(
      gateway.databaseUrl,
      sql`insert into email (account_id, kind, to_addresses, subject, text, html, message_id, created_at, status)
       select account_id, 'RESOLVED', '{}', '', '', '', '', ${START}::timestamptz - interval '1 hour', 'FAILED'
       from account, generate_series(1, 600) where account_id = ${numberOf(accountId)}`,
    );
    await use(accountId, id, '10');

    const { data } = await gateway.query(EmailsDocument, { accountId, first: 1 });

    expect(data.emails?.nodes).toMatchObject([{ status: 'PENDING', lastError: null }]);
  });
});
