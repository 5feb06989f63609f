// Owns how the pages for people are put together: signing in, setting up, consent, devices, the account and the front page.

import type { FastifyInstance } from 'fastify'
import { SIGN_OUT_ACTION } from './account/paths.ts'
import { account } from './account/plugin.ts'
import { offeredTools } from './app-consent.ts'
import { countersOf, type Foundation, type Overrides } from './app-foundation.ts'
import { endpointsOf, keyOffersOf } from './app-upstreams.ts'
import type { AuthorizationServer } from './authorization-server/authorization-server.ts'
import { createCodeGuesses, GUESS_WINDOW_SECONDS } from './consent/code-guesses.ts'
import { devicePages } from './consent/device-plugin.ts'
import { consent } from './consent/plugin.ts'
import { home } from './http/home.ts'
import { createSignIn } from './sign-in/authenticate.ts'
import { createChangePassword } from './sign-in/change-password.ts'
import { createKnownBrowsers } from './sign-in/known-browser.ts'
import { PASSWORD_MIN_LENGTH } from './sign-in/new-password.ts'
import { createPasswords } from './sign-in/password.ts'
import { signInPlugin } from './sign-in/plugin.ts'
import { type Prepared, prepareSetup } from './sign-in/prepare-setup.ts'
import { createPseudonym } from './sign-in/pseudonym.ts'
import { createSetup } from './sign-in/setup.ts'
import { createThrottle } from './sign-in/throttle.ts'
import * as administrators from './storage/administrators.ts'
import * as apiKeys from './storage/api-keys.ts'
import type { Keyring } from './storage/sealing.ts'
import * as users from './storage/users.ts'

/** Signing in, setting up, consent, and the front page. */
export async function addPeople(
  app: FastifyInstance,
  foundation: Foundation,
  { interactions, sessions, devices, connectedApps, logout, startSignIn }: AuthorizationServer,
  { passwordCost }: Overrides,
): Promise<{ setup: Prepared }> {
  const { config, logger, audit, storage, keyring, registry, pages, logins, failures } = foundation
  const { db } = storage
  const { publicUrl } = config
  const passwords = await createPasswords(passwordCost ? { passwordCost } : {})
  const emailOf = async (id: string) => (await users.findById(db, id))?.email ?? null
  const checking = {
    db,
    passwords,
    audit,
    throttle: createThrottle(countersOf(storage)),
    pseudonym: createPseudonym(firstKey(keyring, 'pseudonyms')),
  }
  const knownBrowsers = createKnownBrowsers(keyring.derive('known-browsers', 32))
  const signIn = createSignIn({ ...checking, knownBrowsers })

  await app.register(signInPlugin, {
    publicUrl,
    pages,
    interactions,
    signIn,
    startSignIn,
    setup: createSetup({ db, passwords, audit }),
    failures,
  })
  await app.register(consent, {
    interactions,
    pages,
    emailOf,
    switchAccount: interactions.switchAccount,
    toolsOf: offeredTools(foundation),
  })
  await app.register(devicePages, {
    devices,
    pages,
    audit,
    guesses: createCodeGuesses(countersOf(storage)('device-guesses', GUESS_WINDOW_SECONDS)),
  })
  await app.register(account, {
    pages,
    sessions,
    apps: connectedApps,
    keys: {
      listOf: (userId) => apiKeys.listOf(db, userId),
      create: (key) => apiKeys.create(db, key),
      revoke: (id, userId) => apiKeys.revoke(db, id, userId),
    },
    keyOffers: () => keyOffersOf(registry),
    connections: logins.connections,
    readLink: logins.readLink,
    logout,
    startSignIn,
    audit,
    changePassword: createChangePassword(checking),
    minimumPasswordLength: PASSWORD_MIN_LENGTH,
  })
  await app.register(home, {
    pages,
    publicUrl,
    endpoints: () => endpointsOf(registry),
    signInHref: () => '/login',
    signOutAction: SIGN_OUT_ACTION,
    needsSetUp: async () => (await administrators.countAdministrators(db)) === 0,
    signedInAs: async (request, reply) => (await sessions.current(request, reply))?.user.email ?? null,
  })
  const log = (line: string) => logger.info(line)
  return { setup: await prepareSetup({ db, passwords, audit, publicUrl, admin: config.admin, log }) }
}

function firstKey(keyring: Keyring, purpose: string): Buffer {
  const [first] = keyring.derive(purpose, 32)
  if (!first) throw new Error('there is no master key')
  return first
}
