// Owns the login at one of several upstreams that answer as one: it is asked for when it is needed, and the others need none.

import t from 'tap'
import { startDemoUpstream } from '../../src/demo/server.ts'
import { SDK_CLIENTS } from '../support/calling-clients.ts'
import { build } from '../support/gatehouse.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { LOGIN, logInThere } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'

for (const [who, start] of SDK_CLIENTS) {
  t.test(`${who} uses the others, logs in when a call needs it, and uses that one too`, async (t) => {
    const upstream = await startGuardedUpstream(t, 'open')
    const demo = await startDemoUpstream()
    t.teardown(() => demo.close())
    const UPSTREAMS = JSON.stringify({
      notion: { url: upstream.url, title: 'Notion', auth: { type: 'oauth2' } },
      demo: { url: demo.url },
    })
    const { origin, browser, createPerson } = await build(t, { env: { UPSTREAMS } })
    await createPerson(ALICE)
    const desk = browser()
    const parameters = { scope: 'notion demo' }
    const { accessToken } = await connect(origin, desk, ALICE, { parameters })
    let links = 0
    const client = await start(`${origin}/mcp`, accessToken, async ({ url }) => {
      links++
      const away = await desk.submit(await desk.open(url ?? ''), {}, undefined, LOGIN)
      await desk.open(await logInThere(away.url))
      return {}
    })
    t.teardown(() => client.close())

    const before = await client.tools()
    t.ok(before.includes('notion_connect_notion'), 'where it has no tools yet, a way to get them')
    t.ok(before.includes('demo_hello'))
    t.match(await client.call('demo_hello', { name: 'Ada' }), { text: 'Hello, Ada!' })
    const status = await client.call('upstream_status')
    t.match(status.text, /"name": "notion",\s+"status": "needs_login"/)
    t.match(status.text, /"name": "demo",\s+"status": "up"/)
    t.equal(links, 0, 'nobody is asked for what is not needed')

    t.match(await client.call('notion_me'), { text: 'you are carol', isError: false })
    t.equal(links, 1)
    t.match((await client.call('upstream_status')).text, /"name": "notion",\s+"status": "up"/)
    const after = await client.tools()
    t.ok(after.includes('notion_me') && !after.includes('notion_connect_notion'))
  })
}
