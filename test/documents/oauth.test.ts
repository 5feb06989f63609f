// Owns the promise that docs/oauth.md names tests that exist, every client that is played, and all that the metadata offers.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { getJson } from '../support/oauth.ts'
import { DOCUMENT_CLIENTS, REGISTERING_CLIENTS } from '../support/real-clients.ts'
import { ROOT, readProject } from './project.ts'

const page = readProject('docs/oauth.md')

t.test('every test that it names is there', async (t) => {
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && line.includes('.ts`'))
  const files = rows.flatMap((row) => [...row.matchAll(/`([\w/.-]+\.ts)`/g)].map(([, file = '']) => file))
  for (const file of files) t.ok(existsSync(join(ROOT, 'test', file)), file)
  for (const [, file = ''] of page.matchAll(/`((?:test|src)\/[\w/.-]+\.ts)`/g))
    t.ok(existsSync(join(ROOT, file)), file)
  t.ok(files.length > 20)
})

t.test('every client that is played has its row, with how it makes itself known', async (t) => {
  for (const { name, kind } of [...REGISTERING_CLIENTS, ...DOCUMENT_CLIENTS]) {
    const row = page.split('\n').find((line) => line.startsWith(`| ${name} |`)) ?? ''
    t.match(row.split('|')[2], kind, `${name}: ${kind}`)
  }
})

t.test(
  'every grant and every kind of client authentication that the metadata offers is explained',
  async (t) => {
    const { origin } = await build(t)
    const { body } = await getJson(`${origin}/.well-known/oauth-authorization-server`)
    const grants: unknown = body.grant_types_supported
    t.ok(Array.isArray(grants) && grants.length >= 4)
    for (const grant of [grants].flat()) t.ok(page.includes(`\`${grant}\``), String(grant))
  },
)
