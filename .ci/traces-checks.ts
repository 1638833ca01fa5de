// Each check asks one view of the API and works the same figures out from the CSV rows.

import {
  answered,
  bucketAnswered,
  bucketOf,
  byFirst,
  daysOf,
  figures,
  iso,
  micro,
  milliseconds,
} from './traces-answers.ts';
import { credits, hostingTotals, type Range, type Traces } from './traces-csv.ts';
import { get, list, text, type Gateway } from './traces-gateway.ts';

/** Compared as JSON; bigints as decimal strings. */
export interface Checked {
  readonly expected: unknown;
  readonly actual: unknown;
}

export interface Checking {
  readonly gateway: Gateway;
  readonly accountId: string;
  readonly traces: Traces;
  /** Whole local days that hold all three traces. */
  readonly range: Range;
  readonly zone: string;
  readonly check: (name: string, checked: Checked) => void;
  /** Only the grand totals. */
  readonly isBrief?: boolean;
}

const DAY_MS = 86_400_000;
/** Published with the traces, so that a mistake in reading the files cannot pass unseen. */
const PUBLISHED = {
  replicaMs: '2966695253000',
  hosting: '824082.012171',
  tokens: '18305870',
  images: '1298450',
  // 8,819 LLM requests and 818,610 image requests.
  runs: '827429',
} as const;

export async function checkViews(checking: Checking): Promise<void> {
  await checkGrandTotals(checking);
  if (checking.isBrief === true) return;
  checkPublished(checking);
  await checkQuantities(checking);
  await checkDays(checking);
  await checkHours(checking);
  await checkOddRanges(checking);
  await checkModels(checking);
  await checkDeployments(checking);
  await checkClients(checking);
}

const TOTALS = `query ($id: ID, $range: DateRangeInput) { account(id: $id) { usage(range: $range) {
  workflowRuns { used }
  credits { used byCategory { category credits } byComponent { component credits } }
  hardware { time replicaTime peakReplicas credits }
} } }`;

async function checkGrandTotals({ check, ...checking }: Checking): Promise<void> {
  const { traces, range } = checking;
  const expected = traces.totals(range);
  const usage = await ask(checking, TOTALS, range);
  check('grand totals: runs, credits, categories, components', {
    expected: figures(expected),
    actual: answered(usage),
  });
  check('grand totals: hardware time, GPU time, peak and credits', {
    expected: [
      {
        timeMs: expected.hostedMs.toString(),
        replicaMs: expected.replicaMs.toString(),
        peak: traces.peakGpus().toString(),
        credits: credits(expected.hosting),
      },
    ],
    actual: list(usage, 'hardware').map((row) => ({
      timeMs: milliseconds(text(row, 'time')),
      replicaMs: milliseconds(text(row, 'replicaTime')),
      peak: text(row, 'peakReplicas'),
      credits: text(row, 'credits'),
    })),
  });
}

function checkPublished({ check, traces, range }: Checking): void {
  const expected = traces.totals(range);
  check('the CSV files add up to their published sums', {
    expected: PUBLISHED,
    actual: {
      replicaMs: expected.replicaMs.toString(),
      hosting: credits(expected.hosting),
      tokens: expected.tokens.toString(),
      images: expected.images.toString(),
      runs: expected.runs.toString(),
    },
  });
}

async function checkQuantities({ check, ...checking }: Checking): Promise<void> {
  const query = `query ($id: ID, $range: DateRangeInput) { account(id: $id) { usage(range: $range) {
    report(groupBy: [CATEGORY, COMPONENT]) { nodes { category component runs quantity credits replicaTime } }
  } } }`;
  const { hosting, llm, ocr, tokens, images, runs, replicaMs } = checking.traces.totals(
    checking.range,
  );
  const report = await ask(checking, query, checking.range);
  const rows = list(report, 'report', 'nodes').map((row) => [
    `${String(get(row, 'category'))} ${String(get(row, 'component'))}`,
    text(row, 'runs'),
    text(row, 'quantity'),
    text(row, 'credits'),
    milliseconds(text(row, 'replicaTime')),
  ]);
  check('report by category and component: runs, tokens, images, GPU time', {
    expected: [
      ['MODELS HOSTING', '0', '0', credits(hosting), replicaMs.toString()],
      ['MODELS PROCESSING', '0', tokens.toString(), credits(llm), '0'],
      ['OCR PROCESSING', '0', images.toString(), credits(ocr), '0'],
      ['null null', runs.toString(), '0', '0', '0'],
    ],
    actual: rows.sort(byFirst),
  });
}

