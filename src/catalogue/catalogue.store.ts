import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintColumn, instantColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { at, big, float, int, ms, oneOf, type Row, text } from '../db/decode.ts';
import {
  hardwareKinds,
  type HardwareProfile,
  type HardwareRate,
  type NewHardwareProfile,
} from './rates.ts';
import { raw, sql } from '../db/sql.ts';

@Entity('hardware_profile')
export class HardwareProfileRow {
  @PrimaryColumn({ name: 'hardware_id', type: 'int' }) hardwareId!: number;
  @Column({ name: 'name', type: 'text' }) name!: string;
  @Column({ name: 'kind', type: 'text' }) kind!: string;
  @Column({ name: 'model', type: 'text' }) model!: string;
  @Column({ name: 'vcpus', type: 'int' }) vcpus!: number;
  @Column({ name: 'gpus', type: 'int' }) gpus!: number;
  @Column({ name: 'memory_gb', type: 'float8' }) memoryGb!: number;
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
}

@Entity('hardware_rate')
export class HardwareRateRow {
  @PrimaryColumn({ name: 'hardware_id', type: 'int' }) hardwareId!: number;
  @PrimaryColumn({ name: 'effective_from', ...instantColumn }) effectiveFromMs!: number;
  @Column({ name: 'rate_micro_per_hour', ...bigintColumn }) rateMicroPerHour!: bigint;
  @Column({ name: 'set_at', ...instantColumn }) setAtMs!: number;
}

const COLUMNS = 'hardware_id, name, kind, model, vcpus, gpus, memory_gb, created_at';

/** All profiles, by name. */
export async function loadHardware(tx: Tx): Promise<readonly HardwareProfile[]> {
  const rows = await tx.query(
    sql`/* catalogue.loadHardware */ select ${raw(COLUMNS)} from hardware_profile order by name`,
  );
  return rows.map(profileFromRow);
}

/** The rates of some profiles (null: of all), earliest first. */
export async function loadRates(
  tx: Tx,
  hardwareIds: readonly number[] | null,
): Promise<readonly HardwareRate[]> {
  const isAsked = hardwareIds === null ? sql`true` : sql`hardware_id = any(${hardwareIds}::int[])`;
  const rows =
    await tx.query(sql`/* catalogue.loadRates */ select hardware_id, effective_from, rate_micro_per_hour from hardware_rate
     where ${isAsked} order by effective_from, hardware_id`);
  return rows.map(rateFromRow);
}

/** @returns the new profile, or null when its name is in use */
export async function insertHardware(
  tx: Tx,
  profile: NewHardwareProfile,
): Promise<HardwareProfile | null> {
  const rows =
    await tx.query(sql`/* catalogue.insertHardware */ insert into hardware_profile (name, kind, model, vcpus, gpus, memory_gb, created_at)
     values (${profile.name}, ${profile.kind}, ${profile.model}, ${profile.vcpus}, ${profile.gpus}, ${profile.memoryGb}, ${at(profile.createdAtMs)}) on conflict (name) do nothing returning ${raw(COLUMNS)}`);
  return rows[0] === undefined ? null : profileFromRow(rows[0]);
}

/** First key of the advisory locks on rates ("rate"); the second one is the hardware id. */
const RATES_LOCK = 0x72617465;

/** Keeps the rates of a hardware unchanged until the transaction ends. Many transactions may hold them at once. */
export async function holdRates(tx: Tx, hardwareId: number): Promise<void> {
  await tx.query(
    sql`/* catalogue.holdRates */ select pg_advisory_xact_lock_shared(${RATES_LOCK}, ${hardwareId})`,
  );
}

/** Waits for all that hold the rates of a hardware, and keeps others off until the transaction ends. */
export async function lockRates(tx: Tx, hardwareId: number): Promise<void> {
  await tx.query(
    sql`/* catalogue.lockRates */ select pg_advisory_xact_lock(${RATES_LOCK}, ${hardwareId})`,
  );
}

/** Adds a rate, or replaces the one of the same instant, which must lie in the future. @param setAtMs now */
export async function upsertRate(tx: Tx, rate: HardwareRate, setAtMs: number): Promise<void> {
  await tx.query(sql`/* catalogue.upsertRate */ insert into hardware_rate (hardware_id, effective_from, rate_micro_per_hour, set_at)
     values (${rate.hardwareId}, ${at(rate.fromMs)}, ${rate.rateMicroPerHour}, ${at(setAtMs)}) on conflict (hardware_id, effective_from)
     do update set rate_micro_per_hour = excluded.rate_micro_per_hour, set_at = excluded.set_at`);
}

function profileFromRow(row: Row): HardwareProfile {
  return {
    hardwareId: int(row, 'hardware_id'),
    name: text(row, 'name'),
    kind: oneOf(row, 'kind', hardwareKinds),
    model: text(row, 'model'),
    vcpus: int(row, 'vcpus'),
    gpus: int(row, 'gpus'),
    memoryGb: float(row, 'memory_gb'),
    createdAtMs: ms(row, 'created_at'),
  };
}

function rateFromRow(row: Row): HardwareRate {
  return {
    hardwareId: int(row, 'hardware_id'),
    fromMs: ms(row, 'effective_from'),
    rateMicroPerHour: big(row, 'rate_micro_per_hour'),
  };
}
