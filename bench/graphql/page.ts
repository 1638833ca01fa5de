// The page that all servers answer: the workflows tab, from rows that are in memory.

import type { Account } from '../../src/account/account.ts';
import { firstAccountCycle } from '../../src/account/cycle.ts';
import { ROWS_PER_PAGE_MAX } from '../../src/core/cursor.ts';
import { encodeId } from '../../src/core/identity.ts';
import type { Resource } from '../../src/resources/resource.ts';
import { resourceTraits, type TabRow } from '../../src/views/tabs.ts';
import { figuresOf, type Sum } from '../../src/views/sums.ts';

const CREATED_MS = Date.parse('2025-06-01T08:00:00.000Z');

export const account: Account = {
  accountId: 1,
  externalId: 'bench',
  name: 'Bench',
  timeZone: 'Asia/Kolkata',
  cycleDay: 1,
  notificationEmails: [],
  createdAtMs: CREATED_MS,
  creditsFromMs: CREATED_MS,
  isTest: false,
  closedAtMs: null,
  erasedAtMs: null,
  settledAtMs: CREATED_MS,
  cycle: firstAccountCycle({ timeZone: 'Asia/Kolkata', cycleDay: 1 }, CREATED_MS),
  recorded: { lastSeq: 0, quantity: 0n, creditsMicro: 0n },
};

export const ACCOUNT_ID = encodeId('Account', account.accountId, account.accountId);

const LIST = `workflows(first: $first) {
    totalCount
    totals { count runs credits hostingTime hostingCredits fineTuningCredits storageCredits processingCredits }
    pageInfo { hasNextPage hasPreviousPage }
    nodes {
      workflow { __typename id externalId name kind status owner createdAt lastActiveOn }
      runs lastActiveOn } }`;

/** A page: so many times the tab's list, each with its first rows. */
export interface Page {
  readonly lists: number;
  readonly first: number;
}

/** The page with so many rows. A list gives no more than 500 at once, so for more it is asked for twice. */
export function pageOf(rows: number): Page {
  const lists = Math.ceil(rows / ROWS_PER_PAGE_MAX);
  return { lists, first: rows / lists };
}

/** The body that asks for a page. */
export function bodyOf({ lists, first }: Page, accountId: string): string {
  const selections = Array.from({ length: lists }, (_, index) => `list${index}: ${LIST}`);
  const query = `query ($accountId: ID, $first: Int) {
  account(id: $accountId) { id usage(range: { preset: LAST_90_DAYS }) { ${selections.join(' ')} } } }`;
  return JSON.stringify({ query, variables: { accountId, first } });
}

/** Rows of the tab in its order, most runs first. */
export function tabRows(count: number): readonly TabRow<Resource>[] {
  return Array.from({ length: count }, (_, index) => {
    const resource = workflow(index + 1);
    const sums = [sumOf(resource.resourceId, BigInt(1_000_000 - 17 * index))];
    return {
      id: resource.resourceId,
      item: resource,
      ...resourceTraits(resource),
      lastActiveAtMs: resource.lastEventAtMs,
      lastDeployedAtMs: null,
      figures: figuresOf(sums),
      sums,
    };
  });
}

function sumOf(subjectId: number, quantity: bigint): Sum {
  const none = { hardwareId: 0, creditsMicro: 0n, hostingMs: 0n, replicaMs: 0n };
  return { cell: 0, subjectId, kind: null, type: 'WORKFLOW_RUN', quantity, ...none };
}

function workflow(resourceId: number): Resource {
  const lastEventAtMs = CREATED_MS + resourceId * 86_399_123;
  return {
    accountId: account.accountId,
    resourceId,
    kind: 'WORKFLOW',
    externalId: `workflow-${resourceId}`,
    name: `Workflow ${resourceId}`,
    owner: `owner-${resourceId % 20}@example.com`,
    createdAtMs: CREATED_MS,
    modelId: null,
    language: null,
    languageVersion: null,
    ocrModel: null,
    status: 'DEPLOYED',
    endpointUrl: null,
    failureMessage: null,
    requestedHardwareId: null,
    requestedReplicas: null,
    lifecycleAtMs: CREATED_MS,
    deployedAtMs: CREATED_MS,
    changedAtMs: CREATED_MS,
    stoppedAtMs: null,
    lastDeployedAtMs: CREATED_MS,
    lastLifecycleActivityAtMs: CREATED_MS,
    lastEventAtMs,
  };
}
