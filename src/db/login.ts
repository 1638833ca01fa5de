// The login of a gateway's pool. The owner of the database only migrates. The pool logs in as a role that owns nothing and has
// no rights but to act as billing_gateway: a statement that steps out of that role (`set role none`) can do nothing.

import { createHmac } from 'node:crypto';
import pg from 'pg';
import { UnavailableError } from '../core/errors.ts';
import type { Database } from './database.ts';
import { bool } from './decode.ts';
import { sql } from './sql.ts';

const NAME_LENGTH_MAX = 63;

/** A role that may log in. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/**
 * The login of all gateways on a database. Its password follows from the owner's, so gateways agree on it and nothing more
 * has to be kept.
 * @throws UnavailableError when the owner's address has no password
 */
export function loginOf(ownerUrl: string): Login {
  const { password, pathname } = new URL(ownerUrl);
  if (password === '') {
    throw new UnavailableError(
      'DATABASE_URL has no password, so the gateway cannot make a login for its pool: add one, or set DATABASE_LOGIN_URL.',
    );
  }
  const database = decodeURIComponent(pathname.slice(1));
  const user = `gateway_of_${database}`;
  const digest = createHmac('sha256', decodeURIComponent(password))
    .update(user)
    .digest('base64url');
  // Longer names are cut by PostgreSQL, and then two databases could share one.
  const isLong = Buffer.byteLength(user) > NAME_LENGTH_MAX;
  return { user: isLong ? `gateway_of_${digest.slice(0, 32)}` : user, password: digest };
}

/** The address of the owner's database for a login. */
export function loginUrl(ownerUrl: string, { user, password }: Login): string {
  const url = new URL(ownerUrl);
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(password);
  return url.href;
}

/** The statements that make a login, or give an existing one its password. @param exists whether there is such a role */
export function loginStatements({ user, password }: Login, exists: boolean): readonly string[] {
  const name = pg.escapeIdentifier(user);
  const secret = pg.escapeLiteral(password);
  return [
    `${exists ? 'alter' : 'create'} role ${name} login noinherit password ${secret}`,
    `grant billing_gateway to ${name}`,
  ];
}

/** @throws UnavailableError when the pool's login could step over what billing_gateway may do */
export async function requireHarmlessLogin(database: Database): Promise<void> {
  const [row = {}] = await database.inSnapshot((tx) =>
    tx.query(sql`/* db.findLogin */ select session_user::text as login, rolsuper or rolbypassrls as is_above,
        exists (select from pg_class c where c.relowner = r.oid and c.relkind in ('r', 'p')) as is_owner
      from pg_roles r where rolname = session_user`),
  );
  const [isAbove, isOwner] = [bool(row, 'is_above'), bool(row, 'is_owner')];
  if (!isAbove && !isOwner) return;
  const what = isAbove ? 'is a superuser or passes row-level policies by' : 'owns tables';
  throw new UnavailableError(
    `The gateway does not log in as ${JSON.stringify(row['login'])}, which ${what}: leave DATABASE_LOGIN_URL out, or name a login that is only a member of billing_gateway.`,
  );
}
