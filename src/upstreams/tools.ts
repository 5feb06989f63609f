// Owns which tools of an upstream only read: its own word for it, asked for rarely, and no when there is none.

import type { Upstream } from './registry.ts'

export interface ToolCatalogueNeeds {
  readonly fetch: typeof fetch
  /** An upstream that did not tell its tools, for the log. */
  readonly report: (error: unknown) => void
  /** Milliseconds. */
  readonly clock?: () => number
}

export interface ToolCatalogue {
  /**
   * The names of the tools that are marked read-only. A name in `asked` that is not listed is a reason to ask again, but not
   * all the time. Concurrent calls ask once. Empty when the upstream does not tell: then nothing is read-only.
   */
  readOnlyTools(upstream: Upstream, asked: readonly string[]): Promise<ReadonlySet<string>>
}

interface Listing {
  readonly at: number
  readonly known: ReadonlySet<string>
  readonly readOnly: ReadonlySet<string>
}

interface ListedTool {
  readonly name: string
  readonly annotations?: { readonly readOnlyHint?: boolean | undefined } | undefined
}

const TTL_MS = 60_000
/** Between two questions that only an unknown name, or a failure, gives a reason for. */
const PAUSE_MS = 5_000
const TIMEOUT_MS = 10_000
const MAX_PAGES = 64
const NOTHING: ReadonlySet<string> = new Set()

export function createToolCatalogue({ fetch, report, clock = Date.now }: ToolCatalogueNeeds): ToolCatalogue {
  const listings = new WeakMap<Upstream, Listing>()
  const pending = new WeakMap<Upstream, Promise<Listing>>()

  async function readOnlyTools(upstream: Upstream, asked: readonly string[]): Promise<ReadonlySet<string>> {
    const listing = listings.get(upstream)
    if (listing && isGoodFor(listing, asked, clock())) return listing.readOnly
    return (await (pending.get(upstream) ?? ask(upstream))).readOnly
  }

  function ask(upstream: Upstream): Promise<Listing> {
    const asking = listTools(upstream, fetch)
      .catch((error: unknown) => {
        report(new Error(`The tools of upstream "${upstream.name}" cannot be listed.`, { cause: error }))
        return []
      })
      .then((tools) => remember(upstream, tools))
    pending.set(upstream, asking)
    return asking
  }

  function remember(upstream: Upstream, tools: readonly ListedTool[]): Listing {
    const listing = {
      at: clock(),
      known: new Set(tools.map(({ name }) => name)),
      readOnly: readOnlyNames(tools),
    }
    listings.set(upstream, listing)
    pending.delete(upstream)
    return listing
  }

  return { readOnlyTools }
}

function isGoodFor({ at, known }: Listing, asked: readonly string[], now: number): boolean {
  const age = now - at
  return age < PAUSE_MS || (age < TTL_MS && asked.every((name) => known.has(name)))
}

/** A name that is listed twice is read-only when both say so. */
function readOnlyNames(tools: readonly ListedTool[]): ReadonlySet<string> {
  const writing = new Set(tools.filter((tool) => !isReadOnly(tool)).map(({ name }) => name))
  const reading = tools.filter(isReadOnly).map(({ name }) => name)
  return reading.length === 0 ? NOTHING : new Set(reading).difference(writing)
}

function isReadOnly({ annotations }: ListedTool): boolean {
  return annotations?.readOnlyHint === true
}

/** All pages, in whichever era the upstream speaks. The session of a legacy one is ended again. */
async function listTools(
  upstream: Upstream,
  fetch: ToolCatalogueNeeds['fetch'],
): Promise<readonly ListedTool[]> {
  // On demand: only callers with less than full access bring this about.
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
  const client = new Client(
    { name: 'gatehouse', version: '1' },
    { versionNegotiation: { mode: 'auto' }, listMaxPages: MAX_PAGES },
  )
  const deadline = AbortSignal.timeout(TIMEOUT_MS)
  const transport = new StreamableHTTPClientTransport(new URL(upstream.url), {
    fetch: (url, init) => fetch(url, { ...init, signal: AbortSignal.any([deadline, ...signalsOf(init)]) }),
    requestInit: { headers: { ...upstream.headers } },
    reconnectionOptions: {
      maxRetries: 0,
      initialReconnectionDelay: 0,
      maxReconnectionDelay: 0,
      reconnectionDelayGrowFactor: 1,
    },
  })
  try {
    await client.connect(transport, { signal: deadline })
    const { tools } = await client.listTools(undefined, { signal: deadline })
    return tools
  } finally {
    // Not every server lets a session be ended, and this one has nothing in it.
    await transport.terminateSession().catch(() => undefined)
    await client.close()
  }
}

function signalsOf(init: RequestInit | undefined): readonly AbortSignal[] {
  return init?.signal ? [init.signal] : []
}
