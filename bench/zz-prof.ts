// @ts-nocheck
import { Session } from 'node:inspector/promises';
import { randomUUID } from 'node:crypto';
import { SystemClock } from '../src/core/clock.ts';
import { createAccount } from './support/data-set.ts';
import { OPERATOR_KEY, startBenchGateway } from './support/gateway.ts';
const g = await startBenchGateway(new SystemClock());
const a = await createAccount(g, 'x');
const query = `mutation ($accountId: ID, $events: [UsageEventInput!]!) { recordUsage(accountId: $accountId, events: $events) { accepted duplicates conflicts rejected results { index outcome code message } } }`;
const body = () => JSON.stringify({ query, variables: { accountId: a.id, events: Array.from({ length: 1000 }, (_, i) => ({ source: 'bench', eventId: randomUUID(), type: 'WORKFLOW_RUN', resourceKind: 'WORKFLOW', resourceExternalId: `workflow-${i}`, occurredAt: new Date().toISOString() })) } });
const cbody = () => JSON.stringify(Array.from({ length: 1000 }, (_, i) => ({ specversion: '1.0', type: 'com.billing-gateway.workflow-run', source: 'bench', id: randomUUID(), subject: `WORKFLOW/workflow-${i}`, time: new Date().toISOString() })));
const post = async (path, type, b) => { const r = await fetch(g.origin + path, { method: 'POST', headers: { 'content-type': type, authorization: `Bearer ${OPERATOR_KEY}` }, body: b }); const t = await r.text(); if (!t.includes('"accepted":1000')) throw new Error(t.slice(0, 300)); };
const stm = [];
g.database.onStatement((s) => stm.push(s.slice(0, 40)));
for (const [name, path, type, mk] of [['graphql', '/graphql', 'application/json', body], ['events', `/v1/events?accountId=${a.id}`, 'application/cloudevents-batch+json', cbody]]) {
  for (let i = 0; i < 15; i++) await post(path, type, mk());
  stm.length = 0; await post(path, type, mk()); console.log(stm);
  const bodies = Array.from({ length: 40 }, mk);
  const se = new Session(); se.connect();
  await se.post('Profiler.enable'); await se.post('Profiler.setSamplingInterval', { interval: 300 }); await se.post('Profiler.start');
  const c0 = process.cpuUsage(); const t0 = performance.now();
  for (const b of bodies) await post(path, type, b);
  const c = process.cpuUsage(c0);
  console.log(name, 'cpu ms per batch', (c.user + c.system) / 40000, 'wall', (performance.now() - t0) / 40);
  const { profile } = await se.post('Profiler.stop');
  const total = profile.timeDeltas.reduce((x, y) => x + y, 0);
  const byId = new Map(profile.nodes.map((n) => [n.id, n]));
  const parent = new Map(); for (const n of profile.nodes) for (const ch of n.children ?? []) parent.set(ch, n.id);
  const key = (n) => `${n.callFrame.functionName || '(anon)'} ${n.callFrame.url.split('/').slice(-3).join('/')}`;
  const self = new Map(), incl = new Map();
  profile.samples.forEach((id, i) => { const d = profile.timeDeltas[i]; const k = key(byId.get(id)); self.set(k, (self.get(k) ?? 0) + d); const seen = new Set(); for (let x = id; x !== undefined; x = parent.get(x)) { const kk = key(byId.get(x)); if (!seen.has(kk)) { seen.add(kk); incl.set(kk, (incl.get(kk) ?? 0) + d); } } });
  const show = (m, n) => [...m].sort((p, q) => q[1] - p[1]).slice(0, n).forEach(([k, v]) => console.log((v / total * 100).toFixed(1).padStart(6), (v / 40000).toFixed(2).padStart(7), k));
  console.log('SELF'); show(self, 22); console.log('INCL'); show(new Map([...incl].filter(([k]) => /src\/|usage|resources|db\/|graphql|account|access|pg|http|core/.test(k) && !k.includes('node:'))), 34);
}
await g.close(); process.exit(0);
