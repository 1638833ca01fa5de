// The email of an instant: its subject, and a part for everything that happened, the most serious first.

import { percentMicro, readableMicro } from '../core/micro.ts';
import type {
  AlertKind,
  AlertRaised,
  CycleClosed,
  DeploymentChange,
  CreditEvent,
} from '../engine/credit-event.ts';
import type { Position } from '../engine/alert-rules.ts';
import { contentOf, type EmailDocument, type Section } from './document.ts';
import type { EmailContent, EmailKind, Instant } from './email.ts';
import { type Addressee, credits, type EmailFacts, localTime, resourceName } from './facts.ts';
import {
  alertSection,
  cycleSection,
  LISTED_MAX,
  positionSection,
  resolvedSection,
  startedSection,
  stoppedSection,
  stopVerb,
} from './sections.ts';

/** What happened at an instant, by type. */
interface EventsByType {
  readonly alerts: readonly AlertRaised[];
  readonly resolved: readonly AlertRaised[];
  readonly closed: readonly CycleClosed[];
  readonly started: readonly DeploymentChange[];
  /** Except those that the negative limit stopped, which its alert names. */
  readonly stopped: readonly DeploymentChange[];
}

const ALERTS_MOST_SERIOUS_FIRST = [
  'NEGATIVE_LIMIT_REACHED',
  'CREDITS_EXHAUSTED',
  'LOW_CREDITS',
  'STOP_EXPECTED',
  'CREDIT_THRESHOLD',
  'RUN_THRESHOLD',
] as const satisfies readonly AlertKind[];

/** The email of an instant. */
export function emailOf(instant: Instant, facts: EmailFacts): EmailContent {
  const events = byType(instant.creditEvents);
  const position = positionOf(events, facts);
  const alertSections = ALERTS_MOST_SERIOUS_FIRST.map((kind) => ({
    kind,
    alerts: events.alerts.filter((alert) => alert.kind === kind),
  }))
    .filter(({ alerts }) => alerts.length > 0)
    .map(({ kind, alerts }) => alertSection(kind, alerts, facts));
  const changes = [
    ...events.stopped.map((change) => stoppedSection(change, facts)),
    ...events.started.map((change) => startedSection(change, facts)),
  ];
  const sections: readonly Section[] = [
    ...alertSections,
    ...events.closed.map((closed) => cycleSection(closed, facts)),
    ...changes.slice(0, LISTED_MAX),
    ...(events.resolved.length > 0 ? [resolvedSection(events.resolved, facts)] : []),
    ...(position === null ? [] : [positionSection(position, facts)]),
  ];
  const document: EmailDocument = {
    kind: instant.kind,
    subject: SUBJECTS[instant.kind](events, facts),
    sections,
    usageUrl: facts.usageUrl,
    footer: footerOf(facts.account.name),
  };
  return contentOf(document);
}

// An alert has the account's figures; a cycle's sums need none.
function positionOf(events: EventsByType, facts: EmailFacts): Position | null {
  const alert = [...events.alerts, ...events.resolved].at(-1);
  if (alert !== undefined) return alert.position;
  return events.started.length + events.stopped.length > 0 ? facts.position : null;
}

/** The email about a webhook endpoint that was disabled. */
export function webhookDisabledEmail(
  { account, usageUrl }: Addressee,
  webhook: { readonly url: string; readonly reason: string; readonly disabledAtMs: number },
): EmailContent {
  const { url, reason, disabledAtMs } = webhook;
  return contentOf({
    kind: 'WEBHOOK_DISABLED',
    subject: webhookSubject(account.name),
    sections: [
      {
        title: 'Webhook endpoint disabled',
        paragraphs: [
          'Nothing is sent to it any more. When it works again, enable it; what it missed is listed under its deliveries and can be sent again.',
        ],
        rows: [
          { label: 'Endpoint', value: url },
          { label: 'Disabled at', value: localTime({ account }, disabledAtMs) },
          { label: 'Reason', value: reason },
        ],
      },
    ],
    usageUrl,
    footer: footerOf(account.name),
  });
}

function footerOf(accountName: string): string {
  return `You get this email because your address is among the notification addresses of the account ${accountName}.`;
}

