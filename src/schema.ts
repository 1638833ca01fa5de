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
import { ApiKeyResolver } from './access/key.graphql.ts';
import { AccountResolver } from './account/account.graphql.ts';
import { AccountAlertsResolver, AlertResolver } from './alerts/alerts.graphql.ts';
import { LiveResolver } from './alerts/subscriptions.graphql.ts';
import { CatalogueResolver } from './catalogue/catalogue.graphql.ts';
import { decodeId } from './core/identity.ts';
import { AccountBalanceResolver } from './credits/balance.graphql.ts';
import { AccountPolicyResolver, CreditAccountResolver } from './credits/credit-account.graphql.ts';
import {
  AccountAllocationsResolver,
  AllocationResolver,
  CreditsResolver,
  LedgerEntryResolver,
} from './credits/credits.graphql.ts';
import { AccountDeploymentsResolver, QuoteResolver } from './deployments/policy.graphql.ts';
import { DeploymentsResolver } from './deployments/deployments.graphql.ts';
import { RequestContext } from './graphql/context.ts';
import { HostingResolver } from './hosting/hosting.graphql.ts';
import { NodeResolver } from './node.graphql.ts';
import { EmailsResolver } from './notifications/emails.graphql.ts';
import { WebhookEndpointResolver, WebhooksResolver } from './partners/webhooks.graphql.ts';
import {
  ModelDeploymentResolver,
  ModelResolver,
  ResourcesResolver,
} from './resources/resources.graphql.ts';
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
  UsageEventResolver,
} from './usage/ingest.graphql.ts';
import {
  HardwareUsageResolver,
  HostedUsageFieldResolver,
  HostingSegmentResolver,
  LastActiveResolver,
  ModelUsageFieldResolver,
  WorkflowUsageFieldResolver,
} from './usage/panels.graphql.ts';
import {
  AccountLedgerResolver,
  LedgerChargeResolver,
  LedgerChargesResolver,
} from './usage/ledger.graphql.ts';
import { ReportResolver, ReportRowResolver } from './usage/report.graphql.ts';
import {
  HostedUsageResolver,
  ModelUsageResolver,
  WorkflowUsageResolver,
} from './usage/rows.graphql.ts';
import { AccountUsageFieldResolver, AccountUsageResolver } from './usage/usage.graphql.ts';

/** Every resolver class of the API. */
const resolverClasses: NonEmptyArray<new (...args: never[]) => object> = [
  NodeResolver,
  AccountResolver,
  ApiKeyResolver,
  CatalogueResolver,
  AccountBalanceResolver,
  AllocationResolver,
  LedgerEntryResolver,
  AccountLedgerResolver,
  LedgerChargesResolver,
  LedgerChargeResolver,
  AccountDeploymentsResolver,
  QuoteResolver,
  AccountPolicyResolver,
  CreditAccountResolver,
  CreditsResolver,
  AccountAllocationsResolver,
  ResourcesResolver,
  ModelResolver,
  ModelDeploymentResolver,
  HostingResolver,
  DeploymentsResolver,
  IngestResolver,
  AccountEventsResolver,
  UsageEventResolver,
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
  EmailsResolver,
  WebhooksResolver,
  WebhookEndpointResolver,
];

/**
 * Builds the executable schema.
 * @param instances resolvers that need services; those without are made here
 */
export function buildGatewaySchema(instances: readonly object[]): GraphQLSchema {
  const byClass = new Map<unknown, object>(
    instances.map((instance) => [instance.constructor, instance]),
  );
  const schema = buildSchemaSync({
    resolvers: resolverClasses,
    orphanedTypes: [
      WorkflowType,
      ModelDeploymentType,
      GuardrailType,
      CustomScriptType,
      OcrDeploymentType,
      BrowserPodType,
    ],
    container: {
      get: (resolverClass: new () => object) => {
        const known = byClass.get(resolverClass) ?? new resolverClass();
        byClass.set(resolverClass, known);
        return known;
      },
    },
    validate: false,
    pubSub: noTopics,
  });
  resolveTypesSynchronously(schema);
  answerKnownActivityAtOnce(schema);
  renewBeforeMutations(schema);
  return schema;
}

// type-graphql asks for one; our subscriptions have sources of their own.
const noTopics = {
  publish: (): void => undefined,
  subscribe: (topic: string): never => {
    throw new Error(`nothing is published under ${topic}`);
  },
};

/** The schema as it is committed under schema/schema.graphql. */
export function printGatewaySchema(): string {
  return `${printSchema(lexicographicSortSchema(buildGatewaySchema([])))}\n`;
}

// graphql-jit takes only a synchronous resolveType, and type-graphql's waits for class instances; ours are plain objects
// whose id says their type.
function resolveTypesSynchronously(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (type instanceof GraphQLInterfaceType || type instanceof GraphQLUnionType) {
      type.resolveType = (node: { readonly id: string }) => decodeId(node.id)?.type;
    }
  }
}

// A page asks this of every row and its tab has read it: the way to the resolver costs more than the row's other fields.
function answerKnownActivityAtOnce(schema: GraphQLSchema): void {
  const rows = schema.getType('BillableResource');
  if (!(rows instanceof GraphQLInterfaceType)) return;
  for (const type of schema.getPossibleTypes(rows)) {
    const field = type.getFields()['lastActiveOn'];
    const load = field?.resolve;
    if (field === undefined || load === undefined) continue;
    field.resolve = (node: BillableResourceType, args, context, info): unknown =>
      node.isLastActiveExact ? node.lastActiveOn : load(node, args, context, info);
  }
}

// What a mutation answers with is read after it wrote, so each begins with a new snapshot and a new now.
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
