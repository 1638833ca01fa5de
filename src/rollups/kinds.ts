// What usage is of and belongs to. Events, rollups and views share these names.

import { resourceKinds } from '../resources/resource.ts';

/** What an event can report. */
export const usageEventTypes = {
  WORKFLOW_RUN: 'WORKFLOW_RUN',
  FINE_TUNING: 'FINE_TUNING',
  STORAGE: 'STORAGE',
  PROCESSING: 'PROCESSING',
} as const;
export type UsageEventType = keyof typeof usageEventTypes;

/** What rollups are kept by: what events report, and hosting. */
export const usageTypes = { ...usageEventTypes, HOSTING: 'HOSTING' } as const;
export type UsageType = keyof typeof usageTypes;

/** What usage belongs to: a resource of some kind, or a model. */
export const subjectKinds = { ...resourceKinds, MODEL: 'MODEL' } as const;
export type SubjectKind = keyof typeof subjectKinds;
