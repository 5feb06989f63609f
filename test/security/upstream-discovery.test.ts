// Owns the proof that an upstream cannot send Gatehouse where it likes by what it says about its login (UO-04, UO-05, UO-06, UO-08).

import t, { type Test } from 'tap'
import { build } from '../support/gatehouse.ts'
import {
  type Arrival,
  type HostileUpstream,
  json,
  startHostileUpstream,
} from '../support/hostile-upstream.ts'
import { CONNECT, LOGIN, open } from '../support/upstream-login.ts'

/** What the upstream says of its login; the address of its own is put in place of `own`, of the other one of `other`. */
interface Said {
  readonly challenge?: string
  readonly resource?: object
  readonly server?: object
}

const ALICE = 'alice@example.com'

const HONEST = {
  resource: { resource: 'own/mcp', authorization_servers: ['own'] },
  server: {
    issuer: 'own',
    authorization_endpoint: 'own/authorize',
    token_endpoint: 'own/token',
    registration_endpoint: 'own/register',
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
  },
}

async function scene(t: Test) {
  const upstream = await startHostileUpstream(t)
  /** An upstream of the same operator's, inside. */
  const other = await startHostileUpstream(t)
  const own = new URL(upstream.url).origin
  const UPSTREAMS = JSON.stringify({
    notion: { url: upstream.url, title: 'Notion', auth: { type: 'oauth2' } },
    inside: { url: other.url },
  })
  const { origin, browser, createPerson } = await build(t, { env: { UPSTREAMS } })
  await createPerson(ALICE)
  const desk = browser()
  const place = (value: unknown) =>
    JSON.stringify(value)
      .replaceAll('"own', `"${own}`)
      .replaceAll('"other', `"${new URL(other.url).origin}`)
  const logIn = async ({ challenge = 'own/prm', resource, server }: Said) => {
    const before = other.arrivals.length
    upstream.answer((arrival, res) => {
      const said = documentAt(arrival, {
        resource: { ...HONEST.resource, ...resource },
        server: { ...HONEST.server, ...server },
      })
      if (said !== null)
        return json(
          res,
          said === 'registered' ? 201 : 200,
          JSON.parse(place(said === 'registered' ? REGISTERED : said)),
        )
      const metadata = JSON.parse(place([challenge]))[0]
      json(res, 401, {}, { 'www-authenticate': `Bearer resource_metadata="${metadata}"` })
    })
    const page = await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
    return { url: page.url, status: page.status, inside: other.arrivals.length - before }
  }
  await open(origin, desk, '/account')
  await settled(other)
  return { logIn, own, upstream }
}

const REGISTERED = { client_id: 'gatehouse', redirect_uris: ['http://127.0.0.1/'] }

function documentAt({ path }: Arrival, { resource, server }: { resource: object; server: object }) {
  if (path === '/prm') return resource
  if (path.startsWith('/.well-known/oauth-authorization-server')) return server
  return path === '/register' ? 'registered' : null
}

/** Who is inside is asked for its tools at some time, which is no business of this test. */
async function settled({ arrivals }: HostileUpstream): Promise<void> {
  for (let before = -1; before !== arrivals.length; ) {
    before = arrivals.length
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

t.test('what an upstream says about its login leads to no address that was not meant for it', async (t) => {
  const { logIn, own } = await scene(t)
  const bait: Readonly<Record<string, Said>> = {
    'metadata of another upstream': { challenge: 'other/prm' },
    'metadata of the cloud': { challenge: 'http://169.254.169.254/latest/meta-data' },
    'metadata in a file': { challenge: 'file:///etc/passwd' },
    'a server that is another upstream': { resource: { authorization_servers: ['other'] } },
    'a server inside': { resource: { authorization_servers: ['http://10.0.0.5'] } },
    'a registration at another upstream': { server: { registration_endpoint: 'other/register' } },
    'a registration inside': { server: { registration_endpoint: 'https://127.0.0.1/register' } },
    'the issuer of somebody else': { server: { issuer: 'https://honest.example' } },
    'the login of another resource': { resource: { resource: 'other/mcp' } },
    'no PKCE': { server: { code_challenge_methods_supported: ['plain'] } },
    'a page that is a script': { server: { authorization_endpoint: 'javascript:alert(1)' } },
  }
  for (const [what, said] of Object.entries(bait)) {
    const { url, status, inside } = await logIn(said)
    t.equal(status, 422, what)
    t.notMatch(url, `${own}/authorize`, what)
    t.equal(inside, 0, `${what}: nobody inside was asked`)
  }
  const { url, inside } = await logIn({})
  t.match(url, `${own}/authorize?`)
  t.equal(inside, 0)
})
