// Owns the proof that the image's own steps make something that runs: nothing missing, nothing written but its data.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { prepareTestDatabase } from '../support/database.ts'
import { freePort } from '../support/local-server.ts'
import { buildImage, fingerprintOf, startProgram, temporaryDirectory, waitFor } from './image.ts'

const SERVE = ['--disable-sigusr1', '--max-semi-space-size=8', 'src/cli/gatehouse.js', 'serve']

const image = await buildImage(t)
const asBuilt = fingerprintOf(image)

t.test('the image has what runs, and neither tests nor a second Node', async (t) => {
  t.ok(existsSync(join(image, 'node_modules/fastify')))
  for (const absent of ['test', 'node_modules/tap', 'node_modules/typescript', 'node_modules/.bin/node'])
    t.notOk(existsSync(join(image, absent)), absent)
  t.notOk(readdirSync(join(image, 'node_modules')).some((name) => name.startsWith('node-linux-')))
})

t.test('it serves with nothing configured, and SIGTERM ends it with success', async (t) => {
  const port = await freePort()
  const data = temporaryDirectory(t)
  const program = startProgram(t, image, SERVE, { PORT: String(port), DATA_DIR: data })
  await waitFor(`http://localhost:${port}/readyz`, program)

  const page = await fetch(`http://localhost:${port}/`, { headers: { accept: 'text/html' } })
  t.equal(page.status, 200)
  t.match(await page.text(), `http://localhost:${port}/mcp`)
  t.equal((await fetch(`http://localhost:${port}/mcp`, { method: 'POST' })).status, 401)
  t.match(program.output(), `http://localhost:${port}/setup?token=`)
  t.ok(existsSync(join(data, 'secret-key')))

  t.strictSame(await program.stop(), [0, null], program.output())
})

t.test(
  'it serves as the compose file has it: PostgreSQL, secrets in files, the demo beside it',
  async (t) => {
    const [keys, access] = [temporaryDirectory(t), temporaryDirectory(t)]
    const createSecrets = () =>
      execFileSync(process.execPath, ['deploy/create-secrets.js', keys, access], { cwd: image })
    createSecrets()
    const made = readFileSync(join(keys, 'secret-key'), 'utf8')
    createSecrets()
    t.equal(readFileSync(join(keys, 'secret-key'), 'utf8'), made, 'a second run leaves the key alone')
    t.match(
      readFileSync(join(access, 'url'), 'utf8'),
      readFileSync(join(access, 'password'), 'utf8'),
      'the URL has the password that PostgreSQL is given',
    )

    const demoPort = await freePort()
    const demo = startProgram(t, image, ['src/demo/main.ts'], { PORT: String(demoPort) })
    const database = await prepareTestDatabase(t, { migrated: false })
    const urlFile = join(temporaryDirectory(t), 'url')
    writeFileSync(urlFile, database.kind === 'postgres' ? database.url : '')

    const port = await freePort()
    const program = startProgram(t, image, SERVE, {
      PORT: String(port),
      DATABASE_URL_FILE: urlFile,
      SECRET_KEY_FILE: join(keys, 'secret-key'),
      ADMIN_EMAIL: '',
      ADMIN_PASSWORD: '',
      UPSTREAM_DEMO_URL: `http://127.0.0.1:${demoPort}/mcp`,
    })
    await waitFor(`http://localhost:${port}/readyz`, program)
    const metadata = await fetch(`http://localhost:${port}/.well-known/oauth-protected-resource/mcp`)
    t.match(await metadata.json(), { resource: `http://localhost:${port}/mcp` })

    t.strictSame(await program.stop(), [0, null], program.output())
    t.strictSame(await demo.stop(), [0, null], demo.output())
  },
)

t.test('nothing of the image was written to', async (t) => {
  t.same([...fingerprintOf(image)], [...asBuilt])
})
