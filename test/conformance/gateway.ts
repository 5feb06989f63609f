// Owns what the conformance run needs of a gateway, and the trivial gateway that tries the run itself.

import { freePort } from '../support/local-server.ts'

export interface GatewayUnderTest {
  readonly name: string
  readonly issuer: string
  /** The MCP endpoint; also the identifier of the protected resource. */
  readonly mcpUrl: string
  /** An access token for everything at the upstream; null where none is needed. */
  signIn(): Promise<string | null>
  /** The id of a new public client. */
  registerClient(redirectUri: string): Promise<string>
  /** A person opens an authorization request, allows it, and returns to the client's callback. */
  approve(authorizationRequest: string): Promise<void>
  close(): Promise<void>
}

export type StartGateway = (upstream: string) => Promise<GatewayUnderTest>

export const STARTERS: Readonly<Record<'gatehouse' | 'pass-through', StartGateway>> = {
  async gatehouse(upstream) {
    const { startGatehouse } = await import('./gatehouse.ts')
    return startGatehouse(upstream, await freePort())
  },
  'pass-through': startPassThrough,
}

/** Nothing at all: whatever the run finds different then is the run's own mistake. */
async function startPassThrough(upstream: string): Promise<GatewayUnderTest> {
  const refuse = () => Promise.reject(new Error('There is no authorization server here'))
  return {
    name: 'nothing but the proxy',
    issuer: new URL(upstream).origin,
    mcpUrl: upstream,
    signIn: async () => null,
    registerClient: refuse,
    approve: refuse,
    close: async () => {},
  }
}
