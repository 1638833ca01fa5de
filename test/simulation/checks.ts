// Whether everything in the simulated store, and all that was told and sent, is as it was promised. What the rig compares too is
// compared by the same functions (faults/promises.ts).

import {
  compareAlerts,
  compareAmounts,
  compareBalance,
  compareEvents,
  compareLedger,
  compareMessage,
  compareTold,
} from '../faults/promises.ts';
import type { Violations } from '../faults/violations.ts';
import { costMicro, Reckoning, type Stretch, type Written } from './reckoning.ts';
import type { View } from './server.ts';
import type { Receiver, Subject } from './subjects.ts';
import type { Tables } from './tables.ts';

const STUCK_AFTER_MS = 60_000;

/** Checks an account. Its clients are at rest, and know how all their calls ended. */
export function checkSubject(violations: Violations, subject: Subject, view: View): void {
  const { books, accountId } = subject;
  const { name } = books;
  const state = view.need('state', accountId, 0);
  const events = view.all('event', accountId);
  const stored = events.map(({ eventId, creditsMicro, voidedAtMs }) => ({
    ...{ eventId, creditsMicro: String(creditsMicro), isVoided: voidedAtMs !== null },
  }));
  compareEvents(violations, books, stored);
  const lots = view.all('lot', accountId);
  const requests = [...subject.books.amounts.keys()].flatMap((key) => {
    const request = view.get('request', accountId, key);
    const lot = lots.find(({ allocationId }) => allocationId === request?.allocationId);
    return lot === undefined ? [] : [[key, String(lot.amountMicro)] as const];
  });
  compareAmounts(violations, books, new Map(requests));
  violations.compare('credits are booked once', `${name}: lots`, lots.length, requests.length);
  checkMoney(violations, subject, view, state);
  checkCrossings(violations, subject, view);
  const alerts = inSequence(view.all('alert', accountId));
  for (const [index, told] of subject.told.entries()) {
    const all = alerts.map(({ sequence, kind, crossedAtMs }) => ({ sequence, kind, crossedAtMs }));
    compareTold(violations, `subscriber ${index} of ${name}`, told, all);
  }
  const dueMs = state.nextDueMs ?? Infinity;
  if (dueMs < view.nowMs - STUCK_AFTER_MS) {
    violations.add(
      'nothing due waits for over a minute',
      `${name}: since ${view.nowMs - dueMs} ms`,
    );
  }
}

function inSequence<T extends { readonly sequence: number }>(rows: readonly T[]): readonly T[] {
  return [...rows].sort((a, b) => a.sequence - b.sequence);
}

function checkMoney(
  violations: Violations,
  { books, accountId }: Subject,
  view: View,
  state: Tables['state'],
): void {
  let running = 0n;
  const entries = inSequence(view.all('entry', accountId)).map((entry) => {
    running += entry.amountMicro;
    const { sequence, balanceMicro } = entry;
    return { sequence: String(sequence), balance: String(balanceMicro), running: String(running) };
  });
  compareLedger(violations, books.name, entries);
  const left = view
    .all('lot', accountId)
    .filter((lot) => lot.state === 'SPENDABLE')
    .reduce((sum, lot) => sum + lot.amountMicro - lot.spentMicro, 0n);
  const pending = view
    .all('lot', accountId)
    .filter((lot) => lot.state === 'PENDING')
    .reduce((sum, lot) => sum + lot.amountMicro, 0n);
  // Of what runs, the ledger has what was posted; the client reckons all of it.
  const hosting = segmentsOf(view, accountId).map((segment) => segment.postedMicro ?? 0n);
  const ran = hosting.reduce((sum, micro) => sum + micro, 0n);
  const balanceMicro = books.grantedMicro - pending - books.usedByEventsMicro - ran;
  const sums = { balance: state.balanceMicro, ledger: running, lots: left - state.debtMicro };
  const texts = {
    balance: String(sums.balance),
    ledger: String(sums.ledger),
    lots: String(sums.lots),
  };
  compareBalance(violations, { name: books.name, balanceMicro }, texts);
}

function segmentsOf(view: View, accountId: number): readonly Tables['segment'][] {
  return view.all('segment', accountId).filter(({ isVoided }) => !isVoided);
}

/** Compares alerts, stops and costs with what is reckoned from what was written. */
function checkCrossings(violations: Violations, { books, ...subject }: Subject, view: View): void {
  const { accountId, levels, stopMicro, sinceMs } = subject;
  const { name } = books;
  const account = view.need('account', accountId, 0);
  const segments = segmentsOf(view, accountId);
  const stretches = new Map(segments.map((segment) => [segment.segmentId, stretchOf(segment)]));
  const reckoning = new Reckoning(sinceMs, levels, stopMicro);
  reckoning.live(writtenOf(view, accountId, stretches), account.settledAtMs);
  const alerts = inSequence(view.all('alert', accountId));
  const told = alerts.map((alert) => ({
    ...{ kind: alert.kind, ruleId: alert.ruleId, atMs: alert.crossedAtMs },
    remainingMicro: alert.remainingMicro,
  }));
  const of = { name, crossings: reckoning.told.length };
  const rows = alerts.map(({ sequence, kind, ruleId }) => ({
    ...{ sequence: String(sequence), kind, rule: String(ruleId) },
  }));
  compareAlerts(violations, of, openOnce(rows));
  const exact = 'each crossing is told once, at its exact instant';
  const first = reckoning.told.findIndex(
    (one, index) => JSON.stringify(one, text) !== JSON.stringify(told[index], text),
  );
  if (first >= 0) {
    const detail = `${name}: alert ${first + 1}`;
    violations.compare(
      exact,
      detail,
      told.slice(first, first + 3),
      reckoning.told.slice(first, first + 3),
    );
  }
  for (const { segmentId, toMs, postedMicro } of segments) {
    const stretch = stretches.get(segmentId);
    const endMs = reckoning.ends.get(segmentId) ?? null;
    const detail = `${name}: segment ${segmentId}`;
    violations.compare('what runs is stopped at the exact instant', detail, toMs, endMs);
    if (toMs === null || stretch === undefined) continue;
    const costs = 'what ran costs rate x time';
    violations.compare(costs, detail, postedMicro, costMicro(stretch, toMs));
  }
}

