// Owns the proof that no digit of a number is lost where messages are read and written again: the bridge and the aggregate.

import t, { type Test } from 'tap'
import { type Arrival, json, type Script, startHostileUpstream } from '../../support/hostile-upstream.ts'
import { setTown } from '../aggregate/town.ts'
import { call, modern, send } from '../stage.ts'
import { talk } from './legacy-stage.ts'
import { setLinkedStage } from './linked-stage.ts'

type Era = 'modern' | 'legacy'

/** More than a JavaScript number holds, a whole and a broken one, between others. */
const NUMBERS =
  '{"id":9223372036854775807,"few":-1.5,"share":0.12345678901234567890,"list":[1,18446744073709551615]}'
const LARGEST = '"maximum":9223372036854775807'

/** Gives back the arguments, byte for byte. */
function echoing(era: Era): Script {
  return (arrival, res) => {
    const { method, id } = JSON.parse(arrival.body || '{}')
    const result = resultOf(era, method, arrival)
    if (id === undefined) res.writeHead(202).end()
    else if (result === null)
      json(res, 400, {
        jsonrpc: '2.0',
        id,
        error: { code: era === 'modern' ? -32022 : -32601, message: 'no' },
      })
    else
      res
        .writeHead(200, { 'content-type': 'application/json' })
        .end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`)
  }
}

function resultOf(era: Era, method: string, { body }: Arrival): string | null {
  const given = body.slice(body.indexOf('{"id":9'), body.indexOf(']}') + 2)
  switch (method) {
    case 'initialize':
      return era === 'legacy'
        ? '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}'
        : null
    case 'server/discover':
      return era === 'modern' ? '{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}' : null
    case 'tools/list':
      return `{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"id":{"type":"integer",${LARGEST}}}}}]}`
    default:
      return `{"content":[],"structuredContent":${given}}`
  }
}

async function upstreamOf(t: Test, era: Era): Promise<string> {
  const upstream = await startHostileUpstream(t)
  upstream.answer(echoing(era))
  return upstream.url
}

function withNumbers(message: object): string {
  return JSON.stringify(message).replace('"arguments":{}', `"arguments":${NUMBERS}`)
}

for (const era of ['modern', 'legacy'] as const) {
  t.test(`through the bridge, at an upstream of the ${era} era`, async (t) => {
    const stage = await setLinkedStage(t, await upstreamOf(t, era))
    const params = { name: 'echo', arguments: {} }
    if (era === 'legacy') {
      const { body, headers } = modern('tools/call', params)
      const token = await stage.token()
      const answer = await send(stage, { token, headers, body: withNumbers(body) })
      t.match(answer.text, `"structuredContent":${NUMBERS}`)
      t.match((await send(stage, { token, ...modern('tools/list') })).text, LARGEST)
      return
    }
    const { post } = await talk(stage, { version: '2025-03-26' })
    t.match((await post(withNumbers(call('tools/call', params)))).text, NUMBERS)
    t.match((await post(`[${withNumbers(call('tools/call', params))}]`)).text, '18446744073709551615')
    t.match((await post(call('tools/list'))).text, LARGEST)
  })

  t.test(`through the aggregate, at an upstream of the ${era} era`, async (t) => {
    const url = await upstreamOf(t, era)
    const named = (name: string) => ({ name, title: name, url, headers: {} })
    const town = await setTown(t, [named('a'), named('b')])
    const token = await town.pass()
    const { body, headers } = modern('tools/call', { name: 'a_echo', arguments: {} })
    const answer = await send(town, { path: '/mcp', token, headers, body: withNumbers(body) })
    t.match(answer.text, NUMBERS)
    t.match((await send(town, { path: '/mcp', token, ...modern('tools/list') })).text, LARGEST)
  })
}
