// Owns one call at the gateway, in tests that ask only whether a token lets it pass.

export interface Calling {
  readonly scheme?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** The status of an `initialize`, which reading allows. */
export async function callWith(
  resource: string,
  token: unknown,
  { scheme = 'Bearer', headers = {} }: Calling = {},
): Promise<number> {
  const clientInfo = { name: 'test', version: '1' }
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo }
  const response = await fetch(resource, {
    method: 'POST',
    headers: {
      authorization: `${scheme} ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  })
  await response.body?.cancel()
  return response.status
}
