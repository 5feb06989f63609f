// Owns the tests of the cookie that makes a browser a known one.

import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createKnownBrowsers, KNOWN_BROWSER_SECONDS } from '../../src/sign-in/known-browser.ts'

const key = randomBytes(32)

t.test('a browser is known to the accounts that signed in from it, and to no other', async (t) => {
  const browsers = createKnownBrowsers([key])
  const alice = browsers.remember(undefined, 'alice')
  const both = browsers.remember(alice, 'bob')
  t.type(browsers.recognise(alice, 'alice'), 'string')
  t.equal(browsers.recognise(alice, 'bob'), null)
  t.equal(browsers.recognise(both, 'alice'), browsers.recognise(both, 'bob'), 'one browser, two people')
  t.equal(browsers.recognise(undefined, 'alice'), null)
  t.equal(browsers.remember(both, 'bob').length, both.length, 'signing in again adds nothing')
})

t.test('a cookie that was made up or altered is nothing', async (t) => {
  const browsers = createKnownBrowsers([key])
  const cookie = browsers.remember(undefined, 'alice')
  const [id = '', proof = ''] = cookie.split('~')
  const forged = [
    id,
    `${id}~`,
    `${id}~${'A'.repeat(22)}`,
    `${'A'.repeat(22)}.${id.split('.')[1]}~${proof}`,
    `${id}0~${proof}`,
    createKnownBrowsers([randomBytes(32)]).remember(undefined, 'alice'),
    '',
    '~~~',
    'é'.repeat(5000),
  ]
  for (const value of forged) t.equal(browsers.recognise(value, 'alice'), null, value.slice(0, 60))
  t.type(browsers.recognise(cookie, 'alice'), 'string')
})

t.test('a browser is forgotten after half a year, and then gets a new identity', async (t) => {
  let now = Date.now()
  const browsers = createKnownBrowsers([key], () => now)
  const cookie = browsers.remember(undefined, 'alice')
  const id = browsers.recognise(cookie, 'alice')
  now += (KNOWN_BROWSER_SECONDS - 60) * 1000
  t.equal(browsers.recognise(cookie, 'alice'), id)
  now += 120 * 1000
  t.equal(browsers.recognise(cookie, 'alice'), null)
  const renewed = browsers.recognise(browsers.remember(cookie, 'alice'), 'alice')
  t.type(renewed, 'string')
  t.not(renewed, id)
})

t.test('cookies outlive a rotation of the key', async (t) => {
  const next = randomBytes(32)
  const cookie = createKnownBrowsers([key]).remember(undefined, 'alice')
  const rotated = createKnownBrowsers([next, key])
  t.type(rotated.recognise(cookie, 'alice'), 'string')
  t.type(createKnownBrowsers([next]).recognise(rotated.remember(cookie, 'alice'), 'alice'), 'string')
  t.equal(createKnownBrowsers([next]).recognise(cookie, 'alice'), null)
})

t.test('the cookie keeps the eight accounts that signed in last', async (t) => {
  const browsers = createKnownBrowsers([key])
  let cookie: string | undefined
  for (let n = 1; n <= 9; n++) cookie = browsers.remember(cookie, `person ${n}`)
  t.equal(browsers.recognise(cookie, 'person 1'), null)
  for (let n = 2; n <= 9; n++) t.type(browsers.recognise(cookie, `person ${n}`), 'string')
})
