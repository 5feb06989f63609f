// Owns the table of what people see of text that others wrote (CO-07, DC-04, DC-07).

import t from 'tap'
import { displayDuration, displayHost, displayName, escapeHtml, NAME_LIMIT } from '../../src/http/display.ts'

/** A test's name must not hold what TAP takes for a line break. */
function inAscii(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
}

t.test('a name is shown without what cannot be seen', (t) => {
  const names = [
    ['Claude Code', 'Claude Code'],
    ['Notizbuch für Ärzte', 'Notizbuch für Ärzte'],
    ['工具', '工具'],
    ['Claude\u202e\u2066', 'Claude'],
    ['Cl\u200ba\u200du\ufeffd\u00ade', 'Claude'],
    ['Claude\u0000\u001b[31m', 'Claude[31m'],
    ['Claude\r\n\t  Code', 'Claude Code'],
    ['Claude\u2028Code', 'ClaudeCode'],
    ['\u3164\u115f\u2800\u{e0041}', 'An app without a name'],
    ['   ', 'An app without a name'],
    ['Z\u0300\u0301\u0302\u0303\u0304', 'Z\u0300\u0301'],
    ['lone \ud800 surrogate', 'lone surrogate'],
  ] as const
  for (const [given, shown] of names) t.equal(displayName(given), shown, inAscii(given))
  t.end()
})

t.test('a long name is cut, a name of exactly the limit is not', (t) => {
  t.equal(displayName('x'.repeat(40_000)), `${'x'.repeat(NAME_LIMIT - 1)}…`)
  t.equal(displayName('x'.repeat(NAME_LIMIT)), 'x'.repeat(NAME_LIMIT))
  t.end()
})

t.test('a host is shown in its ASCII form', (t) => {
  const hosts = [
    ['claude.ai', 'claude.ai'],
    ['cl\u0430ude.ai', 'xn--clude-5ve.ai'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['localhost', 'localhost'],
    ['127.0.0.1:3118', '127.0.0.1:3118'],
    ['[::1]', '[::1]'],
    ['cursor://anysphere.cursor-mcp', 'cursor://anysphere.cursor-mcp'],
    ['claude.ai/@evil.test', 'claude.ai/@evil.test'],
    ['claude.ai@evil.test', 'claude.ai@evil.test'],
    ['claude.ai\u202e', 'claude.ai'],
  ] as const
  for (const [given, shown] of hosts) t.equal(displayHost(given), shown, inAscii(given))
  t.end()
})

t.test('a value enters a view as text', (t) => {
  t.equal(
    escapeHtml(`<b title="x" id='y'>&</b>`),
    '&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;&lt;/b&gt;',
  )
  t.equal(escapeHtml('safe\u202eeman'), 'safeeman')
  t.equal(escapeHtml(7), '7')
  t.end()
})

t.test('a duration is rounded up', (t) => {
  const durations = [
    [0.2, 'a second'],
    [44.1, '45 seconds'],
    [60, 'a minute'],
    [61, '2 minutes'],
  ] as const
  for (const [seconds, shown] of durations) t.equal(displayDuration(seconds), shown)
  t.end()
})
