// Whether everything is as it was promised: by the public API, and by SQL in one snapshot of the database. What is compared with
// are the driver's own books, and what subscribers, receivers and mailboxes got.

import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Books } from './books.ts';
import { type Caller, clock } from './caller.ts';
import type { Crossing } from './crossings.ts';
import { iso, microOf } from './driver.ts';
import type { Mails, Subscriber, Told, WebhookReceiver } from './listeners.ts';
import {
  compareAlerts,
  compareAmounts,
  compareBalance,
  compareEvents,
  compareLedger,
  compareMessage,
  compareTold,
} from './promises.ts';
import { checkProofs } from './proofs.ts';
import type { Proxy } from './proxy.ts';
import type { Violations } from './violations.ts';

/** How many an account gets, as docs/emails.md has it. */
const EMAILS_A_DAY = 500;
const DAY_MS = 86_400_000;
/** How long what is delivered late is waited for: a lost worker's jobs are taken over within a minute. */
const DELIVERED_WITHIN_MS = 150_000;
const LOOK_MS = 250;

export interface Checked {
  readonly databaseUrl: string;
  readonly caller: Caller;
  readonly books: readonly Books[];
  readonly crossings: readonly Crossing[];
  readonly subscribers: readonly { readonly of: Books | Crossing; readonly by: Subscriber }[];
  readonly receiver: WebhookReceiver;
  readonly mails: Mails;
  readonly violations: Violations;
  /** Between gateways and the database. */
  readonly backs: readonly Proxy[];
  /** How long deliveries are waited for; shorter where none is missing but by design. */
  readonly deliveredWithinMs?: number;
}

type Row = Readonly<Record<string, unknown>>;
type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

/** Checks it all. The driver is at rest, and everything is known. */
export async function check(checked: Checked): Promise<void> {
  await untilDelivered(checked);
  await inSnapshot(checked.databaseUrl, async (ask) => {
    for (const books of checked.books) await checkAccount(checked, books, ask);
    for (const crossing of checked.crossings) await checkCrossing(checked, crossing, ask);
    await checkDeliveries(checked, ask);
    await checkMails(checked, ask);
    await checkJobs(checked, ask);
    await checkSegments(checked, ask);
  });
  await checkConnections(checked);
  const names = [...checked.books, ...checked.crossings].map(({ name }) => name);
  await checkProofs(checked.databaseUrl, names, checked.violations);
  for (const books of checked.books) await checkByApi(checked, books);
  for (const { of, by } of checked.subscribers) await checkSubscriber(checked, of, by);
}

// ---- by SQL

async function checkAccount({ violations }: Checked, books: Books, ask: Ask): Promise<void> {
  const { name } = books;
  const id = await numberOf(ask, name);
  await checkEvents(violations, books, id, ask);
  await checkBalance(violations, books, id, ask);
  await checkLedger(violations, name, id, ask);
  await checkAmounts(violations, books, id, ask);
  await checkAlerts(violations, books, id, ask);
}

async function checkEvents(
  violations: Violations,
  books: Books,
  id: number,
  ask: Ask,
): Promise<void> {
  const rows = await ask(
    `select event_id, credits_micro::text, voided_at is not null as voided from usage_event where account_id = $1`,
    [id],
  );
  const stored = rows.map((row) => ({
    eventId: String(row['event_id']),
    creditsMicro: String(row['credits_micro']),
    isVoided: row['voided'] === true,
  }));
  compareEvents(violations, books, stored);
}

async function checkBalance(
  violations: Violations,
  books: Books,
  id: number,
  ask: Ask,
): Promise<void> {
  const [sums = {}] = await ask(
    `select (select balance_micro::text from credit_state where account_id = $1) as balance,
       (select coalesce(sum(amount_micro), 0)::text from ledger_entry where account_id = $1) as ledger,
       (select (coalesce(sum(amount_micro - spent_micro) filter (where state = 'SPENDABLE'), 0)
          - (select debt_micro from credit_state where account_id = $1))::text
        from credit_allocation where account_id = $1 and unit = 'CREDITS') as lots`,
    [id],
  );
  const { balance, ledger, lots } = sums;
  compareBalance(violations, books, { balance, ledger, lots });
}

