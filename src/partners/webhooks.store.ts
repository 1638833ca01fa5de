import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  atOrNull,
  bool,
  bytes,
  bytesOrNull,
  int,
  ms,
  msOrNull,
  oneOf,
  type Row,
  text,
  texts,
} from '../db/decode.ts';
import {
  type EndpointRef,
  webhookEvents,
  type WebhookEndpoint,
  type WebhookEvent,
} from './webhook.ts';
import { raw, sql } from '../db/sql.ts';

@Entity('webhook_endpoint')
export class WebhookEndpointRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'endpoint_id', type: 'int' }) endpointId!: number;
  @Column({ name: 'url', type: 'text' }) url!: string;
  @Column({ name: 'events', type: 'enum', enum: webhookEvents, array: true })
  events!: WebhookEvent[];
  @Column({ name: 'enabled', type: 'boolean' }) enabled!: boolean;
  @Column({ name: 'secret', type: 'bytea', nullable: true }) secret!: Buffer | null;
  @Column({ name: 'previous_secret', type: 'bytea', nullable: true })
  previousSecret!: Buffer | null;
  @Column({ name: 'previous_secret_ends_at', nullable: true, ...instantColumn })
  previousSecretEndsAtMs!: number | null;
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'disabled_at', nullable: true, ...instantColumn }) disabledAtMs!: number | null;
  @Column({ name: 'deleted_at', nullable: true, ...instantColumn }) deletedAtMs!: number | null;
  @Column({ name: 'paused_until', nullable: true, ...instantColumn }) pausedUntilMs!: number | null;
}

/** An endpoint with its sealed secrets. */
export interface SealedEndpoint {
  readonly endpoint: WebhookEndpoint;
  readonly secret: Buffer;
  /** Also signs until its end. */
  readonly previous: { readonly secret: Buffer; readonly endsAtMs: number } | null;
  /** Nothing is sent before this instant; null: no pause. */
  readonly pausedUntilMs: number | null;
}

const COLUMNS = 'account_id, endpoint_id, url, events::text[], enabled, created_at, disabled_at';
const SECRETS = 'secret, previous_secret, previous_secret_ends_at, paused_until';

/** An account's endpoints, oldest first. */
export async function listEndpoints(
  tx: Tx,
  accountId: number,
): Promise<readonly WebhookEndpoint[]> {
  const rows =
    await tx.query(sql`/* partners.listEndpoints */ select ${raw(COLUMNS)} from webhook_endpoint
     where account_id = ${accountId} and deleted_at is null order by endpoint_id`);
  return rows.map(endpointFromRow);
}

/** An endpoint, unless it was deleted. */
export async function findEndpoint(tx: Tx, ref: EndpointRef): Promise<WebhookEndpoint | null> {
  const rows =
    await tx.query(sql`/* partners.findEndpoint */ select ${raw(COLUMNS)} from webhook_endpoint
     where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId} and deleted_at is null`);
  return rows[0] === undefined ? null : endpointFromRow(rows[0]);
}

/** An endpoint under its lock, which holds off others that decide when its next message is sent. */
export async function lockEndpoint(tx: Tx, ref: EndpointRef): Promise<SealedEndpoint | null> {
  const rows =
    await tx.query(sql`/* partners.lockEndpoint */ select ${raw(COLUMNS)}, ${raw(SECRETS)} from webhook_endpoint
     where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId} and deleted_at is null for update`);
  return rows[0] === undefined ? null : sealedFromRow(rows[0]);
}

/** The endpoints of all accounts that were not deleted, after one of them, in the order of account and endpoint. */
export async function listSealed(
  tx: Tx,
  after: EndpointRef,
  limit: number,
): Promise<readonly SealedEndpoint[]> {
  const rows =
    await tx.query(sql`/* partners.listSealed */ select ${raw(COLUMNS)}, ${raw(SECRETS)} from webhook_endpoint
     where (account_id, endpoint_id) > (${after.accountId}, ${after.endpointId}) and deleted_at is null
     order by account_id, endpoint_id limit ${limit}`);
  return rows.map(sealedFromRow);
}

