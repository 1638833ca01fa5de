import type { LookupFunction } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findDemoAccount, seedDemo } from '../../src/cli/seed.ts';
import { DemoDays } from '../../src/cli/seed/days.ts';
import { planDemo } from '../../src/cli/seed/plan.ts';
import { demoTokens } from '../../src/demo-token.ts';
import { ask, createAccount, createKey } from '../support/account.ts';
import { problemsOf, readFocus } from '../support/focus-validator.ts';
import {
  asOwner,
  startTestGateway,
  type TestGateway,
  WEBHOOK_SECRET_KEY,
} from '../support/gateway.ts';
import { runDueJobs } from '../support/jobs.ts';
import {
  AccountDocument,
  AllocationsDocument,
  BrowserPodsTabDocument,
  BillingCyclesDocument,
  CloseAccountDocument,
  CreditsDocument,
  CustomScriptsTabDocument,
  GuardrailsTabDocument,
  HardwareProfilesDocument,
  ModelsTabDocument,
  OcrDeploymentsTabDocument,
  OverviewDocument,
  ReportDocument,
  UsageEventsDocument,
  WebhookEndpointsDocument,
  WorkflowsTabDocument,
} from '@billing-gateway/client/operations';

const SEEDING_MS = 120_000;
const YEAR = { fromDay: '2025-04-01', toDay: '2026-03-09' };

/** Seeds, and gives the key that a first start would print. */
async function keysOfDemo({ database, clock }: TestGateway): Promise<readonly string[]> {
  const failures: unknown[] = [];
  const made = await seedDemo({
    database,
    clock,
    webhookKeys: [WEBHOOK_SECRET_KEY],
    onError: (error) => failures.push(error),
  });
  if (failures.length > 0) throw new Error('A demo account was not made.', { cause: failures[0] });
  return made.map(({ key }) => key);
}

async function keyOfDemo(gateway: TestGateway): Promise<string> {
  return (await keysOfDemo(gateway))[0] ?? '';
}

