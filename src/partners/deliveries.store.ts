import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn, sequenceColumn } from '../db/columns.ts';
import { accountOf, answersByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  atOrNull,
  int,
  intOrNull,
  ms,
  msOrNull,
  oneOf,
  type Row,
  rowsOfEach,
  text,
  textOrNull,
} from '../db/decode.ts';
import {
  type DeliveryRef,
  type EndpointRef,
  type AttemptOutcome,
  type WebhookDelivery,
  type WebhookEvent,
  webhookEvents,
} from './webhook.ts';
import { type DeliveryStatus, deliveryStatuses } from '../notifications/email.ts';
import { raw, sql, type Sql, unnested, unnestedOf } from '../db/sql.ts';

@Entity('webhook_delivery')
export class WebhookDeliveryRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'delivery_id', ...sequenceColumn }) deliveryId!: number;
  @Column({ name: 'endpoint_id', type: 'int' }) endpointId!: number;
  @Column({ name: 'webhook_id', type: 'text' }) webhookId!: string;
  @Column({ name: 'event', type: 'enum', enum: webhookEvents }) event!: WebhookEvent;
  @Column({ name: 'payload', type: 'text' }) payload!: string;
  @Column({
    name: 'status',
    type: 'enum',
    enum: deliveryStatuses,
    enumName: 'webhook_delivery_status',
  })
  status!: DeliveryStatus;
  @Column({ name: 'attempts', type: 'int' }) attempts!: number;
  @Column({ name: 'next_attempt_at', nullable: true, ...instantColumn })
  nextAttemptAtMs!: number | null;
  @Column({ name: 'claimed_until', nullable: true, ...instantColumn })
  claimedUntilMs!: number | null;
  @Column({ name: 'last_response_code', type: 'int', nullable: true })
  lastResponseCode!: number | null;
  @Column({ name: 'last_error', type: 'text', nullable: true }) lastError!: string | null;
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'delivered_at', nullable: true, ...instantColumn })
  deliveredAtMs!: number | null;
}

/** A message for an endpoint. */
export interface NewDelivery extends Pick<
  WebhookDelivery,
  'endpointId' | 'webhookId' | 'event' | 'payload'
> {
  readonly createdAtMs: number;
}

const COLUMNS = `d.account_id, d.delivery_id, d.endpoint_id, d.webhook_id, d.event, d.payload, d.status, d.attempts,
  case when e.enabled then d.next_attempt_at end as next_attempt_at, d.last_response_code, d.last_error, d.created_at,
  d.delivered_at`;
function withEndpoint(account = sql`d.account_id`): Sql {
  return sql`join webhook_endpoint e on e.account_id = ${account} and e.endpoint_id = d.endpoint_id
  and e.deleted_at is null`;
}

/** Inserts messages, to be sent at once. @returns their ids, in the same order */
export async function insertDeliveries(
  tx: Tx,
  accountId: number,
  deliveries: readonly NewDelivery[],
): Promise<readonly number[]> {
  const rows = await tx.query(sql`/* partners.insertDeliveries */ insert into webhook_delivery
       (account_id, endpoint_id, webhook_id, event, payload, next_attempt_at, created_at)
     select own.account_id, d.endpoint_id, d.webhook_id, d.event, d.payload, d.created_at, d.created_at
     from ${unnestedOf(
       accountId,
       deliveries,
       {
         endpoint_id: ['int', (delivery) => delivery.endpointId],
         webhook_id: ['text', (delivery) => delivery.webhookId],
         event: ['webhook_event', (delivery) => delivery.event],
         payload: ['text', (delivery) => delivery.payload],
         created_at: ['timestamptz', (delivery) => at(delivery.createdAtMs)],
       },
       { as: 'd', ordinal: 'position' },
     )}
     order by d.position
     returning delivery_id`);
  return rows.map((row) => int(row, 'delivery_id'));
}

/** A delivery that a job has claimed until an instant. */
export interface ClaimedDelivery extends DeliveryRef {
  readonly webhookId: string;
  readonly event: WebhookEvent;
  readonly payload: string;
  /** Made so far. */
  readonly attempts: number;
  readonly claimedUntilMs: number;
}

/**
 * Claims the due messages of an endpoint, so that no other job sends them until `untilMs`. Over all gateways at most
 * `inFlightMax` messages of an endpoint are claimed at a time. The caller holds the endpoint's lock.
 */
