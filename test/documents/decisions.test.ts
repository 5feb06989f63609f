// Owns the promise that the decision records are complete, short, and true about the dependencies.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { manifest, ROOT, readProject } from './project.ts'

const DEPENDENCIES = '0001-dependencies.md'
const LONGEST_RECORD = 40
const ROW = /^\| `([^`]+)` \| ([\w.-]+) \| (.+) \| (.+) \|$/gm

const records = readdirSync(join(ROOT, 'docs/decisions')).filter((name) => /^\d{4}-.*\.md$/.test(name))

/** Name and version of every row of the dependency tables. */
function documentedVersions(): Record<string, string> {
  const rows = readProject(`docs/decisions/${DEPENDENCIES}`).matchAll(ROW)
  return Object.fromEntries([...rows].map(([, name = '', version = '']) => [name, version]))
}

t.test('every dependency is in record 0001 with its version, and no other is', async (t) => {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  t.same(documentedVersions(), { ...dependencies, ...devDependencies, ...optionalDependencies })
})

t.test('every dependency is pinned to one version', async (t) => {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  for (const [name, version] of Object.entries({
    ...dependencies,
    ...devDependencies,
    ...optionalDependencies,
  })) {
    t.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name)
  }
})

t.test('the records are numbered without gaps, and listed', async (t) => {
  const list = readProject('docs/decisions/README.md')
  for (const [index, name] of records.entries()) {
    const number = String(index + 1).padStart(4, '0')
    t.equal(name.slice(0, 4), number)
    t.ok(list.includes(`| [${number}](${name}) |`), `README.md lists ${name}`)
  }
})

t.test('each record says its number, context, decision and consequences, in a few lines', async (t) => {
  for (const name of records) {
    const text = readProject(`docs/decisions/${name}`)
    const headings = [...text.matchAll(/^#{1,2} (.+)$/gm)].map(([, heading]) => heading)
    t.match(headings[0], new RegExp(`^${name.slice(0, 4)}: `), name)
    t.same(headings.slice(1), ['Context', 'Decision', 'Consequences'], name)
    if (name !== DEPENDENCIES) t.ok(text.split('\n').length <= LONGEST_RECORD, `${name} is short`)
  }
})
