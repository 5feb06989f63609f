// Owns the text of .env.example: every variable, commented out, ready to be copied.

import { GROUPS } from './documentation.ts'
import { type DocumentedVariable, documentedVariables } from './documented-variables.ts'

const LINE_WIDTH = 100

const HEAD = `# Gatehouse reads a file called .env in its working directory; the real environment wins over it.
# Nothing in it is required. Each variable may also be given as <VARIABLE>_FILE, the path of a file with the value.
# docs/configuration.md says more. Both files are generated from the schema: npm run docs:config`

export function renderEnvExample(): string {
  const variables = documentedVariables()
  const groups = GROUPS.map((group) => {
    const members = variables.filter((variable) => variable.group === group)
    return [`# --- ${group} ---`, ...members.map(renderVariable)].join('\n\n')
  })
  return `${[HEAD, ...groups].join('\n\n\n')}\n`
}

function renderVariable({
  exampleName,
  meaning,
  constant,
  fallback,
  example,
  reserved,
}: DocumentedVariable): string {
  const notes = [
    meaning,
    ...(fallback === undefined ? [] : [`Default: ${fallback}.`]),
    ...(reserved ? ['Reserved: checked now, used by a later version.'] : []),
  ]
  const text = notes.join(' ').replaceAll('`', '')
  return [
    ...wrap(text).map((line) => `# ${line}`),
    `# ${exampleName}=${quoted(constant ?? example ?? '')}`,
  ].join('\n')
}

function wrap(text: string): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= LINE_WIDTH) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

/** Single quotes keep everything as it is, for Node and for Docker Compose. */
function quoted(value: string): string {
  return /[\s#"'$]/.test(value) ? `'${value}'` : value
}
