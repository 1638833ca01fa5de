import { Column, Entity, PrimaryColumn } from 'typeorm';
import { FOLDED_NAME, isFoundBy } from '../account/account.store.ts';
import { queryColumns } from '../db/columnar.ts';
import { instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { at, int, ints, intValue, ms, sqlMs, text, texts, textValue } from '../db/decode.ts';
import { empty, raw, sql } from '../db/sql.ts';
import type { FleetCandidate, FleetPosition, FleetQuestion, FleetTotals } from './fleet.ts';

const VIEWS_KEPT = 200;

@Entity('fleet_view')
export class FleetViewRow {
  @PrimaryColumn({ name: 'view_id', ...sequenceColumn }) viewId!: number;
  @Column({ name: 'made_at', ...instantColumn }) madeAtMs!: number;
  @Column({ name: 'question', type: 'text' }) question!: string;
  @Column({ name: 'totals', type: 'text' }) totals!: string;
  @Column({ name: 'account_ids', type: 'int', array: true }) accountIds!: number[];
  @Column({ name: 'positions', type: 'text', array: true }) positions!: string[];
}

/** A list of accounts in the state of its first page. */
export interface FleetView {
  readonly madeAtMs: number;
  readonly question: string;
  readonly totals: FleetTotals;
  readonly count: number;
}

/** An account of a view. */
export interface FleetRow {
  readonly accountId: number;
  readonly position: FleetPosition;
}

/**
 * The accounts that may belong to a list, by id. Accounts that can be excluded without computing their credits are left
 * out: no account stops before something is due, so one whose next due instant is later does not stop before.
 */
export async function listCandidates(
  tx: Tx,
  question: FleetQuestion,
  limit: number,
): Promise<readonly FleetCandidate[]> {
  const { search, isTest, stopsBeforeMs } = question;
  const isOfKind = isTest === null ? empty : sql`and a.is_test = ${isTest}`;
  const mayStop =
    stopsBeforeMs === null
      ? empty
      : sql`and (c.next_due_at is null or c.next_due_at < ${at(stopsBeforeMs)}) and exists (
          select from hosting_segment s where s.account_id = a.account_id and s.to_at is null and s.voided_at is null)`;
  const columns = await queryColumns(tx, {
    name: 'credits.listCandidates',
    columns: ['account_id', 'folded_name', 'created_ms'],
    select: sql`select a.account_id, ${FOLDED_NAME} as folded_name, ${raw(sqlMs('a.created_at'))} as created_ms
      from account a join credit_state c using (account_id)
      where ${isFoundBy(search)} ${isOfKind} ${mayStop}
      order by a.account_id limit ${limit}`,
  });
  const accountId = columns.read('account_id', intValue);
  const foldedName = columns.read('folded_name', textValue);
  const createdAtMs = columns.read('created_ms', intValue);
  return columns.rows((index) => ({
    accountId: accountId(index),
    foldedName: foldedName(index),
    createdAtMs: createdAtMs(index),
  }));
}

/** Stores a list for its further pages, and removes lists that nobody reads any more. @returns its id */
export async function insertView(
  tx: Tx,
  view: Omit<FleetView, 'count'> & { readonly rows: readonly FleetRow[] },
  keptSinceMs: number,
): Promise<number> {
  const { madeAtMs, question, totals, rows } = view;
  const accountIds = rows.map(({ accountId }) => accountId);
  const positions = rows.map(({ position }) => JSON.stringify(position, bigAsText));
  const inserted = await tx.query(sql`/* credits.insertFleetView */ with removed as (
       delete from fleet_view where made_at < ${at(keptSinceMs)}
         or view_id <= (select view_id from fleet_view order by view_id desc offset ${VIEWS_KEPT - 1} limit 1))
     insert into fleet_view (made_at, question, totals, account_ids, positions)
     values (${at(madeAtMs)}, ${question}, ${JSON.stringify(totals, bigAsText)}, ${accountIds}, ${positions})
     returning view_id`);
  return int(inserted[0] ?? {}, 'view_id');
}

/** A stored list, or null. */
export async function findView(
  tx: Tx,
  viewId: number,
  keptSinceMs: number,
): Promise<FleetView | null> {
  const [row] =
    await tx.query(sql`/* credits.findFleetView */ select made_at, question, totals, cardinality(account_ids) as count
     from fleet_view where view_id = ${viewId} and made_at >= ${at(keptSinceMs)}`);
  if (row === undefined) return null;
  return {
    madeAtMs: ms(row, 'made_at'),
    question: text(row, 'question'),
    totals: JSON.parse(text(row, 'totals'), textAsBig) as FleetTotals,
    count: int(row, 'count'),
  };
}

/** The rows [begin, end) of a stored list. */
export async function listRows(
  tx: Tx,
  viewId: number,
  { begin, end }: { readonly begin: number; readonly end: number },
): Promise<readonly FleetRow[]> {
  const slice = sql`[${begin + 1}::int:${end}::int]`;
  const [row = {}] =
    await tx.query(sql`/* credits.listFleetRows */ select account_ids${slice} as account_ids, positions${slice} as positions
     from fleet_view where view_id = ${viewId}`);
  const positions = texts(row, 'positions').map(
    (position) => JSON.parse(position, textAsBig) as FleetPosition,
  );
  return ints(row, 'account_ids').flatMap((accountId, index) => {
    const position = positions[index];
    return position === undefined ? [] : [{ accountId, position }];
  });
}

// Sums are stored as text, since JSON's numbers would lose digits; their names end in Micro or MicroPerHour.
function bigAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function textAsBig(key: string, value: unknown): unknown {
  return typeof value === 'string' && /Micro(PerHour)?$/.test(key) ? BigInt(value) : value;
}
