// Owns the proof that MCP Apps work through the aggregate: what a tool names as its view is read there, byte for byte.

import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import { clientAt, demoAt, serverAt, setTown } from './town.ts'

const UI = 'io.modelcontextprotocol/ui'
const MIME_TYPE = 'text/html;profile=mcp-app'

function boardOf(name: string) {
  return (server: McpServer) => {
    server.server.registerCapabilities({ extensions: { [UI]: {} } })
    const view = 'ui://board/view.html'
    server.registerResource('view', view, { mimeType: MIME_TYPE }, () => ({
      contents: [
        {
          uri: view,
          mimeType: MIME_TYPE,
          text: `<p>${name}</p>`,
          _meta: { ui: { csp: { connectDomains: ['https://a.example'] } } },
        },
      ],
    }))
    const _meta = { ui: { resourceUri: view, visibility: ['model', 'app'] }, 'ui/resourceUri': view }
    server.registerTool('show', { _meta }, () => ({ content: [], structuredContent: { board: name } }))
  }
}

t.test(
  'the view of a tool is the one of its own server, whichever else has a view of that name',
  async (t) => {
    const town = await setTown(t, [
      await serverAt(t, 'notes', boardOf('notes')),
      await serverAt(t, 'mail', boardOf('mail')),
      await demoAt(t, 'home'),
    ])
    const modern = await clientAt(t, town)
    t.ok(modern.getServerCapabilities()?.extensions?.[UI], 'the extension is offered')
    const legacy = new ClientV1({ name: 'v1', version: '1' })
    const requestInit = { headers: { authorization: `Bearer ${await town.pass()}` } }
    const connectable: { connect(transport: object): Promise<void> } = legacy
    await connectable.connect(new TransportV1(new URL('/mcp', town.origin), { requestInit }))
    t.teardown(() => legacy.close())

    for (const client of [modern, legacy]) {
      const { tools } = await client.listTools()
      const { resources } = await client.listResources()
      for (const name of ['notes', 'mail']) {
        const meta = tools.find((tool) => tool.name === `${name}_show`)?._meta
        const uri = `ui://${name}/board/view.html`
        t.strictSame(meta, {
          ui: { resourceUri: uri, visibility: ['model', 'app'] },
          'ui/resourceUri': uri,
        })
        t.ok(
          resources.some((resource) => resource.uri === uri),
          'it is listed under the same name',
        )
        const { contents } = await client.readResource({ uri })
        t.match(contents, [
          {
            uri,
            mimeType: MIME_TYPE,
            text: `<p>${name}</p>`,
            _meta: { ui: { csp: { connectDomains: ['https://a.example'] } } },
          },
        ])
        const called = await client.callTool({ name: `${name}_show`, arguments: {} })
        t.match(called, { structuredContent: { board: name } })
      }
      await t.rejects(client.readResource({ uri: 'ui://nobody/board/view.html' }))
    }
  },
)
