// Owns the proof that a fault of the database is told as one, that nothing is lost by it, and that it ends by itself (FT-02, FT-03, FT-04, FT-07, FT-08, TK-15).

import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLogger } from '../../src/ops/logger.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { createBrowser } from '../support/browser.ts'
import { createTestDatabase } from '../support/database.ts'
import { startDatabasePath } from '../support/database-path.ts'
import { build, CHEAP_PASSWORDS, createPerson, newSecretKey } from '../support/gatehouse.ts'
import { lines } from '../support/lines.ts'
import { freePort } from '../support/local-server.ts'
import { type Answer, authorizationRequest, postForm, postJson, register } from '../support/oauth.ts'
import { authorize, callbackOf, connect, redeem, refresh, signIn } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

const ALICE = 'alice@example.com'
const TABLES = ['artifacts', 'oauth_clients', 'consents', 'revocations']

const FAULTS = [
  ['a deadlock', '40P01'],
  ['a conflict with another transaction', '40001'],
  ['a lock that is not to be had', '55P03'],
  ['a replica that has not been promoted yet', '25006'],
  ['a full disk', '53100'],
  ['a shutdown', '57P01'],
] as const

for (const [what, state] of FAULTS) {
  t.test(`${what} is 503 everywhere, and the same request works afterwards`, async (t) => {
    const { origin, createPerson, browser, db } = await build(t)
    await createPerson(ALICE)
    const desk = browser()
    const { client, refreshToken } = await connect(origin, desk, ALICE)
    const { client_id } = client
    const request = authorizationRequest(origin, client_id)
    const code = (await authorize(desk, request, ALICE)).get('code') ?? ''
    const consent = await signIn(
      desk,
      authorizationRequest(origin, client_id, { prompt: 'consent' }).url,
      ALICE,
    )
    const requests = {
      exchange: () => redeem(origin, { client, code, verifier: request.verifier }),
      refresh: () => refresh(origin, client_id, refreshToken),
      registration: () => postJson(`${origin}/register`, { redirect_uris: ['https://app.test/cb'] }),
      'pushed request': () =>
        postForm(`${origin}/par`, Object.fromEntries(new URL(request.url).searchParams)),
    }

    await failWith(db, state)
    for (const [name, send] of Object.entries(requests)) toldAsOutage(t, await send(), name)
    const page = await desk.submit(consent, {}, 'allow')
    t.equal(page.status, 503, 'consent')
    t.match(page.body, 'Back in a moment')
    t.equal((await desk.open(request.url)).status, 503, 'authorize')
    await work(db)

    for (const [name, send] of Object.entries(requests)) t.match((await send()).status, /20[01]/, name)
    t.ok(callbackOf(await desk.submit(consent, {}, 'allow')).get('code'), 'consent')
  })
}

function toldAsOutage(t: Test, { status, headers, body }: Answer, what: string): void {
  t.equal(status, 503, what)
  t.match(headers.get('retry-after'), /^\d+$/, what)
  t.equal(body.error, 'temporarily_unavailable', what)
  t.notMatch(JSON.stringify(body), /boom|artifacts|postgres/i, 'and nothing else')
}

/** Every write meets this. */
async function failWith(db: Database, state: string): Promise<void> {
  await sql
    .raw(
      `create function fail() returns trigger language plpgsql as $$ begin raise 'boom' using errcode = '${state}'; end $$`,
    )
    .execute(db)
  for (const table of TABLES)
    await sql
      .raw(
        `create trigger fail before insert or update or delete on ${table} for each row execute function fail()`,
      )
      .execute(db)
}

async function work(db: Database): Promise<void> {
  await sql.raw('drop function fail() cascade').execute(db)
}

t.test('a database that falls silent keeps nobody waiting, and is used again when it speaks', async (t) => {
  const { db, config } = await createTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const path = await startDatabasePath(t, config.url)
  const storage = await openDatabase({ kind: 'postgres', url: path.url }, { answerTimeoutMs: 1000 })
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const { app } = await buildApp(
    loadConfig({ HOST: '127.0.0.1', PORT: String(port), PUBLIC_URL: origin }),
    { secretKeys: [newSecretKey()] },
    { logger: createLogger({ level: 'info', ...lines() }), storage, passwordCost: CHEAP_PASSWORDS },
  )
  t.teardown(async () => {
    await path.cut()
    await app.close()
    await storage.close()
  })
  await app.listen({ host: '127.0.0.1', port })
  await createPerson(db, ALICE)
  const desk = createBrowser(origin)
  const { client, refreshToken } = await connect(origin, desk, ALICE)
  const { client_id } = await register(origin, { client_name: 'Another' })
  const request = authorizationRequest(origin, client.client_id)
  const code = (await authorize(desk, request, ALICE)).get('code') ?? ''

  path.silenceAll()
  const silent = performance.now()
  // More than there are connections, so that some wait for one that will never answer.
  const answers = await Promise.all([
    redeem(origin, { client, code, verifier: request.verifier }),
    ...Array.from({ length: 12 }, () => refresh(origin, client.client_id, refreshToken)),
  ])
  const pages = await Promise.all([
    fetch(request.url, { redirect: 'manual' }),
    fetch(authorizationRequest(origin, client_id).url, { redirect: 'manual' }),
  ])
  t.ok(performance.now() - silent < 30_000)
  for (const answer of answers) toldAsOutage(t, answer, 'token')
  for (const { status } of pages) t.equal(status, 503)
  t.equal((await fetch(`${origin}/healthz`)).status, 200)

  await path.heal()
  await until(
    'it answers again',
    async () => (await refresh(origin, client.client_id, refreshToken)).status === 200,
  )
  t.equal(
    (await redeem(origin, { client, code, verifier: request.verifier })).status,
    200,
    'nothing was spent',
  )
})
