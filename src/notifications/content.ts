// The email of an instant: its subject, and the parts of everything that happened, the gravest first.

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

/** What happened at an instant, by sort. */
interface Told {
  readonly alerts: readonly AlertRaised[];
  readonly resolved: readonly AlertRaised[];
  readonly closed: readonly CycleClosed[];
  readonly started: readonly DeploymentChange[];
  /** But those that the negative limit stopped: its alert names them. */
  readonly stopped: readonly DeploymentChange[];
}

const ALERTS_GRAVEST_FIRST = [
  'NEGATIVE_LIMIT_REACHED',
  'CREDITS_EXHAUSTED',
  'LOW_CREDITS',
  'STOP_EXPECTED',
  'CREDIT_THRESHOLD',
  'RUN_THRESHOLD',
] as const satisfies readonly AlertKind[];

/** The email of an instant. */
export function emailOf(instant: Instant, facts: EmailFacts): EmailContent {
  const told = sorted(instant.creditEvents);
  const position = positionOf(told, facts);
  const alertSections = ALERTS_GRAVEST_FIRST.map((kind) => ({
    kind,
    alerts: told.alerts.filter((alert) => alert.kind === kind),
  }))
    .filter(({ alerts }) => alerts.length > 0)
    .map(({ kind, alerts }) => alertSection(kind, alerts, facts));
  const turns = [
    ...told.stopped.map((turn) => stoppedSection(turn, facts)),
    ...told.started.map((turn) => startedSection(turn, facts)),
  ];
  const sections: readonly Section[] = [
    ...alertSections,
    ...told.closed.map((closed) => cycleSection(closed, facts)),
    ...turns.slice(0, LISTED_MAX),
    ...(told.resolved.length > 0 ? [resolvedSection(told.resolved, facts)] : []),
    ...(position === null ? [] : [positionSection(position, facts)]),
  ];
  const document: EmailDocument = {
    kind: instant.kind,
    subject: SUBJECTS[instant.kind](told, facts),
    sections,
    usageUrl: facts.usageUrl,
    footer: footerOf(facts.account.name),
  };
  return contentOf(document);
}

// An alert knows where the account stood; a cycle's sums speak for themselves.
function positionOf(told: Told, facts: EmailFacts): Position | null {
  const alert = [...told.alerts, ...told.resolved].at(-1);
  if (alert !== undefined) return alert.position;
  return told.started.length + told.stopped.length > 0 ? facts.position : null;
}

/** The email that says that a webhook endpoint is no longer called. */
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

function sorted(creditEvents: readonly CreditEvent[]): Told {
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

const SUBJECTS: Readonly<Record<EmailKind, (told: Told, facts: EmailFacts) => string>> = {
  NEGATIVE_LIMIT_REACHED: limitSubject,
  CREDITS_EXHAUSTED: (_told, { account }) => `${account.name} has used up its credits`,
  LOW_CREDITS: (told, { account }) =>
    `${account.name} is low on credits: ${creditsLeft(told)} left`,
  STOP_EXPECTED: stopExpectedSubject,
  CREDIT_USAGE: creditUsageSubject,
  RUN_USAGE: (told, { account }) =>
    `${account.name} has used ${percentUsed(told, (position) => position.runs)} of its workflow runs`,
  DEPLOYMENT_STOPPED: turnSubject,
  DEPLOYMENT_STARTED: turnSubject,
  RESOLVED: (told, { account }) => `Resolved: ${account.name} has ${creditsLeft(told)} left`,
  WEBHOOK_DISABLED: (_told, { account }) => webhookSubject(account.name),
};

function webhookSubject(accountName: string): string {
  return `${accountName}: a webhook endpoint was disabled`;
}

function limitSubject({ alerts }: Told, { account }: EmailFacts): string {
  const stopped = alerts.reduce((sum, one) => sum + one.stoppedResourceIds.length, 0);
  const happened = `${account.name} has reached its negative limit`;
  if (stopped === 0) return happened;
  return `${happened}: ${stopped} ${stopped === 1 ? 'deployment was' : 'deployments were'} stopped`;
}

function stopExpectedSubject({ alerts }: Told, facts: EmailFacts): string {
  const alert = alerts.find((one) => one.kind === 'STOP_EXPECTED');
  const stopsAtMs = alert?.position.stopsAtMs ?? null;
  const at = stopsAtMs === null ? '' : ` at ${localTime(facts, stopsAtMs)}`;
  return `Potential interruption: deployments of ${facts.account.name} will be stopped${at}`;
}

function creditUsageSubject({ alerts, closed }: Told, facts: EmailFacts): string {
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

function turnSubject({ started, stopped }: Told, facts: EmailFacts): string {
  const { name } = facts.account;
  const [turn, ...others] = [...stopped, ...started];
  if (turn === undefined) return `${name}: deployments were stopped`;
  const verb = turn.what === 'DEPLOYMENT_STARTED' ? 'was deployed' : stopVerb(turn);
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  return `${name}: ${resourceName(facts, turn.resourceId)} ${verb}${more}`;
}

function creditsLeft({ alerts, resolved }: Pick<Told, 'alerts' | 'resolved'>): string {
  const last = [...alerts, ...resolved].at(-1);
  return credits(last?.position.credits.balanceMicro ?? 0n);
}

function percentUsed(
  { alerts }: Pick<Told, 'alerts'>,
  unitOf: (position: Position) => Position['runs'],
): string {
  const last = alerts.at(-1);
  if (last === undefined) return '0 %';
  const { usedMicro, allocatedMicro } = unitOf(last.position);
  const percent = percentMicro(usedMicro, allocatedMicro);
  return percent === null ? readableMicro(usedMicro) : `${readableMicro(percent)} %`;
}
