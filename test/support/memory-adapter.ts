// Owns what a made-up authorization server remembers, as long as its process lives: that of oidc-provider warns at every start.

import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

export function createMemoryAdapter(): AdapterFactory {
  const kinds = new Map<string, Map<string, AdapterPayload>>()
  return (kind) => {
    const own = kinds.get(kind) ?? new Map<string, AdapterPayload>()
    kinds.set(kind, own)
    return adapterOf(own)
  }
}

function adapterOf(payloads: Map<string, AdapterPayload>): Adapter {
  const copy = (payload: AdapterPayload | undefined) => payload && structuredClone(payload)
  const findBy = (name: 'uid' | 'userCode', value: string) =>
    copy(payloads.values().find((payload) => payload[name] === value))
  return {
    upsert: async (id, payload) => void payloads.set(id, structuredClone(payload)),
    find: async (id) => copy(payloads.get(id)),
    findByUid: async (uid) => findBy('uid', uid),
    findByUserCode: async (userCode) => findBy('userCode', userCode),
    async consume(id) {
      const found = payloads.get(id)
      if (found) found.consumed = Math.floor(Date.now() / 1000)
    },
    destroy: async (id) => void payloads.delete(id),
    async revokeByGrantId(grantId) {
      for (const [id, payload] of payloads) if (payload.grantId === grantId) payloads.delete(id)
    },
  }
}
