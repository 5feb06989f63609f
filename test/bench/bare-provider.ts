// Owns the yardstick as a process: oidc-provider alone, everything in memory, configured for the same tokens as ours.

import { createServer } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { type Adapter, type AdapterFactory, Provider } from 'oidc-provider'
import { listenLocally } from '../support/local-server.ts'

const CLIENT_ID = 'bench'
const ACCOUNT_ID = 'alice'
const REDIRECT_URI = 'http://127.0.0.1:33000/callback'
/** Its own in-memory adapter forgets all but the latest 1,000 entries, which would make refreshing fail. */
const ENTRIES = 2_000_000

const server = createServer()
const origin = `http://127.0.0.1:${await listenLocally(server)}`
const resource = `${origin}/mcp`
const provider = new Provider(origin, {
  adapter: await memoryAdapter(),
  jwks: { keys: [await signingKey()] },
  clients: [
    {
      client_id: CLIENT_ID,
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: 'machine',
      client_secret: 'machine-secret',
      redirect_uris: [],
      grant_types: ['client_credentials'],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
      id_token_signed_response_alg: 'ES256',
    },
  ],
  cookies: { keys: ['bench'] },
  routes: { token: '/token', introspection: '/introspect' },
  responseTypes: ['code'],
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, oneOf) => oneOf ?? resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'demo demo:read',
        audience: resource,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
})

const callback = provider.callback()
server.on('request', async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', origin)
  if (pathname !== '/codes') return callback(request, response)
  response.end(
    JSON.stringify(await issueCodes(Number(searchParams.get('count')), searchParams.get('challenge') ?? '')),
  )
})
process.stdout.write(`${origin}\n`)
process.once('SIGTERM', () => server.close().closeAllConnections())

/** What consent would have led to. */
async function issueCodes(count: number, codeChallenge: string): Promise<readonly string[]> {
  const client = await provider.Client.find(CLIENT_ID)
  if (!client) throw new Error('no client')
  const codes: string[] = []
  while (codes.length < count) {
    const grant = new provider.Grant({ accountId: ACCOUNT_ID, clientId: CLIENT_ID })
    grant.addResourceScope(resource, 'demo demo:read')
    const code = new provider.AuthorizationCode({
      accountId: ACCOUNT_ID,
      client,
      grantId: await grant.save(),
      scope: 'demo:read',
      resource,
      redirectUri: REDIRECT_URI,
      codeChallenge,
      codeChallengeMethod: 'S256',
      gty: 'authorization_code',
    })
    codes.push(await code.save())
  }
  return codes
}

async function signingKey() {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'bench' }
}

/** Its own, which it does not publish: so its parts have no types. */
async function memoryAdapter(): Promise<AdapterFactory> {
  const folder = 'oidc-provider/lib'
  const { default: LRU }: { default: new (options: { maxSize: number }) => object } = await import(
    `${folder}/helpers/lru.js`
  )
  const { default: MemoryAdapter }: { default: new (model: string, store: object) => Adapter } = await import(
    `${folder}/adapters/memory_adapter.js`
  )
  const store = new LRU({ maxSize: ENTRIES })
  return (model) => new MemoryAdapter(model, store)
}
