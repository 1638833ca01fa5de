import type { ResourceKind } from '@billing-gateway/client/operations';
import type { Tab } from './address.ts';

/** The tab that lists each kind of thing; its name is also the class of the kind's colour. */
export const TAB_OF_KIND = {
  WORKFLOW: 'workflows',
  MODEL: 'models',
  MODEL_DEPLOYMENT: 'models',
  GUARDRAIL: 'guardrails',
  CUSTOM_SCRIPT: 'custom-scripts',
  OCR_DEPLOYMENT: 'ocr',
  BROWSER_POD: 'browser-automation',
} as const satisfies Record<ResourceKind | 'MODEL', Tab>;
