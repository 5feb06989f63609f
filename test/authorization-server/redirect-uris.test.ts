// Owns the table of redirect URIs: which are registered, which are left out, which fail the registration.

import t from 'tap'
import {
  formActionSource,
  isLoopbackRedirect,
  isNativeRedirect,
  judgeRedirectUri,
  KNOWN_SCHEMES,
  redirectHost,
} from '../../src/authorization-server/redirect-uris.ts'
import { DOCUMENT_CLIENTS, REGISTERING_CLIENTS } from '../support/real-clients.ts'

const ACCEPTED = [
  'https://app.test/cb',
  'https://app.test',
  'https://app.test/',
  'https://APP.test/cb',
  'https://app.test:443/cb',
  'https://app.test:8443/cb?tenant=1&next=%2Fhome',
  'https://app.test/cb/..hidden/...',
  'https://xn--clude-2of.ai/cb',
  'https://intranet/cb',
  'https://my_app.test/cb',
  'https://192.168.1.10/cb',
  'https://[2001:db8::1]/cb',
  'https://localhost:3000/cb',
  'http://localhost/callback',
  'http://localhost:3118/callback',
  'http://localhost',
  'http://127.0.0.1/',
  'http://127.0.0.1:33418/',
  'http://[::1]:8080/oauth_callback',
  'com.example.app:/oauth2redirect',
  'com.example.app://oauth/callback',
  ...KNOWN_SCHEMES.map((scheme) => `${scheme}://oauth/callback`),
  ...[...REGISTERING_CLIENTS, ...DOCUMENT_CLIENTS].map(({ redirectUri }) => redirectUri),
]

const UNKNOWN = ['myapp://oauth/callback', 'raycast:oauth', 'opera://settings', 'ms+x:oauth']

const REFUSED: readonly (readonly [unknown, RegExp])[] = [
  // What it is
  [undefined, /must be a string/],
  [7, /must be a string/],
  [['https://app.test/cb'], /must be a string/],
  ['', /must have only the characters/],
  ['/cb', /absolute/],
  ['app.test/cb', /absolute/],
  ['//app.test/cb', /absolute/],
  ['https://', /absolute/],
  [`https://app.test/${'a'.repeat(2000)}`, /longer than 2000/],
  // Plain http off loopback
  ['http://evil.test/cb', /must use https/],
  ['http://localhost.evil.test/cb', /must use https/],
  ['http://127.0.0.2/cb', /must use https/],
  ['http://192.168.1.10/cb', /must use https/],
  ['http://[::2]/cb', /must use https/],
  // Userinfo and hosts that read differently
  ['https://claude.ai@evil.test/cb', /user name/],
  ['https://claude.ai:pw@evil.test/cb', /user name/],
  ['http://localhost:80@evil.test/cb', /user name/],
  ['cursor://claude.ai@host/cb', /user name/],
  ['https://@evil.test/cb', /spell its host/],
  ['https:evil.test/cb', /spell its host/],
  ['https:/evil.test/cb', /spell its host/],
  ['https:///evil.test/cb', /spell its host/],
  ['https://app.test%2eevil.test/cb', /spell its host/],
  ['https://app.test./cb', /spell its host/],
  ['http://localhost./cb', /spell its host/],
  ['https://a;b.test/cb', /spell its host/],
  ['https://2130706433/cb', /spell its host/],
  ['http://2130706433/cb', /spell its host/],
  ['http://0x7f.1/cb', /spell its host/],
  ['http://127.1/cb', /spell its host/],
  ['https://app.test:/cb', /spell its host/],
  ['https://app.test:99999/cb', /absolute/],
  ['https://app.test%40evil.test/cb', /absolute/],
  ['https://evil.test\\@app.test/cb', /characters/],
  ['https://app.test\\evil.test/cb', /characters/],
  // Another script
  ['https://cl\u0430ude.ai/cb', /xn--/],
  ['https://app.test/c\u0430llback', /characters/],
  ['https://app.test\uff0fcb', /characters/],
  // Control characters, spaces, quotes
  ['https://a.test/cb\r\nSet-Cookie: x=1', /characters/],
  ['https://a.test/cb\n', /characters/],
  [' https://a.test/cb', /characters/],
  ['https://a.test/c b', /characters/],
  ['https://a.test/cb\t', /characters/],
  ['https://a.test/cb\0', /characters/],
  ['https://a.test/cb\u007f', /characters/],
  ['https://a.test/cb"onload=x', /characters/],
  ['https://a.test/<cb>', /characters/],
  ['https://a.test/{cb}', /characters/],
  ['https://a.test/cb%0d%0aSet-Cookie:x=1', /characters/],
  ['https://a.test/cb%00', /characters/],
  ['https://a.test/cb%1F', /characters/],
  ['https://a.test/cb%7f', /characters/],
  // Fragments, wildcards, dot segments
  ['https://a.test/cb#', /fragment/],
  ['https://a.test/cb#x', /fragment/],
  ['cursor://oauth/callback#x', /fragment/],
  ['https://*.a.test/cb', /wildcard/],
  ['https://a.test/*', /wildcard/],
  ['http://localhost:*/callback', /absolute/],
  ['https://a.test/cb/../evil', /dot segments/],
  ['https://a.test/cb/%2e%2E/evil', /dot segments/],
  ['https://a.test/./cb', /dot segments/],
  ['https://a.test/cb/..', /dot segments/],
  // Schemes that a browser runs or opens itself
  ...[
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'javascript://app.test/%250aalert(1)',
    'data:text/html,x',
    'vbscript:x',
    'blob:https://app.test/1',
    'file:///etc/passwd',
    'filesystem:https://app.test/1',
    'about:blank',
    'view-source:https://app.test/',
    'ms-officecmd:x',
    'ms-settings:x',
    'microsoft-edge:https://app.test/',
    'search-ms:query=x',
    'intent://app.test/cb',
    'jar:https://app.test/x',
    'ws://app.test/cb',
    'wss://app.test/cb',
    'ftp://app.test/cb',
    'mailto:me@app.test',
    'tel:1',
    'chrome://settings',
    'chrome-extension://abc/cb',
    'moz-extension://abc/cb',
    'vnd.youtube:x',
  ].map((uri) => [uri, /must not use a scheme|user name/] as const),
  ['JaVa\tScript:alert(1)', /characters/],
  ['CURSOR://oauth/callback', /lower case/],
]

