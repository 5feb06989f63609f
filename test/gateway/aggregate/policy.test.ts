// Owns the proof that what the operator says about one upstream holds at the aggregate as well, in that upstream's words.

import t from 'tap'
import { loadConfig } from '../../../src/config/config.ts'
import { NO_LIMITS } from '../../../src/oauth/allowance.ts'
import { createStandingPolicy } from '../../../src/oauth/standing-policy.ts'
import { errorOf, modern } from '../stage.ts'
import { ask, demoAt, setTown } from './town.ts'

const UPSTREAMS = JSON.stringify({ home: { url: 'http://home/mcp' }, work: { url: 'http://office/mcp' } })
const RULES = {
  rules: [
    { upstream: 'work', tools: ['add_*'], effect: 'deny', reason: 'Ask the office.' },
    { upstream: 'work', resources: ['demo://notes'], effect: 'deny' },
    { upstream: 'home', tools: ['add_note'], arguments: { required: ['urgent'] }, effect: 'deny' },
  ],
}

const policy = createStandingPolicy(loadConfig({ UPSTREAMS, POLICY: JSON.stringify(RULES) }).policy)

t.test(
  'what is forbidden at one upstream is not in the lists and cannot be used; at the other it can',
  async (t) => {
    const town = await setTown(t, [await demoAt(t, 'home'), await demoAt(t, 'work')], { policy })
    const tools = JSON.stringify((await ask(town, modern('tools/list'))).json)
    t.match(tools, 'home_add_note')
    t.notMatch(tools, 'work_add_note')
    t.match(tools, 'work_list_notes')
    const resources = JSON.stringify((await ask(town, modern('resources/list'))).json)
    t.match(resources, 'mcp+home+demo://notes')
    t.notMatch(resources, 'mcp+work+demo://notes')

    const add = (upstream: string, more: object = {}) =>
      ask(town, modern('tools/call', { name: `${upstream}_add_note`, arguments: { text: 'x', ...more } }))
    t.equal((await add('home')).status, 200)
    const refused = await add('work')
    t.equal(refused.status, 403)
    t.match(errorOf(refused).message, 'Ask the office.')
    t.equal(refused.headers['www-authenticate'], undefined, 'more scope would not help')
    t.match(town.events.at(-1), { upstream: 'work', tool: 'add_note', reason: 'policy' })
    t.equal((await add('home', { urgent: true })).status, 403, 'conditions on arguments hold')
    const read = (upstream: string) =>
      ask(town, modern('resources/read', { uri: `mcp+${upstream}+demo://notes` }))
    t.equal((await read('home')).status, 200)
    t.equal((await read('work')).status, 403)
  },
)

t.test(
  'arguments that two readers could read differently are refused where a rule looks at them',
  async (t) => {
    const town = await setTown(t, [await demoAt(t, 'home'), await demoAt(t, 'work')], { policy })
    const { body, headers } = modern('tools/call', { name: 'home_add_note', arguments: { text: 'x' } })
    const twice = JSON.stringify(body).replace('{"text":"x"}', '{"text":"x","text":"y"}')
    t.equal((await ask(town, { body: twice, headers })).status, 400)
    t.equal((await ask(town, { body, headers })).status, 200)
  },
)

t.test('an upstream that takes only small bodies is sent no large one from here', async (t) => {
  const limits = { ...NO_LIMITS, maxBodyBytes: 1000 }
  const town = await setTown(t, [{ ...(await demoAt(t, 'home')), limits }, await demoAt(t, 'work')])
  const add = (upstream: string, length: number) =>
    ask(town, modern('tools/call', { name: `${upstream}_add_note`, arguments: { text: 'x'.repeat(length) } }))
  t.equal((await add('home', 1000)).status, 413)
  t.equal((await add('home', 10)).status, 200)
  t.equal((await add('work', 1000)).status, 200)
})
