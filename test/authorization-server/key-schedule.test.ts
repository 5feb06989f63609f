// Owns the table of a signing key's life.

import t from 'tap'
import {
  dueKeys,
  KEY_SET_MAX_AGE_SECONDS,
  LONGEST_TOKEN_SECONDS,
  outlivedKeys,
  PUBLISHED_AHEAD_SECONDS,
  schedule,
} from '../../src/authorization-server/key-schedule.ts'
import { ConfigError, loadConfig } from '../../src/config/config.ts'

const HOUR = 60 * 60
const DAY = 24 * HOUR
const ROTATION = 90 * DAY
const RSA = key('rsa', -1, 'RS256')

function key(kid: string, signsInSeconds: number, alg = 'ES256') {
  return { kid, alg, signsInSeconds }
}

const states = (...keys: ReturnType<typeof key>[]) => schedule(keys).map(({ key, state }) => [key.kid, state])

t.test('a key is next, then signs, then is retired, as time goes by', async (t) => {
  const at = (now: number) => states(key('one', -10 * DAY - now), key('two', HOUR - now))
  t.same(at(0), [
    ['one', 'signing'],
    ['two', 'next'],
  ])
  t.same(at(HOUR), [
    ['two', 'signing'],
    ['one', 'retired'],
  ])
})

t.test('each algorithm has a key that signs, and those that sign come first', async (t) => {
  t.same(states(key('next', HOUR), key('old', -2 * DAY), RSA, key('now', -DAY)), [
    ['now', 'signing'],
    ['rsa', 'signing'],
    ['next', 'next'],
    ['old', 'retired'],
  ])
})

t.test('where every key is still to come, the earliest signs all the same', async (t) => {
  t.same(states(key('later', 2 * HOUR), key('soon', HOUR)), [
    ['soon', 'signing'],
    ['later', 'next'],
  ])
})

t.test('a key is removed when no token of its can be valid, and not a moment before', async (t) => {
  const removed = (sinceTakenOver: number) =>
    outlivedKeys([key('old', -DAY * 9), key('new', -sinceTakenOver)])
  t.same(removed(LONGEST_TOKEN_SECONDS), [], 'a replica may have noticed late')
  t.same(removed(LONGEST_TOKEN_SECONDS + 9 * 60), [])
  t.same(removed(LONGEST_TOKEN_SECONDS + 10 * 60), ['old'])
  t.same(outlivedKeys([key('only', -900 * DAY)]), [], 'one that signs is never removed')
})

t.test('the first key of an algorithm signs at once', async (t) => {
  t.same(dueKeys([], ROTATION), [
    { alg: 'ES256', signsInSeconds: 0 },
    { alg: 'RS256', signsInSeconds: 0 },
  ])
  t.same(dueKeys([RSA], null), [{ alg: 'ES256', signsInSeconds: 0 }])
})

t.test('a new key is due an hour before its time, once, and never when rotation is off', async (t) => {
  const due = (age: number, rotation: number | null = ROTATION, ...others: ReturnType<typeof key>[]) =>
    dueKeys([RSA, key('one', -age), ...others], rotation)
  const one = [{ alg: 'ES256', signsInSeconds: PUBLISHED_AHEAD_SECONDS }]
  t.same(due(ROTATION - HOUR - 1), [])
  t.same(due(ROTATION - HOUR), one)
  t.same(due(3 * ROTATION), one, 'after a long stop it is published ahead as well')
  t.same(due(ROTATION, ROTATION, key('two', HOUR)), [], 'one is waiting')
  t.same(due(3 * ROTATION, null), [])
})

t.test(
  'what is published ahead outlasts every copy of the key set, and the overlap every token',
  async (t) => {
    t.ok(PUBLISHED_AHEAD_SECONDS > 2 * KEY_SET_MAX_AGE_SECONDS)
    t.equal(loadConfig({ ACCESS_TOKEN_TTL: '1d' }).accessTokenTtlSeconds, LONGEST_TOKEN_SECONDS)
    t.throws(() => loadConfig({ ACCESS_TOKEN_TTL: `${LONGEST_TOKEN_SECONDS + 1}s` }), ConfigError)
  },
)

t.test('SIGNING_KEY_ROTATION is a duration, or off', async (t) => {
  t.equal(loadConfig({}).signingKeyRotationSeconds, ROTATION)
  t.equal(loadConfig({ SIGNING_KEY_ROTATION: '30d' }).signingKeyRotationSeconds, 30 * DAY)
  t.equal(loadConfig({ SIGNING_KEY_ROTATION: 'off' }).signingKeyRotationSeconds, null)
  t.throws(() => loadConfig({ SIGNING_KEY_ROTATION: '1h' }), ConfigError)
})
