// Owns the tools whose input schemas must reach the client word for word.

import { fromJsonSchema, type McpServer } from '@modelcontextprotocol/server'
import { text } from './asking-tools.ts'

// As entries, because an object with a `then` looks like a promise.
const CONDITION = Object.fromEntries([
  ['if', { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] }],
  ['then', { required: ['phone'] }],
  ['else', { required: ['email'] }],
])

/** SEP-1613 and SEP-2106: the whole vocabulary of JSON Schema 2020-12 survives. */
const CONTACT = fromJsonSchema({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  ...CONDITION,
  additionalProperties: false,
})

// Unknown to the type of a JSON Schema, so it is no literal there.
const MIRRORED = { type: 'string', 'x-mcp-header': 'Region' } as const

/** SEP-2243: `region` travels in a header as well, Mcp-Param-Region. */
const REGION = fromJsonSchema<{ region?: string }>({
  type: 'object',
  properties: { region: MIRRORED, level: { type: 'integer' } },
})

export function registerSchemaTools(server: McpServer): void {
  const contact = { description: 'Takes a contact', inputSchema: CONTACT }
  server.registerTool('json_schema_2020_12_tool', contact, (input) => text(JSON.stringify(input)))
  const region = { description: 'Takes a region, which is mirrored in a header', inputSchema: REGION }
  server.registerTool('test_x_mcp_header', region, (input) => text(`region=${input.region ?? 'none'}`))
}