function text(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function stretchOf(segment: Tables['segment']): Stretch {
  const { segmentId, fromMs, replicas, rateMicroPerHour } = segment;
  return { segmentId, fromMs, microPerHour: BigInt(replicas) * rateMicroPerHour };
}

function writtenOf(
  view: View,
  accountId: number,
  stretches: ReadonlyMap<number, Stretch>,
): readonly Written[] {
  const { born, changed } = view.server;
  const orderOf = (of: ReadonlyMap<string, number>, table: string, key: number): number =>
    of.get(`${table} ${accountId} ${key}`) ?? 0;
  const written: Written[] = [];
  const batches = new Map<number, { readonly atMs: number; micro: bigint }>();
  for (const { seq, recordedAtMs: atMs, creditsMicro } of view.all('event', accountId)) {
    const order = orderOf(born, 'event', seq);
    const batch = batches.get(order) ?? { atMs, micro: 0n };
    batch.micro -= creditsMicro;
    batches.set(order, batch);
  }
  for (const [order, { atMs, micro }] of batches) {
    written.push({ what: 'BOOKED', atMs, order, micro, isLot: false });
  }
  for (const { allocationId, amountMicro: micro, grantAtMs: atMs, createdAtMs } of view.all(
    'lot',
    accountId,
  )) {
    const order = atMs > createdAtMs ? 0 : orderOf(born, 'lot', allocationId);
    written.push({ what: 'BOOKED', atMs, order, micro, isLot: true });
  }
  for (const { segmentId, fromMs, toMs } of segmentsOf(view, accountId)) {
    const segment = stretches.get(segmentId);
    if (segment === undefined) continue;
    const order = orderOf(born, 'segment', segmentId);
    written.push({ what: 'BEGUN', atMs: fromMs, order, segment });
    if (toMs === null) continue;
    // Where it was stopped by a level, it has ended by then.
    written.push({
      what: 'ENDED',
      atMs: toMs,
      order: orderOf(changed, 'segment', segmentId),
      segment,
    });
  }
  for (const { endMs: atMs } of view.all('cycle', accountId))
    written.push({ what: 'CYCLE', atMs, order: 0 });
  const { settledAtMs } = view.need('account', accountId, 0);
  return written.filter(({ atMs }) => atMs <= settledAtMs);
}

interface RaisedAlert {
  readonly sequence: string;
  readonly kind: string;
  readonly rule: string;
}

/** A threshold that is still reached when a cycle begins fires once more, with nothing resolved: that counts as a rule of its own. */
function openOnce(alerts: readonly RaisedAlert[]): readonly RaisedAlert[] {
  const open = new Set<string>();
  return alerts.map((alert) => {
    const { kind, rule } = alert;
    if (kind === 'RESOLVED') open.delete(rule);
    else if (open.has(rule)) return { ...alert, rule: `${rule} again` };
    else open.add(rule);
    return alert;
  });
}

/** Checks what was sent, and that no message waits for ever. */
export function checkDeliveries(violations: Violations, receiver: Receiver, view: View): void {
  const known = new Set<string>();
  for (const accountId of view.accountsIn('delivery')) {
    const deliveries = view.all('delivery', accountId);
    for (const one of deliveries) {
      known.add(one.webhookId);
      const message = { id: one.webhookId, payload: one.payload, status: one.status };
      if (one.status === 'PENDING') checkWaiting(violations, one, view.nowMs);
      else compareMessage(violations, message, receiver.byId.get(one.webhookId));
    }
    const messages = deliveries.filter(({ event }) => event === 'ALERT_RAISED').length;
    const alerts = view.all('alert', accountId).length;
    violations.compare('each alert is a webhook', `account ${accountId}`, messages, alerts);
  }
  for (const id of receiver.byId.keys()) {
    if (!known.has(id)) violations.add('a message has one id and one body', `${id} is unknown`);
  }
  for (const message of view.server.undone.splice(0)) {
    violations.add('what is delivered stays so', message);
  }
}

/** Checks that no job waits for ever. */
export function checkJobs(violations: Violations, view: View): void {
  for (const job of view.all('job', 0)) {
    const sinceMs = Math.max(job.runAtMs, job.lockedAtMs ?? 0);
    if (sinceMs >= view.nowMs - STUCK_AFTER_MS || job.attempts >= job.maxAttempts) continue;
    violations.add('no job is stuck for over a minute', `${job.task} ${job.key ?? ''}`);
  }
}

function checkWaiting(violations: Violations, one: Tables['delivery'], nowMs: number): void {
  const waitsMs = nowMs - Math.max(one.nextAttemptAtMs ?? 0, one.claimedUntilMs ?? 0);
  if (waitsMs <= STUCK_AFTER_MS) return;
  violations.add('nothing due waits for over a minute', `message ${one.deliveryId}: ${waitsMs} ms`);
}
