// Owns the proof that a client finds its way from a resource to the authorization server.

import t from 'tap'
import { metadataPath } from '../../src/oauth/resource.ts'
import { PUBLIC_URL, type Sent, type Stage, send, setStage } from './stage.ts'

const ROOT = metadataPath('')

function get(stage: Stage, path: string, sent: Sent = {}) {
  return send(stage, { method: 'GET', path, ...sent })
}

t.test('with one upstream there is a document for each path, and the root means /mcp', async (t) => {
  const stage = await setStage(t, [{ title: 'My notes' }])
  const expected: Record<string, string> = { '': '/mcp', '/mcp': '/mcp', '/mcp/notes': '/mcp/notes' }
  for (const [path, resource] of Object.entries(expected)) {
    const { status, headers, json } = await get(stage, ROOT + path)
    t.equal(status, 200)
    t.match(headers['content-type'], 'application/json')
    t.equal(headers['access-control-allow-origin'], '*')
    t.match(headers['cache-control'], /max-age=\d{2}$/)
    t.same(json, {
      resource: PUBLIC_URL + resource,
      authorization_servers: [PUBLIC_URL],
      scopes_supported: ['notes:read'],
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256'],
      resource_name: 'My notes',
    })
  }
  t.same((await get(stage, `${ROOT}/mcp/notes?x=1`)).json.resource, `${PUBLIC_URL}/mcp/notes`)
})

t.test('with several upstreams each path has one, and /mcp is all of them', async (t) => {
  const stage = await setStage(t, [{ name: 'a' }, { name: 'b' }])
  for (const name of ['a', 'b']) {
    const { json } = await get(stage, `${ROOT}/mcp/${name}`)
    t.equal(json.resource, `${PUBLIC_URL}/mcp/${name}`)
    t.same(json.scopes_supported, [`${name}:read`])
  }
  for (const path of ['', '/mcp']) {
    const { json } = await get(stage, ROOT + path)
    t.equal(json.resource, `${PUBLIC_URL}/mcp`)
    t.same(json.scopes_supported, ['a:read', 'b:read'])
    t.equal(json.resource_name, 'All servers')
  }
  for (const path of ['/mcp/c', '/mcp/a/']) {
    const { status, headers, json } = await get(stage, ROOT + path)
    t.equal(status, 404, path)
    t.equal(headers['access-control-allow-origin'], path.endsWith('/') ? undefined : '*')
    if (!path.endsWith('/')) t.equal(json.error, 'not_found')
  }
})

t.test('neither the Host nor a header of a proxy changes what it says', async (t) => {
  const stage = await setStage(t, [{}])
  const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' }
  const { text } = await get(stage, `${ROOT}/mcp`, { headers })
  t.notMatch(text, 'evil')
})

t.test('pages of any origin may read it, also with the header of the protocol', async (t) => {
  const stage = await setStage(t, [{}])
  for (const path of ['', '/mcp', '/mcp/notes']) {
    const { status, headers } = await send(stage, {
      method: 'OPTIONS',
      path: ROOT + path,
      headers: {
        origin: 'https://anywhere.example',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'mcp-protocol-version',
      },
    })
    t.equal(status, 204)
    t.equal(headers['access-control-allow-origin'], '*')
    t.equal(headers['access-control-allow-credentials'], undefined)
    t.match(headers['access-control-allow-headers'], /MCP-Protocol-Version/)
    t.match(headers['access-control-allow-methods'], /GET/)
  }
})

t.test('HEAD is answered like GET, without the document', async (t) => {
  const stage = await setStage(t, [{}])
  const { status, text, headers } = await send(stage, { method: 'HEAD', path: `${ROOT}/mcp` })
  t.equal(status, 200)
  t.equal(text, '')
  t.equal(headers['access-control-allow-origin'], '*')
})
