// The simulation lives through a handful of seeds in which nothing is violated, and sees faults of the code, each by the name of the
// promise that it breaks.

import { describe, expect, it } from '@jest/globals';
import type { Mutation } from '../faults/mutants.ts';
import { ALERTS_RAISED_LATER, ID_OF_EACH_ATTEMPT, ROUNDED_RATES } from '../faults/planted.ts';
import { bundled, simulate } from '../simulation/bundle.ts';

const SEEDS = ['1', '2', '3'];
/** One round of faults of a busy world. */
const LIFE = { accountHours: 0.5, world: 'busy' } as const;
/** A fault that shows by chance is met sooner or later. */
const SEEDS_MAX = 20;

interface Planted {
  readonly mutations: readonly Mutation[];
  readonly broken: string;
}

const FEED = 'src/alerts/alert.feed.ts';
const BALANCES = 'src/alerts/balance.feed.ts';
const DELIVERY = 'src/partners/delivery.service.ts';
const DELIVERIES = 'test/simulation/stores/delivering.ts';

const PLANTED: Readonly<Record<string, Planted>> = {
  'raises alerts outside of the transaction': {
    mutations: [ALERTS_RAISED_LATER],
    broken: 'each crossing is told once, at its exact instant',
  },
  'does not keep when an account is due': {
    mutations: [
      {
        file: 'src/settlement/settlement.service.ts',
        from: 'nextDueMs: standsStill(account) ? null : nextDueMs(draft),',
        to: 'nextDueMs: null,',
      },
    ],
    broken: 'each crossing is told once, at its exact instant',
  },
  'stops what runs before the limit is reached': {
    mutations: [
      {
        file: 'src/engine/clock.ts',
        from: 'creditStateOf(state.credits.hasBegun, balanceMicro, state.policy)',
        to: 'creditStateOf(state.credits.hasBegun, balanceMicro - 500_000n, state.policy)',
      },
    ],
    broken: 'what runs is stopped at the exact instant',
  },
  'writes no messages': {
    mutations: [
      {
        file: 'src/partners/outbox.service.ts',
        from: 'if (listeners.length === 0) return;',
        to: 'if (listeners.length >= 0) return;',
      },
    ],
    broken: 'each alert is a webhook',
  },
  'reads an account before it has its lock': {
    mutations: [
      {
        file: 'src/account/account.service.ts',
        from: `const locking = this.lock(tx, accountId);
      const [{ account, nowMs }, known] = await Promise.all([locking, read(tx)]);`,
        to: `const known = await read(tx);
      const { account, nowMs } = await this.lock(tx, accountId);`,
      },
    ],
    broken: 'no gateway meets a fault of its own',
  },
  'rounds rates': {
    mutations: [ROUNDED_RATES],
    broken: 'what runs is stopped at the exact instant',
  },
  'acknowledges what it could not commit': {
    mutations: [
      {
        file: 'src/recording/commit-queue.ts',
        from: 'call.reject(error);',
        to: `call.resolve(call.items.map(() => ({ outcome: 'ACCEPTED' }) as never));`,
      },
    ],
    broken: 'what was acknowledged is there',
  },
  'does not look whether credits were given before': {
    mutations: [
      {
        file: 'src/credits/allocations.service.ts',
        from: 'if (earlier?.allocationId != null) return',
        to: 'if (earlier?.allocationId === 0) return',
      },
    ],
    broken: 'no gateway meets a fault of its own',
  },
  "takes the position of a feed before it joins the account's group": {
    mutations: [
      {
        file: FEED,
        from: `    group.subscribers.add(subscriber);
    try {
      const last = await this.lastSequences.load(accountId);`,
        to: `    try {
      const last = await this.lastSequences.load(accountId);
      group.subscribers.add(subscriber);`,
      },
    ],
    broken: 'each subscriber is told everything once and in order',
  },
  'moves the position of all subscribers when one joins them': {
    mutations: [{ file: FEED, from: 'group.head ??= last;', to: 'group.head = last;' }],
    broken: 'each subscriber is told everything once and in order',
  },
  'looks for alerts only when it is told of them': {
    mutations: [
      {
        file: FEED,
        from: 'for (const accountId of this.groups.keys()) this.nudge(accountId);',
        to: '',
      },
    ],
    broken: 'each subscriber is told everything once and in order',
  },
  'gives each attempt an id of its own': {
    mutations: [ID_OF_EACH_ATTEMPT],
    broken: 'a message has one id and one body',
  },
  'forgets the messages that it did not send at once': {
    mutations: [
      { file: DELIVERY, from: '    await this.reschedule(ref, clock.nowMs());\n  }', to: '  }' },
    ],
    broken: 'nothing due waits for over a minute',
  },
  'saves the outcome of an attempt without asking whose claim it is': {
    mutations: [
      {
        file: DELIVERIES,
        from: 'if (row.claimedUntilMs !== claimedUntilMs) return false;',
        to: '',
      },
      {
        file: DELIVERIES,
        from: `row.attempts === attempts && row.status === 'PENDING'`,
        to: 'attempts >= 0',
      },
    ],
    broken: 'what is delivered stays so',
  },
  'gives a voided charge back twice': {
    mutations: [
      {
        file: 'src/recording/events.service.ts',
        from: 'if (event.voidedAtMs !== null) {',
        to: 'if (event.voidedAtMs !== null && event.voidedAtMs < nowMs - 60_000) {',
      },
    ],
    broken: "the client's books = balance",
  },
  'spends credits that have expired': {
    mutations: [
      {
        file: 'src/engine/due-lots.ts',
        from: '(lot.expiresAtMs ?? Infinity)',
        to: '(lot.expiresAtMs ?? Infinity) + 5_000',
      },
    ],
    broken: "the client's books = balance",
  },
  'reads balances past one another': {
    mutations: [
      {
        file: BALANCES,
        from: 'const reading = this.reading.then(async () => {',
        to: 'const reading = Promise.resolve().then(async () => {',
      },
      { file: BALANCES, from: 'if (this.isLooking) return;', to: '' },
    ],
    broken: 'no update of a balance is older than the one before',
  },
  'looks for writes only when it is told of alerts': {
    mutations: [
      {
        file: BALANCES,
        from: 'for (const accountId of this.accounts.keys()) this.nudge(accountId);',
        to: '',
      },
    ],
    broken: 'the latest update of a balance is soon there',
  },
  'forgets an email that the mail server did not take': {
    mutations: [
      {
        file: 'src/notifications/delivery.service.ts',
        from: 'await enqueue(tx, sendEmailJob(ref, this.clock.nowMs() + delayMs));',
        to: '',
      },
    ],
    broken: 'each email comes at least once',
  },
  'gives an email up at once': {
    mutations: [
      {
        file: 'src/notifications/delivery.service.ts',
        from: `const status = delayMs === undefined ? 'FAILED' : 'PENDING';`,
        to: `const status = 'FAILED';`,
      },
    ],
    broken: 'each email comes at least once',
  },
  'forgets when credits expire': {
    mutations: [
      {
        file: 'src/settlement/allocation.ts',
        from: 'expiresAtMs: expiresAt,',
        to: 'expiresAtMs: null,',
      },
    ],
    broken: 'credits are granted as they were asked for',
  },
  'judges by the policy that was': {
    mutations: [
      {
        file: 'src/credits/credit-account.service.ts',
        from: '      setPolicy(draft, policy);\n',
        to: '      setPolicy(draft, before);\n',
      },
    ],
    broken: 'each crossing is told once, at its exact instant',
  },
  'leaves the jobs of dead gateways alone': {
    mutations: [
      {
        file: 'src/db/job-runner.ts',
        from: 'await this.pool.query(freeForgotten(this.workerId, jobIds, this.timing.silentAfterMs));',
        to: 'void freeForgotten(this.workerId, jobIds, 0);',
      },
    ],
    broken: 'no job is stuck for over a minute',
  },
};

