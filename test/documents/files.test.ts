// Owns the promises of CONTRIBUTING.md about every file: it says first what it owns, and imports run one way.

import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { ROOT, readProject } from './project.ts'

const FILE = /\.(?:ts|js)$/
const SAYS_WHAT = /^(?:#!.*\n)?\/\/ Owns /
/** Of types as well: who has to read both files to understand one has one file. */
const IMPORTED = /(?:from|import\()\s*'(\.[^']+)'/g

const filesOf = (directory: string) =>
  readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && FILE.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))

function importsOf(file: string): readonly string[] {
  return [...readProject(file).matchAll(IMPORTED)].map(([, path = '']) => join(dirname(file), path))
}

/** The way from one file back to itself; null when there is none. */
function findCircle(imports: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>()
  const visit = (file: string, way: readonly string[]): readonly string[] | null => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return null
    for (const next of imports.get(file) ?? []) {
      const circle = visit(next, [...way, file])
      if (circle) return circle
    }
    done.add(file)
    return null
  }
  for (const file of imports.keys()) {
    const circle = visit(file, [])
    if (circle) return circle
  }
  return null
}

t.test('every file says in its first line what it owns', async (t) => {
  const files = ['src', 'test', 'migrations', 'deploy'].flatMap(filesOf)
  t.ok(files.length > 500)
  t.same(
    files.filter((file) => !SAYS_WHAT.test(readProject(file))),
    [],
  )
})

t.test('no file of the service imports itself through others', async (t) => {
  t.equal(findCircle(new Map(filesOf('src').map((file) => [file, importsOf(file)]))), null)
  t.same(
    findCircle(
      new Map([
        ['a', ['b']],
        ['b', ['c']],
        ['c', ['b']],
      ]),
    ),
    ['b', 'c', 'b'],
    'one is found',
  )
})
