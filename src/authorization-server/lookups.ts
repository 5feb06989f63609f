// Owns how records are looked up: one by one, or at the token endpoint all that the request will need at once.

import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import * as artifacts from '../storage/artifacts.ts'
import * as clients from '../storage/clients.ts'
import { hashToken, type TokenHash } from '../storage/hash.ts'
import * as tokenRecords from '../storage/token-records.ts'
import type { Transactions } from '../storage/transactions.ts'
import * as users from '../storage/users.ts'
import type { CodeRace } from './code-race.ts'

/** The endpoint at which codes and tokens are spent, and tokens issued. */
export const TOKEN_PATH = '/token'

export interface Lookups {
  client(id: string): Promise<tokenRecords.Asker | null>
  artifact(model: string, idHash: TokenHash): Promise<Found>
  person(id: string): Promise<tokenRecords.Holder | null>
}

export interface Found {
  readonly row: artifacts.Artifact | null
  /** How long the current request had waited when this was asked. */
  readonly secondsWaited: number
}

interface Fetched {
  readonly artifacts: artifacts.Artifact[]
  readonly people: tokenRecords.Holder[]
  readonly secondsWaited: number
}

/**
 * A token request begins with its client, and what else it is about is fetched along with that. Each record is handed out
 * once: whoever asks again, perhaps after something was written, gets what the database says then.
 */
export function createLookups(transactions: Transactions, codeRace: CodeRace): Lookups {
  const requests = new WeakMap<object, Fetched>()
  const ofRequest = () => (Provider.ctx ? requests.get(Provider.ctx) : undefined)

  return {
    async client(id) {
      const { ctx } = Provider
      const question = ctx && questionOf(ctx, id)
      if (!ctx || !question) return clients.find(transactions.current(), id)
      const secondsWaited = codeRace.secondsWaited()
      const { client, presented, grant, holder } = await tokenRecords.find(transactions.current(), question)
      requests.set(ctx, { artifacts: present(presented, grant), people: present(holder), secondsWaited })
      return client
    },
    async artifact(model, idHash) {
      const fetched = ofRequest()
      const known = fetched && take(fetched.artifacts, (row) => row.model === model && row.idHash === idHash)
      if (fetched && known) return { row: known, secondsWaited: fetched.secondsWaited }
      const secondsWaited = codeRace.secondsWaited()
      return { row: await artifacts.find(transactions.current(), model, idHash), secondsWaited }
    },
    async person(id) {
      const known = take(ofRequest()?.people ?? [], (person) => person.id === id)
      return known ?? (await users.findById(transactions.current(), id))
    },
  }
}

/** What is presented at the token endpoint: the record's kind, and the parameter that holds it. */
const PRESENTED = new Map([
  ['authorization_code', ['AuthorizationCode', 'code']],
  ['refresh_token', ['RefreshToken', 'refresh_token']],
] as const)

function questionOf({ oidc, path }: KoaContextWithOIDC, clientId: string): tokenRecords.TokenQuestion | null {
  const params = path === TOKEN_PATH ? oidc.params : undefined
  const presented = [...PRESENTED].find(([grantType]) => grantType === params?.grant_type)?.[1]
  if (!presented) return null
  const [model, parameter] = presented
  const value = params?.[parameter]
  return typeof value === 'string' ? { clientId, model, idHash: hashToken(value) } : null
}

function take<T>(from: T[], fits: (each: T) => boolean): T | undefined {
  const index = from.findIndex(fits)
  return index === -1 ? undefined : from.splice(index, 1)[0]
}

function present<T>(...values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null)
}
