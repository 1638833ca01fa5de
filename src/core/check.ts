// Checks that many arguments share. The path leads to the argument at fault, whose name the message begins with.

import { UserInputError, type ErrorPath } from './errors.ts';
import { isoInstant } from './range.ts';

/** A number from `min` to `max`. @throws UserInputError */
export function parseWithin(
  value: number,
  { min, max }: { readonly min: number; readonly max: number },
  path: ErrorPath,
): number {
  if (value >= min && value <= max) return value;
  throw new UserInputError(`${nameOf(path)} is ${value}; it must be from ${min} to ${max}.`, {
    path,
  });
}

/** An instant that is now or earlier. @throws UserInputError */
export function parseNotAfter(atMs: number, nowMs: number, path: ErrorPath): number {
  if (atMs <= nowMs) return atMs;
  throw new UserInputError(
    `${nameOf(path)} is ${isoInstant(atMs)}; it must not be after now (${isoInstant(nowMs)}).`,
    { path },
  );
}

/** One of some words. @throws UserInputError that names them */
export function parseChoice<T extends string>(
  value: string,
  words: Readonly<Record<T, T>>,
  path: ErrorPath,
): T {
  const found = Object.values<T>(words).find((one) => one === value);
  if (found !== undefined) return found;
  throw new UserInputError(
    `${nameOf(path)} is ${shown(value)}; it must be one of ${Object.keys(words).join(', ')}.`,
    { path },
  );
}

/** What a caller sent, as a message quotes it: not more than its beginning. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** What a filter's list asks for; null for a list that is left out or empty, which is no condition. */
export function conditionOf<T>(list: readonly T[] | null | undefined): readonly T[] | null {
  return list == null || list.length === 0 ? null : list;
}

function nameOf(path: ErrorPath): string {
  return String(path.at(-1) ?? 'The value');
}
