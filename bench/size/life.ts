// What happens to generated accounts from their first event to now, as the gateway would write it: events, commit by commit; an entry
// in the ledger for each commit; at the end of each cycle the hosting so far, and the next cycle. It is made by statements over all
// accounts at once. Events are written month by month and, within one, in the order of their commits, so that accounts lie mixed
// in the tables as they do in life; each month is folded by the gateway itself.
//
// test/db/generated-accounts.test.ts records the same events by the services and compares every row.

import type pg from 'pg';
import { cycleEndMs } from '../../src/account/cycle.ts';
import { FIRST_HASH } from '../../src/settlement/entry-text.ts';
import { FIRST_EVENT_AFTER_MS } from './accounts.ts';

const SLICES = 13;

/** What an account is to have. */
export interface Life {
  readonly accountId: number;
  /** Its rows were copied from this one. */
  readonly templateId: number;
  readonly events: number;
  readonly eventsPerCommit: number;
}

export interface Span {
  /** When the accounts were opened. */
  readonly bornMs: number;
  readonly nowMs: number;
}

/**
 * Writes the lives of accounts that copyAccounts made.
 * @param fold folds what was recorded so far
 */
export async function live(
  client: pg.PoolClient,
  lives: readonly Life[],
  { span, fold }: { readonly span: Span; readonly fold: () => Promise<void> },
): Promise<void> {
  await client.query('begin; create schema generated; commit');
  try {
    await plan(client, lives, span);
    const firstMs = span.bornMs + FIRST_EVENT_AFTER_MS;
    await makeMonths(client, firstMs);
    const edge = (index: number): number =>
      firstMs + Math.ceil(((span.nowMs - firstMs) * index) / SLICES);
    const write = (statement: string, slice: number): Promise<unknown> =>
      client.query(statement, [edge(slice), edge(slice + 1)]);
    await write(RECORD, 0);
    for (let slice = 0; slice < SLICES; slice += 1) {
      await write(TOTALS, slice);
      // The next month meanwhile: it is not in the accounts' totals yet, so nothing of it is folded.
      await Promise.all([fold(), slice + 1 < SLICES ? write(RECORD, slice + 1) : null]);
    }
    for (const statement of [POSTINGS, LINES, CYCLES, LOTS, SEGMENTS])
      await client.query(statement);
    await client.query(LEDGER);
    await client.query(STATES);
  } finally {
    await client.query('drop schema generated cascade');
  }
}

/** Gives the months from an instant on the partitions that they would have if a gateway had been running. */
async function makeMonths(client: pg.PoolClient, fromMs: number): Promise<void> {
  const firstMonth = `${new Date(fromMs).toISOString().slice(0, 7)}-01T00:00:00Z`;
  await client.query(`
    begin;
    set local timezone = 'UTC';
    alter table usage_event detach partition usage_event_earlier;
    select make_usage_month(month) from generate_series(timestamptz '${firstMonth}', now(), interval '1 month') month;
    alter table usage_event attach partition usage_event_earlier for values from (minvalue) to ('${firstMonth}');
    commit`);
}

async function plan(client: pg.PoolClient, lives: readonly Life[], span: Span): Promise<void> {
  for (const statement of TABLES) await client.query(statement);
  await client.query(
    `insert into generated.life
     select account_id, template_id, events, per_commit, (events + per_commit - 1) / per_commit, $5::int8 + account_id * 7919::int8 % 3600000,
       $6::int8 - $5::int8 - 3600000
     from unnest($1::int[], $2::int[], $3::int8[], $4::int8[]) as l (account_id, template_id, events, per_commit)`,
    [
      lives.map(({ accountId }) => accountId),
      lives.map(({ templateId }) => templateId),
      lives.map(({ events }) => events),
      lives.map(({ eventsPerCommit }) => eventsPerCommit),
      span.bornMs + FIRST_EVENT_AFTER_MS,
      span.nowMs,
    ],
  );
  const templates = [...new Set(lives.map(({ templateId }) => templateId))];
  await client.query(SUBJECTS, [templates]);
  await client.query(EARLIER_LINES);
  for (const template of await templatesOf(client, templates)) {
    const cycles = cyclesOf(template, span.nowMs);
    await client.query(
      `insert into generated.cycle select $1, $2 + n - 1, start_ms, end_ms
       from unnest($3::int8[], $4::int8[]) with ordinality as c (start_ms, end_ms, n)`,
      [
        template.accountId,
        template.cycleId,
        cycles.map(({ startMs }) => startMs),
        cycles.map(({ endMs }) => endMs),
      ],
    );
  }
}

