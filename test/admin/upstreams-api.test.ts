// Owns the promises of the operator's API about upstreams: for administrators' keys alone, and never half.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import * as apiKeys from '../../src/storage/api-keys.ts'
import * as users from '../../src/storage/users.ts'
import { build } from '../support/gatehouse.ts'
import { until } from '../support/until.ts'

const API = '/admin/api/upstreams'

t.test(
  'an administrator’s key lists the upstreams and has them read again; nobody else’s does',
  async (t) => {
    const file = join(t.testdir({}), 'upstreams.json')
    const write = (servers: object) => writeFile(file, JSON.stringify(servers))
    await write({ notes: { url: 'http://127.0.0.1:9/mcp' } })
    // So that nothing but the API reads it again while this runs.
    const running = await build(t, { env: { UPSTREAMS_FILE: file }, overrides: { filePollMs: 3_600_000 } })
    const { origin, db, createPerson, log } = running
    const member = await createPerson('alice@example.com')
    const { user: admin } = await users.create(db, {
      email: 'ada@example.com',
      name: 'Ada',
      passwordHash: null,
      role: 'admin',
    })
    if (!admin) return t.fail('nobody was created')
    const keyOf = async (userId: users.UserId) => {
      const wish = { name: 'ops', userId, scopes: new Set(['notes:read']), expiresInSeconds: 3600 }
      return (await apiKeys.create(db, wish)).key
    }
    const [adminKey, memberKey] = [await keyOf(admin.id), await keyOf(member.id)]
    const ask = async (method: string, path: string, key?: string) => {
      const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
      const answer = await fetch(origin + path, { method, headers })
      return { status: answer.status, body: await answer.json(), headers: answer.headers }
    }

    for (const [method, path] of [
      ['GET', API],
      ['POST', `${API}/reload`],
    ] as const) {
      t.match(await ask(method, path), { status: 401, body: { error: 'invalid_token' } })
      t.match(await ask(method, path, 'gh_invented'), { status: 401 })
      t.match(await ask(method, path, memberKey), { status: 403, body: { error: 'access_denied' } })
    }
    t.match(await ask('GET', API, adminKey), {
      status: 200,
      body: { upstreams: [{ name: 'notes', kind: 'http', address: `${origin}/mcp/notes` }] },
    })

    await write({ notes: { url: 'http://127.0.0.1:9/mcp' }, mail: { url: 'http://127.0.0.1:9/mcp' } })
    t.match(await ask('POST', `${API}/reload`, adminKey), {
      status: 200,
      body: { outcome: 'reloaded', added: ['mail'], changed: [], removed: [] },
    })
    t.match(await ask('POST', `${API}/reload`, adminKey), { status: 200, body: { outcome: 'unchanged' } })

    await write({ notes: { url: 'nowhere' } })
    t.match(await ask('POST', `${API}/reload`, adminKey), {
      status: 422,
      body: { error: 'invalid_configuration', problems: [/notes\.url/] },
    })
    t.match(await ask('GET', API, adminKey), { body: { upstreams: [{ name: 'notes' }, { name: 'mail' }] } })
    t.match(log(), 'upstreams.reloaded')

    await users.disable(db, admin.id)
    await until('the key is refused', async () => (await ask('GET', API, adminKey)).status === 401)
  },
)
