// Owns `gatehouse keys`: the keys that sign tokens, and sealing anew what an older SECRET_KEY sealed.

import { parseArgs } from 'node:util'
import { type KeyChange, replaceAll, rotate } from '../authorization-server/key-rotation.ts'
import { schedule } from '../authorization-server/key-schedule.ts'
import { sealedRecords } from '../authorization-server/sealed-records.ts'
import { keysNotNeeded } from '../ops/resealing.ts'
import type { Database } from '../storage/database.ts'
import { resealAll } from '../storage/resealing.ts'
import type { Keyring } from '../storage/sealing.ts'
import * as signingKeys from '../storage/signing-keys.ts'
import { type Opened, withDatabase } from './database.ts'
import { print, table } from './output.ts'
import { record } from './record.ts'
import type { Command } from './types.ts'

const OPTIONS = { now: { type: 'boolean' }, json: { type: 'boolean' } } as const

interface Answer {
  readonly value: unknown
  readonly lines: readonly string[]
}

type Action = (opened: Opened, now: boolean) => Promise<Answer>

const ACTIONS: Readonly<Record<string, Action>> = {
  list: async ({ db }) => listKeys(db, null),
  rotate: async ({ db, keyring }, now) => {
    const change = now ? await replaceAll(db, await keyring()) : await rotate(db, await keyring())
    await record(db, 'signing_keys.changed', { made: change.made, removed: change.removed })
    return await listKeys(db, change)
  },
  reseal: async ({ db, keyring }) => reseal(db, await keyring()),
}

export const keysCommand: Command = {
  summary: 'Show and rotate the keys that sign tokens',
  usage: `Usage: gatehouse keys list [--json]
       gatehouse keys rotate [--now] [--json]
       gatehouse keys reseal [--json]

list    which keys are published, which of them sign, and when they are removed.
rotate  publishes new keys, which sign from an hour later; the old ones are removed when no token of theirs is valid.
        With --now, for keys that may be in the wrong hands: new keys sign at once, the old ones are removed, and the
        access tokens that they signed are refused.
        Running replicas follow within seconds, without a restart.
reseal  seals what is stored again with the first key of SECRET_KEY, so that the others can be removed from it. The
        service does this by itself, in the background, when SECRET_KEY has several keys.

With the embedded database, stop the service first.`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
    })
    const [name = ''] = positionals
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
    if (!action || positionals.length > 1) {
      throw new Error('Say `gatehouse keys list`, `gatehouse keys rotate` or `gatehouse keys reseal`.')
    }
    if (values.now && name !== 'rotate') throw new Error('--now goes with `gatehouse keys rotate` only.')
    const { value, lines } = await withDatabase((opened) => action(opened, values.now === true))
    print(value, values.json, lines)
  },
}

async function listKeys(db: Database, change: KeyChange | null): Promise<Answer> {
  const keys = schedule(await signingKeys.list(db)).map(({ key, state, removedInSeconds }) => ({
    kid: key.kid,
    alg: key.alg,
    state,
    publishedAt: key.createdAt,
    signsFrom: key.signsFrom,
    removedAt: removedInSeconds === null ? null : later(key, removedInSeconds),
  }))
  const lines = table(
    keys.map(({ kid, alg, state, signsFrom, removedAt }) => [
      kid,
      alg,
      state,
      `signs from ${signsFrom.toISOString()}`,
      removedAt ? `removed after ${removedAt.toISOString()}` : '',
    ]),
  )
  if (change === null) return { value: keys, lines: keys.length > 0 ? lines : ['There are no keys yet.'] }
  const first =
    change.made.length > 0 ? `Made: ${change.made.join(', ')}` : 'The next keys were published before.'
  return { value: { ...change, keys }, lines: [first, ...lines] }
}

/** By the database's clock, as everything else here. */
function later({ signsFrom, signsInSeconds }: signingKeys.StoredSigningKey, seconds: number): Date {
  return new Date(signsFrom.getTime() + (seconds - signsInSeconds) * 1000)
}

async function reseal(db: Database, keyring: Keyring): Promise<Answer> {
  const done = await resealAll(db, keyring, sealedRecords)
  const notNeeded = keysNotNeeded(keyring)
  const lines = done.map(
    ({ name, resealed, unreadable }) =>
      `${name}: ${resealed} sealed again${unreadable > 0 ? `, ${unreadable} open with no key of SECRET_KEY` : ''}`,
  )
  const last =
    notNeeded.length > 0
      ? `What is stored needs only the first key of SECRET_KEY, not key ${notNeeded.join(', ')}.`
      : 'SECRET_KEY has one key.'
  return { value: { done, notNeeded }, lines: [...lines, last] }
}