interface Template {
  readonly accountId: number;
  readonly timeZone: string;
  readonly cycleDay: number;
  readonly cycleId: number;
  readonly cycleStartMs: number;
}

async function templatesOf(
  client: pg.PoolClient,
  accountIds: readonly number[],
): Promise<readonly Template[]> {
  const { rows } = await client.query<{
    account_id: number;
    time_zone: string;
    cycle_day: number;
    cycle_id: number;
    cycle_starts_at: Date;
  }>(
    `select a.account_id, time_zone, cycle_day, cycle_id, cycle_starts_at from account a join credit_state using (account_id)
     where a.account_id = any($1::int[])`,
    [accountIds],
  );
  return rows.map((row) => ({
    accountId: row.account_id,
    timeZone: row.time_zone,
    cycleDay: row.cycle_day,
    cycleId: row.cycle_id,
    cycleStartMs: row.cycle_starts_at.getTime(),
  }));
}

/** From the template's running cycle to the one that runs now. */
function cyclesOf(template: Template, nowMs: number): { startMs: number; endMs: number }[] {
  const cycles = [];
  let startMs = template.cycleStartMs;
  while (startMs <= nowMs) {
    const endMs = cycleEndMs(template, startMs);
    cycles.push({ startMs, endMs });
    startMs = endMs;
  }
  return cycles;
}

const TABLES = [
  // Commit k of an account, from 0, is at first_ms + floor((k + 1) × span_ms / (commits + 1)).
  `create unlogged table generated.life (account_id int primary key, template_id int, events int8, per_commit int8, commits int8,
     first_ms int8, span_ms int8)`,
  'create unlogged table generated.subject (template_id int primary key, ids int[], kinds resource_kind[])',
  'create unlogged table generated.cycle (template_id int, cycle_id int, start_ms int8, end_ms int8)',
  `create unlogged table generated.commit (account_id int, at_ms int8, first_seq int8, last_seq int8, quantity int8, runs int8,
     credits_micro int8, charges text)`,
  `create unlogged table generated.posting (template_id int, cycle_id int, at_ms int8, segment_id int8, charged_micro int8,
     posted_micro int8)`,
  `create unlogged table generated.line (account_id int, sequence int8, kind ledger_entry_kind, amount_micro int8, balance_micro int8,
     booked_ms int8, cycle_id int, allocation_id int8, first_seq int8, last_seq int8, description text, charges text)`,
];

const SUBJECTS = `
  insert into generated.subject
  select account_id, array_agg(id order by id), array_agg(kind order by id)
  from (select account_id, resource_id as id, kind from resource union all select account_id, model_id, 'MODEL' from model) s
  where account_id = any($1::int[]) group by account_id`;

// Entries that copies have from their templates; the charges of an event are none, since there was no event yet.
const EARLIER_LINES = `
  insert into generated.line
  select f.account_id, l.sequence, kind, amount_micro, balance_micro, (extract(epoch from booked_at) * 1000)::int8, cycle_id,
    allocation_id, first_seq, last_seq, description,
    (select string_agg(format('["SEGMENT",%s,"%s"]', segment_id, -charged_micro), ',' order by segment_id)
     from ledger_charge c where c.account_id = l.account_id and c.sequence = l.sequence)
  from generated.life f join ledger_entry l on l.account_id = f.template_id`;