describe('the demo', () => {
  let gateway: TestGateway;
  let key: string;
  let keyOfBurning: string;
  let keyOfPage: string;

  beforeAll(async () => {
    gateway = await startTestGateway({
      now: '2026-03-10T12:00:00.000Z',
      webhooks: { lookup: leadsNowhere },
    });
    [key = '', keyOfBurning = '', keyOfPage = ''] = await keysOfDemo(gateway);
  }, SEEDING_MS);

  afterAll(async () => {
    await gateway.close();
  });

  it('has used about 70 % of 300 credits, three weeks into its cycle', async () => {
    const { data } = await gateway.query(
      OverviewDocument,
      { range: { preset: 'CURRENT_CYCLE' } },
      key,
    );
    const usage = data.account?.usage;

    expect(usage?.range.from).toBe('2026-02-16T23:00:00.000Z');
    expect(usage?.credits.allocated).toBe('300');
    expect(usage?.credits.percentUsed).toBeGreaterThan(68);
    expect(usage?.credits.percentUsed).toBeLessThan(72);
    expect(usage?.workflowRuns.allocated).toBe(10_000);
    expect(usage?.workflowRuns.percentUsed).toBeGreaterThan(30);
    expect(usage?.workflowRuns.percentUsed).toBeLessThan(60);
  });

  it('has credits in every category, and in every component', async () => {
    const { data } = await gateway.query(
      OverviewDocument,
      { range: { preset: 'LAST_30_DAYS' } },
      key,
    );
    const credits = data.account?.usage.credits;

    expect(credits?.byCategory.map(({ category }) => category)).toEqual([
      'MODELS',
      'GUARDRAILS',
      'CUSTOM_SCRIPTS',
      'OCR',
      'BROWSER_AUTOMATION',
    ]);
    // Each slice of the pie can be seen, and none is all of it.
    for (const { percent } of credits?.byCategory ?? []) {
      expect(percent).toBeGreaterThan(3);
      expect(percent).toBeLessThan(60);
    }
    for (const component of credits?.byComponent ?? []) {
      expect(Number(component.credits)).toBeGreaterThan(0);
    }
  });

  it('has lived through twelve whole cycles, none of them beyond what it was given', async () => {
    const plans = await gateway.query(AllocationsDocument, { unit: 'CREDITS', first: 50 }, key);
    const cycles = (plans.data.account?.allocations.nodes ?? [])
      .filter(({ source }) => source === 'PLAN')
      .map(({ effectiveAt, expiresAt }) => ({ from: effectiveAt, to: expiresAt }))
      .sort((a, b) => a.from.localeCompare(b.from))
      // The account's creation cuts the first one, and the last one is running.
      .slice(1, -1);
    const used: number[] = [];
    for (const range of cycles) {
      const { data } = await gateway.query(OverviewDocument, { range }, key);
      const credits = data.account?.usage.credits;
      expect(Number(credits?.used)).toBeLessThan(Number(credits?.allocated));
      used.push(Number(credits?.used));
    }

    expect(used).toHaveLength(12);
    expect(Math.min(...used)).toBeGreaterThan(170);
    expect(Math.max(...used)).toBeLessThan(305);
    // It grew: the last three cycles cost more than the first three.
    expect(sum(used.slice(-3))).toBeGreaterThan(1.2 * sum(used.slice(0, 3)));
  });

  it('is busier on workdays than at weekends', async () => {
    const range = { fromDay: '2026-02-23', toDay: '2026-03-01' };
    const { data } = await gateway.query(OverviewDocument, { range, granularity: 'DAY' }, key);
    const runs = data.account?.usage.trend.buckets.map(({ workflowRuns }) => workflowRuns) ?? [];

    expect(runs).toHaveLength(7);
    expect(Math.min(...runs.slice(0, 5))).toBeGreaterThan(1.5 * Math.max(...runs.slice(5)));
  });

  it('lists the workflows that ran: of its twelve, three are in development', async () => {
    const range = { preset: 'CURRENT_CYCLE' } as const;
    const { data } = await gateway.query(WorkflowsTabDocument, { range }, key);

    expect(data.account?.usage.workflows.totalCount).toBe(9);
    expect(data.account?.usage.workflows.totals.runs).toBeGreaterThan(3_000);
  });

  it('fills every tab of what is hosted', async () => {
    const range = { preset: 'CURRENT_CYCLE' } as const;
    const models = await gateway.query(ModelsTabDocument, { range }, key);
    const guardrails = await gateway.query(GuardrailsTabDocument, { range }, key);
    const scripts = await gateway.query(CustomScriptsTabDocument, { range }, key);
    const ocr = await gateway.query(OcrDeploymentsTabDocument, { range }, key);
    const pods = await gateway.query(BrowserPodsTabDocument, { range }, key);

    const rows = [
      models.data.account?.usage.models,
      guardrails.data.account?.usage.guardrails,
      scripts.data.account?.usage.customScripts,
      ocr.data.account?.usage.ocrDeployments,
      pods.data.account?.usage.browserPods,
    ];
    expect(rows.map((tab) => tab?.totalCount)).toEqual([4, 3, 5, 2, 3]);
    for (const tab of rows) expect(Number(tab?.totals.hostingCredits)).toBeGreaterThan(0);
  });

  it('shows deployments in each state', async () => {
    const { data } = await gateway.query(ModelsTabDocument, { range: YEAR }, key);
    const { data: scripts } = await gateway.query(CustomScriptsTabDocument, { range: YEAR }, key);
    const deployments =
      data.account?.usage.models.nodes.flatMap((model) => model.deployments.nodes) ?? [];
    const status = new Map(
      [...deployments, ...(scripts.account?.usage.customScripts.nodes ?? [])].map(
        ({ resource }) => [resource.externalId, resource.status],
      ),
    );

    expect(Object.fromEntries(status)).toMatchObject({
      'support-replies-prod': 'DEPLOYED',
      'llama-long-documents': 'DEPLOYING',
      'invoice-fields-canary': 'FAILED',
      'invoice-fields-prod': 'UNDEPLOYED',
      'legacy-crm-export': 'DELETED',
    });
    const failed = deployments.find(({ resource }) => resource.status === 'FAILED');
    expect(failed?.resource.failureMessage).toContain('out of memory');
  });

  it('ran on two replicas for a while', async () => {
    const { data } = await gateway.query(OverviewDocument, { range: YEAR }, key);
    const hardware = data.account?.usage.hardware ?? [];
    const t4 = hardware.find((used) => used.hardware.name === 'g4dn.xlarge');

    expect(t4?.time).toMatch(/^PT/);
    expect(t4?.replicaTime).not.toBe(t4?.time);
  });

  it('has a price that changed, at the prices of the platform', async () => {
    const { data } = await gateway.query(HardwareProfilesDocument, {}, key);
    const hardware = new Map(data.hardwareProfiles.map((profile) => [profile.name, profile]));

    expect(hardware.get('cpu-1-2')?.creditsPerHour).toBe('0.07698');
    expect(hardware.get('cpu-2-4')?.creditsPerHour).toBe('0.15396');
    expect(hardware.get('cpu-4-8')?.creditsPerHour).toBe('0.30792');
    expect(hardware.get('cpu-2-8')?.creditsPerHour).toBe('0.144');
    expect(hardware.get('cpu-4-16')?.creditsPerHour).toBe('0.288');
    const rates = hardware.get('g4dn.xlarge')?.rates;
    expect(rates?.map(({ creditsPerHour }) => creditsPerHour)).toEqual(['0.1', '0.09']);
  });

  it('has costs in money, by the rules of FOCUS, which add up to the credits of the year', async () => {
    const [from, to] = ['2025-04-01T00:00:00Z', '2026-03-10T12:00:00Z'];
    const csv = await gateway.http
      .get('/v1/exports/focus')
      .query({ from, to, format: 'csv' })
      .set('authorization', `Bearer ${key}`)
      .expect(200);
    const { data } = await gateway.query(OverviewDocument, { range: { from, to } }, key);
    const { rows } = readFocus(csv.text);
    const micro = (decimal: string | null | undefined): number =>
      Math.round(Number(decimal) * 1_000_000);
    const creditsMicro = rows.reduce(
      (total, row) => total + micro(row['PricingCurrencyEffectiveCost']),
      0,
    );

    // Up to ten segments in a row, each rounded down.
    expect(problemsOf(csv.text, '1.2', { ofPricing: '0.00001' })).toEqual([]);
    expect(creditsMicro).toBe(micro(data.account?.usage.credits.used));
    expect(new Set(rows.map((row) => row['ServiceName'])).size).toBe(6);
    expect(new Set(rows.map((row) => row['ChargeCategory']))).toEqual(
      new Set(['Usage', 'Purchase', 'Credit', 'Adjustment']),
    );
  });

  it('has late events and voided ones', async () => {
    const voided = await gateway.query(
      UsageEventsDocument,
      { source: 'training', eventId: 'job-1058-retry' },
      key,
    );
    // The engine's outage was 56 days before the first start, 13 January, and was reported three days later.
    const range = { from: '2026-01-13T09:00:00.000Z', to: '2026-01-13T14:00:00.000Z' };
    const late = await gateway.query(
      UsageEventsDocument,
      { range, source: 'workflow-engine' },
      key,
    );

    expect(voided.data.account?.usageEvents.nodes[0]?.voidedAt).toBe('2026-03-03T09:25:00.000Z');
    const events = late.data.account?.usageEvents.nodes ?? [];
    expect(events.length).toBeGreaterThan(10);
    for (const { recordedAt } of events) expect(recordedAt > '2026-01-16').toBe(true);
  });

  it('has a top-up that is over and a promotion that was taken back', async () => {
    const { data } = await gateway.query(AllocationsDocument, { first: 50 }, key);
    const allocations = data.account?.allocations.nodes ?? [];

    expect(allocations.filter(({ source }) => source === 'TOP_UP')).toHaveLength(1);
    expect(allocations.find(({ source }) => source === 'PROMOTION')?.voidedAt).not.toBeNull();
    // Credits and runs for each of fourteen cycles: the first one is cut by the account's creation.
    expect(allocations.filter(({ source }) => source === 'PLAN')).toHaveLength(28);
  });

  it('has a second account, low on credits: used up within the hour, stopped within two', async () => {
    const { data } = await gateway.query(CreditsDocument, {}, keyOfBurning);
    const cycles = await gateway.query(BillingCyclesDocument, {}, keyOfBurning);

    // 142.5 - 0.32 - 89.38 - 60 x 0.1 - 5 x 8.5 = 4.3; at 8.6 an hour 0 is reached in 30 minutes, and -10 in 14.3 / 8.6 hours.
    expect(data.account?.credits).toMatchObject({
      allocated: '142.5',
      used: '138.2',
      remaining: '4.3',
      state: 'LOW',
      burnRatePerHour: '8.6',
      exhaustsAt: '2026-03-10T12:30:00.000Z',
      stopsAt: '2026-03-10T13:39:46.047Z',
    });
    // 150 - 60 - 52.25 - 45.25 = -7.5.
    expect(cycles.data.account?.billingCycles.nodes).toMatchObject([
      { startsAt: '2026-03-05T05:00:00.000Z', carriedOver: '-7.5', allocated: '150' },
      { allocated: '150', used: '157.5', closing: '-7.5' },
    ]);
    for (const [now, state] of [
      ['2026-03-10T13:00:00.000Z', 'EXHAUSTED'],
      ['2026-03-10T14:00:00.000Z', 'STOPPED'],
    ] as const) {
      gateway.clock.moveTo(Date.parse(now));
      const later = await gateway.query(CreditsDocument, {}, keyOfBurning);
      expect(later.data.account?.credits.state).toBe(state);
    }
    gateway.clock.moveTo(Date.parse('2026-03-10T12:00:00.000Z'));
  });

  it('has a second account with a failed deployment and a draft', async () => {
    const range = { preset: 'CURRENT_CYCLE' } as const;
    const { data } = await gateway.query(ModelsTabDocument, { range }, keyOfBurning);
    const draft = await gateway.query<{ resource: { status: string } }>(
      '{ resource(kind: WORKFLOW, externalId: "show-notes") { status } }',
      {},
      keyOfBurning,
    );
    const deployments =
      data.account?.usage.models.nodes.flatMap((model) => model.deployments.nodes) ?? [];

    expect(
      Object.fromEntries(deployments.map((one) => [one.resource.externalId, one.resource.status])),
    ).toEqual({ 'narrator-prod': 'DEPLOYED', 'narrator-canary': 'FAILED' });
    expect(draft.data.resource.status).toBe('IN_DEVELOPMENT');
  });

  it('has a second account whose webhook fails', async () => {
    await runDueJobs(gateway);
    const { data } = await gateway.query(WebhookEndpointsDocument, {}, keyOfBurning);
    const [endpoint] = data.webhookEndpoints ?? [];
    const deliveries = endpoint?.deliveries.nodes ?? [];

    expect(data.webhookEndpoints).toHaveLength(1);
    // 80 and 90 % of 142.5 are 114 and 128.25, with 28.5 and 14.25 left; low at 10.
    expect(deliveries.map(({ event, status, attempts }) => [event, status, attempts])).toEqual(
      Array.from({ length: 3 }, () => ['ALERT_RAISED', 'PENDING', 1]),
    );
    for (const { lastError } of deliveries) expect(lastError).not.toBeNull();
  });

  it('has a third account with the figures of the product’s page, which stand still', async () => {
    const range = { preset: 'CURRENT_CYCLE' } as const;
    for (const now of ['2026-03-10T12:00:00.000Z', '2026-03-15T23:59:59.999Z']) {
      gateway.clock.moveTo(Date.parse(now));
      const { data } = await gateway.query(OverviewDocument, { range }, keyOfPage);
      const usage = data.account?.usage;

      expect(usage?.workflowRuns).toMatchObject({ used: 45, allocated: 10_000, percentUsed: 0.45 });
      expect(usage?.credits).toMatchObject({
        used: '212.16',
        allocated: '300',
        percentUsed: 70.72,
      });
      expect(usage?.credits.byCategory.map(({ credits }) => credits)).toEqual([
        '98.4',
        '18.24',
        '38.88',
        '40.8',
        '15.84',
      ]);
    }
    gateway.clock.moveTo(Date.parse('2026-03-10T12:00:00.000Z'));
    const { data } = await gateway.query(CreditsDocument, {}, keyOfPage);
    expect(data.account?.credits).toMatchObject({
      remaining: '87.84',
      state: 'OK',
      burnRatePerHour: '0',
      percentUsed: 70.72,
    });
  });

  it('is opened by a token, the same for all who ask within five minutes', async () => {
    const { database, clock, app } = gateway;
    const startMs = clock.nowMs();
    const accountId = await findDemoAccount({ database, clock, webhookKeys: [] });
    const token = demoTokens({ tokens: app.portalTokens, clock, accountId: accountId ?? '' });

    const [first, second] = await Promise.all([token(), token()]);
    clock.moveTo(startMs + 299_999);
    const third = await token();
    clock.moveTo(startMs + 300_000);
    const fresh = await token();

    expect([second, third]).toEqual([first, first]);
    expect(fresh).not.toBe(first);
    const { data } = await gateway.query(AccountDocument, {}, fresh);
    expect(data.account?.name).toBe('Nordlicht Versand GmbH');
    // It reads, and does nothing else.
    const { errors } = await gateway.query('{ apiKeys { id } }', {}, fresh);
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });

  it('counts tokens, pages, calls and sessions by their units', async () => {
    const asked = { range: { preset: 'CURRENT_CYCLE' }, groupBy: ['UNIT'] } as const;
    const unitsOf = async (of: string): Promise<readonly unknown[]> => {
      const { data } = await gateway.query(ReportDocument, asked, of);
      return (data.account?.usage.report.nodes ?? []).map(({ unit, quantity, credits }) => [
        ...[unit, quantity, credits],
      ]);
    };
    // 15 days of 8,700,000 tokens, 1,540 calls, 1,667 pages, 24 sessions and 10 GB; one job. Hosting has the rest.
    expect(await unitsOf(keyOfPage)).toEqual([
      [null, 0, '103.32'],
      ['jobs', 1, '36'],
      ['pages', 25_005, '30'],
      ['tokens', 130_500_000, '26.1'],
      ['calls', 23_100, '9.24'],
      ['sessions', 360, '7.2'],
      ['GB-days', 150, '0.3'],
    ]);
    expect(await unitsOf(key)).toEqual(
      expect.arrayContaining(
        ['pages', 'tokens', 'calls', 'sessions', 'GB-days', 'jobs'].map((unit) =>
          expect.arrayContaining([unit]),
        ),
      ),
    );
  });

  it('stays as it is at the next start', async () => {
    const before = await gateway.query(OverviewDocument, { range: YEAR }, key);

    const again = await keysOfDemo(gateway);

    expect(again).toEqual([]);
    const after = await gateway.query(OverviewDocument, { range: YEAR }, key);
    expect(after.data).toEqual(before.data);
  });

  it('is opened to nobody once its account was closed', async () => {
    const { database, clock } = gateway;
    const accountId = (await findDemoAccount({ database, clock, webhookKeys: [] })) ?? '';
    await ask(gateway, CloseAccountDocument, { accountId });

    expect(await findDemoAccount({ database, clock, webhookKeys: [] })).toBeNull();
  });
});

