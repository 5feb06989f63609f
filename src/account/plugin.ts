// Owns the room's one Fastify plugin: the page about oneself, and signing out.

import type { FastifyInstance } from 'fastify'
import { type AccountRouteNeeds, addAccountRoutes } from './account-routes.ts'
import { addConnectRoutes } from './connect-routes.ts'
import { addLogoutRoutes, type LogoutRouteNeeds } from './logout-routes.ts'

export type AccountNeeds = AccountRouteNeeds & LogoutRouteNeeds

export async function account(app: FastifyInstance, needs: AccountNeeds): Promise<void> {
  addAccountRoutes(app, needs)
  addConnectRoutes(app, needs)
  addLogoutRoutes(app, needs)
}
