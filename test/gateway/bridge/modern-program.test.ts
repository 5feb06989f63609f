// Owns the proof that a program that speaks 2026-07-28 is spoken to in it, whatever its clients speak.

import t, { type Test } from 'tap'
import { createLocalMailbox } from '../../../src/mcp/mailbox.ts'
import type { StdioSettings } from '../../../src/upstreams/settings.ts'
import { openLinks } from '../../support/links.ts'
import { LISTENERS } from '../../support/listening-clients.ts'
import { programSettings, running, server } from '../../support/programs/program-upstream.ts'
import { CONNECT } from '../replica-clients.ts'
import { setStage, until } from '../stage.ts'

async function scene(t: Test, settings: Partial<StdioSettings> = {}) {
  const mailbox = createLocalMailbox()
  const written: string[] = []
  const programLog = { wrote: (_: string, line: string) => void written.push(line), died: () => undefined }
  const links = openLinks(t, { mailbox, programLog })
  const { command = '', args = [] } = server('modern-server')
  const mark = `mark-${process.pid}-${Math.random()}`
  const program = programSettings({ command, args: [...args, mark], ...settings, name: 'notes' })
  const stage = await setStage(t, [program], { links, mailbox })
  const fetchAs = async (sub: string): Promise<typeof fetch> => {
    const authorization = `Bearer ${await stage.token({ sub })}`
    return (input, init) =>
      fetch(input, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), authorization } })
  }
  const url = new URL('/mcp/notes', stage.origin)
  return { ...stage, links, url, written, fetchAs, running: () => running(mark) }
}

for (const [what, connect] of CONNECT) {
  t.test(`it serves ${what}: calls, progress, questions and cancelling`, async (t) => {
    const { url, fetchAs, written, running, links } = await scene(t)
    const client = await connect(url, await fetchAs('usr_alice'))
    t.match(await client.call('hello', { name: 'Ann' }), /Ann/)
    t.equal(await client.call('ask'), 'confirmed: true')
    t.equal(client.questions(), 1)
    const leaving = new AbortController()
    const held = client.call('hold', {}, leaving.signal)
    held.catch(() => undefined)
    await until(() => written.includes('holding'))
    leaving.abort()
    await until(() => written.includes('let go'))
    await t.rejects(held)
    t.match(await client.call('hello', { name: 'Bob' }), /Bob/, 'the others go on')
    t.equal(running(), 1)
    await client.close()
    await links.close()
    t.equal(running(), 0)
  })
}

t.test('what it tells reaches who listens, in both eras', async (t) => {
  const { url, token } = await scene(t)
  for (const [what, listen] of LISTENERS) {
    const app = await listen(t, String(url), await token())
    const before = (await app.tools()).length
    await app.call('grow')
    await until(() => app.heard.tools > 0)
    t.equal((await app.tools()).length, before + 1, what)
  }
})

t.test('people have a process each, or share one without hearing of each other', async (t) => {
  for (const shared of [false, true]) {
    const { url, token, running } = await scene(t, { shared })
    const countdowns = ['usr_alice', 'usr_bob', 'usr_carol'].map(async (sub, at) => {
      const client = await import('@modelcontextprotocol/client')
      const app = new client.Client(
        { name: sub, version: '1' },
        { versionNegotiation: { mode: { pin: '2026-07-28' } } },
      )
      const requestInit = { headers: { authorization: `Bearer ${await token({ sub })}` } }
      await app.connect(new client.StreamableHTTPClientTransport(url, { requestInit }))
      t.teardown(() => app.close())
      let progress = 0
      const steps = { from: at + 1, interval_ms: 20 }
      await app.callTool({ name: 'countdown', arguments: steps }, { onprogress: () => void progress++ })
      return progress
    })
    t.same(await Promise.all(countdowns), [1, 2, 3], 'each hears of its own call, whatever its token is')
    t.equal(running(), shared ? 1 : 3)
  }
})
