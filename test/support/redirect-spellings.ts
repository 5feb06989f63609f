// Owns the spellings of a redirect URI that somebody who wants the code would try, in the manner of the public open-redirect corpora.

const EVIL = 'evil.test'

interface Parts {
  /** With its colon: `https:`. */
  readonly scheme: string
  /** What is between scheme and host: `//`, or nothing. */
  readonly slashes: string
  readonly host: string
  /** With its colon, or nothing. */
  readonly port: string
  readonly path: string
  /** With its question mark, or nothing. */
  readonly query: string
}

const PARTS = /^([a-z][a-z0-9.+-]*:)(\/\/)?((?:\[[^\]]+\]|[^/:?]*)?)(:\d+)?([^?]*)(\?.*)?$/

/** Each differs from `registered` in more than the number of its port. */
export function spellingsOf(registered: string): readonly string[] {
  const [, scheme = '', slashes = '', host = '', port = '', path = '', query = ''] =
    PARTS.exec(registered) ?? []
  const parts: Parts = { scheme, slashes, host, port, path, query }
  const all = [
    ...SOMEWHERE_ELSE,
    ...ofScheme(parts),
    ...ofHost(parts),
    ...ofPort(parts),
    ...ofPath(parts),
    ...aroundIt(registered),
  ]
  return [...new Set(all)].filter((spelling) => spelling !== registered)
}

const SOMEWHERE_ELSE: readonly string[] = [
  ...[
    '',
    '/',
    '//',
    '///',
    '////',
    '/\\',
    '\\\\',
    '\\/',
    '/%09/',
    '/%5c',
    '//%5c',
    '/%2f',
    '%2f%2f',
    '.',
    '/.',
    '//;@',
  ].map((before) => `${before}${EVIL}`),
  ...[
    'https:',
    'https:/',
    'https:\\\\',
    'https:/\\',
    'https:///',
    'https:////',
    'https://%0a',
    'https://%00',
    'https://x@',
    'https://x:y@',
    '%68ttps://',
    'hTTps://',
    'http://',
    'ftp://',
    'ws://',
  ].map((before) => `${before}${EVIL}/cb`),
  'javascript:alert(1)',
  'javascript://app.test/%0aalert(1)',
  'JaVaScRiPt:alert(1)',
  'java\tscript:alert(1)',
  '\x01javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'data:text/html;base64,PHNjcmlwdD4=',
  'vbscript:msgbox(1)',
  'view-source:https://app.test/cb',
  'blob:https://app.test/cb',
  'file:///etc/passwd',
  'about:blank',
  'intent://app.test/cb#Intent;scheme=https;end',
  'urn:ietf:wg:oauth:2.0:oob',
  'urn:ietf:wg:oauth:2.0:oob:auto',
  'postmessage',
  'null',
  'undefined',
  '*',
  '%',
  '[]',
  '{}',
  '0',
]

function ofScheme({ scheme, slashes, host, port, path, query }: Parts): string[] {
  const rest = `${host}${port}${path}${query}`
  const schemes = [
    'https:',
    'http:',
    'cursor:',
    'com.example.app:',
    scheme.toUpperCase(),
    scheme.slice(0, -1),
    ` ${scheme}`,
    `x${scheme}`,
  ]
  return [
    ...schemes.filter((other) => other !== scheme).map((other) => `${other}${slashes}${rest}`),
    ...['', '/', '//', '///', '////', '\\\\', '/\\', '%2f%2f', '//\t', '//\n', '//@', '//:@', '// ']
      .filter((other) => other !== slashes)
      .map((other) => `${scheme}${other}${rest}`),
  ]
}

/** Of one host that is read as another. */
function ofHost({ scheme, slashes, host, port, path, query }: Parts): string[] {
  if (host === '') return []
  const hosts = [
    `${EVIL}`,
    `${host}.${EVIL}`,
    `${host}${EVIL}`,
    `${host}-${EVIL}`,
    `${EVIL}.${host}`,
    `x.${host}`,
    `*.${host}`,
    `${host}.`,
    `.${host}`,
    `${host}..`,
    `${host} `,
    `${host}%20`,
    `${host}%00.${EVIL}`,
    `${host}%2e${EVIL}`,
    `${host}\u3002${EVIL}`,
    `${host}\uff0e${EVIL}`,
    `${host}\uff0f.${EVIL}`,
    `${host}@${EVIL}`,
    `${host}%40${EVIL}`,
    `${host}:x@${EVIL}`,
    `${host}:443@${EVIL}`,
    `${host}%3a443@${EVIL}`,
    `${EVIL}@${host}`,
    `${EVIL}%40${host}`,
    `${EVIL}\\@${host}`,
    `${EVIL}#@${host}`,
    `${EVIL}?@${host}`,
    `${EVIL}/@${host}`,
    `${EVIL}%23@${host}`,
    `${EVIL}%2f@${host}`,
    `${EVIL}%5c@${host}`,
    `${EVIL};@${host}`,
    `${EVIL},${host}`,
    `${EVIL}&@${host}`,
    `${EVIL}\t@${host}`,
    `${EVIL}\r\n@${host}`,
    `${EVIL}\0@${host}`,
    `@${host}`,
    `:@${host}`,
    `user@${host}`,
    `user:password@${host}`,
    `[${host}]`,
    `${host}[.${EVIL}]`,
    `${host}\\.${EVIL}`,
    `${host}\\`,
    `${host};.${EVIL}`,
    `${host},${EVIL}`,
    `${host}|${EVIL}`,
    `${host}"${EVIL}`,
    `${host}<${EVIL}`,
    host.toUpperCase(),
    host.replace(/[a-z0-9]/, (first) => `%${first.charCodeAt(0).toString(16)}`),
    host.replace(/[a-z]/, (first) => String.fromCodePoint(first.charCodeAt(0) + 0xfee0)),
    host.replace('a', '\u0430'),
    host.replace('a', 'a\u00ad'),
    host.replace('.', '%2e'),
    host.replace('.', '\u3002'),
    ...OTHER_LOOPBACKS,
  ]
  return hosts
    .filter((other) => other !== host)
    .map((other) => `${scheme}${slashes}${other}${port}${path}${query}`)
}

