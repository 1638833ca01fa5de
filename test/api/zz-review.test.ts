import { afterAll, beforeAll, it } from '@jest/globals';
import { execute, parse } from 'graphql';
import { writeFileSync, appendFileSync } from 'node:fs';
import { startTestGateway, asOwner, type TestGateway } from '../support/gateway.ts';
import { RequestContext } from '../../src/graphql/context.ts';
import { seedDemo } from '../../src/cli/seed.ts';
void [execute, parse, RequestContext];

let g: TestGateway;
let acc = '', other = '', wf = '', gr = '', md = '', model = '';
const OUT = '/tmp/zz-out.txt';
const log = (...a: unknown[]) => appendFileSync(OUT, a.map((x) => (typeof x === 'string' ? x : JSON.stringify(x))).join(' ') + '\n');
const b64 = (s: string) => Buffer.from(s).toString('base64url');
const show = async (name: string, q: string, v: any = {}, key?: string) => {
  const r: any = await g.query(q, v, key as any);
  log(`## ${name}: ${r.status}`, JSON.stringify({ d: r.data, e: r.errors?.map((e: any) => ({ m: e.message?.slice(0, 160), p: e.path, x: e.extensions })) }).slice(0, 900));
  return r;
};
beforeAll(async () => {
  writeFileSync(OUT, '');
  process.on('unhandledRejection', (e) => log('UNHANDLED', String(e)));
  g = await startTestGateway();
  const c = await g.query('mutation($i: CreateAccountInput!){createAccount(input:$i){id}}', { i: { name: 'A', externalId: 'a', createdAt: '2025-01-01T00:00:00Z' } });
  acc = (c.data as any).createAccount.id;
  const d = await g.query('mutation($i: CreateAccountInput!){createAccount(input:$i){id}}', { i: { name: 'B', externalId: 'b' } });
  other = (d.data as any).createAccount.id;
  await g.query('mutation{a:createHardwareProfile(input:{name:"cpu",kind:CPU,model:"x",vcpus:4,memoryGb:16,creditsPerHour:"1"}){id} b:createHardwareProfile(input:{name:"gpu",kind:GPU,model:"y",vcpus:4,gpus:1,memoryGb:16,creditsPerHour:"3.333333"}){id}}');
  const r: any = await g.query('mutation($a:ID,$r:[RegisterAnyInput!]!){registerResources(accountId:$a,resources:$r)}', { a: acc, r: [
    { kind: 'WORKFLOW', externalId: 'w', name: 'W' }, { kind: 'GUARDRAIL', externalId: 'g', name: 'G' }, { kind: 'MODEL_DEPLOYMENT', externalId: 'd', name: 'D', modelExternalId: 'm', modelType: 'BASE' } ] });
  [wf, gr, md] = r.data.registerResources;
  const m: any = await g.query('query($i:ID!){resource(id:$i){... on ModelDeployment{model{id}}}}', { i: md });
  model = m.data.resource.model.id;
});
afterAll(async () => { await g.close(); });


it('serial', async () => {
  await show('serial', `mutation{ a:deploy(input:{id:"${md}",hardware:"cpu",at:"2026-03-10T10:00:00Z"}){ ...H } b:scale(input:{id:"${md}",replicas:3,at:"2026-03-10T11:00:00Z"}){ ...H } c:undeploy(id:"${md}",at:"2026-03-10T11:30:00Z"){ ...H } e:recordUsage(accountId:"${acc}",events:[]){accepted} } fragment H on HostedResource{ status hosting{replicas} ... on ModelDeployment{usage(range:{preset:LAST_24_HOURS}){credits hardware{peakReplicas segments{totalCount}}}}}`);
  for (const al of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'data', 'errors', 'then', 'length', 'name'])
    await show('alias ' + al, `{account(id:"${acc}"){${al}:name}}`);
  await show('root alias', `{__proto__:accounts{totalCount}}`);
  for (const at of ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '9999-12-31T00:00:00Z']) {
    await show('createdAt ' + at, 'mutation($a:ID,$t:DateTime){registerWorkflow(input:{accountId:$a,externalId:"old",name:"o",createdAt:$t}){createdAt}}', { a: acc, t: at });
    await show('acct createdAt ' + at, 'mutation($t:DateTime,$x:String){createAccount(input:{name:"o",externalId:$x,createdAt:$t}){createdAt creditsFrom}}', { t: at, x: 'o' + at });
    await show('hw ' + at, 'mutation($t:DateTime,$x:String!){createHardwareProfile(input:{name:$x,kind:CPU,model:"x",vcpus:4,memoryGb:16,creditsPerHour:"1",effectiveFrom:$t}){rates{effectiveFrom effectiveTo} creditsPerHour}}', { t: at, x: 'h' + at });
    await show('alloc ' + at, 'mutation($a:ID,$t:DateTime,$x:String!){allocate(input:{accountId:$a,amount:"5",effectiveAt:$t,idempotencyKey:$x}){effectiveAt}}', { a: acc, t: at, x: 'h' + at });
  }
  await show('name search', 'query($a:ID!){account(id:$a){usage{hardware{credits segments(after:"WyJ4IiwxXQ"){totalCount}}}}}', { a: acc });
  // voided period and the hardware filter
  await g.query('mutation($a:ID,$p:[HostingPeriodInput!]!){recordHosting(accountId:$a,periods:$p){accepted}}', { a: acc, p: [{ source: 's', eventId: 'v1', resourceId: gr, hardware: 'gpu', from: '2026-02-05T01:00:00Z', to: '2026-02-05T02:00:00Z' }, { source: 's', eventId: 'v2', resourceId: gr, hardware: 'cpu', from: '2026-02-05T04:00:00Z', to: '2026-02-05T05:00:00Z' }] });
  await g.fold();
  await g.query('mutation($a:ID){voidUsage(accountId:$a,source:"s",eventId:"v1",reason:"r"){voided}}', { a: acc });
  await show('filter voided', 'query($a:ID!){account(id:$a){usage(range:{fromDay:"2026-02-05",toDay:"2026-02-05"}){guardrails(filter:{hardware:["gpu"]}){totalCount nodes{credits}} report(groupBy:[HARDWARE]){nodes{hardware{name} credits time}}}}}', { a: acc });
}, 60000);

