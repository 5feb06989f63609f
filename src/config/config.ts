// Owns the configuration as the rest of the program sees it: typed, complete, and refused with every problem at once.

import { join, resolve } from 'node:path'
import type { Allowance, Rate } from '../oauth/allowance.ts'
import type { Policy } from '../oauth/policy.ts'
import { reportCombinations } from './combinations.ts'
import { followedFilesOf } from './followed-files.ts'
import { type Environment, readGiven } from './given.ts'
import { isInsecure } from './origins.ts'
import { readPolicy } from './policy.ts'
import { withoutProblems } from './problem.ts'
import type { TrustProxy } from './proxies.ts'
import type { Values } from './schema.ts'
import { type IdentityProviderConfig, readIdentityProviders } from './sign-in.ts'
import { readTrustedIssuers, type TrustedIssuerConfig } from './trusted-issuers.ts'
import type { UpstreamConfig } from './upstream-entry.ts'
import { readUpstreams } from './upstreams.ts'
import { readValues } from './variables.ts'

export { ConfigError, type Problem } from './problem.ts'
export { loadSecrets, type Secrets } from './secrets.ts'
export type { IdentityProviderConfig } from './sign-in.ts'
export type { TrustedIssuerConfig } from './trusted-issuers.ts'
export type { UpstreamConfig } from './upstream-entry.ts'

export type DatabaseConfig =
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'embedded'; readonly directory: string }

export interface Config {
  /** The origin, without a trailing slash: the issuer. */
  readonly publicUrl: string
  /** Plain http on a host that is not this machine; the operator has said so, and should be reminded. */
  readonly insecureHttp: boolean
  readonly host: string
  readonly port: number
  readonly database: DatabaseConfig
  /** Absolute. */
  readonly dataDir: string
  readonly admin: { readonly email: string; readonly password: string } | null
  /** Empty: the demo upstream. */
  readonly upstreams: readonly UpstreamConfig[]
  /** Null: what people agreed to is all that counts. */
  readonly policy: Policy | null
  /** As it is written, so that two can be compared. */
  readonly policyText: string | null
  /** Absolute: the files that the upstreams, their secrets and the policy come from. */
  readonly followedFiles: readonly string[]
  readonly registration: Values['REGISTRATION']
  /** Empty unless given. Those made by command are in the database. */
  readonly initialAccessTokens: readonly string[]
  /** Null: codes may go anywhere. */
  readonly allowedRedirectHosts: readonly string[] | null
  /** Null: metadata documents may come from anywhere. */
  readonly allowedClientDomains: readonly string[] | null
  readonly clientUnusedTtlSeconds: number
  readonly accessTokenTtlSeconds: number
  readonly refreshTokenTtlSeconds: number
  /** Null: by command only. */
  readonly signingKeyRotationSeconds: number | null
  readonly sessionIdleSeconds: number
  readonly sessionMaxSeconds: number
  readonly identityProviders: readonly IdentityProviderConfig[]
  readonly trustedIssuers: readonly TrustedIssuerConfig[]
  readonly trustProxy: TrustProxy
  /** As browsers send them, besides ours and those of this machine. */
  readonly allowedOrigins: readonly string[]
  readonly maxBodyBytes: number
  /** Zero: off. */
  readonly answerCacheBytes: number
  readonly maxHeaderBytes: number
  readonly maxAnswerBytes: number
  /** Of all answers that are held, together. */
  readonly maxHeldAnswerBytes: number
  readonly perPerson: Allowance
  /** By what is done; null: as often as they like. */
  readonly perAddress: Readonly<Record<'refused' | 'failed' | 'authorize' | 'register', Rate | null>>
  readonly perClient: Allowance
  /** For an upstream that says nothing else. */
  readonly perUpstream: Omit<Allowance, 'rate'>
  readonly redisUrl: string | null
  readonly logLevel: Values['LOG_LEVEL']
  readonly shutdownGraceMs: number
  readonly workers: number
  readonly metricsPort: number | null
  readonly otlpEndpoint: string | null
}

