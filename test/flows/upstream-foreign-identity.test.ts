// Owns upstreams whose people are known by another identity provider: an ID token that a person pasted, exchanged for an assertion.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { build } from '../support/gatehouse.ts'
import { serveLocally } from '../support/local-server.ts'
import { callTool } from '../support/modern-call.ts'
import { startOwnLoginUpstream } from '../support/own-login-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { open } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag'
const FORM = 'form[action="/connect/ledger"]'
const CLIENT = { client_id: 'gatehouse', client_secret: 'planted-secret' }

/** Gives an assertion for each ID token that is good. */
async function startProvider(t: Test) {
  const good = new Set<string>()
  const given = new Set<string>()
  const asked: Record<string, string>[] = []
  const server = createServer(async (req, res) => {
    const form = Object.fromEntries(new URLSearchParams(await text(req)))
    asked.push(form)
    const assertion = `jag.${randomUUID()}`
    const isGood = good.has(form.subject_token ?? '')
    if (isGood) given.add(assertion)
    const body = isGood
      ? { access_token: assertion, issued_token_type: ID_JAG, token_type: 'N_A' }
      : { error: 'invalid_grant' }
    res.writeHead(isGood ? 200 : 400, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const origin = await serveLocally(t, server)
  return { good, given, asked, tokenEndpoint: `${origin}/token` }
}

t.test(
  'an ID token that a person pasted opens the upstream for that person, as long as it is good',
  async (t) => {
    const [upstream, provider] = [await startOwnLoginUpstream(t), await startProvider(t)]
    const identity_provider = { token_endpoint: provider.tokenEndpoint, client_id: 'at-the-provider' }
    const hint = 'Run: company-login print-token'
    const auth = { type: 'id-jag', issuer: upstream.origin, ...CLIENT, identity_provider, hint }
    const UPSTREAMS = JSON.stringify({ ledger: { url: upstream.url, auth } })
    const { origin, browser, createPerson, db, log } = await build(t, { env: { UPSTREAMS } })
    for (const email of [ALICE, BOB]) await createPerson(email)
    upstream.letIn(async ({ form }) => (provider.given.has(form.assertion ?? '') ? 300 : null))
    const desk = browser()
    const scope = { parameters: { scope: 'ledger' } }
    const { accessToken } = await connect(origin, desk, ALICE, scope)
    const bobs = (await connect(origin, browser(), BOB, scope)).accessToken
    const call = (token = accessToken) => callTool(`${origin}/mcp`, token, 'me')
    const paste = async (key: string) => {
      const page = await open(origin, desk, '/connect/ledger')
      t.match(page.body, hint)
      return desk.submit(page, { key }, undefined, FORM)
    }
    t.match((await call()).text, '/connect/ledger')

    provider.good.add('first.id.token')
    t.match((await paste('first.id.token')).url, '/connect/-/done/ledger')
    const answers = await Promise.all(Array.from({ length: 5 }, () => call()))

    t.ok(
      answers.every(({ status, text }) => status === 200 && text.includes('you are')),
      answers[0]?.text ?? '',
    )
    t.equal(provider.asked.length, 1, 'once for concurrent calls')
    t.match(provider.asked[0], {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requested_token_type: ID_JAG,
      subject_token: 'first.id.token',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      audience: upstream.origin,
      resource: upstream.url,
      client_id: 'at-the-provider',
    })
    t.match(upstream.asked[0], { authorization: /^Basic /, form: { grant_type: /jwt-bearer$/ } })
    t.match((await call(bobs)).text, '/connect/ledger', 'it is hers alone')

    upstream.forgetTokens()
    t.equal((await call()).status, 200, 'another assertion is had for another token')
    provider.good.clear()
    upstream.forgetTokens()
    t.match((await call()).text, '/connect/ledger', 'the provider does not know her any more')
    const row = await db.selectFrom('upstream_connections').select(['state', 'sealed']).executeTakeFirst()
    t.match(row, { state: 'expired', sealed: null })

    provider.good.add('second.id.token')
    await paste('second.id.token')
    t.equal((await call()).status, 200)
    t.notMatch(log(), /(?:first|second)\.id\.token/)
  },
)
