// Owns the room's one Fastify plugin: signing in and setting up.

import type { FastifyInstance } from 'fastify'
import { addLoginRoutes, type LoginRouteNeeds } from './login-routes.ts'
import { addSetupRoutes, type SetupRouteNeeds } from './setup-routes.ts'

export type SignInPluginNeeds = LoginRouteNeeds & SetupRouteNeeds

export async function signInPlugin(app: FastifyInstance, needs: SignInPluginNeeds): Promise<void> {
  addLoginRoutes(app, needs)
  addSetupRoutes(app, needs)
}
