// Owns the proof that every tool, resource and prompt of the demo upstream works for each SDK client in each era.

import t from 'tap'
import { startDemoUpstream } from '../../src/demo/server.ts'
import { CLIENTS, connectV1 } from './clients.ts'

const TOOLS = ['add_note', 'add_numbers', 'clear_notes', 'countdown', 'hello', 'list_notes']
const READ_ONLY = ['add_numbers', 'countdown', 'hello', 'list_notes']

for (const [name, connect] of CLIENTS) {
  t.test(`${name} uses everything the demo upstream offers`, async (t) => {
    const demo = await startDemoUpstream()
    t.teardown(() => demo.close())
    const client = await connect(demo.url, null)
    t.teardown(() => client.close())

    const tools = await client.tools()
    t.strictSame(tools.map((tool) => tool.name).sort(), TOOLS)
    const readOnly = tools.filter((tool) => tool.annotations?.readOnlyHint === true)
    t.strictSame(readOnly.map((tool) => tool.name).sort(), READ_ONLY, 'read-only tools are marked')

    t.strictSame(await client.call('hello', { name: 'Ada' }), ['Hello, Ada!', false])
    t.strictSame(await client.call('add_numbers', { a: 2, b: 40 }), ['42', false])
    t.strictSame(await client.call('list_notes'), ['There are no notes yet.', false])
    t.strictSame(await client.call('add_note', { text: 'Buy milk' }), ['Added note 1.', false])
    t.strictSame(await client.call('list_notes'), ['1. Buy milk', false])
    t.match(await client.read('demo://notes'), 'Buy milk')
    t.match(await client.read('demo://about'), 'Demo server')
    t.match(await client.prompt('summarize_notes', { length: 'a list' }), 'in a list:\n- Buy milk')

    const progress: number[] = []
    const onprogress = (update: { progress: number }) => progress.push(update.progress)
    const counted = await client.call('countdown', { from: 3, interval_ms: 10 }, { onprogress })
    t.strictSame(counted, ['Counted down from 3.', false])
    t.strictSame(progress, [1, 2, 3], 'progress arrives for every step')
    const silent = await client.call('countdown', { from: 1, interval_ms: 1 })
    t.strictSame(silent, ['Counted down from 1.', false], 'and nobody who did not ask gets any')
  })

  t.test(`${name} is asked before every note is deleted, and its answer decides`, async (t) => {
    const demo = await startDemoUpstream()
    t.teardown(() => demo.close())
    const refusing = await connect(demo.url, { action: 'decline' })
    t.teardown(() => refusing.close())
    const unsure = await connect(demo.url, { action: 'accept', content: { confirm: false } })
    t.teardown(() => unsure.close())
    const willing = await connect(demo.url, { action: 'accept', content: { confirm: true } })
    t.teardown(() => willing.close())
    const mute = await connect(demo.url, null)
    t.teardown(() => mute.close())
    await mute.call('add_note', { text: 'one' })
    await mute.call('add_note', { text: 'two' })

    t.strictSame(await refusing.call('clear_notes'), ['Nothing was deleted.', false])
    t.strictSame(await unsure.call('clear_notes'), ['Nothing was deleted.', false])
    t.strictSame(await mute.call('list_notes'), ['1. one\n2. two', false])
    t.strictSame(await willing.call('clear_notes'), ['Deleted 2 notes.', false])
    t.strictSame(willing.questions, ['Delete 2 notes? This cannot be undone.'])

    await mute.call('add_note', { text: 'three' })
    t.strictSame(
      await mute.call('clear_notes'),
      ['Deleted 1 note.', false],
      'a client that cannot ask is not stuck',
    )
    t.strictSame(mute.questions, [])
  })

  t.test(`${name} stops a countdown by cancelling it`, async (t) => {
    const demo = await startDemoUpstream()
    t.teardown(() => demo.close())
    const client = await connect(demo.url, null)
    t.teardown(() => client.close())
    const leaving = new AbortController()
    const options = { signal: leaving.signal, onprogress: () => leaving.abort() }

    await t.rejects(client.call('countdown', { from: 100, interval_ms: 5 }, options))
    t.strictSame(await client.call('hello'), ['Hello, world!', false], 'and goes on with other things')
  })
}

t.test('a full notebook refuses a note until it is cleared', async (t) => {
  const demo = await startDemoUpstream()
  t.teardown(() => demo.close())
  const client = await connectV1(demo.url, null)
  t.teardown(() => client.close())
  for (let note = 0; note < 100; note++) await client.call('add_note', { text: 'x' })

  t.strictSame(await client.call('add_note', { text: 'y' }), [
    'The notebook is full (100 notes). Clear it first.',
    true,
  ])
  await client.call('clear_notes')
  t.strictSame(await client.call('add_note', { text: 'y' }), ['Added note 101.', false])
})
