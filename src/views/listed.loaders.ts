// What views list or compare with, by whole accounts: resources, models, when each was last used, and
// allocations. All except the allocations can also be read as of an earlier instant.

import { requireNotArchived } from '../archives/archives.store.ts';
import { groupBy } from '../core/group.ts';
import { memoized } from '../core/memoized.ts';
import type { Tx } from '../db/database.ts';
import type { RequestContext } from '../graphql/context.ts';
import { byContent, loader } from '../graphql/loader.ts';
import { remembered } from '../graphql/remembered.ts';
import { listResourcesAsOf, type RowsAsOf } from '../resources/former-rows.store.ts';
import { laterOf, type Model, type Resource, type ResourceKind } from '../resources/resource.ts';
import { listModelsAsOf, listModelsOf } from '../resources/models.store.ts';
import { listResourcesOf } from '../resources/resources.store.ts';
import type { CreditAllocation } from '../settlement/allocation.ts';
import { loadAllocationsOf } from '../settlement/credits.store.ts';
import { type AccountAsOf, loadLastEvents } from './former.store.ts';
import { foldedUpToLoader, tailLoader } from './tail.loaders.ts';
import type { AccountOf } from './view.ts';
import { loadTailActivity } from './tail.store.ts';

/** When a resource was last used, epoch ms; null when it never was. */
export type LastEvent = (resource: Resource) => number | null;

interface KindOf extends AccountOf {
  readonly kind: ResourceKind;
}

const RESOURCES_BYTES_MAX = 64 * 1024 * 1024;
const RESOURCE_BYTES = 800;
const rememberedResources = remembered<readonly Resource[]>({
  bytesMax: RESOURCES_BYTES_MAX,
  bytesOf: (resources) => resources.length * RESOURCE_BYTES,
});

/** All resources of a kind that were ever registered, by id; at present, the same list as long as none of it changes. */
export const resourcesLoader = loader<KindOf, readonly Resource[]>(
  (tx, kinds, context) =>
    answerEach(kinds, {
      ofNow: (asked) => presentResources(tx, asked, context),
      asOf: async (written, asked) => listResourcesAsOf(tx, written, distinct(asked, 'kind')),
      isOf: (row, key) => row.accountId === key.accountId && row.kind === key.kind,
    }),
  byContent,
);

// Whatever is registered or changed takes a change (resources/former-rows.store.ts), but when a resource was last used: that follows
// from which events are folded, and voiding one takes a change too.
async function presentResources(
  tx: Tx,
  asked: readonly KindOf[],
  context: RequestContext,
): Promise<readonly (readonly Resource[])[]> {
  const known = rememberedResources(context);
  const states = await Promise.all(
    asked.map(({ accountId }) => foldedUpToLoader(context).load(accountId)),
  );
  const keys = asked.map(({ accountId, kind }, index) => {
    const { run, lastChange, watermark } = states[index] ?? {};
    return [run, accountId, kind, lastChange, watermark].join();
  });
  const found = keys.map((key) => known.get(key));
  const missing = asked.filter((_, index) => found[index] === undefined);
  const read =
    missing.length === 0
      ? []
      : await listResourcesOf(tx, distinct(missing, 'accountId'), distinct(missing, 'kind'));
  return asked.map(({ accountId, kind }, index) => {
    if (found[index] !== undefined) return found[index];
    const own = read.filter((one) => one.accountId === accountId && one.kind === kind);
    known.set(keys[index] ?? '', own);
    return own;
  });
}

/** All models that were ever registered, by id. */
export const modelsLoader = loader<AccountOf, readonly Model[]>(
  (tx, accounts) =>
    answerEach(accounts, {
      ofNow: async (asked) => {
        const models = await listModelsOf(tx, distinct(asked, 'accountId'));
        const byAccount = groupBy(models, ({ accountId }) => accountId);
        return asked.map(({ accountId }) => byAccount.get(accountId) ?? []);
      },
      asOf: async (written) => listModelsAsOf(tx, written),
      isOf: (row, { accountId }) => row.accountId === accountId,
    }),
  byContent,
);

/** All allocations of accounts, by account id. */
export const allocationsLoader = loader<number, readonly CreditAllocation[]>(
  async (tx, accountIds) => {
    const byAccount = groupBy(await loadAllocationsOf(tx, accountIds), (row) => row.accountId);
    return accountIds.map((accountId) => byAccount.get(accountId) ?? []);
  },
);

