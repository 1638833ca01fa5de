// An account with believable usage of any size: 1,000 workflows and 300 deployments, events spread evenly over the last
// 100 days, and 800 hosting segments that are long or still running. Events are generated within the database.

import { invariant } from '../../src/core/errors.ts';
import type { RegisterRequest } from '../../src/resources/registration.ts';
import type { ResourceKind } from '../../src/resources/resource.ts';
import type { BenchGateway } from './gateway.ts';

export const WORKFLOWS = 1_000;
export const DEPLOYMENTS = 300;
export const LONG_SEGMENTS = 500;
export const DAYS = 100;
export const ACCOUNT_ZONE = 'Asia/Kolkata';
const DAY_MS = 86_400_000;

const deploymentKinds: readonly { readonly kind: ResourceKind; readonly count: number }[] = [
  { kind: 'MODEL_DEPLOYMENT', count: 160 },
  { kind: 'GUARDRAIL', count: 50 },
  { kind: 'CUSTOM_SCRIPT', count: 30 },
  { kind: 'OCR_DEPLOYMENT', count: 30 },
  { kind: 'BROWSER_POD', count: 30 },
];

export interface BenchAccount {
  readonly accountId: number;
  /** As the API names it. */
  readonly id: string;
}

/** Two profiles that deployments run on. */
export async function createHardware(gateway: Pick<BenchGateway, 'app' | 'actor'>): Promise<void> {
  const gpu = { kind: 'GPU', model: 'A100', vcpus: 12, gpus: 1, memoryGb: 80 } as const;
  const cpu = { kind: 'CPU', model: 'EPYC', vcpus: 4, gpus: 0, memoryGb: 16 } as const;
  for (const [name, profile, creditsPerHour] of [
    ['a100', gpu, '3.6'],
    ['cpu-4', cpu, '0.4'],
  ] as const) {
    await gateway.app.catalogue.createProfile(gateway.actor, { name, ...profile, creditsPerHour });
  }
}

/** An account with its resources and nothing used. */
export async function createAccount(gateway: BenchGateway, name: string): Promise<BenchAccount> {
  const { app, actor } = gateway;
  const { accountId } = await app.creditAccounts.create(actor, {
    name,
    externalId: name,
    timeZone: ACCOUNT_ZONE,
  });
  const id = Buffer.from(`Account.${accountId}.${accountId}`).toString('base64url');
  await app.resources.registerAll(actor, id, [...workflows(), ...deployments()]);
  // A draft is no row of the workflows tab.
  await gateway.owner.query(
    `update resource set status = 'DEPLOYED', deployed_at = created_at, changed_at = created_at, lifecycle_at = created_at
     where account_id = $1 and kind = 'WORKFLOW'`,
    [accountId],
  );
  return { accountId, id };
}

function* workflows(): Generator<RegisterRequest> {
  for (let index = 0; index < WORKFLOWS; index += 1) {
    const owner = `owner-${index % 20}@example.com`;
    yield { kind: 'WORKFLOW', externalId: `workflow-${index}`, name: `Workflow ${index}`, owner };
  }
}

function* deployments(): Generator<RegisterRequest> {
  for (const { kind, count } of deploymentKinds) {
    for (let index = 0; index < count; index += 1) {
      const externalId = `${kind.toLowerCase()}-${index}`;
      const owner = `owner-${index % 20}@example.com`;
      const model = {
        modelExternalId: `model-${index % 40}`,
        modelName: `Model ${index % 40}`,
        modelType: 'BASE',
      } as const;
      yield {
        kind,
        externalId,
        name: `${kind} ${index}`,
        owner,
        ...(kind === 'MODEL_DEPLOYMENT' ? model : {}),
        ...(kind === 'CUSTOM_SCRIPT' ? { language: 'python', languageVersion: '3.12' } : {}),
        ...(kind === 'OCR_DEPLOYMENT' ? { ocrModel: 'trocr' } : {}),
      };
    }
  }
}

