// Owns the resources, the template, and the 2025-era subscriptions.

import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { PNG } from './samples.ts'

const TEXT = 'text/plain'

export function registerResources(server: McpServer): void {
  registerText(server, 'static-text', 'This is the content of the static text resource.')
  registerText(server, 'watched-resource', 'Somebody may be watching this.')
  const binary = { uri: 'test://static-binary', mimeType: 'image/png', blob: PNG }
  const picture = { description: 'A picture', mimeType: 'image/png' }
  server.registerResource('static-binary', binary.uri, picture, () => ({ contents: [binary] }))
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined })
  const data = { description: 'Data of an id', mimeType: 'application/json' }
  server.registerResource('template', template, data, (uri, { id }) => {
    const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })
    return { contents: [{ uri: uri.href, mimeType: 'application/json', text }] }
  })
}

function registerText(server: McpServer, name: string, text: string): void {
  const uri = `test://${name}`
  const contents = [{ uri, mimeType: TEXT, text }]
  server.registerResource(name, uri, { description: `Text: ${name}`, mimeType: TEXT }, () => ({ contents }))
}

export function offerSubscriptions(server: McpServer): void {
  server.server.setRequestHandler('resources/subscribe', () => ({}))
  server.server.setRequestHandler('resources/unsubscribe', () => ({}))
}
