// Owns the promise that docker-compose.yml holds together: every reference leads somewhere, every variable is known.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadConfig, loadSecrets } from '../../src/config/config.ts'
import { isOurs } from '../../src/config/given.ts'
import { dockerStages, textsOf } from './image-files.ts'
import { ROOT, readProject } from './project.ts'

const SECONDS = /^(\d+)s$/
const INTERPOLATION = /\$\{(\w+):-((?:[^{}]|\$\{[^{}]*\})*)\}/g

const HEALTHCHECK = z.strictObject({
  test: z.array(z.string()).min(2).optional(),
  interval: z.string().regex(SECONDS).optional(),
  timeout: z.string().regex(SECONDS).optional(),
  retries: z.int().positive().optional(),
  disable: z.literal(true).optional(),
})

const SERVICE = z.looseObject({
  build: z.literal('.').optional(),
  image: z.string().optional(),
  entrypoint: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: HEALTHCHECK.optional(),
  restart: z.string().optional(),
  stop_grace_period: z.string().regex(SECONDS).optional(),
})

const COMPOSE = z.object({
  services: z.record(z.string(), SERVICE),
  volumes: z.record(z.string(), z.unknown()),
})

const { services, volumes } = COMPOSE.parse(parse(readProject('docker-compose.yml')))
const { gatehouse } = services

/** `${NAME:-default}` without NAME in the environment: the default, which may have another one inside. */
function withDefaults(text: string): string {
  const once = text.replaceAll(INTERPOLATION, (_all, _name, fallback: string) => fallback)
  return once === text ? text : withDefaults(once)
}

t.test('every service is an image or is built here, and its programs exist', async (t) => {
  for (const [name, { build, image, entrypoint = [] }] of Object.entries(services)) {
    t.ok((build === undefined) !== (image === undefined), name)
    for (const file of entrypoint.filter((part) => /\.(ts|js)$/.test(part)))
      t.ok(existsSync(join(ROOT, file)), `${name}: ${file}`)
  }
})

t.test('every dependency exists and can become what is waited for', async (t) => {
  for (const [name, { depends_on }] of Object.entries(services)) {
    for (const [other, { condition }] of Object.entries(depends_on)) {
      const found = services[other]
      t.ok(found, `${name} waits for ${other}`)
      if (condition === 'service_healthy') t.ok(found?.healthcheck?.test, `${other} is looked after`)
      if (condition === 'service_completed_successfully') t.notOk(found?.restart, `${other} ends`)
    }
  }
})

t.test('every volume is declared, and every declared one is used', async (t) => {
  const used = Object.values(services).flatMap((service) =>
    service.volumes.map((mount) => mount.split(':')[0] ?? ''),
  )
  t.same([...new Set(used)].sort(), Object.keys(volumes).sort())
})

t.test('only the gateway is reachable from outside, on the port that the image exposes', async (t) => {
  const published = Object.entries(services).filter(([, { ports }]) => ports.length > 0)
  t.same(
    published.map(([name]) => name),
    ['gatehouse'],
  )
  const exposed = textsOf(dockerStages().at(-1) ?? { base: '', instructions: [] }, 'EXPOSE')
  t.same(
    gatehouse?.ports.map((port) => withDefaults(port)),
    [`8080:${exposed[0]}`],
  )
})

t.test('every variable of the gateway is one of ours, and the service would start with them', async (t) => {
  for (const name of Object.keys(gatehouse?.environment ?? {})) t.ok(isOurs(name), name)
  const files = t.testdir({
    url: 'postgres://gatehouse:password@postgres:5432/gatehouse',
    'secret-key': 'k'.repeat(43),
  })
  const env = Object.fromEntries(
    Object.entries(gatehouse?.environment ?? {}).map(([name, value]) => [
      name,
      name.endsWith('_FILE') ? join(files, value.split('/').at(-1) ?? '') : withDefaults(value),
    ]),
  )
  const config = loadConfig(env)
  t.equal(config.publicUrl, 'http://localhost:8080')
  t.equal(config.database.kind, 'postgres')
  t.match(config.upstreams, [{ name: 'demo', url: 'http://demo:3000/mcp' }])
  t.same((await loadSecrets(env, config)).secretKeys, ['k'.repeat(43)])
})

t.test('the upstream it names is a service that listens there', async (t) => {
  const url = new URL(gatehouse?.environment.UPSTREAM_DEMO_URL ?? '')
  t.equal(services[url.hostname]?.environment.PORT, url.port)
})

t.test('the files of the secrets are on volumes that the service which makes them shares', async (t) => {
  const { secrets, postgres } = services
  const made = secrets?.volumes.map((mount) => mount.split(':')[0])
  for (const { environment, volumes: mounts } of [gatehouse, postgres].filter((service) => !!service)) {
    for (const path of Object.entries(environment).flatMap(([name, value]) =>
      name.endsWith('_FILE') ? [value] : [],
    )) {
      const mount = mounts.map((each) => each.split(':')).find(([, at = '']) => path.startsWith(`${at}/`))
      t.ok(made?.includes(mount?.[0] ?? ''), path)
    }
  }
})

t.test('no secret is written in it', async (t) => {
  for (const { environment } of Object.values(services)) {
    for (const [name, value] of Object.entries(environment)) {
      if (/PASSWORD|SECRET|KEY/.test(name))
        t.match(value, name.endsWith('_FILE') ? /^\// : /^\$\{\w+:-\}$/, name)
    }
  }
})

t.test('stopping takes longer than the open streams may', async (t) => {
  const seconds = Number(SECONDS.exec(gatehouse?.stop_grace_period ?? '')?.[1])
  t.ok(seconds * 1000 >= loadConfig({}).shutdownGraceMs + 5_000)
})
