import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn, sequenceColumn } from '../db/columns.ts';
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
const WITH_ENDPOINT = `join webhook_endpoint e on e.account_id = d.account_id and e.endpoint_id = d.endpoint_id
  and e.deleted_at is null`;

/** Adds messages, to be sent at once. */
export async function insertDeliveries(
  tx: Tx,
  accountId: number,
  deliveries: readonly NewDelivery[],
): Promise<void> {
  await tx.query(
    `/* partners.insertDeliveries */ insert into webhook_delivery
       (account_id, endpoint_id, webhook_id, event, payload, next_attempt_at, created_at)
     select $1, d.endpoint_id, d.webhook_id, d.event, d.payload, d.created_at, d.created_at
     from unnest($2::int[], $3::text[], $4::webhook_event[], $5::text[], $6::timestamptz[])
       with ordinality as d(endpoint_id, webhook_id, event, payload, created_at, position)
     order by d.position`,
    [
      accountId,
      deliveries.map((delivery) => delivery.endpointId),
      deliveries.map((delivery) => delivery.webhookId),
      deliveries.map((delivery) => delivery.event),
      deliveries.map((delivery) => delivery.payload),
      deliveries.map((delivery) => at(delivery.createdAtMs)),
    ],
  );
}

/** A delivery that was claimed by whoever read it, until then. */
export interface ClaimedDelivery extends DeliveryRef {
  readonly webhookId: string;
  readonly payload: string;
  /** So far. */
  readonly attempts: number;
  readonly claimedUntilMs: number;
}

/**
 * Claims what is due for an endpoint, so that nobody else sends it until `untilMs`. Over all gateways at most `inFlightMax`
 * messages of an endpoint are claimed at a time. The caller holds the endpoint's lock.
 */
export async function claimDue(
  tx: Tx,
  ref: EndpointRef,
  claim: { readonly nowMs: number; readonly untilMs: number; readonly inFlightMax: number },
): Promise<readonly ClaimedDelivery[]> {
  const rows = await tx.query(
    `/* partners.claimDue */ update webhook_delivery d set claimed_until = $4 from (
       select delivery_id from webhook_delivery
       where account_id = $1 and endpoint_id = $2 and status = 'PENDING' and next_attempt_at <= $3
         and (claimed_until is null or claimed_until <= $3)
       order by next_attempt_at, delivery_id
       limit greatest(0, $5::int - (select count(*) from webhook_delivery
         where account_id = $1 and endpoint_id = $2 and status = 'PENDING' and claimed_until > $3))
     ) as due
     where d.account_id = $1 and d.delivery_id = due.delivery_id
     returning d.delivery_id, d.webhook_id, d.payload, d.attempts`,
    [ref.accountId, ref.endpointId, at(claim.nowMs), at(claim.untilMs), claim.inFlightMax],
  );
  return rows.map((row) => ({
    accountId: ref.accountId,
    deliveryId: int(row, 'delivery_id'),
    webhookId: text(row, 'webhook_id'),
    payload: text(row, 'payload'),
    attempts: int(row, 'attempts'),
    claimedUntilMs: claim.untilMs,
  }));
}

/** When an endpoint's next message is due; null when none waits. One that is being sent is due when its claim ends. */
export async function nextDueMs(tx: Tx, ref: EndpointRef): Promise<number | null> {
  const rows = await tx.query(
    `/* partners.nextDueMs */ select min(greatest(next_attempt_at, claimed_until)) as due from webhook_delivery
     where account_id = $1 and endpoint_id = $2 and status = 'PENDING'`,
    [ref.accountId, ref.endpointId],
  );
  return msOrNull(rows[0] ?? {}, 'due');
}

/**
 * Writes what became of an attempt, unless the delivery was claimed by another meanwhile, or began anew: then its claim ends.
 * @returns whether it was written
 */
export async function saveOutcome(
  tx: Tx,
  delivery: ClaimedDelivery,
  { outcome, atMs }: { readonly outcome: AttemptOutcome; readonly atMs: number },
): Promise<boolean> {
  const rows = await tx.query(
    `/* partners.saveOutcome */ update webhook_delivery
     set status = $4, attempts = attempts + 1, next_attempt_at = $5, claimed_until = null, last_response_code = $6,
       last_error = $7, delivered_at = $8
     where account_id = $1 and delivery_id = $2 and claimed_until = $3 and attempts = $9 and status = 'PENDING'
     returning delivery_id`,
    [
      delivery.accountId,
      delivery.deliveryId,
      at(delivery.claimedUntilMs),
      outcome.status,
      atOrNull(outcome.nextAttemptAtMs),
      outcome.responseCode,
      outcome.error,
      atOrNull(outcome.status === 'DELIVERED' ? atMs : null),
      delivery.attempts,
    ],
  );
  if (rows.length > 0) return true;
  await tx.query(
    `/* partners.endClaim */ update webhook_delivery set claimed_until = null
     where account_id = $1 and delivery_id = $2 and claimed_until = $3`,
    [delivery.accountId, delivery.deliveryId, at(delivery.claimedUntilMs)],
  );
  return false;
}

