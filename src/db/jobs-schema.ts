// graphile-worker brings its own schema. Its tables have row-level security without policies, and its functions run as their
// caller. Without grants and policies only the owner could write a job.

import { Logger, runMigrations } from 'graphile-worker';
import pg from 'pg';

/** Brings the schema of jobs up to date, as the database's owner, and opens it to both roles. */
export async function installJobs(ownerUrl: string): Promise<void> {
  const pool = new pg.Pool({
    connectionString: ownerUrl,
    max: 2,
    application_name: 'billing-gateway-migrate',
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  try {
    await runMigrations({ pgPool: pool, logger: new Logger(() => () => undefined) });
    await pool.query(OPEN_TO_ROLES);
  } finally {
    // Waits, as graphile-worker's own pool does not: a database that is being copied must have no connection.
    await pool.end();
  }
}

const OPEN_TO_ROLES = `/* jobs.openToRoles */ do $$
  declare name text;
  begin
    grant usage on schema graphile_worker to billing_gateway, billing_operator;
    grant select on all tables in schema graphile_worker to billing_gateway, billing_operator;
    grant usage on all sequences in schema graphile_worker to billing_gateway, billing_operator;
    for name in
      select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'graphile_worker' and c.relkind = 'r' and c.relname like '\\_private\\_%'
    loop
      execute format('grant insert, update, delete on graphile_worker.%I to billing_gateway, billing_operator', name);
      if not exists (
        select from pg_policies where schemaname = 'graphile_worker' and tablename = name and policyname = 'gateways'
      ) then
        execute format('create policy gateways on graphile_worker.%I using (true) with check (true)', name);
      end if;
    end loop;
  end $$`;
