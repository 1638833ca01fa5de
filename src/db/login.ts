// The logins of a gateway's pools. The owner of the database only migrates. Each pool logs in as a role that owns nothing and
// has no rights but to act as billing_gateway, or as billing_operator: a statement that steps out of that role (`set role none`)
// can do nothing, and one of an account cannot become an operator.

import { createHmac } from 'node:crypto';
import pg from 'pg';
import { UnavailableError } from '../core/errors.ts';
import type { Role } from './connection.ts';
import type { Database } from './database.ts';
import { bool, type Row } from './decode.ts';
import { sql } from './sql.ts';
import type { Whose } from './whose.ts';

const NAME_LENGTH_MAX = 63;

/** A role that may log in. */
export interface Login {
  readonly user: string;
  readonly password: string;
  /** What it may act as. */
  readonly role: Role;
}

const NAME_STARTS: Readonly<Record<Role, string>> = {
  billing_gateway: 'gateway_of_',
  billing_operator: 'operator_of_',
};

/**
 * The login of all gateways on a database that acts as a role. Its password follows from the owner's, so gateways agree on it
 * and nothing more has to be kept.
 * @throws UnavailableError when the owner's address has no password
 */
export function loginOf(ownerUrl: string, role: Role): Login {
  const { password, pathname } = new URL(ownerUrl);
  if (password === '') {
    throw new UnavailableError(
      'DATABASE_URL has no password, so the gateway cannot make the logins of its pools: add one, or set DATABASE_LOGIN_URL and DATABASE_OPERATOR_LOGIN_URL.',
    );
  }
  const database = decodeURIComponent(pathname.slice(1));
  const user = `${NAME_STARTS[role]}${database}`;
  const digest = createHmac('sha256', decodeURIComponent(password))
    .update(user)
    .digest('base64url');
  // Longer names are cut by PostgreSQL, and then two databases could share one.
  const isLong = Buffer.byteLength(user) > NAME_LENGTH_MAX;
  return {
    user: isLong ? `${NAME_STARTS[role]}${digest.slice(0, 32)}` : user,
    password: digest,
    role,
  };
}

/** The address of the owner's database for a login. */
export function loginUrl(ownerUrl: string, { user, password }: Login): string {
  const url = new URL(ownerUrl);
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(password);
  return url.href;
}

/** The address of another server of the same database, for the login of an address of it. */
export function sameLoginAt(serverUrl: string, ofUrl: string): string {
  const url = new URL(serverUrl);
  const { username, password } = new URL(ofUrl);
  url.username = username;
  url.password = password;
  return url.href;
}

/** The statements that make a login, or give an existing one its password. @param exists whether there is such a role */
export function loginStatements(
  { user, password, role }: Login,
  exists: boolean,
): readonly string[] {
  const name = pg.escapeIdentifier(user);
  const secret = pg.escapeLiteral(password);
  return [
    `${exists ? 'alter' : 'create'} role ${name} login noinherit password ${secret}`,
    `grant ${role} to ${name}`,
  ];
}

/** @throws UnavailableError when a pool's login could step over what its role may do */
export async function requireHarmlessLogins(database: Database): Promise<void> {
  await requireHarmless(database, 'nobody', {
    variable: 'DATABASE_LOGIN_URL',
    role: 'billing_gateway',
  });
  await requireHarmless(database, 'system', {
    variable: 'DATABASE_OPERATOR_LOGIN_URL',
    role: 'billing_operator',
  });
}

async function requireHarmless(
  database: Database,
  whose: Whose,
  { variable, role }: { readonly variable: string; readonly role: Role },
): Promise<void> {
  const [row = {}] = await database.inSnapshot(whose, (tx) =>
    tx.query(sql`/* db.findLogin */ select session_user::text as login,
        exists (select from pg_roles r where (r.rolsuper or r.rolbypassrls) and pg_has_role(session_user, r.oid, 'member')) as is_above,
        exists (select from pg_class c where c.relkind in ('r', 'p') and pg_has_role(session_user, c.relowner, 'member')) as is_owner,
        pg_has_role(session_user, 'billing_operator', 'member') as is_operator`),
  );
  const what = whyHarmful(row, role);
  if (what === null) return;
  throw new UnavailableError(
    `The gateway does not log in as ${JSON.stringify(row['login'])}, which ${what}: leave ${variable} out, or name a login that is only a member of ${role}.`,
  );
}

function whyHarmful(row: Row, role: Role): string | null {
  if (bool(row, 'is_above')) return 'is a superuser or bypasses row-level policies';
  if (bool(row, 'is_owner')) return 'owns tables';
  const isAbove = role === 'billing_gateway' && bool(row, 'is_operator');
  return isAbove ? 'may act as billing_operator' : null;
}
