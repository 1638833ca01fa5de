// The composition root: every service is made here, by hand, and handed what it needs.

import type { GraphQLSchema } from 'graphql';
import { KeyService } from './access/key.service.ts';
import { ApiKeyResolver } from './access/key.graphql.ts';
import { AccountResolver } from './account/account.graphql.ts';
import { AccountService } from './account/account.service.ts';
import { CatalogueResolver } from './catalogue/catalogue.graphql.ts';
import { CatalogueService } from './catalogue/catalogue.service.ts';
import type { Clock } from './core/clock.ts';
import { CreditsResolver } from './credits/credits.graphql.ts';
import { CreditsService } from './credits/credits.service.ts';
import type { Database } from './db/database.ts';
import { DeploymentsResolver } from './deployments/deployments.graphql.ts';
import { DeploymentService } from './deployments/deployments.service.ts';
import { NodeResolver } from './node.graphql.ts';
import { ResourcesResolver } from './resources/resources.graphql.ts';
import { ResourceService } from './resources/resources.service.ts';
import { buildGatewaySchema } from './schema.ts';
import { FoldingService } from './usage/folding.service.ts';
import { AccountEventsResolver, IngestResolver } from './usage/ingest.graphql.ts';
import { IngestService } from './usage/ingest.service.ts';

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
  readonly credits: CreditsService;
  readonly deployments: DeploymentService;
  readonly folding: FoldingService;
  readonly ingest: IngestService;
  readonly keys: KeyService;
  readonly resources: ResourceService;
  readonly schema: GraphQLSchema;
}

export function createApp(options: AppOptions): App {
  const { database, clock, ingestWindowDays, ingestAheadSeconds } = options;
  const accounts = new AccountService(database, clock);
  const keys = new KeyService(database, clock, accounts);
  const catalogue = new CatalogueService(database, clock);
  const credits = new CreditsService(accounts);
  const resources = new ResourceService(accounts);
  const deployments = new DeploymentService(accounts, { ingestWindowDays });
  const folding = new FoldingService(database, options.onError);
  const ingest = new IngestService(accounts, {
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
    new CreditsResolver(credits),
    new ResourcesResolver(resources),
    new DeploymentsResolver(deployments),
    new IngestResolver(ingest),
    new AccountEventsResolver(ingest),
    new NodeResolver({ credits, ingest, keys }),
  ]);
  return { accounts, catalogue, credits, deployments, folding, ingest, keys, resources, schema };
}
