// What a quote says of the stop, and why it says nothing where it does not.

import { formatMicro, parseMicro } from '../../src/core/micro.ts';
import type { CreditsQuoteQuery } from '@billing-gateway/client/operations';

export interface QuoteAnswer {
  readonly quote: NonNullable<CreditsQuoteQuery['deploymentQuote']>;
  readonly account: NonNullable<CreditsQuoteQuery['account']>;
}

/** Why there is no instant. UNKNOWN: nothing is forecast of what would be refused. */
export type NoInstant = 'NO_STOP' | 'STOPPED' | 'LASTS' | 'USED_UP' | 'UNKNOWN';

/** An instant, or why there is none. */
export type MaybeInstant = { readonly at: string } | { readonly without: NoInstant };

export interface Outlook {
  readonly stopNow: MaybeInstant;
  readonly stopThen: MaybeInstant;
  readonly usedUpThen: MaybeInstant;
}

/** When deployments stop without and with what is quoted. */
export function outlookOf({ quote, account: { credits } }: QuoteAnswer): Outlook {
  const isUsedUp = parseMicro(credits.remaining) <= 0n;
  const then = (at: string | null, without: NoInstant): MaybeInstant =>
    maybe(at, quote.allowed ? without : 'UNKNOWN');
  return {
    stopNow: maybe(quote.currentStopsAt, credits.state === 'STOPPED' ? 'STOPPED' : 'NO_STOP'),
    stopThen: then(quote.projectedStopsAt, 'NO_STOP'),
    usedUpThen: then(quote.projectedExhaustsAt, isUsedUp ? 'USED_UP' : 'LASTS'),
  };
}

function maybe(at: string | null, without: NoInstant): MaybeInstant {
  return at === null ? { without } : { at };
}

/** Credits that are missing until new deployments are allowed: more than the low limit must be left. */
export function missingCredits({ credits, creditPolicy }: QuoteAnswer['account']): string {
  return formatMicro(parseMicro(creditPolicy.lowCredit) - parseMicro(credits.remaining) + 1n);
}

/** The difference of two amounts, as the API writes amounts. */
export function difference(amount: string, before: string): string {
  return formatMicro(parseMicro(amount) - parseMicro(before));
}

/** How far one instant is from another, as the API writes durations; null under a minute. */
export function shiftOf(
  from: MaybeInstant,
  to: MaybeInstant,
): { readonly isSooner: boolean; readonly time: string } | null {
  if (!('at' in from) || !('at' in to)) return null;
  const ms = Date.parse(to.at) - Date.parse(from.at);
  const minutes = Math.floor(Math.abs(ms) / 60_000);
  if (minutes === 0) return null;
  return { isSooner: ms < 0, time: `PT${Math.floor(minutes / 60)}H${minutes % 60}M` };
}
