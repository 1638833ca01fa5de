// What account/account.store.ts, settlement/*.store.ts, hosting/hosting.store.ts and resources/resources.store.ts do, for the accounts
// of the simulation.

import type * as accounts from '../../../src/account/account.store.ts';
import type * as audit from '../../../src/audit/audit.store.ts';
import type * as catalogue from '../../../src/catalogue/catalogue.store.ts';
import type { HardwareProfile } from '../../../src/catalogue/rates.ts';
import { refKey, type Resource } from '../../../src/resources/resource.ts';
import { runningSegment } from '../../../src/engine/burn.ts';
import type { AllocationUnit, Lot } from '../../../src/engine/lots.ts';
import type { AccountState, KnownRate } from '../../../src/engine/state.ts';
import type * as hosting from '../../../src/hosting/hosting.store.ts';
import type * as resources from '../../../src/resources/resources.store.ts';
import type { CreditAllocation } from '../../../src/settlement/allocation.ts';
import type * as credits from '../../../src/settlement/credits.store.ts';
import type * as due from '../../../src/settlement/due.store.ts';
import type * as ledger from '../../../src/settlement/ledger.store.ts';
import type * as states from '../../../src/settlement/state.store.ts';
import type * as thresholds from '../../../src/settlement/thresholds.store.ts';
import { FIRST_MICRO_PER_HOUR, HARDWARE } from '../../faults/hardware.ts';
import { ask, later, type View } from '../server.ts';

const PROFILE: HardwareProfile = {
  ...{ hardwareId: 1, name: HARDWARE, kind: 'GPU', model: 'simulated', vcpus: 8, gpus: 1 },
  ...{ memoryGb: 80, createdAtMs: 0 },
};
const RATE: KnownRate = {
  ...{ hardwareId: 1, fromMs: 0, rateMicroPerHour: FIRST_MICRO_PER_HOUR, knownFromMs: 0 },
};

// ---- accounts

const lockedOf = (view: View, accountId: number): accounts.LockedAccount => ({
  account: view.need('account', accountId, 0),
  databaseMs: view.nowMs,
});

export const lockAccount: typeof accounts.lockAccount = (tx, accountId) =>
  ask(tx, 'account.lockAccount', async (view) => {
    await view.lock(`account ${accountId}`);
    return lockedOf(view, accountId);
  });

export const lockDueAccount: typeof due.lockDueAccount = (tx, accountId, byMs) =>
  ask(tx, 'credits.lockDueAccount', (view) => {
    const isDue = (): boolean => (view.need('state', accountId, 0).nextDueMs ?? Infinity) <= byMs;
    if (!isDue() || !view.tryLock(`account ${accountId}`)) return null;
    return lockedOf(view, accountId);
  });

export const findDue: typeof states.findDue = (tx, { byMs, limit }) =>
  ask(tx, 'credits.findDue', (view) =>
    dueIn(view, Math.min(byMs, view.nowMs))
      .sort((a, b) => a.dueMs - b.dueMs)
      .slice(0, limit)
      .map(({ accountId }) => accountId),
  );

// It is asked so often that nothing is made for accounts that are not due.
function dueIn(view: View, byMs: number): { readonly accountId: number; readonly dueMs: number }[] {
  const due: { readonly accountId: number; readonly dueMs: number }[] = [];
  view.each('state', (accountId, { nextDueMs: dueMs }) => {
    if (dueMs !== null && dueMs <= byMs) due.push({ accountId, dueMs });
  });
  return due;
}

// ---- credits