/** Fills an account with `events` events up to an instant, and its deployments with hosting. */
export async function fillAccount(
  gateway: BenchGateway,
  { accountId }: BenchAccount,
  fill: { readonly events: number; readonly nowMs: number },
): Promise<void> {
  const { owner } = gateway;
  const hosting = [accountId, new Date(fill.nowMs), LONG_SEGMENTS];
  // Distributed tables take no statement that writes two of them.
  await owner.query(GENERATE_HOSTING, hosting);
  await owner.query(MARK_DEPLOYED, hosting);
  // Neighbouring events belong to resources far apart, as in live traffic.
  await owner.query(GENERATE_EVENTS, [
    accountId,
    fill.events,
    new Date(fill.nowMs),
    `${(DAYS * DAY_MS) / fill.events} milliseconds`,
  ]);
  await owner.query(
    `update account set last_seq = $2, recorded_quantity = s.quantity, recorded_credits_micro = s.credits_micro
     from (select sum(quantity)::int8 as quantity, sum(credits_micro)::int8 as credits_micro
       from usage_event where account_id = $1) s
     where account_id = $1`,
    [accountId, fill.events],
  );
  const { rows } = await owner.query<{ segments: string }>(
    'select count(*) as segments from hosting_segment where account_id = $1',
    [accountId],
  );
  const segments = Number(rows[0]?.segments);
  invariant(segments === LONG_SEGMENTS + DEPLOYMENTS, 'hosting is complete', { segments });
}

// Each deployment runs since 20 days or so; most ran before for some days on end.
const SPANS = `
  with hosted as (
    select resource_id, kind, row_number() over (order by resource_id) as n from resource
    where account_id = $1 and kind <> 'WORKFLOW'),
  spans as (
    select resource_id, kind, n, $2::timestamptz - interval '20 days' - n * interval '37 minutes' as from_at,
      null::timestamptz as to_at from hosted
    union all
    select resource_id, kind, n, $2::timestamptz - interval '95 days' - n * interval '13 minutes' + k * interval '33 days',
      $2::timestamptz - interval '95 days' - n * interval '13 minutes' + k * interval '33 days' + interval '12 days 3 hours'
    from hosted cross join generate_series(0, 1) k
    where k * 300 + n <= $3::int)`;

const GENERATE_HOSTING = `${SPANS}
  insert into hosting_segment (account_id, segment_id, resource_id, hardware_id, replicas, rate_micro_per_hour, from_at, to_at, kind)
  select $1, 1000000 + row_number() over (), s.resource_id, p.hardware_id, 1 + s.n % 3,
    r.rate_micro_per_hour, date_trunc('milliseconds', s.from_at), date_trunc('milliseconds', s.to_at), s.kind
  from spans s join hardware_profile p on p.name = case when s.n % 2 = 0 then 'a100' else 'cpu-4' end
    join hardware_rate r using (hardware_id)`;

const MARK_DEPLOYED = `${SPANS}
  update resource r set status = 'DEPLOYED', deployed_at = s.from_at, changed_at = s.from_at, lifecycle_at = s.from_at
  from spans s where r.account_id = $1 and r.resource_id = s.resource_id and s.to_at is null`;

const GENERATE_EVENTS = `
  with subjects as (
    select array_agg(resource_id order by resource_id) as ids, array_agg(kind order by resource_id) as kinds
    from resource where account_id = $1)
  insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro,
    occurred_at, recorded_at)
  select $1, i, 'platform', 'event-' || i, case when kind = 'WORKFLOW' then 'WORKFLOW_RUN' else 'PROCESSING' end::usage_type,
    kind, id, 1 + i % 5, case when kind = 'WORKFLOW' then 0 else 1000 + i % 977 end, occurred_at, occurred_at
  from (
    select i, subjects.ids[1 + (i * 7919) % cardinality(ids)] as id, subjects.kinds[1 + (i * 7919) % cardinality(ids)] as kind,
      date_trunc('milliseconds', $3::timestamptz - ($2 - i + 1) * $4::interval) as occurred_at
    from generate_series(1, $2::int8) i cross join subjects) e`;

/** Folds everything and brings the statistics up to date, as autovacuum would within minutes. */
export async function settle(gateway: BenchGateway): Promise<void> {
  await gateway.app.folding.foldAll();
  // By name, so that Citus hands it on to its servers.
  const { rows } = await gateway.owner.query<{ tables: string }>(
    `select string_agg(oid::regclass::text, ', ') as tables from pg_class
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
  );
  await gateway.owner.query(`vacuum analyze ${rows[0]?.tables ?? ''}`);
}
