// Owns the registry: which path of this origin leads to which upstream, or to all of them.

import { type ProtectedResource, resourcePath } from '../oauth/resource.ts'
import { createUpstream, sameSettings, type Upstream, type UpstreamSettings } from './settings.ts'

export type { Balance, Turn } from './balance.ts'
export type {
  HttpUpstream,
  OpenApiUpstream,
  SseUpstream,
  StdioUpstream,
  Upstream,
  UpstreamSettings,
} from './settings.ts'

/** A path, the protected resource that it is, and what is behind it. */
export type Place = UpstreamPlace | AggregatePlace

export interface UpstreamPlace {
  readonly kind: 'upstream'
  readonly resource: ProtectedResource
  readonly upstream: Upstream
}

/** Several upstreams as one server. */
export interface AggregatePlace {
  readonly kind: 'aggregate'
  readonly resource: ProtectedResource
  readonly upstreams: readonly Upstream[]
}

export interface Registry {
  /** Exactly this path, byte for byte: nothing is decoded, no dot segment removed, no slash tolerated. */
  find(path: string): Place | null
  /** Every place, `/mcp` first. */
  all(): readonly Place[]
  upstreams(): readonly Upstream[]
  has(upstream: Upstream): boolean
  /** From now on these upstreams. Throws, and keeps the old ones, when two of them have one name or a URL is not one. */
  replace(upstreams: readonly UpstreamSettings[]): void
  /** `retire` is told which objects are gone: their upstreams are not there any more, or are others now. */
  onReplace(retire: (gone: readonly Upstream[]) => void): void
}

/** For people: what `/mcp` is called when it is several. */
const ALL_SERVERS = 'All servers'

export function createRegistry(upstreams: readonly UpstreamSettings[], publicUrl: string): Registry {
  let known = upstreams.map(createUpstream)
  let places = placesOf(known, publicUrl)
  const listeners: ((gone: readonly Upstream[]) => void)[] = []
  return {
    find: (path) => places.get(path) ?? null,
    all: () => [...places.values()],
    upstreams: () => known,
    has: (upstream) => known.includes(upstream),
    replace(changed) {
      const next = changed.map((each) => known.find((one) => sameSettings(one, each)) ?? createUpstream(each))
      if (isSame(next, known)) return
      places = placesOf(next, publicUrl)
      const gone = known.filter((each) => !next.includes(each))
      known = next
      for (const retire of listeners) retire(gone)
    },
    onReplace: (retire) => void listeners.push(retire),
  }
}

function isSame(one: readonly Upstream[], other: readonly Upstream[]): boolean {
  return one.length === other.length && one.every((upstream, at) => upstream === other[at])
}

/** With one upstream `/mcp` is that one; with several it is all of them as one. */
function placesOf(upstreams: readonly Upstream[], publicUrl: string): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  const add = (place: Place) => places.set(place.resource.path, place)
  const [only, ...others] = upstreams
  if (only && others.length === 0) add(upstreamPlace(only, resourcePath(), publicUrl))
  else if (only) add(aggregatePlace(upstreams, publicUrl))
  for (const upstream of upstreams) {
    const path = resourcePath(upstream.name)
    if (places.has(path)) throw new Error(`Two upstreams are named "${upstream.name}".`)
    add(upstreamPlace(upstream, path, publicUrl))
  }
  return places
}

function upstreamPlace(upstream: Upstream, path: string, publicUrl: string): Place {
  const { name, title, toolScopes } = upstream
  const resource = { identifier: publicUrl + path, path, title, upstreams: [{ name, title, toolScopes }] }
  return { kind: 'upstream', resource, upstream }
}

function aggregatePlace(upstreams: readonly Upstream[], publicUrl: string): Place {
  const path = resourcePath()
  const offered = upstreams.map(({ name, title, toolScopes }) => ({ name, title, toolScopes }))
  const resource = { identifier: publicUrl + path, path, title: ALL_SERVERS, upstreams: offered }
  return { kind: 'aggregate', resource, upstreams }
}
