// What alerts/alerts.store.ts, notifications/emails.store.ts, partners/*.store.ts and the jobs of db/ do, for the accounts of the simulation.

import type { Alert } from '../../../src/alerts/alert.ts';
import type * as alerts from '../../../src/alerts/alerts.store.ts';
import type * as jobs from '../../../src/db/jobs.ts';
import type * as jobStatements from '../../../src/db/job-statements.ts';
import type * as emails from '../../../src/notifications/emails.store.ts';
import type * as deliveries from '../../../src/partners/deliveries.store.ts';
import type { EndpointRef } from '../../../src/partners/webhook.ts';
import type * as endpoints from '../../../src/partners/webhooks.store.ts';
import { HARDWARE } from '../../faults/hardware.ts';
import { ask, later, statement, type View } from '../server.ts';
import type { Tables } from '../tables.ts';

// ---- alerts

export const insertAlerts: typeof alerts.insertAlerts = async (tx, accountId, raised) => {
  await ask(tx, 'alerts.insertAlerts', (view) => {
    for (const alert of raised) view.insert('alert', accountId, alert.sequence, alert);
  });
  later(tx, 'alerts.notify', (view) => {
    view.notify('alert', `${accountId}:${raised.at(-1)?.sequence ?? 0}`);
  });
};

export const loadLastSequences: typeof alerts.loadLastSequences = (tx, accountIds) =>
  ask(tx, 'alerts.loadLastSequences', (view) => {
    const known = accountIds.filter((id) => view.get('state', id, 0) !== undefined);
    return new Map(known.map((id) => [id, view.need('state', id, 0).lastAlertSequence]));
  });

export const loadAlertsAfter: typeof alerts.loadAlertsAfter = (tx, positions, limit) =>
  ask(tx, 'alerts.loadAlertsAfter', (view) =>
    positions.map(({ accountId, sequence }) => {
      const after: Alert[] = [];
      const { lastAlertSequence } = view.need('state', accountId, 0);
      for (let next = sequence + 1; next <= lastAlertSequence && after.length < limit; next += 1) {
        const alert = view.get('alert', accountId, next);
        if (alert !== undefined) after.push(alert);
      }
      return after;
    }),
  );

export const loadVersions: typeof alerts.loadVersions = (tx, accountIds) =>
  ask(tx, 'alerts.loadVersions', ({ server }) => {
    const version = (id: number): string =>
      `${server.changedAt('state', id, 0)}.${server.changedAt('account', id, 0)}`;
    return new Map(accountIds.map((id) => [id, version(id)]));
  });

// ---- endpoints

async function lockedIn(view: View, ref: EndpointRef): Promise<endpoints.SealedEndpoint> {
  await view.lock(`endpoint ${ref.endpointId}`);
  return view.need('endpoint', ref.accountId, ref.endpointId);
}

export const lockEndpoint: typeof endpoints.lockEndpoint = (tx, ref) =>
  ask(tx, 'partners.lockEndpoint', (view) => lockedIn(view, ref));

export const lockListeners: typeof endpoints.lockListeners = (tx, accountId, events) =>
  ask(tx, 'partners.lockListeners', async (view) => {
    const listening = view
      .all('endpoint', accountId)
      .map(({ endpoint }) => endpoint)
      .filter(({ events: heard, enabled }) => enabled && heard.some((one) => events.includes(one)));
    for (const endpoint of listening) await lockedIn(view, endpoint);
    return listening;
  });

export const pauseEndpoint: typeof endpoints.pauseEndpoint = (tx, ref, untilMs) =>
  ask(tx, 'partners.pauseEndpoint', (view) => {
    const { pausedUntilMs } = view.need('endpoint', ref.accountId, ref.endpointId);
    const until = { pausedUntilMs: Math.max(pausedUntilMs ?? 0, untilMs) };
    view.change('endpoint', ref.accountId, ref.endpointId, until);
  });

export const saveEndpoint: typeof endpoints.saveEndpoint = (tx, endpoint) =>
  ask(tx, 'partners.saveEndpoint', (view) => {
    const { accountId, endpointId } = endpoint;
    view.change('endpoint', accountId, endpointId, { endpoint, pausedUntilMs: null });
  });

// ---- deliveries

export const insertDeliveries: typeof deliveries.insertDeliveries = (tx, accountId, made) =>
  ask(tx, 'partners.insertDeliveries', (view) =>
    made.map((delivery) => {
      const deliveryId = view.server.next();
      view.insert('delivery', accountId, deliveryId, {
        ...{ ...delivery, accountId, deliveryId, status: 'PENDING', attempts: 0 },
        ...{ nextAttemptAtMs: delivery.createdAtMs, claimedUntilMs: null, lastResponseCode: null },
        ...{ lastError: null, deliveredAtMs: null },
      });
      return deliveryId;
    }),
  );