describe('an account that only looks like the demo’s', () => {
  it('is opened to nobody', async () => {
    const gateway = await startTestGateway();
    const { database, clock } = gateway;
    const accountId = await createAccount(gateway, { externalId: 'demo' });
    await createKey(gateway, accountId, ['READ_USAGE']);

    expect(await findDemoAccount({ database, clock, webhookKeys: [] })).toBeNull();
    await gateway.close();
  });
});

describe('a first start that is interrupted', () => {
  // A Sunday on which the clock is put back; the second start is on the next day.
  const FIRST = '2026-10-25T00:30:00.000Z';
  const NEXT = '2026-10-26T09:00:00.000Z';
  const LATER_THAT_DAY = '2026-10-25T19:45:00.000Z';
  const HISTORY = { from: '2025-09-25T00:00:00.000Z', to: FIRST };
  let interrupted: TestGateway;
  let whole: TestGateway;

  beforeAll(async () => {
    interrupted = await startTestGateway({ now: FIRST });
    whole = await startTestGateway({ now: LATER_THAT_DAY });
  });

  afterAll(async () => {
    await interrupted.close();
    await whole.close();
  });

  it(
    'is completed by the next one, with the history of any start on the first one’s day',
    async () => {
      const failures: unknown[] = [];
      // Meanwhile, on a database of its own.
      const seedingWhole = keyOfDemo(whole);
      let left = 1_500;
      const goOn = interrupted.database.onStatement(() => {
        left -= 1;
        if (left < 0) throw new Error('The power is off.');
      });

      const first = await seedDemo({
        database: interrupted.database,
        clock: interrupted.clock,
        webhookKeys: [WEBHOOK_SECRET_KEY],
        onError: (error) => failures.push(error),
      });
      goOn();
      interrupted.clock.moveTo(Date.parse(NEXT));
      // And once more, in the second account.
      const goOnAgain = interrupted.database.onStatement((statement) => {
        if (statement.includes('partners.insertEndpoint'))
          throw new Error('The power is off again.');
      });
      const { database, clock } = interrupted;
      const opened = await findDemoAccount({ database, clock, webhookKeys: [] });
      const second = await seedDemo({
        database: interrupted.database,
        clock: interrupted.clock,
        webhookKeys: [WEBHOOK_SECRET_KEY],
        onError: (error) => failures.push(error),
      });
      goOnAgain();
      const key = second[0]?.key ?? '';
      interrupted.clock.moveTo(Date.parse(NEXT) + 10_000);
      const [keyOfBurning = ''] = await keysOfDemo(interrupted);
      const expectedKey = await seedingWhole;

      expect(first).toEqual([]);
      expect(opened).toBeNull();
      expect(failures).toEqual([
        new Error('The power is off.'),
        new Error('The power is off again.'),
      ]);
      const burning = await interrupted.query(CreditsDocument, {}, keyOfBurning);
      expect(burning.data.account?.credits).toMatchObject({
        allocated: '142.5',
        exhaustsAt: '2026-10-26T09:30:00.000Z',
      });
      const range = HISTORY;
      const made = await interrupted.query(OverviewDocument, { range, granularity: 'DAY' }, key);
      const expected = await whole.query(
        OverviewDocument,
        { range, granularity: 'DAY' },
        expectedKey,
      );
      expect(expected.errors).toBeUndefined();
      // The balance and what is expected are those of now, and the two clocks differ.
      expect(withoutIds(made.data.account?.usage)).toEqual(
        withoutIds(expected.data.account?.usage),
      );
      expect(made.data.account?.usage.credits.used).not.toBe('0');
      // A step lived a second time is refused where the resource has passed it, not moved to a later instant.
      expect(await deployments(interrupted)).toEqual(await deployments(whole));
    },
    2 * SEEDING_MS,
  );

  it('has about 70 % used, also late on a Sunday', async () => {
    const found = await whole.query(AccountDocument, { externalId: 'demo' });
    const { data } = await whole.query(OverviewDocument, {
      accountId: found.data.account?.id ?? null,
      range: { preset: 'CURRENT_CYCLE' },
    });
    const percentUsed = data.account?.usage.credits.percentUsed;

    expect(percentUsed).toBeGreaterThan(68);
    expect(percentUsed).toBeLessThan(73);
  });
});

