// Owns what outlives a restart: the administrator of the environment, clients, and the tokens they hold.

import t from 'tap'
import { INITIALIZE, post } from '../demo/wire.ts'
import { createBrowser } from '../support/browser.ts'
import { PASSWORD } from '../support/gatehouse.ts'
import { freePort } from '../support/local-server.ts'
import { authorizationRequest } from '../support/oauth.ts'
import { serve, usedDataDir } from '../support/process.ts'
import { callbackOf, connect, refresh, signIn } from '../support/sign-in.ts'

const ADMIN = 'admin@example.com'

t.test('ADMIN_EMAIL and ADMIN_PASSWORD make an administrator, and a restart forgets nobody', async (t) => {
  const env = {
    DATA_DIR: await usedDataDir(t),
    PORT: String(await freePort()),
    ADMIN_EMAIL: ADMIN,
    ADMIN_PASSWORD: PASSWORD,
  }
  const before = await serve(t, env)
  const { origin } = before
  t.notMatch(before.stdout(), '/setup?token=', 'there is an administrator, so no link')
  t.notMatch(before.stdout(), PASSWORD)
  const browser = createBrowser(origin)
  const { client, accessToken, refreshToken } = await connect(origin, browser, ADMIN)
  t.equal((await initialize(origin, accessToken)).status, 200)
  await before.stop()

  const after = await serve(t, env)

  t.equal(after.origin, origin)
  t.equal((await initialize(origin, accessToken)).status, 200, 'the signing key is the same')
  t.match(await refresh(origin, client.client_id, refreshToken), { status: 200 })
  const page = await browser.open(authorizationRequest(origin, client.client_id).url)
  t.ok(callbackOf(page).get('code'), 'the browser is still signed in, and what it agreed to is remembered')
  const stranger = await signIn(
    createBrowser(origin),
    authorizationRequest(origin, client.client_id).url,
    'nobody@example.com',
  )
  t.match(stranger.url, '/login/', 'nobody else is let in')
  await after.stop()
})

function initialize(origin: string, accessToken: string): Promise<Response> {
  return post(`${origin}/mcp`, INITIALIZE, { authorization: `Bearer ${accessToken}` })
}
