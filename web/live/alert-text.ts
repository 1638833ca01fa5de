// What an alert says, wherever it is shown: in the reader's language, from its kind and figures. The gateway's own sentence is in
// English.

import type { AlertKind, AlertWithCausePartsFragment } from '@billing-gateway/client/operations';
import type { Figures } from '../figures/figures.ts';
import type { Words } from '../words/words.ts';

/** The sentence of an alert. */
export function alertText(
  words: Words,
  figures: Figures,
  alert: AlertWithCausePartsFragment,
): string {
  return alert.kind === 'RESOLVED'
    ? resolvedText(words.live.resolved, figures, alert)
    : crossedText(words.live.alert, figures, alert);
}

function crossedText(
  text: Words['live']['alert'],
  figures: Figures,
  alert: AlertWithCausePartsFragment,
): string {
  const { credits, runs } = leftOf(figures, alert);
  switch (alert.kind) {
    case 'LOW_CREDITS':
      return text.low(credits);
    case 'CREDITS_EXHAUSTED':
      return text.exhausted;
    case 'NEGATIVE_LIMIT_REACHED':
      return text.stopped(credits);
    case 'STOP_EXPECTED':
      return alert.measured === null ? text.stopSoon : text.stopIn(figures.hours(alert.measured));
    case 'CREDIT_THRESHOLD':
    case 'RUN_THRESHOLD':
    case 'RESOLVED':
      return thresholdText(text, figures, { alert, credits, runs });
  }
}

interface Left {
  readonly alert: AlertWithCausePartsFragment;
  readonly credits: string;
  readonly runs: string;
}

function thresholdText(
  text: Words['live']['alert'],
  figures: Figures,
  { alert: { kind, threshold }, credits, runs }: Left,
): string {
  // One that was deleted meanwhile is no longer told.
  if (threshold === null) {
    return kind === 'RUN_THRESHOLD' ? text.runs(runs) : text.credits(credits);
  }
  switch (threshold.measure) {
    case 'CREDITS_REMAINING': {
      const level = figures.credits(threshold.value);
      return level === credits ? text.creditsFellTo(level) : text.creditsFellBelow(level, credits);
    }
    case 'CREDITS_USED_PERCENT':
      return text.creditsUsed(figures.percent(Number(threshold.value)), credits);
    case 'RUNS_USED_PERCENT':
      return text.runsUsed(figures.percent(Number(threshold.value)), runs);
    case 'HOURS_TO_STOP':
      return text.stopSoon;
  }
}

function resolvedText(
  text: Words['live']['resolved'],
  figures: Figures,
  alert: AlertWithCausePartsFragment,
): string {
  const { credits, runs } = leftOf(figures, alert);
  switch (alert.resolves?.kind) {
    case 'LOW_CREDITS':
      return text.low(credits);
    case 'CREDITS_EXHAUSTED':
      return text.exhausted(credits);
    case 'NEGATIVE_LIMIT_REACHED':
      return text.stopped(credits);
    case 'STOP_EXPECTED':
      return text.stop(credits);
    case 'CREDIT_THRESHOLD':
    case 'RUN_THRESHOLD':
    case 'RESOLVED':
    case undefined:
      return resolvedThresholdText(text, figures, { alert, credits, runs });
  }
}

function resolvedThresholdText(
  text: Words['live']['resolved'],
  figures: Figures,
  { alert: { threshold, runsRemaining }, credits, runs }: Left,
): string {
  switch (threshold?.measure) {
    case 'CREDITS_REMAINING':
      return text.creditsLeft(figures.credits(threshold.value), credits);
    case 'CREDITS_USED_PERCENT':
      return text.creditsUsed(figures.percent(Number(threshold.value)), credits);
    case 'RUNS_USED_PERCENT':
      return text.runsUsed(figures.percent(Number(threshold.value)), runs);
    case 'HOURS_TO_STOP':
    case undefined:
      return runsRemaining === null ? text.credits(credits) : text.runs(runs);
  }
}

function leftOf(
  figures: Figures,
  { remaining, runsRemaining }: AlertWithCausePartsFragment,
): { readonly credits: string; readonly runs: string } {
  return { credits: figures.credits(remaining), runs: figures.count(runsRemaining ?? 0) };
}

/** The state whose colour an alert has. */
export function alertState(kind: AlertKind): 'OK' | 'LOW' | 'EXHAUSTED' | 'STOPPED' {
  switch (kind) {
    case 'RESOLVED':
      return 'OK';
    case 'CREDITS_EXHAUSTED':
      return 'EXHAUSTED';
    case 'NEGATIVE_LIMIT_REACHED':
      return 'STOPPED';
    case 'LOW_CREDITS':
    case 'CREDIT_THRESHOLD':
    case 'RUN_THRESHOLD':
    case 'STOP_EXPECTED':
      return 'LOW';
  }
}
