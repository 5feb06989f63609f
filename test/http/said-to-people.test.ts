// Owns the proof that browsers and moments are called what people call them.

import t from 'tap'
import { browserName } from '../../src/http/browser-name.ts'
import { momentOf } from '../../src/http/moment.ts'

const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'

t.test('a browser is named with its system, anything else by its own words', async (t) => {
  const names: Readonly<Record<string, string>> = {
    [`Mozilla/5.0 (X11; Linux x86_64) ${CHROME}`]: 'Chrome on Linux',
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Edg/142.0.0.0`]: 'Edge on Windows',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 15.1; rv:145.0) Gecko/20100101 Firefox/145.0': 'Firefox on macOS',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1':
      'Safari on iPhone',
    [`Mozilla/5.0 (Linux; Android 16; Pixel 9) ${CHROME.replace('Safari', 'Mobile Safari')}`]:
      'Chrome on Android',
    'Television/7': 'Television/7',
    '': 'an unknown program',
    '\u202e': 'An app without a name',
  }
  for (const [userAgent, name] of Object.entries(names)) t.equal(browserName(userAgent), name)
  t.ok(browserName('x'.repeat(5000)).length <= 80)
})

t.test('a moment is said as people say it', async (t) => {
  const now = new Date('2026-03-12T12:00:00Z')
  const ago = (seconds: number) => momentOf(new Date(now.getTime() - seconds * 1000), now).text
  t.equal(ago(-30), 'just now', 'the clocks of two replicas may differ')
  t.equal(ago(59), 'just now')
  t.equal(ago(60), 'a minute ago')
  t.equal(ago(59 * 60), '59 minutes ago')
  t.equal(ago(60 * 60), 'an hour ago')
  t.equal(ago(23 * 60 * 60), '23 hours ago')
  t.equal(ago(24 * 60 * 60), 'a day ago')
  t.equal(ago(30 * 24 * 60 * 60), '30 days ago')
  t.equal(ago(40 * 24 * 60 * 60), '31 January 2026')
  t.equal(momentOf(now, now).iso, '2026-03-12T12:00:00.000Z')
})
