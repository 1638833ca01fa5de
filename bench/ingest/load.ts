// The load generator. Everything that is sent is made before the clock starts, so that it takes little of the machine
// while it is measured. All doors get events of the same content.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Pool } from 'undici';
import { SystemClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import { WORKFLOWS } from '../support/data-set.ts';
import type { Answer, Job, JobAccount } from './job.ts';

/** Of the data set. */
const GUARDRAILS = 50;
const LIVE_MS = 60_000;
const NINETY_DAYS_MS = 90 * 86_400_000;
const clock = new SystemClock();

interface Event {
  readonly eventId: string;
  readonly workflow: number;
  readonly occurredAtMs: number;
}

type Send = (index: number) => Promise<void>;

interface Sender {
  readonly send: Send;
  readonly close: () => Promise<void>;
}

process.on('message', (job: Job) => {
  void run(job).then(
    (eventsPerSecond) => process.send?.({ done: { eventsPerSecond } } satisfies Answer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies Answer),
  );
});

async function run(job: Job): Promise<number> {
  const requests = slices(eventsOf(job), job.perRequest);
  const sender =
    job.door === 'insert' ? await insertSender(job, requests) : httpSender(job, requests);
  try {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < requests.length) {
        next += 1;
        await sender.send(next - 1);
      }
    };
    const beginMs = performance.now();
    await Promise.all(Array.from({ length: job.inFlight }, work));
    return (job.events * 1_000) / (performance.now() - beginMs);
  } finally {
    await sender.close();
  }
}

function eventsOf({ events, times, nowMs = clock.nowMs() }: Job): readonly Event[] {
  return Array.from({ length: events }, (_, index) => {
    // A fraction that jumps about evenly: the same times in every round.
    const spread = (index * 0.618_033_988_749_895) % 1;
    const agoMs = times === 'live' ? LIVE_MS : NINETY_DAYS_MS;
    return {
      eventId: randomUUID(),
      workflow: (index * 7_919) % WORKFLOWS,
      occurredAtMs: Math.floor(nowMs - spread * agoMs),
    };
  });
}

function slices<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}

function httpSender(job: Job, requests: readonly (readonly Event[])[]): Sender {
  const pool = new Pool(job.origin, { connections: job.inFlight, pipelining: 1 });
  const doors = accountsOf(job).map((account) =>
    job.door === 'graphql' || job.door === 'charged'
      ? graphql({ ...job, account })
      : cloudEvents({ ...job, account }),
  );
  const sent = requests.map((events, index) => {
    const door = doors[index % doors.length];
    invariant(door !== undefined, 'a request is of an account');
    return { ...door, body: door.bodyOf(events) };
  });
  return {
    send: async (index) => {
      const { path, type, body } = sent[index] ?? { path: '', type: '', body: '' };
      const headers = { 'content-type': type, authorization: `Bearer ${job.key}` };
      const response = await pool.request({ path, method: 'POST', headers, body });
      const answer = await response.body.text();
      const isAccepted = answer.includes(`"accepted":${requests[index]?.length ?? 0},`);
      invariant(isAccepted, `the gateway takes the events: ${answer.slice(0, 300)}`);
    },
    close: () => pool.close(),
  };
}

function accountsOf({ account, others = [] }: Job): readonly JobAccount[] {
  return [account, ...others];
}

interface Door {
  readonly path: string;
  readonly type: string;
  readonly bodyOf: (events: readonly Event[]) => string;
}

function graphql({ account, door }: Job): Door {
  const query = `mutation ($accountId: ID, $events: [UsageEventInput!]!) {
    recordUsage(accountId: $accountId, events: $events) {
      accepted duplicates conflicts rejected results { index outcome code message } } }`;
  return {
    path: '/graphql',
    type: 'application/json',
    bodyOf: (events) =>
      JSON.stringify({
        query,
        variables: {
          accountId: account.id,
          events: events.map(({ eventId, workflow, occurredAtMs }) => ({
            source: 'bench',
            eventId,
            ...(door === 'charged' ? charged(workflow) : ran(workflow)),
            occurredAt: new Date(occurredAtMs).toISOString(),
          })),
        },
      }),
  };
}

function ran(workflow: number): object {
  const resourceExternalId = `workflow-${workflow}`;
  return { type: 'WORKFLOW_RUN', resourceKind: 'WORKFLOW', resourceExternalId };
}

function charged(workflow: number): object {
  const resourceExternalId = `guardrail-${workflow % GUARDRAILS}`;
  return {
    ...{ type: 'PROCESSING', resourceKind: 'GUARDRAIL', resourceExternalId },
    credits: `0.00${1_000 + (workflow % 977)}`,
  };
}

function cloudEvents({ account, door, perRequest }: Job): Door {
  const data = door === 'units' ? { unit: 'runs' } : {};
  const toCloudEvent = ({ eventId, workflow, occurredAtMs }: Event): object => ({
    specversion: '1.0',
    type: 'com.billing-gateway.workflow-run',
    source: 'bench',
    id: eventId,
    subject: `WORKFLOW/workflow-${workflow}`,
    time: new Date(occurredAtMs).toISOString(),
    data,
  });
  const isSingle = perRequest === 1;
  return {
    path: `/v1/events?accountId=${account.id}`,
    type: isSingle ? 'application/cloudevents+json' : 'application/cloudevents-batch+json',
    bodyOf: (events) => {
      const all = events.map(toCloudEvent);
      return JSON.stringify(isSingle ? all[0] : all);
    },
  };
}

const INSERT = `insert into plain_event (account_id, recorded_at, seq, source, event_id, type, kind, subject_id, quantity,
  credits_micro, occurred_at)`;
const INSERT_MANY = `${INSERT}
  select $1, $2, k.seq, 'bench', k.event_id, 'WORKFLOW_RUN', 'WORKFLOW', k.subject_id, 1, 0, k.occurred_at
  from unnest($3::bigint[], $4::text[], $5::int[], $6::timestamptz[]) as k (seq, event_id, subject_id, occurred_at)`;
const INSERT_ONE = `${INSERT} values ($1, $2, $3, 'bench', $4, 'WORKFLOW_RUN', 'WORKFLOW', $5, 1, 0, $6)`;

async function insertSender(job: Job, requests: readonly (readonly Event[])[]): Promise<Sender> {
  const pool = new pg.Pool({ connectionString: job.databaseUrl, max: job.inFlight });
  await Promise.all(Array.from({ length: job.inFlight }, () => pool.query('select pg_sleep(0.1)')));
  const accounts = accountsOf(job).map(({ accountId }) => accountId);
  const { rows } = await pool.query<{ next: string }>(
    'select coalesce(max(seq), 0) + 1 as next from plain_event where account_id = any($1::int[])',
    [accounts],
  );
  const first = Number(rows[0]?.next);
  const recordedAt = new Date(clock.nowMs());
  return {
    send: async (index) => {
      const events = requests[index] ?? [];
      const [only] = events;
      const seq = first + index * job.perRequest;
      const key = [accounts[index % accounts.length], recordedAt];
      if (job.perRequest === 1 && only !== undefined) {
        const row = [seq, only.eventId, only.workflow, new Date(only.occurredAtMs)];
        await pool.query(INSERT_ONE, [...key, ...row]);
        return;
      }
      await pool.query(INSERT_MANY, [
        ...key,
        events.map((_, place) => seq + place),
        events.map((event) => event.eventId),
        events.map((event) => event.workflow),
        events.map((event) => new Date(event.occurredAtMs)),
      ]);
    },
    close: () => pool.end(),
  };
}
