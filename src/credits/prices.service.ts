import { requireAccount } from '../access/authorize.ts';
import type { Account } from '../account/account.ts';
import type { AccountService } from '../account/account.service.ts';
import { auditEntry } from '../audit/audit.ts';
import { insertAudit } from '../audit/audit.store.ts';
import { type Actor, encodeId } from '../core/identity.ts';
import { isoInstant } from '../core/range.ts';
import { newPrice, priceAt, pricesInForce, type SetCreditPriceRequest } from './prices.ts';
import { insertPrice, loadPrices } from './prices.store.ts';

export class PricesService {
  constructor(private readonly accounts: AccountService) {}

  /**
   * Sets what a credit costs an account from an instant on. What holds at that instant already changes nothing.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, CONFLICT when there are too many
   */
  async setPrice(actor: Actor, request: SetCreditPriceRequest): Promise<Account> {
    const accountId = requireAccount(actor, 'OPERATOR', {
      accountId: request.accountId,
      path: ['input', 'accountId'],
    });
    return this.accounts.inAccount(accountId, async (tx, account, nowMs) => {
      const known = await loadPrices(tx, [accountId]);
      const made = newPrice(request, known, nowMs);
      if (made === null) return account;
      const { currency, listMicro, contractedMicro, fromMs } = made;
      const before = priceAt(pricesInForce(known), fromMs);
      await insertPrice(tx, { accountId, priceId: known.length + 1, ...made, setAtMs: nowMs });
      const entry = auditEntry(actor, {
        action: 'setCreditPrice',
        accountId,
        target: encodeId('Account', accountId, accountId),
        name: `${account.name} from ${isoInstant(fromMs)}`,
        from: {
          currency: before?.currency ?? null,
          listPerCreditMicro: before?.listMicro ?? null,
          contractedPerCreditMicro: before?.contractedMicro ?? null,
        },
        to: { currency, listPerCreditMicro: listMicro, contractedPerCreditMicro: contractedMicro },
      });
      insertAudit(tx, [entry], this.accounts.realNowMs());
      return account;
    });
  }
}