export async function claimDue(
  tx: Tx,
  ref: EndpointRef,
  claim: { readonly nowMs: number; readonly untilMs: number; readonly inFlightMax: number },
): Promise<readonly ClaimedDelivery[]> {
  const rows =
    await tx.query(sql`/* partners.claimDue */ update webhook_delivery d set claimed_until = ${at(claim.untilMs)} from (
       select delivery_id from webhook_delivery
       where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId} and status = 'PENDING' and next_attempt_at <= ${at(claim.nowMs)}
         and (claimed_until is null or claimed_until <= ${at(claim.nowMs)})
       order by next_attempt_at, delivery_id
       limit greatest(0, ${claim.inFlightMax}::int - (select count(*) from webhook_delivery
         where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId} and status = 'PENDING' and claimed_until > ${at(claim.nowMs)}))
     ) as due
     where d.account_id = ${ref.accountId} and d.delivery_id = due.delivery_id
     returning d.delivery_id, d.webhook_id, d.event, d.payload, d.attempts`);
  return rows.map((row) => ({
    accountId: ref.accountId,
    deliveryId: int(row, 'delivery_id'),
    webhookId: text(row, 'webhook_id'),
    event: oneOf(row, 'event', webhookEvents),
    payload: text(row, 'payload'),
    attempts: int(row, 'attempts'),
    claimedUntilMs: claim.untilMs,
  }));
}

/** When an endpoint's next message is due; null when none is pending. A message that is being sent is due when its claim ends. */
export async function nextDueMs(tx: Tx, ref: EndpointRef): Promise<number | null> {
  const rows =
    await tx.query(sql`/* partners.nextDueMs */ select min(greatest(next_attempt_at, claimed_until)) as due from webhook_delivery
     where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId} and status = 'PENDING'`);
  return msOrNull(rows[0] ?? {}, 'due');
}

/**
 * Writes the outcome of an attempt and ends its claim, unless another job has claimed the delivery meanwhile, or it was
 * restarted.
 * @returns whether the outcome was written
 */
export async function saveOutcome(
  tx: Tx,
  delivery: ClaimedDelivery,
  { outcome, atMs }: { readonly outcome: AttemptOutcome; readonly atMs: number },
): Promise<boolean> {
  const rows = await tx.query(sql`/* partners.saveOutcome */ update webhook_delivery
     set status = ${outcome.status}, attempts = attempts + 1, next_attempt_at = ${atOrNull(outcome.nextAttemptAtMs)}, claimed_until = null, last_response_code = ${outcome.responseCode},
       last_error = ${outcome.error}, delivered_at = ${atOrNull(outcome.status === 'DELIVERED' ? atMs : null)}
     where account_id = ${delivery.accountId} and delivery_id = ${delivery.deliveryId} and claimed_until = ${at(delivery.claimedUntilMs)} and attempts = ${delivery.attempts} and status = 'PENDING'
     returning delivery_id`);
  if (rows.length > 0) return true;
  await tx.query(sql`/* partners.endClaim */ update webhook_delivery set claimed_until = null
     where account_id = ${delivery.accountId} and delivery_id = ${delivery.deliveryId} and claimed_until = ${at(delivery.claimedUntilMs)}`);
  return false;
}

/**
 * Makes an endpoint's pending messages due from an instant on, as if they were new. An attempt in progress keeps its claim,
 * so that the limit of messages in flight holds, but it no longer counts (unless it is a first one): otherwise the last
 * attempt of the old series would give the message up.
 */
export async function restartPending(tx: Tx, ref: EndpointRef, atMs: number): Promise<void> {
  await tx.query(sql`/* partners.restartPending */ update webhook_delivery set attempts = 0, next_attempt_at = ${at(atMs)}
     where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId} and status = 'PENDING'`);
}

/** Gives up an endpoint's pending messages. */
export async function failPending(tx: Tx, ref: EndpointRef, error: string): Promise<void> {
  await tx.query(sql`/* partners.failPending */ update webhook_delivery
     set status = 'FAILED', next_attempt_at = null, claimed_until = null, last_error = ${error}
     where account_id = ${ref.accountId} and endpoint_id = ${ref.endpointId} and status = 'PENDING'`);
}

/** Gives up all pending messages of an account. */
export async function failAllPending(tx: Tx, accountId: number, error: string): Promise<void> {
  await tx.query(sql`/* partners.failAllPending */ update webhook_delivery
     set status = 'FAILED', next_attempt_at = null, claimed_until = null, last_error = ${error}
     where account_id = ${accountId} and status = 'PENDING'`);
}