it('race', async () => {
  // ingest, void, fold and read at the same time: at each read hours, days, rows, report agree
  let stop = false; let n = 0; let bad = 0; let reads = 0;
  const ing = async () => { for (let i = 0; i < 60 && !stop; i++) {
    const e = Array.from({ length: 50 }, () => ({ source: 'r', eventId: 'r' + n++, type: 'PROCESSING', occurredAt: new Date(Date.parse('2026-02-15T00:00:00Z') + Math.floor(Math.random() * 20 * 86400000)).toISOString(), resourceId: gr, credits: (Math.random() * 10).toFixed(6) }));
    await g.query('mutation($a:ID,$e:[UsageEventInput!]!){recordUsage(accountId:$a,events:$e){accepted}}', { a: acc, e }); } stop = true; };
  const voidI = async () => { while (!stop) { if (n > 10) await g.query('mutation($a:ID,$e:String!){voidUsage(accountId:$a,source:"r",eventId:$e,reason:"r"){voided}}', { a: acc, e: 'r' + Math.floor(Math.random() * n) }); else await new Promise((r) => setTimeout(r, 5)); } };
  const hostI = async () => { let k = 0; while (!stop && k < 300) { const f = Date.parse('2026-02-15T00:00:00Z') + k * 3600000; await g.query('mutation($a:ID,$p:[HostingPeriodInput!]!){recordHosting(accountId:$a,periods:$p){accepted}}', { a: acc, p: [{ source: 'h', eventId: 'h' + k, resourceId: gr, hardware: 'gpu', from: new Date(f).toISOString(), to: new Date(f + 3000001).toISOString() }] }); if (k % 3 === 0 && k > 5) await g.query('mutation($a:ID,$e:String!){voidUsage(accountId:$a,source:"h",eventId:$e,reason:"r"){voided}}', { a: acc, e: 'h' + (k - 4) }); k++; } };
  const foldI = async () => { const zones = ['Europe/Berlin', 'Asia/Kolkata', 'America/New_York', 'Australia/Lord_Howe']; let z = 0; while (!stop) { await g.fold().catch((e) => log('fold', String(e))); if (z++ % 5 === 0) await g.query('mutation($a:ID,$z:TimeZone){updateAccount(input:{accountId:$a,timeZone:$z}){id}}', { a: acc, z: zones[(z / 5) % 4 | 0] }); await new Promise((r) => setTimeout(r, 20)); } };
  const micro = (s: string) => { const [w, f = ''] = s.split('.'); return BigInt(w!) * 1000000n + BigInt(f.padEnd(6, '0')) };
  const readI = async () => { while (!stop) { const r: any = await g.query('query($a:ID!){account(id:$a){usage(range:{from:"2026-02-14T03:04:05.678Z",to:"2026-03-08T01:02:03.004Z",timeZone:"Asia/Kathmandu"}){credits{used byComponent{component credits}} trend(granularity:HOUR){buckets{credits}} d:trend(granularity:WEEK){buckets{credits}} guardrails{nodes{credits trend(granularity:DAY){buckets{credits}} hardware{credits segments(first:500){nodes{credits}}}} totals{credits}} report(groupBy:[COMPONENT,RESOURCE]){totals{credits}} hardware{credits}}}}', { a: acc });
    reads++; const u = r.data?.account?.usage; if (!u) { log('read failed', r.errors); continue; }
    const sum = (x: any[]) => x.reduce((a, b) => a + micro(b.credits), 0n);
    const t = micro(u.credits.used); const hosting = micro(u.credits.byComponent.find((c: any) => c.component === 'HOSTING').credits);
    const gq = u.guardrails.nodes.find(() => true);
    const ok = [sum(u.trend.buckets), sum(u.d.buckets), micro(u.guardrails.totals.credits), micro(u.report.totals.credits), gq ? sum(gq.trend.buckets) : t].every((x) => x === t) && sum(u.hardware) === hosting && (!gq || sum(gq.hardware) === hosting && gq.hardware.every((h: any) => sum(h.segments.nodes) === micro(h.credits)));
    if (!ok) { bad++; if (bad < 4) log('BAD', u.credits, sum(u.trend.buckets).toString(), sum(u.d.buckets).toString(), u.guardrails.totals, u.report.totals); } } };
  await Promise.all([ing(), voidI(), hostI(), foldI(), readI(), readI()]);
  const raw = await asOwner(g.databaseUrl, `select (select sum(credits_micro) from usage_event where voided_at is null and type<>'HOSTING' and occurred_at >= '2026-02-14T03:04:05.678Z' and occurred_at < '2026-03-08T01:02:03.004Z') as ev`);
  const r: any = await g.query('query($a:ID!){account(id:$a){usage(range:{from:"2026-02-14T03:04:05.678Z",to:"2026-03-08T01:02:03.004Z"}){credits{byComponent{component credits}}}}}', { a: acc });
  log('race', { n, reads, bad }, raw, r.data.account.usage.credits.byComponent);
}, 90000);

