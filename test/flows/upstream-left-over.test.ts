// Owns logins that an earlier configuration left behind: used for nothing, seen, and revoked when they end or are replaced.

import t from 'tap'
import { callMe } from '../support/calling-upstream.ts'
import { commandLine } from '../support/command-line.ts'
import { createPerson, newSecretKey } from '../support/gatehouse.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { statusOf } from '../support/upstream-commands.ts'
import { asNotion, logIn, open, startWith } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const DORA = 'dora@example.com'
const END = 'form[action="/connect/-/left/notion"]'
const SECTION = 'section[aria-labelledby="connections"]'
const PERSONAL = { type: 'oauth2' }
const SHARED = { type: 'oauth2', shared: true }

t.test(
  'what is personal, shared or elsewhere now leaves logins behind, which are seen and ended',
  async (t) => {
    const [upstream, other] = [await startGuardedUpstream(t, 'open'), await startGuardedUpstream(t, 'open')]
    const SECRET_KEY = newSecretKey()
    const env: Record<string, string> = { UPSTREAMS: asNotion(upstream.url, PERSONAL) }
    const running = await startWith(t, env, [SECRET_KEY])
    const { origin, browser, db, database, reload } = running
    await createPerson(db, DORA, 'admin')
    if (database.config.kind !== 'postgres') throw new Error('not PostgreSQL')
    const there = { DATABASE_URL: database.config.url, SECRET_KEY, PUBLIC_URL: origin }
    const gatehouse = (...args: string[]) =>
      commandLine({ ...there, UPSTREAMS: env.UPSTREAMS ?? '' })(...args)
    const configure = (url: string, auth: object) => {
      env.UPSTREAMS = asNotion(url, auth)
      reload()
    }
    const [alice, dora] = [browser(), browser()]
    const shownTo = async (desk: typeof alice, email: string) =>
      (await open(origin, desk, '/account', email)).document.querySelector(SECTION)?.text ?? ''
    const { accessToken } = await connect(origin, alice, ALICE, { parameters: { scope: 'notion' } })
    await logIn(running, alice)
    t.notMatch(await shownTo(alice, ALICE), 'not used any more')

    configure(upstream.url, SHARED)
    t.match((await callMe(origin, origin, accessToken)).text, 'An administrator has to log in there first')
    t.match(await shownTo(alice, ALICE), /not used any more[\s\S]*Log out there/)
    t.notMatch(await shownTo(dora, DORA), 'not used any more', 'it is not hers')
    t.match(await statusOf(gatehouse, '--user', ALICE), [
      { state: 'needs_login' },
      { state: 'left_over', user: ALICE },
    ])
    await alice.submit(await open(origin, alice, '/account'), {}, undefined, END)
    t.ok((await upstream.control()).revocations > 0, 'revoked over there')
    t.notMatch(await shownTo(alice, ALICE), 'not used any more')

    await logIn(running, dora, DORA)
    configure(upstream.url, PERSONAL)
    t.match(
      (await callMe(origin, origin, accessToken)).text,
      'Open this link',
      'nor is that of all used for one',
    )
    t.match(await shownTo(dora, DORA), /not used any more[\s\S]*of everybody/)
    t.notMatch(await shownTo(alice, ALICE), 'not used any more', 'who may not end it need not see it')
    const before = (await upstream.control()).revocations
    t.match(await gatehouse('upstream', 'logout', 'notion', '--shared'), {
      code: 0,
      out: /left behind for everybody is gone/,
    })
    t.ok((await upstream.control()).revocations > before)

    await logIn(running, alice)
    // A private address is asked only as long as it is configured somewhere.
    const notion = { url: other.url, title: 'Notion', auth: PERSONAL }
    env.UPSTREAMS = JSON.stringify({ notion, former: { url: upstream.url } })
    reload()
    t.match(await shownTo(alice, ALICE), 'not used any more')
    const last = (await upstream.control()).revocations
    await logIn(running, alice)
    t.ok(
      (await upstream.control()).revocations > last,
      'what is replaced by a login elsewhere is revoked where it was',
    )
    t.same(await db.selectFrom('upstream_connections').select('state').execute(), [{ state: 'connected' }])
  },
)
