/**
 * Takes what a call brings to an account (events, periods, resources) before any of it is recorded.
 * @throws RATE_LIMITED when it is more than is left in this minute, and takes nothing
 */
export type TakeEvents = (accountId: number, count: number) => Promise<void>;
