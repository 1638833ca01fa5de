// The options of the HTTP server, from the environment.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { BOOTSTRAP_SECRET_RULE, isBootstrapSecret } from './access/key.ts';
import { isWebOrigin } from './core/url.ts';
import { type EnvironmentReader, listOf } from './environment.ts';
import { parseTrustedDocuments, type TrustedDocuments } from './graphql/documents.ts';
import { logLevels } from './http/logging.ts';
import { HTTP_DEFAULTS, type HttpOptions, type TrustProxy } from './http/options.ts';

const POINTS_MAX = 999_999_999;

/** The options that the environment sets, and the defaults of the others. @param host where the gateway listens, and the metrics at a port of their own */
export function readHttpOptions(read: EnvironmentReader, host: string): HttpOptions {
  const queryCostMax = read.integer('QUERY_COST_MAX', HTTP_DEFAULTS.queryCostMax, {
    min: 1_000,
    max: POINTS_MAX,
  });
  return {
    logLevel: read.choice('LOG_LEVEL', HTTP_DEFAULTS.logLevel, logLevels),
    trustedDocuments: readTrustedDocuments(read),
    queryCostMax,
    pointRates: readPointRates(read, queryCostMax),
    corsOrigins: readCorsOrigins(read),
    trustProxy: readTrustProxy(read),
    connectionLimits: readConnectionLimits(read),
    metrics: readMetricsPlace(read, host),
  };
}

function readPointRates(read: EnvironmentReader, queryCostMax: number): HttpOptions['pointRates'] {
  // With fewer, the dearest operation that is allowed could never run.
  const points = (name: string, fallback: number): number =>
    read.integer(name, Math.max(fallback, queryCostMax), { min: queryCostMax, max: POINTS_MAX });
  const { perKey, perAccount } = HTTP_DEFAULTS.pointRates;
  return {
    perKey: points('RATE_POINTS_PER_KEY', perKey),
    perAccount: points('RATE_POINTS_PER_ACCOUNT', perAccount),
  };
}

function readTrustedDocuments(read: EnvironmentReader): TrustedDocuments | null {
  const file = read.optional('TRUSTED_DOCUMENTS', (path) => manifestAt(path) !== null, {
    expected:
      'the path of a JSON file with documents by the SHA-256 of their text, as npm run codegen writes it',
    secret: false,
  });
  return file === null ? null : manifestAt(file);
}

function manifestAt(file: string): TrustedDocuments | null {
  try {
    return parseTrustedDocuments(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

function readCorsOrigins(read: EnvironmentReader): readonly string[] {
  return listOf(
    read.text(
      'CORS_ORIGINS',
      'none',
      (value) => listOf(value).every(isWebOrigin),
      'web origins such as https://app.example.com,https://portal.example.com, each without a path or a slash at its end and never *, or none',
    ),
  );
}

function readTrustProxy(read: EnvironmentReader): TrustProxy {
  const isHops = (value: string): boolean => /^[1-9]$/.test(value);
  const value = read.text(
    'TRUST_PROXY',
    'none',
    (text) => isHops(text) || listOf(text).every(isNetwork),
    'the number of proxies before the gateway (1 to 9), their addresses or networks such as 10.0.0.7,192.168.0.0/16, or none',
  );
  if (isHops(value)) return Number(value);
  const networks = [...listOf(value)];
  return networks.length === 0 ? false : networks;
}

function isNetwork(value: string): boolean {
  const [address = ''] = value.split('/', 1);
  return isIP(address) !== 0 && (address === value || ipaddr.isValidCIDR(value));
}

function readConnectionLimits(read: EnvironmentReader): HttpOptions['connectionLimits'] {
  const { maxConnections, maxBodyBytesInFlight } = HTTP_DEFAULTS.connectionLimits;
  return {
    maxConnections: read.integer('MAX_CONNECTIONS', maxConnections, { min: 10, max: 1_000_000 }),
    maxBodyBytesInFlight: read.integer('MAX_BODY_BYTES_IN_FLIGHT', maxBodyBytesInFlight, {
      min: 16 * 1024 * 1024,
      max: 999_999_999,
    }),
  };
}

function readMetricsPlace(read: EnvironmentReader, host: string): HttpOptions['metrics'] {
  const port = read.integer('METRICS_PORT', 0, { min: 0, max: 65_535 });
  return {
    token: read.optional('METRICS_TOKEN', isBootstrapSecret, {
      expected: BOOTSTRAP_SECRET_RULE,
      secret: true,
    }),
    listen: port === 0 ? null : { port, host },
  };
}