function byType(creditEvents: readonly CreditEvent[]): EventsByType {
  const alerts = creditEvents.flatMap((one) => (one.what === 'ALERT' ? [one] : []));
  return {
    alerts: alerts.filter(({ kind }) => kind !== 'RESOLVED'),
    resolved: alerts.filter(({ kind }) => kind === 'RESOLVED'),
    closed: creditEvents.flatMap((one) => (one.what === 'CYCLE_CLOSED' ? [one] : [])),
    started: creditEvents.flatMap((one) => (one.what === 'DEPLOYMENT_STARTED' ? [one] : [])),
    stopped: creditEvents.flatMap((one) =>
      one.what === 'DEPLOYMENT_STOPPED' && one.cause !== 'NEGATIVE_LIMIT' ? [one] : [],
    ),
  };
}

const SUBJECTS: Readonly<Record<EmailKind, (events: EventsByType, facts: EmailFacts) => string>> = {
  NEGATIVE_LIMIT_REACHED: limitSubject,
  CREDITS_EXHAUSTED: (_events, { account }) => `${account.name} has used up its credits`,
  LOW_CREDITS: (events, { account }) =>
    `${account.name} is low on credits: ${creditsLeft(events)} left`,
  STOP_EXPECTED: stopExpectedSubject,
  CREDIT_USAGE: creditUsageSubject,
  RUN_USAGE: (events, { account }) =>
    `${account.name} has used ${percentUsed(events, (position) => position.runs)} of its workflow runs`,
  DEPLOYMENT_STOPPED: changeSubject,
  DEPLOYMENT_STARTED: changeSubject,
  RESOLVED: (events, { account }) => `Resolved: ${account.name} has ${creditsLeft(events)} left`,
  WEBHOOK_DISABLED: (_events, { account }) => webhookSubject(account.name),
};

function webhookSubject(accountName: string): string {
  return `${accountName}: a webhook endpoint was disabled`;
}

function limitSubject({ alerts }: EventsByType, { account }: EmailFacts): string {
  const stopped = alerts.reduce((sum, one) => sum + one.stoppedResourceIds.length, 0);
  const happened = `${account.name} has reached its negative limit`;
  if (stopped === 0) return happened;
  return `${happened}: ${stopped} ${stopped === 1 ? 'deployment was' : 'deployments were'} stopped`;
}

function stopExpectedSubject({ alerts }: EventsByType, facts: EmailFacts): string {
  const alert = alerts.find((one) => one.kind === 'STOP_EXPECTED');
  const stopsAtMs = alert?.position.stopsAtMs ?? null;
  const at = stopsAtMs === null ? '' : ` at ${localTime(facts, stopsAtMs)}`;
  return `Potential interruption: deployments of ${facts.account.name} will be stopped${at}`;
}

function creditUsageSubject({ alerts, closed }: EventsByType, facts: EmailFacts): string {
  const { name } = facts.account;
  const [cycle] = closed;
  if (cycle !== undefined) {
    return `${name} used ${credits(cycle.credits.usedMicro)} in the billing cycle that ended at ${localTime(facts, cycle.atMs)}`;
  }
  const isPercent = alerts.some((alert) => alert.measure === 'CREDITS_USED_PERCENT');
  return isPercent
    ? `${name} has used ${percentUsed({ alerts }, (position) => position.credits)} of its credits`
    : `${name} has ${creditsLeft({ alerts, resolved: [] })} left`;
}

function changeSubject({ started, stopped }: EventsByType, facts: EmailFacts): string {
  const { name } = facts.account;
  const [change, ...others] = [...stopped, ...started];
  if (change === undefined) return `${name}: deployments were stopped`;
  const verb = change.what === 'DEPLOYMENT_STARTED' ? 'was deployed' : stopVerb(change);
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  return `${name}: ${resourceName(facts, change.resourceId)} ${verb}${more}`;
}

function creditsLeft({ alerts, resolved }: Pick<EventsByType, 'alerts' | 'resolved'>): string {
  const last = [...alerts, ...resolved].at(-1);
  return credits(last?.position.credits.balanceMicro ?? 0n);
}

function percentUsed(
  { alerts }: Pick<EventsByType, 'alerts'>,
  unitOf: (position: Position) => Position['runs'],
): string {
  const last = alerts.at(-1);
  if (last === undefined) return '0 %';
  const { usedMicro, allocatedMicro } = unitOf(last.position);
  const percent = percentMicro(usedMicro, allocatedMicro);
  return percent === null ? readableMicro(usedMicro) : `${readableMicro(percent)} %`;
}
