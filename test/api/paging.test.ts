// The pages of a view's list are all of the view that the first one was of, whatever runs, arrives, is folded, voided, deployed
// or renamed between them. What each row has to say is worked out by the reference from what was recorded at the first page.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createAccount,
  createHardware,
  deploy,
  fund,
  numberOf,
  register,
} from '../support/account.ts';
import { type Answer, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { loadFacts, type Facts, type Resource } from '../support/reference/facts.ts';
import { iso, isoOrNull, micro, ms } from '../support/reference/forms.ts';
import {
  chargesIn,
  COMPONENTS,
  listed,
  reportOf,
  sumsOf,
  type Charge,
} from '../support/reference/usage.ts';
import {
  DeployDocument,
  DeployWorkflowDocument,
  RecordHostingDocument,
  RecordUsageDocument,
  UndeployDocument,
  VoidUsageDocument,
  type RegisterAnyInput,
} from '@billing-gateway/client/operations';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LIMIT_MS = 240_000;
// The clock stands at TEST_NOW, 2026-03-10T12:00: the range ends after now.
const RANGE = { fromDay: '2026-03-01', toDay: '2026-03-31' };
const SPAN = { from: Date.UTC(2026, 2, 1), to: Date.UTC(2026, 3, 1) };

const MODELS = ['m-0', 'm-1', 'm-2', 'm-3', 'm-4'] as const;

let gateway: TestGateway;
let accountId = '';
let account = 0;
let ids = new Map<string, string>();
let events = 0;
let periods = 0;
let round = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '3.599999');
  await createHardware(gateway, 'cpu', '0.7');
  accountId = await createAccount(gateway);
  account = numberOf(accountId);
  await fund(gateway, accountId);
  await registered([
    ...Array.from({ length: 6 }, (_, i): RegisterAnyInput => {
      const owner = ['ana', 'ben', null][i % 3] ?? null;
      return { kind: 'GUARDRAIL', externalId: `g-${i}`, name: `Guard ${i}`, owner };
    }),
    { kind: 'GUARDRAIL', externalId: 'g-draft', name: 'Draft' },
    ...Array.from({ length: 5 }, (_, i): RegisterAnyInput => {
      const language = ['Python', 'python', 'TypeScript'][i % 3] ?? '';
      const versioned = { language, languageVersion: `${i}` };
      return { kind: 'CUSTOM_SCRIPT', externalId: `c-${i}`, name: `Script ${i}`, ...versioned };
    }),
    ...Array.from({ length: 5 }, (_, i): RegisterAnyInput => {
      const ocrModel = ['Tess', 'layout', 'tess'][i % 3] ?? '';
      return { kind: 'OCR_DEPLOYMENT', externalId: `o-${i}`, name: `Reader ${i}`, ocrModel };
    }),
    ...Array.from({ length: 6 }, (_, i): RegisterAnyInput => {
      return { kind: 'WORKFLOW', externalId: `w-${i}`, name: `Flow ${i}`, owner: `o${i % 2}` };
    }),
    ...MODELS.map((modelExternalId, i): RegisterAnyInput => {
      const type = i % 2 === 0 ? 'BASE' : 'FINE_TUNED';
      const of = { modelExternalId, modelType: type, modelName: `Model ${i}` } as const;
      return { kind: 'MODEL_DEPLOYMENT', externalId: `d-${i}`, name: `Deployment ${i}`, ...of };
    }),
  ]);
  // One after another, so that what burns overtakes what stands still.
  for (let i = 0; i < 5; i += 1) {
    await deployed(`g-${i}`, i % 2 === 0 ? 'gpu' : 'cpu');
    await deployed(`d-${i}`, i % 2 === 0 ? 'cpu' : 'gpu');
    await gateway.query(DeployWorkflowDocument, { id: ids.get(`w-${i}`) ?? '' });
    await deployed(`c-${i}`, 'cpu');
    await deployed(`o-${i}`, 'gpu');
    gateway.clock.moveBy(7 * MINUTE + 331);
  }
  await gateway.query(UndeployDocument, { id: ids.get('g-4') ?? '' });
  await record(-30 * HOUR);
  await recordPeriod('g-5');
  await gateway.fold();
  await record(-2 * HOUR);
});

