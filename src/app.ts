// The composition root: every service is made here, by hand, and handed what it needs.

import type { GraphQLSchema } from 'graphql';
import { KeyService } from './access/key.service.ts';
import { ApiKeyResolver } from './access/key.graphql.ts';
import { AccountResolver } from './account/account.graphql.ts';
import { AccountService } from './account/account.service.ts';
import { CatalogueResolver } from './catalogue/catalogue.graphql.ts';
import { CatalogueService } from './catalogue/catalogue.service.ts';
import { AlertService } from './alerts/alerts.service.ts';
import { LiveService } from './alerts/live.service.ts';
import type { Clock } from './core/clock.ts';
import { CreditAccountResolver } from './credits/credit-account.graphql.ts';
import { CreditsResolver } from './credits/credits.graphql.ts';
import { CreditAccountService } from './credits/credit-account.service.ts';
import { DueService } from './credits/due.service.ts';
import { CreditsService } from './credits/credits.service.ts';
import { RatesService } from './credits/rates.service.ts';
import { SettlementService } from './credits/settlement.service.ts';
import type { Database } from './db/database.ts';
import { DeploymentsResolver } from './deployments/deployments.graphql.ts';
import { QuoteResolver } from './deployments/policy.graphql.ts';
import { QuoteService } from './deployments/quote.service.ts';
import { DeploymentService } from './deployments/deployments.service.ts';
import { NodeResolver } from './node.graphql.ts';
import { ResourcesResolver } from './resources/resources.graphql.ts';
import { ResourceService } from './resources/resources.service.ts';
import { buildGatewaySchema } from './schema.ts';
import { EventsService } from './usage/events.service.ts';
import { FoldingService } from './usage/folding.service.ts';
import { AccountEventsResolver, IngestResolver } from './usage/ingest.graphql.ts';
import { IngestService } from './usage/ingest.service.ts';
import { takeSegmentsOutOfRollups } from './usage/rollups.store.ts';

export interface AppOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ingestWindowDays: number;
  readonly ingestAheadSeconds: number;
  /** Told of faults in background work. */
  readonly onError: (error: unknown) => void;
}

/** The gateway without its doors: services and the schema that they stand behind. */
export interface App {
  readonly accounts: AccountService;
  readonly catalogue: CatalogueService;
  readonly creditAccounts: CreditAccountService;
  readonly credits: CreditsService;
  readonly deployments: DeploymentService;
  /** Settles what time brings about. */
  readonly due: DueService;
  readonly folding: FoldingService;
  readonly events: EventsService;
  readonly ingest: IngestService;
  readonly keys: KeyService;
  readonly live: LiveService;
  readonly rates: RatesService;
  readonly resources: ResourceService;
  readonly schema: GraphQLSchema;
}

export function createApp(options: AppOptions): App {
  const { database, clock, ingestWindowDays, ingestAheadSeconds } = options;
  const accounts = new AccountService(database, clock);
  const keys = new KeyService(database, clock, accounts);
  const catalogue = new CatalogueService(database, clock);
  const alerts = new AlertService();
  const live = new LiveService(database, clock, options.onError);
  const settlements = new SettlementService(accounts, [alerts]);
  const creditAccounts = new CreditAccountService(database, accounts, settlements);
  const credits = new CreditsService(accounts, settlements);
  const due = new DueService(database, clock, settlements, options.onError);
  const rates = new RatesService(database, accounts, settlements);
  const resources = new ResourceService(accounts);
  const deployments = new DeploymentService(
    settlements,
    { ingestWindowDays },
    takeSegmentsOutOfRollups,
  );
  const folding = new FoldingService(database, options.onError);
  const events = new EventsService(settlements);
  const ingest = new IngestService(settlements, {
    windowDays: ingestWindowDays,
    aheadSeconds: ingestAheadSeconds,
    onRecorded: (accountId) => {
      folding.nudge(accountId);
    },
  });
  const schema = buildGatewaySchema([
    new AccountResolver(accounts),
    new ApiKeyResolver(keys),
    new CatalogueResolver(catalogue),
    new CreditAccountResolver(creditAccounts, rates),
    new CreditsResolver(credits),
    new QuoteResolver(new QuoteService()),
    new ResourcesResolver(resources),
    new DeploymentsResolver(deployments),
    new IngestResolver(ingest, events),
    new AccountEventsResolver(events),
    new NodeResolver({ alerts, credits, events, keys }),
  ]);
  return {
    accounts,
    catalogue,
    creditAccounts,
    credits,
    deployments,
    due,
    folding,
    events,
    ingest,
    keys,
    live,
    rates,
    resources,
    schema,
  };
}
