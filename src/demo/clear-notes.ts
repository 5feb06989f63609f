// Owns the destructive tool of the demo upstream: it asks the person first, wherever the client can ask.

import {
  acceptedContent,
  type CallToolResult,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Notebook } from './notebook.ts'
import { text } from './tools.ts'

const CONFIRMATION = z.object({ confirm: z.boolean().meta({ title: 'Yes, delete every note' }) })

export function registerClearNotes(server: McpServer, notebook: Notebook): void {
  server.registerTool(
    'clear_notes',
    {
      title: 'Delete every note',
      description: 'Deletes every note in the demo notebook. Asks for confirmation where the client can ask.',
      annotations: {
        title: 'Delete every note',
        readOnlyHint: false,
        destructiveHint: true,
        idempotentHint: true,
        openWorldHint: false,
      },
    },
    (ctx) => (canAsk(server) ? clearWhenConfirmed(notebook, ctx) : cleared(notebook)),
  )
}

/**
 * One handler for both eras: the input_required result reaches a 2026-07-28 client as it is, and the library turns it
 * into an elicitation/create request of the session for an older one.
 */
function clearWhenConfirmed(notebook: Notebook, ctx: ServerContext): CallToolResult | InputRequiredResult {
  const answer = inputResponse(ctx.mcpReq.inputResponses, 'confirm')
  if (answer.kind !== 'elicit') return askFirst(notebook)
  const confirmed = acceptedContent(ctx.mcpReq.inputResponses, 'confirm', CONFIRMATION)?.confirm === true
  return confirmed ? cleared(notebook) : text('Nothing was deleted.')
}

function askFirst(notebook: Notebook): InputRequiredResult {
  const message = `Delete ${counted(notebook.list().length)}? This cannot be undone.`
  return inputRequired({
    inputRequests: { confirm: inputRequired.elicit({ message, requestedSchema: CONFIRMATION }) },
  })
}

function cleared(notebook: Notebook): CallToolResult {
  return text(`Deleted ${counted(notebook.clear())}.`)
}

function counted(notes: number): string {
  return notes === 1 ? '1 note' : `${notes} notes`
}

/** An empty elicitation capability means forms; one that names only URLs cannot show one. */
function canAsk(server: McpServer): boolean {
  // In both eras: of the session's initialize, or of this very request.
  const elicitation = server.server.getClientCapabilities()?.elicitation
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined)
}
