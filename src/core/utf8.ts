import { UserInputError } from './errors.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The text of bytes that must be UTF-8. Replacing wrong bytes by U+FFFD could make two ids equal. A byte order
 * mark at the beginning is left out.
 * @param what the bytes are, as the error's subject
 * @throws UserInputError
 */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new UserInputError(`${what} is not UTF-8: text is sent in no other encoding.`, {
      cause: error,
    });
  }
}
