// The composition root: it constructs every service and passes it what it needs.

import type { GraphQLSchema } from 'graphql';
import { type JwtConfig, JwtService } from './access/jwt.service.ts';
import { KeyService } from './access/key.service.ts';
import { PortalTokenService } from './access/portal-tokens.service.ts';
import { AuditLogService } from './account/audit-log.service.ts';
import { AccountService } from './account/account.service.ts';
import { ClosingService } from './closing/closing.service.ts';
import { CatalogueService } from './catalogue/catalogue.service.ts';
import { AlertService } from './alerts/alerts.service.ts';
import { LiveService } from './alerts/live.service.ts';
import type { Clock } from './core/clock.ts';
import type { TakeEvents } from './core/rate.ts';
import type { Repeating } from './core/repeating.ts';
import { CreditAccountService } from './credits/credit-account.service.ts';
import type { AccountDefaults } from './credits/policy.ts';
import { PricesService } from './credits/prices.service.ts';
import { ThresholdsService } from './credits/thresholds.service.ts';
import { DueLoop } from './settlement/due.loop.ts';
import { FleetService } from './credits/fleet.service.ts';
import { AllocationsService } from './credits/allocations.service.ts';
import { RatesService } from './credits/rates.service.ts';
import { SettlementService } from './settlement/settlement.service.ts';
import type { Database } from './db/database.ts';
import type { Task } from './db/jobs.ts';
import { type ExportLimits, ExportService } from './exports/exports.service.ts';
import type { FocusParties } from './exports/focus-rows.ts';
import { QuoteService } from './deployments/quote.service.ts';
import { DeploymentService } from './deployments/deployments.service.ts';
import { webhookDisabledEmail } from './notifications/content.ts';
import { DeliveryService } from './notifications/delivery.service.ts';
import { EmailService } from './notifications/emails.service.ts';
import { emailTasks } from './notifications/emails.tasks.ts';
import { domainOf, smtpMailer } from './notifications/mailer.client.ts';
import { WebhookDeliveryService, type OnDisabled } from './partners/delivery.service.ts';
import { WebhookOutbox } from './partners/outbox.service.ts';
import { secretBox } from './partners/secret-box.service.ts';
import { Sender, type SenderOptions } from './partners/sender.client.ts';
import { WebhookService } from './partners/webhooks.service.ts';
import { sendWebhooksTask } from './partners/webhooks.tasks.ts';
import { ResourceService } from './resources/resources.service.ts';
import { buildGatewaySchema } from './schema.ts';
import { EventsService } from './recording/events.service.ts';
import { FoldingLoop } from './rollups/folding.loop.ts';
import { monthsLoop } from './recording/months.loop.ts';
import { IssuingLoop } from './statements/issuing.loop.ts';
import { StatementKeys } from './statements/keys.service.ts';
import { PruningLoop } from './retention/pruning.loop.ts';
import type { Retention } from './retention/retention.ts';
import { ISSUER_NAME } from './statements/statement.ts';
import { StatementService } from './statements/statements.service.ts';
import { IngestService } from './recording/ingest.service.ts';

export interface MailOptions {
  /** Null: emails are kept and shown, not sent. */
  readonly smtpUrl: string | null;
  /** The sender: an address, or a name and an address. */
  readonly from: string;
  /** The address of the product for users, without a slash at its end; emails link to its Usage page. Default: no link. */
  readonly publicUrl?: string | null;
  /** The delay before each further attempt; for tests. */
  readonly retryDelaysMs?: readonly number[];
}

export interface AppOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ingestWindowDays: number;
  readonly ingestAheadSeconds: number;
  /** The defaults of new accounts, for what their request leaves out; default: as shipped. */
  readonly accountDefaults?: AccountDefaults;
  /** Default: emails are stored, not sent. */
  readonly mail?: MailOptions;
  /** Left out: no endpoint can be made, and nothing is sent. */
  readonly webhooks?: WebhookOptions;
  /** Null or left out: JWTs are not taken. */
  readonly jwt?: JwtConfig | null;
  /** Takes what calls bring to an account; default: any number. */
  readonly takeEvents?: TakeEvents;
  /** Who issues statements, as they name it; default: as shipped. */
  readonly issuerName?: string;
  /** Who makes the services available, as FOCUS names it; default: who issues statements. */
  readonly providerName?: string;
  /** Who produced them; default: who makes them available. */
  readonly publisherName?: string;
  /** How long what has ended is kept; default: as shipped. */
  readonly retention?: Retention;
  /** Of exports; for tests. */
  readonly exportLimits?: Partial<ExportLimits>;
  /** Receives the errors of background work. */
  readonly onError: (error: unknown) => void;
}

