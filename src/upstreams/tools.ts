// Owns the catalogue of tools: asked of each upstream itself, rarely, and empty when it does not tell.

import { LRUCache } from 'lru-cache'
import type { Peer } from '../mcp/peer.ts'
import type { Caller } from '../oauth/caller.ts'
import type { Tool, Tools } from '../oauth/tool.ts'
import { isPersonal } from '../oauth/upstream-auth.ts'
import { connectToolName } from './connections/placeholder.ts'
import { ConnectFirst } from './credentials.ts'
import { type ListedTool, listTools } from './list-tools.ts'
import type { Upstream } from './registry.ts'
import { SERVICE_VISITOR } from './service-visitor.ts'

/** A tool as its upstream lists it. */
export type ListedFacts = Omit<Tool, 'since'>

export interface ToolCatalogueNeeds {
  readonly peerOf: (upstream: Upstream) => Peer
  /**
   * Remembers what an upstream lists and says since when each tool is there, the same on every replica. Without it every
   * tool counts as having been there always.
   */
  readonly observe?: (upstream: string, tools: readonly ListedFacts[]) => Promise<ReadonlyMap<string, number>>
  /** An upstream that did not tell its tools, for the log. */
  readonly report: (error: unknown) => void
  /** Milliseconds. */
  readonly clock?: () => number
}

export interface ToolCatalogue {
  /**
   * The tools of an upstream. A name in `asked` that is not listed is a reason to ask again, but not all the time.
   * Concurrent calls ask once, on behalf of the first caller, or of the service; where people log in themselves, once for each. Empty when the upstream does not tell: then
   * nothing is read-only. At once while it is known.
   */
  toolsOf(upstream: Upstream, asked?: readonly string[], caller?: Caller): Tools | Promise<Tools>
}

interface Listing {
  readonly at: number
  readonly tools: Tools
}

/** Of one upstream: what is listed, and who is asked, by name. */
interface Shelf {
  readonly listings: LRUCache<string, Listing>
  readonly pending: Map<string, Promise<Tools>>
}

const MOST_LISTINGS = 1000
const TTL_MS = 60_000
/** Between two questions that only an unknown name, or a failure, gives a reason for. */
const PAUSE_MS = 5_000
const TIMEOUT_MS = 10_000
const MAX_PAGES = 64
const NO_TOOLS: Tools = new Map()

export function createToolCatalogue(needs: ToolCatalogueNeeds): ToolCatalogue {
  const { peerOf, report, clock = Date.now, observe = async () => new Map<string, number>() } = needs
  const shelves = new WeakMap<Upstream, Shelf>()

  function toolsOf(
    upstream: Upstream,
    asked: readonly string[] = [],
    caller?: Caller,
  ): Tools | Promise<Tools> {
    const shelf = shelfOf(upstream)
    const name = shelfName(upstream, caller)
    const listing = shelf.listings.get(name)
    if (listing && isGoodFor(listing, asked, clock())) return listing.tools
    return shelf.pending.get(name) ?? ask(upstream, shelf, name, caller)
  }

  function shelfOf(upstream: Upstream): Shelf {
    const known = shelves.get(upstream)
    const shelf = known ?? { listings: new LRUCache({ max: MOST_LISTINGS }), pending: new Map() }
    if (!known) shelves.set(upstream, shelf)
    return shelf
  }

  function ask(upstream: Upstream, shelf: Shelf, name: string, caller?: Caller): Promise<Tools> {
    const asking = list(upstream, caller)
      .then(
        (tools) => remember(shelf, name, tools),
        (error: unknown) => {
          if (error instanceof ConnectFirst) return beforeLogin(upstream, shelf.listings.get(name))
          report(new Error(`The tools of upstream "${upstream.name}" cannot be listed.`, { cause: error }))
          return remember(shelf, name, NO_TOOLS)
        },
      )
      .finally(() => shelf.pending.delete(name))
    shelf.pending.set(name, asking)
    return asking
  }

  async function list(upstream: Upstream, caller: Caller = SERVICE_VISITOR.caller): Promise<Tools> {
    const visitor = { ...SERVICE_VISITOR, caller }
    const listed = factsOf(
      await listTools(peerOf(upstream), visitor, AbortSignal.timeout(TIMEOUT_MS), MAX_PAGES),
    )
    const since = await observe(upstream.name, listed)
    return new Map(listed.map((tool) => [tool.name, { ...tool, since: since.get(tool.name) ?? 0 }]))
  }

  function remember({ listings }: Shelf, name: string, tools: Tools): Tools {
    listings.set(name, { at: clock(), tools })
    return tools
  }

  return { toolsOf }
}

/** Who logs in there themselves may be shown other tools than anybody else. */
function shelfName({ auth }: Upstream, caller?: Caller): string {
  return isPersonal(auth) ? (caller?.subject ?? '') : ''
}

/** Not remembered: whoever logs in a moment later sees the upstream's own at once. What was there before asks for the login. */
function beforeLogin(upstream: Upstream, last: Listing | undefined): Tools {
  const connect = { title: null, readOnly: true, destructive: false, since: 0 }
  const name = connectToolName(upstream)
  return new Map([...(last?.tools ?? NO_TOOLS), [name, { name, ...connect }]])
}

function isGoodFor({ at, tools }: Listing, asked: readonly string[], now: number): boolean {
  const age = now - at
  return age < PAUSE_MS || (age < TTL_MS && asked.every((name) => tools.has(name)))
}

/** A name that is listed twice is what the more dangerous of the two says. */
function factsOf(tools: readonly ListedTool[]): readonly ListedFacts[] {
  const facts = new Map<string, ListedFacts>()
  for (const { name, title, annotations } of tools) {
    const other = facts.get(name)
    const readOnly = annotations?.readOnlyHint === true && other?.readOnly !== false
    // MCP, ToolAnnotations: destructiveHint is true by default, and means nothing for a tool that only reads.
    const destructive = !readOnly && (annotations?.destructiveHint !== false || other?.destructive === true)
    facts.set(name, { name, title: title ?? annotations?.title ?? null, readOnly, destructive })
  }
  return [...facts.values()]
}
