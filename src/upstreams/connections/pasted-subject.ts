// Owns ID tokens that people pasted: what stands for a person at an identity provider that is not Gatehouse.

import type { Database } from '../../storage/database.ts'
import { expire } from '../../storage/upstream-connection-renewal.ts'
import { ConnectFirst } from '../credentials.ts'
import type { SubjectTokenOf } from '../identity/subject-token.ts'
import { bindingOf, keyOf } from './binding.ts'
import type { KnownConnections } from './known.ts'
import { readSecret } from './secret.ts'

export function createPastedSubjects(db: Database, known: KnownConnections): SubjectTokenOf {
  return async (caller, upstream) => {
    const key = keyOf(upstream, caller.subject)
    const connection = await known.find(key)
    const isOurs = connection?.boundTo === bindingOf(upstream)
    const secret = isOurs && connection.state === 'connected' ? readSecret(connection.secret) : null
    if (!isOurs || secret?.kind !== 'pasted') throw new ConnectFirst(upstream, isOurs)
    known.use(key)
    return {
      token: secret.key,
      async ended(why) {
        await expire(db, connection, why)
        known.forget(key)
      },
    }
  }
}
