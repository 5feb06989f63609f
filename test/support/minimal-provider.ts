// Owns the smallest authorization server around oidc-provider that registers and resolves clients by our rules.

import { createServer, type IncomingMessage } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { type ClientMetadata, Provider } from 'oidc-provider'
import {
  type ClientDocumentRules,
  clientDocuments,
  DOCUMENT_LIMITS,
} from '../../src/authorization-server/client-documents.ts'
import { clientDefaults, extraClientMetadata } from '../../src/authorization-server/client-metadata.ts'
import { readRegistrationBody, withBody } from '../../src/authorization-server/client-metadata-body.ts'
import { CLIENT_AUTHENTICATION } from '../../src/authorization-server/client-metadata-members.ts'
import type { OutboundFetch } from '../../src/http/outbound.ts'
import { OAuthError } from '../../src/oauth/errors.ts'
import { listenLocally } from './local-server.ts'
import { createMemoryAdapter } from './memory-adapter.ts'

export interface MinimalProviderOptions extends Pick<ClientDocumentRules, 'domains' | 'onForeignRedirects'> {
  readonly fetch?: OutboundFetch
  /** Known from the start, as if they came from storage. */
  readonly clients?: ClientMetadata[]
}

export interface MinimalProvider {
  readonly origin: string
  readonly provider: Provider
  close(): Promise<void>
}

export async function startMinimalProvider(options: MinimalProviderOptions = {}): Promise<MinimalProvider> {
  const server = createServer()
  const port = await listenLocally(server)

  const provider = await createProvider(`http://127.0.0.1:${port}`, options)
  const callback = provider.callback()
  server.on('request', (request, response) => {
    if (request.url !== '/register') return callback(request, response)
    return readBody(request).then(
      (again) => callback(again, response),
      (error: unknown) => {
        if (!(error instanceof OAuthError)) throw error
        response.writeHead(error.status, { 'content-type': 'application/json' }).end(JSON.stringify(error))
      },
    )
  })
  return {
    origin: provider.issuer,
    provider,
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function readBody(request: IncomingMessage): Promise<IncomingMessage> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return withBody(request, readRegistrationBody(request.headers['content-type'], Buffer.concat(chunks)))
}

async function createProvider(
  issuer: string,
  { fetch, clients = [], ...documents }: MinimalProviderOptions,
): Promise<Provider> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const rules = {
    publicUrl: 'https://gate.test',
    grantTypes: ['authorization_code', 'refresh_token'],
    idTokenAlgorithm: 'ES256',
  } as const
  return new Provider(issuer, {
    adapter: createMemoryAdapter(),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
    cookies: { keys: ['test'] },
    clients,
    routes: { authorization: '/authorize', registration: '/register', token: '/token' },
    // Without one oidc-provider says so at the first request.
    ttl: { Interaction: 600 },
    responseTypes: ['code'],
    clientAuthMethods: CLIENT_AUTHENTICATION,
    clientDefaults: clientDefaults(rules),
    extraClientMetadata: extraClientMetadata(rules),
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    renderError: (ctx, out) => {
      ctx.type = 'json'
      ctx.body = out
    },
    fetchResponseBodyLimits: DOCUMENT_LIMITS,
    ...(fetch === undefined ? {} : { fetch }),
    features: {
      devInteractions: { enabled: false },
      clientIdMetadataDocument: clientDocuments({ publicUrl: rules.publicUrl, ...documents }),
      registration: { enabled: true, issueRegistrationAccessToken: false },
    },
  })
}
