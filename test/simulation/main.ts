// npm run simulate -- [--seed N] [--seeds K] [--hours H]: worlds of gateways in simulated time, checked after each round of faults.
// Status 0: nothing was violated; 1: something was, which is listed with its seed.

import os from 'node:os';
import { program } from 'commander';
import { clock } from '../faults/caller.ts';
import { whole } from '../faults/options.ts';
import { bundled, simulate } from './bundle.ts';
import type { Lived } from './simulation.ts';
import { worldNames } from './worlds.ts';

const MINUTE_MS = 60_000;

interface Options {
  readonly seed: number;
  readonly seeds: number;
  readonly hours: number;
}

program
  .name('simulate')
  .description(
    'Runs gateways on a simulated clock, network and store, and checks what is promised.',
  )
  .option(
    '--seed <number>',
    'the first seed; each lives one life',
    whole,
    clock.nowMs() % 1_000_000_000,
  )
  .option('--seeds <number>', 'how many seeds', whole, 10)
  .option(
    '--hours <number>',
    'of account life for each seed; a world ends before, when it has lived four rounds',
    whole,
    50,
  )
  .action(async (options: Options) => {
    const isFine = await bundled([], (script) => run(script, options));
    process.exitCode = isFine ? 0 : 1;
  });

await program.parseAsync();

async function run(script: string, { seed, seeds, hours }: Options): Promise<boolean> {
  const begunMs = performance.now();
  const waiting = Array.from({ length: seeds }, (_, index) => String(seed + index)).values();
  const all: Lived[] = [];
  let isFine = true;
  const liveOn = async (): Promise<void> => {
    for (const next of waiting) {
      try {
        const [lived] = await simulate(script, [next], { accountHours: hours });
        if (lived === undefined) throw new Error('It said nothing.');
        all.push(lived);
        isFine &&= lived.violations.length === 0;
        say(lineOf(lived));
      } catch (error) {
        isFine = false;
        say(`seed ${next}: ENDED ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, liveOn));
  const tookMs = performance.now() - begunMs;
  say(`${all.length} seeds from ${seed}: ${lifeOf(all)}; ${counted(all)}`);
  for (const world of worldNames) {
    const ofIt = all.filter((lived) => lived.world === world);
    if (ofIt.length > 0) say(`  ${ofIt.length} in a ${world} world: ${lifeOf(ofIt)}`);
  }
  const aMinute = (hoursOf(all) / tookMs) * MINUTE_MS;
  say(`${aMinute.toFixed(0)} hours a minute; ${(tookMs / MINUTE_MS).toFixed(1)} minutes passed`);
  return isFine;
}

function lineOf({ seed, world, accountHours, violations, ...counts }: Lived): string {
  const { alerts, commits, messages, emails, updates } = counts;
  const first = `seed ${seed}: ${world}, ${accountHours.toFixed(1)} hours, ${commits} commits, ${alerts} alerts, ${messages} messages, ${emails} emails, ${updates} balances`;
  return [
    first,
    ...violations.map(({ promise, detail }) => `  VIOLATED ${promise}: ${detail}`),
  ].join('\n');
}

/** What happened to all of them. */
function counted(all: readonly Lived[]): string {
  const names = [...new Set(all.flatMap(({ happened }) => Object.keys(happened)))].sort();
  const faults = names.map((name) => `${name} ${sum(all, ({ happened }) => happened[name] ?? 0)}`);
  const alerts = sum(all, (lived) => lived.alerts);
  const messages = sum(all, (lived) => lived.messages);
  const emails = sum(all, (lived) => lived.emails);
  const updates = sum(all, (lived) => lived.updates);
  return `${alerts} alerts, ${messages} messages, ${emails} emails, ${updates} balances; ${faults.join(', ')}`;
}

/** How long accounts lived, and how much happened meanwhile. */
function lifeOf(all: readonly Lived[]): string {
  const commits = sum(all, (lived) => lived.commits);
  const anHour = commits / hoursOf(all);
  return `${hoursOf(all).toFixed(0)} hours of account life, ${commits} commits (${anHour.toFixed(0)} an hour)`;
}

function hoursOf(all: readonly Lived[]): number {
  return sum(all, ({ accountHours }) => accountHours);
}

function sum(all: readonly Lived[], of: (lived: Lived) => number): number {
  return all.reduce((total, lived) => total + of(lived), 0);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
