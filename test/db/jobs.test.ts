import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startJobs, type JobsOptions } from '../../src/db/job-runner.ts';
import { enqueue, enqueueAll } from '../../src/db/jobs.ts';
import { migrate, migrateDown } from '../../src/db/migrate.ts';
import { migrations } from '../../ormconfig.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { eventually } from '../support/eventually.ts';
import { itOnOneServer } from '../support/left-out.ts';
import { sql } from '../../src/db/sql.ts';

const FAST = { heartbeatMs: 100, silentAfterMs: 1_000, pollMs: 50, stopWithinMs: 200 };

let gateway: TestGateway;
const toEnd: (() => Promise<unknown>)[] = [];
const errors: unknown[] = [];

beforeEach(async () => {
  gateway = await startTestGateway();
  errors.length = 0;
});

afterEach(async () => {
  for (const end of toEnd.splice(0)) await end();
  await gateway.close();
});

/** Runs jobs, and notes what each task was handed. */
async function run(
  tasks: Readonly<Record<string, (payload: unknown) => void | Promise<void>>>,
  options: Partial<JobsOptions> = {},
): Promise<{ readonly ran: unknown[]; stop(): Promise<void> }> {
  const ran: unknown[] = [];
  const jobs = await startJobs({
    url: gateway.databaseUrl,
    concurrency: 2,
    onError: (error) => errors.push(error),
    timing: FAST,
    tasks: Object.entries(tasks).map(([name, work]) => ({
      name,
      run: async (payload: unknown) => {
        ran.push(payload);
        await work(payload);
      },
    })),
    ...options,
  });
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (!isStopped) await jobs.stop();
    isStopped = true;
  };
  toEnd.push(stop);
  return { ran, stop };
}

function jobRows(): Promise<readonly Record<string, unknown>[]> {
  return asOwner(gateway.databaseUrl, 'select * from graphile_worker._private_jobs order by id');
}

