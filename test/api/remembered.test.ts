// What views remember from one answer to the next changes none of them: after each step of a history, a gateway that remembers
// and a reader that has never asked before give the same.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type DateRangeRequest, resolveRangeAt } from '../../src/account/range.ts';
import { loadAccounts } from '../../src/account/account.store.ts';
import type { AsOf } from '../../src/core/cursor.ts';
import { sql } from '../../src/db/sql.ts';
import { RequestContext } from '../../src/graphql/context.ts';
import { UsageViews } from '../../src/views/views.service.ts';
import { type View, viewAsOf, viewOf } from '../../src/views/view.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deploy,
  fund,
  moveClock,
  NO_THRESHOLDS,
  numberOf,
  recordUsage,
  register,
  undeploy,
} from '../support/account.ts';
import { CLOCK_CHANGES, historyPlan } from '../support/arbitraries.ts';
import { until } from '../support/eventually.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { iso } from '../support/reference/forms.ts';
import { live } from '../support/reference/live.ts';
import { startReplicated } from '../support/replica.ts';
import { statementsOf } from '../support/statements.ts';
import { openWay } from '../support/way.ts';
import {
  RecordHostingDocument,
  RegisterModelDocument,
  ScaleDocument,
  SetHardwareRateDocument,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';

const NOBODY = { name: 'nobody', keyId: 0, accountId: null, scopes: new Set<never>() };
const DAY_MS = 86_400_000;

type Source = ConstructorParameters<typeof RequestContext>[1];

/** Reads in a request of its own. What is remembered belongs to `database`. */
async function within<T>(
  gateway: TestGateway,
  database: Source,
  read: (views: UsageViews, context: RequestContext) => Promise<T>,
): Promise<T> {
  const context = new RequestContext(NOBODY, database, gateway.clock);
  try {
    return await read(new UsageViews(context), context);
  } finally {
    await context.dispose();
  }
}

/** The same database, of which nothing is remembered. */
function neverAsked({ database }: TestGateway): Source {
  return { openSnapshot: database.openSnapshot.bind(database) };
}

async function viewIn(
  context: RequestContext,
  accountId: number,
  request: DateRangeRequest,
): Promise<View> {
  const [account] = await loadAccounts(await context.reader(), [accountId]);
  if (account === undefined) throw new Error('no account');
  return viewOf(account, context.nowMs, (atMs) => resolveRangeAt(request, account, atMs));
}

/** Every kind of view of a range, in one order. */
async function figuresOf(views: UsageViews, view: View): Promise<unknown> {
  const part = { ...view, subjectIds: null };
  const [workflows, guardrails, pods, models, credits, runs, trend, hardware] = await Promise.all([
    views.workflowRows(view),
    views.hostedRows(view, 'GUARDRAIL'),
    views.hostedRows(view, 'BROWSER_POD'),
    views.modelRows(view, null),
    views.creditTotals(view),
    views.runTotals(view),
    views.trend(part, 'DAY'),
    views.hardware(view),
  ]);
  const rows = [workflows, guardrails, pods, models].map((tab) =>
    tab.map(({ item, lastActiveAtMs, lastDeployedAtMs, figures }) => ({
      ...{ item, lastActiveAtMs, lastDeployedAtMs, figures },
    })),
  );
  const totals = trend.ofBucket.map((sums) =>
    sums.reduce((sum, { creditsMicro, quantity }) => sum + creditsMicro + quantity, 0n),
  );
  const byHardware = hardware
    .map(({ hardwareId, figures }) => ({ hardwareId, figures }))
    .sort((a, b) => a.hardwareId - b.hardwareId);
  return { rows, credits, runs, totals, byHardware };
}

describe('what views remember', () => {
  it.each(CLOCK_CHANGES.slice(0, 2))(
    'changes no figure and no later page, whatever happened around $at in $zone',
    async (change) => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(historyPlan(1, change), async (plan) => {
          const gateway = await startTestGateway({ now: iso(plan.startMs) });
          const ranges: readonly DateRangeRequest[] = [
            { preset: 'LAST_90_DAYS' },
            { from: plan.nowMs - 40 * DAY_MS + 1_234_567, to: plan.nowMs - DAY_MS + 7_654_321 },
          ];
          const firstPages: AsOf[] = [];
          const compare = async (accountId: number): Promise<void> => {
            const never = neverAsked(gateway);
            for (const range of ranges) {
              for (const asOf of [null, ...firstPages.slice(-2)]) {
                const [remembering, fresh] = [gateway.database, never].map((database) =>
                  within(gateway, database, async (views, context) => {
                    const view = await viewIn(context, accountId, range);
                    return figuresOf(views, asOf === null ? view : viewAsOf(view, asOf));
                  }),
                );
                expect(await remembering).toEqual(await fresh);
                compared += 1;
              }
            }
            firstPages.push(
              await within(gateway, never, async (views, context) =>
                views.asOf(await viewIn(context, accountId, { preset: 'LAST_90_DAYS' })),
              ),
            );
          };
          try {
            await live(gateway, plan, compare);
          } finally {
            await gateway.close();
          }
        }),
        { numRuns: 1, endOnFailure: true },
      );
      expect(compared).toBeGreaterThan(20);
    },
    300_000,
  );
});

