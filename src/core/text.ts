import { UserInputError, type ErrorPath } from './errors.ts';

export const TEXT_MAX = 255;

/**
 * A name or identifier as sent: compared by bytes, never trimmed or folded.
 * @throws UserInputError when it is empty, longer than `maxLength` UTF-16 units, or holds what a database text cannot:
 *   NUL, or half of a surrogate pair (which would silently become another character, and two ids one)
 */
export function parseText(value: string, path: ErrorPath, maxLength = TEXT_MAX): string {
  const field = path.at(-1) ?? 'The value';
  if (value === '') throw new UserInputError(`${field} must not be empty.`, { path });
  if (value.length > maxLength) {
    throw new UserInputError(
      `${field} is ${value.length} characters long; at most ${maxLength} are kept.`,
      { path },
    );
  }
  if (!value.isWellFormed() || value.includes('\0')) {
    throw new UserInputError(
      `${field} holds a character that cannot be stored: NUL or half of a surrogate pair.`,
      { path },
    );
  }
  return value;
}

/** The same of a text that may be left out. @returns null when it is */
export function parseOptionalText(
  value: string | null | undefined,
  path: ErrorPath,
): string | null {
  return value === null || value === undefined ? null : parseText(value, path);
}
