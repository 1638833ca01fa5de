// Where an export goes. A file gets its name only when all of it is written, so that nobody takes a part for the whole.

import { open, rename, rm, stat } from 'node:fs/promises';
import { UsageError } from '../command-line.ts';
import { ExportStopped } from './errors.ts';

export interface Output {
  /** Whether what was written can be taken back. */
  readonly canBeginAnew: boolean;
  write(data: Uint8Array): Promise<void>;
  beginAnew(): Promise<void>;
  /** All of it is written. */
  keep(): Promise<void>;
  /** Takes back what was written, unless it is kept. */
  end(): Promise<void>;
}

/** A file that is written beside its place and then put there. @throws UsageError when it cannot be written */
export async function fileOutput(file: string): Promise<Output> {
  const isFolder = await stat(file).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) throw new UsageError(`${file} is a folder: name a file.`);
  const part = `${file}.${process.pid}.part`;
  const stoppedBy = (error: unknown): never => {
    throw new ExportStopped(`${file} could not be written: ${String(error)}`, { cause: error });
  };
  let handle = await open(part, 'w').catch((error: unknown) => {
    throw new UsageError(`${file} cannot be written: ${String(error)}`);
  });
  let isKept = false;
  return {
    canBeginAnew: true,
    write: (data) => handle.writeFile(data).catch(stoppedBy),
    beginAnew: async () => {
      await handle.close();
      handle = await open(part, 'w');
    },
    keep: async () => {
      await handle.sync().catch(stoppedBy);
      await handle.close();
      await rename(part, file).catch(stoppedBy);
      isKept = true;
    },
    end: async () => {
      if (isKept) return;
      await handle.close();
      await rm(part, { force: true });
    },
  };
}

/** Standard output, for another program. Writing throws ExportStopped when that reads no more. */
export function standardOutput(): Output {
  // Whoever writes is told.
  process.stdout.on('error', () => undefined);
  return {
    canBeginAnew: false,
    write: (data) =>
      new Promise((resolve, reject) => {
        process.stdout.write(data, (error) => {
          if (error == null) resolve();
          else reject(new ExportStopped('Nobody reads the output any more.', { cause: error }));
        });
      }),
    beginAnew: () => Promise.resolve(),
    keep: () => Promise.resolve(),
    end: () => Promise.resolve(),
  };
}
