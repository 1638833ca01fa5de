// Every row class and every migration by name: nothing is found by a pattern, so nothing is there by accident.

import type { DataSourceOptions } from 'typeorm';
import { RecordUsage1767225600000 } from './migrations/1767225600000-record-usage.ts';
import { KindOfSegments1767312000000 } from './migrations/1767312000000-kind-of-segments.ts';
import { HoldCredits1769904000000 } from './migrations/1769904000000-hold-credits.ts';
import { RunJobs1769990400000 } from './migrations/1769990400000-run-jobs.ts';
import { SendEmails1769990500000 } from './migrations/1769990500000-send-emails.ts';
import { DeliverWebhooks1770076800000 } from './migrations/1770076800000-deliver-webhooks.ts';
import { CycleOfEntries1770140000000 } from './migrations/1770140000000-cycle-of-entries.ts';
import { BoundPolicies1770141000000 } from './migrations/1770141000000-bound-policies.ts';
import { FoldAccountNames1770150000000 } from './migrations/1770150000000-fold-account-names.ts';
import { PageOneView1770130000000 } from './migrations/1770130000000-page-one-view.ts';
import { KeepFleetViews1770150100000 } from './migrations/1770150100000-keep-fleet-views.ts';
import { IssuePortalTokens1770195000000 } from './migrations/1770195000000-issue-portal-tokens.ts';
import { NameAlertRules1770190000000 } from './migrations/1770190000000-name-alert-rules.ts';
import { NarrowGrants1770197000000 } from './migrations/1770197000000-narrow-grants.ts';
import { RecordChanges1770200000000 } from './migrations/1770200000000-record-changes.ts';
import { ProtectRows1770210000000 } from './migrations/1770210000000-protect-rows.ts';
import { TestWebhooks1770220000000 } from './migrations/1770220000000-test-webhooks.ts';
import { UnitOfEvents1770221000000 } from './migrations/1770221000000-unit-of-events.ts';
import { SumByUnit1770221100000 } from './migrations/1770221100000-sum-by-unit.ts';
import { RecordExports1770221300000 } from './migrations/1770221300000-record-exports.ts';
import { ChainLedger1770222000000 } from './migrations/1770222000000-chain-ledger.ts';
import { PriceCredits1770222100000 } from './migrations/1770222100000-price-credits.ts';
import { IssueStatements1770223000000 } from './migrations/1770223000000-issue-statements.ts';
import { FillIdentities1770224000000 } from './migrations/1770224000000-fill-identities.ts';
import { IdentifyByHash1770224100000 } from './migrations/1770224100000-identify-by-hash.ts';
import { FoldTogether1770230000000 } from './migrations/1770230000000-fold-together.ts';
import { HoursOfResources1770230100000 } from './migrations/1770230100000-hours-of-resources.ts';
import { PartitionEvents1770240000000 } from './migrations/1770240000000-partition-events.ts';
import { NameAccountsApart1770300000000 } from './migrations/1770300000000-name-accounts-apart.ts';
import { ArchiveUsage1770400000000 } from './migrations/1770400000000-archive-usage.ts';
import { SumAsBigint1770400200000 } from './migrations/1770400200000-sum-as-bigint.ts';
import { VacuumWhatGrows1770400201000 } from './migrations/1770400201000-vacuum-what-grows.ts';
import { IndexSources1770400300000 } from './migrations/1770400300000-index-sources.ts';
import { PruneWhatEnded1770400400000 } from './migrations/1770400400000-prune-what-ended.ts';
import { CloseAccounts1770400410000 } from './migrations/1770400410000-close-accounts.ts';
import { ErasePersonalData1770400420000 } from './migrations/1770400420000-erase-personal-data.ts';
import { EraseWhereDistributed1770400430000 } from './migrations/1770400430000-erase-where-distributed.ts';
import { GuardByPermissions1770400440000 } from './migrations/1770400440000-guard-by-permissions.ts';
import { AuditEntryRow } from './src/audit/audit.store.ts';
import { ApiKeyRow } from './src/access/key.store.ts';
import { AccountDirectoryRow, AccountRow } from './src/account/account.store.ts';
import { HardwareProfileRow, HardwareRateRow } from './src/catalogue/catalogue.store.ts';
import { AlertRow } from './src/alerts/alerts.store.ts';
import { CreditAllocationRow, CreditRequestRow } from './src/settlement/credits.store.ts';
import { LedgerChargeRow, LedgerEntryRow } from './src/settlement/ledger.store.ts';
import { BillingCycleRow, CreditStateRow } from './src/settlement/state.store.ts';
import { AlertRuleRow } from './src/settlement/thresholds.store.ts';
import { JobWorkerRow } from './src/db/job-runner.ts';
import { FleetViewRow } from './src/credits/fleet.store.ts';
import { ExportRunRow } from './src/exports/runs.store.ts';
import { CreditPriceRow } from './src/credits/prices.store.ts';
import { HostingSegmentRow } from './src/hosting/hosting.store.ts';
import { EmailRow } from './src/notifications/emails.store.ts';
import { WebhookDeliveryRow } from './src/partners/deliveries.store.ts';
import { WebhookEndpointRow } from './src/partners/webhooks.store.ts';
import { FormerRow } from './src/resources/former-rows.store.ts';
import { ModelRow } from './src/resources/models.store.ts';
import { ResourceRow } from './src/resources/resources.store.ts';
import { UsageArchiveRow, UsageArchiveSubjectRow } from './src/archives/archives.store.ts';
import { UsageEventRow, UsageIdentityRow } from './src/recording/events.store.ts';
import {
  RollupStateRow,
  UsageByAccountRow,
  UsageByResourceRow,
} from './src/rollups/rollups.store.ts';
import { UsageByResourceHourRow } from './src/rollups/hours.store.ts';
import { StatementKeyRow } from './src/statements/keys.store.ts';
import { StatementRow } from './src/statements/statements.store.ts';
import { UnitRollupStateRow, UsageByUnitRow } from './src/rollups/units.store.ts';

