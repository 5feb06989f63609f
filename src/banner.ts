// Owns the lines that a person sees first: what to open, and what to give to a client.

import type { Config } from './config/config.ts'

export interface FirstSteps {
  /** The addresses for clients. */
  readonly endpoints: readonly { readonly title: string; readonly url: string }[]
  /** Opens the page that makes the first administrator; null when there is one. */
  readonly setupLink: string | null
  readonly usesDemo: boolean
}

export function banner(config: Config, { endpoints, setupLink, usesDemo }: FirstSteps): string {
  const rows: [label: string, value: string][] = [
    ['Open', config.publicUrl],
    ...(setupLink ? [['First, set up', setupLink] satisfies [string, string]] : []),
    ...endpoints.map(({ title, url }): [string, string] => [
      endpoints.length > 1 ? `MCP: ${title}` : 'MCP address',
      url,
    ]),
    [
      'Database',
      config.database.kind === 'embedded' ? `embedded, in ${config.database.directory}` : 'PostgreSQL',
    ],
  ]
  const width = Math.max(...rows.map(([label]) => label.length))
  const lines = rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`)
  return `\n  Gatehouse is ready.\n\n${lines.join('\n')}\n${hints(usesDemo, config)}\n`
}

function hints(usesDemo: boolean, config: Config): string {
  const demo = usesDemo
    ? '\n  The MCP address leads to a small demo server. Set UPSTREAMS to put your own there.\n'
    : ''
  const insecure = config.insecureHttp
    ? '\n  Warning: PUBLIC_URL is plain http. Tokens and passwords can be read on the way.\n'
    : ''
  return demo + insecure
}
