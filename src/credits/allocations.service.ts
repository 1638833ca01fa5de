import { requireAccount, requireRef } from '../access/authorize.ts';
import type { Account } from '../account/account.ts';
import type { AccountService } from '../account/account.service.ts';
import { auditEntry, type Fields } from '../audit/audit.ts';
import { IdempotencyConflictError, UserInputError } from '../core/errors.ts';
import { encodeId, unknownId, type Actor } from '../core/identity.ts';
import { formatMicro, parseMicro } from '../core/micro.ts';
import { parseText } from '../core/text.ts';
import type { Tx } from '../db/database.ts';
import {
  type AllocateRequest,
  type AllocationBody,
  type CreditAllocation,
  lotOf,
  type NewAllocation,
  newAdjustment,
  newAllocation,
  parseAllocateRequest,
  VOID_REASON_LENGTH_MAX,
} from '../settlement/allocation.ts';
import { EVERY_CYCLE_MICRO_MAX, HELD_MICRO_MAX } from '../engine/bounds.ts';
import {
  findAllocation,
  findRequest,
  insertAllocation,
  insertRequest,
  sumGiven,
  voidAllocation,
} from '../settlement/credits.store.ts';
import { findLiveOf } from '../engine/lots.ts';
import type { LedgerRef } from './ledger.service.ts';
import type { OpenAccount, SettlementService } from '../settlement/settlement.service.ts';
import { adjustUp, allocate, takeAdjustment, voidLot } from '../engine/writes.ts';

/** An allocation and whose it is. */
export interface AllocationOfAccount {
  readonly allocation: CreditAllocation;
  readonly account: Account;
}

/** Points to an allocation. */
export interface AllocationRef {
  readonly accountId: number;
  readonly allocationId: number;
}

/** What adjustCredits is called with, as the API takes it. */
export interface AdjustCreditsRequest {
  readonly accountId?: string | null;
  readonly amount: string;
  readonly reason: string;
  readonly idempotencyKey: string;
}

/** A call that is answered with its first result when it comes again. */
interface Call {
  readonly idempotencyKey: string;
  readonly body: object;
}

export class AllocationsService {
  constructor(
    private readonly accounts: AccountService,
    private readonly settlements: SettlementService,
  ) {}

  /**
   * Gives an account credits or runs. The same idempotency key with the same body returns the first result, even
   * when that body could no longer be allocated (its expiry has passed).
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, IDEMPOTENCY_CONFLICT for the key with another body
   */
  async allocate(actor: Actor, request: AllocateRequest): Promise<AllocationRef> {
    const accountId = requireAccount(actor, 'OPERATOR', {
      accountId: request.accountId,
      path: ['input', 'accountId'],
    });
    const { idempotencyKey, body } = parseAllocateRequest(request);
    const call = { idempotencyKey, body: { operation: 'allocate', ...body } };
    return this.settlements.inAccount(accountId, async (open) => {
      const { tx, account, draft } = open;
      const earlier = await earlierResult(open, call);
      if (earlier?.allocationId != null) return { accountId, allocationId: earlier.allocationId };
      const made = newAllocation(body, { ...account, cycle: draft.state.cycle }, open.nowMs);
      await requireSumFits(open, made);
      const allocation = { ...made, allocationId: draft.takeLocalId() };
      await insertAllocation(tx, accountId, allocation);
      if (made.state === 'PENDING') allocate(draft, made.unit, lotOf(allocation));
      const { allocationId } = allocation;
      await insertRequest(tx, accountId, call, { allocationId, ledgerSequence: null });
      open.audited.push(
        auditEntry(actor, {
          action: 'allocate',
          accountId,
          target: encodeId('CreditAllocation', accountId, allocationId),
          to: auditedBody(body),
        }),
      );
      return { accountId, allocationId };
    });
  }

  /**
   * Ends an allocation now: what is left of it is taken back. Voiding any allocation of a recurring grant ends the
   * recurrence and voids the pending or active one. An allocation that was voided before stays as it is.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT
   */
  async void(
    actor: Actor,
    named: { readonly id: string; readonly reason: string },
  ): Promise<AllocationRef> {
    const ref = requireRef(actor, 'OPERATOR', {
      id: named.id,
      types: ['CreditAllocation'],
      path: ['id'],
    });
    const reason = parseText(named.reason, ['reason'], VOID_REASON_LENGTH_MAX);
    const { accountId, localId: allocationId } = ref;
    return this.settlements.inAccount(accountId, async (open) => {
      const { tx, draft, nowMs } = open;
      const allocation = await findAllocation(tx, accountId, allocationId);
      if (allocation === null) throw unknownId(named.id, ['id']);
      if (allocation.voidedAtMs !== null) return { accountId, allocationId };
      const { unit, seriesId } = allocation;
      // Earlier allocations of a recurring grant, whose cycles have ended, stay as they were.
      const ending = seriesId === null ? allocation : findLiveOf(draft.wallet(unit), seriesId);
      if (ending !== undefined) {
        voidLot(draft, unit, ending);
        const ended = { accountId, allocationId: ending.allocationId };
        await voidAllocation(tx, ended, { atMs: nowMs, reason });
        open.audited.push(
          auditEntry(actor, {
            action: 'voidAllocation',
            accountId,
            target: encodeId('CreditAllocation', accountId, ending.allocationId),
            to: { reason },
          }),
        );
      }
      return { accountId, allocationId };
    });
  }