describe('a job', () => {
  it('is there when its transaction commits, and not when it does not', async () => {
    const work = gateway.database.inTransaction('nobody', async (tx) => {
      await enqueue(tx, { task: 'greet', payload: { name: 'undone' } });
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    await gateway.database.inTransaction('nobody', (tx) =>
      enqueue(tx, { task: 'greet', payload: { name: 'done' } }),
    );

    const { ran } = await run({ greet: () => undefined });

    await eventually(async () => {
      expect(await jobRows()).toHaveLength(0);
    });
    expect(ran).toEqual([{ name: 'done' }]);
  });

  it('waits for its time, takes the place of one with its key, and is limited as asked', async () => {
    const runAtMs = Date.parse('2099-01-01T00:00:00Z');
    await gateway.database.inTransaction('nobody', async (tx) => {
      await enqueue(tx, { task: 'greet', payload: { n: 1 }, jobKey: 'one', runAtMs });
      await enqueue(tx, {
        task: 'greet',
        payload: { n: 2 },
        jobKey: 'one',
        runAtMs,
        maxAttempts: 3,
      });
      await enqueue(tx, { task: 'greet', payload: { n: 3 } });
    });

    const { ran } = await run({ greet: () => undefined });
    await eventually(() => {
      expect(ran).toEqual([{ n: 3 }]);
    });

    await eventually(async () => {
      expect(await jobRows()).toMatchObject([
        { payload: { n: 2 }, run_at: new Date(runAtMs), max_attempts: 3, attempts: 0 },
      ]);
    });
  });

  it('that fails is told of and put off, and does not hold up the others', async () => {
    await gateway.database.inTransaction('nobody', async (tx) => {
      await enqueue(tx, { task: 'fail', payload: {} });
      await enqueue(tx, { task: 'greet', payload: { n: 1 } });
    });

    const { ran } = await run({
      fail: () => {
        throw new Error('no luck');
      },
      greet: () => undefined,
    });

    await eventually(async () => {
      const [row, ...others] = await jobRows();
      expect(others).toEqual([]);
      expect(row).toMatchObject({ attempts: 1, locked_by: null });
      expect(row?.['last_error']).toContain('no luck');
      // e^1 seconds after the first attempt.
      expect(Number(row?.['run_at'])).toBeGreaterThan(Number(row?.['created_at']) + 2_000);
    });
    expect(errors).toEqual([new Error('no luck')]);
    expect(ran).toContainEqual({ n: 1 });
  });

  it('runs elsewhere, the same, when its gateway is killed in the middle of it, even in its last attempt', async () => {
    await gateway.database.inTransaction('nobody', (tx) =>
      enqueue(tx, { task: 'slow', payload: { deliveryId: 7 }, maxAttempts: 1 }),
    );
    const child = await startChild();
    const [lockedBefore] = await jobRows();

    child.kill('SIGKILL');
    await once(child, 'exit');
    const { ran } = await run({ slow: () => undefined });

    await eventually(() => {
      expect(ran).toEqual([{ deliveryId: 7 }]);
    });
    await eventually(async () => {
      expect(await jobRows()).toEqual([]);
    });
    expect(lockedBefore?.['locked_by']).toMatch(/^pool-/);
  });

  it('of a gateway that lives is left to it, however long it takes', async () => {
    await gateway.database.inTransaction('nobody', (tx) =>
      enqueue(tx, { task: 'slow', payload: { deliveryId: 8 } }),
    );
    const child = await startChild();
    // Locked for hours, by the clock of the database: only the heartbeat says that its gateway lives.
    await asOwner(
      gateway.databaseUrl,
      "update graphile_worker._private_jobs set locked_at = locked_at - interval '1 hour'",
    );

    const { ran } = await run({ slow: () => undefined, greet: () => undefined });
    const [first] = await seen();
    await eventually(async () => {
      const now = await seen();
      // Several looks for dead gateways later.
      expect(now).toHaveLength(2);
      expect(Number(now.at(-1)) - Number(first)).toBeGreaterThan(1_500);
    });

    expect(ran).toEqual([]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await eventually(() => {
      expect(ran).toEqual([{ deliveryId: 8 }]);
    });
  });

  it('that does not end in time when its gateway stops is run again', async () => {
    await gateway.database.inTransaction('nobody', (tx) =>
      enqueue(tx, { task: 'slow', payload: { n: 1 } }),
    );
    const first = await run({ slow: () => new Promise(() => undefined) });
    await eventually(() => {
      expect(first.ran).toEqual([{ n: 1 }]);
    });

    await first.stop();

    expect(await jobRows()).toMatchObject([{ locked_by: null, attempts: 1 }]);
    expect(await seen()).toEqual([]);
  });

  it('that was taken without its gateway hearing of it is freed by the gateway itself', async () => {
    const { ran } = await run({ greet: () => undefined });
    const [worker] = await asOwner(gateway.databaseUrl, 'select worker_id from job_worker');
    // As when the connection breaks between the taking and its answer.
    await asOwner(
      gateway.databaseUrl,
      `with job as (select (graphile_worker.add_job('greet', '{"n": 1}', run_at := now() + interval '1 hour')).id)
       select from job`,
    );
    await asOwner(
      gateway.databaseUrl,
      sql`update graphile_worker._private_jobs set run_at = now(), attempts = 1, locked_by = ${worker?.['worker_id']},
         locked_at = clock_timestamp()`,
    );

    await eventually(() => {
      expect(ran).toEqual([{ n: 1 }]);
    });
    await eventually(async () => {
      expect(await jobRows()).toEqual([]);
    });
  });

  it('is taken by at most four connections of a gateway, however many run side by side', async () => {
    const payloads = Array.from({ length: 60 }, (_, n) => ({ n }));
    await gateway.database.inTransaction('nobody', (tx) =>
      enqueueAll(
        tx,
        payloads.map((payload) => ({ task: 'wait', payload })),
      ),
    );
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let mostConnections = 0;
    const countConnections = async (): Promise<void> => {
      const [row] = await asOwner(
        gateway.databaseUrl,
        `select count(*)::int as connections from pg_stat_activity
         where datname = current_database() and application_name = 'billing-gateway-jobs'`,
      );
      mostConnections = Math.max(mostConnections, Number(row?.['connections']));
    };

    const { ran } = await run({ wait: () => released }, { concurrency: 30 });
    await eventually(async () => {
      await countConnections();
      expect(ran).toHaveLength(30);
    });
    release();
    await eventually(async () => {
      await countConnections();
      expect(await jobRows()).toEqual([]);
    });

    expect(new Set(ran.map((payload) => JSON.stringify(payload))).size).toBe(60);
    expect(mostConnections).toBeGreaterThanOrEqual(1);
    expect(mostConnections).toBeLessThanOrEqual(4);
  });

  it('that is written anew while it runs leaves no row behind, even when that run fails', async () => {
    const runAtMs = Date.parse('2099-01-01T00:00:00Z');
    await gateway.database.inTransaction('nobody', (tx) =>
      enqueue(tx, { task: 'again', payload: { n: 1 }, jobKey: 'one' }),
    );

    const { ran } = await run({
      again: async () => {
        await gateway.database.inTransaction('nobody', (tx) =>
          enqueue(tx, { task: 'again', payload: { n: 2 }, jobKey: 'one', runAtMs }),
        );
        throw new Error('too late');
      },
    });

    await eventually(async () => {
      expect(await jobRows()).toMatchObject([{ payload: { n: 2 }, key: 'one', attempts: 0 }]);
    });
    expect(ran).toEqual([{ n: 1 }]);
  });

  it('whose attempts are used up stays to be looked at, until it is written anew', async () => {
    await gateway.database.inTransaction('nobody', (tx) =>
      enqueue(tx, { task: 'fail', payload: {}, jobKey: 'one', maxAttempts: 1 }),
    );
    const { ran } = await run({
      fail: () => {
        throw new Error('no luck');
      },
    });
    await eventually(async () => {
      expect(await jobRows()).toMatchObject([{ attempts: 1, locked_by: null, key: 'one' }]);
    });
    const beats = (await seen())[0];
    await eventually(async () => {
      expect(Number((await seen())[0])).toBeGreaterThan(Number(beats) + 200);
    });
    const kept = await jobRows();

    await gateway.database.inTransaction('nobody', (tx) =>
      enqueue(tx, { task: 'fail', payload: {}, jobKey: 'one', maxAttempts: 2 }),
    );

    expect(kept).toMatchObject([{ last_error: expect.stringContaining('no luck') }]);
    await eventually(async () => {
      expect(await jobRows()).toMatchObject([{ key: 'one', max_attempts: 2, attempts: 1 }]);
    });
    expect(ran.length).toBe(2);
  });

  it('keeps nobody from migrating again', async () => {
    await gateway.database.inTransaction('nobody', (tx) =>
      enqueue(tx, { task: 'greet', payload: {} }),
    );

    await migrate({ url: gateway.databaseUrl, migrations });
    const { ran } = await run({ greet: () => undefined });

    await eventually(() => {
      expect(ran).toEqual([{}]);
    });
  });

  // No release takes migrations back, and distributed tables cannot.
  itOnOneServer(
    'goes with its schema when its migration is taken back, and can be written again after it',
    async () => {
      const database = { url: gateway.databaseUrl, migrations };
      const names = migrations.map((migration) => migration.name);
      const count = names.length - names.findIndex((name) => name.startsWith('RunJobs'));

      await migrateDown(database, count);
      const schemas = await asOwner(
        gateway.databaseUrl,
        "select from information_schema.schemata where schema_name = 'graphile_worker'",
      );
      await migrate(database);
      await gateway.database.inTransaction('nobody', (tx) =>
        enqueue(tx, { task: 'greet', payload: {} }),
      );
      const { ran } = await run({ greet: () => undefined });

      expect(schemas).toEqual([]);
      await eventually(() => {
        expect(ran).toEqual([{}]);
      });
    },
  );
});

async function startChild(): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/support/job-worker.ts', gateway.databaseUrl],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  toEnd.push(() => {
    child.kill('SIGKILL');
    return Promise.resolve();
  });
  await once(child.stdout, 'data');
  return child;
}

async function seen(): Promise<readonly unknown[]> {
  const rows = await asOwner(
    gateway.databaseUrl,
    'select extract(epoch from seen_at) * 1000 as seen_ms from job_worker order by seen_at',
  );
  return rows.map((row) => row['seen_ms']);
}
