// What the commands that read flags have in common.

import { type Command, CommanderError } from 'commander';

/** The arguments are wrong: the command ends with status 2 before anything is done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads the arguments (without node and script) into the command's own.
 * @returns false when only help was asked for and printed
 * @throws UsageError naming the flag and what it should be
 */
export function readArguments(command: Command, args: readonly string[]): boolean {
  try {
    command.parse([...args], { from: 'user' });
    return true;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return false;
    throw new UsageError(error.message.replace(/^error: /, ''));
  }
}