async function checkLedger(
  violations: Violations,
  name: string,
  id: number,
  ask: Ask,
): Promise<void> {
  const entries = await ask(
    `select sequence::text, balance_micro::text as balance, (sum(amount_micro) over (order by sequence))::text as running
     from ledger_entry where account_id = $1 order by ledger_entry.sequence`,
    [id],
  );
  const stored = entries.map(({ sequence, balance, running }) => ({ sequence, balance, running }));
  compareLedger(violations, name, stored);
}

async function checkAmounts(
  violations: Violations,
  books: Books,
  id: number,
  ask: Ask,
): Promise<void> {
  const rows = await ask(
    `select r.idempotency_key, coalesce(c.amount_micro, e.amount_micro)::text as amount from credit_request r
     left join credit_allocation c using (account_id, allocation_id)
     left join ledger_entry e on e.account_id = r.account_id and e.sequence = r.ledger_sequence
     where r.account_id = $1`,
    [id],
  );
  const booked = new Map(rows.map((row) => [String(row['idempotency_key']), row['amount']]));
  compareAmounts(violations, books, booked);
}

async function checkAlerts(
  violations: Violations,
  books: Books,
  id: number,
  ask: Ask,
): Promise<void> {
  const rows = await ask(
    `select sequence::text, kind, rule_id from alert where account_id = $1 order by alert.sequence`,
    [id],
  );
  const alerts = rows.map(({ sequence, kind, rule_id }) => ({
    sequence,
    kind,
    rule: String(rule_id),
  }));
  compareAlerts(violations, books, alerts);
}

async function checkCrossing({ violations }: Checked, crossing: Crossing, ask: Ask): Promise<void> {
  const id = await numberOf(ask, crossing.name);
  const alerts = await ask(
    `select kind, (extract(epoch from crossed_at) * 1000)::bigint::text as at, remaining_micro::text as remaining
     from alert where account_id = $1 order by sequence`,
    [id],
  );
  violations.compare(
    'each crossing is told once, at its exact instant',
    crossing.name,
    alerts.map((row) => [row['kind'], Number(row['at']) - crossing.fromMs, row['remaining']]),
    crossing.expected.map(({ kind, afterMs, remainingMicro }) => [
      kind,
      afterMs,
      String(remainingMicro),
    ]),
  );
  // A change of the rate ends a segment and begins the next.
  const [ran = {}] = await ask(
    `select (extract(epoch from min(from_at)) * 1000)::bigint::text as from_ms, (extract(epoch from max(to_at)) * 1000)::bigint::text as to_ms,
       (sum(extract(epoch from to_at - from_at)) * 1000)::bigint::text as elapsed_ms, count(*) filter (where to_at is null)::int as running
     from hosting_segment where account_id = $1 and voided_at is null`,
    [id],
  );
  violations.compare(
    'what runs is stopped at the exact instant',
    crossing.name,
    [Number(ran['from_ms']), Number(ran['to_ms']), Number(ran['elapsed_ms']), ran['running']],
    [crossing.fromMs, crossing.fromMs + crossing.stopsAfterMs, crossing.stopsAfterMs, 0],
  );
}

async function checkSegments({ violations }: Checked, ask: Ask): Promise<void> {
  const twice = await ask(
    `select a.account_id, a.segment_id::text, b.segment_id::text as other from hosting_segment a
     join hosting_segment b on b.account_id = a.account_id and b.resource_id = a.resource_id and b.segment_id > a.segment_id
       and a.from_at < coalesce(b.to_at, 'infinity') and b.from_at < coalesce(a.to_at, 'infinity')
     where a.voided_at is null and b.voided_at is null`,
  );
  violations.compare('nothing runs twice at one instant', 'segments', twice, []);
}

