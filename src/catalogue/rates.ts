// Hardware profiles, and what an hour on each costs. Each rate of a profile is in force from its
// instant until the next one's. Rates are added or replaced only in the future, so a charge that was computed once never
// changes. Nothing can run on a profile before its first rate.

import { parseWithin } from '../core/check.ts';
import { NotFoundError, UserInputError, type ErrorPath } from '../core/errors.ts';
import { formatMicro, MICRO_PER_CREDIT, parseMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';
import { parseText } from '../core/text.ts';

export const RATE_MICRO_PER_HOUR_MAX = 1_000_000n * MICRO_PER_CREDIT;
/** A new rate must lie this far ahead, so that every gateway knows it before any account reaches it. */
export const RATE_LEAD_MIN_MS = 10_000;
export const RATE_LEAD_DEFAULT_MS = 60_000;
export const VCPUS_MAX = 4_096;
export const GPUS_MAX = 1_024;
export const MEMORY_GB_MAX = 1_000_000;

export const hardwareKinds = { CPU: 'CPU', GPU: 'GPU' } as const;
export type HardwareKind = keyof typeof hardwareKinds;

/** A kind of machine. Its figures are for one replica. */
export interface HardwareProfile {
  readonly hardwareId: number;
  readonly name: string;
  readonly kind: HardwareKind;
  /** Name of the processor or accelerator: "A100 80GB". */
  readonly model: string;
  readonly vcpus: number;
  readonly gpus: number;
  readonly memoryGb: number;
  readonly createdAtMs: number;
}

/** A rate of one hardware profile, in force from `fromMs` until the next one. */
export interface HardwareRate {
  readonly hardwareId: number;
  readonly fromMs: number;
  /** For one replica. */
  readonly rateMicroPerHour: bigint;
}

/** The arguments of createHardwareProfile, as the API takes them. */
export interface CreateHardwareProfileRequest {
  readonly name: string;
  readonly kind: HardwareKind;
  readonly model: string;
  readonly vcpus: number;
  readonly gpus?: number | null;
  readonly memoryGb: number;
  readonly creditsPerHour: string;
  readonly effectiveFrom?: number | null;
}

/** The arguments of setHardwareRate, as the API takes them. */
export interface SetHardwareRateRequest {
  readonly hardware: string;
  readonly creditsPerHour: string;
  readonly effectiveFrom?: number | null;
}

export type NewHardwareProfile = Omit<HardwareProfile, 'hardwareId'>;
export type NewHardwareRate = Omit<HardwareRate, 'hardwareId'>;

/** The rate in force at an instant; null when the first one begins later. */
export function rateAt(
  rates: readonly HardwareRate[],
  hardwareId: number,
  atMs: number,
): bigint | null {
  let inForce: HardwareRate | null = null;
  for (const rate of rates) {
    const applies = rate.hardwareId === hardwareId && rate.fromMs <= atMs;
    if (applies && (inForce === null || rate.fromMs > inForce.fromMs)) inForce = rate;
  }
  return inForce?.rateMicroPerHour ?? null;
}

/** One profile's rates, earliest first. */
export function ratesOf(
  rates: readonly HardwareRate[],
  hardwareId: number,
): readonly HardwareRate[] {
  return rates.filter((rate) => rate.hardwareId === hardwareId).sort((a, b) => a.fromMs - b.fromMs);
}

/** The profile with a name. @throws NOT_FOUND naming the profile that was asked for */
export function hardwareNamed(
  profiles: readonly HardwareProfile[],
  name: string,
  path: ErrorPath,
): HardwareProfile {
  const profile = profiles.find((known) => known.name === name);
  if (profile !== undefined) return profile;
  throw new NotFoundError(`No hardware profile is named ${JSON.stringify(name.slice(0, 80))}.`, {
    path,
  });
}

/**
 * Checks a request for a new profile and its first rate, which may take effect at any instant: nothing runs on it yet.
 * @throws UserInputError naming the field
 */
export function parseNewHardware(
  request: CreateHardwareProfileRequest,
  nowMs: number,
): { readonly profile: NewHardwareProfile; readonly firstRate: NewHardwareRate } {
  return {
    profile: {
      name: parseText(request.name, ['input', 'name']),
      kind: request.kind,
      model: parseText(request.model, ['input', 'model']),
      vcpus: parseWithin(request.vcpus, { min: 0, max: VCPUS_MAX }, ['input', 'vcpus']),
      gpus: parseWithin(request.gpus ?? 0, { min: 0, max: GPUS_MAX }, ['input', 'gpus']),
      memoryGb: parseMemoryGb(request.memoryGb),
      createdAtMs: nowMs,
    },
    firstRate: {
      fromMs: request.effectiveFrom ?? 0,
      rateMicroPerHour: parseRate(request.creditsPerHour),
    },
  };
}

/**
 * Checks a request for a further rate.
 * @throws UserInputError when the rate is out of bounds, or begins less than RATE_LEAD_MIN_MS after `nowMs`
 */
export function parseNewRate(request: SetHardwareRateRequest, nowMs: number): NewHardwareRate {
  const fromMs = request.effectiveFrom ?? nowMs + RATE_LEAD_DEFAULT_MS;
  if (fromMs < nowMs + RATE_LEAD_MIN_MS) {
    throw new UserInputError(
      `effectiveFrom is ${isoInstant(fromMs)}; a rate takes effect at least ${RATE_LEAD_MIN_MS / 1_000} seconds from now, not before ${isoInstant(nowMs + RATE_LEAD_MIN_MS)}.`,
      { path: ['input', 'effectiveFrom'] },
    );
  }
  return { fromMs, rateMicroPerHour: parseRate(request.creditsPerHour) };
}

function parseRate(creditsPerHour: string): bigint {
  const path = ['input', 'creditsPerHour'];
  const rateMicroPerHour = parseMicro(creditsPerHour, path);
  if (rateMicroPerHour >= 0n && rateMicroPerHour <= RATE_MICRO_PER_HOUR_MAX) {
    return rateMicroPerHour;
  }
  throw new UserInputError(
    `creditsPerHour is ${formatMicro(rateMicroPerHour)}; it must be from 0 to ${formatMicro(RATE_MICRO_PER_HOUR_MAX)}.`,
    { path },
  );
}

function parseMemoryGb(memoryGb: number): number {
  if (memoryGb > 0 && memoryGb <= MEMORY_GB_MAX) return memoryGb;
  throw new UserInputError(
    `memoryGb is ${memoryGb}; it must be above 0 and at most ${MEMORY_GB_MAX}.`,
    { path: ['input', 'memoryGb'] },
  );
}