function stateIn(view: View, accountId: number, withRules: boolean): AccountState {
  const account = view.need('account', accountId, 0);
  const state = view.need('state', accountId, 0);
  const cycle = view.need('cycle', accountId, state.cycleId);
  const { creditsFromMs } = account;
  const lotsOf = (asked: AllocationUnit): readonly Lot[] =>
    lotsIn(view, accountId, asked).filter((lot) => !isUsedUp(lot));
  return {
    ...{ accountId, atMs: account.settledAtMs, isTest: false, closedAtMs: null, creditsFromMs },
    timeZone: account.timeZone,
    cycleDay: account.cycleDay,
    cycle: { cycleId: cycle.cycleId, startMs: cycle.startMs, endMs: cycle.endMs },
    policy: state.policy,
    credits: {
      lots: lotsOf('CREDITS'),
      debtMicro: state.debtMicro,
      hasBegun: state.hasCredits,
      cycle: cycle.credits,
    },
    runs: {
      lots: lotsOf('WORKFLOW_RUNS'),
      debtMicro: state.runsDebtMicro,
      hasBegun: state.hasRuns,
      cycle: cycle.runs,
    },
    running: view
      .open('segment', accountId)
      .map((segment) => runningSegment(segment, creditsFromMs)),
    requestedResourceIds: view
      .all('resource', accountId)
      .filter(({ status }) => status === 'DEPLOYING')
      .map(({ resourceId }) => resourceId),
    rates: [RATE],
    alertRules: withRules ? view.all('rule', accountId) : [],
    lastLedgerSequence: state.lastLedgerSequence,
    lastLedgerHash: state.lastLedgerHash,
    lastAlertSequence: state.lastAlertSequence,
    lastLocalId: account.lastLocalId,
  };
}

/** The pending and spendable lots. */
function lotsIn(view: View, accountId: number, asked: AllocationUnit): readonly Lot[] {
  return view
    .open('lot', accountId)
    .filter(({ unit }) => unit === asked)
    .map(asLot);
}

function isUsedUp({ spentMicro, amountMicro, expiresAtMs }: Lot): boolean {
  return spentMicro === amountMicro && expiresAtMs === null;
}

export const loadUsedUpLots: typeof states.loadUsedUpLots = (tx, accountId) =>
  ask(tx, 'credits.loadUsedUpLots', (view) => ({
    CREDITS: lotsIn(view, accountId, 'CREDITS').filter(isUsedUp),
    WORKFLOW_RUNS: lotsIn(view, accountId, 'WORKFLOW_RUNS').filter(isUsedUp),
  }));

function asLot(row: CreditAllocation): Lot {
  const { allocationId, state, amountMicro, spentMicro, priority, grantAtMs, expiresAtMs } = row;
  const { createdAtMs, seriesId, isAdjustment } = row;
  const times = { grantAtMs, expiresAtMs, createdAtMs };
  return {
    allocationId,
    state,
    amountMicro,
    spentMicro,
    priority,
    ...times,
    seriesId,
    isAdjustment,
  };
}

export const loadStates: typeof states.loadStates = (tx, accountIds, options) =>
  ask(tx, 'credits.loadStates', (view) => {
    const known = accountIds.filter((id) => view.get('state', id, 0) !== undefined);
    const withRules = options?.withoutAlertRules !== true;
    return new Map(known.map((id) => [id, stateIn(view, id, withRules)]));
  });

export const loadRatesKnownTo: typeof states.loadRatesKnownTo = (tx) =>
  ask(tx, 'credits.loadRates', () => [RATE]);

export const savePosition: typeof states.savePosition = (tx, state, saved) => {
  later(tx, 'credits.savePosition', (view) => {
    const { accountId, credits: wallet, runs, cycle } = state;
    const { lastLocalId, lastLedgerSequence, lastLedgerHash, lastAlertSequence } = state;
    const account = view.need('account', accountId, 0);
    const earlier = [
      ...saved.cycles
        .slice(0, -1)
        .reverse()
        .map(({ startMs }) => startMs),
      ...account.cycle.earlierStartsMs,
    ];
    view.change('account', accountId, 0, {
      settledAtMs: state.atMs,
      lastLocalId,
      cycle: { startMs: cycle.startMs, endMs: cycle.endMs, earlierStartsMs: earlier.slice(0, 2) },
    });
    view.change('state', accountId, 0, {
      ...{ debtMicro: wallet.debtMicro, runsDebtMicro: runs.debtMicro },
      ...{ hasCredits: wallet.hasBegun, hasRuns: runs.hasBegun, balanceMicro: saved.balanceMicro },
      ...{ cycleId: cycle.cycleId, lastLedgerSequence, lastLedgerHash, lastAlertSequence },
      nextDueMs: saved.nextDueMs,
    });
    for (const { allocationId, state: lotState, spentMicro, expiresAtMs } of saved.lots) {
      const changed = { state: lotState, spentMicro, expiresAtMs };
      view.change('lot', accountId, allocationId, changed);
    }
    for (const one of saved.cycles)
      view.put('cycle', accountId, one.cycleId, { accountId, ...one });
    for (const { callId } of view.open('policy', accountId)) {
      view.change('policy', accountId, callId, { atMs: state.atMs });
    }
  });
};

