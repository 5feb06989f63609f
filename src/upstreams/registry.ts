// Owns the registry: which path of this origin leads to which upstream.

import { type ProtectedResource, resourcePath } from '../oauth/resource.ts'
import { createUpstream, sameSettings, type Upstream, type UpstreamSettings } from './settings.ts'

export type {
  HttpUpstream,
  OpenApiUpstream,
  SseUpstream,
  StdioUpstream,
  Upstream,
  UpstreamSettings,
} from './settings.ts'

/** A path, the protected resource that it is, and the upstream behind it. */
export interface Place {
  readonly resource: ProtectedResource
  readonly upstream: Upstream
}

export interface Registry {
  /** Exactly this path, byte for byte: nothing is decoded, no dot segment removed, no slash tolerated. */
  find(path: string): Place | null
  /** Every place; with a single upstream `/mcp` comes first. */
  all(): readonly Place[]
  has(upstream: Upstream): boolean
  /** From now on these upstreams. Throws, and keeps the old ones, when two of them have one name or a URL is not one. */
  replace(upstreams: readonly UpstreamSettings[]): void
}

export function createRegistry(upstreams: readonly UpstreamSettings[], publicUrl: string): Registry {
  let places = placesOf(upstreams, publicUrl, [])
  return {
    find: (path) => places.get(path) ?? null,
    all: () => [...places.values()],
    has: (upstream) => [...places.values()].some((place) => place.upstream === upstream),
    replace(changed) {
      places = placesOf(changed, publicUrl, [...places.values()])
    },
  }
}

/** With one upstream `/mcp` leads to it as well; with several, each has its own path only. */
function placesOf(
  settings: readonly UpstreamSettings[],
  publicUrl: string,
  current: readonly Place[],
): ReadonlyMap<string, Place> {
  const upstreams = settings.map((each) => unchanged(each, current) ?? createUpstream(each))
  const [only] = upstreams
  const places = new Map<string, Place>()
  if (only && upstreams.length === 1) addPlace(places, resourcePath(), only, publicUrl)
  for (const upstream of upstreams) addPlace(places, resourcePath(upstream.name), upstream, publicUrl)
  return places
}

function addPlace(places: Map<string, Place>, path: string, upstream: Upstream, publicUrl: string): void {
  if (places.has(path)) throw new Error(`Two upstreams are named "${upstream.name}".`)
  const { name, title, toolScopes } = upstream
  const resource = { identifier: publicUrl + path, path, upstream: name, title, toolScopes }
  places.set(path, { resource, upstream })
}

function unchanged(settings: UpstreamSettings, current: readonly Place[]): Upstream | undefined {
  return current.find(({ upstream }) => sameSettings(upstream, settings))?.upstream
}
