// What can be set of the HTTP server.

import { QUERY_LIMITS, type TrustedDocuments } from '../graphql/documents.ts';
import { DEFAULT_CONNECTION_LIMITS, type ConnectionLimits } from './connections.ts';
import type { LogLevel } from './logging.ts';
import type { MetricsPlace } from './metrics.ts';
import type { PointRates } from './rates.ts';

/** How many proxies stand before the gateway, or their addresses; false: none. */
export type TrustProxy = number | string[] | false;

export interface HttpOptions {
  readonly logLevel: LogLevel;
  /** The only documents that run; null: all do. */
  readonly trustedDocuments: TrustedDocuments | null;
  /** The most points that an operation may cost. */
  readonly queryCostMax: number;
  /** The points of cost that callers have a minute; null: no limit. */
  readonly pointRates: PointRates | null;
  /** The web origins whose pages may call the API. */
  readonly corsOrigins: readonly string[];
  /** Whose X-Forwarded-For says where a request comes from. */
  readonly trustProxy: TrustProxy;
  readonly connectionLimits: ConnectionLimits;
  /** Where and by what token the metrics are read. */
  readonly metrics: MetricsPlace;
}

/** What is not set; docs/limits.md has the bounds among it. */
export const HTTP_DEFAULTS = {
  logLevel: 'info',
  trustedDocuments: null,
  queryCostMax: QUERY_LIMITS.cost,
  pointRates: { perKey: 1_000_000, perAccount: 2_000_000 },
  corsOrigins: [],
  trustProxy: false,
  connectionLimits: DEFAULT_CONNECTION_LIMITS,
  metrics: { token: null, listen: null },
} as const satisfies HttpOptions;
