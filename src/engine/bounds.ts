// How much an account can hold. Every sum of credits is a signed 64-bit number of micro-credits in the database, up to
// 9.2 x 10^18; one that grew beyond would stop the account's clock for ever. So what is set is bounded, such that no
// sequence of calls and no length of time reaches that far (docs/decisions/0012-what-an-account-can-hold.md).

/**
 * The most of a kind, in millionths of a unit, 10^12 credits or runs: all that an account is given once, all usage that it
 * records, the depth of its negative limit and of an adjustment, what hosting costs that begins in the past.
 */
export const HELD_MICRO_MAX = 10n ** 18n;

/** All grants that an account is given in each cycle, together: those of a thousand cycles come to HELD_MICRO_MAX. */
export const EVERY_CYCLE_MICRO_MAX = HELD_MICRO_MAX / 1_000n;