afterAll(async () => {
  await gateway.close();
});

async function registered(resources: RegisterAnyInput[]): Promise<void> {
  const given = await register(gateway, accountId, ...resources);
  const made = given.map((id, i): [string, string] => [resources[i]?.externalId ?? '', id]);
  ids = new Map([...ids, ...made]);
}

async function deployed(externalId: string, hardware: string): Promise<void> {
  await deploy(gateway, ids.get(externalId) ?? '', hardware);
}

/** Events of each kind, around an offset from now. */
async function record(offsetMs: number): Promise<void> {
  const of = (kind: 'WORKFLOW' | 'GUARDRAIL', externalId: string, i: number): object => ({
    source: 's',
    eventId: `e-${(events += 1)}`,
    type: kind === 'WORKFLOW' ? 'WORKFLOW_RUN' : 'PROCESSING',
    occurredAt: iso(Math.min(gateway.clock.nowMs() + offsetMs + i * MINUTE, nowAhead())),
    resourceKind: kind,
    resourceExternalId: externalId,
    quantity: 1 + ((events * 7) % 11),
    ...(kind === 'WORKFLOW' ? {} : { credits: `${1 + ((events * 5) % 13)}.25` }),
  });
  const ofModel = (modelExternalId: string, i: number): object => ({
    source: 's',
    eventId: `e-${(events += 1)}`,
    type: i % 2 === 0 ? 'STORAGE' : 'FINE_TUNING',
    occurredAt: iso(gateway.clock.nowMs() + Math.min(offsetMs, 0)),
    modelExternalId,
    credits: `${(events * 3) % 17}.000001`,
  });
  const { data } = await gateway.query(RecordUsageDocument, {
    accountId,
    events: [
      ...[0, 1, 2, 3, 4].map((i) => of('WORKFLOW', `w-${(i + round) % 5}`, i)),
      ...[0, 1, 2].map((i) => of('GUARDRAIL', `g-${(i * 2 + round) % 6}`, i)),
      ...[0, 1, 2].map((i) => ofModel(MODELS[(i + round) % 5] ?? '', i)),
    ] as never,
  });
  if (data.recordUsage.rejected > 0) throw new Error(JSON.stringify(data));
}

function nowAhead(): number {
  return gateway.clock.nowMs() + 4 * MINUTE;
}

/** Twenty minutes of hosting, one after another from 2 March on. */
async function recordPeriod(externalId: string): Promise<void> {
  const from = Date.UTC(2026, 2, 2) + periods * 21 * MINUTE;
  const period = {
    source: 's',
    eventId: `p-${(periods += 1)}`,
    resourceKind: 'GUARDRAIL' as const,
    resourceExternalId: externalId,
    hardware: 'cpu',
    from: iso(from),
    to: iso(from + 20 * MINUTE),
  };
  const { data } = await gateway.query(RecordHostingDocument, { accountId, periods: [period] });
  if (data.recordHosting.accepted !== 1) throw new Error(JSON.stringify(data));
}

async function takeBack(eventId: string): Promise<void> {
  const reason = 'mistake';
  await gateway.query(VoidUsageDocument, { accountId, source: 's', eventId, reason });
}