const OTHER_LOOPBACKS: readonly string[] = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'localhost.localdomain',
  'x.localhost',
  '127.0.0.1',
  '127.0.0.1.',
  '127.0.0.2',
  '127.1',
  '127.0.1',
  '0127.0.0.1',
  '0x7f.0.0.1',
  '0x7f000001',
  '2130706433',
  '017700000001',
  '0.0.0.0',
  '0',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[0:0:0:0:0:0:0:1]',
  '[::1%25lo]',
  '\u2460\u2461\u2466.0.0.1',
  '127.0.0.1.nip.io',
]

/** Not with another number, which is a loopback client's to choose (RFC 8252 §7.3). */
function ofPort({ scheme, slashes, host, path, query }: Parts): string[] {
  if (host === '') return []
  const ports = [
    ':65536',
    ':99999',
    ':-1',
    ':+80',
    ':0x50',
    ':80x',
    ':8 0',
    ':%38%30',
    ':80:80',
    ':80@evil.test',
    ':80.evil.test',
    ':\u0661',
    ':1e3',
  ]
  return ports.map((port) => `${scheme}${slashes}${host}${port}${path}${query}`)
}

function ofPath({ scheme, slashes, host, port, path, query }: Parts): string[] {
  const [start, last] = [path.slice(0, path.lastIndexOf('/') + 1), path.slice(path.lastIndexOf('/') + 1)]
  const paths = [
    '',
    '/',
    `${path}/`,
    `${path}//`,
    `/${path}`,
    `//${EVIL}${path}`,
    `/\\${EVIL}${path}`,
    `${path}/x`,
    `${path}x`,
    `${path}.`,
    `${path}/.`,
    `${path}/..`,
    `${path}/../`,
    `${path}/../evil`,
    `${path}/../${last}`,
    `${path}/..;/evil`,
    `${path}/%2e%2e/evil`,
    `${path}/%2e%2e%2fevil`,
    `${path}/..%2fevil`,
    `${path}%2f..%2fevil`,
    `${path}/%252e%252e/evil`,
    `${path}/..%255cevil`,
    `${path}/..\\evil`,
    `${path}\\..\\evil`,
    `${path}/%c0%ae%c0%ae/evil`,
    `${start}./${last}`,
    `${start}x/../${last}`,
    `${start}x/%2e%2e/${last}`,
    `${start}/${last}`,
    `${start}%2f${last}`,
    `${start}${last.toUpperCase()}`,
    `${start}${last.replace(/^./, (first) => `%${first.charCodeAt(0).toString(16)}`)}`,
    `${start}${last.replace(/^./, (first) => `%25${first.charCodeAt(0).toString(16)}`)}`,
    `${path};x=1`,
    `${path};`,
    `${path}%00`,
    `${path}%00.png`,
    `${path}%20`,
    `${path} `,
    `${path}\t`,
    `${path}\n`,
    `${path}\r\nLocation: https://${EVIL}`,
    `${path}%0d%0aLocation:%20https://${EVIL}`,
    `${path}%0a`,
    `${path}%E5%98%8A%E5%98%8DLocation:x`,
    `${path}\u200b`,
    `${path}\u202e`,
    `${path}*`,
    `${path}@${EVIL}`,
    `@${EVIL}${path}`,
    `.${EVIL}${path}`,
    `:80@${EVIL}${path}`,
  ]
  return paths
    .filter((other) => other !== path)
    .map((other) => `${scheme}${slashes}${host}${port}${other}${query}`)
}

function aroundIt(registered: string): string[] {
  const joint = registered.includes('?') ? '&' : '?'
  return [
    ...[
      '?',
      '??',
      `${joint}x=1`,
      `${joint}code=stolen`,
      `${joint}redirect_uri=https://${EVIL}`,
      `${joint}next=//${EVIL}`,
      '#',
      '#x',
      `#@${EVIL}`,
      '%23',
      '%3f',
      '&',
      `&redirect_uri=https://${EVIL}`,
      ',',
      ';',
      '"',
      "'",
      '`',
      '>',
      '<script>',
      `,https://${EVIL}`,
      ` https://${EVIL}`,
      `\nhttps://${EVIL}`,
      '\0',
      '\u00a0',
      '\ufeff',
    ].map((after) => `${registered}${after}`),
    ...[
      ' ',
      '\t',
      '\n',
      '\0',
      '\ufeff',
      '"',
      '<',
      ',',
      './',
      '/',
      '//',
      `https://${EVIL}/?`,
      `https://${EVIL}#`,
      `https://${EVIL}/`,
      `//${EVIL}/`,
      'javascript:',
      'view-source:',
      'url=',
      'x:',
    ].map((before) => `${before}${registered}`),
    encodeURIComponent(registered),
    encodeURIComponent(encodeURIComponent(registered)),
    registered.toUpperCase(),
    registered.replaceAll('/', '\\'),
    registered.replaceAll('/', '\u2215'),
    registered.slice(0, -1),
    registered.slice(1),
    `${registered}${registered}`,
    JSON.stringify([registered]),
  ]
}
