// The demo's hardware. The prices of custom scripts' hardware are those of the platform; the others are made up to fit
// a plan of 300 credits a month.

import type { CreateHardwareProfileRequest, HardwareKind } from '../../catalogue/rates.ts';
import { parseMicro } from '../../core/micro.ts';

type Size = readonly [vcpus: number, memoryGb: number, gpus?: number];

function profile(
  name: string,
  model: string,
  creditsPerHour: string,
  [vcpus, memoryGb, gpus = 0]: Size,
): CreateHardwareProfileRequest {
  const kind: HardwareKind = gpus > 0 ? 'GPU' : 'CPU';
  return { name, kind, model, vcpus, gpus, memoryGb, creditsPerHour };
}

const XEON = 'Xeon Platinum 8375C';
const T4 = 'NVIDIA T4';
const A10G = 'NVIDIA A10G';

export const DEMO_PROFILES: readonly CreateHardwareProfileRequest[] = [
  profile('cpu-1-2', XEON, '0.07698', [1, 2]),
  profile('cpu-2-4', XEON, '0.15396', [2, 4]),
  profile('cpu-4-8', XEON, '0.30792', [4, 8]),
  profile('cpu-2-8', XEON, '0.144', [2, 8]),
  profile('cpu-4-16', XEON, '0.288', [4, 16]),
  profile('guardrail-1-4', XEON, '0.025', [1, 4]),
  profile('ocr-2-8', XEON, '0.03', [2, 8]),
  profile('pod-4-16', XEON, '0.288', [4, 16]),
  profile('pod-8-32', XEON, '0.576', [8, 32]),
  profile('g4dn.xlarge', T4, '0.1', [4, 16, 1]),
  profile('g4dn.12xlarge', T4, '0.43', [48, 192, 4]),
  profile('g4dn.metal', T4, '0.86', [96, 384, 8]),
  profile('g5.xlarge', A10G, '0.16', [4, 16, 1]),
  profile('g5.2xlarge', A10G, '0.2', [8, 32, 1]),
  profile('g5.12xlarge', A10G, '0.68', [48, 192, 4]),
  profile('g5.48xlarge', A10G, '1.92', [192, 768, 8]),
  profile('g6e.xlarge', 'NVIDIA L40S', '0.3', [4, 32, 1]),
  profile('gpu-a100-80gb', 'NVIDIA A100 80GB', '0.85', [24, 220, 1]),
];

/** The only change of a price: cheaper T4 instances. */
export const DEMO_RATE_CHANGE = {
  hardware: 'g4dn.xlarge',
  creditsPerHour: '0.09',
  announcedAgo: 157,
  effectiveAgo: 150,
} as const;

/** The rate of one replica, as known at an instant. @param changeMs when DEMO_RATE_CHANGE takes effect */
export function demoRateMicro(hardware: string, atMs: number, changeMs: number): bigint {
  if (hardware === DEMO_RATE_CHANGE.hardware && atMs >= changeMs) {
    return parseMicro(DEMO_RATE_CHANGE.creditsPerHour);
  }
  const { creditsPerHour } = DEMO_PROFILES.find(({ name }) => name === hardware) ?? {};
  return parseMicro(creditsPerHour ?? '0');
}