export const entities = [
  AccountDirectoryRow,
  AccountRow,
  AlertRow,
  ApiKeyRow,
  AuditEntryRow,
  BillingCycleRow,
  CreditAllocationRow,
  CreditPriceRow,
  CreditRequestRow,
  CreditStateRow,
  EmailRow,
  ExportRunRow,
  FormerRow,
  FleetViewRow,
  HardwareProfileRow,
  HardwareRateRow,
  HostingSegmentRow,
  JobWorkerRow,
  LedgerChargeRow,
  LedgerEntryRow,
  ModelRow,
  ResourceRow,
  RollupStateRow,
  StatementKeyRow,
  StatementRow,
  UnitRollupStateRow,
  UsageArchiveRow,
  UsageArchiveSubjectRow,
  UsageByAccountRow,
  UsageByResourceHourRow,
  UsageByResourceRow,
  UsageByUnitRow,
  UsageEventRow,
  UsageIdentityRow,
  AlertRuleRow,
  WebhookDeliveryRow,
  WebhookEndpointRow,
] satisfies NonNullable<DataSourceOptions['entities']>;

export const migrations = [
  RecordUsage1767225600000,
  KindOfSegments1767312000000,
  HoldCredits1769904000000,
  RunJobs1769990400000,
  SendEmails1769990500000,
  DeliverWebhooks1770076800000,
  PageOneView1770130000000,
  CycleOfEntries1770140000000,
  BoundPolicies1770141000000,
  FoldAccountNames1770150000000,
  KeepFleetViews1770150100000,
  NameAlertRules1770190000000,
  IssuePortalTokens1770195000000,
  NarrowGrants1770197000000,
  RecordChanges1770200000000,
  ProtectRows1770210000000,
  TestWebhooks1770220000000,
  UnitOfEvents1770221000000,
  SumByUnit1770221100000,
  RecordExports1770221300000,
  ChainLedger1770222000000,
  PriceCredits1770222100000,
  IssueStatements1770223000000,
  FillIdentities1770224000000,
  IdentifyByHash1770224100000,
  FoldTogether1770230000000,
  HoursOfResources1770230100000,
  PartitionEvents1770240000000,
  NameAccountsApart1770300000000,
  ArchiveUsage1770400000000,
  SumAsBigint1770400200000,
  VacuumWhatGrows1770400201000,
  IndexSources1770400300000,
  PruneWhatEnded1770400400000,
  CloseAccounts1770400410000,
  ErasePersonalData1770400420000,
  EraseWhereDistributed1770400430000,
  GuardByPermissions1770400440000,
] satisfies NonNullable<DataSourceOptions['migrations']>;
