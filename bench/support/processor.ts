// What work takes of processors, whoever else uses the machine: the gateway's process, and PostgreSQL with all its backends.
// The kernel tells it on Linux; elsewhere it is left out.

import { access, readFile } from 'node:fs/promises';
import type pg from 'pg';
import { median } from './measure.ts';

/** The kernel tells the processor time of a process in hundredths of a second. */
const TICK_MS = 10;

/** Processor time in milliseconds. */
export interface ProcessorMs {
  readonly gateway: number;
  readonly postgres: number;
}

/** Processor time that a process has taken since it began, in milliseconds. */
export async function processorMs(pid: number): Promise<number> {
  if (pid !== process.pid) return (await timesOf(pid)).own;
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

interface Times {
  readonly own: number;
  /** Of its children that have ended. */
  readonly ended: number;
}

async function timesOf(pid: number): Promise<Times> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name may hold spaces. Behind it come the state, and as the 12th to 15th field user and system time.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ms = (field: number): number => Number(fields[field]) * TICK_MS;
  return { own: ms(11) + ms(12), ended: ms(13) + ms(14) };
}

/** Of a process with one thread, in finer steps than ticks. */
async function threadMs(pid: number): Promise<number> {
  const [nanoseconds = ''] = (await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ');
  return Number(nanoseconds) / 1e6;
}

/** All of a PostgreSQL server: backends that ended meanwhile count too. */
async function postgresMs(postmasterPid: number): Promise<number> {
  const { own, ended } = await timesOf(postmasterPid);
  const children = await readFile(`/proc/${postmasterPid}/task/${postmasterPid}/children`, 'utf8');
  const pids = children.split(' ').map(Number).filter(Boolean);
  // One that ends between the two reads has its time among the ended ones of the next reading.
  const each = await Promise.all(pids.map((pid) => threadMs(pid).catch(() => 0)));
  return each.reduce((sum, one) => sum + one, own + ended);
}

const POSTMASTER = `select split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int as pid`;

/** Of the server, and with Citus of the others too. */
async function postmastersOf(owner: Pick<pg.Pool, 'query'>): Promise<readonly number[]> {
  const pidsOf = async (text: string): Promise<readonly number[]> => {
    const { rows } = await owner.query(text);
    return rows.map(({ pid }: { readonly pid: unknown }) => Number(pid));
  };
  const citus = await owner.query(`select from pg_extension where extname = 'citus'`);
  return [
    ...(await pidsOf(POSTMASTER)),
    ...(citus.rows.length === 0
      ? []
      : await pidsOf(`select result as pid from run_command_on_workers($pid$${POSTMASTER}$pid$)`)),
  ];
}

/** Whether a server's process is one of this machine. In a container it has another number here, which may be another process's. */
async function isTold(postmasterPid: number): Promise<boolean> {
  try {
    await access(`/proc/${postmasterPid}/schedstat`);
    return (await readFile(`/proc/${postmasterPid}/comm`, 'utf8')).trim() === 'postgres';
  } catch {
    return false;
  }
}

/** What a turn did, and in how many units. */
interface Turn<T> {
  readonly units: number;
  readonly result: T;
}

/** Notes what each turn takes of processors a unit, by a name. */
export class ProcessorMeter {
  private readonly taken = new Map<string, ProcessorMs[]>();

  private constructor(private readonly soFar: (() => Promise<ProcessorMs>) | null) {}

  /**
   * @param of.gatewayPid the gateway's process; by default this one
   * @param of.owner a pool of the server, which must be on this machine, with all that its tables are distributed over
   */
  static async open(of: {
    readonly gatewayPid?: number;
    readonly owner: Pick<pg.Pool, 'query'>;
  }): Promise<ProcessorMeter> {
    const { gatewayPid = process.pid, owner } = of;
    // An owner may not be allowed to read it.
    const postmasterPids = await postmastersOf(owner).catch(() => []);
    const areTold = await Promise.all(postmasterPids.map(isTold));
    if (areTold.length === 0 || areTold.includes(false)) return new ProcessorMeter(null);
    return new ProcessorMeter(async () => {
      const each = await Promise.all(postmasterPids.map(postgresMs));
      return {
        gateway: await processorMs(gatewayPid),
        postgres: each.reduce((sum, one) => sum + one, 0),
      };
    });
  }

  /** Runs a turn of a name and notes what it takes. */
  async during<T>(name: string, work: () => Promise<Turn<T>>): Promise<T> {
    const before = await this.soFar?.();
    const { units, result } = await work();
    const after = await this.soFar?.();
    if (before !== undefined && after !== undefined) {
      const turns = this.taken.get(name) ?? [];
      this.taken.set(name, turns);
      turns.push({
        gateway: (after.gateway - before.gateway) / units,
        postgres: (after.postgres - before.postgres) / units,
      });
    }
    return result;
  }

  /** Forgets all turns so far: they warmed up. */
  forget(): void {
    this.taken.clear();
  }

  /** The medians of what a unit took in the turns of a name; null where that is not known. */
  perUnit(name: string): ProcessorMs | null {
    const turns = this.taken.get(name);
    if (turns === undefined) return null;
    return {
      gateway: median(turns.map(({ gateway }) => gateway)),
      postgres: median(turns.map(({ postgres }) => postgres)),
    };
  }
}
