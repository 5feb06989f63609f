// Owns the first minutes of an installation: one command, a banner that says what to open, one process on one directory.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createBrowser } from '../support/browser.ts'
import { PASSWORD } from '../support/gatehouse.ts'
import { getJson } from '../support/oauth.ts'
import { emptyDataDir, runGatehouse, serve, usedDataDir } from '../support/process.ts'

t.test('one command on an empty directory is a service with a banner that says what to open', async (t) => {
  const dataDir = await emptyDataDir(t)
  const first = await serve(t, { DATA_DIR: dataDir })
  const { origin } = first
  t.comment(`ready ${first.startedInMs} ms after the first start`)

  const banner = first.stdout()
  t.match(banner, 'Gatehouse is ready.')
  t.match(banner, new RegExp(`Open +${origin}\n`))
  t.match(banner, new RegExp(`MCP address +${origin}/mcp\n`))
  t.match(banner, new RegExp(`Database +embedded, in ${join(dataDir, 'database')}\n`))
  t.equal(first.stderr(), '')

  t.match(await getJson(`${origin}/readyz`), { status: 200, body: { status: 'ok' } })
  t.match(await getJson(`${origin}/.well-known/oauth-protected-resource/mcp`), {
    status: 200,
    body: { resource: `${origin}/mcp`, authorization_servers: [origin] },
  })

  const modeOf = async (name: string) => (await stat(join(dataDir, name))).mode & 0o777
  t.equal(await modeOf('secret-key'), 0o600, 'the secret is its owner’s alone')
  t.equal(await modeOf('database.lock'), 0o600)

  const link = setupLinkOf(banner)
  t.ok(link.startsWith(`${origin}/setup?token=`))
  const browser = createBrowser(origin)
  const done = await browser.submit(await browser.open(link), {
    email: 'first@example.com',
    name: 'First',
    password: PASSWORD,
    password_again: PASSWORD,
  })
  t.equal(done.status, 200)
  t.equal((await createBrowser(origin).open(link)).status, 410, 'the link is good for one use')

  t.same(await first.stop(), { code: 0, signal: null })
  const second = await serve(t, { DATA_DIR: dataDir })
  t.comment(`ready ${second.startedInMs} ms after a later start`)
  t.notMatch(second.stdout(), '/setup?token=', 'there is an administrator now')
  t.same(await second.stop(), { code: 0, signal: null })
})

t.test('a second process on the same directory is refused, until the first has stopped', async (t) => {
  const dataDir = await usedDataDir(t)
  const first = await serve(t, { DATA_DIR: dataDir })

  const second = runGatehouse(t, ['serve', '--port', '1'], { env: { DATA_DIR: dataDir } })
  const { code } = await second.ended
  t.not(code, 0)
  t.match(
    second.stderr(),
    /^\S+\/database is in use by process \d+: the embedded database serves one process at a time\.\n$/,
    'one line, which says who',
  )
  t.equal(second.stdout(), '')
  t.match(await getJson(`${first.origin}/readyz`), { status: 200 }, 'the first goes on')

  await first.stop()
  const third = await serve(t, { DATA_DIR: dataDir })
  t.match(await getJson(`${third.origin}/readyz`), { status: 200 })
  await third.stop()
})

t.test('the lock of a process that was killed is taken over', async (t) => {
  const dataDir = await usedDataDir(t)
  const first = await serve(t, { DATA_DIR: dataDir })
  first.signal('SIGKILL')
  await first.ended

  const second = await serve(t, { DATA_DIR: dataDir })
  t.match(await getJson(`${second.origin}/readyz`), { status: 200 })
  await second.stop()
})

function setupLinkOf(banner: string): string {
  return /First, set up +(\S+)/.exec(banner)?.[1] ?? ''
}