for (const uri of ACCEPTED) {
  t.test(`accepted: ${uri}`, async (t) => t.same(judgeRedirectUri(uri), { kind: 'accepted' }))
}

for (const uri of UNKNOWN) {
  t.test(`left out: ${uri}`, async (t) => t.same(judgeRedirectUri(uri), { kind: 'unknown' }))
}

for (const [uri, reason] of REFUSED) {
  t.test(`refused: ${JSON.stringify(uri)?.slice(0, 60)}`, async (t) => {
    const verdict = judgeRedirectUri(uri)
    t.match(verdict, { kind: 'refused', reason })
  })
}

t.test('the longest URI is accepted, one character more is not', async (t) => {
  const longest = `https://app.test/${'a'.repeat(2000 - 'https://app.test/'.length)}`
  t.equal(judgeRedirectUri(longest).kind, 'accepted')
  t.equal(judgeRedirectUri(`${longest}a`).kind, 'refused')
})

t.test('the schemes are configurable, the dangerous ones are not', async (t) => {
  t.equal(judgeRedirectUri('myapp://cb', ['myapp']).kind, 'accepted')
  t.equal(judgeRedirectUri('cursor://cb', ['myapp']).kind, 'unknown')
  t.equal(judgeRedirectUri('com.example.app:/cb', []).kind, 'accepted')
  t.equal(judgeRedirectUri('javascript:alert(1)', ['javascript']).kind, 'refused')
})

/** uri; its host for people; is it loopback; is it native; its form-action source. */
const DESCRIBED: readonly (readonly [string, string, boolean, boolean, string])[] = [
  ['https://claude.ai/api/mcp/auth_callback', 'claude.ai', false, false, 'https://claude.ai'],
  ['https://APP.test:8443/cb', 'app.test:8443', false, false, 'https://app.test:8443'],
  ['https://app.test:443/cb', 'app.test', false, false, 'https://app.test'],
  ['https://xn--clude-2of.ai/cb', 'xn--clude-2of.ai', false, false, 'https://xn--clude-2of.ai'],
  ['https://my_app.test/cb', 'my_app.test', false, false, 'https:'],
  ['https://[2001:db8::1]/cb', '[2001:db8::1]', false, false, 'https:'],
  ['https://localhost:3000/cb', 'localhost', true, false, 'https://localhost:3000'],
  ['http://localhost:54321/callback', 'localhost', true, true, 'http://localhost:54321'],
  ['http://127.0.0.1:33418/', '127.0.0.1', true, true, 'http://127.0.0.1:33418'],
  ['http://[::1]:8080/cb', '[::1]', true, true, 'http:'],
  ['cursor://anysphere.cursor-mcp/oauth/callback', 'cursor:', false, true, 'cursor:'],
  ['com.example.app:/cb', 'com.example.app:', false, true, 'com.example.app:'],
  ['vscode://localhost/cb', 'vscode:', false, true, 'vscode:'],
  ["https://a;script-src'self'.test/cb", "a;script-src'self'.test", false, false, 'https:'],
  ['not a uri', '', false, false, ''],
]

for (const [uri, host, loopback, native, source] of DESCRIBED) {
  t.test(`what is said of ${uri}`, async (t) => {
    t.equal(redirectHost(uri), host)
    t.equal(isLoopbackRedirect(uri), loopback)
    t.equal(isNativeRedirect(uri), native)
    t.equal(formActionSource(uri), source)
  })
}
