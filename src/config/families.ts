// Owns the variables whose names hold a name: UPSTREAM_<NAME>_…, SIGN_IN_<NAME>_… and TRUSTED_ISSUER_<NAME>_….

import * as z from 'zod'
import { type Documentation, documentation } from './documentation.ts'

const upstream = (meaning: string, example: string | null, secret?: true) =>
  z.string().register(documentation, described('Upstreams', meaning, example, secret))

const signIn = (meaning: string, example: string | null, secret?: true) =>
  z.string().register(documentation, {
    ...described('Signing in elsewhere', meaning, example, secret),
    reserved: true,
  })

const trustedIssuer = (meaning: string, example: string) =>
  z.string().register(documentation, described('Access managed by an identity provider', meaning, example))

function described(
  group: Documentation['group'],
  meaning: string,
  example: string | null,
  secret?: true,
): Documentation {
  return { group, meaning, example, ...(secret && { secret }) }
}

export const families = {
  UPSTREAM: z.object({
    URL: upstream('Where the upstream `<NAME>` answers.', 'http://notes:3000/mcp', true),
    URLS: upstream(
      'Instead of one URL several, as JSON: places where the same upstream answers, which share the work.',
      '["http://notes-1:3000/mcp", "http://notes-2:3000/mcp"]',
      true,
    ),
    TYPE: upstream('`sse` for an upstream of 2024-11-05 (HTTP+SSE).', 'sse'),
    COMMAND: upstream('Instead of a URL: the program that is the upstream (stdio).', 'npx'),
    ARGS: upstream('The arguments of the program, as JSON.', '["-y", "a-server@1.0.0"]', true),
    ENV: upstream('Variables of the program, as JSON.', '{"API_KEY": "a-long-random-text"}', true),
    CWD: upstream('The directory in which the program runs.', '/srv/notes'),
    SHARED: upstream(
      '`true`: the program keeps nothing of a person, so one process serves everybody.',
      'true',
    ),
    OPENAPI: upstream(
      'Instead of a URL: the OpenAPI document of an HTTP API, as a path or a URL. `UPSTREAM_<NAME>_URL` then says where the API is, if the document is wrong about it.',
      'https://shop.example.com/openapi.json',
    ),
    OPERATIONS: upstream(
      'Which operations of the API become tools, as JSON. `*` stands for any characters, `!` in front leaves out.',
      '["GET /pets/*", "!listStaff"]',
    ),
    WRITES: upstream('`true`: also operations that change something become tools.', 'true'),
    TITLE: upstream('What people read on the consent page. Without it, the name.', 'Team notes'),
    DESCRIPTION: upstream('One sentence more about it.', 'What the team wrote down'),
    HEADERS: upstream(
      'Headers that every request to this upstream carries, as JSON.',
      '{"Authorization": "Bearer a-long-random-text"}',
      true,
    ),
    SCOPES: upstream(
      'Finer scopes, each for some of its tools, as JSON. `*` stands for any characters.',
      '{"issues": ["create_issue", "*_comment"]}',
    ),
    LIMITS: upstream(
      'How much it takes, as JSON; see below.',
      '{"calls": 50, "perPerson": {"rate": "60/m"}}',
    ),
    HOLD_NEW_TOOLS: upstream(
      '`true`: tools that appear, or become destructive, after a person agreed wait until that person agrees again.',
      'true',
    ),
  }),
  SIGN_IN: z.object({
    ISSUER: signIn(
      'The issuer of an external identity provider (OpenID Connect), exactly as its discovery document says. `SIGN_IN_GITHUB_…` and `SIGN_IN_GITLAB_…` need none.',
      'https://id.example.com',
    ),
    CLIENT_ID: signIn('The client ID that the provider gave to Gatehouse.', 'gatehouse'),
    CLIENT_SECRET: signIn('The client secret that belongs to it.', null, true),
  }),
  TRUSTED_ISSUER: z.object({
    ISSUER: trustedIssuer(
      "The issuer of an identity provider whose assertions (ID-JAG) stand for a person's consent, exactly as `iss` says it. Whoever holds its keys can act here as any person it may speak for.",
      'https://id.example.com',
    ),
    JWKS_URI: trustedIssuer(
      'Where its public keys are. They are fetched when an assertion comes, and again when one is signed with a new key.',
      'https://id.example.com/keys',
    ),
    EMAIL_DOMAINS: trustedIssuer(
      'The domains of the email addresses it may speak for, separated by commas. Without it, every address, also that of an administrator.',
      'example.com,example.org',
    ),
    CREATE_USERS: trustedIssuer(
      'Whether a person who has no account here gets one, as a member without a password. Without it, only people who are here already.',
      'true',
    ),
  }),
}

export type Family = keyof typeof families

export interface Member {
  readonly family: Family
  /** As written: `MY_NOTES` in `UPSTREAM_MY_NOTES_URL`. */
  readonly entry: string
  /** `URL` */
  readonly field: string
}

/** Null: the name belongs to no family, or is a misspelled member of one. */
export function memberOf(variable: string): Member | null {
  const family = familyOf(variable)
  if (family === null) return null
  const rest = variable.slice(family.length + 1)
  const field = fieldsOf(family).find((name) => rest.endsWith(`_${name}`) && rest.length > name.length + 1)
  return field === undefined ? null : { family, entry: rest.slice(0, -field.length - 1), field }
}

/** `MY_NOTES` becomes `my-notes`. */
export function entryName(entry: string): string {
  return entry.toLowerCase().replaceAll('_', '-')
}

/** What was meant by a variable that looks like ours and is none; null when it is somebody else's. */
export function expectedInstead(variable: string, value: string): string | null {
  if (isServiceLink(variable, value)) return null
  if (variable.startsWith('UPSTREAMS_')) return 'UPSTREAMS, UPSTREAMS_FILE or UPSTREAMS_ENV'
  const family = familyOf(variable)
  if (family === null) return null
  const names = fieldsOf(family).map((field) => `${family}_<NAME>_${field}`)
  return `one of ${names.join(', ')} (each also with _FILE)`
}

function familyOf(variable: string): Family | null {
  if (variable.startsWith('UPSTREAM_')) return 'UPSTREAM'
  if (variable.startsWith('TRUSTED_ISSUER_')) return 'TRUSTED_ISSUER'
  return variable.startsWith('SIGN_IN_') ? 'SIGN_IN' : null
}

function fieldsOf(family: Family): readonly string[] {
  return Object.keys(families[family].shape)
}

/** Kubernetes sets such variables for every service, so a service called `upstream-notes` must not be a mistake. */
function isServiceLink(variable: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_\w+)?)$/.test(variable)) return true
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable)) return true
  return variable.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value)
}