const TREND = `query ($id: ID, $range: DateRangeInput, $granularity: Granularity) {
  account(id: $id) { usage(range: $range) { trend(granularity: $granularity) {
    buckets { from to isPartial workflowRuns credits models ocr guardrails }
  } } }
}`;

async function checkDays({ check, ...checking }: Checking): Promise<void> {
  const { range, zone } = checking;
  const days = daysOf(range, zone);
  const usage = await ask(checking, TREND, range, { granularity: 'DAY' });
  check(`every one of ${days.length} local days of ${zone}`, {
    expected: days.map((day) => bucketOf(checking.traces, day, false)),
    actual: list(usage, 'trend', 'buckets').map(bucketAnswered),
  });
  const odd = {
    fromMs: range.fromMs + 3 * DAY_MS + 1,
    toMs: range.fromMs + 40 * DAY_MS + 7_654_321,
  };
  const cut = daysOf(range, zone)
    .map((day) => ({
      fromMs: Math.max(day.fromMs, odd.fromMs),
      toMs: Math.min(day.toMs, odd.toMs),
      isPartial: day.fromMs < odd.fromMs || day.toMs > odd.toMs,
    }))
    .filter(({ fromMs, toMs }) => fromMs < toMs);
  const cutUsage = await ask(checking, TREND, odd, { granularity: 'DAY' });
  check('days of a range that cuts its first and last one', {
    expected: cut.map((day) => bucketOf(checking.traces, day, day.isPartial)),
    actual: list(cutUsage, 'trend', 'buckets').map(bucketAnswered),
  });
}

async function checkHours({ check, ...checking }: Checking): Promise<void> {
  const first = checking.traces.requests[0]?.atMs ?? 0;
  const fromMs = Math.floor(first / DAY_MS) * DAY_MS;
  const hours = Array.from({ length: 24 }, (_, hour) => ({
    fromMs: fromMs + hour * 3_600_000,
    toMs: fromMs + (hour + 1) * 3_600_000,
  }));
  const range = { fromMs, toMs: fromMs + DAY_MS };
  const usage = await ask(checking, TREND, range, { granularity: 'HOUR' });
  check('every hour of the LLM requests', {
    expected: hours.map((hour) => bucketOf(checking.traces, hour, false)),
    actual: list(usage, 'trend', 'buckets').map(bucketAnswered),
  });
}

async function checkOddRanges({ check, ...checking }: Checking): Promise<void> {
  for (const { name, range, cutMs } of oddRanges(checking)) {
    const whole = await ask(checking, TOTALS, range);
    const before = await ask(checking, TOTALS, { fromMs: range.fromMs, toMs: cutMs });
    const after = await ask(checking, TOTALS, { fromMs: cutMs, toMs: range.toMs });
    const parts = [answered(before), answered(after)];
    const expected = checking.traces.totals(range);
    check(`${name}: ${iso(range.fromMs)} to ${iso(range.toMs)}`, {
      expected: figures(expected),
      actual: answered(whole),
    });
    check(`${name}: cut at ${iso(cutMs)}, both parts and their sum`, {
      expected: [
        figures(checking.traces.totals({ fromMs: range.fromMs, toMs: cutMs })),
        figures(checking.traces.totals({ fromMs: cutMs, toMs: range.toMs })),
        credits(expected.hosting + expected.llm + expected.ocr),
      ],
      actual: [...parts, credits(parts.reduce((sum, { used }) => sum + micro(used), 0n))],
    });
  }
}

