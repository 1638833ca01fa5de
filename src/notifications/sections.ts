// The parts of an email: one for each thing that happened.

import { groupedMicro, percentMicro, readableMicro } from '../core/micro.ts';
import type {
  AlertKind,
  AlertRaised,
  CycleClosed,
  DeploymentChange,
  StopCause,
} from '../engine/credit-event.ts';
import type { Position, UnitPosition, AlertRuleMeasure } from '../engine/alert-rules.ts';
import type { Row, Section } from './document.ts';
import {
  costMicroPerHour,
  credits,
  duration,
  type EmailFacts,
  endedAt,
  exactCredits,
  type Hosting,
  kindName,
  localTime,
  placement,
  resourceName,
  runningAt,
  startedAt,
} from './facts.ts';

/** Longer lists are cut, and say how many entries are missing. */
export const LISTED_MAX = 50;

/** The section of the alerts of one instant and kind. */
export function alertSection(
  kind: Exclude<AlertKind, 'RESOLVED'>,
  alerts: readonly AlertRaised[],
  facts: EmailFacts,
): Section {
  const [first] = alerts;
  if (first === undefined) return { title: '' };
  switch (kind) {
    case 'NEGATIVE_LIMIT_REACHED':
      return limitSection(first, facts);
    case 'CREDITS_EXHAUSTED':
      return exhaustedSection(first, facts);
    case 'LOW_CREDITS':
      return lowSection(first, facts);
    case 'STOP_EXPECTED':
      return stopExpectedSection(first, facts);
    case 'CREDIT_THRESHOLD':
      return { title: 'Credit thresholds reached', rows: alerts.map((one) => reached(one, facts)) };
    case 'RUN_THRESHOLD':
      return { title: 'Run thresholds reached', rows: alerts.map((one) => reached(one, facts)) };
  }
}

function limitSection(
  { atMs, position, stoppedResourceIds }: AlertRaised,
  facts: EmailFacts,
): Section {
  const level = exactCredits(position.policy.negativeLimitMicro);
  const stopped = stoppedResourceIds.map((resourceId) => {
    const hosting = endedAt(facts, atMs, resourceId);
    const name = resourceName(facts, resourceId);
    return hosting === null ? `${name}: was being deployed` : `${name}: ${placement(hosting)}`;
  });
  return {
    title: 'Negative limit reached',
    paragraphs: [
      facts.stoppedMessage,
      `The balance reached the negative limit of ${level} at ${localTime(facts, atMs)}.`,
      stopped.length === 0
        ? 'Nothing was running. Nothing can be deployed until credits are added.'
        : 'These deployments were stopped at that instant, and are not charged from then on:',
    ],
    items: listed(stopped),
  };
}

function exhaustedSection({ atMs, position }: AlertRaised, facts: EmailFacts): Section {
  const { negativeLimitMicro } = position.policy;
  const goesOn =
    negativeLimitMicro < 0n
      ? `Running deployments continue until the balance reaches the negative limit of ${exactCredits(negativeLimitMicro)}; then they are stopped.`
      : 'Running deployments are stopped at a balance of 0 credits.';
  return {
    title: 'Credits used up',
    paragraphs: [
      `The balance came down to zero at ${localTime(facts, atMs)}. Nothing new can be deployed until credits are added.`,
      goesOn,
    ],
  };
}

function lowSection({ atMs, position }: AlertRaised, facts: EmailFacts): Section {
  return {
    title: 'Low on credits',
    paragraphs: [
      `The balance came down to the low-credit level of ${exactCredits(position.policy.lowCreditMicro)} at ${localTime(facts, atMs)}.`,
      'Nothing new can be deployed until credits are added. Running deployments continue.',
    ],
  };
}

