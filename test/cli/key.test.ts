// Owns the proofs of `gatehouse key`, on the real command line against a real database.

import t from 'tap'
import * as users from '../../src/storage/users.ts'
import { onPostgres } from '../support/command-line.ts'
import { build, createPerson } from '../support/gatehouse.ts'
import { until } from '../support/until.ts'

function list(origin: string, key: unknown): Promise<Response> {
  return fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/list',
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'script', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  })
}

t.test('a key that was printed once opens the gateway until it is revoked', async (t) => {
  const { database, gatehouse } = await onPostgres(t)
  const { origin } = await build(t, { overrides: { storage: database } })
  const create = ['key', 'create', '--service', 'nightly', '--name', 'Backup', '--scope', 'demo:read']
  const { code, out, err } = await gatehouse(...create)
  t.equal(code, 0, err)
  const key = /gh_\S+/.exec(out)?.[0]
  t.equal((await list(origin, key)).status, 200)

  const listed = await gatehouse('key', 'list')
  t.notOk(listed.out.includes(String(key)))
  t.match(listed.out, /^key_\S+\s+gh_\w{4}…\s+Backup\s+service:nightly\s+demo:read\s+expires: \d{4}-/)
  const [id = ''] = listed.out.split('\t')
  t.equal((await gatehouse('key', 'revoke', id)).code, 0)
  await until('the key is refused', async () => (await list(origin, key)).status === 401)
  t.match((await gatehouse('key', 'list', '--service', 'nightly')).out, /revoked/)
  t.equal((await gatehouse('key', 'revoke', id)).code, 1)
})

t.test('a key of a person is theirs, and lists as theirs', async (t) => {
  const { database, gatehouse } = await onPostgres(t)
  const alice = await createPerson(database.db, 'alice@example.com')
  const made = await gatehouse(
    ...[
      'key',
      'create',
      '--user',
      'Alice@example.com',
      '--name',
      'CI',
      '--scope',
      'demo',
      '--expires',
      'never',
      '--json',
    ],
  )
  t.match(made.json, { key: /^gh_/, userId: alice.id, scopes: ['demo'], expiresAt: null })
  const theirs = JSON.parse((await gatehouse('key', 'list', '--user', alice.email, '--json')).out)
  t.match(theirs, [{ id: made.json.id, name: 'CI', user: alice.email }])
  t.notOk(JSON.stringify(theirs).includes(String(made.json.key)))
})

t.test('a key without a holder, a scope or an end that makes sense is refused', async (t) => {
  const { database, gatehouse } = await onPostgres(t)
  const bob = await createPerson(database.db, 'bob@example.com')
  await users.disable(database.db, bob.id)
  const rest = ['--name', 'CI', '--scope', 'demo']
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [rest, /^Say whose key it is/],
    [[...rest, '--user', bob.email], /is disabled/],
    [['--service', 'a', '--name', 'CI'], /^--scope is missing/],
    [['--service', 'a', '--name', 'CI', '--scope', 'other'], /belongs to no upstream/],
    [[...rest, '--service', 'a', '--expires', '0d'], /^--expires is a duration/],
  ]
  for (const [args, line] of refused) {
    const { code, out, err } = await gatehouse('key', 'create', ...args)
    t.equal(code, 1, args.join(' '))
    t.equal(out, '')
    t.match(err, line)
  }
  t.same(await database.db.selectFrom('api_keys').selectAll().execute(), [])
  t.equal((await gatehouse('key', 'create', ...rest, '--service', 'a')).code, 0)
})
