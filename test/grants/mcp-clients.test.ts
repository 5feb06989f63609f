// Owns the proof with MCP's own client: machines and managed access, from nothing but the URL of an endpoint.

import {
  Client,
  ClientCredentialsProvider,
  CrossAppAccessProvider,
  type OAuthClientProvider,
  PrivateKeyJwtProvider,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { exportJWK } from 'jose'
import t from 'tap'
import { build, createPerson } from '../support/gatehouse.ts'
import { startIdentityProvider } from '../support/identity-provider.ts'
import { createKeyedClient, createOperatorClient } from '../support/operator-clients.ts'

async function toolsWith(authProvider: OAuthClientProvider, url: string): Promise<readonly string[]> {
  const mcp = new Client({ name: 'Tester', version: '1.0.0' }, { versionNegotiation: { mode: 'legacy' } })
  await mcp.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }))
  const { tools } = await mcp.listTools()
  await mcp.close()
  return tools.map(({ name }) => name)
}

t.test('io.modelcontextprotocol/oauth-client-credentials with a secret and with a key', async (t) => {
  const running = await build(t)
  const { origin } = running
  const options = { grants: ['client_credentials'], scope: 'demo' }
  const machine = await createOperatorClient(running, options)
  const withSecret = new ClientCredentialsProvider({
    clientId: machine.id,
    clientSecret: machine.secret,
    expectedIssuer: origin,
  })
  t.ok((await toolsWith(withSecret, `${origin}/mcp`)).length > 0)

  const keyed = await createKeyedClient(running, options)
  const withKey = new PrivateKeyJwtProvider({
    clientId: keyed.id,
    privateKey: { ...(await exportJWK(keyed.key)), kid: 'k1' },
    algorithm: 'ES256',
    expectedIssuer: origin,
  })
  t.ok((await toolsWith(withKey, `${origin}/mcp`)).length > 0)
})

t.test('io.modelcontextprotocol/enterprise-managed-authorization', async (t) => {
  const idp = await startIdentityProvider(t)
  const running = await build(t, { env: idp.env })
  const { origin, db } = running
  await createPerson(db, 'alice@acme.example')
  const app = await createOperatorClient(running, { grants: ['urn:ietf:params:oauth:grant-type:jwt-bearer'] })
  const provider = new CrossAppAccessProvider({
    clientId: app.id,
    clientSecret: app.secret,
    expectedIssuer: origin,
    assertion: ({ authorizationServerUrl, resourceUrl, scope }) =>
      idp.assert({
        aud: authorizationServerUrl,
        client_id: app.id,
        resource: resourceUrl,
        scope,
        email: 'alice@acme.example',
      }),
  })
  t.ok((await toolsWith(provider, `${origin}/mcp`)).length > 0)
})