describe('a page of workflows', () => {
  let gateway: TestGateway;
  let accountId = '';

  beforeAll(async () => {
    gateway = await startTestGateway();
    accountId = await createAccount(gateway, NO_THRESHOLDS);
    await register(gateway, accountId, { kind: 'BROWSER_POD', externalId: 'pod', name: 'pod' });
  });

  afterAll(async () => {
    await gateway.close();
  });

  const use = (): Promise<void> =>
    recordUsage(gateway, accountId, {
      ...{ resourceKind: 'BROWSER_POD', resourceExternalId: 'pod', credits: '1' },
      occurredAt: iso(gateway.clock.nowMs()),
    });

  function page(): Promise<readonly string[]> {
    return statementsOf(gateway.database, () =>
      within(gateway, gateway.database, async (views, context) => {
        const view = await viewIn(context, numberOf(accountId), { preset: 'LAST_90_DAYS' });
        return Promise.all([views.hostedRows(view, 'BROWSER_POD'), views.runTotals(view)]);
      }),
    );
  }

  const STORED = ['resources.listResourcesOf', 'views.loadSums.account', 'views.loadSums.resource'];
  const TAIL = 'views.loadTail';

  function storedIn(names: readonly string[]): readonly string[] {
    return names.filter((name) => [...STORED, TAIL].includes(name));
  }

  it('reads resources, sums and each event of the tail once for each state', async () => {
    await use();
    await gateway.fold();
    const first = await page();
    const second = await page();
    await use();
    const withTail = await page();
    const withSameTail = await page();
    await gateway.fold();
    const folded = await page();
    const again = await page();

    expect(storedIn(first)).toEqual(STORED);
    expect(storedIn(second)).toEqual([]);
    expect(storedIn(withTail)).toEqual([TAIL]);
    expect(storedIn(withSameTail)).toEqual([]);
    expect(storedIn(folded)).toEqual(STORED);
    expect(storedIn(again)).toEqual([]);
  });

  it('counts what lies ahead only once its time has come, though it is folded', async () => {
    const minuteMs = 60_000;
    // After all that happened up to now.
    gateway.clock.moveBy(1);
    const startMs = gateway.clock.nowMs();
    await recordUsage(gateway, accountId, {
      ...{ resourceKind: 'BROWSER_POD', resourceExternalId: 'pod', credits: '5' },
      occurredAt: iso(startMs + 3 * minuteMs),
    });
    const used = (): Promise<bigint> =>
      within(gateway, gateway.database, async (views, context) => {
        const view = await viewIn(context, numberOf(accountId), { preset: 'LAST_90_DAYS' });
        return (await views.creditTotals(view)).used;
      });
    await gateway.fold();
    const atFirst = await used();
    const usedAt: bigint[] = [];
    for (const ms of [minuteMs, 3 * minuteMs, 3 * minuteMs + 1]) {
      gateway.clock.moveTo(startMs + ms);
      usedAt.push((await used()) - atFirst);
    }

    // A range ends before its end: the event is in it a millisecond later.
    expect(usedAt).toEqual([0n, 0n, 5_000_000n]);
  });
});

