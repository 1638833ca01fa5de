// Whether the rig of faults sees faults of the code: each gateway here breaks one promise, and the rig says which.

import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { Chance } from '../faults/chance.ts';
import { FAULTS } from '../faults/faults.ts';
import { History } from '../faults/history.ts';
import { buildMutant, type Mutation } from '../faults/mutants.ts';
import { ALERTS_RAISED_LATER, ID_OF_EACH_ATTEMPT, ROUNDED_RATES } from '../faults/planted.ts';
import { Rig } from '../faults/rig.ts';
import { Violations } from '../faults/violations.ts';
import { asOwner } from '../support/databases.ts';

const ROUND_MS = 3_000;
/** A fault that happens by chance is met sooner or later. */
const ROUNDS_MAX = 10;

/** What is wrong with a gateway, the faults in which it shows, and the promises that it breaks. */
interface Planted {
  readonly mutations: readonly Mutation[];
  readonly faults: readonly string[];
  readonly broken: readonly string[];
  /** A setting of the database under which it shows soon. */
  readonly setting?: string;
  /** How long what comes late is waited for; default: as long as it may take. Shorter where some never comes. */
  readonly deliveredWithinMs?: number;
}

const PLANTED: Readonly<Record<string, Planted>> = {
  'rounds rates, forgets identities and cursors, raises alerts late, leaves accounts open, and gives each attempt an id of its own':
    {
      mutations: [
        ROUNDED_RATES,
        {
          file: 'src/recording/events.store.ts',
          from: `k.seq, usage_identity_hash(k.source, k.event_id)
       from account own`,
          to: `k.seq, usage_identity_hash(k.source, k.event_id || random()::text)
       from account own`,
        },
        ID_OF_EACH_ATTEMPT,
        {
          file: 'src/alerts/alert.feed.ts',
          from: 'const { accountId, after } = request;',
          to: 'const { accountId, after } = (request = { ...request, after: null });',
        },
        {
          file: 'src/db/whose.ts',
          from: '`set local billing.account_id',
          to: '`set billing.account_id',
        },
        ALERTS_RAISED_LATER,
      ],
      faults: ['kill-gateway'],
      broken: [
        'what runs is stopped at the exact instant',
        'an event is recorded once',
        'each webhook comes at least once',
        'each subscriber is told everything once and in order',
        'each crossing is told once',
        'no account is left open on a connection',
      ],
      // Beyond the longest pause of a subscriber before it connects again: late is not lost.
      deliveredWithinMs: 20_000,
    },
  'answers before the database has it on disk': {
    mutations: [
      {
        file: 'src/db/database.ts',
        from: 'const BEGIN = [sql`begin`];',
        to: 'const BEGIN = [sql`begin`, sql`set local synchronous_commit to off`];',
      },
    ],
    faults: ['stop-postgresql-immediate'],
    broken: ['what was acknowledged is there'],
    // Otherwise the server puts them on disk by itself within a fraction of a second.
    setting: `wal_writer_delay = '10s'`,
    deliveredWithinMs: ROUND_MS,
  },
};

/** Runs the rig on one gateway until these promises are found broken. @returns all that were */
async function brokenBy(
  name: string,
  { mutations, faults, broken, setting, deliveredWithinMs }: Planted,
): Promise<ReadonlySet<string>> {
  const script = await buildMutant(String(mutations.length), mutations);
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-faults-'));
  await fs.chmod(folder, 0o755);
  const history = await History.open(path.join(folder, 'history.jsonl'));
  const violations = new Violations();
  const found = new Set<string>();
  try {
    const rig = await Rig.open({
      ...{ folder, history, violations, chance: new Chance(name), env: {} },
      faults: FAULTS.filter((fault) => faults.includes(fault.name)),
      roundMs: ROUND_MS,
      runs: [{ script }],
      ...(deliveredWithinMs === undefined ? {} : { deliveredWithinMs }),
      say: () => undefined,
    });
    try {
      if (setting !== undefined) {
        await asOwner(rig.world.databaseUrl, `alter system set ${setting}`);
        await asOwner(rig.world.databaseUrl, 'select pg_reload_conf()');
      }
      for (let round = 0; round < ROUNDS_MAX; round += 1) {
        await rig.round();
        for (const { promise } of violations.found) found.add(promise);
        if (broken.every((promise) => found.has(promise))) break;
      }
    } finally {
      await rig.close();
    }
  } finally {
    await history.close();
    await fs.rm(folder, { recursive: true });
    await fs.rm(script);
  }
  return found;
}

// Side by side: most of the time they wait for what comes late.
it.concurrent.each(Object.entries(PLANTED))(
  'the rig sees a gateway that %s',
  async (name, mutant) => {
    const found = await brokenBy(name, mutant);

    expect([...found]).toEqual(expect.arrayContaining([...mutant.broken]));
  },
);

it.concurrent(
  'the rig sees nothing wrong with the gateway as it is, in the same faults',
  async () => {
    const faults = [...new Set(Object.values(PLANTED).flatMap((one) => one.faults))];
    const found = await brokenBy('as it is', { mutations: [], faults, broken: [] });

    expect([...found]).toEqual([]);
  },
);