/** Everything that may happen between two pages; each time another half of it is folded. */
async function meddle(): Promise<void> {
  round += 1;
  // The first time nothing but numbers tells what came before and what after.
  if (round % 3 !== 1) gateway.clock.moveBy(37 * MINUTE + 17);
  await record(round % 2 === 0 ? -40 * HOUR : 3 * MINUTE);
  await recordPeriod('g-5');
  await takeBack(`e-${events - 40}`);
  await takeBack(`e-${round}`);
  await takeBack(`p-${periods - 1}`);
  if (round % 2 === 0) await gateway.fold();
  await record(-HOUR);
  const stopping = `g-${round % 5}`;
  await gateway.query(UndeployDocument, { id: ids.get(stopping) ?? '' });
  gateway.clock.moveBy(MINUTE);
  await gateway.query(DeployDocument, {
    input: { id: ids.get(`g-${(round + 1) % 5}`) ?? '', hardware: 'gpu', replicas: 2 },
  });
  await gateway.query(DeployDocument, { input: { id: ids.get('g-draft') ?? '', hardware: 'cpu' } });
  await registered([
    {
      kind: 'GUARDRAIL',
      externalId: `g-${round % 6}`,
      name: `Renamed ${round}`,
      owner: `z${round}`,
    },
    { kind: 'GUARDRAIL', externalId: `late-${round}`, name: `A late one ${round}` },
    { kind: 'WORKFLOW', externalId: `w-${round % 6}`, name: `Renamed ${round}`, owner: null },
    {
      kind: 'MODEL_DEPLOYMENT',
      externalId: `d-late-${round}`,
      name: 'A late one',
      modelExternalId: `m-${round % 5}`,
      modelType: (round % 5) % 2 === 0 ? 'BASE' : 'FINE_TUNED',
      modelName: `Renamed model ${round}`,
    },
  ]);
  await deployed(`late-${round}`, 'gpu');
  await deployed(`d-late-${round}`, 'gpu');
  gateway.clock.moveBy(11 * MINUTE + 5);
  if (round % 3 === 0) await gateway.fold();
}

interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}
interface Page {
  readonly nodes: readonly Record<string, unknown>[];
  readonly totalCount: number;
  readonly totals?: Record<string, unknown>;
  readonly pageInfo: PageInfo;
}

/** One page of a list under `usage`; `path` leads to it through first nodes. */
async function ask(list: string, args: string, nodes: string): Promise<Page> {
  const totals = list.startsWith('hardware') ? '' : 'totals { count credits runs hostingTime }';
  const page = `(${args}) { nodes { ${nodes} } totalCount ${totals}
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`;
  const query = `query ($id: ID, $range: DateRangeInput) { account(id: $id) { usage(range: $range) {
    ${list.startsWith('hardware') ? `hardware { hardware { name } segments${page} }` : `${list}${page}`} } } }`;
  const answer = await gateway.query<{ account: { usage: Record<string, unknown> } }>(query, {
    id: accountId,
    range: RANGE,
  });
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  const { usage } = answer.data.account;
  if (!list.startsWith('hardware')) return usage[list] as Page;
  const lines = usage['hardware'] as { hardware: { name: string }; segments: Page }[];
  const found = lines.find(({ hardware }) => `hardware ${hardware.name}` === list);
  if (found === undefined) throw new Error(`no ${list}`);
  return found.segments;
}

/** A walk through a list: what it has read so far, and where it goes on. */
interface Walk {
  readonly list: string;
  readonly args: string;
  readonly nodes: string;
  readonly backwards: boolean;
  readonly rows: Record<string, unknown>[];
  /** What its pages said of the whole list. */
  readonly wholes: Set<string>;
  cursor: string;
  rowsPerPage: number;
  pages: number;
  isDone: boolean;
}

function newWalk(
  list: string,
  by: { readonly args: string; readonly nodes: string; readonly backwards?: boolean },
): Walk {
  const begin = { rows: [], wholes: new Set<string>(), cursor: '', rowsPerPage: 2, pages: 0 };
  return { list, backwards: false, ...by, ...begin, isDone: false };
}

