import { requireAccount, requireRef } from '../access/authorize.ts';
import { auditEntry } from '../audit/audit.ts';
import { ConflictError } from '../core/errors.ts';
import { type Actor, encodeId, unknownId } from '../core/identity.ts';
import { addAlertRule, removeAlertRule } from '../engine/writes.ts';
import type { SettlementService } from '../settlement/settlement.service.ts';
import {
  insertAlertRules,
  listThresholds,
  markThresholdDeleted,
} from '../settlement/thresholds.store.ts';
import { parseThreshold, type ThresholdRequest, THRESHOLDS_MAX } from './thresholds.ts';

/** The key of a threshold. */
export interface ThresholdRef {
  readonly accountId: number;
  readonly ruleId: number;
}

export class ThresholdsService {
  constructor(private readonly settlements: SettlementService) {}

  /**
   * Adds a threshold; one that is already reached fires at once. Adding the same again returns the first one.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, CONFLICT when there are too many
   */
  async create(
    actor: Actor,
    request: ThresholdRequest & { readonly accountId?: string | null },
  ): Promise<ThresholdRef> {
    const accountId = requireAccount(actor, 'MANAGE', {
      accountId: request.accountId,
      path: ['input', 'accountId'],
    });
    const wanted = parseThreshold(request, ['input']);
    return this.settlements.inAccount(accountId, async ({ tx, draft, nowMs, audited }) => {
      const known = await listThresholds(tx, [accountId]);
      const same = known.find(
        (one) =>
          one.measure === wanted.measure &&
          one.valueMicro === wanted.valueMicro &&
          one.label === wanted.label,
      );
      if (same !== undefined) return { accountId, ruleId: same.ruleId };
      if (known.length >= THRESHOLDS_MAX) {
        throw new ConflictError(
          `The account has ${known.length} thresholds; at most ${THRESHOLDS_MAX} are kept: delete one first.`,
        );
      }
      const ruleId = draft.takeLocalId();
      await insertAlertRules(tx, accountId, [{ ...wanted, ruleId }], nowMs);
      addAlertRule(draft, {
        ...wanted,
        ruleId,
        isReached: false,
        openAlert: null,
        lastFiredAtMs: null,
      });
      audited.push(
        auditEntry(actor, {
          action: 'createThreshold',
          accountId,
          target: encodeId('Threshold', accountId, ruleId),
          to: { ...wanted },
        }),
      );
      return { accountId, ruleId };
    });
  }

  /** Deletes a threshold. The alerts that it raised stay. @returns its id @throws FORBIDDEN, NOT_FOUND */
  async delete(actor: Actor, id: string): Promise<string> {
    const ref = requireRef(actor, 'MANAGE', { id, types: ['Threshold'], path: ['id'] });
    const named = { accountId: ref.accountId, ruleId: ref.localId };
    return this.settlements.inAccount(ref.accountId, async ({ tx, draft, nowMs, audited }) => {
      const { accountId, ruleId } = named;
      const deleted = await markThresholdDeleted(tx, named, nowMs);
      if (deleted === null) throw unknownId(id, ['id']);
      removeAlertRule(draft, ruleId);
      const { measure, valueMicro, label } = deleted;
      audited.push(
        auditEntry(actor, {
          action: 'deleteThreshold',
          accountId,
          target: id,
          from: { measure, valueMicro, label },
        }),
      );
      return id;
    });
  }
}
