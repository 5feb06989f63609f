// Owns the table of which links a person is sent to again in one call.

import t from 'tap'
import { createOpenedLinks } from '../../../src/gateway/bridge/legacy/opened-links.ts'
import type { Question } from '../../../src/gateway/bridge/legacy/questions.ts'

const link = (url: string, more: object = {}): Question => ({
  key: 'link',
  method: 'elicitation/create',
  params: { mode: 'url', message: 'Sign in.', url, elicitationId: 'e1', ...more },
})
const FIRST = link('https://example.com/a?attempt=1')
const OPENED = { link: { action: 'accept' } }

t.test('a link that was opened is waited for, whatever its query is, and another one is asked', (t) => {
  const links = createOpenedLinks()
  t.same(links.unopened([FIRST]), [FIRST])
  links.remember([FIRST], OPENED)
  t.same(links.unopened([link('https://example.com/a?attempt=2')]), [])
  for (const other of [
    link('https://example.com/b'),
    link('https://example.org/a'),
    link('https://example.com/a', { message: 'Pay.' }),
    { ...FIRST, key: 'other' },
  ])
    t.same(links.unopened([other]), [other])
  t.same(links.wait([FIRST]), OPENED)
  t.end()
})

t.test('a link that was declined, and a form, are asked again', (t) => {
  const links = createOpenedLinks()
  const form = { ...FIRST, params: { mode: 'form', message: 'Name?' } }
  links.remember([FIRST], { link: { action: 'decline' } })
  links.remember([form], OPENED)
  t.same(links.unopened([FIRST, form]), [FIRST, form])
  t.end()
})

t.test('it is done, once, when it was waited for and is not asked for any more', (t) => {
  const links = createOpenedLinks()
  links.remember([FIRST], OPENED)
  t.same(links.done([]), [], 'whoever did not wait has nothing to tell')
  links.wait([FIRST])
  t.same(links.done([FIRST]), [])
  t.same(links.done([]), ['e1'])
  t.same(links.done([]), [])
  t.end()
})

t.test('nobody is waited for longer than three minutes', (t) => {
  let now = 0
  const links = createOpenedLinks(() => now)
  links.remember([FIRST], OPENED)
  now = 179_000
  t.same(links.wait([FIRST]), OPENED)
  now = 181_000
  t.equal(links.wait([FIRST]), null)
  t.end()
})
