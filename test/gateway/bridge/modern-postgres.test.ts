// Owns the proof that whole replicas, which share nothing but PostgreSQL, carry a call of a modern client between them.

import t from 'tap'
import { isRecord, type Members } from '../../../src/mcp/rpc.ts'
import { startReplicas } from '../../support/two-replicas.ts'
import { type Answer, send } from '../stage.ts'
import { askingServers } from './asking-server.ts'
import { serveLegacy } from './legacy-upstream.ts'
import { asking } from './modern-stage.ts'

const MEGABYTE = 1024 * 1024

/** What took long enough has become a stream. */
function resultOf({ json, text }: Answer): Members {
  const last = text.split('\n').findLast((line) => line.startsWith('data: {'))
  const { result } = last === undefined ? json : JSON.parse(last.slice('data: '.length))
  if (!isRecord(result)) throw new Error(`no result: ${text.slice(0, 500)}`)
  return result
}

t.test('a call goes on at the other replica, however much is brought back', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const { first, second, origin, token } = await startReplicas(t, { upstream: upstream.url })
  const bearer = await token()
  const at = (replica: { readonly origin: string }, more: object) => {
    const params = { name: 'ask', arguments: { again: 1 }, ...more }
    const sent = asking('tools/call', params, { token: bearer, capabilities: { elicitation: {} } })
    return send(replica, { ...sent, path: '/mcp', headers: { ...sent.headers, host: new URL(origin).host } })
  }
  const backTo = (answer: Answer, name: string) => {
    const { resultType, inputRequests, requestState } = resultOf(answer)
    t.equal(resultType, 'input_required')
    const response = { action: 'accept', content: { name } }
    const keys = Object.keys(isRecord(inputRequests) ? inputRequests : {})
    return { requestState, inputResponses: Object.fromEntries(keys.map((key) => [key, response])) }
  }
  const large = 'é"'.repeat(MEGABYTE / 2)
  const asked = await at(first, {})
  const again = await at(second, backTo(asked, large))
  const { content } = resultOf(await at(first, backTo(again, 'Ann')))
  const [block] = Array.isArray(content) ? content : []
  t.same(
    JSON.parse(block?.text ?? '[]').map((answer: Members) => answer.content),
    [{ name: large }, { name: 'Ann' }],
  )
  t.equal(servers.runs('ask'), 1)
})
