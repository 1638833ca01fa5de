// What views read of the events that the rollups lack, and up to where the rollups are.

import type { Written } from '../core/cursor.ts';
import { queryColumns } from '../db/columnar.ts';
import { accountOf, answersByAccount, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  bigValue,
  bool,
  int,
  intValue,
  ms,
  msOrNull,
  type Row,
  sqlMs,
  text,
  valueOf,
} from '../db/decode.ts';
import { fromColumns, selectList, type Shape } from '../db/shape.ts';
import { sql, unnested } from '../db/sql.ts';
import { hasArchives, lastArchivedHour } from '../archives/archives.store.ts';
import { hasHours } from '../rollups/hours.store.ts';
import { FOLDED_SEGMENT_MAX } from '../rollups/rollups.store.ts';
import { subjectKinds, usageTypes } from '../rollups/kinds.ts';
import type { TailEvent } from './tail.ts';

/** Up to where an account's events are folded and the account is written, and into which tiers. */
export interface FoldedUpTo extends Written {
  readonly accountId: number;
  readonly watermark: number;
  /** Counts what else changed the sums of whole buckets, while the watermark stood. */
  readonly epoch: number;
  /** Its local days are those of the day tiers. */
  readonly timeZone: string;
  /** Whether resources have hours; quarter hours otherwise. */
  readonly hasHours: boolean;
  /**
   * Which run of which server says so. A failover may lose commits, and so may a restart from a snapshot of the disk; those that follow
   * take the same numbers. But no server goes back while it runs, nor as a standby, nor from then on as the database itself.
   * It is asked by no position of the log, which some services do not tell.
   */
  readonly run: string;
  /** Whether some of its events are archived. */
  readonly hasArchives: boolean;
}

