// Owns what an upstream says to somebody without a token: where its login is described, and what to ask for there.

import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import { takesProofs } from '../../oauth/wanted-nonce.ts'
import { OAuthFailure, saidBy } from './failure.ts'

export interface Asked {
  readonly metadataUrl: URL | null
  readonly scope: string | null
  readonly takesProofs: boolean
}

/** Some upstreams let anybody begin, and want a login for what follows: both are asked, as each era would. */
const PROBES: readonly { readonly headers: Readonly<Record<string, string>>; readonly body: string }[] = [
  {
    headers: {},
    body: question('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'gatehouse', version: '1' },
    }),
  },
  {
    headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' },
    body: question('tools/list', {
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'gatehouse', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    }),
  },
]

function question(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 'gatehouse-login', method, params })
}

/** What the upstream answers to somebody without a token (RFC 9728 §5.1). */
export async function challengeOf(upstreamUrl: string, fetch: GuardedFetch): Promise<Asked> {
  const sdk = await import('@modelcontextprotocol/client')
  for (const { headers, body } of PROBES) {
    const answer = await fetch(upstreamUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body,
    }).catch((cause: unknown) => {
      throw new OAuthFailure(`The upstream cannot be reached: ${saidBy(cause)}`, cause)
    })
    if (answer.status !== 401) continue
    const { resourceMetadataUrl, scope } = sdk.extractWWWAuthenticateParams(answer)
    const proofs = takesProofs(answer.headers.get('www-authenticate'))
    return { metadataUrl: resourceMetadataUrl ?? null, scope: scope ?? null, takesProofs: proofs }
  }
  return { metadataUrl: null, scope: null, takesProofs: false }
}
