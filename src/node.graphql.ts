import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import { requireRef, requireScope } from './access/authorize.ts';
import { apiKeyNode } from './access/key.graphql.ts';
import type { KeyService } from './access/key.service.ts';
import { accountLoader } from './account/account.loaders.ts';
import { auditEntryNode } from './account/audit-log.graphql.ts';
import type { AuditLogService } from './account/audit-log.service.ts';
import { accountNode } from './account/account.graphql.ts';
import { alertNode } from './alerts/alerts.graphql.ts';
import type { AlertService } from './alerts/alerts.service.ts';
import { hardwareLoader } from './catalogue/catalogue.loaders.ts';
import {
  decodeId,
  unknownId,
  type NodeRef,
  type NodeType as TypeName,
  type Scope,
} from './core/identity.ts';
import { findCycle } from './credits/cycles.graphql.ts';
import { findThreshold } from './credits/thresholds.graphql.ts';
import { ledgerEntryNode } from './credits/ledger.graphql.ts';
import { getEntry } from './credits/ledger.service.ts';
import { allocationNode } from './credits/allocations.graphql.ts';
import type { AllocationsService } from './credits/allocations.service.ts';
import type { RequestContext } from './graphql/context.ts';
import { NodeType } from './graphql/node.ts';
import { emailNode } from './notifications/emails.graphql.ts';
import type { EmailService } from './notifications/emails.service.ts';
import { deliveryNode, endpointNode } from './partners/webhooks.graphql.ts';
import type { WebhookService } from './partners/webhooks.service.ts';
import { modelLoader, resourceLoader } from './resources/resources.loaders.ts';
import { statementNode } from './statements/statements.graphql.ts';
import type { StatementService } from './statements/statements.service.ts';
import { typeOfKind } from './resources/resource.ts';
import { usageEventNode } from './recording/ingest.graphql.ts';
import type { EventsService } from './recording/events.service.ts';
import { Cost } from './graphql/field-extensions.ts';

type Finder = (context: RequestContext, ref: NodeRef, id: string) => Promise<NodeType | null>;

const managed: ReadonlySet<TypeName> = new Set([
  'ApiKey',
  'AuditEntry',
  'Email',
  'WebhookDelivery',
  'WebhookEndpoint',
]);
const scopeOf = (type: TypeName): Scope => (managed.has(type) ? 'MANAGE' : 'READ_USAGE');

/** The services that find what no loader finds. */
export interface NodeServices {
  readonly alerts: AlertService;
  readonly auditLog: AuditLogService;
  readonly credits: AllocationsService;
  readonly events: EventsService;
  readonly emails: EmailService;
  readonly keys: KeyService;
  readonly statements: StatementService;
  readonly webhooks: WebhookService;
}

/** Finds anything that has an id. */
@Resolver()
export class NodeResolver {
  private readonly finders: Readonly<Partial<Record<TypeName, Finder>>>;

  constructor(services: NodeServices) {
    const resource: Finder = async (context, { type, accountId, localId }) => {
      const node = await resourceLoader(context).load({ accountId, resourceId: localId });
      return node !== null && typeOfKind[node.kind] === type ? node : null;
    };
    this.finders = {
      Account: async (context, ref) =>
        accountNode(await accountLoader(context).load(ref.accountId)),
      Alert: async (context, _ref, id) =>
        alertNode(await services.alerts.get(context.actor, await context.reader(), id)),
      ApiKey: async (context, _ref, id) =>
        apiKeyNode(await services.keys.get(context.actor, await context.reader(), id)),
      AuditEntry: async (context, _ref, id) =>
        auditEntryNode(await services.auditLog.get(context.actor, await context.reader(), id)),
      CreditAllocation: async (context, _ref, id) =>
        allocationNode(await services.credits.get(context.actor, await context.reader(), id)),
      BillingCycle: (context, { accountId, localId: cycleId }) =>
        findCycle(context, { accountId, cycleId }),
      LedgerEntry: async (context, _ref, id) =>
        ledgerEntryNode(await getEntry(context.actor, await context.reader(), id)),
      Threshold: (context, { accountId, localId: ruleId }) =>
        findThreshold(context, { accountId, ruleId }),
      Email: async (context, _ref, id) =>
        emailNode(await services.emails.get(context.actor, await context.reader(), id)),
      HardwareProfile: (context, ref) => hardwareLoader(context).load(ref.localId),
      Model: (context, { accountId, localId }) =>
        modelLoader(context).load({ accountId, modelId: localId }),
      Statement: async (context, _ref, id) =>
        statementNode(await services.statements.get(context.actor, await context.reader(), id)),
      UsageEvent: async (context, _ref, id) =>
        usageEventNode(await services.events.getEvent(context.actor, await context.reader(), id)),
      WebhookDelivery: async (context, _ref, id) =>
        deliveryNode(
          await services.webhooks.getDelivery(context.actor, await context.reader(), id),
        ),
      WebhookEndpoint: async (context, _ref, id) =>
        endpointNode(
          await services.webhooks.getEndpoint(context.actor, await context.reader(), id),
        ),
      BrowserPod: resource,
      CustomScript: resource,
      Guardrail: resource,
      ModelDeployment: resource,
      OcrDeployment: resource,
      Workflow: resource,
    };
  }

  @Cost(5)
  @Query(() => NodeType, {
    nullable: true,
    description: 'Any object by its id. It requires the scope of the object that it finds.',
  })
  async node(@Ctx() context: RequestContext, @Arg('id', () => ID) id: string): Promise<NodeType> {
    const type = decodeId(id)?.type;
    if (type === undefined) throw unknownId(id, ['id']);
    const scope = scopeOf(type);
    // Hardware belongs to no account, so every account's keys may see it.
    if (type === 'HardwareProfile') requireScope(context.actor, scope);
    const ref =
      type === 'HardwareProfile'
        ? decodeId(id)
        : requireRef(context.actor, scope, { id, types: [type], path: ['id'] });
    const node = ref === null ? null : await this.finders[type]?.(context, ref, id);
    if (node == null) throw unknownId(id, ['id']);
    return node;
  }
}