/**
 * Sends what waits for an endpoint from an instant on, as if for the first time. Of an attempt that is under way the claim
 * stays, so that no more are in flight than may be, but it counts no more (unless it is a first one): the last of the old
 * ones would give the message up.
 */
export async function restartPending(tx: Tx, ref: EndpointRef, atMs: number): Promise<void> {
  await tx.query(
    `/* partners.restartPending */ update webhook_delivery set attempts = 0, next_attempt_at = $3
     where account_id = $1 and endpoint_id = $2 and status = 'PENDING'`,
    [ref.accountId, ref.endpointId, at(atMs)],
  );
}

/** Gives up what waits for an endpoint. */
export async function failPending(tx: Tx, ref: EndpointRef, error: string): Promise<void> {
  await tx.query(
    `/* partners.failPending */ update webhook_delivery
     set status = 'FAILED', next_attempt_at = null, claimed_until = null, last_error = $3
     where account_id = $1 and endpoint_id = $2 and status = 'PENDING'`,
    [ref.accountId, ref.endpointId, error],
  );
}

/** Sends a message again from an instant on, as if for the first time: as `restartPending`, whatever became of it. */
export async function restartDelivery(tx: Tx, ref: DeliveryRef, atMs: number): Promise<void> {
  await tx.query(
    `/* partners.restartDelivery */ update webhook_delivery
     set status = 'PENDING', attempts = 0, next_attempt_at = $3, delivered_at = null
     where account_id = $1 and delivery_id = $2`,
    [ref.accountId, ref.deliveryId, at(atMs)],
  );
}

/** A delivery whose endpoint was not deleted. */
export async function findDelivery(tx: Tx, ref: DeliveryRef): Promise<WebhookDelivery | null> {
  const rows = await tx.query(
    `/* partners.findDelivery */ select ${COLUMNS} from webhook_delivery d ${WITH_ENDPOINT}
     where d.account_id = $1 and d.delivery_id = $2`,
    [ref.accountId, ref.deliveryId],
  );
  return rows[0] === undefined ? null : deliveryFromRow(rows[0]);
}

/** Which deliveries of an endpoint are read, newest first. */
export interface DeliveryPage extends EndpointRef {
  /** Not itself; null: from the newest. */
  readonly beforeId: number | null;
  readonly limit: number;
}

/** The deliveries of each page; they stand at their page's index. */
export async function loadDeliveryPages(
  tx: Tx,
  pages: readonly DeliveryPage[],
): Promise<readonly (readonly WebhookDelivery[])[]> {
  const rows = await tx.query(
    `/* partners.loadDeliveryPages */ select p.page::int as page, ${COLUMNS}
     from unnest($1::int[], $2::int[], $3::bigint[], $4::int[]) with ordinality
       as p(account_id, endpoint_id, before_id, row_limit, page)
     cross join lateral (
       select * from webhook_delivery w
       where w.account_id = p.account_id and w.endpoint_id = p.endpoint_id
         and (p.before_id is null or w.delivery_id < p.before_id)
       order by w.delivery_id desc limit p.row_limit
     ) d ${WITH_ENDPOINT}
     order by p.page, d.delivery_id desc`,
    [
      pages.map((page) => page.accountId),
      pages.map((page) => page.endpointId),
      pages.map((page) => page.beforeId),
      pages.map((page) => page.limit),
    ],
  );
  const results: WebhookDelivery[][] = pages.map(() => []);
  for (const row of rows) results[int(row, 'page') - 1]?.push(deliveryFromRow(row));
  return results;
}

/** How many deliveries each endpoint has; the count stands at its endpoint's index. */
export async function countDeliveries(
  tx: Tx,
  refs: readonly EndpointRef[],
): Promise<readonly number[]> {
  const rows = await tx.query(
    `/* partners.countDeliveries */ select count(d.delivery_id)
     from unnest($1::int[], $2::int[]) with ordinality as e(account_id, endpoint_id, position)
     left join webhook_delivery d using (account_id, endpoint_id) group by e.position order by e.position`,
    [refs.map((ref) => ref.accountId), refs.map((ref) => ref.endpointId)],
  );
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
