// Whether subscribers of a balance are told what it is. A gateway may not know of the latest writes, so each update is to be the balance by
// what was written up to some commit, which is never earlier than that of the update before.

import type { Violations } from '../faults/violations.ts';
import { Reckoning, type Written } from './reckoning.ts';
import type { Subject, Watched } from './subjects.ts';

/** No gateway is that late: none freezes, and no link is silent, for so long. */
const LATE_MAX_MS = 300_000;

/** The account as it was after a commit. */
interface Known {
  readonly order: number;
  readonly reckoning: Reckoning;
}

/** Checks the updates that were not checked before. @param untilMs by when the latest ones are to tell all */
export function checkBalances(
  violations: Violations,
  subject: Subject,
  written: readonly Written[],
  untilMs: number,
): void {
  const unchecked = subject.watched.flatMap(({ updates, checked }) => updates.slice(checked));
  if (subject.watched.length === 0) return;
  const sinceMs = unchecked.reduce((first, { atMs }) => Math.min(first, atMs), untilMs);
  const known = knownSince(subject, written, sinceMs - LATE_MAX_MS);
  const brought = written.filter(({ order }) => order === 0);
  for (const one of subject.watched) {
    checkInOrder(violations, { subject, watched: one }, known, brought);
    if (one.isOpen) checkLatest(violations, { subject, watched: one }, written, untilMs);
  }
}

function knownSince(
  { sinceMs, levels }: Subject,
  written: readonly Written[],
  fromMs: number,
): readonly Known[] {
  const reckoning = new Reckoning(sinceMs, levels);
  const known: Known[] = [{ order: 0, reckoning: reckoning.copy() }];
  const last = written.reduce((latest, { atMs }) => Math.max(latest, atMs), sinceMs);
  reckoning.live(written, last, (order) => {
    // Of those before, the last one is what a gateway may know then.
    if (reckoning.nowMs < fromMs) known.length = 0;
    known.push({ order, reckoning: reckoning.copy() });
  });
  return known;
}

function checkInOrder(
  violations: Violations,
  { subject, watched }: { readonly subject: Subject; readonly watched: Watched },
  known: readonly Known[],
  brought: readonly Written[],
): void {
  const of = `${subject.books.name}, subscriber ${subject.watched.indexOf(watched)}`;
  for (; watched.checked < watched.updates.length; watched.checked += 1) {
    const update = watched.updates[watched.checked];
    if (update === undefined) return;
    const fits = ({ order, reckoning }: Known): boolean =>
      reckoning.nowMs <= update.atMs &&
      balanceBy(order, reckoning, brought, update.atMs) === update.micro;
    const next = known.find((one) => one.order >= watched.order && fits(one));
    const said = `${of}: ${update.micro} at ${update.atMs}`;
    if (next !== undefined) watched.order = next.order;
    else if (known.some(fits))
      violations.add('no update of a balance is older than the one before', said);
    else violations.add('each update of a balance tells what it was', said);
  }
}

/**
 * The balance at an instant by what was written up to a commit.
 * @param brought what time brings, known by then or not
 */
function balanceBy(
  order: number,
  reckoning: Reckoning,
  brought: readonly Written[],
  atMs: number,
): bigint {
  const { nowMs } = reckoning;
  const copy = reckoning.copy();
  copy.live(
    brought.filter((one) => one.known <= order && one.atMs > nowMs && one.atMs <= atMs),
    atMs,
  );
  return copy.balanceMicro();
}

function checkLatest(
  violations: Violations,
  { subject, watched }: { readonly subject: Subject; readonly watched: Watched },
  written: readonly Written[],
  untilMs: number,
): void {
  const latest = watched.updates.at(-1);
  const latestMs = latest?.atMs ?? subject.sinceMs;
  const by = (atMs: number): Reckoning => {
    const reckoning = new Reckoning(subject.sinceMs, subject.levels);
    reckoning.live(
      written.filter((one) => one.atMs <= atMs),
      atMs,
    );
    return reckoning;
  };
  const [then, now] = [by(latestMs), by(Math.max(untilMs, latestMs))];
  const isBehind =
    latestMs < untilMs && (now.isRunning || now.balanceMicro() !== then.balanceMicro());
  if (latest?.micro === then.balanceMicro() && !isBehind) return;
  const promise = 'the latest update of a balance is soon there';
  const is = { atMs: latestMs, micro: latest?.micro ?? null };
  violations.compare(promise, subject.books.name, is, {
    atMs: untilMs,
    micro: now.balanceMicro(),
  });
}