async function checkModels({ check, ...checking }: Checking): Promise<void> {
  const query = `query ($id: ID, $range: DateRangeInput) { account(id: $id) { usage(range: $range) {
    models(first: 100) {
      totals { credits hostingCredits processingCredits hostingTime }
      nodes { model { name } time credits hostingCredits processingCredits }
    }
  } } }`;
  for (const range of [checking.range, oddJobsRange(checking)]) {
    const { hosting, llm, hostedMs } = checking.traces.totals(range);
    const usage = await ask(checking, query, range);
    const rows = modelNames(checking.traces).map((name) => {
      const jobs = checking.traces.jobs.filter(({ model }) => model === name);
      const ran = hostingTotals(jobs, range);
      return [name, ran.hostedMs.toString(), credits(ran.hosting), credits(ran.hosting), '0'];
    });
    check(`models from ${iso(range.fromMs)} to ${iso(range.toMs)}`, {
      expected: [
        ...[['azure-code', '0', credits(llm), '0', credits(llm)], ...rows].sort(byFirst),
        [credits(hosting + llm), credits(hosting), credits(llm), hostedMs.toString()],
      ],
      actual: [
        ...list(usage, 'models', 'nodes')
          .map((row) => [
            text(row, 'model', 'name'),
            milliseconds(text(row, 'time')),
            text(row, 'credits'),
            text(row, 'hostingCredits'),
            text(row, 'processingCredits'),
          ])
          .sort(byFirst),
        [
          text(usage, 'models', 'totals', 'credits'),
          text(usage, 'models', 'totals', 'hostingCredits'),
          text(usage, 'models', 'totals', 'processingCredits'),
          milliseconds(text(usage, 'models', 'totals', 'hostingTime')),
        ],
      ],
    });
  }
}

/** Every job's own row, read page by page from the drill-down of its model. */
async function checkDeployments({ check, ...checking }: Checking): Promise<void> {
  const range = oddJobsRange(checking);
  const models = await ask(
    checking,
    `query ($id: ID, $range: DateRangeInput) { account(id: $id) { usage(range: $range) {
      models(first: 100) { nodes { model { id name } } }
    } } }`,
    range,
  );
  for (const node of list(models, 'models', 'nodes')) {
    const name = text(node, 'model', 'name');
    const jobs = checking.traces.jobs.filter(({ model }) => model === name);
    if (jobs.length === 0) continue;
    const rows = await deploymentRows(checking, text(node, 'model', 'id'), range);
    check(`deployments of ${name}: ${jobs.length} jobs, each its own charge`, {
      expected: jobs
        .map((job) => {
          const ran = hostingTotals([job], range);
          return [`job-${job.id}`, credits(ran.hosting), ran.hostedMs.toString()];
        })
        .sort(byFirst),
      actual: [...rows].sort(byFirst),
    });
  }
}

async function deploymentRows(
  { gateway }: Pick<Checking, 'gateway'>,
  modelId: string,
  range: Range,
): Promise<readonly string[][]> {
  const query = `query ($id: ID!, $range: DateRangeInput, $after: String) { node(id: $id) { ... on Model {
    usage(range: $range) { deployments(first: 500, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { resource { externalId } credits time }
    } }
  } } }`;
  const rows: string[][] = [];
  let after: string | null = null;
  do {
    const variables = { id: modelId, range: rangeInput(range), after };
    const answer = await gateway.ask(query, variables);
    const page = get(answer, 'node', 'usage', 'deployments');
    for (const row of list(page, 'nodes')) {
      const time = milliseconds(text(row, 'time'));
      rows.push([text(row, 'resource', 'externalId'), text(row, 'credits'), time]);
    }
    const hasNext = get(page, 'pageInfo', 'hasNextPage') === true;
    after = hasNext ? text(page, 'pageInfo', 'endCursor') : null;
  } while (after !== null);
  return rows;
}