/** The enabled endpoints of an account that subscribe to any of these events, locked. */
export async function lockListeners(
  tx: Tx,
  accountId: number,
  events: readonly WebhookEvent[],
): Promise<readonly WebhookEndpoint[]> {
  const rows =
    await tx.query(sql`/* partners.lockListeners */ select ${raw(COLUMNS)} from webhook_endpoint
     where account_id = ${accountId} and deleted_at is null and enabled and events && ${events}::webhook_event[]
     order by endpoint_id for update`);
  return rows.map(endpointFromRow);
}

export async function insertEndpoint(
  tx: Tx,
  endpoint: Pick<WebhookEndpoint, 'accountId' | 'url' | 'events' | 'createdAtMs'>,
  secret: Buffer,
): Promise<WebhookEndpoint> {
  const rows =
    await tx.query(sql`/* partners.insertEndpoint */ insert into webhook_endpoint (account_id, url, events, secret, created_at)
     values (${endpoint.accountId}, ${endpoint.url}, ${endpoint.events}::webhook_event[], ${secret}, ${at(endpoint.createdAtMs)}) returning endpoint_id`);
  const endpointId = int(rows[0] ?? {}, 'endpoint_id');
  return { ...endpoint, endpointId, enabled: true, disabledAtMs: null };
}

/** Writes the fields of an endpoint that can change. Any change ends its pause. */
export async function saveEndpoint(tx: Tx, endpoint: WebhookEndpoint): Promise<void> {
  await tx.query(sql`/* partners.saveEndpoint */ update webhook_endpoint
     set url = ${endpoint.url}, events = ${endpoint.events}::webhook_event[], enabled = ${endpoint.enabled}, disabled_at = ${atOrNull(endpoint.disabledAtMs)}, paused_until = null
     where account_id = ${endpoint.accountId} and endpoint_id = ${endpoint.endpointId}`);
}

export async function saveSecrets(
  tx: Tx,
  ref: EndpointRef,
  { secret, previous }: Pick<SealedEndpoint, 'secret' | 'previous'>,
): Promise<void> {
  await tx.query(sql`/* partners.saveSecrets */ update webhook_endpoint
     set secret = ${secret}, previous_secret = ${previous?.secret ?? null}, previous_secret_ends_at = ${atOrNull(previous?.endsAtMs ?? null)}
     where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId}`);
}

/** Pauses an endpoint: nothing is sent to it before an instant. */
export async function pauseEndpoint(tx: Tx, ref: EndpointRef, untilMs: number): Promise<void> {
  await tx.query(sql`/* partners.pauseEndpoint */ update webhook_endpoint set paused_until = greatest(paused_until, ${at(untilMs)})
     where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId}`);
}

/** Disables all endpoints of an account, as their lock, so that nobody decides meanwhile what they are sent. */
export async function disableEndpoints(tx: Tx, accountId: number, atMs: number): Promise<void> {
  await tx.query(sql`/* partners.disableEndpoints */ update webhook_endpoint set enabled = false, disabled_at = coalesce(disabled_at, ${at(atMs)})
     where account_id = ${accountId} and deleted_at is null`);
}

/** Deletes an endpoint and its secrets; the row stays for its deliveries. */
export async function deleteEndpoint(tx: Tx, ref: EndpointRef, atMs: number): Promise<void> {
  await tx.query(sql`/* partners.deleteEndpoint */ update webhook_endpoint
     set deleted_at = ${at(atMs)}, secret = null, previous_secret = null, previous_secret_ends_at = null
     where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId}`);
}

function endpointFromRow(row: Row): WebhookEndpoint {
  return {
    accountId: int(row, 'account_id'),
    endpointId: int(row, 'endpoint_id'),
    url: text(row, 'url'),
    events: eventsFromRow(row),
    enabled: bool(row, 'enabled'),
    createdAtMs: ms(row, 'created_at'),
    disabledAtMs: msOrNull(row, 'disabled_at'),
  };
}

function sealedFromRow(row: Row): SealedEndpoint {
  const previous = bytesOrNull(row, 'previous_secret');
  return {
    endpoint: endpointFromRow(row),
    secret: bytes(row, 'secret'),
    previous:
      previous === null ? null : { secret: previous, endsAtMs: ms(row, 'previous_secret_ends_at') },
    pausedUntilMs: msOrNull(row, 'paused_until'),
  };
}

function eventsFromRow(row: Row): readonly WebhookEvent[] {
  return texts(row, 'events').map((event) => oneOf({ event }, 'event', webhookEvents));
}
