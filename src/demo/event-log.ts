// Owns what a session remembers of its streams, so that a client can resume one with Last-Event-ID.

import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

const MAX_EVENTS = 256

interface Event {
  readonly stream: string
  readonly message: JSONRPCMessage
}

/** The newest events only: a resumption from an older one is refused, and the client starts afresh. */
export function createEventLog(maxEvents = MAX_EVENTS): EventStore {
  const events = new Map<string, Event>()
  let lastId = 0
  return {
    async storeEvent(stream, message) {
      const id = `${++lastId}`
      events.set(id, { stream, message })
      if (events.size > maxEvents) events.delete(`${lastId - maxEvents}`)
      return id
    },
    async getStreamIdForEventId(id) {
      return events.get(id)?.stream
    },
    async replayEventsAfter(id, { send }) {
      const stream = events.get(id)?.stream ?? ''
      for (const [eventId, event] of events) {
        const isLater = Number(eventId) > Number(id)
        if (isLater && event.stream === stream && isMessage(event)) await send(eventId, event.message)
      }
      return stream
    },
  }
}

/** The first event of a stream carries no message, only the id to resume from. */
function isMessage(event: Event): boolean {
  return Object.keys(event.message).length > 0
}
