import { UserInputError, type ErrorPath } from './errors.ts';

export const TEXT_MAX = 255;
const ASCII = /^\p{ASCII}*$/u;

/** Spaces, and characters that are not visible: zero-width ones, byte order marks, fillers. */
const BLANK = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}]*$/u;

/** Whether a text shows nothing: it is empty or holds only blanks. */
export function isBlank(text: string): boolean {
  return BLANK.test(text);
}

/** A text without line breaks and other control characters, so that it cannot end a header or a line. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}

/**
 * A name or identifier as sent: compared by bytes, never trimmed or folded.
 * @throws UserInputError when it is empty or blank, longer than `maxLength` UTF-16 units, or cannot be stored (parseStorable)
 */
export function parseText(value: string, path: ErrorPath, maxLength = TEXT_MAX): string {
  if (isBlank(value)) {
    const fault = value === '' ? 'must not be empty' : 'holds only blanks; it must name something';
    throw new UserInputError(`${nameOf(path)} ${fault}.`, { path });
  }
  return parseStorable(value, path, maxLength);
}

/**
 * What a text is compared by where letter case does not count: searches, and lists in the order of names. The same on
 * every database, whatever its locale. NFKC, then Unicode's case mappings: «STRASSE» and «straße» compare equal, as do the
 * two small sigmas and the four letters i of Turkish. Accents count.
 */
export function foldText(value: string): string {
  // Most names are ASCII, and lists are sorted by this.
  if (ASCII.test(value)) return value.toLowerCase();
  return (
    value
      .normalize('NFKC')
      // Down and up, because Unicode's capital of ß is SS, not ẞ, and because İ carries a dot.
      .toLowerCase()
      .toUpperCase()
      .toLowerCase()
      .normalize('NFKC')
      .replaceAll('i\u0307', 'i')
      .replaceAll('ς', 'σ')
  );
}

/** The same for a text that may be left out. @returns null when it is left out */
export function parseOptionalText(
  value: string | null | undefined,
  path: ErrorPath,
): string | null {
  return value === null || value === undefined ? null : parseText(value, path);
}

/**
 * A text that may also be blank, like what is searched for.
 * @throws UserInputError when it is longer than `maxLength` UTF-16 units, or holds what a database text cannot: NUL, or half of
 *   a surrogate pair (which would silently become another character, and two ids one)
 */
export function parseStorable(value: string, path: ErrorPath, maxLength = TEXT_MAX): string {
  if (value.length > maxLength) {
    throw new UserInputError(
      `${nameOf(path)} is ${value.length} characters long; at most ${maxLength} are kept.`,
      { path },
    );
  }
  if (!value.isWellFormed() || value.includes('\0')) {
    throw new UserInputError(
      `${nameOf(path)} holds a character that cannot be stored: NUL or half of a surrogate pair.`,
      { path },
    );
  }
  return value;
}

function nameOf(path: ErrorPath): string {
  return String(path.at(-1) ?? 'The value');
}
