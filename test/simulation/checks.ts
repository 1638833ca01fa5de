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
import { FIRST_MICRO_PER_HOUR } from '../faults/hardware.ts';
import type { Violations } from '../faults/violations.ts';
import { checkBalances } from './balances.ts';
import { costMicro, Reckoning, type Stretch, type Written } from './reckoning.ts';
import type { View } from './server.ts';
import { type MailServer, type Receiver, sayingOf } from './receivers.ts';
import type { Subject, Terms } from './subjects.ts';
import type { Tables } from './tables.ts';

const STUCK_AFTER_MS = 60_000;
/** Kinds of emails that are less grave than alerts. */
const LIGHT = new Set(['DEPLOYMENT_STARTED', 'DEPLOYMENT_STOPPED', 'RESOLVED']);

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
    if (lot === undefined) return [];
    checkTerms(violations, `${name}: ${key}`, subject.terms.get(key), lot);
    return [[key, String(lot.amountMicro)] as const];
  });
  compareAmounts(violations, books, new Map(requests));
  const given = lots.filter(({ isReturn }) => !isReturn).length;
  violations.compare('credits are booked once', `${name}: lots`, given, requests.length);
  const written = writtenOf(view, subject);
  const reckoning = checkCrossings(violations, subject, view, written);
  checkMoney(violations, subject, view, reckoning);
  checkPolicies(violations, subject, view);
  checkBalances(violations, subject, written, view.nowMs - STUCK_AFTER_MS);
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
  reckoning: Reckoning,
): void {
  const state = view.need('state', accountId, 0);
  const { settledAtMs } = view.need('account', accountId, 0);
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
  const expired = reckoning.expired
    .filter(({ atMs }) => atMs <= settledAtMs)
    .reduce((sum, { micro }) => sum + micro, 0n);
  const balanceMicro = books.grantedMicro - pending - books.usedByEventsMicro - ran - expired;
  const sums = { balance: state.balanceMicro, ledger: running, lots: left - state.debtMicro };
  const texts = {
    balance: String(sums.balance),
    ledger: String(sums.ledger),
    lots: String(sums.lots),
  };
  compareBalance(violations, { name: books.name, balanceMicro }, texts);
}

/** Compares alerts, stops and costs with what is reckoned from what was written. */
function checkCrossings(
  violations: Violations,
  subject: Subject,
  view: View,
  written: readonly Written[],
): Reckoning {
  const { accountId, levels, sinceMs } = subject;
  const { name } = subject.books;
  const { settledAtMs } = view.need('account', accountId, 0);
  // What is due is to be there soon, whether the gateway knows that it is due or not.
  const untilMs = Math.max(settledAtMs, view.nowMs - STUCK_AFTER_MS);
  const segments = view.all('segment', accountId);
  const reckoning = new Reckoning(sinceMs, levels);
  reckoning.live(
    written.filter(({ atMs }) => atMs <= untilMs),
    untilMs,
  );
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
  return reckoning;
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
  const first = all.findIndex((_, index) => textOf(is[index]) !== textOf(expected[index]));
  if (first < 0) return;
  const [from, to] = [first, first + 3];
  violations.compare(
    promise,
    `${detail} ${first + 1}`,
    is.slice(from, to),
    expected.slice(from, to),
  );
}