it('poison', async () => {
  // account A's rebuild is too large; B's events still must be folded
  const ids = await asOwner(g.databaseUrl, `select account_id, external_id from account order by 1`);
  log(ids.slice(0, 3));
  await asOwner(g.databaseUrl, `insert into usage_by_resource (account_id,tier,bucket,subject_id,type,hardware_id,events,quantity,credits_micro,hosting_ms,replica_ms) select 1,0,1960000+b,1000+s,'PROCESSING',0,1,1,1,0,0 from generate_series(0,2879) b, generate_series(1,400) s on conflict do nothing`);
  await asOwner(g.databaseUrl, 'analyze usage_by_resource');
  await g.query('mutation($a:ID,$z:TimeZone){updateAccount(input:{accountId:$a,timeZone:$z}){id}}', { a: acc, z: 'Pacific/Auckland' });
  await g.query('mutation($a:ID,$r:[RegisterAnyInput!]!){registerResources(accountId:$a,resources:$r)}', { a: other, r: [{ kind: 'WORKFLOW', externalId: 'w', name: 'W' }] });
  await g.query('mutation($a:ID,$e:[UsageEventInput!]!){recordUsage(accountId:$a,events:$e){accepted}}', { a: other, e: [{ source: 's', eventId: 'e1', type: 'WORKFLOW_RUN', occurredAt: '2026-03-09T00:00:00Z', resourceKind: 'WORKFLOW', resourceExternalId: 'w' }] });
  const t0 = Date.now();
  await g.fold().then(() => log('fold ok'), (e) => log('fold failed', String(e).slice(0, 200), e.code ?? e.driverError?.code));
  log('ms', Date.now() - t0, await asOwner(g.databaseUrl, 'select s.account_id, watermark, last_seq, s.time_zone, a.time_zone as zone from rollup_state s join account a using (account_id) order by 1'));
}, 120000);

it('seed', async () => {
  for (const at of [1500, 2600]) {
  const b = await startTestGateway({ now: '2026-03-10T12:00:00.000Z' });
  let left = at; const goOn = b.database.onStatement(() => { left -= 1; if (left < 0) throw new Error('off'); });
  await seedDemo({ database: b.database, clock: b.clock, onError: () => 0 }); goOn();
  const w = await startTestGateway({ now: '2026-03-10T12:00:00.000Z' });
  const k1 = await seedDemo({ database: b.database, clock: b.clock, onError: (e) => log('seed', String(e)) });
  const k2 = await seedDemo({ database: w.database, clock: w.clock, onError: (e) => log('seed', String(e)) });
  const sql = `select external_id, kind, status, deployed_at, changed_at, lifecycle_at, failure_message, endpoint_url from resource order by kind, external_id`;
  const x = await asOwner(b.databaseUrl, sql), y = await asOwner(w.databaseUrl, sql);
  log('seed', at, !!k1, !!k2, x.length, y.length);
  x.forEach((r, i) => { const a = JSON.stringify(r), c = JSON.stringify(y[i]); if (a !== c) log(' interrupted', a, '\n    whole     ', c); });
  const q2 = `select count(*), count(*) filter (where voided_at is null) as live, sum(extract(epoch from to_at-from_at)) filter (where voided_at is null) as s from hosting_segment`;
  log(await asOwner(b.databaseUrl, q2), await asOwner(w.databaseUrl, q2));
  await b.close(); await w.close();
  }
}, 200000);
