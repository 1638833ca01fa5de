import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config.ts';
import { ConfigError } from '../../src/environment.ts';

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** "1,2,3" */
function upTo(count: number): string {
  return Array.from({ length: count }, (_, index) => index + 1).join(',');
}

const KEY = Buffer.alloc(32, 7).toString('base64');
const OLD_KEY = Buffer.alloc(32, 8).toString('base64');

describe('loadConfig', () => {
  it('starts on the embedded database with a demo account when nothing is set', () => {
    expect(loadConfig({})).toEqual({
      port: 4000,
      host: '127.0.0.1',
      databaseUrl: null,
      databaseReadUrl: null,
      databaseLogins: null,
      databasePoolSize: 16,
      databasePrepares: true,
      dataDir: '.data',
      seedDemo: true,
      bootstrapOperatorKey: null,
      http: {
        logLevel: 'info',
        trustedDocuments: null,
        queryCostMax: 40_000,
        pointRates: { perKey: 1_000_000, perAccount: 2_000_000 },
        corsOrigins: [],
        trustProxy: false,
        connectionLimits: { maxConnections: 25_000, maxBodyBytesInFlight: 67_108_864 },
        metrics: { token: null, listen: null },
      },
      ingestWindowDays: 400,
      ingestAheadSeconds: 300,
      accountDefaults: {
        policy: {
          lowCreditMicro: 10_000_000n,
          negativeLimitMicro: -10_000_000n,
          fineTuningMinimumMicro: 0n,
        },
        usageThresholds: ['50', '70', '80', '90'],
        hoursToStop: ['24'],
      },
      smtpUrl: null,
      emailFrom: 'billing@localhost',
      publicUrl: null,
      issuerName: 'Billing Gateway',
      providerName: 'Billing Gateway',
      publisherName: 'Billing Gateway',
      webhookSecretKeys: [],
      webhookAllowLoopback: false,
      jwt: null,
      eventRate: { perAccount: 1_000_000 },
      redisUrl: null,
      retention: {
        deliveriesDays: 0,
        emailsDays: 0,
        exportsDays: 30,
        jobsDays: 0,
        auditDays: 0,
      },
    });
  });

  it('takes every variable from the environment', () => {
    const env = {
      PORT: '0',
      HOST: '::1',
      METRICS_TOKEN: 'a-token-of-the-metrics-0123',
      METRICS_PORT: '9464',
      MAX_CONNECTIONS: '500',
      MAX_BODY_BYTES_IN_FLIGHT: '20000000',
      DATABASE_URL: 'postgresql://billing:pa55@db.internal/billing',
      DATABASE_READ_URL: 'postgresql://replica.internal/billing',
      DATABASE_POOL_SIZE: '25',
      DATABASE_PREPARE: 'false',
      DATA_DIR: '/var/lib/billing data',
      SEED_DEMO: 'TRUE',
      BOOTSTRAP_OPERATOR_KEY: 'operator-key-of-24-chars',
      LOG_LEVEL: 'warn',
      INGEST_WINDOW_DAYS: '3660',
      INGEST_AHEAD_SECONDS: '0',
      DEFAULT_LOW_CREDIT: '0.5',
      DEFAULT_NEGATIVE_LIMIT: '-1000',
      DEFAULT_FINE_TUNING_MINIMUM: '20',
      DEFAULT_USAGE_THRESHOLDS: '75, 100',
      DEFAULT_HOURS_TO_STOP: 'none',
      SMTP_URL: 'smtps://billing:pa55@mail.internal:465',
      EMAIL_FROM: 'Billing, Acme <billing@acme.example>',
      PUBLIC_URL: 'https://Acme.example/billing/',
      ISSUER_NAME: 'Acme Billing Ltd.',
      PROVIDER_NAME: 'Acme AI',
      PUBLISHER_NAME: 'Acme Labs',
      WEBHOOK_SECRET_KEY: `${KEY},${OLD_KEY}`,
      WEBHOOK_ALLOW_LOOPBACK: '1',
      JWKS_URL: 'https://login.example.com/jwks',
      JWT_ISSUER: 'https://login.example.com/',
      JWT_AUDIENCE: 'billing',
      JWT_ACCOUNT_CLAIM: 'https://example.com/team',
      JWT_SCOPE_CLAIM: 'permissions',
      JWT_ALLOW_OPERATOR: 'true',
      CORS_ORIGINS: 'https://app.example.com, http://localhost:5173',
      TRUST_PROXY: '10.0.0.7, 192.168.0.0/16, ::1',
      RATE_EVENTS_PER_ACCOUNT: '5000',
      REDIS_URL: 'rediss://:pa55@redis.internal:6380/2',
      RATE_POINTS_PER_KEY: '40000',
      RATE_POINTS_PER_ACCOUNT: '999999999',
      RETENTION_DELIVERIES_DAYS: '90',
      RETENTION_EMAILS_DAYS: '1',
      RETENTION_EXPORTS_DAYS: '0',
      RETENTION_JOBS_DAYS: '36500',
      RETENTION_AUDIT_DAYS: '30',
    };

    expect(loadConfig(env)).toEqual({
      port: 0,
      host: '::1',
      databaseUrl: 'postgresql://billing:pa55@db.internal/billing',
      databaseReadUrl: 'postgresql://replica.internal/billing',
      databaseLogins: null,
      databasePoolSize: 25,
      databasePrepares: false,
      dataDir: '/var/lib/billing data',
      seedDemo: true,
      bootstrapOperatorKey: 'operator-key-of-24-chars',
      http: {
        logLevel: 'warn',
        trustedDocuments: null,
        queryCostMax: 40_000,
        pointRates: { perKey: 40_000, perAccount: 999_999_999 },
        corsOrigins: ['https://app.example.com', 'http://localhost:5173'],
        trustProxy: ['10.0.0.7', '192.168.0.0/16', '::1'],
        connectionLimits: { maxConnections: 500, maxBodyBytesInFlight: 20_000_000 },
        metrics: {
          token: 'a-token-of-the-metrics-0123',
          listen: { port: 9464, host: '::1' },
        },
      },
      ingestWindowDays: 3660,
      ingestAheadSeconds: 0,
      accountDefaults: {
        policy: {
          lowCreditMicro: 500_000n,
          negativeLimitMicro: -1_000_000_000n,
          fineTuningMinimumMicro: 20_000_000n,
        },
        usageThresholds: ['75', '100'],
        hoursToStop: [],
      },
      smtpUrl: 'smtps://billing:pa55@mail.internal:465',
      emailFrom: 'Billing, Acme <billing@acme.example>',
      publicUrl: 'https://acme.example/billing',
      issuerName: 'Acme Billing Ltd.',
      providerName: 'Acme AI',
      publisherName: 'Acme Labs',
      webhookSecretKeys: [Buffer.alloc(32, 7), Buffer.alloc(32, 8)],
      webhookAllowLoopback: true,
      jwt: {
        jwksUrl: 'https://login.example.com/jwks',
        issuer: 'https://login.example.com/',
        audience: 'billing',
        accountClaim: 'https://example.com/team',
        scopeClaim: 'permissions',
        allowOperator: true,
      },
      eventRate: { perAccount: 5_000 },
      redisUrl: 'rediss://:pa55@redis.internal:6380/2',
      retention: {
        deliveriesDays: 90,
        emailsDays: 1,
        exportsDays: 0,
        jobsDays: 36_500,
        auditDays: 30,
      },
    });
  });

  it('keeps audit entries for thirty days at least, or for ever', () => {
    expect(loadConfig({ RETENTION_AUDIT_DAYS: '0' }).retention.auditDays).toBe(0);
    expect(problemsOf({ RETENTION_AUDIT_DAYS: '29', RETENTION_EMAILS_DAYS: '36501' })).toEqual([
      'RETENTION_EMAILS_DAYS must be 0 or a whole number from 1 to 36500, not "36501".',
      'RETENTION_AUDIT_DAYS must be 0 or a whole number from 30 to 36500, not "29".',
    ]);
  });

  it('seeds no demo account into a database of the user unless told to', () => {
    const url = 'postgres://billing@localhost:5432/billing';

    expect(loadConfig({ DATABASE_URL: url }).seedDemo).toBe(false);
    expect(loadConfig({ DATABASE_URL: url, SEED_DEMO: '1' }).seedDemo).toBe(true);
    expect(loadConfig({ SEED_DEMO: 'false' }).seedDemo).toBe(false);
  });

  it('treats an empty variable as unset and ignores unknown ones', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: '', NOT_OURS: 'x' })).toEqual(loadConfig({}));
  });

  it.each([
    '*',
    'https://*.example.com',
    'https://app.example.com/',
    'app.example.com',
    'null',
    ',',
  ])('takes no CORS_ORIGINS of %s', (value) => {
    expect(problemsOf({ CORS_ORIGINS: value })).toEqual([
      expect.stringMatching(/^CORS_ORIGINS must be web origins .* never \*, or none, not /),
    ]);
  });

  it('takes a number of proxies', () => {
    expect(loadConfig({ TRUST_PROXY: '2' }).http.trustProxy).toBe(2);
    expect(loadConfig({ TRUST_PROXY: 'none' }).http.trustProxy).toBe(false);
  });

  it.each(['0', '10', 'true', '*', '10.0.0.0/33', 'proxy.internal', ','])(
    'takes no TRUST_PROXY of %s',
    (value) => {
      expect(problemsOf({ TRUST_PROXY: value })).toEqual([
        expect.stringMatching(/^TRUST_PROXY must be the number of proxies .* or none, not /),
      ]);
    },
  );

  it('lets every caller have the points of the dearest operation that is allowed', () => {
    expect(loadConfig({ QUERY_COST_MAX: '1500000' }).http.pointRates).toEqual({
      perKey: 1_500_000,
      perAccount: 2_000_000,
    });
    expect(problemsOf({ QUERY_COST_MAX: '50000', RATE_POINTS_PER_KEY: '49999' })).toEqual([
      'RATE_POINTS_PER_KEY must be a whole number from 50000 to 999999999, not "49999".',
    ]);
  });

  it('takes the logins of both pools, or none', () => {
    expect(problemsOf({ DATABASE_LOGIN_URL: 'postgres://gateway:pa55@db/billing' })).toEqual([
      'DATABASE_LOGIN_URL, DATABASE_OPERATOR_LOGIN_URL must be set all or none; DATABASE_OPERATOR_LOGIN_URL is missing.',
    ]);
    const logins = {
      DATABASE_LOGIN_URL: 'postgres://gateway:pa55@db/billing',
      DATABASE_OPERATOR_LOGIN_URL: 'postgres://operator:pa55@db/billing',
    };
    expect(loadConfig(logins).databaseLogins).toEqual({
      url: logins.DATABASE_LOGIN_URL,
      operatorUrl: logins.DATABASE_OPERATOR_LOGIN_URL,
      listenUrl: logins.DATABASE_LOGIN_URL,
    });
    const direct = 'postgres://gateway:pa55@direct/billing';
    expect(loadConfig({ ...logins, DATABASE_LISTEN_URL: direct }).databaseLogins?.listenUrl).toBe(
      direct,
    );
    expect(problemsOf({ DATABASE_LISTEN_URL: direct })).toEqual([
      'DATABASE_LOGIN_URL, DATABASE_OPERATOR_LOGIN_URL, DATABASE_LISTEN_URL must be set all or none; DATABASE_LOGIN_URL and DATABASE_OPERATOR_LOGIN_URL are missing.',
    ]);
  });

  it('takes all of JWKS_URL, JWT_ISSUER and JWT_AUDIENCE, or none', () => {
    expect(problemsOf({ JWKS_URL: 'https://login.example.com/jwks' })).toEqual([
      'JWKS_URL, JWT_ISSUER, JWT_AUDIENCE must be set all or none; JWT_ISSUER and JWT_AUDIENCE are missing.',
    ]);
    expect(
      problemsOf({ JWKS_URL: 'http://login.example.com', JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' }),
    ).toEqual([
      'JWKS_URL must be an https address such as https://login.example.com/.well-known/jwks.json, not "http://login.example.com".',
    ]);
  });

  it('names every bad variable at once', () => {
    const problems = problemsOf({
      PORT: 'abc',
      HOST: 'not a host',
      DATABASE_URL: 'mysql://root@localhost/x',
      SEED_DEMO: 'maybe',
      BOOTSTRAP_OPERATOR_KEY: 'short',
      LOG_LEVEL: 'loud',
      INGEST_WINDOW_DAYS: '0',
      INGEST_AHEAD_SECONDS: '-1',
      DEFAULT_LOW_CREDIT: 'ten',
      DEFAULT_NEGATIVE_LIMIT: '10',
      DEFAULT_FINE_TUNING_MINIMUM: '1e3',
      DEFAULT_USAGE_THRESHOLDS: '50;70',
      DEFAULT_HOURS_TO_STOP: '-1',
      DATABASE_POOL_SIZE: '2.5',
      DATABASE_PREPARE: 'never',
      DATA_DIR: '  ',
      ISSUER_NAME: 'Acme\nLtd.',
      PROVIDER_NAME: 'Acme\rLtd.',
      PUBLISHER_NAME: 'Acme\tLtd.',
      SMTP_URL: 'http://mail.internal',
      EMAIL_FROM: 'billing',
      PUBLIC_URL: 'ftp://acme.example',
      WEBHOOK_SECRET_KEY: 'c2hvcnQ=',
      WEBHOOK_ALLOW_LOOPBACK: 'sometimes',
    });

    expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual([
      'BOOTSTRAP_OPERATOR_KEY',
      'DATABASE_POOL_SIZE',
      'DATABASE_PREPARE',
      'DATABASE_URL',
      'DATA_DIR',
      'DEFAULT_FINE_TUNING_MINIMUM',
      'DEFAULT_HOURS_TO_STOP',
      'DEFAULT_LOW_CREDIT',
      'DEFAULT_NEGATIVE_LIMIT',
      'DEFAULT_USAGE_THRESHOLDS',
      'EMAIL_FROM',
      'HOST',
      'INGEST_AHEAD_SECONDS',
      'INGEST_WINDOW_DAYS',
      'ISSUER_NAME',
      'LOG_LEVEL',
      'PORT',
      'PROVIDER_NAME',
      'PUBLIC_URL',
      'PUBLISHER_NAME',
      'SEED_DEMO',
      'SMTP_URL',
      'WEBHOOK_ALLOW_LOOPBACK',
      'WEBHOOK_SECRET_KEY',
    ]);
    expect(problems).toContain('PORT must be a whole number from 0 to 65535, not "abc".');
    expect(problems).toContain(
      'DEFAULT_NEGATIVE_LIMIT must be a number of credits, zero or less, with at most six decimals, not "10".',
    );
  });

  it.each([
    ['PORT', '65535', '65536'],
    ['METRICS_PORT', '0', '65536'],
    ['INGEST_WINDOW_DAYS', '1', '0'],
    ['INGEST_WINDOW_DAYS', '3660', '3661'],
    ['INGEST_AHEAD_SECONDS', '86400', '86401'],
    ['DATABASE_POOL_SIZE', '1', '0'],
    ['DEFAULT_LOW_CREDIT', '0', '-0.000001'],
    ['DEFAULT_LOW_CREDIT', '0.000001', '0.0000001'],
    ['DEFAULT_NEGATIVE_LIMIT', '0', '0.000001'],
    ['DEFAULT_FINE_TUNING_MINIMUM', '-1', '+1'],
    ['DEFAULT_USAGE_THRESHOLDS', '0.1,1000', '0.1,1000.1'],
    ['DEFAULT_USAGE_THRESHOLDS', 'none', 'none,50'],
    ['DEFAULT_USAGE_THRESHOLDS', upTo(49), upTo(51)],
    ['DEFAULT_HOURS_TO_STOP', '8784', '8785'],
    ['DEFAULT_HOURS_TO_STOP', upTo(92), upTo(93)],
    ['BOOTSTRAP_OPERATOR_KEY', 'x'.repeat(24), 'x'.repeat(23)],
    ['BOOTSTRAP_OPERATOR_KEY', 'x'.repeat(512), 'x'.repeat(513)],
    ['BOOTSTRAP_OPERATOR_KEY', 'x'.repeat(24), `${'x'.repeat(24)} y`],
    ['SMTP_URL', 'smtp://localhost:2525', 'smtp:'],
    ['EMAIL_FROM', 'a@b', 'a@b\r\nBcc: c@d'],
    ['EMAIL_FROM', 'Acme <a@b>', 'Acme\nBcc: c@d <a@b>'],
    ['EMAIL_FROM', 'Acme <a@b>', 'Acme <a@b>, Other <c@d>'],
    ['ISSUER_NAME', 'x'.repeat(200), 'x'.repeat(201)],
    ['PROVIDER_NAME', 'x'.repeat(200), 'x'.repeat(201)],
    ['PUBLISHER_NAME', 'x'.repeat(200), 'x'.repeat(201)],
    ['PUBLIC_URL', 'http://localhost:3000', 'localhost:3000'],
    ['PUBLIC_URL', 'https://acme.example', 'javascript:alert(1)'],
    ['PUBLIC_URL', 'https://acme.example/', 'https://acme.example/?'],
    ['PUBLIC_URL', 'https://acme.example/billing', 'https://acme.example/billing#usage'],
    ['PUBLIC_URL', 'https://acme.example', 'https://user:pa55@acme.example'],
    ['WEBHOOK_SECRET_KEY', KEY, Buffer.alloc(31, 7).toString('base64')],
    ['WEBHOOK_SECRET_KEY', KEY, `${KEY} `],
    ['WEBHOOK_SECRET_KEY', `${KEY},${OLD_KEY}`, `${KEY},`],
    ['WEBHOOK_SECRET_KEY', `${KEY},${OLD_KEY}`, `${KEY},${OLD_KEY.slice(4)}`],
  ])('draws the line of %s between %s and %s', (name, accepted, refused) => {
    expect(problemsOf({ [name]: accepted })).toEqual([]);
    expect(problemsOf({ [name]: refused })).toHaveLength(1);
  });

  it('never repeats a secret', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://root:hunter2@localhost/x',
      BOOTSTRAP_OPERATOR_KEY: 'hunter2',
      SMTP_URL: 'http://root:hunter2@localhost',
      WEBHOOK_SECRET_KEY: 'hunter2',
    });

    expect(problems).toHaveLength(4);
    expect(problems.join()).not.toContain('hunter2');
  });
});
