// Every row class and every migration by name: nothing is found by a pattern, so nothing is there by accident.

import type { DataSourceOptions } from 'typeorm';
import { RecordUsage1767225600000 } from './migrations/1767225600000-record-usage.ts';
import { KindOfSegments1767312000000 } from './migrations/1767312000000-kind-of-segments.ts';
import { ApiKeyRow } from './src/access/key.store.ts';
import { AccountRow } from './src/account/account.store.ts';
import { HardwareProfileRow, HardwareRateRow } from './src/catalogue/catalogue.store.ts';
import { CreditAllocationRow } from './src/credits/credits.store.ts';
import { HostingSegmentRow } from './src/hosting/hosting.store.ts';
import { ModelRow, ResourceRow } from './src/resources/resources.store.ts';
import { UsageEventRow } from './src/usage/events.store.ts';
import {
  RollupStateRow,
  UsageByAccountRow,
  UsageByResourceRow,
} from './src/usage/rollups.store.ts';

export const entities = [
  AccountRow,
  ApiKeyRow,
  CreditAllocationRow,
  HardwareProfileRow,
  HardwareRateRow,
  HostingSegmentRow,
  ModelRow,
  ResourceRow,
  RollupStateRow,
  UsageByAccountRow,
  UsageByResourceRow,
  UsageEventRow,
] satisfies NonNullable<DataSourceOptions['entities']>;

export const migrations = [
  RecordUsage1767225600000,
  KindOfSegments1767312000000,
] satisfies NonNullable<DataSourceOptions['migrations']>;