/** Reads the next page of a walk; with the first one of two rows, four pages are all. */
async function readPage(walk: Walk): Promise<void> {
  if (walk.pages > 10) throw new Error('the walk does not end');
  const size = `${walk.backwards ? 'last' : 'first'}: ${walk.rowsPerPage}`;
  const page = await ask(walk.list, `${size} ${walk.cursor} ${walk.args}`, walk.nodes);
  walk.pages += 1;
  walk.rowsPerPage = Math.max(2, Math.ceil((page.totalCount - 2) / 3));
  walk.wholes.add(JSON.stringify([page.totalCount, page.totals]));
  if (walk.backwards) walk.rows.unshift(...page.nodes);
  else walk.rows.push(...page.nodes);
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = page.pageInfo;
  walk.isDone = walk.backwards ? !hasPreviousPage : !hasNextPage;
  walk.cursor = walk.backwards ? `before: "${startCursor ?? ''}"` : `after: "${endCursor ?? ''}"`;
}

/** Walks to the end with everything happening between the pages. */
async function walkToEnd(walk: Walk): Promise<Walk> {
  await readPage(walk);
  while (!walk.isDone) {
    await meddle();
    await readPage(walk);
  }
  return walk;
}

interface Known {
  readonly id: number;
  readonly shown: Record<string, unknown>;
  readonly sortBy: Record<string, string | number | bigint | null>;
}

function inOrder(rows: readonly Known[], field: string, direction: 'ASC' | 'DESC'): unknown[] {
  const sorted = [...rows].sort((a, b) => {
    const [x, y] = [a.sortBy[field] ?? null, b.sortBy[field] ?? null];
    if (x === null || y === null) return Number(x === null) - Number(y === null) || a.id - b.id;
    const ascending = x < y ? -1 : Number(x > y);
    return (direction === 'ASC' ? ascending : -ascending) || a.id - b.id;
  });
  return sorted.map(({ shown }) => shown);
}

/** What the rows of resources have to say, from what is recorded now. */
function knownRows(facts: Facts, now: number, resources: readonly Resource[]): readonly Known[] {
  const charges = chargesIn(facts, SPAN, now);
  return resources.map((resource) => {
    const own = charges.filter((charge) => charge.resource?.id === resource.id);
    const { runs, credits, time } = sumsOf(own);
    const runsNow = facts.segments.some((one) => one.resource === resource.id && one.to === null);
    const lastActive = runsNow ? now : resource.lastActive;
    const { id, name, status, owner, lastDeployed, lastUpdated, language, ocrModel } = resource;
    return {
      id,
      shown:
        resource.kind === 'WORKFLOW'
          ? { name, status, owner, runs, lastActiveOn: isoOrNull(lastActive) }
          : {
              ...{ name, status, owner, credits, time },
              lastActiveOn: isoOrNull(lastActive),
              lastDeployedOn: isoOrNull(lastDeployed),
            },
      sortBy: {
        ...{ NAME: name.toLowerCase(), STATUS: status, OWNER: owner },
        ...{ CREDITS: credits, RUNS: runs, TIME: time },
        ...{ LAST_ACTIVE_ON: lastActive, LAST_DEPLOYED_ON: lastDeployed },
        ...{ LAST_UPDATED_ON: lastUpdated, ...byComponent(own) },
        ...{ LANGUAGE: lower(language), OCR_MODEL: lower(ocrModel) },
      },
    };
  });
}

function lower(text: string | null): string | null {
  return text === null ? null : text.toLowerCase();
}

function byComponent(charges: readonly Charge[]): Record<string, bigint> {
  return Object.fromEntries(
    COMPONENTS.map((component) => [
      `${component}_CREDITS`,
      sumsOf(charges.filter((charge) => charge.component === component)).credits,
    ]),
  );
}

async function factsNow(): Promise<{ readonly facts: Facts; readonly now: number }> {
  return {
    facts: await loadFacts(gateway.databaseUrl, account),
    now: gateway.clock.nowMs(),
  };
}

function sum(rows: readonly Record<string, unknown>[], field: string): bigint {
  return rows.reduce((total, row) => {
    const value = row[field];
    return typeof value === 'string' ? total + micro(value) : total;
  }, 0n);
}

