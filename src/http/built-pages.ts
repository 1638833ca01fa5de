// The built pages in web/dist, and the building of what is missing or stale.

import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { isWebFresh, root, webDist } from '../../scripts/dist.mjs';

const exec = promisify(execFile);

/** Where built pages come from. */
export interface PageSource {
  /** The folder of a build: pages, assets/, and build.json, which is written last. */
  readonly folder: string;
  /** Whether the build is of the sources as they are. */
  readonly isFresh: () => Promise<boolean>;
  readonly build: () => Promise<unknown>;
}

/** The project's own. Building is a process beside this one, so that the event loop is free. */
export const PROJECT_PAGES: PageSource = {
  folder: webDist,
  isFresh: isWebFresh,
  build: async () => {
    try {
      await exec(process.execPath, ['scripts/build-web.mjs'], { cwd: root });
    } catch (error) {
      throw new Error(reasonOf(error), { cause: error });
    }
  },
};

/** The first line that the bundler said. */
function reasonOf(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? error.stderr : error;
  return String(said).trim().split('\n', 1)[0] ?? '';
}

/** A build: what its pages and assets are. */
export interface Build {
  readonly madeAtMs: number;
  readonly usage: string;
  readonly explorer: string;
  readonly assets: ReadonlySet<string>;
}

/** Why there is no build to serve. */
export type Missing = 'BUILDING' | 'FAILED';

export class BuiltPages {
  private loaded: Build | null = null;
  private making: Promise<void> | null = null;
  private missing: Missing | null = null;
  /** Settles when it is known whether there is something to make. */
  private checked: Promise<unknown> = Promise.resolve();

  constructor(private readonly source: PageSource = PROJECT_PAGES) {}

  /**
   * Makes what is missing or stale. Only one build runs at a time.
   * @returns when there is nothing more to make
   * @throws what the build said
   */
  async prepare(): Promise<void> {
    this.making ??= this.make().finally(() => {
      this.making = null;
    });
    await this.making;
  }

  /** The build as it is now: it may be made anew while the gateway runs. */
  async current(): Promise<Build | Missing> {
    await this.checked;
    if (this.missing !== null) return this.missing;
    try {
      const { mtimeMs } = await stat(path.join(this.source.folder, 'build.json'));
      if (this.loaded?.madeAtMs !== mtimeMs) this.loaded = await this.load(mtimeMs);
      return this.loaded;
    } catch {
      return 'FAILED';
    }
  }

  /** An asset's content; null when the build has none of this name. */
  async asset(name: string): Promise<Buffer | null> {
    const build = await this.current();
    if (typeof build === 'string' || !build.assets.has(name)) return null;
    return readFile(path.join(this.source.folder, 'assets', name)).catch(() => null);
  }

  private async make(): Promise<void> {
    const check = this.check();
    this.checked = check;
    if (await check) return;
    try {
      await this.source.build();
      this.missing = null;
    } catch (error) {
      this.missing = 'FAILED';
      throw error;
    }
  }

  private async check(): Promise<boolean> {
    const isFresh = await this.source.isFresh();
    this.missing = isFresh ? null : 'BUILDING';
    return isFresh;
  }

  private async load(madeAtMs: number): Promise<Build> {
    const read = (file: string): Promise<string> =>
      readFile(path.join(this.source.folder, file), 'utf8');
    const [record, usage, explorer] = await Promise.all([
      read('build.json'),
      read('usage.html'),
      read('explorer.html'),
    ]);
    return { madeAtMs, usage, explorer, assets: assetsOf(JSON.parse(record)) };
  }
}

function assetsOf(record: unknown): ReadonlySet<string> {
  const names: unknown =
    typeof record === 'object' && record !== null && 'assets' in record ? record.assets : [];
  return new Set(Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []);
}
