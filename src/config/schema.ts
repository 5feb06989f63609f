// Owns the schema of the configuration: every variable with a fixed name.

import * as z from 'zod'
import { clientVariables } from './client-variables.ts'
import { limitVariables } from './limit-variables.ts'
import { serviceVariables } from './service-variables.ts'
import { trafficVariables } from './traffic-variables.ts'

export const schema = z.object({
  ...serviceVariables,
  ...trafficVariables,
  ...clientVariables,
  ...limitVariables,
})

export type Values = z.output<typeof schema>
export type Variable = keyof Values

export function isVariable(name: string): name is Variable {
  return Object.hasOwn(schema.shape, name)
}