/** When each resource was last used, including events that are not folded into its row yet. */
export const lastEventsLoader = loader<AccountOf, LastEvent>(async (tx, accounts, context) => {
  const ofNow = accounts.filter(({ written }) => written === null);
  const tails = await presentTails(tx, distinct(ofNow, 'accountId'), context);
  const former = accounts.flatMap(({ accountId, written }) =>
    written === null ? [] : [{ accountId, written }],
  );
  const known = former.length === 0 ? [] : await loadLastEventsOrRefuse(tx, former);
  let next = 0;
  return accounts.map(({ accountId, written }) => {
    if (written === null) return withTail(tails.get(accountId) ?? NO_TAIL);
    const found = known[next++];
    return ({ resourceId, lastEventAtMs }) => {
      const since = found?.get(resourceId);
      return since === undefined ? lastEventAtMs : since;
    };
  });
}, byContent);

/** @throws ArchivedError when an event that was recorded or voided since is archived */
async function loadLastEventsOrRefuse(
  tx: Tx,
  accounts: readonly AccountAsOf[],
): ReturnType<typeof loadLastEvents> {
  const [known] = await Promise.all([
    loadLastEvents(tx, accounts),
    requireNotArchived(
      tx,
      ...accounts.map(({ accountId, written: { lastSeq, lastChange } }) => ({
        accountId,
        seqs: { first: lastSeq + 1, last: Number.MAX_SAFE_INTEGER },
        voidedAfter: lastChange,
      })),
    ),
  ]);
  return known;
}

/** The instant of the latest event beyond the watermark of each resource and model that has one. */
type LastInTail = ReadonlyMap<number, number>;

const NO_TAIL: LastInTail = new Map();

async function presentTails(
  tx: Tx,
  accountIds: readonly number[],
  context: RequestContext,
): Promise<ReadonlyMap<number, LastInTail>> {
  const tails = await Promise.all(
    accountIds.map(async (accountId) => {
      const { watermark, lastSeq } = await foldedUpToLoader(context).load(accountId);
      return tailLoader(context).load({ accountId, fromSeq: watermark, toSeq: lastSeq });
    }),
  );
  const long = accountIds.filter((_, index) => tails[index] === null);
  const read = groupBy(
    long.length === 0 ? [] : await loadTailActivity(tx, long),
    ({ accountId }) => accountId,
  );
  return new Map(
    accountIds.map((accountId, index) => [
      accountId,
      tails[index]?.lastEventOf ??
        new Map(read.get(accountId)?.map((row) => [row.subjectId, row.lastEventAtMs])),
    ]),
  );
}

const withTail = memoized(
  (inTail: LastInTail): LastEvent =>
    ({ resourceId, lastEventAtMs }) =>
      laterOf(lastEventAtMs, inTail.get(resourceId) ?? null),
);

/** Answers each question with the rows of its account: present ones together, others with one statement for each state. */
async function answerEach<K extends AccountOf, R>(
  keys: readonly K[],
  read: {
    readonly ofNow: (keys: readonly K[]) => Promise<readonly (readonly R[])[]>;
    readonly asOf: (of: RowsAsOf, keys: readonly K[]) => Promise<readonly R[]>;
    readonly isOf: (row: R, key: K) => boolean;
  },
): Promise<readonly (readonly R[])[]> {
  const answers = new Map<K, readonly R[]>();
  const stateOf = ({ accountId, written }: K): string =>
    written === null ? '' : JSON.stringify([accountId, written]);
  for (const group of groupBy(keys, stateOf).values()) {
    const [{ accountId, written }] = group;
    if (written === null) {
      const lists = await read.ofNow(group);
      group.forEach((key, index) => answers.set(key, lists[index] ?? []));
      continue;
    }
    const rows = await read.asOf({ accountId, ...written }, group);
    for (const key of group) {
      const own = rows.filter((row) => read.isOf(row, key));
      answers.set(key, own);
    }
  }
  return keys.map((key) => answers.get(key) ?? []);
}

function distinct<T, K extends keyof T>(keys: readonly T[], field: K): readonly T[K][] {
  return [...new Set(keys.map((key) => key[field]))];
}
