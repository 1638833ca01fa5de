// What a credit costs an account in money, from an instant on. Prices are only added. A price that has taken effect never
// changes, so what was reported with it stays true: a new one begins now or later, or before the first one, where none held yet.

import { ConflictError, UserInputError } from '../core/errors.ts';
import { formatMicro, MICRO_PER_CREDIT, parseMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';

/** Prices that one account may have, replaced ones too. */
export const CREDIT_PRICES_MAX = 1_000;
/** For one credit, in millionths of the currency. */
export const CREDIT_PRICE_MICRO_MAX = 1_000_000n * MICRO_PER_CREDIT;

/** What a credit costs from an instant on. */
export interface CreditPrice {
  readonly accountId: number;
  /** 1, 2, 3 … in the order in which they were set. */
  readonly priceId: number;
  /** ISO 4217. */
  readonly currency: string;
  /** Before discounts, in millionths of the currency. */
  readonly listMicro: bigint;
  /** As agreed with the account, in millionths of the currency. */
  readonly contractedMicro: bigint;
  readonly fromMs: number;
  /** The account's now at which it was set. */
  readonly setAtMs: number;
}

/** The arguments of setCreditPrice, as the API takes them. */
export interface SetCreditPriceRequest {
  readonly accountId?: string | null;
  readonly currency: string;
  readonly listPerCredit: string;
  readonly contractedPerCredit: string;
  readonly effectiveFrom?: number | null;
}

type NewPrice = Omit<CreditPrice, 'accountId' | 'priceId' | 'setAtMs'>;

/** Currencies of several nations. All others that begin with X are metals, funds or tests. */
const SHARED = ['XAF', 'XCD', 'XCG', 'XOF', 'XPF'];
/** Codes of ISO 4217 for funds and units of account, which nothing is invoiced in. */
const FUNDS = ['BOV', 'CHE', 'CHW', 'CLF', 'COU', 'MXV', 'USN', 'USS', 'UYI', 'UYW'];

const national = new Set(
  Intl.supportedValuesOf('currency').filter(
    (code) => (!code.startsWith('X') || SHARED.includes(code)) && !FUNDS.includes(code),
  ),
);

/** Each price that holds for some time, earliest first: of those for one instant the last that was set. */
export function pricesInForce(prices: readonly CreditPrice[]): readonly CreditPrice[] {
  const byInstant = new Map<number, CreditPrice>();
  for (const price of [...prices].sort((a, b) => a.priceId - b.priceId)) {
    byInstant.set(price.fromMs, price);
  }
  return [...byInstant.values()].sort((a, b) => a.fromMs - b.fromMs);
}

/** The price at an instant; null before the first one. @param inForce earliest first */
export function priceAt(inForce: readonly CreditPrice[], atMs: number): CreditPrice | null {
  return inForce.findLast((price) => price.fromMs <= atMs) ?? null;
}

/**
 * The price that a request adds; null when the same holds at its instant already.
 * @param known all prices of the account
 * @param nowMs the account's now
 * @throws UserInputError naming the field; CONFLICT when the account has too many prices
 */
export function newPrice(
  request: SetCreditPriceRequest,
  known: readonly CreditPrice[],
  nowMs: number,
): NewPrice | null {
  const price = parsePrice(request, nowMs);
  const inForce = pricesInForce(known);
  const before = priceAt(inForce, price.fromMs);
  if (before !== null && isSame(before, price)) return null;
  const [first] = inForce;
  if (first !== undefined && price.fromMs < nowMs && price.fromMs >= first.fromMs) {
    throw new UserInputError(
      `effectiveFrom is ${isoInstant(price.fromMs)}; prices that have taken effect do not change, so it must be ${isoInstant(nowMs)} (now) or later, or before the first price, which holds from ${isoInstant(first.fromMs)}.`,
      { path: ['input', 'effectiveFrom'] },
    );
  }
  if (known.length < CREDIT_PRICES_MAX) return price;
  throw new ConflictError(
    `The account has ${known.length} credit prices; at most ${CREDIT_PRICES_MAX} are kept.`,
  );
}

function parsePrice(request: SetCreditPriceRequest, nowMs: number): NewPrice {
  return {
    currency: parseCurrency(request.currency),
    listMicro: parseMoney(request.listPerCredit, 'listPerCredit'),
    contractedMicro: parseMoney(request.contractedPerCredit, 'contractedPerCredit'),
    fromMs: request.effectiveFrom ?? nowMs,
  };
}

function isSame(one: NewPrice, other: NewPrice): boolean {
  return (
    one.currency === other.currency &&
    one.listMicro === other.listMicro &&
    one.contractedMicro === other.contractedMicro
  );
}

function parseCurrency(currency: string): string {
  if (national.has(currency)) return currency;
  throw new UserInputError(
    `currency is ${JSON.stringify(currency.slice(0, 20))}; it must be a national currency's code of ISO 4217 in capitals, such as "EUR" or "USD".`,
    { path: ['input', 'currency'] },
  );
}

function parseMoney(text: string, field: string): bigint {
  const path = ['input', field];
  const micro = parseMicro(text, path);
  if (micro >= 0n && micro <= CREDIT_PRICE_MICRO_MAX) return micro;
  throw new UserInputError(
    `${field} is ${formatMicro(micro)}; it must be from 0 to ${formatMicro(CREDIT_PRICE_MICRO_MAX)}.`,
    { path },
  );
}
