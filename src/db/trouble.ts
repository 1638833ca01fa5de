// Which errors mean that the database is unreachable or too busy, whoever threw them: the server, the driver, the system or
// TypeORM. Any other error is a fault of a statement, and so of ours.

import { isStale } from './prepared.ts';
import { sqlState } from './sql-state.ts';

export type DatabaseTrouble = 'BUSY' | 'OUT_OF_REACH';

/** Serialisation failure, deadlock, a lock or a statement that took too long. */
const TOO_BUSY = new Set(['40001', '40P01', '55P03', '57014']);
/**
 * Connections that break (08), end (57P0, 25P0) or are refused: too many of them or no room (53), a user, password or
 * database that no longer exists (28, 3D000), a server that became read-only when another took over (25006).
 */
const OUT_OF_REACH = /^(08|25006|25P0[2-4]|28|3D000|53|57P0)/;
const SYSTEM_CODES = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'ETIMEDOUT',
]);
// These errors of the driver and TypeORM have no code.
const BROKEN_CONNECTION =
  /Connection terminated|connection timeout|timeout exceeded when trying to connect|Query read timeout|not queryable|Cannot use a pool|Driver not Connected|Query runner already released/i;
const DEPTH_MAX = 4;

/** What an error, or an error that it wraps, says about the database; null: nothing. */
export function databaseTrouble(error: unknown): DatabaseTrouble | null {
  let inner = error;
  for (let depth = 0; depth < DEPTH_MAX && isObject(inner); depth += 1) {
    const trouble = troubleIn(inner);
    if (trouble !== null) return trouble;
    inner = Reflect.get(inner, 'driverError') ?? Reflect.get(inner, 'cause');
  }
  return null;
}

/** Why a database cannot be used, in the words of whoever refused it; null for any other error. */
export function reasonOutOfReach(error: unknown): string | null {
  if (databaseTrouble(error) !== 'OUT_OF_REACH' || !isObject(error)) return null;
  // For a name with several addresses, each address has an error.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (first instanceof Error && first.message !== '') return first.message;
  return error instanceof Error ? error.message : 'It did not say why.';
}

function troubleIn(error: object): DatabaseTrouble | null {
  const state = sqlState(error) ?? '';
  if (TOO_BUSY.has(state) || isStale(error)) return 'BUSY';
  const isOutOfReach =
    OUT_OF_REACH.test(state) ||
    SYSTEM_CODES.has(String(Reflect.get(error, 'code'))) ||
    BROKEN_CONNECTION.test(String(Reflect.get(error, 'message')));
  return isOutOfReach ? 'OUT_OF_REACH' : null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