describe('models and the Overview', () => {
  const HOURS = 3_600_000;
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startTestGateway();
    await createHardware(gateway, 'gpu', '1');
  });

  afterAll(async () => {
    await gateway.close();
  });

  function answer(
    accountId: string,
    database: Source = gateway.database,
    range: DateRangeRequest = { preset: 'LAST_90_DAYS' },
  ): Promise<{ readonly used: bigint; readonly models: readonly bigint[] }> {
    return within(gateway, database, async (views, context) => {
      const view = await viewIn(context, numberOf(accountId), range);
      const [{ used }, rows] = await Promise.all([
        views.creditTotals(view),
        views.modelRows(view, null),
        views.trend({ ...view, subjectIds: null }, 'DAY'),
        views.hardware(view),
      ]);
      return { used, models: rows.map(({ figures }) => figures.creditsMicro) };
    });
  }

  /** The credits that were used, as both columns have them and as someone else reads them. */
  async function usedBy(accountId: string, range?: DateRangeRequest): Promise<number> {
    const told = await answer(accountId, gateway.database, range);
    expect(told).toEqual(await answer(accountId, neverAsked(gateway), range));
    expect(told.models).toEqual([told.used]);
    return Number(told.used) / 1_000_000;
  }

  async function accountWithModel(
    input: Parameters<typeof createAccount>[1] = {},
  ): Promise<{ readonly accountId: string; readonly ids: readonly string[] }> {
    const accountId = await createAccount(gateway, { ...NO_THRESHOLDS, ...input });
    const model = { modelExternalId: 'm', modelType: 'BASE' } as const;
    await ask(gateway, RegisterModelDocument, {
      input: { accountId, externalId: 'm', name: 'm', type: 'BASE' },
    });
    const ids = await register(
      gateway,
      accountId,
      ...['a', 'b'].map((externalId) => ({
        ...{ kind: 'MODEL_DEPLOYMENT' as const, externalId, name: externalId, ...model },
      })),
    );
    return { accountId, ids };
  }

  it('read hosting once for each state', async () => {
    const { accountId, ids } = await accountWithModel();
    await fund(gateway, accountId);
    await deploy(gateway, ids[0] ?? '', 'gpu');
    const read = async (): Promise<number> => {
      const names = await statementsOf(gateway.database, () => answer(accountId));
      return names.filter((name) => name === 'views.loadUnfoldedSegments').length;
    };
    const atFirst = await read();
    gateway.clock.moveBy(HOURS);
    const later = await read();
    await ask(gateway, ScaleDocument, { input: { id: ids[0] ?? '', replicas: 2 } });
    const scaled = await read();
    const again = await read();

    expect(atFirst).toBeGreaterThan(0);
    expect(scaled).toBeGreaterThan(0);
    expect([later, again]).toEqual([0, 0]);
  });

  it('show each change of hosting at once', async () => {
    const { accountId, ids } = await accountWithModel();
    const [a = '', b = ''] = ids;
    await fund(gateway, accountId);
    const startMs = gateway.clock.nowMs();
    const used: number[] = [];
    // Each time an hour later, after what was done has been looked at before and right after it.
    const after = async (does: () => Promise<unknown>): Promise<void> => {
      await usedBy(accountId);
      await does();
      await usedBy(accountId);
      gateway.clock.moveBy(HOURS);
      used.push(await usedBy(accountId));
    };
    const record = (eventId: string, hoursBefore: number): Promise<unknown> =>
      ask(gateway, RecordHostingDocument, {
        accountId,
        periods: [
          {
            ...{ source: 's', eventId, hardware: 'gpu', replicas: 1 },
            ...{ resourceKind: 'MODEL_DEPLOYMENT', resourceExternalId: 'b' },
            from: iso(startMs - hoursBefore * HOURS),
            to: iso(startMs - (hoursBefore - 1) * HOURS),
          },
        ],
      });
    await after(() => deploy(gateway, a, 'gpu'));
    await after(() => ask(gateway, ScaleDocument, { input: { id: a, replicas: 3 } }));
    await after(() => undeploy(gateway, a));
    await after(() => gateway.fold());
    await after(() => record('late', 2));
    await after(() => record('earlier', 5));
    await after(() =>
      ask(gateway, VoidUsageDocument, { accountId, source: 's', eventId: 'late', reason: 'r' }),
    );
    await after(() => deploy(gateway, b, 'gpu', { replicas: 2 }));
    await after(() => gateway.fold());

    // 1 an hour and replica: of the deployment 1, then 3, then nothing; two periods of an hour, one of which is voided; then 2.
    expect(used).toEqual([1, 4, 4, 4, 5, 6, 5, 7, 9]);
  });

  it('show what is registered and renamed at once', async () => {
    const { accountId } = await accountWithModel();
    const named = (): Promise<readonly string[]> =>
      within(gateway, gateway.database, async (views, context) => {
        const view = await viewIn(context, numberOf(accountId), { preset: 'LAST_90_DAYS' });
        const [models, scripts] = await Promise.all([
          views.modelRows(view, null),
          views.hostedRows(view, 'CUSTOM_SCRIPT'),
        ]);
        return [...models, ...scripts].map(({ item }) => item.name);
      });
    const script = (externalId: string, name: string): Promise<unknown> =>
      register(gateway, accountId, {
        ...{ kind: 'CUSTOM_SCRIPT', externalId, name, language: 'python', languageVersion: '3' },
      });
    const model = (externalId: string, name: string): Promise<unknown> =>
      ask(gateway, RegisterModelDocument, { input: { accountId, externalId, name, type: 'BASE' } });
    const told = [await named()];
    for (const next of [
      () => script('s', 'script'),
      () => script('s', 'renamed'),
      () => model('n', 'model'),
      () => model('n', 'another'),
    ]) {
      await next();
      told.push(await named());
    }

    expect(told).toEqual([
      ['m'],
      ['m', 'script'],
      ['m', 'renamed'],
      ['m', 'model', 'renamed'],
      ['m', 'another', 'renamed'],
    ]);
  });

  it('end at the asked instant, though what is folded reaches further', async () => {
    const { accountId, ids } = await accountWithModel();
    await fund(gateway, accountId);
    // Past all that happened up to now, and in the middle of a day.
    gateway.clock.moveTo(Math.ceil(gateway.clock.nowMs() / DAY_MS) * DAY_MS + 10 * HOURS);
    const startMs = gateway.clock.nowMs();
    await usedBy(accountId);
    await deploy(gateway, ids[0] ?? '', 'gpu');
    gateway.clock.moveBy(2 * HOURS);
    await undeploy(gateway, ids[0] ?? '');
    await gateway.fold();
    gateway.clock.moveBy(2 * HOURS);

    expect(await usedBy(accountId, { from: startMs - DAY_MS, to: startMs + HOURS })).toBe(1);
  });

  it("take a new rate from a test account's own position on, though it is past the rate's begin", async () => {
    const nowMs = gateway.clock.nowMs();
    const { accountId, ids } = await accountWithModel({ testClock: iso(nowMs) });
    await createHardware(gateway, 'rising', '1');
    await fund(gateway, accountId);
    await deploy(gateway, ids[0] ?? '', 'rising');
    await moveClock(gateway, accountId, iso(nowMs + 10 * HOURS));
    await usedBy(accountId);
    await ask(gateway, SetHardwareRateDocument, {
      input: { hardware: 'rising', creditsPerHour: '3', effectiveFrom: iso(nowMs + HOURS) },
    });

    // 10 hours at 1, though the rate is 3 from the second one on.
    expect(await usedBy(accountId)).toBe(10);
  });

  it('end hosting where the negative limit stopped it', async () => {
    const { accountId, ids } = await accountWithModel({ negativeLimit: '-1', lowCredit: '0' });
    await allocate(gateway, accountId, '2');
    await deploy(gateway, ids[0] ?? '', 'gpu');
    gateway.clock.moveBy(5 * HOURS);
    await answer(accountId);
    await gateway.app.due.settleDue();

    // 2 credits, and one below zero.
    expect(await usedBy(accountId)).toBe(3);
  });
});