interface Tab {
  readonly list: 'guardrails' | 'customScripts' | 'ocrDeployments' | 'workflows' | 'models';
  readonly fields: readonly string[];
  readonly nodes: string;
  readonly shownOf: (row: Record<string, unknown>) => unknown;
  readonly known: (facts: Facts, now: number) => readonly Known[];
}

const hosted = {
  fields: [
    ...['NAME', 'CREDITS', 'HOSTING_CREDITS', 'PROCESSING_CREDITS', 'TIME', 'LAST_ACTIVE_ON'],
    ...['LAST_DEPLOYED_ON', 'STATUS', 'OWNER'],
  ],
  nodes: 'resource { name status owner lastActiveOn } credits time lastDeployedOn',
  shownOf: ({ resource, credits, time, lastDeployedOn }: Record<string, unknown>): object => ({
    ...(resource as object),
    credits: micro(String(credits)),
    time: ms(String(time)),
    lastDeployedOn,
  }),
};

const TABS: readonly Tab[] = [
  {
    ...hosted,
    list: 'guardrails',
    known: (facts, now) => knownRows(facts, now, listed(facts, 'GUARDRAIL')),
  },
  {
    ...hosted,
    list: 'customScripts',
    fields: ['LANGUAGE'],
    known: (facts, now) => knownRows(facts, now, listed(facts, 'CUSTOM_SCRIPT')),
  },
  {
    ...hosted,
    list: 'ocrDeployments',
    fields: ['OCR_MODEL'],
    known: (facts, now) => knownRows(facts, now, listed(facts, 'OCR_DEPLOYMENT')),
  },
  {
    list: 'workflows',
    fields: ['NAME', 'RUNS', 'LAST_ACTIVE_ON', 'STATUS', 'OWNER'],
    nodes: 'workflow { name status owner lastActiveOn } runs',
    shownOf: ({ workflow, runs }) => ({ ...(workflow as object), runs: BigInt(Number(runs)) }),
    known: (facts, now) => knownRows(facts, now, listed(facts, 'WORKFLOW')),
  },
  {
    list: 'models',
    fields: [
      ...['NAME', 'TYPE', 'CREDITS', 'HOSTING_CREDITS', 'FINE_TUNING_CREDITS', 'STORAGE_CREDITS'],
      ...['PROCESSING_CREDITS', 'TIME', 'LAST_DEPLOYED_ON'],
    ],
    nodes: 'model { name type } credits time lastDeployedOn',
    shownOf: ({ model, credits, time, lastDeployedOn }) => ({
      ...(model as object),
      credits: micro(String(credits)),
      time: ms(String(time)),
      lastDeployedOn,
    }),
    known: knownModels,
  },
];

function knownModels(facts: Facts, now: number): readonly Known[] {
  const charges = chargesIn(facts, SPAN, now);
  return facts.models.map(({ id, name, type }) => {
    const own = charges.filter(({ model }) => model === id);
    const { credits, time } = sumsOf(own);
    const deployed = facts.resources.flatMap((one) =>
      one.model === id && one.lastDeployed !== null ? [one.lastDeployed] : [],
    );
    const last = deployed.length === 0 ? null : Math.max(...deployed);
    return {
      id,
      shown: { name, type, credits, time, lastDeployedOn: isoOrNull(last) },
      sortBy: {
        ...{ NAME: name.toLowerCase(), TYPE: type },
        ...{ CREDITS: credits, TIME: time, LAST_DEPLOYED_ON: last, ...byComponent(own) },
      },
    };
  });
}

/** A walk through one tab in one order, one way. */
interface TabWalk extends Walk {
  readonly tab: Tab;
  readonly field: string;
  readonly direction: 'ASC' | 'DESC';
}

