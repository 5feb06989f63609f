// Owns the proofs of `gatehouse client token`, on the real command line against a real database.

import t from 'tap'
import { fails, onPostgres } from '../support/command-line.ts'
import { build } from '../support/gatehouse.ts'
import { postJson } from '../support/oauth.ts'

t.test('a token made by command lets a client register, once', async (t) => {
  const { gatehouse, database } = await onPostgres(t, { REGISTRATION: 'token' })
  const { origin } = await build(t, { env: { REGISTRATION: 'token' }, overrides: { storage: database } })
  const { json } = await gatehouse('client', 'token', 'create', '--name', 'CI', '--json')
  t.match(json, { token: /^ghreg_/, usesLeft: 1, name: 'CI' })
  const post = () =>
    postJson(
      `${origin}/register`,
      { redirect_uris: ['https://app.example/cb'] },
      { authorization: `Bearer ${json.token}` },
    )
  t.equal((await post()).status, 201)
  t.equal((await post()).status, 401)
  t.match((await gatehouse('client', 'token', 'list')).out, /CI\s+uses left: 0/)
  t.equal((await gatehouse('client', 'token', 'revoke', String(json.id))).code, 0)
  await fails(t, gatehouse, ['client', 'token', 'revoke', String(json.id)], /^There is no token/)
  await fails(
    t,
    gatehouse,
    ['client', 'token', 'create', '--name', 'x', '--uses', '0'],
    /^--uses is a number/,
  )
  await fails(
    t,
    gatehouse,
    ['client', 'token', 'create', '--name', 'x', '--expires', '7'],
    /^--expires is a duration/,
  )
})
