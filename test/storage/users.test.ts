// Owns what the storage of people and set-up links promises, on both databases.
import { randomBytes } from 'node:crypto'
import t from 'tap'
import * as administrators from '../../src/storage/administrators.ts'
import type { Database } from '../../src/storage/database.ts'
import { hashToken } from '../../src/storage/hash.ts'
import { findAbout } from '../../src/storage/revocation-changes.ts'
import * as setupLinks from '../../src/storage/setup-links.ts'
import * as userGroups from '../../src/storage/user-groups.ts'
import * as users from '../../src/storage/users.ts'
import { onEveryDatabase } from '../support/database.ts'
import { createReplicas } from '../support/database-replicas.ts'

const ada = { email: 'Ada@Example.org', name: 'Ada', passwordHash: '$argon2id$…' }

async function createMember(db: Database, email = `${randomBytes(6).toString('hex')}@example.org`) {
  const { user } = await users.create(db, { ...ada, email, role: 'member' })
  if (!user) throw new Error('expected a user')
  return user
}

onEveryDatabase(t, async (t, db) => {
  await t.test(
    'the first administrator needs the set-up link that was made, and ends all of them',
    async (t) => {
      const [right, expired, other] = [hashToken('right'), hashToken('expired'), hashToken('other')]
      await setupLinks.create(db, right, 60)
      await setupLinks.create(db, expired, 0)
      await setupLinks.create(db, other, 60)
      const refused = { user: null, refusal: 'setup_link_invalid' }
      t.same(await administrators.createFirstAdministrator(db, ada, hashToken('wrong')), refused)
      t.same(await administrators.createFirstAdministrator(db, ada, expired), refused)
      t.equal(await administrators.countAdministrators(db), 0)

      const { user } = await administrators.createFirstAdministrator(db, ada, right)
      t.match(user, {
        id: /^usr_[\w-]{22}$/,
        email: 'Ada@Example.org',
        name: 'Ada',
        role: 'admin',
        disabledAt: null,
      })
      t.equal(await setupLinks.take(db, other), false)
    },
  )

  await t.test('there is no second first administrator, not even after the first was disabled', async (t) => {
    await setupLinks.create(db, hashToken('late'), 60)
    const grace = { ...ada, email: 'grace@example.org' }
    const refused = { user: null, refusal: 'administrator_exists' }
    t.same(await administrators.createFirstAdministrator(db, grace, hashToken('late')), refused)
    t.same(await administrators.createFirstAdministrator(db, grace, null), refused)
    const administrator = await users.findByEmail(db, ada.email)
    if (administrator) await users.disable(db, administrator.id)
    t.same(await administrators.createFirstAdministrator(db, grace, null), refused)
    t.equal(
      (await users.create(db, { ...grace, role: 'admin' })).refusal,
      null,
      'another administrator can be made',
    )
  })

  await t.test('a person joins and leaves groups, each once', async (t) => {
    const { id, email } = await createMember(db)
    t.ok(await userGroups.joinGroup(db, id, 'writers', false))
    t.notOk(await userGroups.joinGroup(db, id, 'writers', false))
    t.ok(await userGroups.joinGroup(db, id, 'admins', true))
    t.match(await users.findByEmail(db, email), { groups: ['admins', 'writers'] })
    t.ok(await userGroups.leaveGroup(db, id, 'writers', true))
    t.notOk(await userGroups.leaveGroup(db, id, 'writers', true))
    t.match(await users.findByEmail(db, email), { groups: ['admins'] })
    t.notOk(await userGroups.joinGroup(db, users.newUserId(), 'admins', true), 'nobody')
  })

  await t.test('new groups do not bring back the tokens of a person whose access has ended', async (t) => {
    const [out, still] = [await createMember(db), await createMember(db)]
    await users.disable(db, out.id)
    for (const { id } of [out, still]) await userGroups.joinGroup(db, id, 'writers', true)
    const about = (subject: string) => findAbout(db, { subject, grantId: null, clientId: 'client' })
    t.match(await about(out.id), [{ kind: 'account', issuedUntil: null }])
    t.match(await about(still.id), [{ kind: 'account', issuedUntil: Number }])
  })

  await t.test('one address belongs to one person, however it is spelled', async (t) => {
    const user = await createMember(db, ' Zoë@Example.org ')
    t.equal(user.email, 'Zoë@Example.org')
    for (const email of [
      'zoë@example.org',
      'ZOË@EXAMPLE.ORG',
      'zoe\u0308@example.org',
      '\tｚoë@example.org',
    ]) {
      t.equal((await users.findByEmail(db, email))?.id, user.id)
      t.same(await users.create(db, { ...ada, email, role: 'member' }), {
        user: null,
        refusal: 'email_taken',
      })
    }
    t.equal(await users.findByEmail(db, 'zoe@example.org'), null)
    t.ok(await createMember(db, 'zoe@example.org'))
  })

  await t.test('a user is found by id; what is no id finds nobody', async (t) => {
    const user = await createMember(db)
    t.same(await users.findById(db, user.id), user)
    for (const id of ['', 'usr_', 'nobody', `${user.id}x`, "usr_' or 1=1--"])
      t.equal(await users.findById(db, id), null)
  })

  await t.test('a password can be set', async (t) => {
    const user = await createMember(db)
    t.equal(await users.setPassword(db, user.id, 'another hash'), true)
    t.equal((await users.findById(db, user.id))?.passwordHash, 'another hash')
    t.equal(await users.setPassword(db, users.newUserId(), 'hash'), false)
  })

  await t.test('disabling keeps its first moment, and enabling ends it', async (t) => {
    const user = await createMember(db)
    t.equal(await users.disable(db, user.id), true)
    const { disabledAt } = (await users.findById(db, user.id)) ?? {}
    t.type(disabledAt, Date)
    t.equal(await users.disable(db, user.id), false)
    t.same((await users.findById(db, user.id))?.disabledAt, disabledAt)
    t.equal(await users.enable(db, user.id), true)
    t.equal((await users.findById(db, user.id))?.disabledAt, null)
  })

  await t.test('signing in is remembered', async (t) => {
    const user = await createMember(db)
    t.equal(user.lastSignInAt, null)
    await users.touchSignIn(db, user.id)
    t.type((await users.findById(db, user.id))?.lastSignInAt, Date)
  })

  await t.test('everybody is listed, the oldest first', async (t) => {
    const user = await createMember(db)
    const all = await users.list(db)
    t.equal(all[0]?.email, ada.email)
    t.equal(all.at(-1)?.id, user.id)
  })

  await t.test('a set-up link is taken once, and not after it has expired', async (t) => {
    const [link, expired] = [hashToken('link'), hashToken('expired link')]
    await setupLinks.create(db, link, 60)
    await setupLinks.create(db, expired, 0)
    t.same([await setupLinks.isOpen(db, link), await setupLinks.isOpen(db, expired)], [true, false])
    t.same([await setupLinks.take(db, link), await setupLinks.take(db, link)], [true, false])
    t.equal(await setupLinks.take(db, expired), false)
    t.equal(await setupLinks.isOpen(db, link), false)
    t.equal(await setupLinks.deleteExpired(db), 1)
  })
})

t.test('on two replicas', async (t) => {
  const { one, race } = await createReplicas(t)

  await t.test('of 20 parallel set-ups with one link, one succeeds', async (t) => {
    const link = hashToken('link')
    await setupLinks.create(one, link, 60)
    const results = await race((db, index) =>
      administrators.createFirstAdministrator(db, { ...ada, email: `${index}@example.org` }, link),
    )
    t.equal(results.filter(({ user }) => user !== null).length, 1)
    t.equal(results.filter(({ refusal }) => refusal === 'administrator_exists').length, 19)
    t.equal(await administrators.countAdministrators(one), 1)
  })

  await t.test('of 20 parallel creations with one address, one succeeds', async (t) => {
    const results = await race((db) => users.create(db, { ...ada, role: 'member' }))
    t.equal(results.filter(({ user }) => user !== null).length, 1)
  })

  await t.test('of 20 that take one link, one gets it', async (t) => {
    await setupLinks.create(one, hashToken('another'), 60)
    const results = await race((db) => setupLinks.take(db, hashToken('another')))
    t.equal(results.filter(Boolean).length, 1)
  })
})
