import { requireAccount, requireRef } from '../access/authorize.ts';
import { type Account } from '../account/account.ts';
import type { AccountService } from '../account/account.service.ts';
import { takeLocalIds } from '../account/account.store.ts';
import { IdempotencyConflictError, UserInputError } from '../core/errors.ts';
import { unknownId, type Actor } from '../core/identity.ts';
import { formatMicro, MICRO_MAX } from '../core/micro.ts';
import { parseText } from '../core/text.ts';
import type { Tx } from '../db/database.ts';
import {
  newAllocation,
  parseAllocateRequest,
  VOID_REASON_LENGTH_MAX,
  type AllocateRequest,
  type CreditAllocation,
  type NewAllocation,
} from './allocation.ts';
import {
  countAllocations,
  findAllocation,
  findAllocationByKey,
  insertAllocation,
  loadAllocationPages,
  sumAllocated,
  voidAllocation,
  type AllocationList,
  type AllocationPage,
} from './credits.store.ts';

export type { AllocationList, AllocationPage };

/** An allocation and whose it is. */
export interface AllocationOfAccount {
  readonly allocation: CreditAllocation;
  readonly account: Account;
}

/** The rows of each page of accounts that the caller may read, newest first, at the page's index. */
export async function readAllocationPages(
  tx: Tx,
  pages: readonly AllocationPage[],
): Promise<readonly (readonly CreditAllocation[])[]> {
  return loadAllocationPages(tx, pages);
}

/** How many allocations each list has, at the list's index. */
export async function countAllocationLists(
  tx: Tx,
  lists: readonly AllocationList[],
): Promise<readonly number[]> {
  return countAllocations(tx, lists);
}

export class CreditsService {
  constructor(private readonly accounts: AccountService) {}

  /**
   * Gives an account credits or runs. The same idempotency key with the same body is answered with the first result, also
   * when that body could not be allocated any more (its expiry has passed).
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, IDEMPOTENCY_CONFLICT for the key with another body
   */
  async allocate(actor: Actor, request: AllocateRequest): Promise<AllocationOfAccount> {
    const accountId = requireAccount(actor, 'OPERATOR', {
      accountId: request.accountId,
      path: ['input', 'accountId'],
    });
    const parsed = parseAllocateRequest(request);
    return this.accounts.inAccount(accountId, async (tx, account) => {
      const earlier = await findAllocationByKey(tx, accountId, parsed);
      if (earlier !== null) {
        if (earlier.isSameBody) return { allocation: earlier.allocation, account };
        throw new IdempotencyConflictError(
          `The idempotencyKey ${JSON.stringify(parsed.idempotencyKey)} was used for an allocation with another body.`,
          { path: ['input', 'idempotencyKey'] },
        );
      }
      const made = newAllocation(parsed.body, account, this.accounts.nowMs());
      await requireSumFits(tx, accountId, made);
      const allocationId = await takeLocalIds(tx, accountId, 1);
      await insertAllocation(tx, made, { accountId, allocationId, ...parsed });
      return {
        allocation: { ...made, accountId, allocationId, spentMicro: 0n, voidedAtMs: null },
        account,
      };
    });
  }

  /**
   * Ends an allocation now. One that was voided before is returned unchanged.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT
   */
  async void(
    actor: Actor,
    named: { readonly id: string; readonly reason: string },
  ): Promise<AllocationOfAccount> {
    const ref = requireRef(actor, 'OPERATOR', {
      id: named.id,
      types: ['CreditAllocation'],
      path: ['id'],
    });
    const reason = parseText(named.reason, ['reason'], VOID_REASON_LENGTH_MAX);
    const { accountId, localId: allocationId } = ref;
    return this.accounts.inAccount(accountId, async (tx, account) => {
      await voidAllocation(
        tx,
        { accountId, allocationId },
        { atMs: this.accounts.nowMs(), reason },
      );
      const allocation = await findAllocation(tx, accountId, allocationId);
      if (allocation === null) throw unknownId(named.id, ['id']);
      return { allocation, account };
    });
  }

  /** The allocation of an id, for `node`. @throws FORBIDDEN, NOT_FOUND */
  async get(actor: Actor, tx: Tx, id: string): Promise<AllocationOfAccount> {
    const ref = requireRef(actor, 'READ_USAGE', { id, types: ['CreditAllocation'], path: ['id'] });
    const allocation = await findAllocation(tx, ref.accountId, ref.localId);
    if (allocation === null) throw unknownId(id, ['id']);
    return { allocation, account: await this.accounts.get(tx, ref.accountId) };
  }
}

// Every sum of an account's allocations must be a number that the API can say and a balance can hold.
async function requireSumFits(tx: Tx, accountId: number, made: NewAllocation): Promise<void> {
  const beforeMicro = await sumAllocated(tx, accountId, made.unit);
  if (beforeMicro + made.amountMicro <= MICRO_MAX) return;
  throw new UserInputError(
    `amount is ${formatMicro(made.amountMicro)}; with what the account was allocated before, at most ${formatMicro(MICRO_MAX - beforeMicro)} more can be held.`,
    { path: ['input', 'amount'] },
  );
}