/** Sends a message again from an instant on, like `restartPending`, whatever its state. @returns false when it is gone */
export async function restartDelivery(tx: Tx, ref: DeliveryRef, atMs: number): Promise<boolean> {
  const rows = await tx.query(sql`/* partners.restartDelivery */ update webhook_delivery
     set status = 'PENDING', attempts = 0, next_attempt_at = ${at(atMs)}, delivered_at = null
     where account_id = ${ref.accountId} and delivery_id = ${ref.deliveryId} returning delivery_id`);
  return rows.length > 0;
}

/** A delivery whose endpoint was not deleted. */
export async function findDelivery(tx: Tx, ref: DeliveryRef): Promise<WebhookDelivery | null> {
  const rows =
    await tx.query(sql`/* partners.findDelivery */ select ${raw(COLUMNS)} from webhook_delivery d ${withEndpoint()}
     where d.account_id = ${ref.accountId} and d.delivery_id = ${ref.deliveryId}`);
  return rows[0] === undefined ? null : deliveryFromRow(rows[0]);
}

/** Which deliveries of an endpoint to read, newest first. */
export interface DeliveryPage extends EndpointRef {
  /** Excludes this one; null: from the newest. */
  readonly beforeId: number | null;
  readonly limit: number;
}

/** The deliveries of each page, in the order of the pages. */
export async function loadDeliveryPages(
  tx: Tx,
  pages: readonly DeliveryPage[],
): Promise<readonly (readonly WebhookDelivery[])[]> {
  return answersByAccount(tx, pages, (asked) => deliveryPages(tx, asked));
}

async function deliveryPages(
  tx: Tx,
  pages: readonly DeliveryPage[],
): Promise<readonly (readonly WebhookDelivery[])[]> {
  const account = accountOf(tx, pages, sql`p.account_id`);
  const rows =
    await tx.query(sql`/* partners.loadDeliveryPages */ select p.page::int as page, ${raw(COLUMNS)}
     from ${unnested(
       pages,
       {
         account_id: ['int', (page) => page.accountId],
         endpoint_id: ['int', (page) => page.endpointId],
         before_id: ['bigint', (page) => page.beforeId],
         row_limit: ['int', (page) => page.limit],
       },
       { as: 'p', ordinal: 'page' },
     )}
     cross join lateral (
       select * from webhook_delivery w
       where w.account_id = ${account} and w.endpoint_id = p.endpoint_id
         and (p.before_id is null or w.delivery_id < p.before_id)
       order by w.delivery_id desc limit p.row_limit
     ) d ${withEndpoint(account)}
     order by p.page, d.delivery_id desc`);
  return rowsOfEach(rows, pages.length, { ordinal: 'page', fromRow: deliveryFromRow });
}

/** The number of deliveries of each endpoint, in the order of the endpoints. */
export async function countDeliveries(
  tx: Tx,
  refs: readonly EndpointRef[],
): Promise<readonly number[]> {
  return answersByAccount(tx, refs, (asked) => deliveryCounts(tx, asked));
}

async function deliveryCounts(tx: Tx, refs: readonly EndpointRef[]): Promise<readonly number[]> {
  const rows = await tx.query(sql`/* partners.countDeliveries */ select count(d.delivery_id)
     from ${unnested(
       refs,
       {
         account_id: ['int', (ref) => ref.accountId],
         endpoint_id: ['int', (ref) => ref.endpointId],
       },
       { as: 'e', ordinal: 'position' },
     )}
     left join webhook_delivery d on d.account_id = ${accountOf(tx, refs, sql`e.account_id`)} and d.endpoint_id = e.endpoint_id
     group by e.position order by e.position`);
  return rows.map((row) => int(row, 'count'));
}

function deliveryFromRow(row: Row): WebhookDelivery {
  return {
    accountId: int(row, 'account_id'),
    deliveryId: int(row, 'delivery_id'),
    endpointId: int(row, 'endpoint_id'),
    webhookId: text(row, 'webhook_id'),
    event: oneOf(row, 'event', webhookEvents),
    payload: text(row, 'payload'),
    status: oneOf(row, 'status', deliveryStatuses),
    attempts: int(row, 'attempts'),
    nextAttemptAtMs: msOrNull(row, 'next_attempt_at'),
    lastResponseCode: intOrNull(row, 'last_response_code'),
    lastError: textOrNull(row, 'last_error'),
    createdAtMs: ms(row, 'created_at'),
    deliveredAtMs: msOrNull(row, 'delivered_at'),
  };
}
