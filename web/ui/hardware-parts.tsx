import type { ReactNode } from 'react';
import type { HardwareProfilePartsFragment } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';

/** What a hardware profile is made of: «8 vCPU · 1 × L4 · 32 GB». */
export function HardwareParts({
  profile: { vcpus, gpus, model, memoryGb },
}: {
  readonly profile: HardwareProfilePartsFragment;
}): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  const parts = [
    ...(vcpus === 0 ? [] : [words.vcpus(figures.count(vcpus))]),
    ...(gpus === 0 ? [] : [words.gpus(figures.count(gpus), model)]),
    ...(memoryGb === 0 ? [] : [figures.gigabytes(memoryGb)]),
  ];
  return <span className="muted">{parts.join(' · ')}</span>;
}