/** Throws ConfigError with every problem there is. Reads the files that variables name, and nothing else. */
export function loadConfig(env: Environment): Config {
  return withoutProblems((report) => {
    const given = readGiven(env, report)
    const values = readValues(given, report)
    reportCombinations(given, values, report)
    const upstreams = readUpstreams(given, { env, allowed: values.UPSTREAMS_ENV }, report)
    return {
      ...settingsOf(values),
      upstreams,
      policy: readPolicy(given, upstreams, report),
      policyText: given.get('POLICY')?.text ?? null,
      followedFiles: followedFilesOf(env, values.UPSTREAMS_ENV),
      identityProviders: readIdentityProviders(given, report),
      trustedIssuers: readTrustedIssuers(given, report),
    }
  })
}

function settingsOf(
  values: Values,
): Omit<
  Config,
  'upstreams' | 'followedFiles' | 'policy' | 'policyText' | 'identityProviders' | 'trustedIssuers'
> {
  const dataDir = resolve(values.DATA_DIR)
  const publicUrl = values.PUBLIC_URL ?? defaultPublicUrl(values.PORT)
  return {
    publicUrl,
    insecureHttp: isInsecure(publicUrl),
    host: values.HOST,
    port: values.PORT,
    database: databaseOf(values, dataDir),
    dataDir,
    admin: adminOf(values),
    registration: values.REGISTRATION,
    initialAccessTokens: values.INITIAL_ACCESS_TOKENS ?? [],
    allowedRedirectHosts: values.ALLOWED_REDIRECT_HOSTS ?? null,
    allowedClientDomains: values.ALLOWED_CLIENT_DOMAINS ?? null,
    clientUnusedTtlSeconds: values.CLIENT_UNUSED_TTL,
    accessTokenTtlSeconds: values.ACCESS_TOKEN_TTL,
    refreshTokenTtlSeconds: values.REFRESH_TOKEN_TTL,
    signingKeyRotationSeconds: values.SIGNING_KEY_ROTATION,
    sessionIdleSeconds: values.SESSION_IDLE_TTL,
    sessionMaxSeconds: values.SESSION_MAX_TTL,
    trustProxy: values.TRUST_PROXY,
    allowedOrigins: values.ALLOWED_ORIGINS,
    maxBodyBytes: values.MAX_BODY,
    answerCacheBytes: values.ANSWER_CACHE,
    maxHeaderBytes: values.MAX_HEADERS,
    maxAnswerBytes: values.MAX_ANSWER,
    maxHeldAnswerBytes: values.MAX_HELD_ANSWERS,
    ...allowancesOf(values),
    redisUrl: values.REDIS_URL ?? null,
    logLevel: values.LOG_LEVEL,
    shutdownGraceMs: values.SHUTDOWN_GRACE * 1000,
    workers: values.WORKERS,
    metricsPort: values.METRICS_PORT,
    otlpEndpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT ?? null,
  }
}

function allowancesOf(
  values: Values,
): Pick<Config, 'perPerson' | 'perAddress' | 'perClient' | 'perUpstream'> {
  return {
    perPerson: {
      rate: values.RATE_PER_PERSON,
      calls: values.MAX_CALLS_PER_PERSON,
      streams: values.MAX_STREAMS_PER_PERSON,
    },
    perAddress: {
      refused: values.RATE_REFUSED_PER_ADDRESS,
      failed: values.RATE_FAILED_PER_ADDRESS,
      authorize: values.RATE_AUTHORIZE_PER_ADDRESS,
      register: values.RATE_REGISTER_PER_ADDRESS,
    },
    perClient: {
      rate: values.RATE_PER_CLIENT,
      calls: values.MAX_CALLS_PER_CLIENT,
      streams: values.MAX_STREAMS_PER_CLIENT,
    },
    perUpstream: { calls: values.MAX_CALLS_PER_UPSTREAM, streams: values.MAX_STREAMS_PER_UPSTREAM },
  }
}

/** Port 80 is not written in an origin. */
function defaultPublicUrl(port: number): string {
  return new URL(`http://localhost:${port}`).origin
}

function databaseOf({ DATABASE_URL: url }: Values, dataDir: string): DatabaseConfig {
  return url === undefined
    ? { kind: 'embedded', directory: join(dataDir, 'database') }
    : { kind: 'postgres', url }
}

function adminOf({ ADMIN_EMAIL: email, ADMIN_PASSWORD: password }: Values): Config['admin'] {
  return email === undefined || password === undefined ? null : { email, password }
}