// $1 to $2 exclusive. The commits of the span follow from the instant of commit k, solved for k.
const RECORD = `
  with commits as (
    select l.*, k, first_ms + (k + 1) * span_ms / (commits + 1) as at_ms
    from generated.life l cross join lateral (values (greatest($1::int8 - first_ms, 0), greatest($2::int8 - first_ms, 0))) d(from_ms, to_ms)
      cross join lateral generate_series(
        greatest((from_ms * (commits + 1) + span_ms - 1) / span_ms - 1, 0),
        least((to_ms * (commits + 1) + span_ms - 1) / span_ms - 2, commits - 1)) k),
  event as (
    select c.account_id, i, at_ms, ids[1 + (i * 7919) % cardinality(ids)] as id, kinds[1 + (i * 7919) % cardinality(ids)] as kind
    from commits c join generated.subject s using (template_id)
      cross join lateral generate_series(k * per_commit + 1, least((k + 1) * per_commit, events)) i),
  recorded as (
    insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro, occurred_at, recorded_at)
    select account_id, i, 'platform', md5(account_id || ' ' || i)::uuid::text,
      (case when kind = 'WORKFLOW' then 'WORKFLOW_RUN' when kind <> 'MODEL' then 'PROCESSING'
        when i % 2 = 0 then 'FINE_TUNING' else 'STORAGE' end)::usage_type,
      kind, id, 1 + i % 5, case when kind = 'WORKFLOW' then 0 else 1000 + i % 977 end,
      -- Most are reported within a minute, one of fifty up to three days late.
      to_timestamp((at_ms - (i * 104729) % case when i % 50 = 0 then 259200000 else 60000 end) / 1000::float8),
      to_timestamp(at_ms / 1000::float8)
    from event order by at_ms, account_id, i
    returning account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro, occurred_at, recorded_at),
  identified as (
    insert into usage_identity (account_id, content_hash, seq, hash)
    select account_id, usage_content_hash(type, kind, subject_id, quantity, null, credits_micro,
      (extract(epoch from occurred_at) * 1000)::int8, null, null), seq, usage_identity_hash(source, event_id)
    from recorded)
  insert into generated.commit
  select account_id, (extract(epoch from recorded_at) * 1000)::int8, min(seq), max(seq), sum(quantity),
    coalesce(sum(quantity) filter (where type = 'WORKFLOW_RUN'), 0), sum(credits_micro),
    string_agg(format('["EVENT",%s,"%s"]', seq, -credits_micro), ',' order by seq) filter (where credits_micro > 0)
  from recorded group by account_id, recorded_at`;

const TOTALS = `
  update account a set last_seq = s.last_seq, recorded_quantity = a.recorded_quantity + s.quantity,
    recorded_credits_micro = a.recorded_credits_micro + s.credits_micro
  from (select account_id, max(last_seq) as last_seq, sum(quantity)::int8 as quantity, sum(credits_micro)::int8 as credits_micro
    from generated.commit where at_ms >= $1 and at_ms < $2 group by account_id) s
  where a.account_id = s.account_id`;

// What running hosting cost at the end of each cycle: floor(replicas × rate × time), less what was posted before.
const POSTINGS = `
  insert into generated.posting
  select template_id, cycle_id, at_ms, segment_id,
    cost - coalesce(lag(cost) over (partition by template_id, segment_id order by at_ms), posted_micro, 0), cost
  from (
    select c.template_id, c.cycle_id, c.end_ms as at_ms, s.segment_id, s.posted_micro,
      div(s.replicas::numeric * s.rate_micro_per_hour * (c.end_ms - (extract(epoch from s.from_at) * 1000)::int8), 3600000)::int8 as cost
    from generated.cycle c join hosting_segment s on s.account_id = c.template_id and s.to_at is null and s.voided_at is null
    where c.end_ms <= (select max(start_ms) from generated.cycle r where r.template_id = c.template_id)) posted`;

