// Owns a copy of the launcher that a test can take things away from, and an old Node.js to run it with.

import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Teardown } from './database.ts'
import { ROOT, type StartOptions } from './process.ts'

/** One that is installed on this machine; else the newest, which says that it is an old one. */
export const OLD_NODE = oldNode()

/** A tree of its own around the launcher, in which every installed package is there but perhaps the bundled Node.js. */
export async function copyLauncher(t: Teardown, { modules = true, bundled = false }): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'gatehouse-launcher-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  await cp(join(ROOT, 'package.json'), join(root, 'package.json'))
  for (const directory of ['src', 'migrations', 'views'])
    await cp(join(ROOT, directory), join(root, directory), { recursive: true })
  if (!modules) return join(root, 'src/cli/gatehouse.js')
  await mkdir(join(root, 'node_modules'))
  await linkModules(root)
  if (bundled) {
    const bin = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
    await mkdir(bin, { recursive: true })
    await symlink(process.execPath, join(bin, 'node'))
  }
  return join(root, 'src/cli/gatehouse.js')
}

async function linkModules(root: string): Promise<void> {
  for (const name of await readdir(join(ROOT, 'node_modules')))
    if (!/^node-\w+-\w+$/.test(name) && !name.startsWith('.'))
      await symlink(join(ROOT, 'node_modules', name), join(root, 'node_modules', name))
}

function oldNode(): Pick<StartOptions, 'node' | 'flags'> {
  const directories = (process.env.PATH ?? '').split(delimiter)
  const found = directories.map((directory) => join(directory, 'node')).find(isOld)
  if (found !== undefined) return { node: found }
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } })`
  return { flags: ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`] }
}

function isOld(node: string): boolean {
  try {
    return Number.parseInt(execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10) < 24
  } catch {
    return false
  }
}
