import 'reflect-metadata';
import {
  defaultFieldResolver,
  GraphQLInterfaceType,
  GraphQLObjectType,
  GraphQLUnionType,
  lexicographicSortSchema,
  printSchema,
  type GraphQLFieldResolver,
  type GraphQLSchema,
} from 'graphql';
import { buildSchemaSync, type NonEmptyArray } from 'type-graphql';
import { PortalTokenResolver } from './access/portal-token.graphql.ts';
import type { PortalTokenService } from './access/portal-tokens.service.ts';
import { ApiKeyResolver } from './access/key.graphql.ts';
import { requireScope } from './access/authorize.ts';
import { AuditLogResolver } from './account/audit-log.graphql.ts';
import { AccountResolver } from './account/account.graphql.ts';
import type { AccountService } from './account/account.service.ts';
import { AccountAlertsResolver, AlertResolver } from './alerts/alerts.graphql.ts';
import { LiveResolver } from './alerts/subscriptions.graphql.ts';
import { ClosingResolver } from './closing/closing.graphql.ts';
import type { ClosingService } from './closing/closing.service.ts';
import { CatalogueResolver } from './catalogue/catalogue.graphql.ts';
import type { CatalogueService } from './catalogue/catalogue.service.ts';
import { invariant } from './core/errors.ts';
import { decodeId } from './core/identity.ts';
import { AccountBalanceResolver } from './credits/balance.graphql.ts';
import { FleetResolver } from './credits/fleet.graphql.ts';
import type { FleetService } from './credits/fleet.service.ts';
import { AccountCyclesResolver } from './credits/cycles.graphql.ts';
import { CreditAccountResolver } from './credits/credit-account.graphql.ts';
import type { CreditAccountService } from './credits/credit-account.service.ts';
import {
  AccountAllocationsResolver,
  AllocationResolver,
  AllocationsResolver,
  LedgerEntryResolver,
} from './credits/allocations.graphql.ts';
import { AccountLedgerResolver, LedgerEntryCycleResolver } from './credits/ledger.graphql.ts';
import { AccountPolicyResolver, CreditPolicyResolver } from './credits/policy.graphql.ts';
import { AccountPricesResolver, PricesResolver } from './credits/prices.graphql.ts';
import type { PricesService } from './credits/prices.service.ts';
import { RatesResolver } from './credits/rates.graphql.ts';
import type { RatesService } from './credits/rates.service.ts';
import { AccountThresholdsResolver, ThresholdsResolver } from './credits/thresholds.graphql.ts';
import type { ThresholdsService } from './credits/thresholds.service.ts';
import { AccountDeploymentsResolver, QuoteResolver } from './deployments/policy.graphql.ts';
import { DeploymentsResolver } from './deployments/deployments.graphql.ts';
import type { QuoteService } from './deployments/quote.service.ts';
import type { DeploymentService } from './deployments/deployments.service.ts';
import { RequestContext } from './graphql/context.ts';
import { callResolversDirectly } from './graphql/direct-resolvers.ts';
import { AT_ONCE, costDeclaredBy, scopeNeededBy } from './graphql/field-extensions.ts';
import { HostingResolver } from './hosting/hosting.graphql.ts';
import { NodeResolver, type NodeServices } from './node.graphql.ts';
import { EmailsResolver } from './notifications/emails.graphql.ts';
import { WebhookEndpointResolver, WebhooksResolver } from './partners/webhooks.graphql.ts';
import {
  ModelDeploymentResolver,
  ModelResolver,
  ResourcesResolver,
} from './resources/resources.graphql.ts';
import type { ResourceService } from './resources/resources.service.ts';
import {
  type BillableResourceType,
  BrowserPodType,
  CustomScriptType,
  GuardrailType,
  ModelDeploymentType,
  OcrDeploymentType,
  WorkflowType,
} from './resources/resources.types.ts';
import {
  AccountEventsResolver,
  IngestResolver,
  type RecordHostingArgs,
  type RecordUsageArgs,
  UsageEventResolver,
} from './recording/ingest.graphql.ts';
import type { IngestService } from './recording/ingest.service.ts';
import {
  HardwareUsageResolver,
  HostedUsageFieldResolver,
  HostingSegmentResolver,
  LastActiveResolver,
  ModelUsageFieldResolver,
  WorkflowUsageFieldResolver,
} from './views/panels.graphql.ts';
import { LedgerChargeResolver, LedgerChargesResolver } from './views/charges.graphql.ts';
import { AccountFirstUseResolver } from './views/first-use.graphql.ts';
import { AccountStatementsResolver, StatementResolver } from './statements/statements.graphql.ts';
import { AccountProjectionResolver } from './views/projection.graphql.ts';
import { ReportResolver, ReportRowResolver } from './views/report.graphql.ts';
import {
  HostedUsageResolver,
  ModelUsageResolver,
  WorkflowUsageResolver,
} from './views/rows.graphql.ts';
import { AccountUsageFieldResolver, AccountUsageResolver } from './views/usage.graphql.ts';

