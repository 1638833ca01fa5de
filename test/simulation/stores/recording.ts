// What recording/events.store.ts and rollups/units.store.ts do, for the events of the simulation.

import type * as events from '../../../src/recording/events.store.ts';
import { identityKey } from '../../../src/recording/event.ts';
import type * as rollups from '../../../src/rollups/rollups.store.ts';
import type * as units from '../../../src/rollups/units.store.ts';
import { ask, later } from '../server.ts';

export const loadRecorded: typeof events.loadRecorded = (tx, accountId, identities) =>
  ask(tx, 'usage.loadRecorded', (view) =>
    identities.flatMap((asked) => {
      const seq = view.get('identity', accountId, identityKey(asked));
      return seq === undefined ? [] : [{ asked, seq, event: view.need('event', accountId, seq) }];
    }),
  );

export const insertEvents: typeof events.insertEvents = (tx, accountId, batch) => {
  later(tx, 'usage.insertEvents', (view) => {
    view.change('account', accountId, 0, { recorded: batch.totals });
    for (const event of batch.events) {
      const key = identityKey(event);
      view.insert('identity', accountId, key, event.seq);
      const recorded = { accountId, recordedAtMs: batch.nowMs, voidedAtMs: null };
      view.insert('event', accountId, event.seq, { ...event, ...recorded });
    }
  });
};

export const findRecorded: typeof events.findRecorded = (tx, accountId, identity) =>
  ask(tx, 'usage.loadRecorded', (view) => {
    const seq = view.get('identity', accountId, identityKey(identity));
    return seq === undefined ? null : view.need('event', accountId, seq);
  });

export const markVoided: typeof events.markVoided = (tx, { accountId, seq }, { atMs }) =>
  ask(tx, 'usage.markVoided', (view) => {
    view.change('event', accountId, seq, { voidedAtMs: atMs });
  });

export const startUnits: typeof units.startUnits = () => Promise.resolve();

export const removeFromRollups: typeof rollups.removeFromRollups = () => Promise.resolve();

export const removeSegmentsFromRollups: typeof rollups.removeSegmentsFromRollups = () =>
  Promise.resolve();
