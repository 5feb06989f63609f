// Owns which of an upstream's endpoints a request goes to: where the fewest are under way, and where its session is.

import { createHash } from 'node:crypto'

/** Where requests go. A constant: no part of a client's request ever goes into it. */
export interface Endpoint {
  /** Scheme, host and port. */
  readonly origin: string
  /** Path and query. */
  readonly path: string
}

/** One request at one endpoint. */
export interface Turn {
  readonly endpoint: Endpoint
  /** As the endpoint knows it. */
  readonly sessionId: string | null
  /** What to call a session that the endpoint names, so that its requests come back there. */
  named(sessionId: string): string
  over(): void
  /** Instead of `over`: nobody was there, and nothing was sent. The next endpoint to try, or null. */
  failed(): Turn | null
}

export interface Balance {
  /** `sessionId`: of the request, as `named` made it. */
  begin(sessionId: string | null): Turn
}

interface Place {
  readonly endpoint: Endpoint
  readonly mark: string
  open: number
  /** Left out until then, unless there is no other. */
  awayUntil: number
}

const AWAY_MS = 10_000
const MARK_CHARACTERS = 8
const MARKED = /^([0-9a-f]{8})\.(.+)$/s

export function createBalance(endpoints: readonly Endpoint[], clock: () => number = Date.now): Balance {
  const places = endpoints.map(
    (endpoint): Place => ({ endpoint, mark: markOf(endpoint), open: 0, awayUntil: 0 }),
  )
  let turn = 0

  /** Among equals one after the other. */
  function choose(tried: ReadonlySet<Place>): Place | null {
    const now = clock()
    turn++
    const rotated = places.map((_, at) => places[(at + turn) % places.length])
    let best: Place | null = null
    for (const place of rotated) {
      if (place && !tried.has(place) && (best === null || isBetter(place, best, now))) best = place
    }
    return best
  }

  function take(place: Place, sessionId: string | null, tried: ReadonlySet<Place>): Turn {
    let done = false
    place.open++
    const over = () => {
      if (!done) place.open--
      done = true
    }
    return {
      endpoint: place.endpoint,
      sessionId,
      named: (id) => `${place.mark}.${id}`,
      over,
      failed() {
        over()
        place.awayUntil = clock() + AWAY_MS
        const next = choose(tried)
        return next && take(next, sessionId, new Set([...tried, next]))
      },
    }
  }

  return {
    begin(sessionId) {
      const [, mark, id = sessionId] = (sessionId === null ? null : MARKED.exec(sessionId)) ?? []
      const home = places.find((place) => place.mark === mark)
      // Nobody else knows the session.
      if (home) return take(home, id, new Set(places))
      const place = choose(new Set())
      if (place === null) throw new Error('There is no endpoint.')
      return take(place, id, new Set([place]))
    },
  }
}

function isBetter(one: Place, other: Place, now: number): boolean {
  const [oneAway, otherAway] = [one.awayUntil > now, other.awayUntil > now]
  if (oneAway !== otherAway) return otherAway
  return one.open < other.open
}

/** The same on every replica, wherever in the list it stands. */
function markOf({ origin, path }: Endpoint): string {
  return createHash('sha256')
    .update(origin + path)
    .digest('hex')
    .slice(0, MARK_CHARACTERS)
}
