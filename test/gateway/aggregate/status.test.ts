// Owns that the status of upstreams is as true of programs and HTTP APIs as of others: whether they answer, and why not.

import t from 'tap'
import { programSettings } from '../../support/programs/program-upstream.ts'
import { startShop } from '../../support/shop-api.ts'
import { clientAt, demoAt, setTown } from './town.ts'

const API = { kind: 'openapi', title: '', url: null, headers: {}, operations: [], writes: false } as const

t.test(
  'an API that is gone, a document that is none and a program that is missing are told apart',
  async (t) => {
    const [shop, broken, away] = [await startShop(t), await startShop(t), await startShop(t)]
    broken.serve('nonsense')
    const town = await setTown(t, [
      await demoAt(t, 'home'),
      { ...API, name: 'shop', document: `${shop.origin}/openapi` },
      { ...API, name: 'broken', document: `${broken.origin}/openapi` },
      { ...API, name: 'away', document: `${away.origin}/openapi` },
      programSettings({ name: 'missing', command: '/does/not/exist' }),
    ])
    away.answer((res) => void res.destroy())
    const client = await clientAt(t, town)
    const status = async () => (await client.callTool({ name: 'upstream_status' })).structuredContent

    t.match(await status(), {
      upstreams: [
        { name: 'home', status: 'up', description: null },
        { name: 'shop', status: 'up', server: { name: 'Shop' } },
        { name: 'broken', status: 'down', reason: 'unreachable', description: /document of this server/ },
        {
          name: 'away',
          status: 'down',
          reason: 'unreachable',
          description: /API of this server does not answer/,
        },
        { name: 'missing', status: 'down', reason: 'unreachable', description: /program .* started/ },
      ],
    })
    const tools = (await client.listTools()).tools.map(({ name }) => name)
    t.ok(tools.includes('away_getPet'), 'what an API can do is known while it is away')
    away.answer((res) => void res.writeHead(401).end())
    const { upstreams } = Object(await status())
    t.match(upstreams[2], { name: 'away', status: 'up' })
    t.notMatch(JSON.stringify(upstreams), '/does/not/exist')
  },
)
