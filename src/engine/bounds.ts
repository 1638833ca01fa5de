// How much an account can hold. Every sum of credits is a signed 64-bit number of micro-credits in the database, up to
// 9.2 x 10^18. A larger one would stop the account's clock for ever. So every input is bounded, such that no
// sequence of calls and no length of time can exceed it (docs/decisions/0012-what-an-account-can-hold.md).

/**
 * The limit of each kind, in millionths of a unit (10^12 credits or runs): all one-time allocations, all recorded
 * usage, the depth of the negative limit and of an adjustment, the cost of hosting that begins in the past.
 */
export const HELD_MICRO_MAX = 10n ** 18n;

/** The limit of all recurring grants of one cycle together: a thousand cycles reach HELD_MICRO_MAX. */
export const EVERY_CYCLE_MICRO_MAX = HELD_MICRO_MAX / 1_000n;
