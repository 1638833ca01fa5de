// Whether everything in the simulated store, and all that was told and sent, is as it was promised. What the rig compares too is
// compared by the same functions (faults/promises.ts).

import {
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
  const hosting = view.all('segment', accountId).map((segment) => segment.postedMicro ?? 0n);
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

/** Compares alerts, stops and costs with what is reckoned from what was written. */
function checkCrossings(violations: Violations, subject: Subject, view: View): void {
  const { accountId, levels, stopMicro, sinceMs } = subject;
  const { name } = subject.books;
  const { settledAtMs } = view.need('account', accountId, 0);
  // What is due is to be there soon, whether the gateway knows that it is due or not.
  const untilMs = Math.max(settledAtMs, view.nowMs - STUCK_AFTER_MS);
  const segments = view.all('segment', accountId);
  const reckoning = new Reckoning(sinceMs, levels, stopMicro);
  reckoning.live(writtenOf(view, accountId, untilMs), untilMs);
  const told = inSequence(view.all('alert', accountId)).map((alert) => ({
    ...{ sequence: alert.sequence, kind: alert.kind, ruleId: alert.ruleId },
    ...{ atMs: alert.crossedAtMs, remainingMicro: alert.remainingMicro },
  }));
  const crossings = reckoning.told.map((one, index) => ({ sequence: index + 1, ...one }));
  compareInOrder(violations, 'each crossing is told once, at its exact instant', {
    ...{ detail: `${name}: alert`, is: told, expected: crossings },
  });
  const exactly = 'what runs is stopped at the exact instant';
  const stops = view.all('stop', accountId).map(({ atMs }) => atMs);
  compareInOrder(violations, exactly, {
    ...{ detail: `${name}: stop`, is: stops, expected: reckoning.stops },
  });
  for (const segment of segments) {
    const { segmentId, postedMicro } = segment;
    const endMs = endOf(segment);
    const detail = `${name}: segment ${segmentId}`;
    violations.compare(exactly, detail, endMs, reckoning.ends.get(segmentId) ?? null);
    if (endMs === null) continue;
    const costs = 'what ran costs rate x time';
    violations.compare(costs, detail, postedMicro, costMicro(stretchOf(segment), endMs));
  }
  checkDeployments(violations, subject, view);
}

/** Compares lists, and tells where they begin to differ. */
function compareInOrder(
  violations: Violations,
  promise: string,
  of: {
    readonly detail: string;
    readonly is: readonly unknown[];
    readonly expected: readonly unknown[];
  },
): void {
  const { detail, is, expected } = of;
  const all = is.length > expected.length ? is : expected;
  const first = all.findIndex((_, index) => text(is[index]) !== text(expected[index]));
  if (first < 0) return;
  const [from, to] = [first, first + 3];
  violations.compare(
    promise,
    `${detail} ${first + 1}`,
    is.slice(from, to),
    expected.slice(from, to),
  );
}

function text(row: unknown): string | undefined {
  return JSON.stringify(row, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

/** Compares what answers told of deployments with what is stored. */
function checkDeployments(
  violations: Violations,
  { accountId, books: { name }, deployments, undeployments }: Subject,
  view: View,
): void {
  const segments = view.all('segment', accountId);
  const acknowledged = 'what was acknowledged is there';
  for (const { fromMs, replicas } of deployments.begun) {
    const isThere = segments.some((one) => one.fromMs === fromMs && one.replicas === replicas);
    if (!isThere) violations.add(acknowledged, `${name}: deployed at ${fromMs}`);
  }
  for (const endedMs of undeployments.endedMs) {
    const isThere = segments.some((one) => endOf(one) === endedMs);
    if (!isThere) violations.add(acknowledged, `${name}: undeployed at ${endedMs}`);
  }
  const begun = segments.filter(
    ({ fromMs, replicas }) =>
      !deployments.begun.some((one) => one.fromMs === fromMs && one.replicas === replicas),
  );
  const ended = undeploymentsOf(view, accountId).filter(
    ({ lifecycleAtMs }) => !undeployments.endedMs.includes(lifecycleAtMs),
  );
  // Each of these was done by a call of which nobody knows how it ended.
  if (begun.length > deployments.unknown || ended.length > undeployments.unknown) {
    const counts = `${begun.length} deployments, ${ended.length} undeployments without an answer`;
    violations.add('nothing is there that was not sent', `${name}: ${counts}`);
  }
}

/** When a segment ended; null: it runs. One that is void ended where it began. */
function endOf({ isVoided, fromMs, toMs }: Tables['segment']): number | null {
  return isVoided ? fromMs : toMs;
}

function undeploymentsOf(view: View, accountId: number): readonly Tables['lifecycle'][] {
  return view.all('lifecycle', accountId).filter(({ status }) => status === 'UNDEPLOYED');
}

function stretchOf(segment: Tables['segment']): Stretch {
  const { segmentId, fromMs, replicas, rateMicroPerHour } = segment;
  return { segmentId, fromMs, microPerHour: BigInt(replicas) * rateMicroPerHour };
}

/** What was written by the account's clients, and what time brought, up to an instant. No end of hosting is taken from its row. */
function writtenOf(view: View, accountId: number, untilMs: number): readonly Written[] {
  const orderOf = (table: 'event' | 'lifecycle' | 'lot' | 'segment', key: number): number =>
    view.server.bornAt(table, accountId, key);
  const written: Written[] = [];
  const batches = new Map<number, { readonly atMs: number; micro: bigint }>();
  for (const { seq, recordedAtMs: atMs, creditsMicro } of view.all('event', accountId)) {
    const order = orderOf('event', seq);
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
    const order = atMs > createdAtMs ? 0 : orderOf('lot', allocationId);
    written.push({ what: 'BOOKED', atMs, order, micro, isLot: true });
  }
  for (const row of view.all('segment', accountId)) {
    const order = orderOf('segment', row.segmentId);
    written.push({ what: 'BEGUN', atMs: row.fromMs, order, segment: stretchOf(row) });
  }
  for (const { callId, lifecycleAtMs: atMs } of undeploymentsOf(view, accountId)) {
    const order = orderOf('lifecycle', callId);
    if (atMs !== null) written.push({ what: 'UNDEPLOYED', atMs, order });
  }
  for (const { endMs: atMs } of view.all('cycle', accountId))
    written.push({ what: 'CYCLE', atMs, order: 0 });
  return written.filter(({ atMs }) => atMs <= untilMs);
}

/** Checks what was sent, and that no message waits for ever. */
export function checkDeliveries(violations: Violations, receiver: Receiver, view: View): void {
  const known = new Set<string>();
  const accountIds = new Set([...view.accountsIn('alert'), ...view.accountsIn('delivery')]);
  for (const accountId of accountIds) {
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
