// A database whose clock the test sets: its own clock_timestamp() is found before PostgreSQL's.

import { asOwner } from './gateway.ts';
import { sql } from '../../src/db/sql.ts';

export interface DatabaseClock {
  /** @param instant ISO; the clock stands there until it is set again */
  set(instant: string): Promise<void>;
}

/** Holds for connections that are opened from now on. */
export async function setDatabaseClock(url: string, instant: string): Promise<DatabaseClock> {
  const name = new URL(url).pathname.slice(1);
  await asOwner(
    url,
    `create schema stepped;
     create table stepped.clock (at timestamptz not null);
     create function stepped.clock_timestamp() returns timestamptz language sql volatile
       as 'select at from stepped.clock';
     grant usage on schema stepped to public;
     grant select on stepped.clock to public;
     insert into stepped.clock values ('${instant}');
     alter database ${name} set search_path = stepped, public, pg_catalog`,
  );
  return {
    set: async (at) => {
      await asOwner(url, sql`update stepped.clock set at = ${at}`);
    },
  };
}
