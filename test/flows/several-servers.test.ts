// Owns the proof that a person agrees to several servers at one address, each for itself, and that the token says so.

import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import * as z from 'zod'
import { serveMcp } from '../gateway/mcp-upstream.ts'
import { build, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, claimsOf, getJson, register } from '../support/oauth.ts'
import { authorize, redeem, signIn } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

function serverWith(name: string, tools: Readonly<Record<string, boolean>>): () => McpServer {
  return () => {
    const server = new McpServer({ name, version: '1' })
    for (const [tool, readOnlyHint] of Object.entries(tools))
      server.registerTool(
        tool,
        { description: tool, inputSchema: z.object({}), annotations: { readOnlyHint } },
        async () => ({ content: [{ type: 'text', text: `${name}: ${tool}` }] }),
      )
    return server
  }
}

async function town(t: Parameters<typeof serveMcp>[0]): Promise<Running> {
  const shop = await serveMcp(t, serverWith('shop', { search: true, order: false }), 'modern')
  const library = await serveMcp(t, serverWith('library', { search: true, lend: false }), 'legacy')
  const UPSTREAMS = JSON.stringify({
    shop: { url: shop.url, title: 'Shop' },
    library: { url: library.url, title: 'Library' },
  })
  const running = await build(t, { env: { UPSTREAMS } })
  await running.createPerson(ALICE)
  return running
}

t.test(
  'the consent page for /mcp lists the tools of every server apart, and each can be left out',
  async (t) => {
    const running = await town(t)
    const { origin } = running
    const client = await register(origin)
    const request = authorizationRequest(origin, client.client_id, { scope: 'shop library' })
    const browser = running.browser()
    const page = await signIn(browser, request.url, ALICE)
    const groups = page.document.querySelectorAll('fieldset').map((group) => ({
      legend: group.querySelector('legend')?.text,
      choices: group.querySelectorAll('.choice').map((choice) => ({
        scope: choice.querySelector('input')?.getAttribute('value'),
        ticked: choice.querySelector('input')?.hasAttribute('checked'),
        tools: choice.querySelectorAll('code').map(({ text }) => text),
      })),
    }))
    t.match(page.document.querySelector('h1')?.text, '2 servers')
    t.strictSame(groups, [
      {
        legend: 'Shop: what it may do',
        choices: [
          { scope: 'shop:read', ticked: true, tools: ['search'] },
          { scope: 'shop', ticked: true, tools: ['order'] },
        ],
      },
      {
        legend: 'Library: what it may do',
        choices: [
          { scope: 'library:read', ticked: true, tools: ['search'] },
          { scope: 'library', ticked: true, tools: ['lend'] },
        ],
      },
    ])
    const ids = page.document.querySelectorAll('[id]').map((element) => element.id)
    t.equal(new Set(ids).size, ids.length, 'no id is there twice')

    const fields = { scope: ['shop:read', 'shop', 'library:read'] }
    const code = (await authorize(browser, request, ALICE, fields)).get('code') ?? ''
    const { body } = await redeem(origin, { client, code, verifier: request.verifier })
    t.strictSame(String(body.scope).split(' ').sort(), ['library:read', 'shop', 'shop:read'])
    t.match(claimsOf(body.access_token), { aud: `${origin}/mcp`, scope: body.scope })

    const account = await browser.open(`${origin}/account`)
    t.match(account.document.text, /Shop: everything, including changes/)
    t.match(account.document.text, /Library: read/)
  },
)

t.test('a client that says neither what nor where is asked to read at every server', async (t) => {
  const running = await town(t)
  const { origin } = running
  const client = await register(origin)
  const request = authorizationRequest(origin, client.client_id, { scope: undefined, resource: undefined })
  const code = (await authorize(running.browser(), request, ALICE)).get('code') ?? ''
  const { body } = await redeem(origin, { client, code, verifier: request.verifier })
  t.strictSame(String(body.scope).split(' ').sort(), ['library:read', 'shop:read'])
  t.equal(claimsOf(body.access_token).aud, `${origin}/mcp`)
})

t.test('the front page gives the address of all first, then each', async (t) => {
  const { origin, browser } = await town(t)
  const page = await browser().open(`${origin}/`)
  const addresses = page.document.querySelectorAll('.endpoints code').map(({ text }) => text)
  t.strictSame(addresses, [`${origin}/mcp`, `${origin}/mcp/shop`, `${origin}/mcp/library`])
  const { body } = await getJson(`${origin}/.well-known/oauth-protected-resource/mcp`)
  t.strictSame(body.scopes_supported, ['shop:read', 'library:read'])
})