function everyWalk(): readonly TabWalk[] {
  return TABS.flatMap((tab) =>
    tab.fields.flatMap((field) =>
      (['ASC', 'DESC'] as const).flatMap((direction) =>
        [false, true].map((backwards) => {
          const args = `orderBy: { field: ${field}, direction: ${direction} }`;
          return {
            ...newWalk(tab.list, { args, nodes: tab.nodes, backwards }),
            ...{ tab, field, direction },
          };
        }),
      ),
    ),
  );
}

describe('walking a view while it changes gives each row once, as it was at the first page', () => {
  it(
    'on every tab, in every order, forwards and backwards',
    async () => {
      // They begin together, so that what happens between two pages happens to all of them.
      const { facts, now } = await factsNow();
      const walks = everyWalk();
      for (const walk of walks) await readPage(walk);
      while (walks.some(({ isDone }) => !isDone)) {
        await meddle();
        for (const walk of walks) if (!walk.isDone) await readPage(walk);
      }

      expect(walks).toHaveLength(100);
      for (const { tab, field, direction, backwards, rows, wholes } of walks) {
        const known = tab.known(facts, now);
        expect(known.length).toBeGreaterThan(4);
        expect({ field, direction, backwards, rows: rows.map(tab.shownOf) }).toEqual({
          ...{ field, direction, backwards },
          rows: inOrder(known, field, direction),
        });
        expect(wholes.size).toBe(1);
        const [, totals] = JSON.parse([...wholes][0] ?? '') as [number, { credits: string }];
        expect(micro(totals.credits)).toBe(sum(rows, 'credits'));
      }
    },
    LIMIT_MS,
  );

  it(
    'a report by day and resource',
    async () => {
      const { facts, now } = await factsNow();
      const { rows, wholes } = await walkToEnd(
        newWalk('report', {
          args: 'groupBy: [RESOURCE, OWNER], granularity: WEEK',
          nodes: 'from owner runs credits time',
        }),
      );

      const known = reportOf(facts, {
        range: SPAN,
        zone: 'UTC',
        unit: 'WEEK',
        groupBy: ['RESOURCE', 'OWNER'],
        filter: {},
        now,
      });
      const figures = (of: readonly (readonly unknown[])[]): string[] => of.map(String).sort();
      expect(
        figures(
          rows.map((row) => [micro(String(row['credits'])), ms(String(row['time'])), row['runs']]),
        ),
      ).toEqual(figures(known.map(({ credits, time, runs }) => [credits, time, runs])));
      expect(wholes.size).toBe(1);
    },
    LIMIT_MS,
  );

  it(
    'the segments of a hardware profile',
    async () => {
      const { facts, now } = await factsNow();
      const cpu = facts.hardware.find(({ name }) => name === 'cpu')?.id;
      const nodes = 'hostingFrom from to running replicas credits resource { name }';
      const { rows } = await walkToEnd(newWalk('hardware cpu', { args: '', nodes }));

      const known = chargesIn(facts, SPAN, now)
        .filter(({ hardware }) => hardware === cpu)
        .flatMap(({ hosted, resource }) =>
          hosted === null || resource === null ? [] : [{ hosted, resource }],
        )
        .sort(
          (a, b) => a.hosted.hostingFrom - b.hosted.hostingFrom || a.resource.id - b.resource.id,
        );
      expect(
        rows.map(({ hostingFrom, from, to, credits }) => [
          hostingFrom,
          from,
          to,
          micro(String(credits)),
        ]),
      ).toEqual(
        known.map(({ hosted }) => [
          iso(hosted.hostingFrom),
          iso(hosted.from),
          iso(hosted.to),
          hosted.credits,
        ]),
      );
    },
    LIMIT_MS,
  );
});