export interface WebhookOptions extends SenderOptions {
  /** The first one seals secrets, all open them; empty: there is none. */
  readonly secretKeys: readonly Buffer[];
  /** Default: an email to the account. */
  readonly onDisabled?: OnDisabled;
}

/** The gateway without its servers: the services, and the schema that uses them. */
export interface App {
  readonly accounts: AccountService;
  readonly catalogue: CatalogueService;
  readonly creditAccounts: CreditAccountService;
  readonly credits: AllocationsService;
  readonly deployments: DeploymentService;
  /** Settles accounts as time passes. */
  readonly due: DueLoop;
  readonly emails: EmailService;
  readonly folding: FoldingLoop;
  /** Issues statements as cycles end. */
  readonly issuing: IssuingLoop;
  /** Makes the partitions of coming months. */
  readonly months: Repeating;
  readonly events: EventsService;
  readonly exports: ExportService;
  readonly ingest: IngestService;
  readonly keys: KeyService;
  readonly portalTokens: PortalTokenService;
  /** Deletes what has ended and is old. */
  readonly pruning: PruningLoop;
  readonly live: LiveService;
  readonly rates: RatesService;
  readonly resources: ResourceService;
  readonly schema: GraphQLSchema;
  readonly statements: StatementService;
  /** The tasks of its jobs, for startJobs. */
  readonly tasks: readonly Task[];
  /** Works in the background from now on, until `close`. Without it the app only answers. */
  start(): void;
  /** Ends the background work. Call it after closing the servers, which give it work, and before closing the database. */
  close(): Promise<void>;
}

export function createApp(options: AppOptions): App {
  const services = createServices(options);
  const { due, folding, issuing, keys, months, portalTokens, pruning } = services;
  const parties = partiesOf(options);
  const exports = new ExportService({ ...options, parties }, services.accounts);
  return {
    ...services,
    exports,
    schema: buildGatewaySchema({
      ...services,
      auditLog: new AuditLogService(services.accounts),
      fleets: new FleetService(options.database),
      prices: new PricesService(services.accounts),
      quotes: new QuoteService(),
      publicUrl: mailOf(options).publicUrl ?? null,
      webhooks: services.webhooks.service,
    }),
    tasks: [...mailTasks(options), sendWebhooksTask(services.webhooks.deliveries)],
    start: () => {
      due.start();
      folding.start();
      issuing.start();
      months.start();
      portalTokens.start();
      pruning.start();
    },
    close: async () => {
      await exports.close();
      portalTokens.stop();
      await pruning.stop();
      await issuing.stop();
      await months.stop();
      await folding.stop();
      await due.stop();
      await keys.close();
    },
  };
}

/** All services, including those that only resolvers need. */
interface Services extends Omit<App, 'exports' | 'schema' | 'tasks' | 'start' | 'close'> {
  readonly alerts: AlertService;
  readonly closing: ClosingService;
  readonly thresholds: ThresholdsService;
  readonly webhooks: Webhooks;
}

interface Webhooks {
  readonly service: WebhookService;
  readonly deliveries: WebhookDeliveryService;
}

