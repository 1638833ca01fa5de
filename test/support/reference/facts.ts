// What was recorded, as it lies in the tables: the raw events and segments that the reference works from. The rollups,
// their watermark and the marks of what is folded are left unread.

import { asOwner } from '../gateway.ts';
import { raw, sql } from '../../../src/db/sql.ts';

export interface Facts {
  readonly timeZone: string;
  readonly cycleDay: number;
  readonly events: readonly Event[];
  readonly segments: readonly Segment[];
  readonly resources: readonly Resource[];
  readonly models: readonly Model[];
  readonly hardware: readonly { readonly id: number; readonly name: string }[];
  readonly rates: readonly Rate[];
  readonly allocations: readonly Allocation[];
}

/** A usage event that was not voided. */
export interface Event {
  readonly type: string;
  /** The resource, or the model of FINE_TUNING and STORAGE. */
  readonly subject: number;
  readonly quantity: bigint;
  readonly unit: string | null;
  readonly credits: bigint;
  readonly at: number;
}

/** A stretch of hosting that was not voided. */
export interface Segment {
  readonly resource: number;
  readonly hardware: number;
  readonly replicas: number;
  readonly rate: bigint;
  readonly from: number;
  readonly to: number | null;
}

export interface Resource {
  readonly id: number;
  readonly kind: string;
  readonly externalId: string;
  readonly name: string;
  readonly owner: string | null;
  readonly language: string | null;
  readonly ocrModel: string | null;
  /** As the API shows it: hosting recorded afterwards was a deployment too. */
  readonly status: string;
  readonly model: number | null;
  readonly wasDeployed: boolean;
  /** The last deployment: by a call, or as hosting that was recorded afterwards. */
  readonly lastDeployed: number | null;
  /** The last change of the deployment by a call, or the stop. */
  readonly lastUpdated: number | null;
  /** The last lifecycle call, usage event, or end of hosting that was recorded afterwards; of what runs it is now. */
  readonly lastActive: number | null;
}

export interface Model {
  readonly id: number;
  readonly externalId: string;
  readonly name: string;
  readonly type: string;
}

interface Rate {
  readonly hardware: number;
  readonly from: number;
  readonly perHour: bigint;
}

interface Allocation {
  readonly unit: string;
  /** Of a voided one: what was spent of it. */
  readonly counted: bigint;
  readonly from: number;
  readonly to: number | null;
}

type Row = Readonly<Record<string, unknown>>;

/** Reads everything that was recorded for an account. @param account its number in the database */
export async function loadFacts(url: string, account: number): Promise<Facts> {
  const of = (table: string, which = 'true'): Promise<readonly Row[]> =>
    asOwner(url, sql`select * from ${raw(table)} where account_id = ${account} and ${raw(which)}`);
  const [accounts, events, periods, segments, resources, models, allocations] = await Promise.all([
    of('account'),
    of('usage_event', `voided_at is null and type <> 'HOSTING'`),
    of('usage_event', `voided_at is null and type = 'HOSTING'`),
    of('hosting_segment', 'voided_at is null'),
    of('resource'),
    of('model'),
    of('credit_allocation'),
  ]);
  const hardware = await asOwner(url, 'select * from hardware_profile');
  const rates = await asOwner(url, 'select * from hardware_rate order by effective_from');
  const [self = {}] = accounts;
  const periodsOf = (resource: Row): readonly Row[] =>
    periods.filter((period) => period['subject_id'] === resource['resource_id']);
  return {
    timeZone: text(self, 'time_zone'),
    cycleDay: number(self, 'cycle_day'),
    events: events.map((row) => ({
      type: text(row, 'type'),
      subject: number(row, 'subject_id'),
      quantity: whole(row, 'quantity'),
      unit: orNull(row, 'unit', text),
      credits: whole(row, 'credits_micro'),
      at: instant(row, 'occurred_at'),
    })),
    segments: segments.map((row) => ({
      resource: number(row, 'resource_id'),
      hardware: number(row, 'hardware_id'),
      replicas: number(row, 'replicas'),
      rate: whole(row, 'rate_micro_per_hour'),
      from: instant(row, 'from_at'),
      to: orNull(row, 'to_at', instant),
    })),
    resources: resources.map((row) => ({
      id: number(row, 'resource_id'),
      kind: text(row, 'kind'),
      externalId: text(row, 'external_id'),
      name: text(row, 'name'),
      owner: orNull(row, 'owner', text),
      language: orNull(row, 'language', text),
      ocrModel: orNull(row, 'ocr_model', text),
      status:
        text(row, 'status') === 'IN_DEVELOPMENT' &&
        segments.some((segment) => segment['resource_id'] === row['resource_id'])
          ? 'UNDEPLOYED'
          : text(row, 'status'),
      model: orNull(row, 'model_id', number),
      wasDeployed: row['deployed_at'] !== null,
      lastDeployed: latest([
        orNull(row, 'deployed_at', instant),
        ...periodsOf(row).map((period) => instant(period, 'occurred_at')),
      ]),
      lastUpdated: orNull(row, 'changed_at', instant),
      lastActive: latest([
        orNull(row, 'lifecycle_at', instant),
        ...periodsOf(row).map((period) => instant(period, 'ended_at')),
        ...events
          .filter(
            (event) => event['kind'] !== 'MODEL' && event['subject_id'] === row['resource_id'],
          )
          .map((event) => instant(event, 'occurred_at')),
      ]),
    })),
    models: models.map((row) => ({
      id: number(row, 'model_id'),
      externalId: text(row, 'external_id'),
      name: text(row, 'name'),
      type: text(row, 'type'),
    })),
    hardware: hardware.map((row) => ({ id: number(row, 'hardware_id'), name: text(row, 'name') })),
    rates: rates.map((row) => ({
      hardware: number(row, 'hardware_id'),
      from: instant(row, 'effective_from'),
      perHour: whole(row, 'rate_micro_per_hour'),
    })),
    allocations: allocations.map((row) => ({
      unit: text(row, 'unit'),
      counted: whole(row, row['voided_at'] === null ? 'amount_micro' : 'spent_micro'),
      from: instant(row, 'effective_at'),
      to: orNull(row, row['voided_at'] === null ? 'expires_at' : 'voided_at', instant),
    })),
  };
}

function latest(instants: readonly (number | null)[]): number | null {
  return instants.reduce((a, b) => (b === null ? a : Math.max(a ?? b, b)), null);
}

function orNull<T>(row: Row, column: string, read: (row: Row, column: string) => T): T | null {
  return row[column] === null ? null : read(row, column);
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new Error(`${column} holds no text: ${String(value)}`);
}

function number(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw new Error(`${column} holds no number: ${String(value)}`);
}

function whole(row: Row, column: string): bigint {
  return BigInt(text(row, column));
}

function instant(row: Row, column: string): number {
  const value = row[column];
  if (value instanceof Date) return value.getTime();
  throw new Error(`${column} holds no instant: ${String(value)}`);
}
