import { requireScope } from '../access/authorize.ts';
import { auditEntry } from '../audit/audit.ts';
import { insertAudit } from '../audit/audit.store.ts';
import type { Clock } from '../core/clock.ts';
import { ConflictError } from '../core/errors.ts';
import { type Actor, encodeId } from '../core/identity.ts';
import type { Database, Tx } from '../db/database.ts';
import { insertHardware, loadHardware, loadRates, upsertRate } from './catalogue.store.ts';
import {
  hardwareNamed,
  parseNewHardware,
  type CreateHardwareProfileRequest,
  type HardwareProfile,
  type HardwareRate,
  type NewHardwareProfile,
  type NewHardwareRate,
  ratesOf,
} from './rates.ts';

/** A profile with its rates, earliest first. */
export interface PricedHardware {
  readonly profile: HardwareProfile;
  readonly rates: readonly HardwareRate[];
}

const ratesRead = new WeakMap<Tx, Promise<readonly HardwareRate[]>>();

/** All rates in a request's snapshot, earliest first: its views and its hardware profiles read them once. */
export function loadSnapshotRates(snapshot: Tx): Promise<readonly HardwareRate[]> {
  const rates = ratesRead.get(snapshot) ?? loadRates(snapshot, null);
  ratesRead.set(snapshot, rates);
  return rates;
}

/** The whole catalogue in a request's snapshot, by name. It is small, so it is always read as a whole. */
export async function loadCatalogue(snapshot: Tx): Promise<readonly PricedHardware[]> {
  const profiles = await loadHardware(snapshot);
  const rates = await loadSnapshotRates(snapshot);
  return profiles.map((profile) => ({ profile, rates: ratesOf(rates, profile.hardwareId) }));
}

export class CatalogueService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** The whole catalogue, by name. @throws FORBIDDEN */
  async list(actor: Actor, tx: Tx): Promise<readonly PricedHardware[]> {
    requireScope(actor, 'READ_USAGE');
    return loadCatalogue(tx);
  }

  /**
   * Creates a profile. The same request again returns the first profile.
   * @throws FORBIDDEN, BAD_USER_INPUT, CONFLICT when another profile has the name
   */
  async createProfile(
    actor: Actor,
    request: CreateHardwareProfileRequest,
  ): Promise<PricedHardware> {
    requireScope(actor, 'OPERATOR');
    const { profile, firstRate } = parseNewHardware(request, this.clock.nowMs());
    return this.database.inTransaction('operator', async (tx) => {
      const created = await insertHardware(tx, profile);
      if (created === null) return existingAsCreated(tx, profile, firstRate);
      const rate = { hardwareId: created.hardwareId, ...firstRate };
      await upsertRate(tx, rate, profile.createdAtMs);
      const { name, kind, model, vcpus, gpus, memoryGb } = created;
      const entry = auditEntry(actor, {
        action: 'createHardwareProfile',
        accountId: null,
        target: encodeId('HardwareProfile', null, created.hardwareId),
        name,
        to: {
          ...{ kind, model, vcpus, gpus, memoryGb },
          creditsPerHour: rate.rateMicroPerHour,
          effectiveFromMs: rate.fromMs,
        },
      });
      insertAudit(tx, [entry], profile.createdAtMs);
      return { profile: created, rates: [rate] };
    });
  }
}

async function existingAsCreated(
  tx: Tx,
  asked: NewHardwareProfile,
  firstRate: NewHardwareRate,
): Promise<PricedHardware> {
  const profile = hardwareNamed(await loadHardware(tx), asked.name, ['input', 'name']);
  const rates = await loadRates(tx, [profile.hardwareId]);
  const isSameProfile =
    profile.kind === asked.kind &&
    profile.model === asked.model &&
    profile.vcpus === asked.vcpus &&
    profile.gpus === asked.gpus &&
    profile.memoryGb === asked.memoryGb;
  const hasSameRate = rates.some(
    (rate) =>
      rate.fromMs === firstRate.fromMs && rate.rateMicroPerHour === firstRate.rateMicroPerHour,
  );
  if (isSameProfile && hasSameRate) return { profile, rates };
  throw new ConflictError(
    `A hardware profile named ${JSON.stringify(asked.name)} exists and was created with other values.`,
    { path: ['input', 'name'] },
  );
}
