// Owns the kinds of upstreams: what each is reached by, as configured and as the rest of the program has it.

import { NO_LIMITS, type UpstreamLimits } from '../oauth/allowance.ts'
import type { ToolScope } from '../oauth/resource.ts'
import type { UpstreamAuth } from '../oauth/upstream-auth.ts'
import { type Balance, createBalance, type Endpoint } from './balance.ts'

interface CommonSettings {
  readonly name: string
  /** For people. */
  readonly title: string
  /** Finer scopes, each for some of its tools. */
  readonly toolScopes?: readonly ToolScope[]
  /** Tools that appear, or become destructive, after a person has agreed wait until that person agrees again. */
  readonly holdNewTools?: boolean
  /** How much it takes, beside what holds for all. */
  readonly limits?: UpstreamLimits
  /** The login that it wants; null for none beside its headers. */
  readonly auth?: UpstreamAuth | null
}

/** Streamable HTTP, in either era. */
export interface HttpSettings extends CommonSettings {
  readonly kind?: 'http'
  /** Of its MCP endpoint: absolute, http or https. */
  readonly url: string
  /** Of more endpoints of the same upstream, which share the work with the first. */
  readonly otherUrls?: readonly string[]
  /** Sent with every request to it. */
  readonly headers: Readonly<Record<string, string>>
}

/** HTTP+SSE, the transport of 2024-11-05. */
export interface SseSettings extends CommonSettings {
  readonly kind: 'sse'
  /** Of its event stream: absolute, http or https. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** A program on this machine, spoken to over its standard input and output. */
export interface StdioSettings extends CommonSettings {
  readonly kind: 'stdio'
  readonly command: string
  readonly args: readonly string[]
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>
  /** Null: where Gatehouse runs. */
  readonly cwd: string | null
  /** It keeps nothing of a person's, so that one process serves everybody. */
  readonly shared: boolean
}

/** An HTTP API, whose OpenAPI document says which tools there are. */
export interface OpenApiSettings extends CommonSettings {
  readonly kind: 'openapi'
  /** Where the document is: a URL, or a path on this machine. */
  readonly document: string
  /** Where the API is; null: where its document says. */
  readonly url: string | null
  readonly headers: Readonly<Record<string, string>>
  /** Which operations become tools, see openapi/selection.ts; empty: all. */
  readonly operations: readonly string[]
  /** Also those that change something. */
  readonly writes: boolean
}

/** An upstream as it is configured. */
export type UpstreamSettings = HttpSettings | SseSettings | StdioSettings | OpenApiSettings

export interface HttpUpstream extends Required<HttpSettings>, Endpoint {
  /** The one above first. */
  readonly endpoints: readonly Endpoint[]
  /** Between several; null when there is one. */
  readonly balance: Balance | null
}

export interface SseUpstream extends Required<SseSettings>, Endpoint {}
export type StdioUpstream = Required<StdioSettings>
export type OpenApiUpstream = Required<OpenApiSettings>

/** An upstream. The same object for as long as its settings stay the same, so it can be a key. */
export type Upstream = HttpUpstream | SseUpstream | StdioUpstream | OpenApiUpstream

export function createUpstream(settings: UpstreamSettings): Upstream {
  const { toolScopes = [], holdNewTools = false, limits = NO_LIMITS, auth = null } = settings
  const common = { toolScopes, holdNewTools, limits, auth }
  switch (settings.kind) {
    case 'stdio':
    case 'openapi':
      return { ...settings, ...common }
    case 'sse':
      return { ...settings, ...common, ...endpointAt(settings.url) }
    default: {
      const { url, otherUrls = [] } = settings
      const endpoints = [url, ...otherUrls].map(endpointAt)
      const balance = endpoints.length > 1 ? createBalance(endpoints) : null
      return { ...settings, ...common, ...endpointAt(url), kind: 'http', otherUrls, endpoints, balance }
    }
  }
}

function endpointAt(url: string): Endpoint {
  const { origin, pathname, search } = new URL(url)
  return { origin, path: pathname + search }
}

/** Whether two settings would make the same upstream. */
export function sameSettings(one: UpstreamSettings, other: UpstreamSettings): boolean {
  return fingerprint(one) === fingerprint(other)
}

function fingerprint(settings: UpstreamSettings): string {
  return JSON.stringify(sorted(createUpstream(settings)))
}

/** Names of members in one order, whatever order they were written in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => [name, sorted(member)])
}
