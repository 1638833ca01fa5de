// What the driver did, on disk: a call is written down and synced before it is sent, and again when it was answered. So what a
// gateway acknowledged is known whatever dies.

import fs from 'node:fs/promises';

/** OK and REFUSED are certain. UNKNOWN: it was done or not. */
export type Outcome = 'OK' | 'REFUSED' | 'UNKNOWN';

/** A file of lines. Those that come while it is synced are written together. */
export class History {
  private waiting: string[] = [];
  private syncing: Promise<void> | null = null;

  private constructor(private readonly file: fs.FileHandle) {}

  static async open(path: string): Promise<History> {
    return new History(await fs.open(path, 'a'));
  }

  /** Fulfilled when the line is on disk. */
  async write(line: Readonly<Record<string, unknown>>): Promise<void> {
    this.waiting.push(`${JSON.stringify(line)}\n`);
    // What is synced now may have begun before this line.
    if (this.syncing !== null) await this.syncing;
    if (this.waiting.length > 0) await (this.syncing ??= this.sync());
  }

  async close(): Promise<void> {
    await this.syncing;
    await this.file.close();
  }

  private async sync(): Promise<void> {
    const lines = this.waiting;
    this.waiting = [];
    await this.file.appendFile(lines.join(''));
    await this.file.datasync();
    this.syncing = null;
  }
}
