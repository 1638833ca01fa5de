// npm run faults -- [--seed N] [--minutes M] [--only NAME,…]: gateways and PostgreSQL under load and faults, checked after each
// round. Status 0: nothing was violated; 1: something was, which is listed with the seed.

import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { InvalidArgumentError, program } from 'commander';
import { clock } from './caller.ts';
import { Chance } from './chance.ts';
import { SmallDisk } from './disk.ts';
import { WITHOUT_LAST_MIGRATION, writeRelease } from './earlier.ts';
import { type Fault, FAULTS, FULL_DISK } from './faults.ts';
import { History } from './history.ts';
import { positive, whole } from './options.ts';
import { Rig } from './rig.ts';
import { Violations } from './violations.ts';
import type { GatewayRun } from './world.ts';

/** Long enough for a few faults, one after the other. */
const ROUND_SECONDS = 15;
/** No fault at all. */
const NONE = 'none';

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
  .option(
    '--only <names>',
    `${NONE} for load alone, or some of: ${FAULTS.map(({ name }) => name).join(', ')}`,
    names,
  )
  .option(
    '--before <revision>',
    `one gateway is of an earlier release, and this one migrates while that works: a revision of git, or ${WITHOUT_LAST_MIGRATION}`,
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
  const earlier = before === undefined ? null : await earlierRelease(before, folder, say);
  const violations = new Violations(say);
  const history = await History.open(path.join(folder, 'history.jsonl'));
  const rig = await Rig.open({
    ...{ folder, chance: new Chance(String(seed)), faults, history, violations, say },
    ...{ env: {}, roundMs: round * 1_000 },
    ...(pause === undefined ? {} : { pauseMostMs: pause * 1_000 }),
    ...(earlier === null ? {} : { runs: [{}, earlier] }),
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

async function earlierRelease(
  revision: string,
  folder: string,
  say: (line: string) => void,
): Promise<GatewayRun> {
  const cwd = path.join(folder, 'earlier');
  await fs.mkdir(cwd);
  try {
    say(`the earlier release is ${await writeRelease(revision, cwd)}`);
  } catch (error) {
    await fs.rm(folder, { recursive: true });
    throw error;
  }
  return { cwd };
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

function names(text: string): readonly string[] {
  const given = text === NONE ? [] : text.split(',');
  const unknown = given.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no fault ${unknown}.`);
  return given;
}
