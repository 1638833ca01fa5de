// The files of archives: NDJSON, an event a line, by account and seq. Each account is gzip of its own, so that it can be read alone; one after
// the other they are gzip too, which any tool reads. A manifest beside it says where each account is.

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import {
  type EventLine,
  type FiledMonth,
  type FilePlace,
  hashOf,
  LinesHash,
  requireSame,
} from '../../recording/archiving.service.ts';
import { keep, makeFolder } from '../durable.ts';

/** Whoever reads them reads what all accounts used. */
const FILE_MODE = 0o600;
const NAME_DIGITS = 12;
const LINES_AT_A_TIME = 2_000;

/** A file that is on disk. */
export interface WrittenFile {
  readonly name: string;
  readonly bytes: number;
  readonly accounts: readonly FiledMonth[];
}

/**
 * Writes a month into a folder, which is made where it is missing. The file has its name, which follows from its content, only once all
 * of it is on disk and was read again.
 * @returns null when there are no lines
 */
export async function writeArchive(
  folder: string,
  month: string,
  lines: AsyncIterable<readonly EventLine[]>,
): Promise<WrittenFile | null> {
  await makeFolder(folder);
  const part = path.join(folder, `usage-${month}.${process.pid}.part`);
  try {
    const file = new ArchiveFile(await open(part, 'w', FILE_MODE));
    const { places, bytes, sha256 } = await file.write(lines);
    if (places.length === 0) return null;
    const name = `usage-${month}-${sha256.slice(0, NAME_DIGITS)}.ndjson.gz`;
    const accounts = places.map((place) => ({ ...place, file: name }));
    for (const account of accounts) requireSame(account, await hashOf(readMonth(part, account)));
    await keep(part, path.join(folder, name));
    await writeManifest(folder, { file: name, month, bytes, sha256, accounts });
    return { name, bytes, accounts };
  } finally {
    await rm(part, { force: true });
  }
}

/** The lines of an account in a file, a few at a time. */
export async function* readMonth(
  file: string,
  { offset, bytes }: Pick<FilePlace, 'offset' | 'bytes'>,
): AsyncGenerator<readonly string[]> {
  const packed = createReadStream(file, { start: offset, end: offset + bytes - 1 });
  const unpacked = createGunzip();
  // An error of the one ends the other, and with it the loop below.
  const piped = pipeline(packed, unpacked).catch((error: unknown) => {
    unpacked.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  unpacked.setEncoding('utf8');
  let rest = '';
  for await (const chunk of unpacked as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (let begin = 0; begin < lines.length; begin += LINES_AT_A_TIME) {
      yield lines.slice(begin, begin + LINES_AT_A_TIME);
    }
  }
  await piped;
  if (rest !== '') yield [rest];
}

/** A file that is being written. */
class ArchiveFile {
  private readonly hash: Hash = createHash('sha256');
  private bytes = 0;

  constructor(private readonly handle: FileHandle) {}

  async write(lines: AsyncIterable<readonly EventLine[]>): Promise<{
    readonly places: readonly Omit<FiledMonth, 'file'>[];
    readonly bytes: number;
    readonly sha256: string;
  }> {
    const places: Omit<FiledMonth, 'file'>[] = [];
    try {
      const runs = runsOf(lines);
      let next = await runs.next();
      while (next.done !== true) {
        const { accountId } = next.value;
        const own = new LinesHash();
        const offset = this.bytes;
        const texts = async function* (): AsyncGenerator<string> {
          while (next.done !== true && next.value.accountId === accountId) {
            for (const line of next.value.lines) own.add(line);
            yield next.value.lines.map((line) => `${line}\n`).join('');
            next = await runs.next();
          }
        };
        await pipeline(texts, createGzip(), (packed: AsyncIterable<Buffer>) => this.append(packed));
        const bytes = this.bytes - offset;
        places.push({ accountId, events: own.events, sha256: own.digest(), offset, bytes });
      }
      await this.handle.sync();
    } finally {
      await this.handle.close();
    }
    return { places, bytes: this.bytes, sha256: this.hash.digest('hex') };
  }

  private async append(packed: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of packed) {
      await this.handle.writeFile(chunk);
      this.hash.update(chunk);
      this.bytes += chunk.length;
    }
  }
}

/** Lines that follow one another and are of one account. */
interface Run {
  readonly accountId: number;
  readonly lines: readonly string[];
}

async function* runsOf(batches: AsyncIterable<readonly EventLine[]>): AsyncGenerator<Run> {
  for await (const batch of batches) {
    let begin = 0;
    while (begin < batch.length) {
      const accountId = batch[begin]?.accountId ?? 0;
      const others = batch.findIndex((one, index) => index > begin && one.accountId !== accountId);
      const end = others === -1 ? batch.length : others;
      yield { accountId, lines: batch.slice(begin, end).map(({ line }) => line) };
      begin = end;
    }
  }
}

/** What a file holds, for whoever has it without the database. */
interface Manifest {
  readonly file: string;
  readonly month: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly accounts: readonly FiledMonth[];
}

async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const name = path.join(folder, manifest.file.replace(/\.ndjson\.gz$/, '.json'));
  const part = `${name}.${process.pid}.part`;
  const handle = await open(part, 'w', FILE_MODE);
  try {
    await handle.writeFile(`${JSON.stringify({ format: 1, ...manifest }, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await keep(part, name);
}