export const savePolicy: typeof states.savePolicy = (tx, accountId, policy) =>
  ask(tx, 'credits.savePolicy', (view) => {
    view.change('state', accountId, 0, { policy });
    const callId = view.server.next();
    view.insert('policy', accountId, callId, { callId, policy, atMs: null });
  });

export const insertLines: typeof ledger.insertLines = (tx, accountId, lines) => {
  later(tx, 'credits.insertLines', (view) => {
    for (const line of lines) {
      view.insert('entry', accountId, line.sequence, line);
    }
  });
};

export const findReversal: typeof ledger.findReversal = (tx, accountId, seq) =>
  ask(tx, 'credits.findReversal', (view) => {
    const isIt = ({ kind, events }: ledger.ChainedLine): boolean =>
      kind === 'REVERSAL' && events?.firstSeq === seq;
    const line = view.all('entry', accountId).find(isIt);
    return line === undefined ? null : { ...line, accountId, recordedAtMs: line.bookedAtMs };
  });

export const saveAlertRules: typeof thresholds.saveAlertRules = (tx, accountId, rules) => {
  later(tx, 'credits.saveAlertRules', (view) => {
    for (const rule of rules) view.put('rule', accountId, rule.ruleId, rule);
  });
};

export const listThresholds: typeof thresholds.listThresholds = (tx) =>
  ask(tx, 'credits.listThresholds', () => []);

export const insertAudit: typeof audit.insertAudit = () => {
  // Nobody reads it here.
};

export const findRequest: typeof credits.findRequest = (tx, accountId, { idempotencyKey, body }) =>
  ask(tx, 'credits.findRequest', (view) => {
    const earlier = view.get('request', accountId, idempotencyKey);
    if (earlier === undefined) return null;
    return { ...earlier, isSameBody: earlier.body === JSON.stringify(body) };
  });

export const insertRequest: typeof credits.insertRequest = (tx, accountId, call, made) =>
  ask(tx, 'credits.insertRequest', (view) => {
    const body = JSON.stringify(call.body);
    view.insert('request', accountId, call.idempotencyKey, { body, ...made });
  });

export const sumGiven: typeof credits.sumGiven = (tx) =>
  ask(tx, 'credits.sumGiven', () => ({ onceMicro: 0n, everyCycleMicro: 0n }));

export const insertAllocation: typeof credits.insertAllocation = (tx, accountId, allocation) =>
  ask(tx, 'credits.insertAllocation', (view) => {
    const { isEveryCycle, ...columns } = allocation;
    const { allocationId } = columns;
    const none = { spentMicro: 0n, voidedAtMs: null, isReturn: false };
    const seriesId = isEveryCycle ? allocationId : null;
    view.insert('lot', accountId, allocationId, { ...columns, ...none, accountId, seriesId });
  });

export const insertMadeLots: typeof credits.insertMadeLots = (tx, accountId, made) => {
  later(tx, 'credits.insertMadeLots', (view) => {
    for (const { lot, unit } of made) {
      view.insert('lot', accountId, lot.allocationId, {
        ...{ ...lot, accountId, unit, source: 'ADJUSTMENT', effectiveAtMs: lot.grantAtMs },
        ...{ note: null, voidedAtMs: null, isReturn: true },
      });
    }
  });
};

// ---- hosting

function segmentsIn(view: View, accountId: number): readonly hosting.PostedSegment[] {
  return view.all('segment', accountId).filter(({ isVoided }) => !isVoided);
}

const saveSegments = (view: View, segments: readonly hosting.NewSegment[]): void => {
  for (const segment of segments) {
    const row = { ...segment, postedMicro: segment.postedMicro ?? null, isVoided: false };
    view.insert('segment', segment.accountId, segment.segmentId, row);
  }
};

