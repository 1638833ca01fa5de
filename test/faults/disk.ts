// A disk of its own for the database, small enough to be filled: a file system in a file. Only the superuser of Linux can mount one.

import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SIZE_MB = 3_000;
const PIECE = Buffer.alloc(1 << 20);

export class SmallDisk {
  private constructor(private readonly folder: string) {}

  /** Whether one can be mounted here. */
  static async isPossible(): Promise<boolean> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-disk-'));
    try {
      const disk = await SmallDisk.mount(path.join(folder, 'disk'), 1);
      await disk.unmount();
      return true;
    } catch {
      return false;
    } finally {
      await fs.rm(folder, { recursive: true, force: true });
    }
  }

  /** Mounts one on a folder, which is made. */
  static async mount(folder: string, sizeMb = SIZE_MB): Promise<SmallDisk> {
    const image = `${folder}.image`;
    await fs.mkdir(folder);
    await run('truncate', ['--size', `${sizeMb}M`, image]);
    await run('mkfs.ext4', ['-q', '-m', '0', image]);
    await run('mount', ['-o', 'loop', image, folder]);
    await fs.rmdir(path.join(folder, 'lost+found'));
    return new SmallDisk(folder);
  }

  /** Leaves no byte of it. */
  async fill(): Promise<void> {
    // Most of it is reserved, so that gigabytes need not be written; what could not be is written below.
    const { bavail, bsize } = await fs.statfs(this.folder);
    const bytes = Math.floor(bavail * 0.98) * bsize;
    if (bytes > 0)
      await run('fallocate', ['--length', String(bytes), this.filler]).catch(() => null);
    const file = await fs.open(this.filler, 'a');
    try {
      for (const size of [PIECE.length, 4_096]) {
        while ((await file.write(PIECE, 0, size).catch(noSpace)) !== null);
      }
    } finally {
      await file.close();
    }
  }

  async free(): Promise<void> {
    await fs.rm(this.filler, { force: true });
  }

  async unmount(): Promise<void> {
    await run('umount', ['--lazy', this.folder]);
  }

  private get filler(): string {
    return path.join(this.folder, 'filler');
  }
}

function noSpace(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOSPC') return null;
  throw error;
}
