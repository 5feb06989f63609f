// Owns the text of docs/configuration.md: prose around tables that come out of the schema.

import { UPSTREAMS_SECTION } from './docs-upstreams.ts'
import { type Documentation, GROUPS } from './documentation.ts'
import { type DocumentedVariable, documentedVariables } from './documented-variables.ts'
import { ConfigError } from './problem.ts'

const HEAD = `<!-- Generated from src/config by \`npm run docs:config\`. Edit the schema, not this file. -->

# Configuration

Nothing has to be set: \`npm start\` on a fresh clone runs with an embedded database, generated secrets and a demo upstream.
Everything below changes that, one environment variable at a time.

For a service that other people use, set these first:

| | |
|---|---|
| \`PUBLIC_URL\` | the \`https:\` origin under which people and clients reach it |
| \`DATABASE_URL\` and \`SECRET_KEY\` | PostgreSQL, and the key for what is sealed in it |
| \`UPSTREAMS\` | the MCP servers behind it |
| \`TRUST_PROXY\` | the reverse proxy in front of it, if there is one |

## How variables are read

- **From the environment**, and below it from a file called \`.env\` in the working directory. Where both set a variable, the
  environment wins. [\`.env.example\`](../.env.example) is a template.
- **From files.** Every variable \`X\` may be given as \`X_FILE\` instead: the path of a file (1 MiB at most) whose content is the
  value, without the newline at its end. That is how secrets of Docker and Kubernetes are meant to be passed. To set both \`X\`
  and \`X_FILE\` is a mistake.
- **From flags.** \`gatehouse serve --host --port --log-level\` win over \`HOST\`, \`PORT\` and \`LOG_LEVEL\`.
- A variable that is empty counts as not set.
- **Durations** are a whole number and a unit: \`90s\`, \`10m\`, \`12h\`, \`30d\`, \`2w\`. **Sizes** likewise: \`512kb\`, \`10mb\`, \`1gb\`
  (powers of 1024). **Switches** are \`true\` or \`false\`. **Lists** are separated by commas.
- **Secret** variables are never repeated when something is wrong with them.
- **Reserved** variables are accepted and checked today, and take effect in a later version.`

const MISTAKES = `## When something is wrong

Gatehouse does not start with a configuration it does not understand. It names every problem at once, and never repeats the
value of a secret:

\`\`\`text
${exampleMistakes()}
\`\`\`

Names beginning with \`UPSTREAM_\`, \`UPSTREAMS_\`, \`SIGN_IN_\` and \`TRUSTED_ISSUER_\` are ours: one that is not in the tables above is reported as
misspelled. (The variables that Kubernetes sets for every service, such as \`UPSTREAM_NOTES_SERVICE_HOST\`, are left alone.)
Other variables of the environment are ignored.
`

function exampleMistakes(): string {
  const problems = [
    {
      variable: 'ACCESS_TOKEN_TTL',
      expected: 'a duration from 1s to 1d: a whole number followed by s, m, h, d or w',
      got: '"10 minutes"',
    },
    { variable: 'SECRET_KEY', expected: 'a value, because DATABASE_URL is set', got: 'nothing' },
    {
      variable: 'UPSTREAMS_FILE',
      at: 'notes.url',
      expected: 'an http or https URL without user and fragment, or a command or openapi in its place',
      got: 'nothing',
    },
  ]
  return new ConfigError(problems).message
}

/** What follows the table of a group. */
const AFTER: Partial<Record<Documentation['group'], string>> = { Upstreams: UPSTREAMS_SECTION }

export function renderConfigurationPage(): string {
  const variables = documentedVariables()
  const groups = GROUPS.flatMap((group) => {
    const members = variables.filter((variable) => variable.group === group)
    return [`## ${group}`, renderTable(members), AFTER[group] ?? []].flat()
  })
  return [HEAD, ...groups, MISTAKES].join('\n\n')
}

function renderTable(variables: readonly DocumentedVariable[]): string {
  const rows = variables.map((variable) =>
    [code(variable.name), defaultOf(variable), meaningOf(variable), exampleOf(variable)]
      .map(cell)
      .join(' | '),
  )
  return ['variable | default | meaning | example', '--- | --- | --- | ---', ...rows]
    .map((row) => `| ${row} |`)
    .join('\n')
}

function defaultOf({ constant, fallback }: DocumentedVariable): string {
  return constant === null ? (fallback ?? 'none') : code(constant)
}

function exampleOf({ example }: DocumentedVariable): string {
  return example === null ? 'a long random text' : code(example)
}

function meaningOf({ meaning, secret, reserved }: DocumentedVariable): string {
  return [meaning, ...(secret ? ['**Secret.**'] : []), ...(reserved ? ['**Reserved.**'] : [])].join(' ')
}

function code(text: string): string {
  return `\`${text}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