// What is due at an instant comes before what is recorded at it.
const LINES = `
  with line as (
    select account_id, at_ms, 2 as place, 'USAGE'::ledger_entry_kind as kind, -credits_micro as amount_micro, cycle_id,
      first_seq, last_seq, 'Usage' as description, charges
    from generated.commit t join generated.life l using (account_id)
      join generated.cycle c on c.template_id = l.template_id and t.at_ms >= c.start_ms and t.at_ms < c.end_ms
    where credits_micro > 0
    union all
    select account_id, at_ms, 0, 'USAGE', -sum(charged_micro)::int8, cycle_id, null, null, 'Hosting',
      string_agg(format('["SEGMENT",%s,"%s"]', segment_id, -charged_micro), ',' order by segment_id)
    from generated.posting join generated.life l using (template_id) where charged_micro <> 0
    group by account_id, at_ms, cycle_id
    union all
    select account_id, end_ms, 1, 'CARRY_OVER', 0, cycle_id, null, null,
      format('End of the billing cycle from %s to %s', iso(start_ms), iso(end_ms)), null
    from generated.cycle c join generated.life l using (template_id)
    where end_ms <= (select max(start_ms) from generated.cycle r where r.template_id = c.template_id))
  insert into generated.line
  select account_id, s.last_ledger_sequence + row_number() over w, kind, amount_micro,
    s.balance_micro + sum(amount_micro) over w, at_ms, n.cycle_id, null, first_seq, last_seq, description, charges
  from line n join credit_state s using (account_id)
  window w as (partition by account_id order by at_ms, place)`.replaceAll(
  /iso\((\w+)\)/g,
  `to_char(to_timestamp($1 / 1000::float8) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
);

// Of each cycle what was used in it; the first one of the life was begun by the template.
const CYCLES = `
  with used as (
    select account_id, cycle_id, -sum(amount_micro)::int8 as credits, 0 as runs from generated.line
    where kind = 'USAGE' and sequence > (select last_ledger_sequence from credit_state s where s.account_id = line.account_id)
    group by account_id, cycle_id
    union all
    select account_id, cycle_id, 0, sum(runs)::int8 * 1000000 from generated.commit t join generated.life l using (account_id)
      join generated.cycle c on c.template_id = l.template_id and t.at_ms >= c.start_ms and t.at_ms < c.end_ms
    group by account_id, cycle_id),
  cycle as (
    select l.account_id, c.cycle_id, start_ms, end_ms, coalesce(sum(credits), 0)::int8 as credits, coalesce(sum(runs), 0)::int8 as runs
    from generated.life l join generated.cycle c using (template_id) left join used u on u.account_id = l.account_id and u.cycle_id = c.cycle_id
    group by 1, 2, 3, 4),
  begun as (
    select account_id, b.cycle_id, carried_over_micro + allocated_micro - used_micro - expired_micro + adjusted_micro as credits,
      runs_carried_over_micro + runs_allocated_micro - runs_used_micro - runs_expired_micro + runs_adjusted_micro as runs
    from billing_cycle b join credit_state using (account_id, cycle_id))
  insert into billing_cycle as b (account_id, cycle_id, starts_at, ends_at, carried_over_micro, used_micro, runs_carried_over_micro, runs_used_micro)
  select account_id, c.cycle_id, to_timestamp(start_ms / 1000::float8), to_timestamp(end_ms / 1000::float8),
    begun.credits - sum(c.credits) over w + c.credits, c.credits, begun.runs - sum(c.runs) over w + c.runs, c.runs
  from cycle c join begun using (account_id) window w as (partition by account_id order by c.cycle_id)
  on conflict (account_id, cycle_id) do update set used_micro = b.used_micro + excluded.used_micro,
    runs_used_micro = b.runs_used_micro + excluded.runs_used_micro`;

const LOTS = `
  update credit_allocation a set spent_micro = a.spent_micro + case unit when 'CREDITS' then u.credits else u.runs end
  from (
    select account_id, coalesce(c.credits, 0) as credits, coalesce(r.runs, 0) as runs
    from generated.life l
      left join (select account_id, -sum(amount_micro)::int8 as credits from generated.line n join credit_state s using (account_id)
        where kind = 'USAGE' and sequence > last_ledger_sequence group by account_id) c using (account_id)
      left join (select account_id, sum(runs)::int8 * 1000000 as runs from generated.commit group by account_id) r using (account_id)) u
  where a.account_id = u.account_id`;

const SEGMENTS = `
  with posted as (
    insert into ledger_charge (account_id, sequence, segment_id, charged_micro)
    select n.account_id, n.sequence, p.segment_id, p.charged_micro
    from generated.line n join generated.life l using (account_id)
      join generated.posting p on p.template_id = l.template_id and p.at_ms = n.booked_ms
    where n.description = 'Hosting' and p.charged_micro <> 0
      and n.sequence > (select last_ledger_sequence from credit_state s where s.account_id = n.account_id))
  update hosting_segment s set posted_micro = p.posted_micro
  from generated.life l join (select distinct on (template_id, segment_id) * from generated.posting order by template_id, segment_id, at_ms desc) p
    using (template_id)
  where s.account_id = l.account_id and s.segment_id = p.segment_id`;

// Each hash needs the one before: docs/statements.md tells what it is of.
const LEDGER = `
  do $$
    declare
      l generated.line;
      account int := 0;
      last_hash bytea;
      booked text;
    begin
      for l in select * from generated.line order by account_id, sequence loop
        if l.account_id <> account then
          account := l.account_id;
          last_hash := decode('${FIRST_HASH}', 'hex');
        end if;
        booked := to_char(to_timestamp(l.booked_ms / 1000::float8) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
        last_hash := sha256(last_hash || convert_to(concat(
          '{"account":', l.account_id, ',"allocation":', coalesce(l.allocation_id::text, 'null'),
          ',"amountMicro":"', l.amount_micro, '","balanceMicro":"', l.balance_micro, '","bookedAt":"', booked,
          '","charges":[', l.charges, '],"cycle":', l.cycle_id, ',"description":', to_json(l.description),
          ',"events":', case when l.first_seq is null then 'null' else format('[%s,%s]', l.first_seq, l.last_seq) end,
          ',"kind":"', l.kind, '","recordedAt":"', booked, '","sequence":', l.sequence, '}'), 'UTF8'));
        insert into ledger_entry (account_id, sequence, kind, amount_micro, balance_micro, booked_at, cycle_id, recorded_at, allocation_id,
          first_seq, last_seq, description, hash)
        values (l.account_id, l.sequence, l.kind, l.amount_micro, l.balance_micro, booked::timestamptz, l.cycle_id, booked::timestamptz,
          l.allocation_id, l.first_seq, l.last_seq, l.description, last_hash);
      end loop;
    end
  $$`;

const STATES = `
  with last as (
    select distinct on (account_id) account_id, sequence, balance_micro, hash from ledger_entry
    where account_id in (select account_id from generated.life) order by account_id, sequence desc),
  cycle as (
    select template_id, array_agg(cycle_id order by cycle_id desc) as ids, array_agg(start_ms order by cycle_id desc) as starts,
      max(end_ms) as end_ms
    from generated.cycle group by template_id),
  position as (
    update account a set
      settled_at = greatest(a.settled_at, to_timestamp(starts[1] / 1000::float8), to_timestamp(t.at_ms / 1000::float8)),
      cycle_starts_at = to_timestamp(starts[1] / 1000::float8), cycle_ends_at = to_timestamp(end_ms / 1000::float8),
      earlier_cycle_starts = (array(select to_timestamp(at / 1000::float8) from unnest(starts[2:3]) at) || a.earlier_cycle_starts)[1:2]
    from generated.life l join cycle c using (template_id)
      left join (select account_id, max(at_ms) as at_ms from generated.commit group by account_id) t using (account_id)
    where a.account_id = l.account_id)
  update credit_state s set cycle_id = ids[1], balance_micro = last.balance_micro, last_ledger_sequence = last.sequence,
    last_ledger_hash = last.hash, next_due_at = to_timestamp(end_ms / 1000::float8)
  from generated.life l join cycle using (template_id) join last using (account_id)
  where s.account_id = l.account_id`;