describe('a service that tells nothing of its log', () => {
  it('answers views and writes, and what is remembered stays right', async () => {
    const gateway = await startTestGateway();
    try {
      await asOwner(
        gateway.databaseUrl,
        `do $$ declare f regprocedure; begin
           for f in select oid from pg_proc where pronamespace = 'pg_catalog'::regnamespace
             and (proname ~ 'wal|lsn' or proname like 'pg\\_control%') loop
             execute format('revoke execute on function %s from public', f);
           end loop;
         end $$`,
      );
      const accountId = await createAccount(gateway, NO_THRESHOLDS);
      await register(gateway, accountId, { kind: 'BROWSER_POD', externalId: 'pod', name: 'pod' });
      const used: bigint[] = [];
      for (const credits of ['1', '2']) {
        await recordUsage(gateway, accountId, {
          ...{ resourceKind: 'BROWSER_POD', resourceExternalId: 'pod', credits },
          occurredAt: iso(gateway.clock.nowMs() - 1),
        });
        await gateway.fold();
        const total = await within(gateway, gateway.database, async (views, context) => {
          const view = await viewIn(context, numberOf(accountId), { preset: 'LAST_90_DAYS' });
          return views.creditTotals(view);
        });
        used.push(total.used);
      }
      const refused = sql`select pg_current_wal_lsn()`;

      expect(used).toEqual([1_000_000n, 3_000_000n]);
      // The service is one as the test means it.
      await expect(
        gateway.database.inSnapshot('operator', (tx) => tx.query(refused)),
      ).rejects.toThrow('permission denied');
    } finally {
      await gateway.close();
    }
  });
});