describe('a cursor', () => {
  async function codeOf(list: string, args: string): Promise<unknown> {
    const answer = await gateway.query(
      `query ($id: ID, $range: DateRangeInput) { account(id: $id) { usage(range: $range) {
        ${list}(${args}) { totalCount } } } }`,
      { id: accountId, range: RANGE },
    );
    const { code, path } = answer.errors?.[0]?.extensions ?? {};
    return code === undefined ? 'answered' : [code, path];
  }

  it('of another order, filter, list or report is refused with its path; of the same it is taken', async () => {
    const page = await ask('guardrails', 'first: 2', 'credits');
    const cursor = page.pageInfo.endCursor ?? '';
    const refused = (argument: string): unknown => ['BAD_USER_INPUT', [argument]];

    expect(await codeOf('guardrails', `after: "${cursor}"`)).toBe('answered');
    expect(await codeOf('guardrails', `after: "${cursor}", orderBy: { field: CREDITS }`)).toBe(
      'answered',
    );
    expect(await codeOf('guardrails', `last: 1, before: "${cursor}"`)).toBe('answered');
    expect(await codeOf('guardrails', `after: "${cursor}", orderBy: { field: TIME }`)).toEqual(
      refused('after'),
    );
    expect(
      await codeOf('guardrails', `after: "${cursor}", orderBy: { field: CREDITS, direction: ASC }`),
    ).toEqual(refused('after'));
    expect(
      await codeOf('guardrails', `before: "${cursor}", last: 2, filter: { search: "1" }`),
    ).toEqual(refused('before'));
    expect(await codeOf('browserPods', `after: "${cursor}"`)).toEqual(refused('after'));
    expect(await codeOf('report', `groupBy: [OWNER], after: "${cursor}"`)).toEqual(
      refused('after'),
    );
    expect(await codeOf('guardrails', 'first: 1, last: 1')).toEqual(refused('last'));
  });

  it('of a report is refused by another one, and of a range by another', async () => {
    const report = await ask('report', 'groupBy: [OWNER], first: 1', 'owner');
    const cursor = report.pageInfo.endCursor ?? '';
    expect(await codeOf('report', `groupBy: [OWNER], after: "${cursor}"`)).toBe('answered');
    expect(await codeOf('report', `groupBy: [RESOURCE], after: "${cursor}"`)).toEqual([
      'BAD_USER_INPUT',
      ['after'],
    ]);
    const other = await gateway.query(
      `query ($id: ID) { account(id: $id) { usage(range: { preset: LAST_24_HOURS }) {
        report(groupBy: [OWNER], after: "${cursor}") { totalCount } } } }`,
      { id: accountId },
    );
    expect(other.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('of a preset goes on in the cycle that ran at the first page', async () => {
    const query = `query ($id: ID, $after: String) { account(id: $id) { usage(range: { preset: CURRENT_CYCLE }) {
      guardrails(first: 2, after: $after, orderBy: { field: NAME, direction: ASC }) {
        nodes { range { from to } credits } totals { credits } pageInfo { hasNextPage endCursor } } } } }`;
    const at = iso(gateway.clock.nowMs());
    const pages: { nodes: { range: unknown; credits: string }[]; totals: { credits: string } }[] =
      [];
    for (let after: string | null = null; ;) {
      const answer: Answer<{
        account: {
          usage: {
            guardrails: (typeof pages)[number] & {
              pageInfo: { hasNextPage: boolean; endCursor: string };
            };
          };
        };
      }> = await gateway.query(query, { id: accountId, after });
      const { guardrails } = answer.data.account.usage;
      pages.push(guardrails);
      if (!guardrails.pageInfo.hasNextPage) break;
      after = guardrails.pageInfo.endCursor;
      gateway.clock.moveBy(20 * 24 * HOUR);
    }

    const rows = pages.flatMap(({ nodes }) => nodes);
    expect(new Set(rows.map(({ range }) => JSON.stringify(range)))).toEqual(
      new Set([JSON.stringify({ from: '2026-03-01T00:00:00.000Z', to: at })]),
    );
    expect(new Set(pages.map(({ totals }) => totals.credits)).size).toBe(1);
    expect(sum(rows, 'credits')).toBe(micro(pages[0]?.totals.credits ?? ''));
  });
});
