// Owns what becomes of a client whose row in the database cannot be read: it is unknown, and the operator learns which one it is.

import { LRUCache } from 'lru-cache'
import { errors, type Provider } from 'oidc-provider'

export interface CorruptClientNeeds {
  /** Whether there is a row of this id; documents of clients are told of elsewhere. */
  readonly isStored: (id: string) => Promise<boolean>
  readonly logError: (error: Error, message: string) => void
}

/** Whoever knows its id could fill the log otherwise. */
const TOLD_CLIENTS = 500
const TOLD_AGAIN_MS = 10 * 60_000

/** RFC 6749 §4.1.2.1 and §5.2: nobody is sent anywhere for it, and who presents it is told `invalid_client`. */
export function takeCorruptClientsForUnknown(provider: Provider, needs: CorruptClientNeeds): void {
  const { Client } = provider
  const find = Client.find.bind(Client)
  const told = new LRUCache<string, true>({ max: TOLD_CLIENTS, ttl: TOLD_AGAIN_MS })

  const tell = (id: string, cause: unknown) => {
    if (told.has(id)) return
    told.set(id, true)
    const message = `The client ${JSON.stringify(id)} is not stored as it was registered, and is refused as unknown. Restore its row, or delete it: gatehouse client delete.`
    needs.logError(new Error(message, { cause }), 'a client in the database cannot be read')
  }

  Client.find = async (id) => {
    try {
      const client = await find(id)
      if (client === undefined || client.clientId === id) return client
      tell(id, new Error('The row holds another client.'))
    } catch (error) {
      // As oidc-provider checks what it is given; outages and bugs are none of it.
      if (!isOfMetadata(error) || !(await needs.isStored(id))) throw error
      tell(id, error)
    }
    return undefined
  }
}

function isOfMetadata(error: unknown): boolean {
  return error instanceof errors.InvalidClientMetadata || error instanceof TypeError
}
