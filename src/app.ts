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
import type { Task } from './db/jobs.ts';
import { DeploymentsResolver } from './deployments/deployments.graphql.ts';
import { QuoteResolver } from './deployments/policy.graphql.ts';
import { QuoteService } from './deployments/quote.service.ts';
import { DeploymentService } from './deployments/deployments.service.ts';
import { NodeResolver } from './node.graphql.ts';
import { DeliveryService } from './notifications/delivery.service.ts';
import { EmailsResolver } from './notifications/emails.graphql.ts';
import { EmailService } from './notifications/emails.service.ts';
import { emailTasks } from './notifications/emails.tasks.ts';
import { domainOf, smtpMailer } from './notifications/mailer.service.ts';
import { ResourcesResolver } from './resources/resources.graphql.ts';
import { ResourceService } from './resources/resources.service.ts';
import { buildGatewaySchema } from './schema.ts';
import { EventsService } from './usage/events.service.ts';
import { FoldingService } from './usage/folding.service.ts';
import { AccountEventsResolver, IngestResolver } from './usage/ingest.graphql.ts';
import { IngestService } from './usage/ingest.service.ts';
import { takeSegmentsOutOfRollups } from './usage/rollups.store.ts';

export interface MailOptions {
  /** Null: emails are kept and shown, not sent. */
  readonly smtpUrl: string | null;
  /** Who they are from: an address, or a name and an address. */
  readonly from: string;
  /** How long each further attempt is put off; for tests. */
  readonly retryDelaysMs?: readonly number[];
}

export interface AppOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ingestWindowDays: number;
  readonly ingestAheadSeconds: number;
  /** Default: emails are kept, not sent. */
  readonly mail?: MailOptions;
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
  readonly emails: EmailService;
  readonly folding: FoldingService;
  readonly events: EventsService;
  readonly ingest: IngestService;
  readonly keys: KeyService;
  readonly live: LiveService;
  readonly rates: RatesService;
  readonly resources: ResourceService;
  readonly schema: GraphQLSchema;
  /** What its jobs are done by, for startJobs. */
  readonly tasks: readonly Task[];
}

const NO_MAIL: MailOptions = { smtpUrl: null, from: 'billing@localhost' };

export function createApp(options: AppOptions): App {
  const { database, clock, ingestWindowDays, ingestAheadSeconds } = options;
  const accounts = new AccountService(database, clock);
  const keys = new KeyService(database, clock, accounts);
  const catalogue = new CatalogueService(database, clock);
  const alerts = new AlertService();
  const live = new LiveService(database, clock, options.onError);
  const mail = options.mail ?? NO_MAIL;
  const emails = new EmailService(accounts, {
    domain: domainOf(mail.from),
    isSending: mail.smtpUrl !== null,
  });
  const settlements = new SettlementService(accounts, [alerts, emails]);
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
    new NodeResolver({ alerts, credits, emails, events, keys }),
    new EmailsResolver(emails),
  ]);
  return {
    accounts,
    catalogue,
    creditAccounts,
    credits,
    deployments,
    due,
    emails,
    folding,
    events,
    ingest,
    keys,
    live,
    rates,
    resources,
    schema,
    tasks: mailTasks(mail, options),
  };
}

function mailTasks(mail: MailOptions, { database, clock, onError }: AppOptions): readonly Task[] {
  const { smtpUrl, ...others } = mail;
  if (smtpUrl === null) return [];
  const mailer = smtpMailer({ smtpUrl, from: mail.from });
  return emailTasks(new DeliveryService(database, clock, { ...others, mailer, onError }));
}
