// The bytes of a file as text. Bytes that are wrong in the given encoding are reported before anything is sent: half a file
// with wrong names could not be undone.

import { isUtf8 } from 'node:buffer';
import { createReadStream, type ReadStream } from 'node:fs';
import { UsageError } from '../command-line.ts';

export const encodings = {
  'utf-8': 'utf-8',
  'utf-16le': 'utf-16le',
  'utf-16be': 'utf-16be',
  'windows-1252': 'windows-1252',
} as const;
export type Encoding = keyof typeof encodings;

/** The characters of Windows-1252 from 0x80 to 0x9F, where Latin-1 has control characters; U+FFFD where it has none. */
const UPPER_CONTROLS = '€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ';

const marks: readonly (readonly [Encoding, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** The file's text, piece by piece, without its byte order mark. @throws UsageError when it is not in the encoding */
export async function* decodedText(
  input: ReadStream,
  file: string,
  encoding: Encoding,
): AsyncGenerator<string> {
  const decode = decoderOf(encoding);
  let isFirst = true;
  try {
    for await (const chunk of input) {
      if (!Buffer.isBuffer(chunk)) continue;
      if (isFirst) requireMark(chunk, file, encoding);
      isFirst = false;
      const text = decode(chunk);
      if (text !== '') yield text;
    }
    decode(null);
  } catch (error) {
    if (!(error instanceof WrongBytes)) throw error;
    const line = encoding === 'utf-8' ? await lineOfFault(file) : null;
    throw notOf(file, encoding, line);
  }
}

/** Reads the whole file once. @throws UsageError when it is not in the encoding */
export async function requireEncoding(file: string, encoding: Encoding): Promise<void> {
  const input = createReadStream(file);
  try {
    const pieces = decodedText(input, file, encoding);
    let { done } = await pieces.next();
    while (done !== true) ({ done } = await pieces.next());
  } finally {
    input.destroy();
  }
}

type Decode = (bytes: Buffer | null) => string;

class WrongBytes extends Error {}

// Throws WrongBytes.
function decoderOf(encoding: Encoding): Decode {
  if (encoding === 'windows-1252') return (bytes) => (bytes === null ? '' : fromWindows1252(bytes));
  const decoder = new TextDecoder(encoding, { fatal: true });
  return (bytes) => {
    try {
      return bytes === null ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (error) {
      throw new WrongBytes('TextDecoder refused them.', { cause: error });
    }
  };
}

// Without TextDecoder, because that of Node 20 decodes Windows-1252 as Latin-1.
function fromWindows1252(bytes: Buffer): string {
  const text = bytes
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (control) => UPPER_CONTROLS.charAt(control.charCodeAt(0) - 0x80));
  if (text.includes('\ufffd')) throw new WrongBytes('Windows-1252 leaves them free.');
  return text;
}

function requireMark(start: Buffer, file: string, encoding: Encoding): void {
  const marked = marks.find(([, mark]) => mark.every((byte, index) => start[index] === byte))?.[0];
  if (marked !== undefined && marked !== encoding) {
    throw new UsageError(
      `${file} begins with the mark of ${marked}, and is read as ${encoding}; say --encoding ${marked}.`,
    );
  }
  const isWide = encoding === 'utf-16le' || encoding === 'utf-16be';
  if (marked === undefined && !isWide && start.subarray(0, 4).includes(0)) {
    const wide = start[0] === 0 ? 'utf-16be' : 'utf-16le';
    throw new UsageError(`${file} looks like ${wide}; if it is, say --encoding ${wide}.`);
  }
}

function notOf(file: string, encoding: Encoding, line: number | null): UsageError {
  const where = line === null ? file : `Line ${line} of ${file}`;
  const hint =
    encoding === 'utf-8'
      ? 'Save the file as UTF-8, or say its --encoding: windows-1252 is what old spreadsheets write.'
      : `Say its --encoding: ${Object.keys(encodings).join(', ')}.`;
  return new UsageError(`${where} is not ${encoding}. ${hint} Nothing was sent.`);
}

/** The number of the first line that is not UTF-8; null when all are. */
async function lineOfFault(file: string): Promise<number | null> {
  const input = createReadStream(file);
  let line = 1;
  let rest = Buffer.alloc(0);
  for await (const chunk of input) {
    if (!Buffer.isBuffer(chunk)) continue;
    let bytes = Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
      if (!isUtf8(bytes.subarray(0, end))) return line;
      bytes = bytes.subarray(end + 1);
      line += 1;
    }
    rest = bytes;
  }
  return isUtf8(rest) ? null : line;
}
