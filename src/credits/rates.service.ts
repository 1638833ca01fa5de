// A new rate concerns all accounts that run on its hardware: their clocks must take it into account.

import { requireScope } from '../access/authorize.ts';
import type { Account } from '../account/account.ts';
import type { AccountService } from '../account/account.service.ts';
import { lockAccount } from '../account/account.store.ts';
import {
  holdRates,
  loadHardware,
  loadRates,
  lockRates,
  upsertRate,
} from '../catalogue/catalogue.store.ts';
import type { PricedHardware } from '../catalogue/catalogue.service.ts';
import { hardwareNamed, parseNewRate, type SetHardwareRateRequest } from '../catalogue/rates.ts';
import { auditEntry } from '../audit/audit.ts';
import { insertAudit } from '../audit/audit.store.ts';
import { UnavailableError } from '../core/errors.ts';
import { type Actor, encodeId } from '../core/identity.ts';
import { isoInstant } from '../core/range.ts';
import type { Database, Tx } from '../db/database.ts';
import type { SettlementService } from '../settlement/settlement.service.ts';
import type { KnownRate } from '../engine/state.ts';
import { findTestAccountsOn, loadRatesKnownTo, makeDue } from '../settlement/state.store.ts';
import { applyRates } from '../engine/writes.ts';

/** More than a commit takes, in milliseconds. */
const COMMIT_MARGIN_MS = 1_000;

export class RatesService {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountService,
    private readonly settlements: SettlementService,
  ) {}

  /**
   * Adds a rate that takes effect in the future. The lead is far longer than a statement may take, so the rate is committed
   * before it takes effect. Forecasts of accounts that run on the hardware use it at once. A test account whose time is past the
   * rate's start uses it from its own position on.
   * @throws FORBIDDEN, BAD_USER_INPUT, NOT_FOUND for an unknown profile
   */
  async setRate(actor: Actor, request: SetHardwareRateRequest): Promise<PricedHardware> {
    requireScope(actor, 'OPERATOR');
    const nowMs = this.accounts.realNowMs();
    const rate = parseNewRate(request, nowMs);
    const priced = await this.database.inTransaction('operator', async (tx) => {
      const profiles = await loadHardware(tx);
      const profile = hardwareNamed(profiles, request.hardware, ['input', 'hardware']);
      const { hardwareId } = profile;
      // A deployment that begins on the hardware meanwhile is found below, or reads the new rate (holdRatesKnownTo).
      await lockRates(tx, hardwareId);
      // Locked before the rate is written, so that hosting until now is charged at the old rates.
      const tests = await findTestAccountsOn(tx, hardwareId);
      const locked: Account[] = [];
      for (const accountId of tests) {
        const found = await lockAccount(tx, accountId);
        if (found !== null) locked.push(found.account);
      }
      const before = (await loadRates(tx, [hardwareId])).find(
        ({ fromMs }) => fromMs === rate.fromMs,
      );
      await upsertRate(tx, { hardwareId, ...rate }, nowMs);
      for (const account of locked) await this.applyTo(tx, account);
      // No account may have passed the rate's start before the rate is committed.
      if (this.accounts.realNowMs() >= rate.fromMs - COMMIT_MARGIN_MS) {
        throw new UnavailableError(
          'The rate could not be written before its instant; send it again with a later effectiveFrom.',
        );
      }
      const entry = auditEntry(actor, {
        action: 'setHardwareRate',
        accountId: null,
        target: encodeId('HardwareProfile', null, hardwareId),
        name: `${profile.name} from ${isoInstant(rate.fromMs)}`,
        from: { creditsPerHour: before?.rateMicroPerHour ?? null },
        to: { creditsPerHour: rate.rateMicroPerHour },
      });
      if (entry.changes.length > 0) insertAudit(tx, [entry], nowMs);
      return { profile, rates: await loadRates(tx, [hardwareId]) };
    });
    // After the commit and under the accounts' locks: any settlement that did not see the rate has ended by then.
    await this.database.inTransaction('operator', (tx) =>
      makeDue(tx, { hardwareId: priced.profile.hardwareId, atMs: nowMs }),
    );
    return priced;
  }

  private async applyTo(tx: Tx, account: Account): Promise<void> {
    await this.settlements.move({ tx, account }, account.settledAtMs, ({ draft }) => {
      applyRates(draft);
      return Promise.resolve();
    });
  }
}

/** All rates that an account knows, held until a deployment has begun on a hardware: no other rate is set before. */
export async function holdRatesKnownTo(
  tx: Tx,
  account: { readonly isTest: boolean },
  hardwareId: number,
): Promise<readonly KnownRate[]> {
  await holdRates(tx, hardwareId);
  return loadRatesKnownTo(tx, account);
}