function pendingIn(view: View, ref: EndpointRef): readonly Tables['delivery'][] {
  return view.open('delivery', ref.accountId).filter((one) => one.endpointId === ref.endpointId);
}

export const claimDue: typeof deliveries.claimDue = (tx, ref, { nowMs, untilMs, inFlightMax }) =>
  ask(tx, 'partners.claimDue', async (view) => {
    const pending = pendingIn(view, ref);
    const inFlight = pending.filter((one) => (one.claimedUntilMs ?? 0) > nowMs).length;
    const due = pending
      .filter((one) => (one.nextAttemptAtMs ?? 0) <= nowMs && (one.claimedUntilMs ?? 0) <= nowMs)
      .sort(
        (a, b) =>
          (a.nextAttemptAtMs ?? 0) - (b.nextAttemptAtMs ?? 0) || a.deliveryId - b.deliveryId,
      )
      .slice(0, Math.max(0, inFlightMax - inFlight));
    for (const { deliveryId } of due) {
      await view.lock(`delivery ${deliveryId}`);
      view.change('delivery', ref.accountId, deliveryId, { claimedUntilMs: untilMs });
    }
    return due.map((one) => ({ ...one, claimedUntilMs: untilMs }));
  });

export const nextDueMs: typeof deliveries.nextDueMs = (tx, ref) =>
  ask(tx, 'partners.nextDueMs', (view) => {
    const due = pendingIn(view, ref).map((one) =>
      Math.max(one.nextAttemptAtMs ?? 0, one.claimedUntilMs ?? 0),
    );
    return due.length === 0 ? null : Math.min(...due);
  });

export const saveOutcome: typeof deliveries.saveOutcome = (tx, delivery, { outcome, atMs }) =>
  ask(tx, 'partners.saveOutcome', async (view) => {
    const { accountId, deliveryId, claimedUntilMs, attempts } = delivery;
    await view.lock(`delivery ${deliveryId}`);
    const row = view.need('delivery', accountId, deliveryId);
    if (row.claimedUntilMs !== claimedUntilMs) return false;
    const isOurs = row.attempts === attempts && row.status === 'PENDING';
    view.change('delivery', accountId, deliveryId, { claimedUntilMs: null });
    if (!isOurs) return false;
    view.change('delivery', accountId, deliveryId, {
      status: outcome.status,
      attempts: attempts + 1,
      nextAttemptAtMs: outcome.nextAttemptAtMs,
      lastResponseCode: outcome.responseCode,
      lastError: outcome.error,
      deliveredAtMs: outcome.status === 'DELIVERED' ? atMs : null,
    });
    return true;
  });

// ---- emails

export const insertEmails: typeof emails.insertEmails = (tx, account, contents, written) =>
  ask(tx, 'emails.insertEmails', (view) => {
    const { accountId, to, domain } = account;
    const { createdAtMs, sinceMs, limit, surplusError } = written;
    const recent = view
      .all('email', accountId)
      .filter((one) => one.createdAtMs >= sinceMs && (one.status !== 'FAILED' || one.attempts > 0));
    const sendMax = limit - recent.length;
    return contents.flatMap((content, index) => {
      const emailId = view.server.next();
      const isSent = index < sendMax;
      view.insert('email', accountId, emailId, {
        ...{ ...content, accountId, emailId, to, attempts: 0, createdAtMs, deliveredAtMs: null },
        messageId: `<${accountId}.${emailId}.${createdAtMs.toString(36)}@${domain}>`,
        status: isSent ? 'PENDING' : 'FAILED',
        lastError: isSent ? null : surplusError,
      });
      return isSent ? [emailId] : [];
    });
  });

export const findEmail: typeof emails.findEmail = (tx, { accountId, emailId }) =>
  ask(tx, 'emails.findEmail', (view) => view.get('email', accountId, emailId) ?? null);

export const saveAttempt: typeof emails.saveAttempt = (tx, { accountId, emailId }, attempt) =>
  ask(tx, 'emails.saveAttempt', async (view) => {
    await view.lock(`email ${emailId}`);
    const { status, attempts } = view.need('email', accountId, emailId);
    if (status !== 'PENDING') return null;
    view.change('email', accountId, emailId, { ...attempt, attempts: attempts + 1 });
    return attempts + 1;
  });

export const loadHostingAt: typeof emails.loadHostingAt = (tx, accountId, instantsMs) =>
  ask(tx, 'emails.loadHostingAt', (view) =>
    view
      .all('segment', accountId)
      .filter(
        ({ isVoided, fromMs, toMs }) =>
          !isVoided && instantsMs.some((atMs) => fromMs <= atMs && (toMs ?? Infinity) >= atMs),
      )
      .map((segment) => ({ ...segment, hardware: HARDWARE })),
  );

