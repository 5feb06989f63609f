// Owns how the operator's API is put together.

import type { FastifyInstance } from 'fastify'
import { type Holder, upstreamsApi } from './admin/upstreams-api.ts'
import type { Foundation } from './app-foundation.ts'
import { RELOAD_ADDRESS, type Reload, type Reloaded } from './app-reload.ts'
import type { ApiKeys } from './authorization-server/api-keys.ts'
import { resourcePath } from './oauth/resource.ts'
import * as users from './storage/users.ts'

export async function addOperatorApi(
  app: FastifyInstance,
  { config, storage, registry, mailbox, audit, failures }: Foundation,
  keys: ApiKeys,
  reload: Reload | null,
): Promise<void> {
  const holderOf = async (key: string): Promise<Holder> => {
    const subject = (await keys.find(key))?.subject
    const user = subject === undefined ? null : await users.findById(storage.db, subject)
    if (user === null || user.disabledAt !== null) return { kind: 'nobody' }
    return user.role === 'admin' ? { kind: 'administrator', userId: user.id } : { kind: 'somebody' }
  }
  const everywhere = async (reading: Reload): Promise<Reloaded> => {
    const outcome = reading.now()
    if (outcome.kind !== 'refused') await mailbox.send(RELOAD_ADDRESS, {})
    return outcome
  }
  await app.register(upstreamsApi, {
    holderOf,
    upstreams: () =>
      registry.upstreams().map(({ name, title, kind }) => ({
        name,
        title,
        kind,
        address: config.publicUrl + resourcePath(name),
      })),
    reload: () => reload && everywhere(reload),
    audit,
    failures,
  })
}
