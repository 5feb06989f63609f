// Owns the tools that make the server's lists change, so that subscribers hear of it.

import type { McpServer, ServerNotifier } from '@modelcontextprotocol/server'
import { text } from './asking-tools.ts'

export function registerChangeTools(server: McpServer, notify: () => ServerNotifier): void {
  server.registerTool('test_trigger_tool_change', { description: 'Announces a changed tool list' }, () => {
    notify().toolsChanged()
    server.sendToolListChanged()
    return text('Announced.')
  })
  server.registerTool(
    'test_trigger_prompt_change',
    { description: 'Announces a changed prompt list' },
    () => {
      notify().promptsChanged()
      server.sendPromptListChanged()
      return text('Announced.')
    },
  )
}
