// Owns the promise that the table of rooms in CONTRIBUTING.md says what the linter enforces.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { ROOT, readProject } from './project.ts'

const ROW = /^\| `([\w-]+)\/` \| .+ \| (.+) \|$/gm

const PATTERNS = z.array(z.object({ group: z.array(z.string()) }))
const RULES = z.object({
  style: z.object({ noRestrictedImports: z.object({ options: z.object({ patterns: PATTERNS }) }) }),
})
const BIOME = z.object({
  overrides: z.array(z.object({ includes: z.array(z.string()), linter: z.object({ rules: z.unknown() }) })),
})

/** Per room, what the linter lets it import: rooms, and single files of others. */
function enforced(): ReadonlyMap<string, readonly string[]> {
  const groups = new Map(
    BIOME.parse(JSON.parse(readProject('biome.json'))).overrides.flatMap(({ includes, linter }) => {
      const room = /^src\/([\w-]+)\/\*\*$/.exec(includes[0] ?? '')?.[1]
      const rules = RULES.safeParse(linter.rules)
      if (room === undefined || !rules.success) return []
      return [[room, rules.data.style.noRestrictedImports.options.patterns.map(({ group }) => group)]]
    }),
  )
  return new Map(
    [...groups].map(([room, refused]) => [room, allowedBeside(room, refused, [...groups.keys()])]),
  )
}

function allowedBeside(
  room: string,
  refused: readonly (readonly string[])[],
  rooms: readonly string[],
): readonly string[] {
  const others = rooms.filter((other) => other !== room)
  const whole = others.filter((other) => !refused.some(([group]) => group === `../${other}/**`))
  const files = refused.flat().filter((pattern) => pattern.startsWith('!../'))
  return [...whole.map((other) => `${other}/`), ...files.map((pattern) => pattern.slice(4))].sort()
}

function documented(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...readProject('CONTRIBUTING.md').matchAll(ROW)].map(([, room = '', imports = '']) => [
      room,
      [...imports.matchAll(/`([\w/.-]+)`/g)].map(([, name = '']) => name).sort(),
    ]),
  )
}

const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

t.test('every room is in the table, and nothing else is', async (t) => {
  t.same([...documented().keys()].sort(), rooms.sort())
})

t.test('a room may import what the table says', async (t) => {
  const [table, linter] = [documented(), enforced()]
  for (const room of rooms.filter((name) => name !== 'cli')) t.same(table.get(room), linter.get(room), room)
  t.ok(linter.get('gateway')?.includes('upstreams/registry.ts'), 'the comparison sees exceptions')
})
