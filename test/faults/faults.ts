// The faults of reliability.md section 5 that are made while the driver works. Each is begun, lasts, and is ended; two may
// overlap.

import { setTimeout as delay } from 'node:timers/promises';
import type { Chance } from './chance.ts';
import type { Carriage } from './proxy.ts';
import type { Place, World } from './world.ts';

export interface Fault {
  readonly name: string;
  /** F1 to F26 of the list, or what it is of. */
  readonly of: string;
  /** Makes it and waits until it is over. */
  readonly happen: (world: World, chance: Chance) => Promise<void>;
}

/** What waits for a gateway that hangs has given up by then. */
const SHORT_MS = [500, 4_000] as const;
const LONG_MS = [8_000, 25_000] as const;

export const FAULTS: readonly Fault[] = [
  { name: 'kill-gateway', of: 'F1, F5', happen: killGateway },
  { name: 'stop-gateway', of: 'I40', happen: stopGateway },
  {
    name: 'freeze-gateway',
    of: 'F6',
    happen: (world, chance) => freezeGateway(world, chance, SHORT_MS),
  },
  {
    name: 'freeze-gateway-long',
    of: 'F6',
    happen: (world, chance) => freezeGateway(world, chance, LONG_MS),
  },
  { name: 'kill-postgresql', of: 'F3', happen: (world) => signalServer(world, 'SIGKILL') },
  {
    name: 'stop-postgresql-immediate',
    of: 'F2',
    happen: (world) => signalServer(world, 'SIGQUIT'),
  },
  { name: 'stop-postgresql-fast', of: 'F2', happen: (world) => signalServer(world, 'SIGINT') },
  { name: 'kill-both', of: 'F4', happen: killBoth },
  { name: 'freeze-postgresql', of: 'F7', happen: freezeServer },
  { name: 'cut-database', of: 'F8', happen: link('back', () => ({ how: 'CUT' })) },
  { name: 'silent-database', of: 'F8', happen: link('back', () => ({ how: 'SILENT' }), LONG_MS) },
  {
    name: 'lose-commits',
    of: 'F9',
    happen: link('back', () => ({ how: 'LOSE_COMMITS' }), SHORT_MS),
  },
  {
    name: 'slow-database',
    of: 'F10',
    happen: link('back', (chance) => ({ how: 'SLOW', ms: chance.whole(5, 50) })),
  },
  { name: 'cut-database-after', of: 'F9', happen: link('back', cutAfter) },
  { name: 'cut-clients', of: 'F9', happen: link('front', () => ({ how: 'CUT' })) },
  { name: 'cut-clients-after', of: 'F9', happen: link('front', cutAfter) },
  { name: 'silent-clients', of: 'F9', happen: link('front', () => ({ how: 'SILENT' })) },
  {
    name: 'slow-clients',
    of: 'F10',
    happen: link('front', (chance) => ({ how: 'SLOW', ms: chance.whole(5, 200) })),
  },
  { name: 'step-clock', of: 'F11', happen: stepClock },
];

async function killGateway(world: World, chance: Chance): Promise<void> {
  const place = chance.oneOf(world.places);
  await place.kill();
  await last(chance, [0, 1_000]);
  await place.up();
}

async function stopGateway(world: World, chance: Chance): Promise<void> {
  const place = chance.oneOf(world.places);
  await place.gateway?.stop();
  await place.up();
}

async function freezeGateway(
  world: World,
  chance: Chance,
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

async function killBoth(world: World, chance: Chance): Promise<void> {
  const [postmaster] = await world.serverPids();
  const place = chance.oneOf(world.places);
  if (postmaster !== undefined) kill(postmaster, 'SIGKILL');
  await place.kill();
  await last(chance, [0, 1_000]);
  await place.up();
}

async function freezeServer(world: World, chance: Chance): Promise<void> {
  const pids = await world.serverPids();
  for (const pid of pids) kill(pid, 'SIGSTOP');
  await last(chance, [1_000, 15_000]);
  // Those that were made meanwhile are children of one that stood still, so there are none.
  for (const pid of pids) kill(pid, 'SIGCONT');
}

async function stepClock(world: World, chance: Chance): Promise<void> {
  const place = chance.oneOf(world.places);
  place.gateway?.signal('SIGUSR2');
  await last(chance, SHORT_MS);
  place.gateway?.signal('SIGUSR2');
}

function cutAfter(chance: Chance): Carriage {
  return { how: 'CUT_AFTER', bytes: chance.whole(1, 20_000) };
}

function link(
  which: 'front' | 'back',
  carriage: (chance: Chance) => Carriage,
  lasts: readonly [number, number] = SHORT_MS,
): Fault['happen'] {
  return async (world, chance) => {
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