function stopExpectedSection({ atMs, position }: AlertRaised, facts: EmailFacts): Section {
  const running = runningAt(facts, atMs);
  const hourMicro = costMicroPerHour(running);
  const { stopsAtMs } = position;
  const rows: readonly Row[] =
    stopsAtMs === null
      ? []
      : [
          { label: 'Will be stopped at', value: localTime(facts, stopsAtMs) },
          { label: 'That is in', value: duration(stopsAtMs - atMs) },
        ];
  return {
    title: 'When, and what to add',
    paragraphs: [
      'The running deployments will be stopped when the balance reaches the negative limit, unless credits are added or deployments are scaled down or undeployed.',
    ],
    rows: [
      ...rows,
      { label: 'All running cost', value: `${exactCredits(hourMicro)} an hour` },
      { label: 'To run a day longer', value: `add ${credits(hourMicro * 24n)}` },
      { label: 'To run 30 days longer', value: `add ${credits(hourMicro * 720n)}` },
    ],
    items: listed(running.map((one) => hostingLine(one, facts))),
  };
}

function hostingLine(hosting: Hosting, facts: EmailFacts): string {
  return `${resourceName(facts, hosting.resourceId)}: ${placement(hosting)}`;
}

function reached(
  { measure, ruleId, valueMicro, measuredMicro }: AlertRaised,
  facts: EmailFacts,
): Row {
  const label = facts.labels.get(ruleId);
  const rule = ruleOf(measure, valueMicro);
  const now = measuredMicro === null ? 'reached' : measured(measure, measuredMicro);
  return { label: label === undefined ? rule : `${label} (${rule})`, value: now };
}

function ruleOf(measure: AlertRuleMeasure, valueMicro: bigint): string {
  const value = groupedMicro(valueMicro);
  switch (measure) {
    case 'CREDITS_REMAINING':
      return `${exactCredits(valueMicro)} or fewer left`;
    case 'CREDITS_USED_PERCENT':
      return `${value} % of credits used`;
    case 'RUNS_USED_PERCENT':
      return `${value} % of workflow runs used`;
    case 'HOURS_TO_STOP':
      return `Deployments stop within ${value} hours`;
    case 'LOW_CREDIT':
      return 'Low on credits';
    case 'ZERO':
      return 'Credits used up';
    case 'NEGATIVE_LIMIT':
      return 'Negative limit reached';
  }
}

function measured(measure: AlertRuleMeasure, measuredMicro: bigint): string {
  return measure === 'CREDITS_REMAINING'
    ? `${credits(measuredMicro)} left`
    : `${readableMicro(measuredMicro)} % used`;
}

/** The section of alerts that ended. */
export function resolvedSection(alerts: readonly AlertRaised[], facts: EmailFacts): Section {
  return {
    title: 'Resolved',
    paragraphs: ['Earlier emails reported these. They no longer apply:'],
    items: listed(
      alerts.map(({ measure, ruleId, valueMicro }) => {
        const label = facts.labels.get(ruleId);
        const rule = ruleOf(measure, valueMicro);
        return label === undefined ? rule : `${label} (${rule})`;
      }),
    ),
  };
}

/** The section of a cycle that ended, with its sums. */
export function cycleSection(closed: CycleClosed, facts: EmailFacts): Section {
  const { cycle, credits: creditSums, runs: runSums } = closed;
  const hasRuns = Object.values(runSums).some((sum) => sum !== 0n);
  return {
    title: 'Billing cycle ended',
    rows: [
      { label: 'From', value: localTime(facts, cycle.startMs) },
      { label: 'To', value: localTime(facts, cycle.endMs) },
      ...sumRows(creditSums, 'Credits'),
      ...(hasRuns ? sumRows(runSums, 'Workflow runs') : []),
      ...statementRows(cycle.cycleId, facts),
    ],
  };
}

// A statement has the number of its cycle. It is issued after the email was written, so the link leads to the page, which also asks
// who reads it.
function statementRows(number: number, { usageUrl }: EmailFacts): readonly Row[] {
  if (usageUrl === null) return [];
  const href = `${usageUrl}/credits?statement=${number}`;
  return [{ label: `Statement No. ${number}`, value: href, href }];
}

function sumRows(sums: CycleClosed['credits'], unit: string): readonly Row[] {
  return [
    { label: `${unit} carried over`, value: readableMicro(sums.carriedOverMicro) },
    { label: `${unit} allocated`, value: readableMicro(sums.allocatedMicro) },
    { label: `${unit} used`, value: readableMicro(sums.usedMicro) },
    { label: `${unit} expired`, value: readableMicro(sums.expiredMicro) },
    { label: `${unit} adjusted`, value: readableMicro(sums.adjustedMicro) },
    { label: `${unit} left at the end`, value: readableMicro(sums.closingMicro) },
  ];
}

