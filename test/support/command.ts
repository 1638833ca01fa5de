// The commands of package.json as an operator runs them: each in a process of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';

const SCRIPT = path.resolve('scripts/command.mjs');

export interface Ran {
  /** Null: a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Variables besides. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts one, which the caller may kill. @param name as in src/cli */
export function startCommand(
  name: string,
  args: readonly string[],
  { env, cwd }: CommandOptions = {},
): { readonly child: ChildProcess; readonly ended: Promise<Ran> } {
  const child = spawn(process.execPath, [SCRIPT, name, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ran>((resolve) => {
    child.on('close', (status) => {
      resolve({ status, stdout, stderr });
    });
  });
  return { child, ended };
}

/** Runs one to its end. @returns its status, and all that it wrote */
export async function runCommand(
  name: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<{ readonly status: number | null; readonly output: string }> {
  const { status, stdout, stderr } = await startCommand(name, args, options).ended;
  return { status, output: stdout + stderr };
}
