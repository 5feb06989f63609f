// Owns the resources and the prompt of the demo upstream, and the 2025-era subscriptions to them.

import { completable, type McpServer, ResourceNotFoundError } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Notebook } from './notebook.ts'

const ABOUT_URI = 'demo://about'
export const NOTES_URI = 'demo://notes'

const ABOUT = `# Demo server

A small MCP server to try a client with. It greets, adds, counts down with progress, and keeps a notebook in memory.
The notebook is shared by everyone who uses this server and is empty again after a restart.
`

const LENGTHS = ['one sentence', 'one paragraph', 'a list']

const SUMMARY = z.object({
  length: completable(z.string().describe('How long the summary should be'), (typed) =>
    LENGTHS.filter((length) => length.startsWith(typed)),
  ),
})

export function registerResources(server: McpServer, notebook: Notebook): void {
  server.registerResource(
    'about',
    ABOUT_URI,
    { title: 'About this server', description: 'What the demo server offers', mimeType: 'text/markdown' },
    () => ({ contents: [{ uri: ABOUT_URI, mimeType: 'text/markdown', text: ABOUT }] }),
  )
  server.registerResource(
    'notes',
    NOTES_URI,
    { title: 'The notebook', description: 'Every note, as JSON', mimeType: 'application/json' },
    () => ({
      contents: [{ uri: NOTES_URI, mimeType: 'application/json', text: JSON.stringify(notebook.list()) }],
    }),
  )
}

export function registerPrompt(server: McpServer, notebook: Notebook): void {
  server.registerPrompt(
    'summarize_notes',
    { title: 'Summarize the notes', description: 'Asks for a summary of the notebook', argsSchema: SUMMARY },
    ({ length }) => {
      const notes = notebook.list().map((note) => `- ${note.text}`)
      const request = `Summarize these notes in ${length}:\n${notes.join('\n') || '(no notes yet)'}`
      return { messages: [{ role: 'user', content: { type: 'text', text: request } }] }
    },
  )
}

/** 2025 era only: 2026-07-28 has subscriptions/listen instead, which the endpoint serves. */
export function offerSubscriptions(server: McpServer, notebook: Notebook): void {
  const protocol = server.server
  let watched = false
  protocol.setRequestHandler('resources/subscribe', ({ params }) => {
    if (params.uri !== NOTES_URI) throw new ResourceNotFoundError(params.uri)
    watched = true
    return {}
  })
  protocol.setRequestHandler('resources/unsubscribe', ({ params }) => {
    if (params.uri === NOTES_URI) watched = false
    return {}
  })
  protocol.onclose = notebook.onChange(() => {
    // A client that is just leaving misses the update; there is nobody to tell.
    if (watched) protocol.sendResourceUpdated({ uri: NOTES_URI }).catch(() => undefined)
  })
}