function textOf(row: unknown): string | undefined {
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

function checkTerms(
  violations: Violations,
  what: string,
  terms: Terms | undefined,
  { priority, expiresAtMs, grantAtMs, createdAtMs }: Tables['lot'],
): void {
  const asked = {
    priority: terms?.priority,
    expiresAtMs: terms?.expiresAt,
    grantAtMs: Math.max(terms?.effectiveAt ?? createdAtMs, createdAtMs),
  };
  const is = { priority, expiresAtMs, grantAtMs };
  violations.compare('credits are granted as they were asked for', what, is, asked);
}

/** When a segment ended; null: it runs. One that is void ended where it began. */
function endOf({ isVoided, fromMs, toMs }: Tables['segment']): number | null {
  return isVoided ? fromMs : toMs;
}

function undeploymentsOf(view: View, accountId: number): readonly Tables['lifecycle'][] {
  return view.all('lifecycle', accountId).filter(({ status }) => status === 'UNDEPLOYED');
}

function stretchOf(segment: Tables['segment']): Stretch {
  const { segmentId, fromMs, replicas } = segment;
  return { segmentId, fromMs, microPerHour: BigInt(replicas) * FIRST_MICRO_PER_HOUR };
}

/** Compares what answers told of policies with what is stored. */
function checkPolicies(
  violations: Violations,
  { accountId, books: { name }, policies }: Subject,
  view: View,
): void {
  const saved = view.all('policy', accountId).map(({ policy }) => textOf(policy));
  for (const acknowledged of policies) {
    if (saved.includes(textOf(acknowledged))) continue;
    violations.add('what was acknowledged is there', `${name}: policy ${textOf(acknowledged)}`);
  }
}

/** What was written by the account's clients, and what time brought. No end of hosting is taken from its row. */
function writtenOf(view: View, subject: Subject): readonly Written[] {
  const { accountId } = subject;
  const { server } = view;
  const written: Written[] = [...lotsWritten(view, accountId), ...eventsWritten(view, accountId)];
  for (const row of view.all('segment', accountId)) {
    const order = server.bornAt('segment', accountId, row.segmentId);
    written.push({ what: 'BEGUN', ...write(order, row.fromMs), segment: stretchOf(row) });
  }
  for (const { callId, lifecycleAtMs: atMs } of undeploymentsOf(view, accountId)) {
    const order = server.bornAt('lifecycle', accountId, callId);
    if (atMs !== null) written.push({ what: 'UNDEPLOYED', ...write(order, atMs) });
  }
  for (const { callId, atMs, policy } of view.all('policy', accountId)) {
    const order = server.bornAt('policy', accountId, callId);
    if (atMs === null) continue;
    written.push({ what: 'POLICY', ...write(order, atMs), levels: subject.levelsBy(policy) });
  }
  for (const { endMs: atMs } of view.all('cycle', accountId))
    written.push({ what: 'CYCLE', atMs, order: 0, known: 0 });
  return written;
}

/** A write, which is known by its commit. */
function write(order: number, atMs: number): Pick<Written, 'atMs' | 'order' | 'known'> {
  return { atMs, order, known: order };
}

function eventsWritten(view: View, accountId: number): readonly Written[] {
  const { server } = view;
  const written: Written[] = [];
  const batches = new Map<number, { readonly atMs: number; micro: bigint }>();
  for (const event of view.all('event', accountId)) {
    const { seq, recordedAtMs: atMs, creditsMicro: micro, voidedAtMs } = event;
    const order = server.bornAt('event', accountId, seq);
    const batch = batches.get(order) ?? { atMs, micro: 0n };
    batch.micro += micro;
    batches.set(order, batch);
    if (voidedAtMs === null) continue;
    const voided = write(server.changedAt('event', accountId, seq), voidedAtMs);
    written.push({ what: 'RETURNED', ...voided, micro });
  }
  for (const [order, { atMs, micro }] of batches) {
    written.push({ what: 'USED', ...write(order, atMs), micro });
  }
  return written;
}

function lotsWritten(view: View, accountId: number): readonly Written[] {
  return view.all('lot', accountId).flatMap((lot) => {
    // The lot of a reversal comes about by it.
    if (lot.isReturn) return [];
    const { allocationId: lotId, amountMicro: micro, priority, expiresAtMs, createdAtMs } = lot;
    const known = view.server.bornAt('lot', accountId, lotId);
    const grant = { lotId, micro, priority, expiresAtMs, createdAtMs };
    const isLater = lot.grantAtMs > createdAtMs;
    const written: Written[] = [
      { what: 'GRANTED', atMs: lot.grantAtMs, order: isLater ? 0 : known, known, grant },
    ];
    if (isLater) written.push({ what: 'PLANNED', atMs: createdAtMs, order: known, known });
    if (expiresAtMs !== null) {
      written.push({ what: 'EXPIRED', atMs: expiresAtMs, order: 0, known, lotId });
    }
    return written;
  });
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

/** Checks that there is an email for each instant of which an account is to hear, and that it is sent, or will be. */
export function checkEmails(violations: Violations, mailer: MailServer, view: View): void {
  const jobs = new Set(
    view
      .all('job', 0)
      .filter(({ attempts, maxAttempts }) => attempts < maxAttempts)
      .map(({ key }) => key),
  );
  for (const accountId of view.accountsIn('account')) {
    const { notificationEmails } = view.need('account', accountId, 0);
    if (notificationEmails.length === 0) continue;
    const emails = view.all('email', accountId);
    checkInstants(violations, accountId, view);
    for (const email of emails) {
      const { emailId, status, attempts } = email;
      const of = `account ${accountId}, email ${emailId}`;
      if (status === 'DELIVERED' && !mailer.came.has(sayingOf(email))) {
        violations.add('each email comes at least once', of);
      }
      // The mail server is never down for as many hours as an email is tried.
      if (status === 'FAILED' && attempts > 0) {
        violations.add('each email comes at least once', `${of} was given up`);
      }
      if (status === 'PENDING' && !jobs.has(`email ${accountId} ${emailId}`)) {
        violations.add('each email comes at least once', `${of}: nobody will send it`);
      }
    }
  }
}

/** What is graver than deployments makes an email of its own kind, one for all that one commit raises at an instant. */
function checkInstants(violations: Violations, accountId: number, view: View): void {
  const { server } = view;
  const instants = view
    .all('alert', accountId)
    .filter(({ kind }) => kind !== 'RESOLVED')
    .map(
      ({ sequence, crossedAtMs }) =>
        `${server.bornAt('alert', accountId, sequence)} ${crossedAtMs}`,
    );
  const cycles = view
    .all('cycle', accountId)
    .filter(({ cycleId }) => cycleId > 1)
    .map(({ cycleId, startMs }) => `${server.bornAt('cycle', accountId, cycleId)} ${startMs}`);
  const expected = new Set([...instants, ...cycles]).size;
  const grave = view.all('email', accountId).filter(({ kind }) => !LIGHT.has(kind)).length;
  violations.compare(
    'each instant that is told of is one email',
    `account ${accountId}`,
    grave,
    expected,
  );
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
