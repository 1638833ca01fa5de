// The categories, in the order of the API's enum, with where each stands in the answers and on the page.

import type { Tab } from '../address/address.ts';
import type { CreditCategory, OverviewQuery } from '@billing-gateway/client/operations';

export type OverviewAccount = NonNullable<OverviewQuery['account']>;
export type OverviewUsage = OverviewAccount['usage'];
export type Bucket = OverviewUsage['trend']['buckets'][number];
export type Projection = OverviewAccount['projection'];

interface Category {
  readonly category: CreditCategory;
  readonly bucketField: 'models' | 'guardrails' | 'customScripts' | 'ocr' | 'browserAutomation';
  /** The tab with its rows, and the class of its colour. */
  readonly tab: Tab;
}

export const CATEGORIES: readonly Category[] = [
  { category: 'MODELS', bucketField: 'models', tab: 'models' },
  { category: 'GUARDRAILS', bucketField: 'guardrails', tab: 'guardrails' },
  { category: 'CUSTOM_SCRIPTS', bucketField: 'customScripts', tab: 'custom-scripts' },
  { category: 'OCR', bucketField: 'ocr', tab: 'ocr' },
  {
    category: 'BROWSER_AUTOMATION',
    bucketField: 'browserAutomation',
    tab: 'browser-automation',
  },
];
