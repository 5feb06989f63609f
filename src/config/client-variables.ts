// Owns the variables of which clients may become known, and for how long they stay so.

import { documentation } from './documentation.ts'
import { duration, listOf } from './values.ts'

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const DOMAIN = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`)
const SCHEME = /^[a-z][a-z0-9+.-]*:$/
const WEB_SCHEMES: readonly string[] = ['http:', 'https:']

const CLIENTS = 'Clients and tokens'

function parseDomain(text: string): string | undefined {
  const domain = text.toLowerCase()
  return DOMAIN.test(domain) ? domain : undefined
}

/** `app.example`, `*.app.example`, `localhost`, or a scheme such as `cursor:`. */
function parseRedirectHost(text: string): string | undefined {
  const host = text.toLowerCase()
  if (SCHEME.test(host)) return WEB_SCHEMES.includes(host) ? undefined : host
  return parseDomain(host.replace(/^\*\./, '')) === undefined ? undefined : host
}

export const clientVariables = {
  ALLOWED_REDIRECT_HOSTS: listOf(
    parseRedirectHost,
    'hosts such as claude.ai, *.example.com and localhost, or schemes such as cursor:, separated by commas',
  )
    .optional()
    .register(documentation, {
      group: CLIENTS,
      meaning:
        'The only places that the codes of clients may go to, whether they register or have a metadata document, separated by commas: `claude.ai` is that host, `*.example.com` every host below it, `localhost` this computer under any of its addresses, `cursor:` that scheme. Other redirect URIs of a client are left out, and a client that has none left is refused. Clients that are registered already, and those that an operator added, are not affected.',
      example: 'claude.ai,chatgpt.com,localhost,cursor:',
      fallback: 'all',
    }),
  ALLOWED_CLIENT_DOMAINS: listOf(
    parseDomain,
    'domains such as claude.ai, separated by commas; what is below them is included',
  )
    .optional()
    .register(documentation, {
      group: CLIENTS,
      meaning:
        'The only domains that client ID metadata documents may come from, with everything below them, separated by commas.',
      example: 'claude.ai,vscode.dev',
      fallback: 'all',
    }),
  CLIENT_UNUSED_TTL: duration('1h', '3650d').prefault('90d').register(documentation, {
    group: CLIENTS,
    meaning:
      'How long a client that registered itself is kept after its last use. Then it is told `invalid_client` and registers again. One that nobody ever used goes after a day.',
    example: '30d',
  }),
}