describe('a failover that loses commits', () => {
  it('leaves nothing of them in what is remembered', async () => {
    const server = await startReplicated();
    const way = await openWay(server.url);
    const url = new URL(server.url);
    url.port = new URL(way.origin).port;
    const gateway = await startTestGateway({ databaseUrl: url.href });
    try {
      const accountId = await createAccount(gateway, NO_THRESHOLDS);
      await register(gateway, accountId, { kind: 'BROWSER_POD', externalId: 'pod', name: 'pod' });
      const use = async (credits: string): Promise<void> => {
        await recordUsage(gateway, accountId, {
          ...{ resourceKind: 'BROWSER_POD', resourceExternalId: 'pod', credits },
          occurredAt: iso(gateway.clock.nowMs() - 1),
        });
        await gateway.fold();
      };
      const used = (): Promise<bigint> =>
        within(gateway, gateway.database, async (views, context) => {
          const view = await viewIn(context, numberOf(accountId), { preset: 'LAST_90_DAYS' });
          return (await views.creditTotals(view)).used;
        });
      await use('1');
      await server.release();
      await server.stopReplica();
      await use('5');
      const beforeLoss = await used();
      await server.failOver();
      way.lead(server.replicaUrl);
      await until(
        async () => (await used().catch(() => null)) === 1_000_000n,
        'the standby has taken over',
      );
      // It takes the numbers of the one that was lost.
      await use('3');
      const afterLoss = await used();

      expect(beforeLoss).toBe(6_000_000n);
      expect(afterLoss).toBe(4_000_000n);
    } finally {
      await gateway.close();
      await way.close();
      await server.close();
    }
  }, 120_000);
});
