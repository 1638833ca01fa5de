// What the rig runs: PostgreSQL in a folder of its own, gateways that are processes of their own, and proxies between them and
// before them. A server or a gateway that dies is started again, as an operator's supervisor does.

import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { startEmbedded } from '../../src/db/embedded.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { asOwner } from '../support/databases.ts';
import { SmallDisk } from './disk.ts';
import type { Opened } from './opened.ts';
import { Proxy } from './proxy.ts';
import type { Violations } from './violations.ts';

const run = promisify(execFile);
export const KEY = 'operator-key-of-the-faults-0123456789';
/** What is there again has to be ready within it, without a hand (F1, F4). */
const READY_WITHIN_MS = 10_000;
/** What the machine may take besides when it is busy. A gateway that is not ready by then has failed. */
const GIVEN_UP_AFTER_MS = 120_000;
const LOOK_MS = 50;

/** How a gateway is started. */
export interface GatewayRun {
  readonly script?: string;
  /** The folder of an earlier release, built. */
  readonly cwd?: string;
}

export interface WorldOptions {
  readonly folder: string;
  /** What starts each of the gateways. Those of an earlier release begin; the others come in `upgrade`. */
  readonly runs: readonly GatewayRun[];
  readonly env: Readonly<Record<string, string>>;
  readonly violations: Violations;
  /** Whether the database's disk can be filled. */
  readonly hasOwnDisk: boolean;
  /** Gets all that is opened, also when opening fails midway. */
  readonly opened: Opened;
}

/** One gateway and the ways to and from it. */
export class Place {
  gateway: GatewayProcess | null = null;
  /** How often it was started. */
  starts = 0;
  private starting: Promise<void> | null = null;

  constructor(
    readonly index: number,
    /** From clients to it. */
    readonly front: Proxy,
    /** From it to the database. */
    readonly back: Proxy,
    private readonly start: () => Promise<GatewayProcess>,
  ) {}

  get origin(): string {
    return this.front.through('http://127.0.0.1');
  }

  /** Starts it unless it runs, or is being started. */
  up(): Promise<void> {
    return (this.starting ??= this.begin().finally(() => {
      this.starting = null;
    }));
  }

  private async begin(): Promise<void> {
    if (this.gateway?.status() === null && !this.gateway.isKilled()) return;
    this.starts += 1;
    this.gateway = await this.start();
    this.front.lead(this.gateway.origin);
  }

  async kill(): Promise<void> {
    await this.gateway?.kill();
  }

  /** Kills it, even if it is being started. */
  async close(): Promise<void> {
    await this.starting?.catch(() => undefined);
    await this.kill();
  }
}

export class World {
  private constructor(
    readonly databaseUrl: string,
    readonly dataFolder: string,
    readonly places: readonly Place[],
    readonly disk: SmallDisk | null,
    private readonly violations: Violations,
  ) {}

  static async open(options: WorldOptions): Promise<World> {
    const { folder, runs, env, violations, hasOwnDisk, opened } = options;
    const dataDir = path.join(folder, 'database');
    const disk = hasOwnDisk ? await SmallDisk.mount(dataDir) : null;
    if (disk !== null) opened.push(() => disk.unmount());
    const server = await startEmbedded({ dataDir, databaseName: 'faults', log: () => undefined });
    opened.push(() => server.stop());
    const places: Place[] = [];
    for (const [index, one] of runs.entries()) {
      const back = await Proxy.open(server.url);
      opened.push(() => {
        back.close();
      });
      const front = await Proxy.open('http://127.0.0.1:1');
      opened.push(() => {
        front.close();
      });
      const start = (): Promise<GatewayProcess> =>
        startGatewayProcess(back.through(server.url), KEY, env, one);
      const place = new Place(index, front, back, start);
      places.push(place);
      opened.push(() => place.close());
    }
    const dataFolder = await dataFolderOf(server.url);
    const world = new World(server.url, dataFolder, places, disk, violations);
    // The first one migrates.
    const isEarlier = ({ index }: Place): boolean => runs[index]?.cwd !== undefined;
    const first = places.some(isEarlier) ? places.filter(isEarlier) : places;
    for (const place of first) await place.up();
    return world;
  }

  /** Starts the gateways that are not there yet, which migrate, while earlier ones work. */
  async upgrade(): Promise<void> {
    for (const place of this.places) if (place.starts === 0) await place.up();
  }

  /** Everything is up again, and all that was told to misbehave no longer does. @returns how long that took */
  async mend(): Promise<number> {
    const fromMs = performance.now();
    for (const { front, back } of this.places) {
      front.carry({ how: 'PASS' });
      back.carry({ how: 'PASS' });
    }
    await this.disk?.free();
    await this.untilReady(() => this.databaseIsUp(), 'PostgreSQL');
    await Promise.all(
      this.places.map(async (place) => {
        await place.up();
        await this.untilReady(() => isReady(place), `gateway ${place.index}`);
      }),
    );
    return performance.now() - fromMs;
  }

  /** Whether all gateways are ready, and so the database too. */
  async isReady(): Promise<boolean> {
    const ready = await Promise.all(this.places.map((place) => isReady(place).catch(() => false)));
    return ready.every(Boolean);
  }

  /** The processes of PostgreSQL, its postmaster first; none while it is between an end and a start. */
  async serverPids(): Promise<readonly number[]> {
    const file = path.join(this.dataFolder, 'postmaster.pid');
    const text = await fs.readFile(file, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
    const postmaster = Number(text.split('\n', 1)[0]);
    // The file is there before the server has written into it.
    if (!(postmaster > 0)) return [];
    const children = await run('pgrep', ['-P', String(postmaster)]).catch(() => ({ stdout: '' }));
    return [postmaster, ...children.stdout.split('\n').filter(Boolean).map(Number)];
  }

  /** Whether the database takes connections. */
  async databaseIsUp(): Promise<boolean> {
    return asOwner(this.databaseUrl, 'select 1').then(
      () => true,
      () => false,
    );
  }

  private async untilReady(look: () => Promise<boolean>, what: string): Promise<void> {
    const fromMs = performance.now();
    for (;;) {
      if (await look().catch(() => false)) break;
      if (performance.now() - fromMs > GIVEN_UP_AFTER_MS) {
        this.violations.add('ready again without a hand', what);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    const tookMs = Math.round(performance.now() - fromMs);
    if (tookMs > READY_WITHIN_MS) this.late.push({ what, tookMs });
  }

  /** What took longer than it should. It is told, and not judged: that would judge the machine. */
  readonly late: { readonly what: string; readonly tookMs: number }[] = [];
}

async function isReady({ origin }: Place): Promise<boolean> {
  return (await fetch(`${origin}/health/ready`)).ok;
}

async function dataFolderOf(url: string): Promise<string> {
  const [row = {}] = await asOwner(url, 'show data_directory');
  return String(row['data_directory']);
}