export const insertSegments: typeof hosting.insertSegments = (tx, segments) =>
  ask(tx, 'hosting.insertSegments', (view) => {
    saveSegments(view, segments);
  });

export const saveSettledSegments: typeof hosting.saveSettledSegments = (tx, accountId, changed) => {
  later(tx, 'hosting.saveSettledSegments', (view) => {
    for (const { segmentId, postedMicro, fromMs, toMs } of [...changed.ended, ...changed.posted]) {
      const isVoided = toMs !== null && toMs <= fromMs;
      const change = { postedMicro, isVoided, toMs: isVoided ? null : toMs };
      view.change('segment', accountId, segmentId, change);
    }
    saveSegments(
      view,
      changed.begun.filter(({ fromMs, toMs }) => fromMs !== toMs),
    );
  });
  return Promise.resolve();
};

export const loadOverlapping: typeof hosting.loadOverlapping = (tx, accountId, ids, range) =>
  ask(tx, 'hosting.loadOverlapping', (view) =>
    segmentsIn(view, accountId).filter(
      ({ resourceId, fromMs, toMs }) =>
        ids.includes(resourceId) && fromMs < range.toMs && (toMs ?? Infinity) > range.fromMs,
    ),
  );

export const loadLifecycleAfter: typeof hosting.loadLifecycleAfter = (tx, address, atMs) =>
  ask(tx, 'hosting.loadLifecycleAfter', (view) =>
    segmentsIn(view, address.accountId)
      .filter(
        ({ resourceId, toMs }) => resourceId === address.resourceId && (toMs ?? Infinity) > atMs,
      )
      .map((segment) => ({ ...segment, folded: false })),
  );

export const loadRunning: typeof hosting.loadRunning = (tx, addresses) =>
  ask(tx, 'hosting.loadRunning', (view) =>
    addresses.flatMap((address) =>
      view
        .open('segment', address.accountId)
        .filter(({ resourceId }) => resourceId === address.resourceId),
    ),
  );

// ---- resources

export const loadHardware: typeof catalogue.loadHardware = (tx) =>
  ask(tx, 'catalogue.loadHardware', () => [PROFILE]);

export const holdRates: typeof catalogue.holdRates = () => Promise.resolve();

export const loadResources: typeof resources.loadResources = (tx, addresses) =>
  ask(tx, 'resources.loadResources', (view) =>
    addresses.map(({ accountId, resourceId }) => view.need('resource', accountId, resourceId)),
  );

export const resolveResourceRefs: typeof resources.resolveResourceRefs = (tx, accountId, refs) =>
  ask(tx, 'resources.resolveResourceRefs', (view) =>
    refs.map(
      (ref) => view.all('resource', accountId).find((one) => refKey(one) === refKey(ref)) ?? null,
    ),
  );

export const saveLifecycle: typeof resources.saveLifecycle = (tx, address, columns) =>
  ask(tx, 'resources.saveLifecycle', (view): Resource => {
    const { accountId, resourceId } = address;
    // Of what the call knows, only the columns are written.
    const { status, endpointUrl, failureMessage, requestedHardwareId, requestedReplicas } = columns;
    const { lifecycleAtMs, deployedAtMs, changedAtMs, stoppedAtMs } = columns;
    view.change('resource', accountId, resourceId, {
      ...{ status, endpointUrl, failureMessage, requestedHardwareId, requestedReplicas },
      ...{ lifecycleAtMs, deployedAtMs, changedAtMs, stoppedAtMs },
    });
    const callId = view.server.next();
    view.insert('lifecycle', accountId, callId, { callId, status, lifecycleAtMs });
    return view.need('resource', accountId, resourceId);
  });

export const saveStops: typeof resources.saveStops = (tx, accountId, stops, message) =>
  ask(tx, 'resources.saveStops', (view) => {
    for (const { resourceId, atMs } of stops) {
      const none = { requestedHardwareId: null, requestedReplicas: null };
      const ended = { status: 'UNDEPLOYED', failureMessage: message, stoppedAtMs: atMs } as const;
      view.change('resource', accountId, resourceId, { ...none, ...ended });
      view.insert('stop', accountId, view.server.next(), { atMs });
    }
  });
