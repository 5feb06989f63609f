// Owns what the pages see of the apps that a person has connected: what each may do, and the end of it.

import type { Provider } from 'oidc-provider'
import type { OfferedUpstream } from '../oauth/resource.ts'
import { parseScope } from '../oauth/scope.ts'
import type { Audit } from '../ops/audit.ts'
import * as artifacts from '../storage/artifacts.ts'
import * as consents from '../storage/consents.ts'
import { hashToken } from '../storage/hash.ts'
import type { Keyring } from '../storage/sealing.ts'
import type { Transactions } from '../storage/transactions.ts'
import { openIdentifier } from './adapter.ts'
import { text } from './consent-grant.ts'
import { PAGES_CLIENT_ID } from './pages-client.ts'
import { findResource, type Resources } from './resources.ts'

export interface ConnectedApp {
  readonly clientId: string
  /** Null: the client is not known any more. */
  readonly name: string | null
  /** The host of its client ID metadata document. */
  readonly idHost: string | null
  /** Where its codes went when the person agreed; null when it is a device. */
  readonly redirectHost: string | null
  readonly access: readonly AppAccess[]
  readonly since: Date
  readonly lastUsedAt: Date
}

export interface AppAccess {
  readonly resource: string
  /** Those that it leads to; none when it is not there any more. */
  readonly upstreams: readonly OfferedUpstream[]
  readonly scopes: ReadonlySet<string>
}

export interface ConnectedApps {
  /** The last used first. */
  list(userId: string): Promise<readonly ConnectedApp[]>
  /** Revokes all that this client was granted, and forgets that the person agreed. */
  disconnect(userId: string, clientId: string): Promise<void>
  disconnectAll(userId: string): Promise<void>
}

export interface ConnectedAppNeeds {
  readonly provider: () => Provider
  readonly transactions: Transactions
  readonly keyring: Keyring
  readonly resources: Resources
  /** Ends everything that was issued under a grant, at the gateway too. */
  readonly revokeGrant: (grantId: string) => Promise<void>
  readonly audit: Pick<Audit, 'appDisconnected'>
}

export function createConnectedApps(needs: ConnectedAppNeeds): ConnectedApps {
  const { transactions, provider, resources } = needs
  const db = () => transactions.current()

  return {
    async list(userId) {
      const records = await loadRecords(userId, needs)
      const apps = [...records].map(async ([clientId, record]) => ({
        ...(await describeClient(provider(), clientId)),
        ...describeRecord(record, resources),
      }))
      return (await Promise.all(apps)).toSorted((a, b) => b.lastUsedAt.getTime() - a.lastUsedAt.getTime())
    },

    disconnect(userId, clientId) {
      return transactions.run(async () => {
        const record = (await loadRecords(userId, needs)).get(clientId)
        const grantIds = record?.grantIds ?? []
        for (const grantId of grantIds) await needs.revokeGrant(grantId)
        const forgotten = await consents.removeClient(db(), userId, clientId)
        if (grantIds.length + forgotten === 0) return
        needs.audit.appDisconnected({ userId, clientId, grants: grantIds.length })
      })
    },

    disconnectAll(userId) {
      return transactions.run(async () => {
        for (const clientId of (await loadRecords(userId, needs)).keys())
          await this.disconnect(userId, clientId)
      })
    },
  }
}

/** What is stored about one client of a person. */
interface AppRecord {
  readonly grantIds: string[]
  readonly access: Map<string, Set<string>>
  readonly times: Date[]
  readonly redirectHosts: string[]
}

/** By client. Our own pages are not among them. */
async function loadRecords(
  userId: string,
  { transactions, keyring }: ConnectedAppNeeds,
): Promise<Map<string, AppRecord>> {
  const db = transactions.current()
  const rows = await artifacts.listByAccount(db, userId, ['Grant', 'RefreshToken', 'AuthorizationCode'])
  const used = new Map<string, Date>()
  // The newest come first; a grant was last used when the newest of its tokens was issued.
  for (const { grantId, createdAt } of rows.toReversed())
    if (grantId !== null) used.set(hashToken(grantId), createdAt)

  const records = new Map<string, AppRecord>()
  for (const row of rows.filter(({ model }) => model === 'Grant')) {
    const record = recordOf(records, text(row.payload.clientId))
    const id = openIdentifier(keyring, row)
    if (id !== null) record.grantIds.push(id)
    record.times.push(row.createdAt, used.get(row.idHash) ?? row.createdAt)
    for (const [resource, scope] of grantedScopes(row.payload)) allow(record, resource, parseScope(scope))
  }
  for (const consent of await consents.list(db, userId)) {
    const record = recordOf(records, consent.clientId)
    record.times.push(consent.grantedAt)
    record.redirectHosts.push(consent.redirectHost)
    if (consent.resource !== '') allow(record, consent.resource, consent.scopes)
  }
  records.delete(PAGES_CLIENT_ID)
  return records
}

function recordOf(records: Map<string, AppRecord>, clientId: string): AppRecord {
  const record = records.get(clientId) ?? {
    grantIds: [],
    access: new Map(),
    times: [],
    redirectHosts: [],
  }
  records.set(clientId, record)
  return record
}

function grantedScopes({ resources }: Record<string, unknown>): [string, string][] {
  if (typeof resources !== 'object' || resources === null) return []
  return Object.entries(resources).map(([resource, scope]) => [resource, text(scope)])
}

function allow({ access }: AppRecord, resource: string, scopes: ReadonlySet<string>): void {
  access.set(resource, new Set([...(access.get(resource) ?? []), ...scopes]))
}

function describeRecord({ access, times, redirectHosts }: AppRecord, resources: Resources) {
  const moments = times.map((time) => time.getTime())
  return {
    access: [...access].map(([indicator, scopes]) => {
      const resource = findResource(resources, indicator)
      return {
        resource: resource?.identifier ?? indicator,
        upstreams: resource?.upstreams ?? [],
        scopes,
      }
    }),
    redirectHost: redirectHosts.find((host) => host !== '') ?? null,
    since: new Date(Math.min(...moments)),
    lastUsedAt: new Date(Math.max(...moments)),
  }
}

/** A metadata document that cannot be fetched just now must not keep a person from their own page. */
async function describeClient(provider: Provider, clientId: string) {
  const client = await provider.Client.find(clientId).catch(() => undefined)
  const idHost = clientId.startsWith('https://') ? (URL.parse(clientId)?.host ?? null) : null
  return { clientId, name: client?.clientName ?? null, idHost }
}