/** The services that resolvers call. */
export interface ResolverServices extends NodeServices {
  readonly accounts: AccountService;
  readonly catalogue: CatalogueService;
  readonly closing: ClosingService;
  readonly creditAccounts: CreditAccountService;
  readonly deployments: DeploymentService;
  readonly fleets: FleetService;
  readonly ingest: IngestService;
  readonly portalTokens: PortalTokenService;
  /** The address of the product for users; null: it is not known. */
  readonly publicUrl: string | null;
  readonly quotes: QuoteService;
  readonly rates: RatesService;
  readonly resources: ResourceService;
  readonly prices: PricesService;
  readonly thresholds: ThresholdsService;
}

/** A resolver that needs no service. */
type PlainResolver = new () => object;
/** A resolver that needs services: a class whose constructor has parameters is no PlainResolver. */
type ServedResolver = new (...args: never[]) => object;

const plainResolvers: NonEmptyArray<PlainResolver> = [
  AccountBalanceResolver,
  AccountCyclesResolver,
  AllocationResolver,
  LedgerEntryResolver,
  AccountLedgerResolver,
  LedgerEntryCycleResolver,
  LedgerChargesResolver,
  LedgerChargeResolver,
  AccountDeploymentsResolver,
  AccountPolicyResolver,
  AccountPricesResolver,
  AccountThresholdsResolver,
  AccountAllocationsResolver,
  ModelResolver,
  ModelDeploymentResolver,
  HostingResolver,
  UsageEventResolver,
  AccountFirstUseResolver,
  AccountProjectionResolver,
  AccountStatementsResolver,
  AccountUsageFieldResolver,
  AccountUsageResolver,
  WorkflowUsageResolver,
  ModelUsageResolver,
  HostedUsageResolver,
  WorkflowUsageFieldResolver,
  HostedUsageFieldResolver,
  ModelUsageFieldResolver,
  LastActiveResolver,
  HardwareUsageResolver,
  HostingSegmentResolver,
  ReportResolver,
  ReportRowResolver,
  AccountAlertsResolver,
  AlertResolver,
  LiveResolver,
  WebhookEndpointResolver,
];

const servedResolvers = new Map<ServedResolver, (services: ResolverServices) => object>([
  [NodeResolver, (services) => new NodeResolver(services)],
  [AuditLogResolver, ({ auditLog }) => new AuditLogResolver(auditLog)],
  [AccountResolver, ({ accounts }) => new AccountResolver(accounts)],
  [ApiKeyResolver, ({ keys }) => new ApiKeyResolver(keys)],
  [PortalTokenResolver, ({ portalTokens }) => new PortalTokenResolver(portalTokens)],
  [CatalogueResolver, ({ catalogue }) => new CatalogueResolver(catalogue)],
  [CreditAccountResolver, ({ creditAccounts }) => new CreditAccountResolver(creditAccounts)],
  [CreditPolicyResolver, ({ creditAccounts }) => new CreditPolicyResolver(creditAccounts)],
  [PricesResolver, ({ prices }) => new PricesResolver(prices)],
  [ClosingResolver, ({ closing }) => new ClosingResolver(closing)],
  [ThresholdsResolver, ({ thresholds }) => new ThresholdsResolver(thresholds)],
  [RatesResolver, ({ rates }) => new RatesResolver(rates)],
  [FleetResolver, ({ accounts, fleets }) => new FleetResolver(accounts, fleets)],
  [AllocationsResolver, ({ credits }) => new AllocationsResolver(credits)],
  [QuoteResolver, ({ quotes }) => new QuoteResolver(quotes)],
  [ResourcesResolver, ({ resources }) => new ResourcesResolver(resources)],
  [DeploymentsResolver, ({ deployments }) => new DeploymentsResolver(deployments)],
  [IngestResolver, ({ ingest, events }) => new IngestResolver(ingest, events)],
  [AccountEventsResolver, ({ events }) => new AccountEventsResolver(events)],
  [EmailsResolver, ({ emails }) => new EmailsResolver(emails)],
  [StatementResolver, (services) => new StatementResolver(services)],
  [WebhooksResolver, ({ webhooks }) => new WebhooksResolver(webhooks)],
]);

/**
 * Builds the executable schema.
 * @param services null: the schema is only printed, not executed
 */
export function buildGatewaySchema(services: ResolverServices | null): GraphQLSchema {
  const resolvers = new Map<unknown, object>(
    plainResolvers.map((Resolver) => [Resolver, new Resolver()]),
  );
  if (services !== null) {
    for (const [Resolver, make] of servedResolvers) resolvers.set(Resolver, make(services));
  }
  const instanceOf = (resolver: unknown): object | undefined => resolvers.get(resolver);
  const schema = buildSchemaSync({
    resolvers: [...plainResolvers, ...servedResolvers.keys()],
    orphanedTypes: [
      WorkflowType,
      ModelDeploymentType,
      GuardrailType,
      CustomScriptType,
      OcrDeploymentType,
      BrowserPodType,
    ],
    container: { get: instanceOf },
    validate: false,
    pubSub: noTopics,
  });
  callResolversDirectly(schema, instanceOf);
  const ingest = resolvers.get(IngestResolver);
  if (ingest instanceof IngestResolver) takeReportsAsTheyCome(schema, ingest);
  resolveTypesSynchronously(schema);
  answerKnownActivityAtOnce(schema);
  giveInterfacesTheirCosts(schema);
  askScopes(schema);
  renewBeforeMutations(schema);
  return schema;
}

