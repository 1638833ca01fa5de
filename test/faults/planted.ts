// Faults of the code that the rig and the simulation are both to see.

import type { Mutation } from './mutants.ts';

export const ALERTS_RAISED_LATER: Mutation = {
  file: 'src/settlement/settlement.service.ts',
  from: `await subscriber.settled({
        tx,
        account,
        creditEvents,
        recordedAtMs,
        position,
        forecast: forecastNow,
      });`,
  to: `const happened = { account, creditEvents, recordedAtMs, position, forecast: forecastNow };
      setTimeout(() => {
        this.accounts
          .inAccount(account.accountId, (later) => subscriber.settled({ ...happened, tx: later }))
          .catch(() => undefined);
      }, 2_000);`,
};

export const ROUNDED_RATES: Mutation = {
  file: 'src/hosting/charge.ts',
  from: 'floorDiv(microPerHour * BigInt(ranMs), MS_PER_HOUR)',
  to: 'BigInt(ranMs) * floorDiv(microPerHour, MS_PER_HOUR)',
};

export const ID_OF_EACH_ATTEMPT: Mutation = {
  file: 'src/partners/delivery.service.ts',
  from: `'webhook-id': webhookId,`,
  to: `'webhook-id': \`\${webhookId}-\${nowMs}\`,`,
};