  /**
   * Corrects a balance: up as a separate lot, down like usage. Idempotency keys are shared with `allocate`.
   * @returns its entry in the ledger
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, IDEMPOTENCY_CONFLICT for the key with another body
   */
  async adjust(actor: Actor, request: AdjustCreditsRequest): Promise<LedgerRef> {
    const accountId = requireAccount(actor, 'OPERATOR', {
      accountId: request.accountId,
      path: ['input', 'accountId'],
    });
    const idempotencyKey = parseText(request.idempotencyKey, ['input', 'idempotencyKey']);
    const reason = parseText(request.reason, ['input', 'reason'], VOID_REASON_LENGTH_MAX);
    const amountMicro = parseAdjustment(request.amount);
    const body = { operation: 'adjust', amount: formatMicro(amountMicro), reason };
    const call = { idempotencyKey, body };
    return this.settlements.inAccount(accountId, async (open) => {
      const earlier = await earlierResult(open, call);
      if (earlier?.ledgerSequence != null) return { accountId, sequence: earlier.ledgerSequence };
      const { tx, draft } = open;
      // An adjustment books nothing before its own line except the posting of hosting.
      if (amountMicro > 0n) await addAdjustment(open, amountMicro, reason);
      else takeDown(open, -amountMicro, reason);
      const sequence = draft.lines.findLast(({ kind }) => kind === 'ADJUSTMENT')?.sequence ?? 0;
      await insertRequest(tx, accountId, call, { allocationId: null, ledgerSequence: sequence });
      open.audited.push(
        auditEntry(actor, {
          action: 'adjustCredits',
          accountId,
          target: encodeId('LedgerEntry', accountId, sequence),
          to: { amountMicro, reason },
        }),
      );
      return { accountId, sequence };
    });
  }

  /** The allocation with an id, for `node`. @throws FORBIDDEN, NOT_FOUND */
  async get(actor: Actor, tx: Tx, id: string): Promise<AllocationOfAccount> {
    const ref = requireRef(actor, 'READ_USAGE', { id, types: ['CreditAllocation'], path: ['id'] });
    return this.read(tx, { accountId: ref.accountId, allocationId: ref.localId }, id);
  }

  /** An allocation with its account. @throws NOT_FOUND */
  async read(tx: Tx, ref: AllocationRef, asNamed = ''): Promise<AllocationOfAccount> {
    const allocation = await findAllocation(tx, ref.accountId, ref.allocationId);
    if (allocation === null) throw unknownId(asNamed, ['id']);
    return { allocation, account: await this.accounts.get(tx, ref.accountId) };
  }
}

function auditedBody({ effectiveAt, expiresAt, ...others }: AllocationBody): Fields {
  return { ...others, effectiveAtMs: effectiveAt, expiresAtMs: expiresAt };
}

/** The result of an earlier call with the same key. @throws IDEMPOTENCY_CONFLICT when that was another call */
async function earlierResult(
  { tx, account }: OpenAccount,
  call: Call,
): Promise<Awaited<ReturnType<typeof findRequest>>> {
  const earlier = await findRequest(tx, account.accountId, call);
  if (earlier === null || earlier.isSameBody) return earlier;
  throw new IdempotencyConflictError(
    `The idempotencyKey ${JSON.stringify(call.idempotencyKey)} was used for a call with another body.`,
    { path: ['input', 'idempotencyKey'] },
  );
}

async function addAdjustment(
  open: OpenAccount,
  amountMicro: bigint,
  reason: string,
): Promise<void> {
  const { tx, account, draft, nowMs } = open;
  const made = newAdjustment(amountMicro, reason, nowMs);
  await requireSumFits(open, made);
  const allocation = { ...made, allocationId: draft.takeLocalId() };
  await insertAllocation(tx, account.accountId, allocation);
  adjustUp(draft, lotOf(allocation), reason);
}

// The debt must leave room for all further charges.
function takeDown({ draft }: OpenAccount, amountMicro: bigint, reason: string): void {
  const leftMicro = draft.position().credits.balanceMicro - amountMicro;
  if (leftMicro < -HELD_MICRO_MAX) {
    throw new UserInputError(
      `amount is ${formatMicro(-amountMicro)}; the balance would be ${formatMicro(leftMicro)}, below the ${formatMicro(-HELD_MICRO_MAX)} that an adjustment may bring it to.`,
      { path: ['input', 'amount'] },
    );
  }
  takeAdjustment(draft, amountMicro, reason);
}

function parseAdjustment(amount: string): bigint {
  const path = ['input', 'amount'];
  const amountMicro = parseMicro(amount, path);
  if (amountMicro !== 0n) return amountMicro;
  throw new UserInputError('amount is 0; it must be above or below it.', { path });
}

// The sum of allocations must leave room for all usage and debt (engine/bounds.ts).
async function requireSumFits(open: OpenAccount, made: NewAllocation): Promise<void> {
  const { tx, account, draft } = open;
  const cycleStartMs = draft.state.cycle.startMs;
  const given = await sumGiven(tx, account.accountId, { unit: made.unit, cycleStartMs });
  const [beforeMicro, maxMicro, what] = made.isEveryCycle
    ? [given.everyCycleMicro, EVERY_CYCLE_MICRO_MAX, 'all grants of one cycle']
    : [given.onceMicro, HELD_MICRO_MAX, 'all that an account is given once'];
  if (beforeMicro + made.amountMicro <= maxMicro) return;
  const roomMicro = beforeMicro < maxMicro ? maxMicro - beforeMicro : 0n;
  throw new UserInputError(
    `amount is ${formatMicro(made.amountMicro)}; ${what} may be at most ${formatMicro(maxMicro)} together, so at most ${formatMicro(roomMicro)} more.`,
    { path: ['input', 'amount'] },
  );
}
