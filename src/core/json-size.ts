// How much a JSON text holds, told without building it: parsing a body of brackets takes a hundred times as long as reading it.

import { UserInputError } from './errors.ts';

/** Values in a text: more than twice what any call takes. */
const VALUES_MAX = 200_000;
/** Shorter texts are parsed in no time, whatever they hold. */
const SHORT = 65_536;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING = [0x5b, 0x7b];

/** @throws UserInputError when a text holds more values than any call takes */
export function requireModestJson(text: string): void {
  if (text.length <= SHORT) return;
  let values = 1;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at);
    // Each value that follows another, and each list or object with what may be its first.
    else if (char === COMMA || OPENING.includes(char)) values += 1;
    if (values > VALUES_MAX) {
      throw new UserInputError(
        `The body holds more than ${VALUES_MAX} values, more than any call takes.`,
      );
    }
  }
}

// The search for the quote is the engine's own, which is faster than a loop over a long string.
function endOfString(text: string, begin: number): number {
  let end = text.indexOf('"', begin + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let begin = at;
  while (text.charCodeAt(begin - 1) === BACKSLASH) begin -= 1;
  return (at - begin) % 2 === 1;
}