// ---- jobs

const ATTEMPTS_MAX = 25;

export const enqueueAll: typeof jobs.enqueueAll = (tx, added) =>
  ask(tx, 'jobs.enqueueAll', async (view) => {
    for (const job of added) {
      const { task, payload, jobKey: key = null, maxAttempts = ATTEMPTS_MAX } = job;
      if (key !== null) await view.lock(`job ${key}`);
      const before = view.all('job', 0).find((one) => one.key === key && key !== null);
      const isReplaced = before?.lockedBy === null;
      // One that runs is left to end without its key.
      if (before !== undefined && !isReplaced) {
        view.change('job', 0, before.id, { key: null, attempts: before.maxAttempts });
      }
      const id = isReplaced ? before.id : String(view.server.next());
      const runAtMs = job.runAtMs ?? view.nowMs;
      view.put('job', 0, id, {
        ...{ id, task, payload, key, runAtMs, attempts: 0, maxAttempts },
        ...{ lockedBy: null, lockedAtMs: null },
      });
    }
    view.notify('jobs:insert', '');
  });

export const enqueue: typeof jobs.enqueue = (tx, job) => enqueueAll(tx, [job]);

const unlocked = { lockedBy: null, lockedAtMs: null };
const givenBack = ({ attempts, maxAttempts }: Tables['job']): Partial<Tables['job']> => ({
  ...unlocked,
  attempts: Math.min(attempts, maxAttempts - 1),
});

export const take: typeof jobStatements.take = (workerId, tasks, limit) =>
  statement('jobs.take', (view) =>
    view
      .all('job', 0)
      .filter((job) => tasks.includes(job.task) && job.lockedBy === null)
      .filter((job) => job.attempts < job.maxAttempts && job.runAtMs <= view.nowMs)
      .sort((a, b) => a.runAtMs - b.runAtMs || Number(a.id) - Number(b.id))
      .filter((job) => view.tryLock(`job ${job.key ?? job.id}`))
      .slice(0, limit)
      .map(({ id, task, payload, attempts }) => {
        const held = { lockedBy: workerId, lockedAtMs: view.nowMs };
        view.change('job', 0, id, { ...held, attempts: attempts + 1 });
        return { id, task, payload };
      }),
  );

export const end: typeof jobStatements.end = (workerId, ended) =>
  statement('jobs.end', async (view) => {
    for (const [{ id }, error] of ended) {
      const job = view.get('job', 0, id);
      if (job?.lockedBy !== workerId) continue;
      await view.lock(`job ${job.key ?? id}`);
      const laterMs = Math.exp(Math.min(job.attempts, 10)) * 1_000;
      const runAtMs = Math.max(view.nowMs, job.runAtMs) + laterMs;
      if (error === null) view.put('job', 0, id, undefined);
      else view.change('job', 0, id, { ...unlocked, runAtMs });
    }
    return [];
  });

export const heartbeat: typeof jobStatements.heartbeat = (workerId) =>
  statement('jobs.heartbeat', (view) => {
    view.put('worker', 0, workerId, view.nowMs);
    return [];
  });

export const freeForgotten: typeof jobStatements.freeForgotten = (
  workerId,
  jobIds,
  silentAfterMs,
) =>
  statement('jobs.freeForgotten', async (view) => {
    const sinceMs = view.nowMs - silentAfterMs;
    const isForgotten = ({ id, lockedBy, lockedAtMs }: Tables['job']): boolean => {
      if (lockedBy === null || (lockedAtMs ?? 0) >= sinceMs) return false;
      if (lockedBy === workerId) return !jobIds.includes(id);
      return (view.get('worker', 0, lockedBy) ?? 0) < sinceMs;
    };
    for (const job of view.all('job', 0).filter(isForgotten)) {
      await view.lock(`job ${job.key ?? job.id}`);
      const now = view.get('job', 0, job.id);
      if (now !== undefined && isForgotten(now)) view.change('job', 0, job.id, givenBack(now));
    }
    return [];
  });

export const removeReplaced: typeof jobStatements.removeReplaced = () =>
  statement('jobs.removeReplaced', (view) => {
    for (const { id, key, attempts, maxAttempts, lockedBy } of view.all('job', 0)) {
      if (key === null && attempts >= maxAttempts && lockedBy === null) {
        view.put('job', 0, id, undefined);
      }
    }
    return [];
  });

export const leave: typeof jobStatements.leave = (workerId) =>
  statement('jobs.leave', (view) => {
    for (const job of view.all('job', 0)) {
      if (job.lockedBy === workerId) view.change('job', 0, job.id, givenBack(job));
    }
    return [];
  });
