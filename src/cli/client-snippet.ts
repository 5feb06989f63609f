// Owns what to paste where for a client that was added by hand.

import type { SavedClient } from '../authorization-server/operator-clients.ts'
import type { Config } from '../config/config.ts'
import { resourcePath } from '../oauth/resource.ts'

type Pasted = Pick<SavedClient, 'id' | 'metadata' | 'secret'>

export function snippetOf(client: Pasted, config: Config): readonly string[] {
  const { metadata } = client
  const grantTypes: readonly unknown[] = Array.isArray(metadata.grant_types) ? metadata.grant_types : []
  return [
    ...(grantTypes.includes('authorization_code') ? forAnApp(client, config) : []),
    ...(grantTypes.includes('client_credentials') ? forAScript(client, config) : []),
    ...(grantTypes.length === 0 ? forAResourceServer(client, config) : []),
  ]
}

/** The form that MCP clients share; the port is where their callback listens. */
function forAnApp({ id, metadata }: Pasted, config: Config): readonly string[] {
  const callbackPort = portOf(metadata.redirect_uris)
  const oauth = { clientId: id, ...(callbackPort !== null && { callbackPort }) }
  const mcpServers = { gatehouse: { type: 'http', url: endpointOf(config), oauth } }
  return [
    'For the configuration of an MCP client (.mcp.json and the like):',
    ...JSON.stringify({ mcpServers }, null, 2).split('\n'),
  ]
}

function forAScript({ id, metadata, secret }: Pasted, config: Config): readonly string[] {
  const token = `${config.publicUrl}/token`
  const fields = `-d grant_type=client_credentials -d resource=${endpointOf(config)}`
  const authentication = {
    client_secret_basic: `-u '${id}:${secret ?? '<client secret>'}'`,
    client_secret_post: `-d client_id=${id} -d client_secret=${secret ?? '<client secret>'}`,
    private_key_jwt:
      '-d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer -d client_assertion=<JWT>',
  }
  const method = Object.entries(authentication).find(([name]) => name === metadata.token_endpoint_auth_method)
  return ['For a script:', `curl -s ${method?.[1] ?? ''} ${fields} ${token}`]
}

function forAResourceServer({ id, secret }: Pasted, config: Config): readonly string[] {
  return [
    'For a resource server:',
    `curl -s -u '${id}:${secret ?? '<client secret>'}' -d token=<token> ${config.publicUrl}/introspect`,
  ]
}

/** Where everything answers, one upstream or several. */
function endpointOf({ publicUrl }: Config): string {
  return publicUrl + resourcePath()
}

function portOf(redirectUris: unknown): number | null {
  const uris: readonly unknown[] = Array.isArray(redirectUris) ? redirectUris : []
  for (const uri of uris) {
    const port = typeof uri === 'string' ? URL.parse(uri)?.port : undefined
    if (port) return Number(port)
  }
  return null
}