async function checkJobs({ violations }: Checked, ask: Ask): Promise<void> {
  const stuck = await ask(
    `select id::text, task_identifier, attempts, last_error from graphile_worker.jobs
     where run_at < now() - interval '1 minute' and attempts < max_attempts and (locked_at is null or locked_at < now() - interval '1 minute')`,
  );
  violations.compare('no job is stuck for over a minute', 'jobs', stuck, []);
}

async function checkDeliveries({ violations, receiver }: Checked, ask: Ask): Promise<void> {
  const messages = await ask(`select webhook_id, payload, status from webhook_delivery`);
  for (const row of messages) {
    const id = String(row['webhook_id']);
    const message = { id, payload: row['payload'], status: String(row['status']) };
    compareMessage(violations, message, receiver.byId.get(id));
  }
  const alerts = await ask(
    `select a.account_id, a.sequence::text from alert a join webhook_endpoint e using (account_id)
     where a.raised_at >= e.created_at and not exists (
       select from webhook_delivery w where w.account_id = a.account_id and w.event = 'ALERT_RAISED'
         and (w.payload::jsonb #>> '{data,alert,sequence}') = a.sequence::text)`,
  );
  violations.compare('each alert is a webhook', 'alerts', alerts, []);
}

async function checkMails({ violations, mails }: Checked, ask: Ask): Promise<void> {
  // What is over an account's daily number is stored, and not tried. No run is as long as a day.
  const emails = await ask(
    `select account_id, message_id, status, is_surplus,
       count(*) filter (where not is_surplus) over (partition by account_id order by email_id)::int as sent
     from email cross join lateral (select status = 'FAILED' and attempts = 0 as is_surplus) s`,
  );
  const received = mails.byId;
  for (const row of emails) {
    if (row['is_surplus'] === true && Number(row['sent']) === EMAILS_A_DAY) continue;
    const id = String(row['message_id']);
    const texts = received.get(id) ?? received.get(`<${id}>`);
    if (texts === undefined) violations.add('each email comes', `${id} (${String(row['status'])})`);
    else if (texts.size > 1) violations.add('an email has one id and one text', id);
  }
}

/** What a gateway keeps open between transactions opens the rows of no account: a statement that forgets its own finds none. */
async function checkConnections({ violations, backs }: Checked): Promise<void> {
  for (const [index, back] of backs.entries()) {
    const left = await back.askBetween(`select current_setting('billing.account_id', true)`);
    const opened = left.filter((account) => account !== null && account !== '');
    violations.compare('no account is left open on a connection', `gateway ${index}`, opened, []);
  }
}

// ---- by the API

async function checkByApi({ caller, violations }: Checked, books: Books): Promise<void> {
  const { name, accountId } = books;
  const instants = [clock.nowMs()];
  if (books.clock !== null) instants.push(books.clock.ms);
  const range = {
    from: iso(Math.min(...instants) - 30 * DAY_MS),
    to: iso(Math.max(...instants) + DAY_MS),
  };
  const data = await caller.ask<Answer, object>(VIEWS, { accountId, range });
  const { account } = data;
  const [remaining, used] = [account.credits.remaining, account.usage.credits.used].map(microOf);
  violations.compare(
    "the client's books = balance",
    `${name}, by the API`,
    remaining,
    books.balanceMicro,
  );
  violations.compare(
    'views = events',
    `${name}, used in all`,
    used,
    books.usedByEventsMicro + books.usedByHostingMicro,
  );
  const guardrails = account.usage.guardrails.totals;
  violations.compare(
    'views = events',
    `${name}, processing`,
    microOf(guardrails.processingCredits),
    books.usedByEventsMicro,
  );
  violations.compare(
    'views = events',
    `${name}, hosting`,
    microOf(guardrails.hostingCredits),
    books.usedByHostingMicro,
  );
  violations.compare(
    'events are listed',
    name,
    account.usageEvents.totalCount,
    books.eventIds('YES').length,
  );
}