/** The promises that a mutant breaks in the first seed in which it breaks any. */
async function brokenBy(mutations: readonly Mutation[]): Promise<readonly string[]> {
  const seeds = Array.from({ length: SEEDS_MAX }, (_, index) => String(index + 1));
  const lives = await bundled(mutations, (script) =>
    simulate(script, seeds, { ...LIFE, endsBroken: true }),
  );
  return lives.flatMap(({ violations }) => violations.map(({ promise }) => promise));
}

describe('the simulation', () => {
  it('finds nothing wrong with the gateway as it is', async () => {
    const lives = await bundled([], (script) => simulate(script, SEEDS, LIFE));

    expect(lives.flatMap(({ violations }) => violations)).toEqual([]);
    for (const { alerts, messages, commits } of lives) {
      expect([alerts, messages, commits].every((count) => count > 50)).toBe(true);
    }
  });

  it('lives the same life from the same seed', async () => {
    const [first, second] = await bundled([], async (script) => [
      await simulate(script, SEEDS.slice(0, 1), LIFE),
      await simulate(script, SEEDS.slice(0, 1), LIFE),
    ]);

    expect(second).toEqual(first);
  });

  it.each(Object.entries(PLANTED))(
    'sees a gateway that %s',
    async (_what, { mutations, broken }) => {
      expect(await brokenBy(mutations)).toContain(broken);
    },
  );
});