// type-graphql requires one; our subscriptions have their own sources of events.
const noTopics = {
  publish: (): void => undefined,
  subscribe: (topic: string): never => {
    throw new Error(`nothing is published under ${topic}`);
  },
};

/** The schema as it is committed in schema/schema.graphql. */
export function printGatewaySchema(): string {
  return `${printSchema(lexicographicSortSchema(buildGatewaySchema(null)))}\n`;
}

// graphql-jit needs a synchronous resolveType, and type-graphql's waits for class instances. Ours are plain objects
// whose id contains their type.
function resolveTypesSynchronously(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (type instanceof GraphQLInterfaceType || type instanceof GraphQLUnionType) {
      type.resolveType = (node: { readonly id: string }) => decodeId(node.id)?.type;
    }
  }
}

// type-graphql leaves a field's extensions out of the interface. There it costs what it does in the dearest of its types.
function giveInterfacesTheirCosts(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!(type instanceof GraphQLInterfaceType)) continue;
    for (const field of Object.values(type.getFields())) {
      const [dearest] = schema
        .getPossibleTypes(type)
        .flatMap((one) => one.getFields()[field.name] ?? [])
        .sort((a, b) => costDeclaredBy(b).weight - costDeclaredBy(a).weight);
      field.extensions = { ...field.extensions, cost: dearest?.extensions['cost'] };
    }
  }
}

// An instance of each event, field by field, takes longer than parsing the event does. So these two are called with the events as
// they were parsed, and not as all other resolvers are.
function takeReportsAsTheyCome(schema: GraphQLSchema, resolver: IngestResolver): void {
  const { recordUsage, recordHosting } = schema.getMutationType()?.getFields() ?? {};
  invariant(recordUsage !== undefined && recordHosting !== undefined, 'both record');
  recordUsage.resolve = (_root, { events, accountId }: RecordUsageArgs, context: RequestContext) =>
    resolver.recordUsage(context, events, accountId);
  recordHosting.resolve = (
    _root,
    { periods, accountId }: RecordHostingArgs,
    context: RequestContext,
  ) => resolver.recordHosting(context, periods, accountId);
}

// A page asks for this on every row, and its tab has read it. Calling the resolver would cost more than the row's other fields.
function answerKnownActivityAtOnce(schema: GraphQLSchema): void {
  const rows = schema.getType('BillableResource');
  if (!(rows instanceof GraphQLInterfaceType)) return;
  for (const type of schema.getPossibleTypes(rows)) {
    const field = type.getFields()['lastActiveOn'];
    const load = field?.resolve;
    if (field === undefined || load === undefined) continue;
    field.resolve = (node: BillableResourceType, args, context, info): unknown =>
      node.isLastActiveExact ? node.lastActiveOn : load(node, args, context, info);
    field.extensions = { ...field.extensions, ...AT_ONCE };
  }
}

// A key that may write sees of its answer only what its scopes allow, so fields ask and not only the roots that lead to them.
function askScopes(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!(type instanceof GraphQLObjectType)) continue;
    for (const field of Object.values(type.getFields())) {
      const scope = scopeNeededBy(field);
      if (scope === undefined) continue;
      const resolve: GraphQLFieldResolver<unknown, unknown> =
        field.resolve ?? readingOf(field.name);
      if (field.resolve === undefined) field.extensions = { ...field.extensions, ...AT_ONCE };
      field.resolve = (root: unknown, args, context: unknown, info): unknown => {
        invariant(context instanceof RequestContext, 'a field that needs a scope knows who asks');
        requireScope(context.actor, scope);
        return resolve(root, args, context, info);
      };
    }
  }
}

// As graphql's default, but by the field's own name: whoever writes a list's rows passes the information of the list.
function readingOf(name: string): GraphQLFieldResolver<unknown, unknown> {
  return (root, args, context, info): unknown => {
    if ((typeof root !== 'object' && typeof root !== 'function') || root === null) return undefined;
    const value: unknown = (root as Readonly<Record<string, unknown>>)[name];
    return typeof value === 'function' ? (value.call(root, args, context, info) as unknown) : value;
  };
}

// What a mutation returns is read after it wrote, so each begins with a new snapshot and a new now.
function renewBeforeMutations(schema: GraphQLSchema): void {
  const mutation = schema.getMutationType();
  if (!(mutation instanceof GraphQLObjectType)) return;
  for (const field of Object.values(mutation.getFields())) {
    const resolve: GraphQLFieldResolver<unknown, unknown> = field.resolve ?? defaultFieldResolver;
    field.resolve = async (root: unknown, args, context: unknown, info): Promise<unknown> => {
      if (context instanceof RequestContext) await context.renew();
      return resolve(root, args, context, info);
    };
  }
}
