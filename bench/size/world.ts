// A database of any size: 10,000 accounts of very different size, whose usage goes back thirteen months.

import type pg from 'pg';
import { addCalendar } from '../../src/core/calendar.ts';
import { copyAccounts, makeAccount, makeHardware, type Services, type Shape } from './accounts.ts';
import { live, type Life, type Span } from './life.ts';

const MONTHS = 13;
/** The first shape is that of the largest accounts. */
const SHAPES = [
  {
    upToRank: 10,
    shape: { workflows: 1_000, deployments: 300, guardrails: 20, models: 40 },
    timeZone: 'Asia/Kolkata',
  },
  {
    upToRank: 100,
    shape: { workflows: 60, deployments: 15, guardrails: 5, models: 5 },
    timeZone: 'Europe/Berlin',
  },
  {
    upToRank: Infinity,
    shape: { workflows: 6, deployments: 2, guardrails: 1, models: 1 },
    timeZone: 'America/New_York',
  },
] as const;
/**
 * The account of rank r has a share of 1 / r to the power of this: of 1e7 events the first of 10,000 has 3.9 million, the
 * middle one 11, the last one 4.
 */
const SKEW = 1.5;
/** Large accounts report in batches. */
const COMMITS_OF_AN_ACCOUNT = 1_000;
const EVENTS_PER_COMMIT_MAX = 1_000;

export interface World {
  readonly accounts: number;
  readonly events: number;
}

/**
 * Fills a database that has no accounts yet.
 * @param at.probeEvents of one more account, of the first shape
 * @returns the accounts: that one, then the largest first
 */
export async function makeWorld(
  services: Services & { readonly owner: pg.Pool },
  world: World,
  { nowMs, probeEvents }: { readonly nowMs: number; readonly probeEvents: number },
): Promise<readonly Life[]> {
  const { owner, app } = services;
  const span: Span = { bornMs: addCalendar('UTC', nowMs, { months: -MONTHS }), nowMs };
  await makeHardware(services, span.bornMs);
  const sizes = [probeEvents, ...sizesOf(world)];
  const copies: number[] = [];
  for (const { shape, timeZone, upToRank } of SHAPES) {
    const count = Math.min(upToRank, sizes.length) - copies.length;
    if (count <= 0) break;
    const named: Shape = { ...shape, timeZone, name: `template of ${shape.workflows} workflows` };
    const templateId = await makeAccount(services, named, {
      name: named.name,
      bornMs: span.bornMs,
    });
    for (let index = 0; index < count; index += 1) copies.push(templateId);
  }
  services.clock.moveTo(nowMs);
  const client = await owner.connect();
  try {
    // What is lost by a crash is made again.
    await client.query(`set synchronous_commit = off; set work_mem = '256MB'; set jit = off`);
    const ids = await copyAccounts(client, copies);
    await client.query('analyze account, resource, model, credit_state, hosting_segment');
    const accounts = ids.map((accountId, index): Life => {
      const events = sizes[index] ?? 0;
      const perCommit = Math.round(events / COMMITS_OF_AN_ACCOUNT);
      return {
        ...{ accountId, events, templateId: copies[index] ?? 0 },
        eventsPerCommit: Math.min(Math.max(perCommit, 1), EVENTS_PER_COMMIT_MAX),
      };
    });
    await live(client, accounts, { span, fold: () => app.folding.foldAll() });
    // The templates have lived until now too.
    await app.due.settleDue();
    return accounts;
  } finally {
    client.release(true);
  }
}

/** Events of each account, the largest first. */
function sizesOf({ accounts, events }: World): readonly number[] {
  const shares = Array.from({ length: accounts }, (_, index) => (index + 1) ** -SKEW);
  const all = shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => Math.max(1, Math.round((events * share) / all)));
}
