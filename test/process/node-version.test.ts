// Owns what the launcher does on a Node.js that is too old: it takes the one that npm brought, or says in one line what to do.

import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import t, { type Test } from 'tap'
import { ROOT, type RunOptions, runGatehouse } from '../support/process.ts'

const OLD = oldNode()

t.comment(
  OLD.node ? `an old Node.js at ${OLD.node}` : 'no old Node.js here: a new one says that it is 20.0.0',
)

t.test('without a bundled one it says in one line what is missing', async (t) => {
  const launcher = await copyLauncher(t, { bundled: false })
  const { ended, stderr, stdout } = runGatehouse(t, ['help'], { ...OLD, launcher })

  t.match(await ended, { code: 1 })
  t.match(
    stderr(),
    /^Gatehouse needs Node\.js 24 or newer, and this is \d+\.[\d.]+\. Install it from \S+, or .+\n$/,
  )
  t.equal(stderr().split('\n').length, 2)
  t.equal(stdout(), '')
})

t.test('with a bundled one that is taken, arguments and exit code pass through', async (t) => {
  const launcher = await copyLauncher(t, { bundled: true })
  const help = runGatehouse(t, ['help'], { ...OLD, launcher })
  const wrong = runGatehouse(t, ['nonsense'], { ...OLD, launcher })

  t.match(await help.ended, { code: 0 })
  t.match(help.stdout(), 'gatehouse serve')
  t.match(await wrong.ended, { code: 1 })
  t.match(wrong.stderr(), 'There is no command `nonsense`')
})

t.test('a new enough one needs no bundled one', async (t) => {
  const launcher = await copyLauncher(t, { bundled: false })
  const { ended, stdout } = runGatehouse(t, ['help'], { launcher })

  t.match(await ended, { code: 0 })
  t.match(stdout(), 'gatehouse serve')
})

t.test('before `npm ci` it says to run that', async (t) => {
  const launcher = await copyLauncher(t, { modules: false })
  const { ended, stderr } = runGatehouse(t, ['help'], { launcher })

  t.match(await ended, { code: 1 })
  t.equal(stderr(), 'Gatehouse is not installed yet. Run `npm ci` first.\n')
})

/** A tree of its own around the launcher, in which every installed package is there but perhaps the bundled Node.js. */
async function copyLauncher(t: Test, { modules = true, bundled = false }): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'gatehouse-launcher-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  await cp(join(ROOT, 'package.json'), join(root, 'package.json'))
  await cp(join(ROOT, 'src'), join(root, 'src'), { recursive: true })
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

/** One that is installed on this machine; else the newest, which says that it is an old one. */
function oldNode(): Pick<RunOptions, 'node' | 'flags'> {
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
