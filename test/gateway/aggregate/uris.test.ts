// Owns the table of URIs in the aggregate: whose each is can be read from it, and nothing of it is lost.

import t from 'tap'
import { ownUris, readUri, shownUri } from '../../../src/gateway/aggregate/uris.ts'

const URIS = [
  'file:///project/src/main.rs',
  'https://example.com/a?b=c&d=%20#e',
  'note://1',
  'urn:isbn:0451450523',
  'git+ssh://host/repo',
  'mcp+notes+note://1',
  'ui://notes/view.html',
  'ui://view',
  'test://template/{id}/data',
  '{+uri}',
  'odd uri with spaces',
  '',
]

t.test('a URI says whose it is and comes back byte for byte, also as a template', async (t) => {
  t.equal(shownUri('notes', 'file:///a/{path}'), 'mcp+notes+file:///a/{path}')
  for (const upstream of ['notes', 'notes-2', '7'])
    for (const uri of URIS) t.same(readUri(shownUri(upstream, uri)), { upstream, uri })
})

t.test('the same URI of two upstreams is two', async (t) => {
  const shown = ['a', 'b', 'a-b'].flatMap((upstream) => URIS.map((uri) => shownUri(upstream, uri)))
  t.equal(new Set(shown).size, shown.length)
})

t.test('hosts of MCP Apps find the scheme they look for', async (t) => {
  t.equal(shownUri('notes', 'ui://view.html'), 'ui://notes/view.html')
})

t.test('what can be parsed stays what it is when a client parses it', async (t) => {
  for (const uri of ['file:///project/a.txt', 'note://1', 'https://example.com/a?b=c']) {
    const shown = shownUri('notes', uri)
    t.equal(new URL(shown).href, shown)
  }
})

t.test('other URIs are nobody’s', async (t) => {
  for (const uri of [
    'file:///a',
    'mcp+notes',
    'mcp+NOTES+x:y',
    'mcp++x:y',
    'MCP+notes+x:y',
    'ui://notes',
    ' mcp+a+b:c',
  ])
    t.equal(readUri(uri), null, uri)
})

t.test(
  'a link that was shown to a client comes back to its upstream as it was, also as an argument',
  async (t) => {
    const given = {
      uri: 'mcp+notes+note://1',
      list: ['mcp+notes+note://2', { deep: 'mcp+notes+note://3' }],
      foreign: 'mcp+tickets+ticket://1',
      text: 'see mcp+notes+note://1',
      number: 1,
      nothing: null,
    }
    t.same(ownUris('notes', given), {
      uri: 'note://1',
      list: ['note://2', { deep: 'note://3' }],
      foreign: 'mcp+tickets+ticket://1',
      text: 'see mcp+notes+note://1',
      number: 1,
      nothing: null,
    })
  },
)
