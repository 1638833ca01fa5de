// The views that are measured: each as a page asks for it, as the service answers it, and as plain SQL over the raw tables.

import { resolveRangeAt, type DateRangeRequest } from '../../src/account/range.ts';
import type { Account } from '../../src/account/account.ts';
import { type View, viewOf as viewAt } from '../../src/views/view.ts';
import type { UsageViews } from '../../src/views/views.service.ts';
import { ACCOUNT_ZONE } from '../support/data-set.ts';
import { hostedTabSql, modelsTabSql, OVERVIEW_SQL, workflowsTabSql } from './raw-sql.ts';

export const ROWS = 25;

export interface Question {
  readonly name: string;
  readonly document: string;
  readonly ask: (views: UsageViews, view: View) => Promise<unknown>;
  /** With the parameters account, from, to, zone. */
  readonly rawSql: string;
}

const TOTALS = `totalCount totals {
  count runs credits hostingTime fineTuningCredits hostingCredits storageCredits processingCredits }
  pageInfo { hasNextPage endCursor }`;
const RESOURCE = 'id externalId name kind status owner lastActiveOn';

function documentOf(selection: string): string {
  return `query ($accountId: ID!, $range: DateRangeInput!) {
    account(id: $accountId) { usage(range: $range) { range { from to } ${selection} } } }`;
}

const OVERVIEW = documentOf(`
  workflowRuns { used allocated percentUsed }
  credits { used allocated percentUsed byCategory { category credits percent } byComponent { component credits } }
  trend { granularity buckets {
    from to isPartial workflowRuns credits models guardrails customScripts ocr browserAutomation } }
  hardware { hardware { name } time replicaTime peakReplicas credits }`);

function hostedTab(field: string, kind: Parameters<UsageViews['hostedRows']>[1]): Question {
  return {
    name: field,
    document: documentOf(`${field}(first: ${ROWS}) { ${TOTALS} nodes {
      resource { ${RESOURCE} } credits time lastDeployedOn components { component credits } } }`),
    ask: (views, view) => views.hostedRows(view, kind),
    rawSql: hostedTabSql(kind),
  };
}

async function askOverview(views: UsageViews, view: View): Promise<unknown> {
  const trend = views.trend({ ...view, subjectIds: null }, 'AUTO');
  const peaks = views.hardware(view).then((all) => Promise.all(all.map((of) => views.peak(of))));
  return Promise.all([views.runTotals(view), views.creditTotals(view), trend, peaks]);
}

export const questions: readonly Question[] = [
  {
    name: 'overview',
    document: OVERVIEW,
    ask: askOverview,
    rawSql: OVERVIEW_SQL,
  },
  {
    name: 'workflows',
    document: documentOf(`workflows(first: ${ROWS}) { ${TOTALS} nodes {
      workflow { ${RESOURCE} } runs lastActiveOn } }`),
    ask: (views, view) => views.workflowRows(view),
    rawSql: workflowsTabSql,
  },
  {
    name: 'models',
    document: documentOf(`models(first: ${ROWS}) { ${TOTALS} nodes {
      model { id externalId name type } credits time fineTuningCredits hostingCredits storageCredits processingCredits
      lastDeployedOn } }`),
    ask: (views, view) => views.modelRows(view, null),
    rawSql: modelsTabSql,
  },
  hostedTab('guardrails', 'GUARDRAIL'),
  hostedTab('customScripts', 'CUSTOM_SCRIPT'),
  hostedTab('ocrDeployments', 'OCR_DEPLOYMENT'),
  hostedTab('browserPods', 'BROWSER_POD'),
];

/** A range that views are asked for. */
export interface AskedRange {
  readonly name: string;
  readonly request: DateRangeRequest;
}

/** The ranges: whole local days up to now, those of another zone, and one that is cut anywhere. */
export function askedRanges(nowMs: number): readonly AskedRange[] {
  const aMinuteMs = 60_000;
  return [
    { name: `LAST_90_DAYS, ${ACCOUNT_ZONE}`, request: { preset: 'LAST_90_DAYS' } },
    {
      name: 'LAST_90_DAYS, America/New_York',
      request: { preset: 'LAST_90_DAYS', timeZone: 'America/New_York' },
    },
    {
      name: '89 days, cut at odd milliseconds',
      request: {
        from: nowMs - 90 * 1_440 * aMinuteMs + 12_345_678,
        to: nowMs - 1_440 * aMinuteMs + 7_654_321,
      },
    },
  ];
}

/** A range as the API takes it. */
export function rangeVariable({ request }: AskedRange): object {
  const { from, to } = request;
  if (from == null || to == null) return request;
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

export function viewOf(account: Account, range: AskedRange, nowMs: number): View {
  return viewAt(account, nowMs, (atMs) => resolveRangeAt(range.request, account, atMs));
}
