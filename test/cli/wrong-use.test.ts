// Owns that a command with more than it takes does nothing and says so, on the real command line.

import t from 'tap'
import { fails, onPostgres } from '../support/command-line.ts'
import { createPerson } from '../support/gatehouse.ts'

const ANN = 'ann@example.com'
const BOB = 'bob@example.com'

t.test('what a command does not take is not ignored', async (t) => {
  const { database, gatehouse } = await onPostgres(t)
  await createPerson(database.db, ANN)
  await createPerson(database.db, BOB)
  const key = ['key', 'create', '--user', ANN, '--name', 'n', '--scope', 'demo']

  await fails(t, gatehouse, ['user', 'disable', ANN, BOB], /^Say `gatehouse user create`.* one EMAIL/)
  await fails(t, gatehouse, ['user', 'group', 'add', ANN, 'staff', 'guests'], /an EMAIL and a GROUP/)
  await fails(t, gatehouse, [...key, 'demo:read'], /^Say `gatehouse key create`/)
  await fails(t, gatehouse, ['key', 'revoke', 'key_1', 'key_2'], /^Say `gatehouse key create`/)
  await fails(t, gatehouse, ['client', 'token', 'list', 'iat_1'], /^Say `gatehouse client token create`/)
  await fails(t, gatehouse, ['token', 'revoke-all', ANN], /^Say `gatehouse token revoke-all`/)
  const help = '`gatehouse user --help` lists what there is.'
  await fails(t, gatehouse, ['user', 'list', '--jsn'], new RegExp(`^Unknown option '--jsn'. ${help}\n$`))

  t.match(await gatehouse('user', 'list'), {
    code: 0,
    out: `${ANN}\t${ANN}\tmember\t\t\n${BOB}\t${BOB}\tmember\t\t\n`,
  })
  t.match(await gatehouse('user', 'disable', ANN), { code: 0, out: `${ANN} is disabled.\n` })
})