export async function loadFoldedUpTo(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly FoldedUpTo[]> {
  const rows = await rowsByAccount(tx, accountIds, (ids) => foldedUpTo(tx, ids));
  return rows.map((row) => ({
    accountId: int(row, 'account_id'),
    watermark: int(row, 'watermark'),
    lastSeq: int(row, 'last_seq'),
    lastLocalId: int(row, 'last_local_id'),
    lastChange: int(row, 'last_change'),
    epoch: int(row, 'epoch'),
    timeZone: text(row, 'time_zone'),
    hasHours: bool(row, 'has_hours'),
    run: text(row, 'run'),
    hasArchives: bool(row, 'has_archives'),
  }));
}

function foldedUpTo(tx: Tx, accountIds: readonly number[]): Promise<readonly Row[]> {
  const account = accountOf(tx, accountIds, sql`a.account_id`);
  return tx.query(sql`/* views.loadFoldedUpTo */ select a.account_id, coalesce(s.watermark, 0) as watermark, a.last_seq,
       a.last_local_id, a.last_change, coalesce(s.epoch, 0) as epoch, coalesce(s.time_zone, a.time_zone) as time_zone,
       ${hasHours(sql`s`)} as has_hours, ${hasArchives(account)} as has_archives,
       pg_is_in_recovery() || ' ' || pg_postmaster_start_time() as run
     from account a left join rollup_state s on s.account_id = ${account} where a.account_id = any(${accountIds}::int[])`);
}

/** After what instants nothing of an account's rollups lies. Null: there is nothing. */
export interface Latest {
  /** Of its latest event; of an archived one the end of its hour. */
  readonly eventAtMs: number | null;
  /** The end of its latest folded segment, of those that end after `sinceMs`. */
  readonly endedAtMs: number | null;
  readonly sinceMs: number;
}

/** What lies latest in each account's rollups; @param sinceMs about now */
export async function loadLatest(
  tx: Tx,
  accountIds: readonly number[],
  sinceMs: number,
): Promise<ReadonlyMap<number, Latest>> {
  const rows = await rowsByAccount(tx, accountIds, (ids) => latestOf(tx, ids, sinceMs));
  return new Map(
    rows.map((row) => [
      int(row, 'account_id'),
      { eventAtMs: msOrNull(row, 'event_at'), endedAtMs: msOrNull(row, 'ended_at'), sinceMs },
    ]),
  );
}

function latestOf(tx: Tx, accountIds: readonly number[], sinceMs: number): Promise<readonly Row[]> {
  const account = accountOf(tx, accountIds, sql`a.account_id`);
  // Events that are not folded make it no earlier. A folded segment that ends later began within the longest that is folded.
  return tx.query(sql`/* views.loadLatest */ select a.account_id, s.to_at as ended_at,
       greatest(e.occurred_at, ${lastArchivedHour(account)}) as event_at
     from account a
       left join lateral (
         select occurred_at from usage_event u where u.account_id = ${account} order by u.occurred_at desc limit 1) e on true
       left join lateral (
         select max(to_at) as to_at from hosting_segment s
         where s.account_id = ${account} and s.folded and s.voided_at is null and s.from_at > ${at(sinceMs)}::timestamptz - ${FOLDED_SEGMENT_MAX}) s on true
     where a.account_id = any(${accountIds}::int[])`);
}

/** The events `(fromSeq, toSeq]` of an account. */
interface Part {
  readonly accountId: number;
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** The events that count of some parts of accounts, in the parts' order and ascending by number: not voided, and no hosting. */
export async function loadTail(
  tx: Tx,
  parts: readonly Part[],
): Promise<readonly (readonly TailEvent[])[]> {
  return answersByAccount(tx, parts, (asked) => tailOf(tx, asked));
}

async function tailOf(tx: Tx, parts: readonly Part[]): Promise<readonly (readonly TailEvent[])[]> {
  const columns = await queryColumns(tx, {
    name: 'views.loadTail',
    columns: ['q', ...Object.keys(TAIL_EVENT)],
    select: sql`select part.q, ${selectList(TAIL_EVENT)} from ${unnested(
      parts.map((part, q) => ({ q, ...part })),
      {
        q: ['int', ({ q }) => q],
        account_id: ['int', (part) => part.accountId],
        from_seq: ['int8', (part) => part.fromSeq],
        to_seq: ['int8', (part) => part.toSeq],
      },
      { as: 'part' },
    )} cross join lateral (
        select * from usage_event u where u.account_id = ${accountOf(tx, parts, sql`part.account_id`)}
          and u.seq > part.from_seq and u.seq <= part.to_seq offset 0) u
      where u.voided_at is null and u.type <> 'HOSTING' order by part.q, u.seq`,
  });
  const q = columns.read('q', intValue);
  const answers: TailEvent[][] = parts.map(() => []);
  fromColumns(TAIL_EVENT, columns).forEach((event, index) => answers[q(index)]?.push(event));
  return answers;
}

const TAIL_EVENT: Shape<TailEvent> = {
  seq: ['u.seq', intValue],
  subjectId: ['u.subject_id', intValue],
  kind: ['u.kind', valueOf(subjectKinds)],
  type: ['u.type', valueOf(usageTypes)],
  quantity: ['u.quantity::text', bigValue],
  creditsMicro: ['u.credits_micro::text', bigValue],
  occurredAtMs: [sqlMs('u.occurred_at'), intValue],
};

/** Latest event beyond the watermark of each resource and model that has one. */
export interface TailActivity {
  readonly accountId: number;
  readonly subjectId: number;
  readonly lastEventAtMs: number;
}

export async function loadTailActivity(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly TailActivity[]> {
  return rowsByAccount(tx, accountIds, (ids) => tailActivityOf(tx, ids));
}

async function tailActivityOf(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly TailActivity[]> {
  const rows =
    await tx.query(sql`/* views.loadTailActivity */ select a.account_id, u.subject_id, max(u.occurred_at) as last_event_at
     from (
         select account_id, coalesce(s.watermark, 0) as watermark, a.last_seq
         from account a left join rollup_state s using (account_id)
         where account_id = any(${accountIds}::int[]) offset 0) a
       cross join lateral (
         select * from usage_event u where u.account_id = ${accountOf(tx, accountIds, sql`a.account_id`)}
           and u.seq > a.watermark and u.seq <= a.last_seq offset 0) u
     where u.voided_at is null and u.type <> 'HOSTING'
     group by a.account_id, u.subject_id`);
  return rows.map((row) => ({
    accountId: int(row, 'account_id'),
    subjectId: int(row, 'subject_id'),
    lastEventAtMs: ms(row, 'last_event_at'),
  }));
}
