// Owns the quick tools of the demo upstream: a greeting, a sum, and the notes that can be listed and added to.

import type { CallToolResult, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { MAX_NOTE_LENGTH, MAX_NOTES, type Notebook } from './notebook.ts'

const READ_ONLY = { readOnlyHint: true, openWorldHint: false }

const HELLO = z.object({ name: z.string().max(100).default('world').describe('Who to greet') })
const ADDENDS = z.object({ a: z.number().describe('First number'), b: z.number().describe('Second number') })
const SUM = z.object({ sum: z.number() })
const NOTE = z.object({ text: z.string().min(1).max(MAX_NOTE_LENGTH).describe('What to remember') })
const NOTES = z.object({
  notes: z.array(z.object({ id: z.number(), text: z.string(), writtenAt: z.string() })),
})

export function text(value: string, isError = false): CallToolResult {
  return { content: [{ type: 'text', text: value }], ...(isError && { isError }) }
}

export function registerHello(server: McpServer): void {
  server.registerTool(
    'hello',
    {
      title: 'Say hello',
      description: 'Greets somebody by name.',
      inputSchema: HELLO,
      annotations: { ...READ_ONLY, title: 'Say hello', idempotentHint: true },
    },
    ({ name }) => text(`Hello, ${name}!`),
  )
}

export function registerAddNumbers(server: McpServer): void {
  server.registerTool(
    'add_numbers',
    {
      title: 'Add two numbers',
      description: 'Returns the sum of two numbers, as text and as structured content.',
      inputSchema: ADDENDS,
      outputSchema: SUM,
      annotations: { ...READ_ONLY, title: 'Add two numbers', idempotentHint: true },
    },
    ({ a, b }) => ({ ...text(`${a + b}`), structuredContent: { sum: a + b } }),
  )
}

export function registerListNotes(server: McpServer, notebook: Notebook): void {
  server.registerTool(
    'list_notes',
    {
      title: 'List the notes',
      description: 'Lists every note in the demo notebook.',
      outputSchema: NOTES,
      annotations: { ...READ_ONLY, title: 'List the notes' },
    },
    () => {
      const notes = notebook.list()
      const lines = notes.map((note) => `${note.id}. ${note.text}`)
      return { ...text(lines.join('\n') || 'There are no notes yet.'), structuredContent: { notes } }
    },
  )
}

export function registerAddNote(server: McpServer, notebook: Notebook): void {
  server.registerTool(
    'add_note',
    {
      title: 'Add a note',
      description: 'Writes a note into the demo notebook, which everyone who uses this server shares.',
      inputSchema: NOTE,
      annotations: {
        title: 'Add a note',
        readOnlyHint: false,
        destructiveHint: false,
        idempotentHint: false,
        openWorldHint: false,
      },
    },
    (input) => {
      const note = notebook.add(input.text)
      if (note === null) return text(`The notebook is full (${MAX_NOTES} notes). Clear it first.`, true)
      return text(`Added note ${note.id}.`)
    },
  )
}