export function startedSection({ atMs, resourceId }: DeploymentChange, facts: EmailFacts): Section {
  const resource = facts.resources.get(resourceId);
  const hosting = startedAt(facts, atMs, resourceId);
  const { endpointUrl = null } = resource ?? {};
  return {
    title: `${resourceName(facts, resourceId)} was deployed`,
    rows: [
      ...identityRows(resourceId, facts),
      ...(hosting === null ? [] : placementRows(hosting)),
      { label: 'Runs since', value: localTime(facts, atMs) },
      ...(endpointUrl === null
        ? []
        : [{ label: 'API endpoint', value: endpointUrl, href: endpointUrl }]),
    ],
  };
}

const STOPPED: Readonly<Record<StopCause, string>> = {
  UNDEPLOYED: 'was undeployed',
  DELETED: 'was deleted',
  FAILED: 'failed',
  NEGATIVE_LIMIT: 'was stopped at the negative limit',
};

/** "was undeployed". */
export function stopVerb(change: DeploymentChange): string {
  return change.what === 'DEPLOYMENT_STOPPED' ? STOPPED[change.cause] : 'was stopped';
}

export function stoppedSection(change: DeploymentChange, facts: EmailFacts): Section {
  const { atMs, resourceId } = change;
  const hosting = endedAt(facts, atMs, resourceId);
  const { failureMessage = null } = facts.resources.get(resourceId) ?? {};
  return {
    title: `${resourceName(facts, resourceId)} ${stopVerb(change)}`,
    rows: [
      ...identityRows(resourceId, facts),
      ...(hosting === null ? [] : placementRows(hosting)),
      { label: 'Charged until', value: localTime(facts, atMs) },
      ...(failureMessage === null ? [] : [{ label: 'Message', value: failureMessage }]),
    ],
  };
}

function identityRows(resourceId: number, facts: EmailFacts): readonly Row[] {
  const resource = facts.resources.get(resourceId);
  if (resource === undefined) return [];
  return [
    { label: 'Kind', value: kindName(resource) },
    { label: 'External id', value: resource.externalId },
  ];
}

function placementRows(hosting: Hosting): readonly Row[] {
  return [
    { label: 'Hardware', value: hosting.hardware },
    { label: 'Replicas', value: hosting.replicas.toString() },
    { label: 'Costs', value: `${exactCredits(costMicroPerHour([hosting]))} an hour` },
  ];
}

/** The section with the account's figures. */
export function positionSection(position: Position, facts: EmailFacts): Section {
  const { atMs, credits: creditsNow, runs, stopsAtMs } = position;
  return {
    title: `Balance at ${localTime(facts, atMs)}`,
    rows: [
      { label: 'Credits remaining', value: readableMicro(creditsNow.balanceMicro) },
      { label: 'Credits of this cycle', value: readableMicro(creditsNow.allocatedMicro) },
      { label: 'Credits used', value: usedOf(creditsNow) },
      ...(runs.hasBegun
        ? [
            { label: 'Workflow runs remaining', value: readableMicro(runs.balanceMicro) },
            { label: 'Workflow runs of this cycle', value: readableMicro(runs.allocatedMicro) },
            { label: 'Workflow runs used', value: usedOf(runs) },
          ]
        : []),
      ...(stopsAtMs === null
        ? []
        : [{ label: 'Deployments will stop at', value: localTime(facts, stopsAtMs) }]),
    ],
  };
}

function usedOf({ usedMicro, allocatedMicro }: UnitPosition): string {
  const percent = percentMicro(usedMicro, allocatedMicro);
  return percent === null
    ? readableMicro(usedMicro)
    : `${readableMicro(usedMicro)} (${readableMicro(percent)} %)`;
}

function listed(items: readonly string[]): readonly string[] {
  if (items.length <= LISTED_MAX) return items;
  return [...items.slice(0, LISTED_MAX), `and ${items.length - LISTED_MAX} more`];
}
