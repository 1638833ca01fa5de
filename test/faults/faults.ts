// The faults that are made while the driver works. Each is begun, lasts, and is ended; two may overlap.

import { setTimeout as delay } from 'node:timers/promises';
import type { Chance } from './chance.ts';
import { overloadBy, stormBy } from './crowd.ts';
import { type Acting, readViews } from './driver.ts';
import type { Carriage } from './proxy.ts';
import type { Place, World } from './world.ts';

export interface Fault {
  readonly name: string;
  /** Makes it and waits until it is over. */
  readonly happen: (stage: Stage) => Promise<void>;
}

/** Where a fault happens. */
export interface Stage {
  readonly world: World;
  readonly chance: Chance;
  /** For what a crowd of clients does. */
  readonly acting: Acting;
  /** Whether nothing else is wrong meanwhile. */
  readonly isAlone: boolean;
}

/** What waits for a gateway that hangs has given up by then. */
const SHORT_MS = [500, 4_000] as const;
const LONG_MS = [8_000, 25_000] as const;

export const FULL_DISK = 'full-disk';

export const FAULTS: readonly Fault[] = [
  { name: 'kill-gateway', happen: killGateway },
  { name: 'stop-gateway', happen: stopGateway },
  {
    name: 'freeze-gateway',
    happen: (stage) => freezeGateway(stage, SHORT_MS),
  },
  {
    name: 'freeze-gateway-long',
    happen: (stage) => freezeGateway(stage, LONG_MS),
  },
  { name: 'kill-postgresql', happen: ({ world }) => signalServer(world, 'SIGKILL') },
  {
    name: 'stop-postgresql-immediate',
    happen: ({ world }) => signalServer(world, 'SIGQUIT'),
  },
  { name: 'stop-postgresql-fast', happen: ({ world }) => signalServer(world, 'SIGINT') },
  { name: 'kill-both', happen: killBoth },
  { name: 'freeze-postgresql', happen: freezeServer },
  { name: 'cut-database', happen: link('back', () => ({ how: 'CUT' })) },
  { name: 'silent-database', happen: link('back', () => ({ how: 'SILENT' }), LONG_MS) },
  {
    name: 'lose-commits',
    happen: link('back', () => ({ how: 'LOSE_COMMITS' }), SHORT_MS),
  },
  {
    name: 'slow-database',
    happen: link('back', (chance) => ({ how: 'SLOW', ms: chance.whole(5, 50) })),
  },
  { name: 'cut-database-after', happen: link('back', cutAfter) },
  { name: 'cut-clients', happen: link('front', () => ({ how: 'CUT' })) },
  { name: 'cut-clients-after', happen: link('front', cutAfter) },
  { name: 'silent-clients', happen: link('front', () => ({ how: 'SILENT' })) },
  {
    name: 'slow-clients',
    happen: link('front', (chance) => ({ how: 'SLOW', ms: chance.whole(5, 200) })),
  },
  { name: 'step-clock', happen: stepClock },
  { name: 'retry-storm', happen: retryStorm },
  {
    name: 'overload',
    happen: ({ acting }) => overloadBy(acting, { clients: 200, lastsMs: 5_000 }),
  },
  { name: FULL_DISK, happen: fillDisk },
];

const STORM_CLIENTS = 500;
const OUTAGE_MS = 10_000;

/** It ends again while the database is out of reach, as on a full disk. Once the fault is over, it has to start (World.mend). */
async function startAgain(place: Place): Promise<void> {
  await place.up().catch((error: unknown) => {
    if (!String(error).includes('The database of DATABASE_URL')) throw error;
  });
}

async function killGateway({ world, chance }: Stage): Promise<void> {
  const place = chance.oneOf(world.places);
  await place.kill();
  await last(chance, [0, 1_000]);
  await startAgain(place);
}

async function stopGateway({ world, chance }: Stage): Promise<void> {
  const place = chance.oneOf(world.places);
  await place.gateway?.stop();
  await startAgain(place);
}

async function freezeGateway(
  { world, chance }: Stage,
  lasts: readonly [number, number],
): Promise<void> {
  const { gateway } = chance.oneOf(world.places);
  gateway?.signal('SIGSTOP');
  await last(chance, lasts);
  gateway?.signal('SIGCONT');
}

// Whoever watches over the server starts it again.
async function signalServer(world: World, signal: 'SIGKILL' | 'SIGQUIT' | 'SIGINT'): Promise<void> {
  const [postmaster] = await world.serverPids();
  if (postmaster !== undefined) kill(postmaster, signal);
}

async function killBoth({ world, chance }: Stage): Promise<void> {
  const [postmaster] = await world.serverPids();
  const place = chance.oneOf(world.places);
  if (postmaster !== undefined) kill(postmaster, 'SIGKILL');
  await place.kill();
  await last(chance, [0, 1_000]);
  await startAgain(place);
}

async function freezeServer({ world, chance }: Stage): Promise<void> {
  const pids = await world.serverPids();
  for (const pid of pids) kill(pid, 'SIGSTOP');
  await last(chance, [1_000, 15_000]);
  // Those that were made meanwhile are children of one that stood still, so there are none.
  for (const pid of pids) kill(pid, 'SIGCONT');
}

async function stepClock({ world, chance }: Stage): Promise<void> {
  const place = chance.oneOf(world.places);
  place.gateway?.signal('SIGUSR2');
  await last(chance, SHORT_MS);
  place.gateway?.signal('SIGUSR2');
}

// An outage of the database, at all gateways, and everybody who was refused meanwhile comes again at once.
async function retryStorm({ world, acting }: Stage): Promise<void> {
  for (const { back } of world.places) back.carry({ how: 'CUT' });
  const storm = stormBy(acting, STORM_CLIENTS);
  await delay(OUTAGE_MS);
  for (const { back } of world.places) back.carry({ how: 'PASS' });
  await storm;
}

async function fillDisk({ world, chance, acting, isAlone }: Stage): Promise<void> {
  // What an earlier fault left may have to be mended first.
  const isSound = isAlone && (await world.isReady());
  await world.disk?.fill();
  // PostgreSQL ends itself once it can write no more of its log, and is back when there is room.
  const reading = isSound ? readViews(acting, () => world.databaseIsUp()) : undefined;
  await Promise.all([last(chance, [1_000, 8_000]), reading]);
  await world.disk?.free();
}

function cutAfter(chance: Chance): Carriage {
  return { how: 'CUT_AFTER', bytes: chance.whole(1, 20_000) };
}

function link(
  which: 'front' | 'back',
  carriage: (chance: Chance) => Carriage,
  lasts: readonly [number, number] = SHORT_MS,
): Fault['happen'] {
  return async ({ world, chance }) => {
    const place: Place = chance.oneOf(world.places);
    place[which].carry(carriage(chance));
    await last(chance, lasts);
    place[which].carry({ how: 'PASS' });
  };
}

async function last(chance: Chance, [least, most]: readonly [number, number]): Promise<void> {
  await delay(chance.whole(least, most));
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