async function checkClients({ check, ...checking }: Checking): Promise<void> {
  const query = `query ($id: ID, $range: DateRangeInput) { account(id: $id) { usage(range: $range) {
    ocrDeployments(first: 100) { nodes { resource { externalId } credits } }
    clients: report(groupBy: [RESOURCE], filter: { search: "client-" }) { nodes { resource { externalId } runs } }
    code: report(groupBy: [RESOURCE], filter: { search: "code-assistant" }) { nodes { resource { externalId } runs } }
    report(groupBy: [RESOURCE], filter: { categories: [OCR] }) { nodes { resource { externalId } quantity } }
  } } }`;
  const noon = (checking.traces.windows[0]?.atMs ?? 0) + DAY_MS / 2;
  for (const range of [checking.range, { fromMs: noon + 1, toMs: noon + 3 * 3_600_000 + 1 }]) {
    const usage = await ask(checking, query, range);
    const clients = [...checking.traces.clients(range)];
    const own = (figure: (client: { requests: bigint; images: bigint; micro: bigint }) => string) =>
      used(clients.map(([name, client]) => [`client-${name}`, figure(client)]));
    const requests = checking.traces.requests.filter(
      ({ atMs }) => atMs >= range.fromMs && atMs < range.toMs,
    );
    check(`image clients from ${iso(range.fromMs)} to ${iso(range.toMs)}: credits, pages, runs`, {
      expected: [
        own((client) => credits(client.micro)),
        own((client) => client.images.toString()),
        used([
          ...own((client) => client.requests.toString()),
          ['code-assistant', requests.length.toString()],
        ]),
      ],
      actual: [
        used(rowsOf(list(usage, 'ocrDeployments', 'nodes'), 'resource', 'credits')),
        used(rowsOf(list(usage, 'report', 'nodes'), 'resource', 'quantity')),
        // The tab lists no workflow that was never deployed, as these are.
        used(
          ['clients', 'code'].flatMap((of) => rowsOf(list(usage, of, 'nodes'), 'resource', 'runs')),
        ),
      ],
    });
  }
}

function rowsOf(nodes: readonly unknown[], owner: string, figure: string): string[][] {
  return nodes.map((row) => [text(row, owner, 'externalId'), text(row, figure)]);
}

/** Rows of nothing may stand or not, as the tab has it; all others are compared. */
function used(rows: readonly string[][]): string[][] {
  return rows.filter(([, figure]) => figure !== '0').sort(byFirst);
}

interface OddRange {
  readonly name: string;
  readonly range: Range;
  readonly cutMs: number;
}

function oddRanges({ traces, range }: Pick<Checking, 'traces' | 'range'>): readonly OddRange[] {
  const firstRequest = traces.requests[0]?.atMs ?? 0;
  const middleRequest = traces.requests[4_000]?.atMs ?? 0;
  const firstWindow = traces.windows[0]?.atMs ?? 0;
  const job = traces.jobs[1_000];
  const jobStart = job?.fromMs ?? 0;
  return [
    {
      name: 'odd range over GPU jobs',
      range: oddJobsRange({ range }),
      cutMs: range.fromMs + 31 * DAY_MS + 1_234_567,
    },
    {
      name: 'one millisecond of a job',
      range: { fromMs: jobStart + 777, toMs: jobStart + 779 },
      cutMs: jobStart + 778,
    },
    {
      name: 'odd range over LLM requests',
      range: { fromMs: firstRequest + 1, toMs: middleRequest + 60_001 },
      cutMs: middleRequest,
    },
    {
      name: 'odd range over image requests',
      range: { fromMs: firstWindow + 1, toMs: firstWindow + DAY_MS - 599_999 },
      cutMs: firstWindow + 37_800_000,
    },
    {
      name: 'odd range over everything',
      range: { fromMs: range.fromMs + 12_345_679, toMs: range.toMs - 987_653 },
      cutMs: firstRequest + 1_000_003,
    },
  ];
}

function oddJobsRange({ range }: Pick<Checking, 'range'>): Range {
  return {
    fromMs: range.fromMs + 9 * DAY_MS + 3_601_003,
    toMs: range.fromMs + 63 * DAY_MS + 55_555_557,
  };
}

function modelNames(traces: Traces): readonly string[] {
  return [...new Set(traces.jobs.map(({ model }) => model))];
}

async function ask(
  { gateway, accountId }: Pick<Checking, 'gateway' | 'accountId'>,
  query: string,
  range: Range,
  more: object = {},
): Promise<unknown> {
  const variables = { id: accountId, range: rangeInput(range), ...more };
  return get(await gateway.ask(query, variables), 'account', 'usage');
}

function rangeInput({ fromMs, toMs }: Range): object {
  return { from: iso(fromMs), to: iso(toMs) };
}
