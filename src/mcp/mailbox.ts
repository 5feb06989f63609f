// Owns what replicas tell each other: small messages to an address that any of them may have open.

import { parseUnrounded } from './exact-json.ts'

/**
 * Whoever has an address open gets what is sent to it, in order, on every replica; nobody keeps it for those who come later.
 * Who needs to know that it arrived asks for an answer at an address of its own. Messages are JSON of at most 1 MB, may hold
 * what a person typed, and leave the process only sealed.
 */
export interface Mailbox {
  /** Resolves when nothing that is sent from now on is missed. */
  open(address: string, receive: (message: unknown) => void): Promise<OpenMailbox>
  send(address: string, message: unknown): Promise<void>
}

export interface OpenMailbox {
  close(): void
}

/** Within one process: all there is when there is no other replica. */
export function createLocalMailbox(): Mailbox {
  const boxes = new Map<string, Set<(message: unknown) => void>>()
  return {
    async open(address, receive) {
      const receivers = boxes.get(address) ?? new Set()
      boxes.set(address, receivers.add(receive))
      return {
        close: () => {
          receivers.delete(receive)
          if (receivers.size === 0 && boxes.get(address) === receivers) boxes.delete(address)
        },
      }
    },
    async send(address, message) {
      // A copy, as if it had travelled.
      for (const receive of boxes.get(address) ?? []) receive(parseUnrounded(JSON.stringify(message)))
    },
  }
}