async function checkSubscriber(
  { caller, violations }: Checked,
  { accountId, name }: { readonly accountId: string; readonly name: string },
  { who, told }: Subscriber,
): Promise<void> {
  const alerts = await allAlerts(caller, accountId);
  compareTold(violations, `${who} of ${name}`, told, alerts);
}

async function allAlerts(caller: Caller, accountId: string): Promise<readonly Told[]> {
  const alerts: Told[] = [];
  let after: string | null = null;
  do {
    const data: AlertsAnswer = await caller.ask<AlertsAnswer, object>(ALERTS, { accountId, after });
    const { nodes, pageInfo } = data.account.alerts;
    alerts.push(...nodes);
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  return alerts;
}

interface Answer {
  readonly account: {
    readonly credits: { readonly remaining: string };
    readonly usage: {
      readonly credits: { readonly used: string };
      readonly guardrails: {
        readonly totals: { readonly processingCredits: string; readonly hostingCredits: string };
      };
    };
    readonly usageEvents: { readonly totalCount: number };
  };
}

interface AlertsAnswer {
  readonly account: {
    readonly alerts: {
      readonly nodes: readonly Told[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
    };
  };
}

const VIEWS = {
  name: 'FaultsViews',
  kind: 'query',
  text: `query FaultsViews($accountId: ID, $range: DateRangeInput) { account(id: $accountId) { credits { remaining }
    usage(range: $range) { credits { used } guardrails(first: 1) { totals { processingCredits hostingCredits } } }
    usageEvents(range: $range, first: 1) { totalCount } } }`,
} as const;

const ALERTS = {
  name: 'FaultsAlerts',
  kind: 'query',
  text: `query FaultsAlerts($accountId: ID, $after: String) { account(id: $accountId) { alerts(first: 100, after: $after) {
    nodes { sequence kind crossedAt } pageInfo { hasNextPage endCursor } } } }`,
} as const;

// ---- waiting

async function untilDelivered(checked: Checked): Promise<void> {
  const { databaseUrl, deliveredWithinMs = DELIVERED_WITHIN_MS } = checked;
  const endMs = performance.now() + deliveredWithinMs;
  while (performance.now() < endMs) {
    if (await inSnapshot(databaseUrl, (ask) => isDelivered(checked, ask))) return;
    await delay(LOOK_MS);
  }
}

async function isDelivered({ books, crossings, subscribers }: Checked, ask: Ask): Promise<boolean> {
  const [waiting = {}] = await ask(
    `select (select count(*) from webhook_delivery where status = 'PENDING')::int
       + (select count(*) from email where status = 'PENDING')::int as count`,
  );
  if (waiting['count'] !== 0) return false;
  for (const { of, by } of subscribers) {
    const id = await numberOf(ask, of.name);
    const [alerts = {}] = await ask(
      `select count(*)::int as count from alert where account_id = $1`,
      [id],
    );
    if (by.told.length < Number(alerts['count'])) return false;
  }
  for (const crossing of crossings) {
    const id = await numberOf(ask, crossing.name);
    const [alerts = {}] = await ask(
      `select count(*)::int as count from alert where account_id = $1`,
      [id],
    );
    if (Number(alerts['count']) < crossing.expected.length) return false;
  }
  return books.length > 0;
}

async function numberOf(ask: Ask, externalId: string): Promise<number> {
  const [row = {}] = await ask(`select account_id from account where external_id = $1`, [
    externalId,
  ]);
  return Number(row['account_id']);
}

async function inSnapshot<T>(url: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    return await work(
      async (text, values = []) => (await client.query<Row>(text, [...values])).rows,
    );
  } finally {
    await client.end();
  }
}