describe('the plan of the demo', () => {
  const DAY_MS = 86_400_000;
  // Each eleventh day of three years, at all hours: all days of the month, and the end of a leap year's February.
  const starts = Array.from(
    { length: 100 },
    (_, index) => Date.parse('2025-12-29T00:00:00.000Z') + index * 11 * DAY_MS + index * 3_450_000,
  );

  it('has a running cycle that began about three weeks before, whatever the day', () => {
    for (const startMs of starts) {
      const days = DemoDays.ofFirstStart(startMs);
      const running = days.cycles().at(-1);

      const ageDays = (startMs - (running?.fromMs ?? 0)) / DAY_MS;
      expect(ageDays).toBeGreaterThan(18);
      expect(ageDays).toBeLessThan(25);
      expect(days.createdAtMs).toBe(DemoDays.ofCreation(days.createdAtMs).createdAtMs);
      expect(DemoDays.ofCreation(days.createdAtMs).cycleDay).toBe(days.cycleDay);
    }
  });

  it('is in order of time, up to now, in batches that are taken, each event once', () => {
    for (const startMs of starts.filter((_, index) => index % 34 === 0)) {
      const steps = planDemo(DemoDays.ofFirstStart(startMs), startMs);
      const instants = steps.map(({ atMs }) => atMs);
      const batches = steps.flatMap((step) => (step.kind === 'RECORD' ? [step.reports] : []));
      const reports = batches.flat().map((report) => JSON.stringify(report));

      expect(instants).toEqual([...instants].sort((a, b) => a - b));
      expect(Math.max(...instants)).toBeLessThanOrEqual(startMs);
      expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(5_000);
      expect(new Set(reports).size).toBe(reports.length);
    }
  });
});

/** How a machine without a network finds a name. */
function leadsNowhere(...[, , found]: Parameters<LookupFunction>): void {
  found(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), '');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** Two databases number alike only as long as nothing else is in them. */
function withoutIds(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (name, value: unknown) => (name === 'id' ? undefined : value)),
  );
}

function deployments(gateway: TestGateway): Promise<unknown> {
  return asOwner(
    gateway.databaseUrl,
    `select r.kind, r.external_id, status, deployed_at, changed_at, lifecycle_at
     from resource r join account a using (account_id) where a.external_id = 'demo' order by 1, 2`,
  );
}
