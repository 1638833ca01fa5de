// npm run faults -- [--seed N] [--minutes M] [--only NAME,…]: gateways and PostgreSQL under load and faults, checked after each
// round. Status 0: nothing was violated; 1: something was, which is listed with the seed.

import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { InvalidArgumentError, program } from 'commander';
import { clock } from './caller.ts';
import { Chance } from './chance.ts';
import { SmallDisk } from './disk.ts';
import { type Fault, FAULTS, FULL_DISK } from './faults.ts';
import { History } from './history.ts';
import { Rig } from './rig.ts';
import { Violations } from './violations.ts';

/** Long enough for a few faults, one after the other. */
const ROUND_SECONDS = 15;

interface Options {
  readonly seed: number;
  readonly minutes: number;
  readonly round: number;
  readonly pause?: number;
  readonly only?: readonly string[];
  readonly before?: string;
}

program
  .name('faults')
  .description('Runs gateways under load and faults, and checks that nothing is lost.')
  .option(
    '--seed <number>',
    'the same seed makes the same plan',
    whole,
    clock.nowMs() % 1_000_000_000,
  )
  .option('--minutes <number>', 'how long; a round that was begun is ended', positive, 1)
  .option(
    '--round <seconds>',
    'how long faults begin before all is checked',
    positive,
    ROUND_SECONDS,
  )
  .option('--pause <seconds>', 'at most between two faults (default: 3)', positive)
  .option('--only <names>', `some of: ${FAULTS.map(({ name }) => name).join(', ')}`, names)
  .option(
    '--before <folder>',
    'an earlier release, built: one gateway is of it, and this one migrates while that works',
  )
  .action(async (options: Options) => {
    process.exitCode = (await run(options)) ? 0 : 1;
  });

await program.parseAsync();

async function run({ seed, minutes, round, pause, only, before }: Options): Promise<boolean> {
  const faults = await chosen(only);
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-faults-'));
  await fs.chmod(folder, 0o755);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`seed ${seed}`);
  const violations = new Violations(say);
  const history = await History.open(path.join(folder, 'history.jsonl'));
  const rig = await Rig.open({
    ...{ folder, chance: new Chance(String(seed)), faults, history, violations, say },
    ...{ env: {}, roundMs: round * 1_000 },
    ...(pause === undefined ? {} : { pauseMostMs: pause * 1_000 }),
    ...(before === undefined ? {} : { runs: [{}, { cwd: path.resolve(before) }] }),
  });
  const { late, places } = rig.world;
  try {
    const endMs = performance.now() + minutes * 60_000;
    while (performance.now() < endMs) await rig.round();
  } finally {
    await rig.close();
    await history.close();
  }
  const lost = places.reduce((sum, { back }) => sum + back.lostCommits, 0);
  say(
    `\nfaults: ${[...rig.happened].map(([name, times]) => `${name} ${times}`).join(', ')}; COMMITs whose answer was lost: ${lost}`,
  );
  for (const { what, tookMs } of late) say(`${what} was ready after ${tookMs} ms only`);
  say(`${violations.found.length} violations; seed ${seed}`);
  if (violations.found.length === 0) await fs.rm(folder, { recursive: true });
  else say(`What was sent and answered is in ${folder}/history.jsonl.`);
  return violations.found.length === 0;
}

async function chosen(only?: readonly string[]): Promise<readonly Fault[]> {
  const faults = FAULTS.filter(({ name }) => only?.includes(name) ?? true);
  if (!faults.some(({ name }) => name === FULL_DISK) || (await SmallDisk.isPossible()))
    return faults;
  process.stdout.write(
    `${FULL_DISK} is left out: only the superuser of Linux can mount a disk to fill.\n`,
  );
  return faults.filter(({ name }) => name !== FULL_DISK);
}

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new InvalidArgumentError('It is no whole number.');
  return number;
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('It is no number above 0.');
  return number;
}

function names(text: string): readonly string[] {
  const given = text.split(',');
  const unknown = given.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no fault ${unknown}.`);
  return given;
}
