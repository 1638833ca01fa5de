// The same aggregates as plain SQL over events and segments, as one writes it without rollups. $1 account, $2 from, $3 to,
// $4 zone. The charge of a segment is left unrounded here, which is less work than ours.

const EVENTS = `from usage_event where account_id = $1 and occurred_at >= $2 and occurred_at < $3
  and voided_at is null and type <> 'HOSTING'`;

const HOSTED = `hosted as (
  select resource_id, hardware_id, replicas, rate_micro_per_hour,
    (extract(epoch from least(coalesce(to_at, $3), $3) - greatest(from_at, $2)) * 1000)::int8 as ms
  from hosting_segment where account_id = $1 and voided_at is null and from_at < $3 and (to_at is null or to_at > $2))`;

const CHARGE = 'sum(replicas * rate_micro_per_hour * ms / 3600000)';

/** Totals and pie follow from the sums by day; hardware is one more statement's worth of segments. */
export const OVERVIEW_SQL = `
  with days as (
    select d at time zone $4 as from_at, (d + interval '1 day') at time zone $4 as to_at
    from generate_series(date_trunc('day', $2::timestamptz at time zone $4), $3::timestamptz at time zone $4, interval '1 day') d),
  ${HOSTED},
  by_day as (
    select days.from_at, r.kind, sum(s.replicas * s.rate_micro_per_hour * (extract(epoch from
      least(coalesce(s.to_at, $3), $3, days.to_at) - greatest(s.from_at, $2, days.from_at)) * 1000)::int8 / 3600000) as credits
    from days join hosting_segment s on s.account_id = $1 and s.voided_at is null
      and s.from_at < days.to_at and (s.to_at is null or s.to_at > days.from_at)
      join resource r on r.account_id = s.account_id and r.resource_id = s.resource_id
    group by 1, 2)
  select date_trunc('day', occurred_at at time zone $4)::text as bucket, kind::text, type::text, sum(quantity) as quantity,
    sum(credits_micro) as credits ${EVENTS} group by 1, 2, 3
  union all select from_at::text, kind::text, 'HOSTING', 0, credits from by_day
  union all select 'hardware', hardware_id::text, 'HOSTING', sum(ms), ${CHARGE} from hosted group by hardware_id`;

export const workflowsTabSql = `
  with used as (select subject_id, sum(quantity) as runs, max(occurred_at) as last ${EVENTS} and kind = 'WORKFLOW' group by 1)
  select r.*, u.last, coalesce(u.runs, 0) as runs, count(*) over (), sum(u.runs) over ()
  from resource r left join used u on u.subject_id = r.resource_id
  where r.account_id = $1 and r.kind = 'WORKFLOW' and $4::text is not null
  order by runs desc, resource_id limit 25`;

/** A tab of hosted resources. */
export function hostedTabSql(kind: string): string {
  return `
  with used as (select subject_id, sum(credits_micro) as credits ${EVENTS} and kind = '${kind}' group by 1),
  ${HOSTED},
  hosting as (select resource_id, sum(ms) as ms, ${CHARGE} as credits from hosted group by 1)
  select r.*, coalesce(u.credits, 0) + coalesce(h.credits, 0) as credits, h.ms, count(*) over (), sum(u.credits) over (),
    sum(h.credits) over (), sum(h.ms) over ()
  from resource r left join used u on u.subject_id = r.resource_id left join hosting h using (resource_id)
  where r.account_id = $1 and r.kind = '${kind}' and $4::text is not null
  order by credits desc, resource_id limit 25`;
}

export const modelsTabSql = `
  with used as (
    select subject_id, kind, type, sum(credits_micro) as credits ${EVENTS} and kind in ('MODEL', 'MODEL_DEPLOYMENT')
    group by 1, 2, 3),
  ${HOSTED},
  hosting as (select resource_id, sum(ms) as ms, ${CHARGE} as credits from hosted group by 1),
  of_deployments as (
    select r.model_id, sum(u.credits) as processing, sum(h.credits) as hosting, sum(h.ms) as ms
    from resource r left join used u on u.subject_id = r.resource_id left join hosting h using (resource_id)
    where r.account_id = $1 and r.kind = 'MODEL_DEPLOYMENT' group by 1)
  select m.*, d.*, coalesce(d.processing, 0) + coalesce(d.hosting, 0) as credits, count(*) over (), sum(d.processing) over (),
    sum(d.hosting) over (), sum(d.ms) over ()
  from model m left join of_deployments d using (model_id) where m.account_id = $1 and $4::text is not null
  order by credits desc, m.model_id limit 25`;
