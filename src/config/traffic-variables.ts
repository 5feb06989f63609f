// Owns the variables of what passes through: upstreams, clients and their tokens, the network around.

import * as z from 'zod'
import { documentation } from './documentation.ts'
import { parseBrowserOrigin } from './origins.ts'
import { parseTrustProxy } from './proxies.ts'
import { duration, listOf, oneOf, parsed, sizeOrOff, urlOf } from './values.ts'

/** RFC 6750 §2.1: what a bearer token may consist of. */
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]{16,512}=*$/

const UPSTREAMS = 'Upstreams'
const POLICY = 'Policy'
const CLIENTS = 'Clients and tokens'
const NETWORK = 'The network around it'

export const trafficVariables = {
  UPSTREAMS: z.string().optional().register(documentation, {
    group: UPSTREAMS,
    meaning:
      'The MCP servers behind the gateway, as JSON in the form that MCP clients use; as `UPSTREAMS_FILE`, a file with it.',
    example: '{"mcpServers": {"notes": {"url": "http://notes:3000/mcp"}}}',
    fallback: 'the demo upstream',
    secret: true,
  }),
  UPSTREAMS_ENV: listOf(
    (name) => (/^[A-Za-z_]\w*$/.test(name) ? name : undefined),
    'names of environment variables, separated by commas',
  )
    .default([])
    .register(documentation, {
      group: UPSTREAMS,
      meaning: `Names of the variables that a header of an upstream may refer to as \`\${env:NAME}\`, separated by commas. Nothing else of the environment can be reached from there.`,
      example: 'NOTES_TOKEN,TICKETS_TOKEN',
    }),
  POLICY: z.string().optional().register(documentation, {
    group: POLICY,
    meaning:
      'Rules about who may use which tools, prompts and resources, beyond what people agree to, as JSON; as `POLICY_FILE`, a file with it, which is followed while the service runs. [policy.md](policy.md) says how they are written. Addresses of people may be in it, and nothing secret.',
    example: '{"rules": [{"tools": ["delete_*"], "effect": "deny"}]}',
    fallback: 'what people agree to is all that counts',
  }),

  REGISTRATION: oneOf(['open', 'cimd', 'dcr', 'token', 'off']).prefault('open').register(documentation, {
    group: CLIENTS,
    meaning:
      'How a client becomes known. `open`: client ID metadata documents, and registration (RFC 7591) for everybody. `cimd`: client ID metadata documents only. `dcr`: registration only, for a Gatehouse that cannot fetch documents from the internet. `token`: registration needs an initial access token, from `gatehouse client token create` or one of the `INITIAL_ACCESS_TOKENS`. `off`: only clients that an operator added.',
    example: 'cimd',
  }),
  INITIAL_ACCESS_TOKENS: listOf(
    (token) => (BEARER_TOKEN.test(token) ? token : undefined),
    'tokens of 16 characters or more (letters, digits and -._~+/=), separated by commas',
  )
    .optional()
    .register(documentation, {
      group: CLIENTS,
      meaning:
        'Tokens that open registration for any number of clients when `REGISTRATION=token`, separated by commas. Those made with `gatehouse client token create` have a name, an end, and a number of uses.',
      example: null,
      secret: true,
    }),
  ACCESS_TOKEN_TTL: duration('1s', '1d').prefault('10m').register(documentation, {
    group: CLIENTS,
    meaning: 'How long an access token is good for.',
    example: '5m',
  }),
  REFRESH_TOKEN_TTL: duration('1s', '365d').prefault('30d').register(documentation, {
    group: CLIENTS,
    meaning: 'How long a refresh token is good for.',
    example: '14d',
  }),

  TRUST_PROXY: parsed(
    parseTrustProxy,
    'off, on, a number of proxies, or addresses and ranges such as 10.0.0.0/8, separated by commas',
  )
    .prefault('off')
    .register(documentation, {
      group: NETWORK,
      meaning:
        'Whose `X-Forwarded-*` headers are believed. `off`: nobody’s. A number: so many proxies in front of Gatehouse. Addresses and CIDR ranges, separated by commas (`loopback`, `linklocal` and `uniquelocal` stand for theirs): those proxies. `on`: everybody’s, which is safe only where nobody can reach Gatehouse past the proxy.',
      example: '10.0.0.0/8,loopback',
    }),
  ALLOWED_ORIGINS: listOf(
    parseBrowserOrigin,
    'origins such as https://app.example.com, separated by commas; * and null are not origins',
  )
    .default([])
    .register(documentation, {
      group: NETWORK,
      meaning:
        'Origins of browser apps that may call `/mcp`, separated by commas, besides our own and those of this machine. Clients that are not a web page send no origin and need nothing here.',
      example: 'https://inspector.example.com,https://chat.example.com',
    }),
  ANSWER_CACHE: sizeOrOff('64kb', '4gb').prefault('32mb').register(documentation, {
    group: NETWORK,
    meaning:
      'How much memory each process uses to give answers again that an upstream of 2026-07-28 lets be kept: lists, its description and resources that it marks with `ttlMs`, for everybody where it marks them `public`, otherwise for the same person and app. Dropped when the upstream says that they have changed. `off`: every request goes to the upstream.',
    example: 'off',
  }),
  REDIS_URL: urlOf(['redis:', 'rediss:'], 'a Redis URL, such as redis://host:6379')
    .optional()
    .register(documentation, {
      group: NETWORK,
      meaning: 'Redis for rate limits shared by many replicas; without it the database holds them.',
      example: 'redis://redis:6379',
      secret: true,
      reserved: true,
    }),
}