function createServices(options: AppOptions): Services {
  const { database, clock, ingestWindowDays, accountDefaults } = options;
  const accounts = new AccountService(database, clock);
  const jwts = options.jwt ? new JwtService({ ...options, config: options.jwt, accounts }) : null;
  const keys = new KeyService(database, clock, accounts, jwts);
  const portalTokens = new PortalTokenService({ ...options, accounts });
  const catalogue = new CatalogueService(database, clock);
  const alerts = new AlertService();
  const live = new LiveService(database, clock, options.onError);
  const emails = new EmailService(accounts, {
    domain: domainOf(mailOf(options).from),
    isSending: mailOf(options).smtpUrl !== null,
    usageUrl: usageUrlOf(mailOf(options)),
  });
  const settlements = new SettlementService(accounts, [alerts, emails, new WebhookOutbox()]);
  const statements = createStatements(options, accounts);
  const loops = createLoops(options, { settlements, statements });
  const creditAccounts = new CreditAccountService(database, accounts, settlements, accountDefaults);
  const thresholds = new ThresholdsService(settlements);
  const closing = new ClosingService({ database, accounts, settlements, keys, statements });
  const credits = new AllocationsService(accounts, settlements);
  const rates = new RatesService(database, accounts, settlements);
  const resources = new ResourceService(accounts, options.takeEvents);
  const deployments = new DeploymentService(settlements, { ingestWindowDays });
  const events = new EventsService(settlements);
  const ingest = new IngestService(settlements, {
    windowDays: ingestWindowDays,
    aheadSeconds: options.ingestAheadSeconds,
    onRecorded: loops.folding.nudge.bind(loops.folding),
    takeEvents: options.takeEvents,
  });
  const webhooks = createWebhooks(options, accounts, emailDisabled(emails, clock));
  return {
    ...loops,
    accounts,
    alerts,
    catalogue,
    closing,
    creditAccounts,
    credits,
    deployments,
    emails,
    events,
    ingest,
    keys,
    live,
    portalTokens,
    rates,
    resources,
    statements,
    thresholds,
    webhooks,
  };
}

function createLoops(
  options: AppOptions,
  {
    settlements,
    statements,
  }: { readonly settlements: SettlementService; readonly statements: StatementService },
): Pick<App, 'due' | 'folding' | 'issuing' | 'months' | 'pruning'> {
  const { database, clock, onError } = options;
  return {
    due: new DueLoop(database, clock, settlements, onError),
    folding: new FoldingLoop(database, onError),
    issuing: new IssuingLoop(database, clock, statements, onError),
    months: monthsLoop(database, onError),
    pruning: new PruningLoop(options),
  };
}

function partiesOf({
  issuerName = ISSUER_NAME,
  providerName = issuerName,
  publisherName = providerName,
}: AppOptions): FocusParties {
  return { issuerName, providerName, publisherName };
}

function mailOf(options: AppOptions): MailOptions {
  return options.mail ?? { smtpUrl: null, from: 'billing@localhost' };
}

function usageUrlOf({ publicUrl = null }: MailOptions): string | null {
  return publicUrl === null ? null : `${publicUrl}/usage`;
}

function mailTasks(options: AppOptions): readonly Task[] {
  const { database, clock, onError } = options;
  const { smtpUrl, ...others } = mailOf(options);
  if (smtpUrl === null) return [];
  const mailer = smtpMailer({ smtpUrl, from: others.from });
  return emailTasks(new DeliveryService(database, clock, { ...others, mailer, onError }));
}

function createStatements(options: AppOptions, accounts: AccountService): StatementService {
  const { database, issuerName = ISSUER_NAME, webhooks } = options;
  const keys = new StatementKeys({ ...options, box: secretBox(webhooks?.secretKeys ?? []) });
  return new StatementService({ database, issuerName }, accounts, keys);
}

/** Emails an account that its webhook was disabled. */
function emailDisabled(emails: EmailService, clock: Clock): OnDisabled {
  return (tx, account, endpoint, reason) =>
    emails.writeEmail(tx, account, (addressee) =>
      webhookDisabledEmail(addressee, {
        url: endpoint.url,
        reason,
        disabledAtMs: endpoint.disabledAtMs ?? clock.nowMs(),
      }),
    );
}

function createWebhooks(
  { database, clock, onError, webhooks = { secretKeys: [], allowLoopback: false } }: AppOptions,
  accounts: AccountService,
  onDisabled: OnDisabled,
): Webhooks {
  const { secretKeys, allowLoopback } = webhooks;
  const box = secretBox(secretKeys);
  const sender = new Sender(webhooks);
  return {
    service: new WebhookService(accounts, { allowLoopback, box }),
    deliveries: new WebhookDeliveryService({
      database,
      clock,
      accounts,
      sender,
      box,
      onDisabled: webhooks.onDisabled ?? onDisabled,
      onError,
    }),
  };
}
