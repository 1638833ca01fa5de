// Runs benchmarks one after the other, each in a process of its own, and prints what they told as one table.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { note } from './support/measure.ts';
import { isMet, printResults, type Result } from './support/results.ts';

/** One that takes longer hangs. */
const WITHIN_MS = 900_000;
/** How long one that is told to end may clean up. */
const ENDS_WITHIN_MS = 20_000;

interface Outcome {
  readonly name: string;
  readonly results: readonly Result[];
  /** Null when it ran to its end. */
  readonly failure: string | null;
  readonly tookMs: number;
}

/**
 * Runs benchmarks by name. One that fails is told, and the others run all the same.
 * @returns whether all ran to their end
 */
export async function benchAll(
  names: readonly string[],
  flags: { readonly quick: boolean },
): Promise<boolean> {
  const beganMs = performance.now();
  const outcomes: Outcome[] = [];
  for (const name of names) {
    note(`${name} …`);
    outcomes.push(await outcomeOf(name, flags));
  }
  print(outcomes, { ...flags, tookMs: performance.now() - beganMs });
  return outcomes.every(({ failure }) => failure === null);
}

async function outcomeOf(name: string, { quick }: { readonly quick: boolean }): Promise<Outcome> {
  const beganMs = performance.now();
  const child = fork(new URL('main.ts', import.meta.url), [name, ...(quick ? ['--quick'] : [])], {
    // What one prints itself is not part of the table.
    stdio: ['ignore', 2, 2, 'ipc'],
    serialization: 'advanced',
  });
  let results: readonly Result[] = [];
  child.on('message', (told: readonly Result[]) => {
    results = told;
  });
  const failure = await endOf(child);
  const isTold = results.length > 0;
  return {
    name,
    results,
    failure: failure ?? (isTold ? null : 'it told no figures'),
    tookMs: performance.now() - beganMs,
  };
}

async function endOf(child: ChildProcess): Promise<string | null> {
  const end = (): void => void child.kill('SIGTERM');
  process.once('SIGTERM', end);
  const beganMs = performance.now();
  const late = setTimeout(() => {
    end();
    setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS).unref();
  }, WITHIN_MS);
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(late);
  process.off('SIGTERM', end);
  if (code === 0) return null;
  if (performance.now() - beganMs >= WITHIN_MS) {
    return `it took longer than ${WITHIN_MS / 60_000} minutes`;
  }
  return `it ended with ${String(code ?? signal)}`;
}

function print(
  outcomes: readonly Outcome[],
  run: { readonly quick: boolean; readonly tookMs: number },
): void {
  const results = outcomes.flatMap((outcome) => outcome.results);
  const cores = os.availableParallelism();
  const [load = 0] = os.loadavg();
  printResults(
    `All benchmarks${run.quick ? ', --quick' : ''}: ${cores} cores, Node.js ${process.versions.node}, load ${load.toFixed(1)} at the end`,
    results,
  );
  const judged = results.map(isMet).filter((met) => met !== null);
  const lines = [
    `${judged.filter(Boolean).length} of ${judged.length} goals are met.`,
    `Seconds: ${outcomes.map(({ name, tookMs }) => `${name} ${seconds(tookMs)}`).join(', ')}; all ${seconds(run.tookMs)}.`,
    ...outcomes.flatMap(({ name, failure }) =>
      failure === null ? [] : [`**${name} failed**: ${failure}.`],
    ),
  ];
  process.stdout.write(`\n${lines.join('\n')}\n`);
}

function seconds(ms: number): string {
  return String(Math.round(ms / 1_000));
}
